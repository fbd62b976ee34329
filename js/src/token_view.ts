import type { AnyModel } from "@anywidget/types";
import { COLORMAPS } from "./colormap";
import { h, keepKeys, labelled, option, OWN_KEYS, say } from "./dom";
import { freshId, numberBox, range } from "./inputs";
import { listen } from "./link";
import type { Scale } from "./scale";
import type { TokenPaneState } from "./token_pane";

export interface TokenView {
  element: HTMLElement;
  /** `count` features have weights, on this scale. */
  offer(count: number, signed: boolean, scale: Scale | null): void;
}

/** The controls of how features are coloured: the page follows each movement, the kernel hears its end. */
export function tokenView(model: AnyModel<TokenPaneState>, signal: AbortSignal): TokenView {
  let count = 1;
  let scale: Scale | null = null;
  const save = (): void => model.save_changes();
  const onChange = (name: keyof TokenPaneState, show: () => void): void => {
    listen(model, [`change:${name}`], show, signal);
    show();
  };

  const slider = (label: string, boxName: string, choose: (value: number) => void) => {
    const { input, show } = range(label, choose, save);
    const box = numberBox(boxName, choose);
    box.input.addEventListener("change", save);
    input.id = freshId();
    const name = h("label", { class: "nbx-name", for: input.id }, label);
    const element = h("div", { class: "nbx-labelled" }, name, input, box.input);
    return { element, inputs: [input, box.input], show, box };
  };
  const flag = (text: string, title: string, choose: (on: boolean) => void) => {
    const input = h("input", { type: "checkbox", ...OWN_KEYS });
    input.addEventListener("change", () => {
      choose(input.checked);
      save();
    });
    return { input, label: h("label", { class: "nbx-flag", title }, input, text) };
  };
  const choice = (name: "colormap" | "sign", values: readonly string[]): HTMLSelectElement => {
    const select = h("select", OWN_KEYS, ...values.map((value) => option(value, value)));
    select.addEventListener("change", () => {
      model.set(name, select.value);
      save();
    });
    onChange(name, () => (select.value = model.get(name)));
    return select;
  };

  const top = slider("Shown", "Shown, number of features", (k) => model.set("top", k < count ? k : 0));
  const outOf = h("span", { class: "nbx-out-of" });
  top.element.append(outOf);
  top.element.title = "How many features are coloured, those of the largest |weight| first";
  const showTop = (): void => {
    const shown = Math.min(model.get("top") || count, count);
    const bounds = { min: 1, max: count };
    say(outOf, shown === count ? "all" : `of ${count}`);
    top.show(shown, bounds, shown === count ? "all" : `${shown} of ${count}`);
    top.box.show(shown, bounds);
  };
  onChange("top", showTop);
  const numbers = flag("Numbers", "Write its weight after each coloured feature", (on) => model.set("numbers", on));
  onChange("numbers", () => (numbers.input.checked = model.get("numbers")));

  const clip = slider("Clip", "Clip at percentile", (percentile) => model.set("clip", percentile));
  clip.element.title = "The percentile of |weight| from which on colours no longer change; 100 is off";
  onChange("clip", () => {
    const percentile = model.get("clip") || 100;
    const bounds = { min: 50, max: 100, step: 0.5 };
    clip.show(percentile, bounds, percentile === 100 ? "off" : `percentile ${percentile}`);
    clip.box.show(percentile, bounds);
  });
  const sign = labelled("Sign", choice("sign", ["both", "positive", "negative", "absolute"]));
  const lockTitle = "Keep the colour limits when the weights change";
  const locked = flag("Lock limits", lockTitle, (on) => model.set("limits", on && scale ? [scale.low, scale.high] : []));
  onChange("limits", () => (locked.input.checked = model.get("limits").length === 2));

  const more = h(
    "details",
    { class: "nbx-more" },
    h("summary", OWN_KEYS, "View"),
    h(
      "div",
      { class: "nbx-more-fields" },
      labelled("Colours", choice("colormap", ["auto", ...COLORMAPS])),
      sign,
      clip.element,
      h("div", { class: "nbx-flags" }, locked.label),
    ),
  );
  const first = h("div", { class: "nbx-token-shown" }, top.element, numbers.label);
  const element = h("div", { class: "nbx-view" }, first, more);
  keepKeys(element);
  return {
    element,
    offer(features, signed, now) {
      scale = now;
      sign.hidden = !signed;
      locked.input.disabled = !scale;
      for (const input of [...top.inputs, numbers.input]) input.disabled = !scale;
      if (count === Math.max(1, features)) return;
      count = Math.max(1, features);
      showTop();
    },
  };
}
