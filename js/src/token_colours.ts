import type { Colormap } from "./colormap";
import { colour, type Scale, type Sign } from "./scale";

/** The ground of a feature, and the colour of what is written on it. */
export interface Fill {
  ground: string;
  ink: string;
}

/**
 * What "auto" means for a text: the colour of 0 is near that of the page, so that features that say nothing are quiet,
 * and the strongest stand out most. Blue is negative and red positive; what has no sign is orange.
 */
export function automaticColormap(signed: boolean, dark: boolean): Colormap {
  if (signed) return dark ? "berlin" : "RdBu";
  return dark ? "magma" : "PuOr";
}

/** The fills of the features that are among the `top` strongest of the sign that is shown (0: of all); null for the rest. */
export function fillsOf(values: Float32Array, ranked: number[], scale: Scale, top: number): (Fill | null)[] {
  const admitted = ranked.filter((feature) => admits(scale.sign, values[feature]!));
  const fills = new Array<Fill | null>(values.length).fill(null);
  for (const feature of admitted.slice(0, top || undefined)) fills[feature] = fillOf(values[feature]!, scale);
  return fills;
}

function admits(sign: Sign, value: number): boolean {
  if (sign === "positive") return value > 0;
  return sign === "negative" ? value < 0 : true;
}

function fillOf(value: number, scale: Scale): Fill {
  const [r, g, b] = colour(value, scale, false);
  return { ground: `rgb(${r}, ${g}, ${b})`, ink: inkOn([r, g, b]) };
}

/** Black or white, whichever is read better: at least 4.58 : 1 on any colour. */
export function inkOn(rgb: readonly number[]): string {
  const bright = luminance(rgb);
  return (bright + 0.05) ** 2 >= 1.05 * 0.05 ? "#000" : "#fff";
}

/** Relative luminance as WCAG 2 defines it, from 0 to 1. */
function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** Whether a pane stands on a dark page, as theme.css tells it. */
export function isDark(pane: HTMLElement): boolean {
  return getComputedStyle(pane).colorScheme === "dark";
}

/** Calls `changed` when the host marks its page as light or dark. */
export function followTheme(changed: () => void, signal: AbortSignal): void {
  const observer = new MutationObserver(changed);
  const attributeFilter = ["class", "theme", "data-jp-theme-light"];
  for (const element of [document.documentElement, document.body]) observer.observe(element, { attributeFilter });
  signal.addEventListener("abort", () => observer.disconnect());
}
