import type { RenderProps } from "@anywidget/types";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";
import { stepTo } from "./map_layout";
import { isNumeric, type Sorting, sortedNext, sortedRows } from "./row_sort";

/** What `rows` holds in nbexplain/widgets/row_table.py. */
export interface TableRow {
  label: string;
  cells: string[];
  numbers?: (number | null)[] | null;
  marks?: number[];
  tone?: "" | "strong" | "quiet" | "positive" | "negative";
}

/** The traits of `RowTable` in nbexplain/widgets/row_table.py. */
export interface RowTableState {
  title: string;
  corner: string;
  columns: string[];
  rows: TableRow[];
  /** A position in `rows` as they were given, or −1. */
  chosen: number;
  choosable: boolean;
  note: string;
}

const EVENTS = ["title", "corner", "columns", "rows", "choosable", "note"].map((name) => `change:${name}`);
/** Letters: texts that are shorter fit, and how much of the end of a longer one stays. */
const [LONG, END] = [24, 10];
const LETTERS = new Intl.Segmenter();
const SIGNS = { ascending: "▲", descending: "▼", none: "" };

function render({ model, el, signal }: RenderProps<RowTableState>): void {
  const title = h("span", { class: "nbx-title" });
  const head = h("tr");
  const body = h("tbody");
  const table = h("table", { class: "nbx-row-table-cells" }, h("thead", {}, head), body);
  const box = h("div", { class: "nbx-row-table-box" }, table);
  const note = h("p", { class: "nbx-row-table-note" });
  el.classList.add("nbx-pane", "nbx-row-table");
  el.replaceChildren(h("div", { class: "nbx-head" }, title), box, note);
  keepKeys(el);

  let sorting: Sorting = { column: -1, direction: "none" };
  let order: number[] = [];
  /** The rows of the table in the order in which they were given. */
  let lines: HTMLTableRowElement[] = [];
  let columns = "";
  let kernel = ALIVE;

  const choose = (place: number): void => {
    if (!kernel.reachable || !model.get("choosable")) return;
    model.set("chosen", place);
    model.save_changes();
  };
  /** One row can be reached with Tab, the arrows go on from there: the chosen one, or else the first. */
  const select = (): void => {
    if (!model.get("choosable")) return;
    const chosen = model.get("chosen");
    const reached = lines[chosen] ?? lines[order[0] ?? -1];
    lines.forEach((line, place) => {
      line.ariaSelected = String(place === chosen);
      line.ariaDisabled = String(!kernel.reachable);
      line.tabIndex = line === reached ? 0 : -1;
    });
  };
  const reveal = (): void => {
    const line = lines[model.get("chosen")];
    if (!line || line.matches(":hover")) return;
    const [top, above] = [line.offsetTop - head.offsetHeight, line.offsetTop + line.offsetHeight - box.clientHeight];
    box.scrollTop = Math.max(above, Math.min(top, box.scrollTop));
  };
  /** Whether columns are hidden beyond the right edge. */
  const fade = (): void => {
    box.classList.toggle("nbx-goes-on", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
  };
  const arrange = (): void => {
    order = sortedRows(model.get("rows"), sorting);
    body.replaceChildren(...order.map((place) => lines[place]!));
    [...head.children].forEach((cell, i) => {
      const direction = sorting.column === i - 1 ? sorting.direction : "none";
      (cell as HTMLElement).ariaSort = direction;
      say(cell.querySelector<HTMLElement>(".nbx-sorted")!, SIGNS[direction]);
    });
    select();
  };
  const headings = (numeric: boolean[]): void => {
    const named = [model.get("corner"), ...model.get("columns")];
    if (columns !== JSON.stringify(named)) {
      columns = JSON.stringify(named);
      sorting = { column: -1, direction: "none" };
      head.replaceChildren(...named.map((name, i) => heading(name, () => {
        sorting = sortedNext(sorting, i - 1);
        arrange();
      })));
    }
    numeric.forEach((right, column) => head.children[column + 1]!.classList.toggle("nbx-right", right));
  };
  const draw = (): void => {
    const [rows, choosable] = [model.get("rows"), model.get("choosable")];
    const focused = lines.indexOf(document.activeElement as HTMLTableRowElement);
    const numeric = model.get("columns").map((_, column) => isNumeric(rows, column));
    say(title, model.get("title"));
    const without = model.get("columns").length ? "No rows." : ""; // there are none yet
    say(note, model.get("note") || (rows.length ? "" : without));
    note.hidden = !note.textContent;
    table.ariaLabel = model.get("title") || "Rows";
    table.hidden = !rows.length;
    if (choosable) table.setAttribute("role", "grid");
    else table.removeAttribute("role");
    headings(numeric);
    lines = rows.map((row) => drawnRow(row, numeric));
    table.classList.toggle("nbx-choosable", choosable);
    arrange();
    lines[focused]?.focus();
    fade();
  };

  const lineOf = (event: Event): number =>
    lines.indexOf((event.target as HTMLElement).closest("tr") as HTMLTableRowElement);
  body.addEventListener("click", (event) => choose(lineOf(event)));
  body.addEventListener("keydown", (event) => {
    const place = lineOf(event);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return choose(place);
    }
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") return; // these scroll
    const to = stepTo(event.key, order.indexOf(place), order.length, 1);
    if (to === null) return;
    event.preventDefault();
    const next = lines[order[Math.max(0, Math.min(to, order.length - 1))]!]!;
    for (const line of lines) line.tabIndex = line === next ? 0 : -1;
    next.focus();
  });

  box.addEventListener("scroll", fade);
  const observer = new ResizeObserver(fade);
  observer.observe(box);
  signal.addEventListener("abort", () => observer.disconnect());
  listen(model, EVENTS, coalesced(draw), signal);
  listen(model, ["change:chosen"], () => {
    select();
    reveal();
  }, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    select();
  });
  draw();
  reveal();
}

function heading(name: string, sort: () => void): HTMLElement {
  const sign = h("span", { class: "nbx-sorted", "aria-hidden": "true" });
  const text = h("span", { class: "nbx-heading" }, inMiddle(name));
  const button = h("button", { type: "button", title: `${name}: sort`, ...OWN_KEYS }, text, sign);
  button.addEventListener("click", sort);
  return h("th", { scope: "col", "aria-sort": "none" }, button);
}

/** A long text loses its middle where it has no room: names of one table often begin alike. */
function inMiddle(text: string): HTMLElement | string {
  const letters = [...LETTERS.segment(text)].map(({ segment }) => segment);
  if (letters.length < LONG) return text;
  const [start, end] = [letters.slice(0, -END).join(""), letters.slice(-END).join("")];
  return h("span", { class: "nbx-cut", dir: "auto" }, h("span", {}, start), h("span", {}, end));
}

/** A row that can have the focus; `select` says which one has it first. */
function drawnRow({ label, cells, marks = [], tone = "" }: TableRow, numeric: boolean[]): HTMLTableRowElement {
  const made = numeric.map((right, column) => {
    const text = cells[column] ?? "";
    const cut = inMiddle(text);
    const content = marks.includes(column) ? h("strong", {}, cut) : cut;
    return h("td", { class: right ? "nbx-right" : "", title: text }, content);
  });
  const line = h("tr", OWN_KEYS, h("th", { scope: "row", title: label }, inMiddle(label)), ...made);
  line.dataset.tone = tone;
  return line;
}

export default { render };
