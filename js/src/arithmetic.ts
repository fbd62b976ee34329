/** What each input channel adds to one output of a convolution; all in double precision. */
export interface Sums {
  /** Σ patch × kernel over each input channel. */
  contributions: Float64Array;
  /** The input channels, largest |contribution| first. */
  ranking: number[];
  total: number;
  /** Σ |patch × kernel|: what rounding errors are in proportion to. */
  weight: number;
}

/** Rounding of a sum in single precision, with room for the order in which a layer adds. */
const ROUNDING = 1e-5;

/** `numbers` is (2, in_channels, kh, kw): the patch, then the kernel. */
export function sumsOf(numbers: Float32Array, channels: number): Sums {
  const half = numbers.length / 2;
  const size = half / channels;
  const contributions = new Float64Array(channels);
  let [total, weight] = [0, 0];
  for (let channel = 0; channel < channels; channel++) {
    for (let i = channel * size; i < (channel + 1) * size; i++) {
      const product = numbers[i]! * numbers[half + i]!;
      contributions[channel]! += product;
      weight += Math.abs(product);
    }
    total += contributions[channel]!;
  }
  const reach = (channel: number): number => Math.abs(contributions[channel]!);
  const ranking = Array.from(contributions, (_, channel) => channel).sort((a, b) => reach(b) - reach(a) || a - b);
  return { contributions, ranking, total, weight };
}

/** Whether what a layer returned is the sum, up to the rounding of single precision. */
export function agrees(sum: number, returned: number, weight: number): boolean {
  return Math.abs(sum - returned) <= ROUNDING * (weight + Math.abs(sum)) + 1e-12;
}
