import type { AnyModel, RenderProps } from "@anywidget/types";
import { countsAt, figuresOf, percent, sum } from "./confusion_counts";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { fitNames, fitting, tooHigh, tooWide } from "./fitting";
import { counted } from "./format";
import { ALIVE, followKernel } from "./kernel_state";
import { follow, listen } from "./link";
import { type Steps, stepsOf, type ThresholdState } from "./threshold";
import type { ArrayState } from "./wire";

/** The traits of `ConfusionPane` in nbexplain/widgets/panes/confusion_pane.py. */
export interface ConfusionPaneState {
  title: string;
  names: string[];
  /** The same cut to less and less room: the longest that fit are shown. */
  cuts: string[][];
  /** Rows by label and predicted class, one line after another. */
  counts: number[];
  /** How many classes the last of the names stands for; 0: it is one of its own. */
  others: number;
  /** The cell whose rows are looked at, or −1. */
  chosen: number;
  figures: string[];
  note: string;
  curve: string | null;
  threshold: string | null;
}

const EVENTS = ["title", "names", "cuts", "counts", "others", "chosen", "figures", "note"].map((name) => `change:${name}`);
const MOST_WITH_SHARES = 6; // classes: of more, cells are too small for a second line
const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

function render({ model, el, signal, host }: RenderProps<ConfusionPaneState>): void {
  const title = h("span", { class: "nbx-title" });
  const body = h("tbody");
  const head = h("thead");
  const table = h("table", { class: "nbx-confusion-cells" }, head, body);
  const box = h("div", { class: "nbx-confusion-box" }, table);
  const figures = h("p", { class: "nbx-confusion-figures" });
  const reset = h("button", { type: "button", ...OWN_KEYS }, "Highest score");
  const words = h("span");
  const at = h("div", { class: "nbx-confusion-threshold" }, words, reset);
  const note = h("p", { class: "nbx-confusion-note" });
  el.classList.add("nbx-pane", "nbx-confusion");
  el.replaceChildren(h("div", { class: "nbx-head" }, title), box, at, figures, note);
  keepKeys(el);

  let kernel = ALIVE;
  let steps: Steps | null = null;
  let threshold: AnyModel<ThresholdState> | null = null;
  let buttons: HTMLButtonElement[] = [];
  let laidOut = "";
  let reached = 0;

  const value = (): number | null => (steps && threshold ? threshold.get("value") : null);
  const counts = (): number[] => {
    const at = value();
    return at === null || !steps ? model.get("counts") : countsAt(steps, steps.place(at));
  };
  const lay = (names: string[]): void => {
    const key = JSON.stringify([names, model.get("others")]);
    if (key === laidOut) return;
    laidOut = key;
    reached = 0;
    const own = names.length - Number(model.get("others") > 0);
    head.replaceChildren(
      h("tr", {}, h("td", { rowspan: "2", class: "nbx-quietly" }, "label"), h("th", { colspan: String(names.length), class: "nbx-quietly" }, "predicted class")),
      h("tr", {}, ...names.map((name) => h("th", { scope: "col", title: name, "aria-label": name }, h("span", {}, name)))),
    );
    buttons = [];
    body.replaceChildren(...names.map((name, row) => {
      const cells = names.map((_, column) => {
        const place = row * names.length + column;
        const button = h("button", { type: "button", ...OWN_KEYS }, h("strong"), h("small"));
        button.tabIndex = place ? -1 : 0;
        button.dataset.others = String(row >= own || column >= own);
        button.addEventListener("click", () => choose(place));
        buttons.push(button);
        return h("td", {}, button);
      });
      return h("tr", {}, h("th", { scope: "row", title: name, "aria-label": name }, h("span", {}, name)), ...cells);
    }));
    table.classList.toggle("nbx-many", names.length > MOST_WITH_SHARES);
    box.style.setProperty("--nbx-classes", String(names.length));
    table.classList.toggle("nbx-upright", names.length > 4);
  };
  const fit = fitting(table, () => { // the table changes with the font too, where the pane does not
    for (const scope of ["col", "row"]) {
      const heads = [...table.querySelectorAll<HTMLElement>(`th[scope="${scope}"] > span`)];
      const upright = scope === "col" && table.classList.contains("nbx-upright");
      fitNames(heads, [model.get("names"), ...model.get("cuts")], upright ? tooHigh : tooWide);
    }
  }, signal);
  const choose = (place: number): void => {
    if (buttons[place]?.ariaDisabled !== "true") model.send({ choose: place });
  };
  const draw = (): void => {
    const [names, chosen, at] = [model.get("names"), model.get("chosen"), value()];
    lay(names);
    const numbers = counts();
    const totals = names.map((_, row) => sum(numbers.slice(row * names.length, (row + 1) * names.length)));
    buttons.forEach((button, place) => {
      const [row, column] = [Math.floor(place / names.length), place % names.length];
      const count = numbers[place] ?? 0;
      const share = totals[row] ? count / totals[row] : NaN;
      say(button.querySelector("strong")!, count.toLocaleString("en"));
      say(button.querySelector("small")!, Number.isNaN(share) ? "" : percent(share));
      button.style.setProperty("--share", String(Number.isNaN(share) ? 0 : Math.round(share * 100)));
      button.classList.toggle("nbx-diagonal", row === column);
      const what = `label ${names[row]}, predicted ${names[column]}: ${counted(count, "row")}`;
      button.ariaLabel = Number.isNaN(share) ? what : `${what}, ${percent(share)} of the label`;
      const why = at !== null ? "rows are chosen by the highest score: reset the threshold first" : "";
      const empty = !count && place !== chosen; // no row to look at, and nothing to take back
      button.ariaDisabled = String(!!why || empty || button.dataset.others === "true" || !kernel.reachable);
      button.title = why ? `${button.ariaLabel}; ${why}` : button.ariaLabel;
      button.ariaPressed = String(place === chosen && at === null);
    });
    say(title, model.get("title"));
    table.ariaLabel = `${model.get("title")}: label by predicted class`;
    table.hidden = !names.length;
    at === null ? say(figures, model.get("figures").join(" · ")) : say(figures, figuresOf(numbers));
    words.parentElement!.hidden = at === null;
    if (at !== null && steps) {
      say(words, `${names[steps.about.channel] ?? "the class"} from ${steps.about.quantity} ${steps.said(at)} on`);
    }
    say(note, model.get("note"));
    note.hidden = !note.textContent;
    fit();
  };
  const soon = coalesced(draw);

  reset.addEventListener("click", () => {
    threshold?.set("value", null);
    threshold?.save_changes();
  });
  body.addEventListener("keydown", (event) => {
    const place = buttons.indexOf((event.target as HTMLElement).closest("button")!);
    const step = STEPS[event.key];
    const side = model.get("names").length;
    if (place < 0 || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [row, column] = [Math.floor(place / side) + step[0], (place % side) + step[1]];
    if (row < 0 || column < 0 || row >= side || column >= side) return;
    buttons[reached]!.tabIndex = -1;
    reached = row * side + column;
    buttons[reached]!.tabIndex = 0;
    buttons[reached]!.focus();
  });
  body.addEventListener("focusin", (event) => {
    const place = buttons.indexOf((event.target as HTMLElement).closest("button")!);
    if (place < 0 || place === reached) return;
    buttons[reached]!.tabIndex = -1;
    buttons[(reached = place)]!.tabIndex = 0;
  });
  listen(model, EVENTS, soon, signal);
  follow<ArrayState>(model, "curve", { host, signal }, (array, ending) => {
    const read = (): void => {
      steps = stepsOf(array);
      soon();
    };
    if (array) listen(array, ["change:frame"], read, ending);
    read();
  });
  follow<ThresholdState>(model, "threshold", { host, signal }, (shared, ending) => {
    threshold = shared;
    if (shared) listen(shared, ["change:value"], soon, ending);
    soon();
  });
  followKernel(model, signal, (state) => {
    kernel = state;
    draw();
  });
  draw();
}

export default { render };
