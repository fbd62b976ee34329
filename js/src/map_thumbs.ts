import type { AnyModel } from "@anywidget/types";
import { h } from "./dom";
import { depthOf, type Slice, sliceAt } from "./image_pane/slices";
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
  constant: number;
  width: number;
  height: number;
  /** The slice that is shown of each channel of a volume. */
  slice: Slice | null;
  frame: number;
  meta: Meta;
}

export interface GridLook {
  shared: boolean;
  colormap: string;
}

export interface Thumbs extends GridLook {
  layout: GridLayout;
  /** The channel at each place. */
  channels: ArrayLike<number>;
  /** The channels that are dead over all inputs. */
  dead: ReadonlySet<number>;
}

const TABLE = 256;
const LINE_COLOUR = "rgba(128, 128, 128, 0.5)";

/** The maps of a (channel, y, x) array, or of a slice of (channel, z, y, x) at a part of the depth. */
export function mapsOf(model: AnyModel<ArrayState> | null, part: number | null = null): Maps | null {
  const array = model && decode(model);
  const depth = depthOf(model) === null ? null : array!.shape.at(-3)!;
  if (!model || !array || array.shape.length !== (depth === null ? 3 : 4)) return null;
  const slice = depth === null ? null : { number: sliceAt(part, depth), count: depth };
  return oncePerFrame(model, `maps ${slice?.number}`, () => {
    const [channels, [height, width]] = [array.shape[0]!, array.shape.slice(-2) as [number, number]];
    const [cells, between] = [height * width, array.values.length / channels];
    const planes = Array.from({ length: channels }, (_, c) => {
      const start = c * between + (slice?.number ?? 0) * cells;
      return array.values.subarray(start, start + cells);
    });
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
    const constant = planes.filter((_, c) => !(high[c]! > low[c]!)).length;
    return { planes, low, high, extremes, constant, width, height, slice, frame: array.frame, meta: array.meta };
  });
}

/** The scale of one channel: its own, or one for all. Without clipping it depends on the extremes alone. */
export function scaleFor(maps: Maps, channel: number, { shared, colormap }: GridLook): Scale {
  const signed = maps.meta.signed ?? false;
  const extremes = shared ? maps.extremes : Float32Array.of(maps.low[channel]!, maps.high[channel]!);
  return scaleOf(extremes, { signed, sign: "both", clip: 100, limits: [], colormap });
}

/** Draws the thumbnails that are in sight; `top` is how far the grid is scrolled. All in device pixels but `layout`. */
export function drawThumbs(canvas: HTMLCanvasElement, maps: Maps, look: Thumbs, top: number): void {
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  drawRows(context, maps, look, top, 0, canvas.height);
}

/** Draws after the grid was scrolled: what is still in sight moves along, and only what has come into sight is drawn. */
export function scrollThumbs(canvas: HTMLCanvasElement, maps: Maps, look: Thumbs, before: number, top: number): void {
  const context = canvas.getContext("2d")!;
  const shift = devicePlace(top) - devicePlace(before);
  if (!shift) return;
  if (Math.abs(shift) >= canvas.height) return drawThumbs(canvas, maps, look, top);
  context.globalCompositeOperation = "copy";
  context.drawImage(canvas, 0, -shift);
  context.globalCompositeOperation = "source-over";
  const [from, to] = shift > 0 ? [canvas.height - shift, canvas.height] : [0, -shift];
  drawRows(context, maps, look, top, from, to);
}

/** Rounded once, so that everything moves by the same number of device pixels. */
function devicePlace(top: number): number {
  return Math.round(top * devicePixelRatio);
}

/** Draws the rows that show between two heights of the canvas. */
function drawRows(context: CanvasRenderingContext2D, maps: Maps, look: Thumbs, top: number, from: number, to: number): void {
  const { columns, rows, thumb } = look.layout;
  const pitch = thumb.height + GAP;
  const firstRow = Math.max(0, Math.floor((from / devicePixelRatio + top) / pitch));
  const lastRow = Math.min(rows - 1, Math.floor((to / devicePixelRatio + top) / pitch));
  const line = Math.max(1, Math.round(devicePixelRatio));
  const [width, height] = [Math.round(thumb.width * devicePixelRatio), Math.round(thumb.height * devicePixelRatio)];
  // Small maps are enlarged cell by cell; large ones are drawn whole first and then averaged down by the canvas.
  const enlarged = maps.width <= width;
  const image = new ImageData(enlarged ? width : maps.width, enlarged ? height : maps.height);
  const pixels = new Uint32Array(image.data.buffer);
  const plate = h("canvas", { width: `${image.width}`, height: `${image.height}` });
  const whole = { x: 0, y: 0, width: maps.width, height: maps.height };
  const common = look.shared ? scaleFor(maps, 0, look) : null;
  // Channels whose limits differ mostly have the same colours between them.
  const tables = new Map<number, Uint32Array>();
  const tableOf = (scale: Scale): Uint32Array => {
    const key = scale.low / scale.high;
    const table = tables.get(key) ?? colourTable(scale, false, TABLE);
    tables.set(key, table);
    return table;
  };

  context.imageSmoothingQuality = "medium";
  context.lineWidth = line;
  for (let row = firstRow; row <= lastRow; row++) {
    const y = Math.round(row * pitch * devicePixelRatio) - devicePlace(top);
    for (let column = 0; column < columns; column++) {
      const channel = look.channels[row * columns + column];
      const plane = channel === undefined ? undefined : maps.planes[channel];
      if (channel === undefined || !plane) break;
      const x = Math.round(column * (thumb.width + GAP) * devicePixelRatio);
      context.clearRect(x, y, width, height);
      const constant = isConstant(maps, channel);
      if (!constant) {
        const scale = common ?? scaleFor(maps, channel, look);
        const table = tableOf(scale);
        const grid = { values: plane, width: maps.width, height: maps.height };
        paint(pixels, image.width, image.height, grid, whole, { table, from: scale.from, to: scale.to }, false);
        if (enlarged) context.putImageData(image, x, y);
        else {
          plate.getContext("2d")!.putImageData(image, 0, 0);
          context.drawImage(plate, x, y, width, height);
        }
      }
      context.strokeStyle = LINE_COLOUR;
      context.strokeRect(x + line / 2, y + line / 2, width - line, height - line);
      if (look.dead.has(channel)) deadCorner(context, x, y, width, Math.min(width, height) * 0.42, line);
      else if (constant) cross(context, x + width / 2, y + height / 2, Math.min(width, height) * 0.15);
    }
  }
}

/** A channel that says the same everywhere. */
export function isConstant(maps: Maps, channel: number): boolean {
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

/** The upper right corner, struck through: dark with a light line, so that it is seen on any colour. */
function deadCorner(context: CanvasRenderingContext2D, x: number, y: number, width: number, size: number, line: number): void {
  const right = x + width;
  context.beginPath();
  context.moveTo(right - size, y);
  context.lineTo(right, y);
  context.lineTo(right, y + size);
  context.closePath();
  context.fillStyle = "#b3261e";
  context.fill();
  context.beginPath();
  context.moveTo(right - size, y);
  context.lineTo(right, y + size);
  context.moveTo(right - size * 0.62, y + size * 0.62);
  context.lineTo(right - line, y + line);
  context.strokeStyle = "#fff";
  context.stroke();
}
