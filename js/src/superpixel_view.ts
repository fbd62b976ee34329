import type { AnyModel } from "@anywidget/types";
import { h, say } from "./dom";
import type { ImagePaneState } from "./image_pane";
import { freshId, numberBox, range, tickBox } from "./inputs";
import { listen } from "./link";
import { shownOf } from "./segments";

export interface SuperpixelControls {
  element: HTMLElement;
  /** `count` of the superpixels, or null where there are none; `weighted` if something is known of them. */
  offer(count: number | null, weighted: boolean): void;
}

/** How many superpixels are shown, what becomes of the rest, and their borders. The kernel hears the end of a movement. */
export function superpixelControls(model: AnyModel<ImagePaneState>, signal: AbortSignal): SuperpixelControls {
  let count = 1;
  const save = (): void => model.save_changes();
  const choose = (shown: number): void => model.set("top", shown < count ? shown : 0);
  const slider = range("Shown", choose, save);
  const box = numberBox("Shown, number of superpixels", choose);
  box.input.title = "Number of superpixels shown, those of the largest |value|";
  box.input.addEventListener("change", save);
  slider.input.id = freshId();
  const outOf = h("span", { class: "nbx-out-of" });
  const refresh = (): void => {
    const shown = shownOf(model.get("top"), count);
    const said = shown === count ? "all" : `of ${count}`;
    slider.show(shown, { min: 1, max: count }, shown === count ? "all" : `${shown} of ${count}`);
    box.show(shown, { min: 1, max: count });
    say(outOf, said);
  };
  listen(model, ["change:top"], refresh, signal);
  refresh();

  const flag = (name: "hide_rest" | "borders", text: string, title: string) => {
    const made = tickBox(text, title, (on) => {
      model.set(name, on);
      save();
    });
    const show = (): void => void (made.input.checked = model.get(name));
    listen(model, [`change:${name}`], show, signal);
    show();
    return made;
  };
  const hide = flag("hide_rest", "Hide the rest", "Superpixels that are not shown are covered in grey");
  const borders = flag("borders", "Borders", "Lines between the superpixels");
  const name = h("label", { class: "nbx-name", for: slider.input.id }, "Shown");
  const element = h(
    "div",
    { class: "nbx-superpixels" },
    h("div", { class: "nbx-labelled" }, name, slider.input, box.input, outOf),
    h("div", { class: "nbx-flags" }, hide.label, borders.label),
  );
  return {
    element,
    offer(found, weighted) {
      element.hidden = found === null;
      for (const input of [slider.input, box.input, hide.input]) input.disabled = !weighted;
      if (found === null || found === count) return;
      count = found;
      refresh();
    },
  };
}
