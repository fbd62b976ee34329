import type { AnyModel } from "@anywidget/types";
import { carriedSpans, carriedWeights, type Span } from "./token_spans";
import { type ArrayState, decode, type Meta } from "./wire";

/** A text with its features, as it is to be shown. */
export interface Features {
  text: string;
  spans: Span[];
}

/** One weight per feature. */
export interface Weights {
  values: Float32Array;
  /** Standard errors; NaN where they are not known. */
  errors: Float32Array | null;
  meta: Meta;
  frame: number;
  /** They were computed for another text: those of its features that are still there. */
  stale: boolean;
}

/**
 * Finds the weights for a text. A frame belongs to the text that it was first drawn with; for another one it is only what
 * was known before. A frame with another number of features waits for its text.
 */
export function weightKeeper(): (array: AnyModel<ArrayState> | null, features: Features) => Weights | null {
  let last: { array: AnyModel<ArrayState>; features: Features; weights: Weights } | null = null;
  return (array, features) => {
    const decoded = array && decode(array);
    if (!decoded) return (last = null);
    const old = last?.array === array ? last : null;
    const count = features.spans.length;
    if (decoded.shape[1] === count && (old?.weights.frame !== decoded.frame || same(old.features, features))) {
      const rows = decoded.values.length / count;
      const values = decoded.values.subarray(0, count);
      const errors = rows > 1 ? decoded.values.subarray(count, 2 * count) : null;
      const weights = { values, errors, meta: decoded.meta, frame: decoded.frame, stale: false };
      last = { array, features, weights };
      return weights;
    }
    if (!old) return null;
    const carried = carriedSpans(old.features.text, features.text, old.features.spans);
    const values = carriedWeights(old.weights.values, carried, features.spans);
    return { ...old.weights, values, errors: null, stale: true };
  };
}

function same(one: Features, other: Features): boolean {
  return one.text === other.text && (one.spans === other.spans || one.spans.join() === other.spans.join());
}

/** The features by |weight|, largest first; those without a weight are left out. */
export function byStrength(values: Float32Array): number[] {
  const known = [...values.keys()].filter((feature) => !Number.isNaN(values[feature]));
  return known.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
}
