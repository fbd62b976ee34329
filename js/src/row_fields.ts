import { signed } from "./contributions";
import { h, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";
import { freshId, range, setOptions } from "./inputs";

/** A number, the position of a category, or null: it is missing. */
export type Value = number | null;

/** What `features` holds in nbexplain/widgets/row_editor.py. */
export interface Feature {
  name: string;
  kind: "number" | "category";
  low?: number;
  high?: number;
  step?: number | null;
  integer?: boolean;
  choices?: string[];
  constant?: boolean;
  missing?: boolean;
}

/** The control of one feature. */
export interface FeatureField {
  element: HTMLElement;
  show(value: Value, original: Value): void;
  /** The attribution of the feature, and the largest of all. Without one there is no bar. */
  weigh(weight: Value | undefined, largest: number): void;
  enable(on: boolean): void;
}

/** What a feature is changed with: what is shown in the place of a slider, and what may stand beside it. */
interface Part {
  inputs: (HTMLInputElement | HTMLSelectElement)[];
  elements: HTMLElement[];
  show(value: Value, original: Value): void;
}

const MISSING = "missing";
const STEPS = 200;
/** What a float32 holds: more digits would be those of its rounding. */
const DIGITS = 7;

export function featureField(feature: Feature, choose: (value: Value) => void): FeatureField {
  const fixed = feature.constant ?? false;
  const part = feature.kind === "category" ? categoryPart(feature, choose) : numberPart(feature, choose);
  const [first] = part.inputs as [HTMLInputElement | HTMLSelectElement];
  first.id = freshId();
  const name = h("label", { class: "nbx-name", for: first.id, title: feature.name }, feature.name);
  const bar = h("span");
  const weight = h("span", { class: "nbx-weight", "aria-hidden": "true" }, bar);
  const missing = h("input", { type: "checkbox", "aria-label": `${feature.name}, ${MISSING}`, ...OWN_KEYS });
  const reset = h("button", { type: "button", class: "nbx-row-reset", ...OWN_KEYS });
  const mayMiss = feature.missing && feature.kind === "number";
  const last = fixed ? h("span", { class: "nbx-row-fixed" }, "constant") : reset;
  const element = h("div", { class: "nbx-row-field" }, name, weight, ...part.elements);
  if (mayMiss) element.append(h("label", { class: "nbx-row-missing" }, missing, MISSING));
  element.append(last);

  let given: Value = null;
  missing.addEventListener("change", () => choose(missing.checked ? null : (given ?? middle(feature))));
  reset.addEventListener("click", () => {
    first.focus(); // the button is gone at once
    choose(given);
  });
  return {
    element,
    show(value, original) {
      given = original;
      const [changed, text] = [value !== original, words(original, feature)];
      element.classList.toggle("nbx-changed", changed);
      reset.style.visibility = changed ? "" : "hidden";
      say(reset, `↺ ${text}`);
      reset.ariaLabel = reset.title = `Reset ${feature.name} to ${text}`;
      missing.checked = value === null;
      part.show(value, original);
    },
    weigh(value, largest) {
      weight.hidden = value === undefined;
      const said = value == null ? "no attribution" : `attribution ${signed(value)}`;
      bar.className = (value ?? 0) < 0 ? "nbx-negative" : "nbx-positive";
      bar.style.width = `${(50 * Math.abs(value ?? 0)) / (largest || 1)}%`;
      weight.title = said;
      first.ariaDescription = value === undefined ? null : said;
    },
    enable(on) {
      for (const input of [...part.inputs, missing, reset]) input.disabled = !on || fixed;
    },
  };
}

function numberPart(feature: Feature, choose: (value: Value) => void): Part {
  const { name, low = 0, high = 1, integer } = feature;
  const bounds = { min: low, max: high, step: feature.step || (integer ? 1 : (high - low) / STEPS || 1) };
  const slider = range(name, choose);
  const box = h("input", { type: "number", class: "nbx-number", "aria-label": `${name}, number`, step: String(bounds.step) });
  const tick = h("span", { class: "nbx-original", "aria-hidden": "true" });
  const track = h("span", { class: "nbx-track" }, tick, slider.input);
  const outside = h("div", { class: "nbx-row-outside" });
  outside.textContent = `outside the background's range, ${rounded(low)} to ${rounded(high)}`;
  let latest: Value = null;
  let typing = false;
  const text = (): string => (latest === null ? "" : String(integer ? latest : Number(latest.toPrecision(DIGITS))));

  box.addEventListener("input", () => {
    const value = box.valueAsNumber;
    typing = true;
    if (Number.isFinite(value) && (!integer || Number.isInteger(value))) choose(value);
  });
  box.addEventListener("change", () => {
    const value = box.valueAsNumber;
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
      slider.show(value ?? original ?? middle(feature), bounds, value === null ? MISSING : rounded(value, DIGITS));
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

function categoryPart(feature: Feature, choose: (value: Value) => void): Part {
  const { name, choices = [] } = feature;
  const select = h("select", { "aria-label": name, ...OWN_KEYS });
  const options = choices.map((choice, place) => ({ value: String(place), text: choice }));
  setOptions(select, feature.missing ? [...options, { value: "", text: MISSING }] : options);
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

function words(value: Value, { choices, kind, integer }: Feature): string {
  if (value === null) return MISSING;
  if (kind === "category") return choices?.[value] ?? "none of the choices";
  return integer ? String(value).replace("-", "−") : rounded(value, 4);
}

/** Where a number begins that was missing in the row as well. */
function middle({ kind, low = 0, high = 1, integer }: Feature): number {
  if (kind === "category") return 0;
  return integer ? Math.round((low + high) / 2) : (low + high) / 2;
}
