import type { AnyModel } from "@anywidget/types";
import { h, keepKeys, OWN_KEYS, say } from "../dom";
import type { ImagePaneState } from "../image_pane";
import { freshId, numberBox, range } from "../inputs";
import type { PaneGroup } from "../pane_group";
import { middleOf, type Slice, sliceAt, sliceReading } from "./slices";

export interface SliceControl {
  element: HTMLElement;
  /** The slice that is shown of so many, or null where there are none. */
  of(count: number | null): Slice | null;
  /** `peak` is the slice where the map is largest; `note` says what else is to be said of the slices. */
  show(slice: Slice | null, peak: number | null, note: string): void;
}

/**
 * The slider that moves through the slices of a volume. It moves in the page alone: all panes of a group follow, and the
 * kernel is told nothing. The canvas takes its page keys.
 */
export function sliceControl(
  model: AnyModel<ImagePaneState>,
  canvas: HTMLCanvasElement,
  group: () => PaneGroup | null,
): SliceControl {
  let shown: Slice | null = null;
  let peak: number | null = null;

  const choose = (number: number): void => {
    if (!shown) return;
    const slice = { number: Math.min(shown.count - 1, Math.max(0, Math.round(number))), count: shown.count };
    shown = slice; // a key that comes before it is drawn goes on from there
    group()?.slide(middleOf(slice));
    model.set("slice", slice.number);
  };
  const slider = range("Slice", choose);
  const box = numberBox("Slice, number", choose);
  slider.input.id = freshId();
  const label = h("label", { class: "nbx-name", for: slider.input.id }, "Slice");
  const jump = h("button", { type: "button", class: "nbx-peak", ...OWN_KEYS });
  const note = h("span", { class: "nbx-slice-note" });
  jump.title = "Show the slice with the largest |value| of the map";
  jump.addEventListener("click", () => peak !== null && choose(peak));
  const element = h("div", { class: "nbx-slices", hidden: "" }, label, slider.input, box.input, h("div", {}, jump, note));
  keepKeys(element);
  canvas.addEventListener("keydown", (event) => {
    const step = { PageUp: -1, PageDown: 1 }[event.key];
    if (!shown || !step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(shown.number + step);
  });

  return {
    element,
    of(count) {
      if (count === null) return null;
      const [own, part] = [model.get("slice"), group()?.part ?? null];
      const number = part === null && own >= 0 ? Math.min(own, count - 1) : sliceAt(part, count);
      return { number, count };
    },
    show(slice, largest, said) {
      shown = slice;
      peak = largest;
      element.hidden = !slice;
      if (!slice) return;
      const bounds = { min: 0, max: slice.count - 1, step: 1 };
      slider.show(slice.number, bounds, sliceReading(slice));
      box.show(slice.number, bounds);
      slider.input.disabled = box.input.disabled = slice.count < 2;
      jump.hidden = peak === null;
      say(jump, `largest in slice ${peak}`);
      say(note, said);
    },
  };
}
