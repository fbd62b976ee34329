import type { AnyModel } from "@anywidget/types";
import { h } from "../dom";
import { type ArrayState, bytesOf, oncePerFrame } from "../wire";

/** One slice of a volume, counted from 0. */
export interface Slice {
  number: number;
  count: number;
}

/** Where a map of a volume is cut. */
export interface Cut {
  /** Where the slice lies, in parts of the depth. */
  part: number;
  /** Whether cells are interpolated between slices of the map, as they are along its rows and columns. */
  smooth: boolean;
}

/** What a map of a volume has besides the plane that is drawn. */
export interface Depth {
  /** All its values, slice by slice. */
  values: Float32Array;
  /** The values of the cells that the plane cuts. */
  cells: Float32Array;
  /** Which they are along z, of how many. */
  at: number;
  count: number;
}

export function middleOf({ number, count }: Slice): number {
  return (number + 0.5) / count;
}

/** Which of `count` slices lies at a part of the depth; without one the middle. */
export function sliceAt(part: number | null, count: number): number {
  return Math.min(count - 1, Math.max(0, Math.floor((part ?? 0.5) * count)));
}

/** How many slices an array has along z, or null where it is no volume. */
export function depthOf(model: AnyModel<ArrayState> | null): number | null {
  const axes = model?.get("frame") ? model.get("meta").axes : undefined;
  const z = axes?.indexOf("z") ?? -1;
  return z < 0 ? null : model!.get("meta").slices ?? model!.get("shape")[z]!;
}

/** The plane of a map (z, y, x) that is drawn, and the cells that it cuts. */
export function planeOf(values: Float32Array, count: number, { part, smooth }: Cut): { plane: Float32Array; depth: Depth } {
  const cells = values.length / count;
  const slice = (z: number): Float32Array => values.subarray(z * cells, (z + 1) * cells);
  const at = sliceAt(part, count);
  const depth = { values, cells: slice(at), at, count };
  const centre = Math.min(count - 1, Math.max(0, part * count - 0.5));
  const weight = centre - Math.floor(centre);
  if (!smooth || weight < 1e-6 || weight > 1 - 1e-6) return { plane: depth.cells, depth };
  const [before, after] = [slice(Math.floor(centre)), slice(Math.floor(centre) + 1)];
  const plane = before.map((value, i) => {
    const between = value + (after[i]! - value) * weight;
    return Number.isNaN(between) ? depth.cells[i]! : between; // a NaN covers just its own cell
  });
  return { plane, depth };
}

const peaks = new WeakMap<Float32Array, number>();

/** Which of `slices` on screen holds the map's largest |value|, or null where nothing is known or all is 0. */
export function peakIn({ values, count }: Depth, slices: number): number | null {
  let place = peaks.get(values);
  if (place === undefined) {
    place = -1;
    for (let i = 0, largest = 0; i < values.length; i++) {
      const size = Math.abs(values[i]!);
      if (size > largest) [place, largest] = [i, size];
    }
    peaks.set(values, place);
  }
  const z = Math.floor(place / (values.length / count));
  return place < 0 ? null : sliceAt((z + 0.5) / count, slices);
}

export function sliceReading({ number, count }: Slice): string {
  return `slice ${number} of ${count}`;
}

/** What is to be said of slices that were made smaller on their way, or "". */
export function shrunkReading(model: AnyModel<ArrayState>): string {
  const [depth = 0, rows = 0, columns = 0] = model.get("shape");
  const { size: [height, width] = [rows, columns], slices = depth } = model.get("meta");
  if (rows === height && columns === width && depth === slices) return "";
  return `drawn as ${columns} × ${rows} × ${depth} of ${width} × ${height} × ${slices}`;
}

/** A slice of a picture (z, y, x) or (z, y, x, 3) of bytes as a canvas; each is made once a frame. */
export function sliceCanvas(model: AnyModel<ArrayState>, part: number): HTMLCanvasElement | null {
  const [depth = 0, height = 0, width = 0, colours = 1] = model.get("shape");
  if (!model.get("frame") || !depth) return null;
  const at = sliceAt(part, depth);
  return oncePerFrame(model, `slice ${at}`, () => {
    const size = height * width * colours;
    const levels = bytesOf(model.get("buffer")).subarray(at * size, (at + 1) * size);
    const pixels = new Uint8ClampedArray(height * width * 4).fill(255);
    for (let i = 0; i < height * width; i++) {
      for (let colour = 0; colour < 3; colour++) pixels[4 * i + colour] = levels[i * colours + (colours > 1 ? colour : 0)]!;
    }
    const canvas = h("canvas", { width: `${width}`, height: `${height}` });
    canvas.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
    return canvas;
  });
}
