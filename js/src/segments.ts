import type { AnyModel } from "@anywidget/types";
import { cellAt } from "./cell_pick";
import { type ArrayState, decode, oncePerFrame } from "./wire";
import type { Point } from "./zoom";

/** A picture cut into superpixels. */
export interface Segments {
  /** What overlays name that have a value for each of these superpixels. */
  key: string;
  count: number;
  width: number;
  height: number;
  /** The superpixel of each pixel, row by row. */
  labels: Float32Array;
  /** The pixels, those of superpixel 0 first; those of superpixel i begin at `starts[i]` and end before `starts[i + 1]`. */
  pixels: Int32Array;
  starts: Int32Array;
  /** Where superpixels meet each other or the picture's edge. */
  borders: Border[];
}

/** A straight line in pixels of the picture, and the superpixels on its two sides, or `BEYOND`. */
export interface Border {
  line: [x1: number, y1: number, x2: number, y2: number];
  sides: [number, number];
}

/** Stands for what is beyond the edge of the picture. */
export const BEYOND = -1;

/** The superpixels of a label map (y, x), or null before its first frame. All panes of the page share one. */
export function segmentsOf(model: AnyModel<ArrayState>): Segments | null {
  const map = decode(model);
  if (!map || map.shape.length !== 2) return null;
  const { values, shape, meta } = map;
  return oncePerFrame(model, "segments", () => {
    return segmentsFrom(values, { width: shape[1]!, height: shape[0]! }, meta.count ?? 0, meta.key ?? "");
  });
}

export function segmentsFrom(
  labels: Float32Array,
  { width, height }: { width: number; height: number },
  count: number,
  key: string,
): Segments {
  const starts = new Int32Array(count + 1);
  for (let i = 0; i < labels.length; i++) starts[labels[i]! + 1]!++;
  for (let label = 0; label < count; label++) starts[label + 1]! += starts[label]!;
  const next = starts.slice();
  const pixels = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i++) pixels[next[labels[i]!]!++] = i;
  return { key, count, width, height, labels, pixels, starts, borders: bordersOf(labels, width, height) };
}

function bordersOf(labels: Float32Array, width: number, height: number): Border[] {
  const found: Border[] = [];
  const label = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? BEYOND : labels[y * width + x]!;
  // neighbouring edges of pixels between the same two superpixels become one line
  const edge = (x1: number, y1: number, x2: number, y2: number, one: number, other: number): void => {
    if (one === other) return;
    const last = found.at(-1);
    const goesOn = last?.line[2] === x1 && last.line[3] === y1 && last.sides[0] === one && last.sides[1] === other;
    if (goesOn) [last.line[2], last.line[3]] = [x2, y2];
    else found.push({ line: [x1, y1, x2, y2], sides: [one, other] });
  };
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; x++) edge(x, y, x + 1, y, label(x, y - 1), label(x, y));
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; y++) edge(x, y, x, y + 1, label(x - 1, y), label(x, y));
  }
  return found;
}

/** The lines around one superpixel: x and y of both ends of each. */
export function outlineOf(segments: Segments, label: number): number[] {
  return segments.borders.filter(({ sides }) => sides.includes(label)).flatMap(({ line }) => line);
}

/** The superpixel at a place given in parts of the picture, or null outside of it. */
export function labelAt(at: Point, segments: Segments): number | null {
  const [row, column] = cellAt(at, segments);
  return row === undefined ? null : segments.labels[row * segments.width + column!]!;
}

/** The next superpixel to one side of a place, both in parts of the picture; the same place where there is none. */
export function beside(at: Point, [down, across]: readonly [number, number], segments: Segments): Point {
  const { width, height } = segments;
  const here = labelAt(at, segments);
  for (let { x, y } = at; ; ) {
    x += across / width;
    y += down / height;
    const there = labelAt({ x, y }, segments);
    if (there === null) return at;
    if (there !== here) return { x, y };
  }
}

/** The place of each value in the order of |value|, the largest at 0; equal ones as they come, NaN last. */
export function ranksOf(values: Float32Array): Int32Array {
  const size = (i: number): number => (Number.isNaN(values[i]!) ? -1 : Math.abs(values[i]!));
  const order = Array.from(values.keys()).sort((a, b) => size(b) - size(a) || a - b);
  const ranks = new Int32Array(values.length);
  order.forEach((i, rank) => (ranks[i] = rank));
  return ranks;
}

/** How many are shown of `count` superpixels by the trait `top`, of which 0 is all. */
export function shownOf(top: number, count: number): number {
  return top > 0 ? Math.min(top, count) : count;
}
