import type { AnyModel, RenderProps } from "@anywidget/types";
import { agrees, type Sums, sumsOf } from "./arithmetic";
import { contributionList } from "./contributions";
import { coalesced, h, keepKeys, say } from "./dom";
import { rounded } from "./format";
import { field, numberBox, range } from "./inputs";
import { follow, listen } from "./link";
import { numberGrid } from "./number_grid";
import { type ArrayState, decode, type Meta } from "./wire";

/** The traits of `CellArithmetic` in nbexplain/widgets/cell_arithmetic.py. */
export interface CellArithmeticState {
  numbers: string | null;
  title: string;
  notice: string;
}

/** The meta of `numbers`, which are (2, in_channels, kh, kw): patch and kernel. */
interface CellMeta extends Meta {
  bias?: number;
  has_bias?: boolean;
  /** What the layer returned. */
  activation?: number;
  /** [ky, kx] of the patch that lie outside of the layer's input. */
  padding?: [number, number][];
  in_names?: string[];
  /** The number of the first input channel: a grouped convolution looks at some of them only. */
  first_channel?: number;
}

const EVENTS = ["change:title", "change:notice"];
const DIGITS = 5;

function render({ model, el, host, signal }: RenderProps<CellArithmeticState>): void {
  const title = h("span", { class: "nbx-title" });
  const notice = h("p", { class: "nbx-reason", role: "note" });
  const grids = h("div", { class: "nbx-grids" });
  const hatched = h("div", { class: "nbx-quietly" });
  const sum = h("tbody");
  const remark = h("p", { class: "nbx-reason" });
  let array: AnyModel<ArrayState> | null = null;
  /** Which of the input channels was chosen, counted from the first here, or null for the one that adds most. */
  let chosen: number | null = null;
  let first = 0;

  const choose = (place: number): void => {
    chosen = place;
    draw();
  };
  const slider = range("Input channel", (number) => choose(number - first));
  const box = numberBox("Input channel, number", (number) => choose(number - first));
  const channel = field("channel", "Input channel", slider.input, box.input);
  const list = contributionList(choose);
  const board = h("div", { class: "nbx-board" }, channel, grids, hatched);
  const body = h(
    "div",
    { class: "nbx-arithmetic" },
    h("div", { class: "nbx-shares" }, h("div", { class: "nbx-quietly" }, "Contribution of each input channel"), ...list.elements),
    board,
    h("div", { class: "nbx-sum" }, h("table", {}, h("caption", { class: "nbx-quietly" }, "All of it added up"), sum), remark),
  );
  el.classList.add("nbx-pane", "nbx-cell-arithmetic");
  el.replaceChildren(h("div", { class: "nbx-head" }, title), notice, body);
  keepKeys(el);

  const draw = (): void => {
    const numbers = array && decode(array);
    const meta: CellMeta = numbers?.meta ?? {};
    const [halves, channels = 0, height = 0, width = 0] = numbers?.shape ?? [];
    const usable = numbers !== null && halves === 2 && channels > 0 && !model.get("notice");
    say(title, model.get("title") || meta.title || "");
    say(notice, model.get("notice"));
    notice.hidden = !model.get("notice");
    body.hidden = !usable;
    if (!usable) return;
    const sums = sumsOf(numbers.values, channels);
    first = meta.first_channel ?? 0;
    if (chosen !== null && chosen >= channels) chosen = null;
    const shown = chosen ?? sums.ranking[0]!;
    const name = (place: number): string => meta.in_names?.[place] ?? `channel ${first + place}`;
    channel.hidden = channels === 1;
    for (const input of [slider, box]) input.show(first + shown, { min: first, max: first + channels - 1 }, name(shown));
    list.show(sums, shown, name);
    board.classList.toggle("nbx-broad", width > 3);
    const outside = new Set(meta.padding?.map(([ky, kx]) => ky * width + kx));
    grids.replaceChildren(...threeGrids(numbers.values, shown * height * width, height * width, width, outside));
    say(hatched, outside.size ? "Hatched: padding, outside of the layer's input." : "");
    hatched.hidden = !outside.size;
    addUp(sums, shown, meta, name);
  };

  const addUp = (sums: Sums, shown: number, meta: CellMeta, name: (channel: number) => string): void => {
    const { contributions, total, weight } = sums;
    const [count, share, bias] = [contributions.length, contributions[shown]!, meta.has_bias ? (meta.bias ?? 0) : 0];
    const { activation } = meta;
    const lines: [string, number | null][] = [[`Σ products of ${name(shown)}`, share]];
    if (count > 1) lines.push([`+ the other ${count - 1}`, total - share], [`= all ${count} input channels`, total]);
    lines.push(["+ bias", meta.has_bias ? bias : null], ["= sum", total + bias]);
    if (activation !== undefined) lines.push(["the layer returned", activation]);
    const shownNumbers = column(lines.map(([, value]) => value));
    sum.replaceChildren(
      ...lines.map(([text], i) => {
        const kind = text.startsWith("=") ? "nbx-total" : "";
        return h("tr", { class: kind }, h("th", { scope: "row" }, text), h("td", {}, shownNumbers[i]!));
      }),
    );
    const differs = activation !== undefined && !agrees(total + bias, activation, weight + Math.abs(bias));
    const gap = activation === undefined ? 0 : Math.abs(activation - total - bias);
    say(remark, differs ? `They differ by ${rounded(gap)}, which is more than rounding.` : "");
    remark.hidden = !differs;
  };

  follow<ArrayState>(model, "numbers", { host, signal }, (found, until) => {
    array = found;
    if (found) listen(found, ["change:frame"], coalesced(draw), until);
    draw();
  });
  listen(model, EVENTS, coalesced(draw), signal);
}

/** Numbers to be read one under the other: with as many decimals as the largest has in five digits. */
function column(values: (number | null)[]): string[] {
  const largest = Math.max(...values.map((value) => Math.abs(value ?? 0)));
  const decimals = DIGITS - 1 - Math.floor(Math.log10(largest));
  const plain = largest >= 1e-3 && largest < 1e5;
  return values.map((value) => {
    if (value === null) return "none";
    const text = plain ? value.toFixed(Math.max(0, decimals)) : rounded(value, DIGITS);
    return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
  });
}

/** Patch × kernel = product of one input channel. Colours reach as far as the numbers of all input channels do. */
function threeGrids(numbers: Float32Array, from: number, cells: number, columns: number, outside: Set<number>): HTMLElement[] {
  const half = numbers.length / 2;
  const patches = numbers.subarray(0, half);
  const kernels = numbers.subarray(half);
  const products = Float64Array.from(patches, (value, i) => value * kernels[i]!);
  const grid = (caption: string, all: Float32Array | Float64Array, padded: boolean): HTMLElement => {
    let largest = 0;
    for (const value of all) largest = Math.max(largest, Math.abs(value));
    const values = all.subarray(from, from + cells);
    return numberGrid({ caption, values, columns, largest, padding: (cell) => padded && outside.has(cell) });
  };
  // A sign stays with the grid that follows it, wherever the line breaks.
  const after = (sign: string, table: HTMLElement): HTMLElement =>
    h("div", { class: "nbx-factor" }, h("span", { class: "nbx-operator", "aria-hidden": "true" }, sign), table);
  return [
    grid("patch", patches, true),
    after("×", grid("kernel", kernels, false)),
    after("=", grid("product", products, true)),
  ];
}

export default { render };
