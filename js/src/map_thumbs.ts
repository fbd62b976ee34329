import type { AnyModel } from "@anywidget/types";
import { h } from "./dom";
import { GAP, type GridLayout } from "./map_layout";
import { paint } from "./raster";
import { colourTable, type Scale, scaleOf } from "./scale";
import { type ArrayState, decode, type Meta, oncePerFrame } from "./wire";

/** All maps of an array, cut into channels, with the extremes of each (NaN where a channel has no values). */
export interface Maps {
  planes: Float32Array[];
  low: Float32Array;
  high: Float32Array;
  all: Float32Array;
  dead: number;
  width: number;
  height: number;
  frame: number;
  meta: Meta;
}

export interface GridLook {
  shared: boolean;
  colormap: string;
}

const TABLE = 256;
const LINE_COLOUR = "rgba(128, 128, 128, 0.5)";

export function mapsOf(model: AnyModel<ArrayState> | null): Maps | null {
  const array = model && decode(model);
  if (!model || !array || array.shape.length !== 3) return null;
  return oncePerFrame(model, "maps", () => {
    const [channels, height, width] = array.shape as [number, number, number];
    const cells = height * width;
    const planes = Array.from({ length: channels }, (_, c) => array.values.subarray(c * cells, (c + 1) * cells));
    const low = new Float32Array(channels).fill(NaN);
    const high = new Float32Array(channels).fill(NaN);
    planes.forEach((plane, c) => {
      for (const value of plane) {
        if (!(value >= low[c]!)) low[c] = Number.isNaN(value) ? low[c]! : value;
        if (!(value <= high[c]!)) high[c] = Number.isNaN(value) ? high[c]! : value;
      }
    });
    const dead = planes.filter((_, c) => !(high[c]! > low[c]!)).length;
    return { planes, low, high, all: array.values, dead, width, height, frame: array.frame, meta: array.meta };
  });
}

/** The scale of one channel: its own, or one for all. */
export function scaleFor(maps: Maps, channel: number, { shared, colormap }: GridLook): Scale {
  const signed = maps.meta.signed ?? false;
  const values = shared ? maps.all : maps.planes[channel]!;
  return scaleOf(values, { signed, sign: "both", clip: 100, limits: [], colormap });
}

/** Draws the thumbnails that are in sight; `top` is how far the grid is scrolled. All in device pixels but `layout`. */
export function drawThumbs(canvas: HTMLCanvasElement, maps: Maps, look: GridLook, layout: GridLayout, top: number): void {
  const context = canvas.getContext("2d")!;
  const { columns, thumb } = layout;
  const pitch = thumb.height + GAP;
  const firstRow = Math.floor(top / pitch);
  const lastRow = Math.min(layout.rows - 1, Math.floor((top + canvas.height / devicePixelRatio) / pitch));
  const line = Math.max(1, Math.round(devicePixelRatio));
  const plate = h("canvas", { width: `${maps.width}`, height: `${maps.height}` });
  const image = new ImageData(maps.width, maps.height);
  const pixels = new Uint32Array(image.data.buffer);
  const whole = { x: 0, y: 0, width: maps.width, height: maps.height };
  const common = look.shared ? scaleFor(maps, 0, look) : null;
  const commonTable = common && colourTable(common, false, TABLE);

  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "medium";
  context.strokeStyle = LINE_COLOUR;
  context.lineWidth = line;
  context.imageSmoothingEnabled = maps.width > thumb.width * devicePixelRatio;
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = 0; column < columns; column++) {
      const channel = row * columns + column;
      const plane = maps.planes[channel];
      if (!plane) break;
      const scale = common ?? scaleFor(maps, channel, look);
      const table = commonTable ?? colourTable(scale, false, TABLE);
      const grid = { values: plane, width: maps.width, height: maps.height };
      paint(pixels, grid.width, grid.height, grid, whole, { table, from: scale.from, to: scale.to }, false);
      plate.getContext("2d")!.putImageData(image, 0, 0);
      const x = Math.round(column * (thumb.width + GAP) * devicePixelRatio);
      const y = Math.round((row * pitch - top) * devicePixelRatio);
      const [width, height] = [Math.round(thumb.width * devicePixelRatio), Math.round(thumb.height * devicePixelRatio)];
      if (!isDead(maps, channel)) context.drawImage(plate, x, y, width, height);
      context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
      if (isDead(maps, channel)) cross(context, x + width / 2, y + height / 2, width * 0.15);
    }
  }
}

/** A channel that says the same everywhere. */
export function isDead(maps: Maps, channel: number): boolean {
  return !(maps.high[channel]! > maps.low[channel]!);
}

function cross(context: CanvasRenderingContext2D, x: number, y: number, arm: number): void {
  context.beginPath();
  context.moveTo(x - arm, y - arm);
  context.lineTo(x + arm, y + arm);
  context.moveTo(x + arm, y - arm);
  context.lineTo(x - arm, y + arm);
  context.stroke();
}
