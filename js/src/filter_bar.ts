import type { RenderProps } from "@anywidget/types";
import { h, keepKeys, OWN_KEYS, say } from "./dom";
import { editorOf, type Editor, type FilterField, type FilterValue } from "./filter_editor";
import { freshId, setOptions } from "./inputs";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";

interface Condition {
  key: string;
  words: string;
  value: FilterValue;
}

/** The traits of `FilterBar` in nbexplain/widgets/panes/filter_bar.py. */
export interface FilterBarState {
  fields: FilterField[];
  conditions: Condition[];
  /** How many rows match, and the conditions, in words. */
  text: string;
  problem: string;
}

const EVENTS = ["fields", "conditions", "text", "problem"].map((name) => `change:${name}`);

function render({ model, el, signal }: RenderProps<FilterBarState>): void {
  const id = freshId();
  const text = h("span", { class: "nbx-filter-text", role: "status" });
  const chips = h("span", { class: "nbx-filter-chips" });
  const clear = h("button", { type: "button", ...OWN_KEYS }, "All rows");
  const select = h("select", { id, ...OWN_KEYS });
  const form = h("span", { class: "nbx-filter-form" });
  const problem = h("p", { class: "nbx-filter-problem", role: "alert" });
  const add = h("span", { class: "nbx-filter-add" }, h("label", { class: "nbx-name", for: id }, "Filter rows by"), select, form);
  el.classList.add("nbx-pane", "nbx-filter");
  el.replaceChildren(h("div", { class: "nbx-filter-row" }, text, chips, clear, add), problem);
  keepKeys(el);

  let kernel = ALIVE;
  let editor: Editor | null = null;
  let edited = "";

  const put = (key: string, value: FilterValue): void => {
    if (kernel.reachable) model.send({ put: key, value });
  };
  const held = (key: string): FilterValue => model.get("conditions").find((one) => one.key === key)?.value ?? null;
  const edit = (): void => {
    const found = model.get("fields").find(({ key }) => key === select.value) ?? null;
    const key = JSON.stringify(found);
    if (key !== edited) {
      edited = key;
      editor = found && editorOf(found, (value) => put(found.key, value));
      form.replaceChildren(...(editor ? [editor.element] : []));
    } else if (form.contains(document.activeElement)) return; // a hand at work is not disturbed by what it did before
    if (found) editor?.show(held(found.key));
  };
  const chip = ({ key, words }: Condition): HTMLElement => {
    const remove = h("button", { type: "button", title: `Remove “${words}”`, "aria-label": `Remove ${words}`, ...OWN_KEYS }, "×");
    remove.addEventListener("click", () => {
      const next = remove.closest(".nbx-filter-chip")?.nextElementSibling?.querySelector("button");
      (next ?? select).focus();
      put(key, null);
    });
    return h("span", { class: "nbx-filter-chip" }, h("span", { title: words }, words), remove);
  };
  const draw = (): void => {
    const conditions = model.get("conditions");
    say(text, conditions.length ? (model.get("text").split(" · ")[0] ?? "") : model.get("text"));
    text.ariaLabel = model.get("text");
    const focused = [...chips.children].findIndex((one) => one.contains(document.activeElement));
    if (chips.dataset.words !== JSON.stringify(conditions)) {
      chips.dataset.words = JSON.stringify(conditions);
      chips.replaceChildren(...conditions.map(chip));
      chips.children[focused]?.querySelector("button")?.focus();
    }
    clear.hidden = conditions.length < 2;
    const fields = model.get("fields").map(({ key, name }) => ({ value: key, text: name }));
    const before = select.value;
    setOptions(select, [{ value: "", text: "choose …" }, ...fields]);
    select.value = before;
    for (const input of [select, clear]) input.disabled = !kernel.reachable;
    say(problem, model.get("problem"));
    problem.hidden = !problem.textContent;
    edit();
  };

  select.addEventListener("change", edit);
  clear.addEventListener("click", () => {
    select.focus();
    put("", null);
  });
  listen(model, EVENTS, draw, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    draw();
  });
  draw();
}

export default { render };
