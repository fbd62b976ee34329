import { h } from "./dom";
import { rounded } from "./format";
import { colour, type Scale } from "./scale";

/** One input channel's share of a patch, a kernel or their product, as a table to be read. */
export interface NumberGrid {
  caption: string;
  values: ArrayLike<number>;
  columns: number;
  /** Of |values| that has the full colour. */
  largest: number;
  /** Whether a cell lies outside of the layer's input. */
  padding(cell: number): boolean;
}

const WIDE = 5;
const SCROLLS = 11;

/** Rows and columns with their numbers as headers; a kernel wider than most gets smaller numbers, then scrolls. */
export function numberGrid({ caption, values, columns, largest, padding }: NumberGrid): HTMLElement {
  const scale = signedScale(largest);
  const wide = columns > WIDE;
  const cell = (at: number): HTMLElement => {
    const value = values[at]!;
    const outside = padding(at);
    const element = h("td", outside ? { class: "nbx-padding", title: "padding" } : {}, rounded(value, wide ? 2 : 3));
    if (outside) return element;
    const [red, green, blue] = colour(value, scale, false);
    element.style.background = `rgb(${red},${green},${blue})`;
    element.style.color = textOn(red, green, blue);
    return element;
  };
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  const rows = count(values.length / columns);
  // One row or column needs no number.
  const corner = rows.length > 1 ? [h("td")] : [];
  const names = count(columns).map((x) => h("th", { scope: "col" }, String(x)));
  const head = columns > 1 ? [h("thead", {}, h("tr", {}, ...corner, ...names))] : [];
  const body = rows.map((y) => {
    const header = rows.length > 1 ? [h("th", { scope: "row" }, String(y))] : [];
    return h("tr", {}, ...header, ...count(columns).map((x) => cell(y * columns + x)));
  });
  const table = h("table", { class: "nbx-numbers" }, h("caption", {}, caption), ...head, h("tbody", {}, ...body));
  table.classList.toggle("nbx-small", wide);
  if (Math.max(columns, rows.length) <= SCROLLS) return h("div", { class: "nbx-grid-of-numbers" }, table);
  return h("div", { class: "nbx-grid-of-numbers nbx-scrolls", role: "group", tabindex: "0", "aria-label": caption }, table);
}

function signedScale(largest: number): Scale {
  const high = largest || 1;
  return { low: -high, high, from: -high, to: high, signed: true, sign: "both", colormap: "RdBu", empty: "" };
}

/** Black or white, whichever stands out more: one of the two always has a contrast above 4.5. */
function textOn(...rgb: [number, number, number]): string {
  const [red, green, blue] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
  return light > 0.179 ? "#000" : "#fff";
}
