import type { RenderProps } from "@anywidget/types";
import { type Limit, limitsBar } from "./counterfactual_limits";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";

/** What `rows` holds in nbexplain/widgets/counterfactual_pane.py. */
export interface Counterfactual {
  /** Number of a column, what the row holds, what it would hold. */
  changes: [number, string, string][];
  /** Pieces of a text, and whether they are left out. */
  parts: [string, boolean][];
  outcome: string;
  score: string;
}

/** The traits of `CounterfactualPane` in nbexplain/widgets/counterfactual_pane.py. */
export interface CounterfactualPaneState {
  title: string;
  names: string[];
  ordered: boolean[];
  rows: Counterfactual[];
  limits: Limit[];
  /** The score that is crossed, or null where the prediction is another class. */
  crossed: number | null;
  boundary: number | null;
  /** How many columns or words are changed at most. */
  most: number;
  /** A position in `rows` that is tried, or −1. */
  tried: number;
  /** Why none can be tried, or nothing. */
  refusal: string;
  begun: boolean;
  busy: boolean;
  note: string;
}

const ROWS = ["title", "names", "ordered", "rows", "limits", "crossed", "boundary", "most"];
const EVENTS = [...ROWS, "tried", "refusal", "begun", "busy", "note"];

function render({ model, el, signal }: RenderProps<CounterfactualPaneState>): void {
  const title = h("span", { class: "nbx-title" });
  const find = h("button", { type: "button", ...OWN_KEYS }, "Find counterfactuals");
  const body = h("tbody");
  const table = h(
    "table",
    { class: "nbx-counterfactuals" },
    h("thead", {}, h("tr", {}, ...["What changes", "Prediction", "Try"].map((name) => h("th", { scope: "col" }, name)))),
    body,
  );
  const note = h("p", { class: "nbx-row-table-note", role: "status" });
  let reachable = ALIVE.reachable;

  const limit = (limits: Limit[]): void => {
    model.set("limits", limits);
    model.save_changes();
  };
  const bar = limitsBar(model, limit);
  el.classList.add("nbx-pane", "nbx-counterfactual-pane");
  el.replaceChildren(h("div", { class: "nbx-head" }, title), bar.element, find, table, note);
  keepKeys(el);
  find.addEventListener("click", () => model.send({ find: true }));

  const keep = (column: number): void =>
    limit([...model.get("limits").filter(([other]) => other !== column), [column, "fixed"]]);

  const change = ([column, before, after]: [number, string, string]): HTMLElement => {
    const name = model.get("names")[column] ?? "";
    const button = h(
      "button",
      { type: "button", class: "nbx-keep", title: `Look for others that leave ${name} as it is`, ...OWN_KEYS },
      "keep",
    );
    button.ariaLabel = `Keep ${name} as it is`;
    button.disabled = !reachable;
    button.addEventListener("click", () => keep(column));
    return h(
      "span",
      { class: "nbx-change" },
      h("bdi", { class: "nbx-change-name", title: name }, name),
      h("bdi", { class: "nbx-change-before" }, before),
      h("span", { "aria-label": "to" }, "→"),
      h("bdi", { class: "nbx-change-after" }, after),
      button,
    );
  };

  const line = (row: Counterfactual, place: number): HTMLElement => {
    const tried = place === model.get("tried");
    const words = row.parts.map(([text, gone]) => (gone ? h("s", {}, text) : text));
    const use = h("button", { type: "button", ...OWN_KEYS }, tried ? "Back" : "Try");
    use.ariaPressed = String(tried);
    use.ariaLabel = tried ? "Back to the input as it was" : `Try counterfactual ${place + 1}`;
    use.title = model.get("refusal");
    use.disabled = !reachable || !!use.title;
    use.addEventListener("click", () => model.send({ try: place }));
    const what = h("td", { class: "nbx-changes" }, ...row.changes.map(change));
    if (words.length) what.append(h("p", { class: "nbx-struck", dir: "auto" }, ...words));
    const outcome = h("td", { class: "nbx-outcome" }, h("bdi", {}, row.outcome), h("span", {}, row.score));
    const made = h("tr", {}, what, outcome, h("td", {}, use));
    made.classList.toggle("nbx-tried", tried);
    return made;
  };

  const draw = (): void => {
    const focused = document.activeElement?.getAttribute("aria-label");
    const [rows, begun] = [model.get("rows"), model.get("begun")];
    say(title, model.get("title"));
    find.hidden = begun;
    find.disabled = !reachable;
    bar.draw(reachable);
    table.hidden = !rows.length;
    table.ariaLabel = model.get("title");
    table.ariaBusy = String(model.get("busy"));
    body.replaceChildren(...rows.map(line));
    const why = rows.length && !model.get("busy") ? model.get("refusal") : ""; // others are on their way
    const notes = [model.get("note"), why].filter(Boolean).join(" · ");
    say(note, begun && !rows.length && model.get("busy") ? "Searching …" : notes);
    note.hidden = !note.textContent;
    if (focused && !el.contains(document.activeElement)) {
      [...body.querySelectorAll("button")].find((button) => button.ariaLabel === focused)?.focus();
    }
  };
  listen(model, EVENTS.map((name) => `change:${name}`), coalesced(draw), signal);
  followKernel(model, signal, (state) => {
    reachable = state.reachable;
    draw();
  });
  draw();
}

export default { render };
