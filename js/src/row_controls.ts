import { h, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";
import { range, setOptions } from "./inputs";
import { inputType, type Time, timeText, timeValue } from "./row_times";

/** A number, the position of a category, or null: it is missing. */
export type Value = number | null;

/** What `features` holds in nbexplain/widgets/row_editor.py. */
export interface Feature {
  name: string;
  /** The same cut to less and less room: the longest that fits is shown. */
  cuts?: string[];
  kind: "number" | "category" | "boolean";
  low?: number;
  high?: number;
  step?: number | null;
  integer?: boolean;
  /** What the number is the days of, and what stands behind it: "days", "UTC". */
  time?: Time;
  unit?: string;
  /** What the whole numbers from `low` on are called. */
  texts?: string[];
  choices?: string[];
  /** The positions of the choices, where they are some of many categories. */
  places?: number[];
  note?: string;
  constant?: boolean;
  missing?: boolean;
}

/** What a feature is changed with: what is shown in the place of a slider, and what may stand beside it. */
export interface Part {
  inputs: (HTMLInputElement | HTMLSelectElement)[];
  elements: HTMLElement[];
  show(value: Value, original: Value): void;
}

export const MISSING = "missing";

/** What is called that a value is missing, so that no category is (twin of `missing_said`). */
export const missingSaid = (choices: string[] = []): string => (choices.includes(MISSING) ? "no value" : MISSING);
const STEPS = 200;
/** What a float32 holds: more digits would be those of its rounding. */
const DIGITS = 7;
/** What the box has room for: signs as wide as a digit. */
const MOST_SIGNS = 10;
/** Of fewer digits a power of ten is written. */
const LEAST_DIGITS = 4;

function numberPart(feature: Feature, choose: (value: Value) => void): Part {
  const { name, low = 0, high = 1, integer, time, unit } = feature;
  if (feature.texts) return textsPart(feature, choose);
  const bounds = { min: low, max: high, step: feature.step || (integer ? 1 : (high - low) / STEPS || 1) };
  const slider = range(name, choose);
  const called = `${name}, ${time ?? unit ?? "number"}`;
  const box = h("input", { type: time ? inputType(time) : "number", class: "nbx-number", "aria-label": called });
  box.step = time === "date" ? "1" : time ? "any" : String(bounds.step);
  const tick = h("span", { class: "nbx-original", "aria-hidden": "true" });
  const track = h("span", { class: "nbx-track" }, tick, slider.input);
  const outside = h("div", { class: "nbx-row-outside" });
  outside.textContent = `outside the background's range, ${words(low, feature)} to ${words(high, feature)}`;
  let latest: Value = null;
  let typing = false;
  const plain = (value: number): string => (integer && fits(String(value)) ? String(value) : fitted(value));
  const text = (): string => (latest === null ? "" : time ? timeText(latest, time) : plain(latest));
  const read = (): number => (time ? timeValue(box.value, time) : box.valueAsNumber);

  box.addEventListener("input", () => {
    const value = read();
    typing = true;
    if (Number.isFinite(value) && (!integer || Number.isInteger(value))) choose(value);
  });
  box.addEventListener("change", () => {
    const value = read();
    typing = false;
    if (Number.isFinite(value)) choose(integer ? Math.round(value) : value);
    else if (feature.missing && !box.validity.badInput) choose(null);
    box.value = text();
  });
  return {
    inputs: [slider.input, box],
    elements: [track, box, outside],
    show(value, original) {
      latest = value;
      slider.show(value ?? original ?? middle(feature), bounds, value === null ? MISSING : time ? words(value, feature) : rounded(value, DIGITS));
      if (!typing || document.activeElement !== box) box.value = text();
      box.placeholder = value === null ? "–" : "";
      track.classList.toggle("nbx-none", value === null);
      outside.hidden = value === null || (value >= low && value <= high);
      box.classList.toggle("nbx-beyond", !outside.hidden);
      box.ariaDescription = outside.hidden ? null : outside.textContent;
      const place = original === null || high <= low ? -1 : (original - low) / (high - low);
      tick.hidden = !(place >= 0 && place <= 1);
      tick.style.setProperty("--nbx-place", String(place));
    },
  };
}

const fits = (text: string): boolean => text.length <= MOST_SIGNS;

/** A number with as many digits as the box has room for; the number itself stays as it is until it is edited. */
function fitted(value: number): string {
  for (const [write, least] of [[String, LEAST_DIGITS], [(each: number) => each.toExponential().replace("+", ""), 1]] as const) {
    for (let digits = DIGITS; digits >= least; digits--) {
      const text = write(Number(value.toPrecision(digits)));
      if (fits(text)) return text;
    }
  }
  return String(value);
}

/** A slider over whole numbers that are called by words, such as months, and a list of these. */
function textsPart(feature: Feature, choose: (value: Value) => void): Part {
  const { name, low = 0, high = 1, texts = [] } = feature;
  const slider = range(name, choose);
  const select = h("select", { class: "nbx-number", "aria-label": `${name}, period`, ...OWN_KEYS });
  setOptions(select, texts.map((text, place) => ({ value: String(low + place), text })));
  select.addEventListener("change", () => choose(Number(select.value)));
  const track = h("span", { class: "nbx-track" }, slider.input);
  return {
    inputs: [slider.input, select],
    elements: [track, select],
    show(value, original) {
      slider.show(value ?? original ?? middle(feature), { min: low, max: high, step: 1 }, words(value, feature));
      select.value = value === null ? "" : String(value);
      track.classList.toggle("nbx-none", value === null);
    },
  };
}

function booleanPart(feature: Feature, choose: (value: Value) => void): Part {
  const box = h("input", { type: "checkbox", "aria-label": feature.name, ...OWN_KEYS });
  const said = h("span", { "aria-hidden": "true" });
  box.addEventListener("change", () => choose(Number(box.checked)));
  return {
    inputs: [box],
    elements: [h("label", { class: "nbx-row-yes" }, box, said)],
    show(value) {
      box.checked = value === 1;
      box.indeterminate = value === null;
      say(said, words(value, feature));
    },
  };
}

function categoryPart(feature: Feature, choose: (value: Value) => void): Part {
  const { name, choices = [], places } = feature;
  const select = h("select", { "aria-label": name, ...OWN_KEYS });
  const options = choices.map((choice, place) => ({ value: String(places?.[place] ?? place), text: choice }));
  setOptions(select, feature.missing ? [...options, { value: "", text: missingSaid(choices) }] : options);
  select.addEventListener("change", () => choose(select.value === "" ? null : Number(select.value)));
  return {
    inputs: [select],
    elements: [select],
    show(value) {
      select.value = value === null ? "" : String(value);
      select.title = words(value, feature);
    },
  };
}

/** How a feature of each kind is changed. */
export const PARTS = { number: numberPart, category: categoryPart, boolean: booleanPart };

/** A value as it is read. */
export function words(value: Value, { choices, places, kind, integer, time, unit, texts, low = 0 }: Feature): string {
  if (value === null) return missingSaid(choices);
  if (kind !== "number") return choices?.[places ? places.indexOf(value) : value] ?? "none of the choices";
  if (texts) return texts[value - low] ?? String(value);
  const behind = unit ? ` ${unit}` : "";
  if (time) return timeText(value, time).replace("T", " ") + behind;
  if (unit) return rounded(value, 4) + behind;
  return integer ? String(value).replace("-", "−") : rounded(value, 4);
}

/** Where a number begins that was missing in the row as well. */
export function middle({ kind, low = 0, high = 1, integer }: Feature): number {
  if (kind !== "number") return 0;
  return integer ? Math.round((low + high) / 2) : (low + high) / 2;
}
