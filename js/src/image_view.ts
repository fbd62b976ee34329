import type { AnyModel } from "@anywidget/types";
import { COLORMAPS } from "./colormap";
import { h, keepKeys, labelled, option, OWN_KEYS } from "./dom";
import type { ImagePaneState } from "./image_pane";
import { type Bounds, freshId, numberBox, range, tickBox } from "./inputs";
import { listen } from "./link";
import type { Scale } from "./scale";
import { superpixelControls } from "./superpixel_view";

const REST_MS = 500;

type Name = "opacity" | "colormap" | "sign" | "reduction" | "clip" | "interpolation" | "fade" | "mode";

export interface Offer {
  map: boolean;
  picture: boolean;
  signed: boolean;
  reducible: boolean;
  /** How many there are, or null where the map has no superpixels. */
  superpixels: number | null;
  /** What an automatic clip comes to. */
  clip: number;
  scale: Scale | null;
}

export interface ViewControls {
  element: HTMLElement;
  offer(what: Offer): void;
}

/**
 * The controls of how a map is drawn. While a control moves, its trait changes in the page only, and the pane follows;
 * the kernel hears of it when the control is let go.
 */
export function viewControls(model: AnyModel<ImagePaneState>, signal: AbortSignal): ViewControls {
  let scale: Scale | null = null;
  let automatic = 100;

  // The box counts in `unit`s of the trait, as it is read: percent, and percentiles.
  const slider = (name: "opacity" | "clip", label: string, boxName: string, bounds: Bounds, unit = 1) => {
    const choose = (value: number): void => model.set(name, value);
    const save = (): void => model.save_changes();
    const { input, show } = range(label, choose, save);
    const box = numberBox(boxName, (value) => choose(value * unit));
    box.input.title = boxName;
    box.input.addEventListener("change", save);
    const inUnits = { min: bounds.min / unit, max: bounds.max / unit, step: bounds.step! / unit };
    const refresh = (): void => {
      const value = name === "clip" ? model.get(name) || automatic : model.get(name);
      const shown = Number((value / unit).toFixed(2));
      const said = name === "opacity" ? `${shown} %` : value === 100 ? "off" : `percentile ${shown}`;
      show(value, bounds, said);
      box.show(shown, inUnits);
    };
    listen(model, [`change:${name}`], refresh, signal);
    refresh();
    input.id = freshId();
    const text = h("label", { class: "nbx-name", for: input.id }, label);
    return { element: h("div", { class: "nbx-labelled" }, text, input, box.input), inputs: [input, box.input], refresh };
  };

  const choice = (name: Exclude<Name, "opacity" | "clip" | "fade">, values: readonly string[]): HTMLSelectElement => {
    const select = h("select", OWN_KEYS, ...values.map((value) => option(value, value)));
    const show = (): void => void (select.value = model.get(name));
    // arrow keys run through the options: the kernel hears where they come to rest
    let resting: ReturnType<typeof setTimeout> | undefined;
    const save = (): void => {
      if (resting === undefined) return;
      clearTimeout(resting);
      resting = undefined;
      model.save_changes();
    };
    select.addEventListener("change", () => {
      model.set(name, select.value);
      clearTimeout(resting);
      resting = setTimeout(save, REST_MS);
    });
    select.addEventListener("blur", save);
    signal.addEventListener("abort", save);
    listen(model, [`change:${name}`], show, signal);
    show();
    return select;
  };

  const flag = (name: string, text: string, title: string, isOn: () => boolean, choose: (on: boolean) => void) => {
    const made = tickBox(text, title, (on) => {
      choose(on);
      model.save_changes();
    });
    const show = (): void => void (made.input.checked = isOn());
    listen(model, [`change:${name}`], show, signal);
    show();
    return made;
  };

  const opacity = slider("opacity", "Opacity", "Opacity in percent", { min: 0, max: 1, step: 0.01 }, 0.01);
  const clip = slider("clip", "Clip", "Clip at percentile", { min: 50, max: 100, step: 0.5 });
  clip.element.title = "The percentile of |value| from which on colours no longer change; 100 is off";
  const mode = labelled("Show", choice("mode", ["overlay", "map", "picture"]));
  const sign = labelled("Sign", choice("sign", ["both", "positive", "negative", "absolute"]));
  const reduction = labelled("Channels", choice("reduction", ["sum", "mean |·|", "max |·|"]));
  const cells = labelled("Cells", choice("interpolation", ["bilinear", "nearest"]));
  const fade = flag(
    "fade",
    "Fade",
    "Small values are transparent",
    () => model.get("fade"),
    (on) => model.set("fade", on),
  );
  const locked = flag(
    "limits",
    "Lock limits",
    "Keep the colour limits when the map changes",
    () => model.get("limits").length === 2,
    (on) => model.set("limits", on && scale ? [scale.low, scale.high] : []),
  );
  const superpixels = superpixelControls(model, signal);

  const more = h(
    "details",
    { class: "nbx-more" },
    h("summary", OWN_KEYS, "View"),
    h(
      "div",
      { class: "nbx-more-fields" },
      mode,
      labelled("Colours", choice("colormap", ["auto", ...COLORMAPS])),
      sign,
      reduction,
      cells,
      clip.element,
      h("div", { class: "nbx-flags" }, fade.label, locked.label),
    ),
  );
  const element = h("div", { class: "nbx-view" }, opacity.element, superpixels.element, more);
  keepKeys(element);
  return {
    element,
    offer(what) {
      scale = what.scale;
      if (automatic !== what.clip) {
        automatic = what.clip;
        clip.refresh();
      }
      sign.hidden = !what.signed;
      reduction.hidden = !what.reducible;
      cells.hidden = what.superpixels !== null;
      superpixels.offer(what.superpixels, what.map);
      mode.hidden = !what.picture || !what.map;
      const fixed = !what.map || !what.picture || model.get("mode") !== "overlay";
      for (const input of opacity.inputs) input.disabled = fixed;
      locked.input.disabled = !scale;
    },
  };
}
