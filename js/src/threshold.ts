import type { AnyModel } from "@anywidget/types";
import { type ArrayState, decode } from "./wire";

/** The traits of `Threshold` in nbexplain/widgets/panes/threshold.py. */
export interface ThresholdState {
  /** From which score on a row is taken for the class; null: the class with the highest score. */
  value: number | null;
}

/** What `CurvesView` says of the array of counts: the k-th threshold is (first + k) · times / parts. */
interface StepsMeta {
  first: number;
  count: number;
  times: number;
  parts: number;
  positives: number;
  negatives: number;
  start: number;
  quantity: string;
  /** The class that the threshold is about. */
  channel: number;
}

export interface Counts {
  truePositives: number;
  falsePositives: number;
}

/** How many rows of either side have at least each threshold of the slider, so that no hand waits for the kernel. */
export class Steps {
  readonly #values: Float32Array;
  readonly about: StepsMeta;

  constructor(values: Float32Array, about: StepsMeta) {
    this.#values = values;
    this.about = about;
  }

  threshold(place: number): number {
    const { first, times, parts } = this.about;
    return ((first + place) * times) / parts;
  }

  place(threshold: number): number {
    const { first, count, times, parts } = this.about;
    return Math.min(count - 1, Math.max(0, Math.round((threshold * parts) / times) - first));
  }

  counts(place: number): Counts {
    return { truePositives: this.#values[place]!, falsePositives: this.#values[this.about.count + place]! };
  }

  /** With as many decimals as the steps need. */
  said(threshold: number): string {
    const decimals = Math.ceil(Math.log10(Math.max(this.about.parts, 1)) - 1e-9);
    return threshold.toFixed(decimals).replace("-", "−");
  }
}

/** The steps in an array model, or null before the first. */
export function stepsOf(model: AnyModel<ArrayState> | null): Steps | null {
  const decoded = model && decode(model);
  return decoded && new Steps(decoded.values, decoded.meta as unknown as StepsMeta);
}
