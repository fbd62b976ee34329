import { rounded } from "./format";
import type { Look } from "./scale";
import type { Weights } from "./token_weights";

const LONGEST = 60;

/** The words of a feature between quotation marks, shortened. */
export function quoted(words: string): string {
  const characters = [...words.replace(/\s+/g, " ").trim()];
  if (!characters.length) return "white space";
  return `“${characters.length > LONGEST ? `${characters.slice(0, LONGEST - 1).join("")}…` : characters.join("")}”`;
}

/** A weight, with its sign where the sign has a meaning. */
export function weightWords(value: number, signed: boolean): string {
  return (signed && value > 0 ? "+" : "") + rounded(value);
}

/** All weights with as many decimals as the largest needs for three digits, so that they can be compared at a glance. */
export function numberWords(values: Float32Array, signed: boolean): string[] {
  const largest = values.reduce((most, value) => (Math.abs(value) < Infinity ? Math.max(most, Math.abs(value)) : most), 0);
  const decimals = largest ? 2 - Math.floor(Math.log10(largest)) : 0;
  const fixed = decimals >= 0 && decimals <= 5; // others are written with a power of ten
  return Array.from(values, (value) => {
    if (!fixed || !Number.isFinite(value)) return weightWords(value, signed);
    const text = Math.abs(value).toFixed(decimals);
    if (!Number(text)) return text;
    return (value < 0 ? "−" : signed ? "+" : "") + text;
  });
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A number that is written after some words: it stays with them, at their end, in text of either direction. */
export function after(words: string, number: string): string {
  const mark = RIGHT_TO_LEFT.test(words) ? "\u200f" : /\p{L}/u.test(words) ? "\u200e" : "";
  return `\u2060\u2066${number}\u2069${mark}`;
}

/** What is known of a feature, after its words; `rank` counts from 0. */
export function reading(feature: number, rank: number, weights: Weights | null, dropped: boolean): string {
  const known = [];
  // while another division of the text is on its way, there may be fewer weights than features
  if (weights && (weights.stale || feature >= weights.values.length)) known.push("its weight is on its way");
  else if (weights) {
    const [value, error] = [weights.values[feature]!, weights.errors?.[feature] ?? NaN];
    const plusMinus = Number.isFinite(error) && Number.isFinite(value) ? ` ± ${rounded(error, 2)} (SE)` : "";
    known.push(weightWords(value, weights.meta.signed ?? false) + plusMinus);
    if (rank >= 0) known.push(`rank ${rank + 1} of ${weights.values.length}`);
  }
  if (dropped) known.push("left out");
  return known.map((each) => ` · ${each}`).join("");
}

/** What the read-out says while no feature is looked at. */
export function atRest(count: number, coloured: number | null, weights: Weights | null, open: boolean): string {
  if (!count) return "";
  const words = [`${count} feature${count > 1 ? "s" : ""}`];
  if (weights?.stale) words.push("the weights are on their way");
  else if (weights && coloured !== null && coloured < count) words.push(`${coloured} coloured`);
  if (open) words.push("click one to leave it out");
  return words.join(" · ");
}

/** What was done to the colours. */
export function remarkOf({ limits, clip, signed, sign }: Look, note = ""): string {
  const remarks = [];
  if (limits.length === 2) remarks.push("locked");
  else if (clip < 100) remarks.push(`clipped at p${clip}`);
  if (signed && sign !== "both") remarks.push(sign);
  if (note) remarks.push(note);
  return remarks.join(" · ");
}
