import type { AnyModel } from "@anywidget/types";
import { h } from "./dom";
import { GAP, type GridLayout } from "./map_layout";
import { paint } from "./raster";
import { colourTable, type Scale, scaleOf } from "./scale";
import { type ArrayState, decode, type Meta, oncePerFrame } from "./wire";

/** All maps of an array, cut into channels, with the extremes of each (NaN where a channel has no finite value). */
export interface Maps {
  planes: Float32Array[];
  low: Float32Array;
  high: Float32Array;
  /** The extremes of all channels together. */
  extremes: Float32Array;
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
      let [least, most] = [Infinity, -Infinity];
      for (let i = 0; i < plane.length; i++) {
        const value = plane[i]!;
        if (value < least && value !== -Infinity) least = value;
        if (value > most && value !== Infinity) most = value;
      }
      if (least <= most) [low[c], high[c]] = [least, most];
    });
    const known = (value: number): boolean => !Number.isNaN(value);
    const extremes = Float32Array.of(Math.min(...low.filter(known)), Math.max(...high.filter(known)));
    const dead = planes.filter((_, c) => !(high[c]! > low[c]!)).length;
    return { planes, low, high, extremes, dead, width, height, frame: array.frame, meta: array.meta };
  });
}

/** The scale of one channel: its own, or one for all. Without clipping it depends on the extremes alone. */
export function scaleFor(maps: Maps, channel: number, { shared, colormap }: GridLook): Scale {
  const signed = maps.meta.signed ?? false;
  const extremes = shared ? maps.extremes : Float32Array.of(maps.low[channel]!, maps.high[channel]!);
  return scaleOf(extremes, { signed, sign: "both", clip: 100, limits: [], colormap });
}

/** Draws the thumbnails that are in sight; `top` is how far the grid is scrolled. All in device pixels but `layout`. */
export function drawThumbs(canvas: HTMLCanvasElement, maps: Maps, look: GridLook, layout: GridLayout, top: number): void {
  const context = canvas.getContext("2d")!;
  const { columns, thumb } = layout;
  const pitch = thumb.height + GAP;
  const firstRow = Math.floor(top / pitch);
  const lastRow = Math.min(layout.rows - 1, Math.floor((top + canvas.height / devicePixelRatio) / pitch));
  const line = Math.max(1, Math.round(devicePixelRatio));
  const [width, height] = [Math.round(thumb.width * devicePixelRatio), Math.round(thumb.height * devicePixelRatio)];
  // Small maps are enlarged cell by cell; large ones are drawn whole first and then averaged down by the canvas.
  const enlarged = maps.width <= width;
  const image = new ImageData(enlarged ? width : maps.width, enlarged ? height : maps.height);
  const pixels = new Uint32Array(image.data.buffer);
  const plate = h("canvas", { width: `${image.width}`, height: `${image.height}` });
  const whole = { x: 0, y: 0, width: maps.width, height: maps.height };
  const common = look.shared ? scaleFor(maps, 0, look) : null;
  const commonTable = common && colourTable(common, false, TABLE);

  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "medium";
  context.strokeStyle = LINE_COLOUR;
  context.lineWidth = line;
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = 0; column < columns; column++) {
      const channel = row * columns + column;
      const plane = maps.planes[channel];
      if (!plane) break;
      const scale = common ?? scaleFor(maps, channel, look);
      const table = commonTable ?? colourTable(scale, false, TABLE);
      const grid = { values: plane, width: maps.width, height: maps.height };
      paint(pixels, image.width, image.height, grid, whole, { table, from: scale.from, to: scale.to }, false);
      plate.getContext("2d")!.putImageData(image, 0, 0);
      const x = Math.round(column * (thumb.width + GAP) * devicePixelRatio);
      const y = Math.round((row * pitch - top) * devicePixelRatio);
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
