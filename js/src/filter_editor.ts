import { h, OWN_KEYS } from "./dom";
import { tickBox } from "./inputs";
import { inputType, timeText, timeValue, type Time } from "./row_times";

/** What a condition can be put on, as `Field` in nbexplain/widgets/views/filter_words.py says it. */
export interface FilterField {
  key: string;
  name: string;
  kind: "some" | "one" | "range";
  options: string[];
  low: number;
  high: number;
  /** What the numbers of a range are the days of, if of anything. */
  time?: Time | "";
  /** Which of very many values the options are. */
  listed?: string;
}

/** Positions of options, one of them, the ends of a range (null: no end), or null for no condition. */
export type FilterValue = number[] | number | [number | null, number | null] | null;

export interface Editor {
  element: HTMLElement;
  show(value: FilterValue): void;
}

const MOST_BOXES = 30; // options to tick; of more, one is chosen from a list

/** The inputs for a condition on a field; `choose` hears each change. */
export function editorOf(field: FilterField, choose: (value: FilterValue) => void): Editor {
  if (field.kind === "range") return rangeEditor(field, choose);
  return field.kind === "one" || field.options.length > MOST_BOXES ? listEditor(field, choose) : boxEditor(field, choose);
}

function boxEditor({ name, options }: FilterField, choose: (value: FilterValue) => void): Editor {
  const boxes = options.map((text) => tickBox(text, text, () => {
    choose(boxes.flatMap(({ input }, place) => (input.checked ? [place] : [])));
  }));
  const element = h("span", { class: "nbx-filter-boxes", role: "group", "aria-label": name }, ...boxes.map(({ label }) => label));
  return {
    element,
    show(value) {
      boxes.forEach(({ input }, place) => void (input.checked = Array.isArray(value) && value.includes(place)));
    },
  };
}

function listEditor({ name, kind, options, listed }: FilterField, choose: (value: FilterValue) => void): Editor {
  const items = options.map((text, place) => h("option", { value: String(place) }, text));
  const element = h("select", { "aria-label": name, ...OWN_KEYS }, h("option", { value: "" }, listed ? `any (listed: ${listed})` : "any"), ...items);
  element.addEventListener("change", () => {
    const place = element.value === "" ? null : Number(element.value);
    choose(place === null || kind === "one" ? place : [place]);
  });
  return {
    element,
    show(value) {
      const place = Array.isArray(value) ? value[0] : value;
      element.value = place === null || place === undefined ? "" : String(place);
    },
  };
}

function rangeEditor({ name, low, high, time }: FilterField, choose: (value: FilterValue) => void): Editor {
  const known = high > low;
  const inputs = (["from", "to"] as const).map((end, i) => {
    const shown: Record<string, string> = !known ? {}
      : time ? { title: `${timeText(low, time)} to ${timeText(high, time)}` }
      : { placeholder: String(Number((i ? high : low).toPrecision(4))) };
    return h("input", { type: time ? inputType(time) : "number", step: time === "date" ? "1" : "any", class: "nbx-number", "aria-label": `${name}, ${end}`, ...shown });
  });
  const number = (input: HTMLInputElement): number | null =>
    input.value === "" ? null : time ? timeValue(input.value, time) : input.valueAsNumber;
  const text = (value: number): string => (time ? timeText(value, time) : String(value));
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (inputs.every(({ validity }) => validity.valid)) choose([number(inputs[0]!), number(inputs[1]!)]);
    });
  }
  const element = h("span", { class: "nbx-filter-range", role: "group", "aria-label": name }, "from", inputs[0]!, "to", inputs[1]!);
  return {
    element,
    show(value) {
      const ends = Array.isArray(value) ? value : [null, null];
      inputs.forEach((input, i) => {
        const end = ends[i];
        input.value = typeof end === "number" ? text(end) : "";
      });
    },
  };
}
