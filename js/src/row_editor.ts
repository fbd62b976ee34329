import type { RenderProps } from "@anywidget/types";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { fitEach, fitting, tooHigh } from "./fitting";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";
import { type Feature, featureField, type FeatureField, type Value } from "./row_fields";

/** The traits of `RowEditor` in nbexplain/widgets/row_editor.py. */
export interface RowEditorState {
  title: string;
  features: Feature[];
  row: Value[];
  order: number[];
  weights: Value[];
  notice: string;
  values: Value[];
  /** How often the kernel has written `values`, and which of these times is shown. */
  written: number;
  seen: number;
}

const SEARCH_ABOVE = 12;
const TYPED = new Set(["number", "date", "datetime-local", "time"]);

function render({ model, el, signal }: RenderProps<RowEditorState>): void {
  const title = h("span", { class: "nbx-title" });
  const count = h("span", { class: "nbx-subtitle", "aria-live": "polite" });
  const search = h("input", { type: "search", placeholder: "Find", "aria-label": "Find a feature", ...OWN_KEYS });
  const only = h("input", { type: "checkbox", ...OWN_KEYS });
  const onlyChanged = h("label", { class: "nbx-row-only" }, only, "changed only");
  const key = h("span", { class: "nbx-row-key" }, "bars: attribution, − left, + right");
  const resetAll = h("button", { type: "button", class: "nbx-button", ...OWN_KEYS }, "Reset all");
  const tools = h("div", { class: "nbx-row-tools" }, search, onlyChanged, key);
  const notice = h("p", { class: "nbx-row-notice", role: "note" });
  const list = h("div", { class: "nbx-row-fields", role: "group", "aria-label": "Features" });
  const empty = h("p", { class: "nbx-row-empty" });
  el.classList.add("nbx-pane", "nbx-row-editor");
  el.replaceChildren(h("div", { class: "nbx-head" }, title, count, resetAll), tools, notice, list, empty);
  keepKeys(el);

  let features: Feature[] = [];
  let fields: FeatureField[] = [];
  let shown: Value[] = [];
  /** What the kernel, or another view, wrote last and is not shown yet. */
  let told: Value[] | null = null;
  let held = false;
  let typing = false;
  /** A pointer is down, wherever it is; what it pressed must be under it still when it lets go, or there is no click. */
  let pressed = false;
  /** Set while the focus is on its way, or a click is still to come. */
  let moving = 0;
  let kernel = ALIVE;

  const given = (place: number): Value => model.get("row")[place] ?? null;
  const changed = (place: number): boolean => shown[place] !== given(place);
  const save = (values: Value[]): void => {
    shown = values;
    model.set("values", values);
    model.save_changes();
  };
  /** What the kernel wrote is shown, which it hears with the next values; earlier ones that are on their way are void. */
  const know = (): void => {
    if (model.get("seen") !== model.get("written")) model.set("seen", model.get("written"));
  };
  const choose = (place: number, value: Value): void => {
    if (shown[place] === value) return fields[place]!.show(value, given(place));
    save(shown.map((each, i) => (i === place ? value : each)));
    fields[place]!.show(value, given(place));
    sumUp();
  };

  const sumUp = (): void => {
    const number = fields.filter((_, place) => changed(place)).length;
    say(count, number ? `${number} of ${fields.length} changed` : "");
    resetAll.disabled = !number || !kernel.reachable;
    arrange();
  };
  /** Nothing moves away from under a hand or a focus: order and choice of the rows wait until both are elsewhere. */
  const arrange = (): void => {
    const waits = held || pressed || moving || list.contains(document.activeElement);
    if (waits && list.hasChildNodes()) return;
    const { length } = fields;
    const order = model.get("order").length === length ? model.get("order") : fields.map((_, place) => place);
    const wanted = order.map((place) => fields[place]!.element);
    if (wanted.some((element, i) => list.children[i] !== element)) list.replaceChildren(...wanted);
    const sought = search.hidden ? "" : search.value.trim().toLowerCase();
    const within = (place: number): boolean => features[place]!.name.toLowerCase().includes(sought);
    const wantsChanged = !onlyChanged.hidden && only.checked;
    let [seen, isNew] = [0, false];
    fields.forEach((field, place) => {
      const wasHidden = field.element.hidden;
      field.element.hidden = !within(place) || (wantsChanged && !changed(place));
      seen += Number(!field.element.hidden);
      isNew ||= wasHidden && !field.element.hidden;
    });
    if (isNew) fit(); // its name was left as it is while it was hidden
    empty.hidden = seen > 0 || !length;
    const called = sought && ` with “${search.value.trim()}” in its name`;
    say(empty, `No ${wantsChanged ? "changed " : ""}feature${called}.`);
  };
  /** The rows are arranged when all that belongs to what happens now is over. */
  const rest = (): void => {
    clearTimeout(moving);
    moving = window.setTimeout(() => {
      moving = 0;
      arrange();
    });
  };
  /** The row as it is known now, at the latest when the hand lets go. */
  const take = (): void => {
    if (held || typing) return;
    if (told) {
      const values = told;
      told = null;
      know();
      if (!same(values, shown) && !list.contains(document.activeElement)) list.scrollTop = 0; // where what changes will be
      if (same(values, model.get("values"))) shown = values;
      else save(values); // the hand has sent its own meanwhile
    }
    fields.forEach((field, place) => field.show(shown[place] ?? null, given(place)));
    sumUp();
  };
  const weigh = (): void => {
    const weights = model.get("weights");
    const known = weights.length === fields.length && fields.length > 0;
    // a column that comes or goes would push a slider away from under the hand
    if (held && known !== list.classList.contains("nbx-with-weights")) return;
    const largest = Math.max(0, ...weights.map((weight) => Math.abs(weight ?? 0)));
    fields.forEach((field, place) => field.weigh(known ? weights[place] : undefined, largest));
    key.hidden = !known;
    tools.hidden = search.hidden && key.hidden;
    list.classList.toggle("nbx-with-weights", known);
  };
  const enable = (): void => {
    for (const field of fields) field.enable(kernel.reachable);
    resetAll.disabled ||= !kernel.reachable;
  };
  const build = (): void => {
    features = model.get("features");
    [held, typing, told, shown] = [false, false, null, model.get("values")];
    know();
    fields = features.map((feature, place) => featureField(feature, (value) => choose(place, value)));
    list.replaceChildren();
    list.classList.toggle("nbx-with-missing", features.some(({ missing, kind }) => missing && kind !== "category"));
    search.hidden = onlyChanged.hidden = features.length <= SEARCH_ABOVE;
    weigh();
    take();
    enable();
    fit();
  };
  const fit = fitting(list, () => {
    const versions = features.map(({ name, cuts = [] }) => [name, ...cuts]);
    fitEach(fields.map(({ name }) => name), versions, (name) => tooHigh(name.parentElement!));
  }, signal);
  const head = (): void => {
    say(title, model.get("title"));
    say(notice, model.get("notice"));
    notice.hidden = !model.get("notice");
  };

  const letGo = (): void => {
    held = typing = false;
    take();
    weigh();
  };
  const typed = (): void => {
    typing = false;
    take(); // not while a hand is on a slider already
  };
  list.addEventListener("pointerdown", (event) => {
    const { type, disabled } = event.target as HTMLInputElement;
    if (type !== "range" || disabled) return;
    held = true;
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, letGo, { once: true, signal });
  });
  list.addEventListener("input", (event) => (typing ||= TYPED.has((event.target as HTMLInputElement).type)));
  list.addEventListener("change", () => typing && typed());
  list.addEventListener("focusout", () => {
    rest();
    if (typing) typed();
  });
  const everywhere = { capture: true, signal };
  window.addEventListener("pointerdown", ({ button }) => (pressed ||= !button), everywhere);
  for (const end of ["pointerup", "pointercancel", "keydown"]) { // a list that opens may keep the first two to itself
    window.addEventListener(end, () => pressed && [(pressed = false), rest()], everywhere);
  }
  for (const input of [search, only]) input.addEventListener("input", arrange);
  resetAll.addEventListener("click", () => {
    save([...model.get("row")]);
    take();
  });

  const hear = (): void => {
    told = model.get("values");
    take();
  };
  listen(model, ["change:features"], build, signal);
  listen(model, ["change:row"], take, signal);
  // what this hand has just written is shown already
  listen(model, ["change:values"], () => model.get("values") !== shown && hear(), signal);
  listen(model, ["change:written"], () => model.get("written") !== model.get("seen") && hear(), signal);
  listen(model, ["change:weights"], coalesced(weigh), signal);
  listen(model, ["change:order"], arrange, signal);
  listen(model, ["change:title", "change:notice"], head, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    enable();
  });
  signal.addEventListener("abort", () => clearTimeout(moving));
  head();
  build();
}

function same(one: Value[], other: Value[]): boolean {
  return one.length === other.length && one.every((value, place) => value === other[place]);
}

export default { render };
