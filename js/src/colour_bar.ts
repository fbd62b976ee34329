import { h, say } from "./dom";
import { rounded } from "./format";
import { colour, type Scale } from "./scale";

const STOPS = 33;

export interface ColourBar {
  element: HTMLElement;
  show(scale: Scale | null, quantity: string, remark: string): void;
}

/**
 * Colours with three numbers under them; above, what the numbers are and what was done to them. The colours themselves
 * are laid out anew only where they differ: one channel's limits mostly mean the same colours as the next one's.
 */
export function colourBar(): ColourBar {
  const quantityText = h("span", { class: "nbx-quantity" });
  const remarkText = h("span", { class: "nbx-remark" });
  const bar = h("div", { class: "nbx-bar" });
  const ticks = [0, 1, 2].map(() => h("span", { class: "nbx-tick" }));
  const element = h(
    "div",
    { class: "nbx-colour-bar" },
    h("div", { class: "nbx-bar-head" }, quantityText, remarkText),
    bar,
    h("div", { class: "nbx-ticks" }, ...ticks),
  );
  let drawn = "";
  return {
    element,
    show(scale, quantity, remark) {
      element.style.visibility = scale ? "visible" : "hidden";
      if (!scale) return;
      const span = scale.high - scale.low;
      say(quantityText, quantity);
      quantityText.title = quantity;
      say(remarkText, scale.empty || remark);
      const middle = scale.low < 0 && scale.high > 0 ? 0 : scale.low + span / 2;
      [scale.low, middle, scale.high].forEach((value, i) => {
        const tick = ticks[i]!;
        say(tick, rounded(value));
        tick.style.left = `${(100 * (value - scale.low)) / span}%`;
      });
      const key = [scale.colormap, scale.sign, scale.signed, scale.low / scale.high].join();
      if (key === drawn) return;
      drawn = key;
      const stops = Array.from({ length: STOPS }, (_, i) => {
        const [r, g, b] = colour(scale.low + (i / (STOPS - 1)) * span, scale, false);
        return `rgb(${r},${g},${b})`;
      });
      bar.style.background = `linear-gradient(to right,${stops.join()})`;
    },
  };
}
