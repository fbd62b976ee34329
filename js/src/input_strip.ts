import type { AnyModel, RenderProps } from "@anywidget/types";
import type { ControlsState } from "./controls";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { setOptions } from "./inputs";
import { inputStore } from "./input_strip_store";
import { inputTiles, shownOrder } from "./input_strip_tiles";
import { uploadParts } from "./input_strip_upload";
import { ALIVE, followKernel } from "./kernel_state";
import { follow, listen } from "./link";
import { stepTo } from "./map_layout";

export type Sort = "given" | "activation" | "score";

/** The traits of `InputStrip` in nbexplain/widgets/input_strip.py. */
export interface InputStripState {
  controls: string | null;
  count: number;
  thumbnails: DataView[];
  titles: string[];
  texts: string[];
  on_demand: boolean;
  values: (number | null)[];
  order: number[];
  sorts: Sort[];
  sort: Sort;
  upload: boolean;
  max_bytes: number;
  max_pixels: number;
  notice: string;
}

const SORTS: Record<Sort, string> = {
  given: "as given",
  activation: "by activation of the channel",
  score: "by score of the target",
};
const ARRANGED = ["count", "values", "order"].map((name) => `change:${name}`);
const WRITTEN = ["titles", "texts", "on_demand"].map((name) => `change:${name}`);

function render({ model, el, host, signal }: RenderProps<InputStripState>): void {
  const back = stepButton("Previous input", "‹");
  const forth = stepButton("Next input", "›");
  const name = h("div", { class: "nbx-strip-name" });
  const place = h("div", { class: "nbx-strip-place" });
  const walk = h("div", { class: "nbx-strip-walk" }, name, place, h("div", { class: "nbx-strip-steps" }, back, forth));
  const sort = h("select", OWN_KEYS);
  const sorting = h("label", { class: "nbx-strip-sort" }, h("span", { class: "nbx-name" }, "Order"), sort);
  const written = coalesced(() => tiles.refresh());
  const store = inputStore(model, written, signal);
  const tiles = inputTiles(store);
  let kernel = ALIVE;
  const upload = uploadParts(model, el, () => kernel.reachable, signal);
  const side = h("div", { class: "nbx-strip-side" }, sorting, upload.button);
  el.classList.add("nbx-pane", "nbx-input-strip");
  el.replaceChildren(walk, tiles.element, side, upload.messages);
  keepKeys(el);

  let controls: AnyModel<ControlsState> | null = null;
  let order: number[] = [];

  const chosen = (): number => Math.max(0, Math.min(controls?.get("input") ?? 0, order.length - 1));
  const position = (): number => order.indexOf(chosen());
  const choose = (input: number | undefined): void => {
    if (!controls || input === undefined || !kernel.reachable) return;
    controls.set("input", input);
    controls.save_changes();
  };
  const step = (by: number): void => choose(order[Math.max(0, Math.min(position() + by, order.length - 1))]);

  const select = (): void => {
    const count = order.length;
    const at = position();
    tiles.choose(count ? at : -1);
    say(name, count ? `input ${chosen()}` : "no input");
    say(place, count ? `${(at + 1).toLocaleString("en")} of ${count.toLocaleString("en")}` : "");
    back.disabled = at < 1 || !kernel.reachable;
    forth.disabled = at > count - 2 || !kernel.reachable;
  };
  const arrange = (): void => {
    const next = shownOrder(model.get("order"), model.get("count"));
    const moved = next.length !== order.length || next.some((input, at) => input !== order[at]);
    order = next;
    tiles.arrange(order, model.get("values"));
    select();
    if (!moved) return;
    if (model.get("sort") === "given") tiles.reveal();
    else tiles.toStart(); // who sorts wants to see the first ones, wherever the chosen one is
  };
  const controlsBeside = (): void => {
    const offered = model.get("sorts");
    setOptions(sort, offered.map((value) => ({ value, text: SORTS[value] })));
    sort.value = model.get("sort");
    sort.title = SORTS[model.get("sort")];
    sorting.hidden = offered.length < 2;
    upload.button.hidden = !model.get("upload");
    side.hidden = sorting.hidden && upload.button.hidden;
  };

  back.addEventListener("click", () => step(-1));
  forth.addEventListener("click", () => step(1));
  // The list says its own place; only who walks with the buttons has to be told.
  walk.addEventListener("focusin", () => place.setAttribute("aria-live", "polite"));
  walk.addEventListener("focusout", () => place.setAttribute("aria-live", "off"));
  tiles.element.addEventListener("click", (event) => choose(tiles.under(event)));
  tiles.element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !order.length) return;
    const pages = { PageUp: -1, PageDown: 1 }[event.key];
    const to = pages ? position() + pages * tiles.page() : stepTo(event.key, position(), order.length, 1);
    if (to === null) return;
    event.preventDefault();
    choose(order[Math.max(0, Math.min(to, order.length - 1))]);
  });
  sort.addEventListener("change", () => {
    model.set("sort", sort.value as Sort);
    model.save_changes();
  });

  follow<ControlsState>(model, "controls", { host, signal }, (found, until) => {
    controls = found;
    if (found) listen(found, ["change:input"], select, until);
    select();
  });
  listen(model, ARRANGED, coalesced(arrange), signal);
  listen(model, WRITTEN, written, signal);
  listen(model, ["sorts", "sort", "upload"].map((each) => `change:${each}`), controlsBeside, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    tiles.element.setAttribute("aria-disabled", String(!kernel.reachable));
    sort.disabled = !kernel.reachable;
    upload.refresh();
    select();
  });
  const observer = new ResizeObserver(tiles.reveal);
  observer.observe(tiles.element);
  signal.addEventListener("abort", () => observer.disconnect());
  controlsBeside();
  arrange();
}

function stepButton(name: string, sign: string): HTMLButtonElement {
  return h("button", { class: "nbx-step", type: "button", "aria-label": name, title: name, ...OWN_KEYS }, sign);
}

export default { render };
