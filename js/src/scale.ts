import { chooseColormap, type Colormap, isDiverging, palette } from "./colormap";

export type Sign = "both" | "positive" | "negative" | "absolute";
export type Reduction = "sum" | "mean |·|" | "max |·|";

export interface Look {
  signed: boolean;
  sign: Sign;
  clip: number;
  limits: number[];
  colormap: string;
}

/** How values become colours. `low` and `high` are what the colour bar shows, after the choice of sign. */
export interface Scale {
  low: number;
  high: number;
  /** The raw values of the first and last entry of a colour table. */
  from: number;
  to: number;
  signed: boolean;
  sign: Sign;
  colormap: Colormap;
  /** Why the colours say nothing, or "". */
  empty: string;
}

/**
 * The |value| below which `percent` of the finite values other than 0 lie; their largest for 100, 0 if there are none.
 * Zeros do not count: a map of which most is 0 has no colours to spare for them.
 */
export function magnitude(values: Float32Array, percent: number): number {
  if (percent >= 100) {
    let largest = 0;
    for (let i = 0; i < values.length; i++) {
      const size = Math.abs(values[i]!);
      if (size > largest && size !== Infinity) largest = size;
    }
    return largest;
  }
  const sizes = new Float32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]!);
    if (size > 0 && size < Infinity) sizes[count++] = size; // also leaves out NaN
  }
  return count ? percentile(sizes.subarray(0, count), percent) : 0;
}

/** The percentile, interpolated between neighbours, by Hoare's selection: no need to sort all. Reorders `numbers`. */
function percentile(numbers: Float32Array, percent: number): number {
  const place = (percent / 100) * (numbers.length - 1);
  const wanted = Math.floor(place);
  let [first, last] = [0, numbers.length - 1];
  while (first < last) {
    const pivot = numbers[(first + last) >> 1]!;
    let [i, j] = [first, last];
    while (i <= j) {
      while (numbers[i]! < pivot) i++;
      while (numbers[j]! > pivot) j--;
      if (i <= j) {
        const swap = numbers[i]!;
        numbers[i++] = numbers[j]!;
        numbers[j--] = swap;
      }
    }
    if (wanted <= j) last = j;
    else if (wanted >= i) first = i;
    else break;
  }
  const found = numbers[wanted]!;
  if (place === wanted) return found;
  let next = Infinity;
  for (let i = wanted + 1; i < numbers.length; i++) if (numbers[i]! < next) next = numbers[i]!;
  return found + (next - found) * (place - wanted);
}

/** How far values reach: their largest |value| short of what is clipped, and their least if it is below 0. */
export interface Extent {
  least: number;
  largest: number;
}

export function extentOf(values: Float32Array, clip: number): Extent {
  return { least: smallest(values), largest: magnitude(values, clip) };
}

const extents = new WeakMap<Float32Array, Map<number, Extent>>();

/** `extentOf`, found once for each array: a volume has many values, and its slices are leafed through. */
export function knownExtent(values: Float32Array, clip: number): Extent {
  const known = extents.get(values) ?? new Map<number, Extent>();
  extents.set(values, known);
  const extent = known.get(clip) ?? extentOf(values, clip);
  known.set(clip, extent);
  return extent;
}

/** The scale of one map. Signed maps are symmetric around zero; unsigned ones include it. */
export function scaleOf(values: Float32Array, look: Look, { least, largest } = extentOf(values, look.clip)): Scale {
  const signed = look.signed && look.sign !== "absolute";
  const sign = look.signed ? look.sign : "both";
  let [low, high] = [0, largest];
  if (look.limits.length === 2) [low, high] = look.limits as [number, number];
  else if (sign === "negative") [low, high] = [-largest, 0];
  else if (signed && sign === "both") low = -largest;
  else if (!look.signed) low = Math.max(-largest, least);
  const colormap = chooseColormap(look.colormap, signed);
  const empty = values.every(Number.isNaN) ? "no values" : low === high ? "all values are 0" : "";
  if (!(high > low)) high = low + 1;
  const from = sign === "absolute" ? -Math.max(Math.abs(low), Math.abs(high)) : low;
  return { low, high, from, to: sign === "absolute" ? -from : high, signed, sign, colormap, empty };
}

function smallest(values: Float32Array): number {
  let least = 0;
  for (let i = 0; i < values.length; i++) if (values[i]! < least && values[i] !== -Infinity) least = values[i]!;
  return least;
}

/** The colour of a value as [red, green, blue, alpha], each up to 255. With `fade` the alpha follows |value|. */
export function colour(value: number, scale: Scale, fade: boolean): [number, number, number, number] {
  const shown = Math.min(scale.high, Math.max(scale.low, scale.sign === "absolute" ? Math.abs(value) : value));
  const largest = Math.max(Math.abs(scale.low), Math.abs(scale.high));
  const strength = scale.signed ? Math.abs(shown) / largest : (shown - scale.low) / (scale.high - scale.low);
  let position = strength;
  if (isDiverging(scale.colormap)) position = 0.5 + (0.5 * shown) / largest;
  else if (scale.signed && scale.sign === "both") position = (shown - scale.low) / (scale.high - scale.low);
  const rgb = palette(scale.colormap);
  const at = 3 * Math.round(255 * position);
  return [rgb[at]!, rgb[at + 1]!, rgb[at + 2]!, fade ? Math.round(255 * visibility(strength)) : 255];
}

/** Alpha of a strength: weak values stay out of the picture's way, middling ones are seen clearly. */
function visibility(strength: number): number {
  return Math.min(1, 1.6 * strength ** 0.9);
}

/** Colours for equally spaced raw values from `scale.from` to `scale.to`, packed as canvas pixels. */
export function colourTable(scale: Scale, fade: boolean, length = 1024): Uint32Array {
  const table = new Uint32Array(length);
  const bytes = new Uint8Array(table.buffer);
  for (let i = 0; i < length; i++) {
    bytes.set(colour(scale.from + (i / (length - 1)) * (scale.to - scale.from), scale, fade), 4 * i);
  }
  return table;
}

/** One map out of a (channel, y, x) array. */
export function reduce(values: Float32Array, channels: number, how: Reduction): Float32Array {
  const cells = values.length / channels;
  const map = new Float32Array(cells);
  for (let i = 0; i < cells; i++) {
    let result = 0;
    for (let c = 0; c < channels; c++) {
      const value = values[c * cells + i]!;
      if (how === "sum") result += value;
      else if (how === "mean |·|") result += Math.abs(value) / channels;
      else result = Math.max(result, Math.abs(value)); // a NaN stays NaN
    }
    map[i] = result;
  }
  return map;
}
