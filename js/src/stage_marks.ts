import { h } from "./dom";
import type { Box } from "./raster";
import type { Point, Size } from "./zoom";

/** Left, top, right, bottom; of lines, one after the other, the two ends of each. */
export type Edges = number[];

/** What is marked on a stage, all in parts of its scene. */
export interface Marks {
  cell: Edges | null;
  /** The lines around a superpixel. */
  superpixel: Edges | null;
  /** May reach beyond the scene. */
  frame: Edges | null;
  pointer: Point | null;
}

const RING = 7;

/** Edges in units of something of this size, in parts of it. */
export function partsOf(edges: Edges, { width, height }: Size): Edges {
  return edges.map((edge, i) => edge / (i % 2 ? height : width));
}

/**
 * A sheet over a canvas, so that what is marked moves without a map being painted. `draw` is told how large the canvas is
 * and where the scene lies on it, in device pixels. The outlines, in the same pixels, are kept as data for tests.
 */
export function stageMarks() {
  const element = h("canvas", { class: "nbx-marks", "aria-hidden": "true" });
  let drawn = "";
  return {
    element,
    draw(marks: Marks, { width, height }: Size, whole: Box): void {
      const paths = outlines(marks, whole);
      const key = [width, height, ...Object.values(paths)].join();
      if (key === drawn) return;
      drawn = key;
      Object.assign(element.dataset, paths);
      Object.assign(element, { width, height }); // also clears it
      const context = element.getContext("2d")!;
      context.fillStyle = "rgb(0 0 0 / 28%)";
      context.fill(new Path2D(paths.dim), "evenodd");
      context.lineCap = "square";
      // Each line twice, a light one on a wider dark one: one of the two is seen on any colour.
      for (const line of [paths.framed, paths.picked, paths.outlined, paths.ring]) {
        for (const thick of [4, 2]) {
          context.strokeStyle = thick > 2 ? "#000" : "#fff";
          context.lineWidth = thick * devicePixelRatio;
          context.stroke(new Path2D(line));
        }
      }
    },
  };
}

/** What to draw, as paths of SVG. */
export function outlines({ cell, superpixel, frame, pointer }: Marks, { x, y, width, height }: Box) {
  const placed = (parts: Edges): Edges => parts.map((edge, i) => (i % 2 ? y + edge * height : x + edge * width));
  const whole = placed([0, 0, 1, 1]);
  const edges = frame && placed(frame);
  const seen = edges?.map((edge, i) => Math.min(whole[(i % 2) + 2]!, Math.max(whole[i % 2]!, edge)));
  return {
    dim: seen ? outline(whole) + outline(seen) : "",
    framed: seen ? sides(seen).filter((_, i) => seen[i] === edges![i]).join("") : "",
    picked: cell ? outline(placed(cell)) : "",
    outlined: superpixel ? lines(placed(superpixel)) : "",
    ring: pointer ? ring(x + pointer.x * width, y + pointer.y * height, RING * devicePixelRatio) : "",
  };
}

function outline([left, top, right, bottom]: Edges): string {
  return `M${left} ${top}H${right}V${bottom}H${left}z`;
}

/** One line for each edge; a side that lies beyond the scene is left out, not drawn at the scene's edge. */
function sides([left, top, right, bottom]: Edges): string[] {
  if (left === right || top === bottom) return [];
  return [`M${left} ${top}V${bottom}`, `M${left} ${top}H${right}`, `M${right} ${top}V${bottom}`, `M${left} ${bottom}H${right}`];
}

function lines(ends: Edges): string {
  let path = "";
  for (let i = 0; i < ends.length; i += 4) path += `M${ends[i]} ${ends[i + 1]}L${ends[i + 2]} ${ends[i + 3]}`;
  return path;
}

function ring(x: number, y: number, r: number): string {
  return `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
}
