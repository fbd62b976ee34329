import { h } from "./dom";
import { type Box, NAN_COLOURS, onHatch } from "./raster";
import { colour, type Scale } from "./scale";
import type { Segments } from "./segments";
import { drawBorders } from "./superpixel_lines";
import type { Size } from "./zoom";

/** What is drawn of the superpixels of a picture. */
export interface Superpixels {
  segments: Segments;
  /** The weights, their ranks and how many of them are painted; null where nothing is known but the borders. */
  weights: { values: Float32Array; ranks: Int32Array; shown: number; scale: Scale } | null;
  opacity: number;
  fade: boolean;
  borders: boolean;
  /** Whether what is not painted is covered. */
  hideRest: boolean;
}

const NOTHING = 0;
const COVER = 0xff808080;
const HATCHED = -1;

/** Superpixels over a picture. Kept from one drawing to the next, so that only those are painted whose colour changes. */
export class SuperpixelLayer {
  readonly #sheet = h("canvas");
  readonly #lines = h("canvas");
  #image = new ImageData(1, 1);
  #of: Segments | null = null;
  #painted: number[] = [];
  #linesImage = new ImageData(1, 1);
  #linesKey = "";
  #linesRanks: Int32Array | undefined;

  /** Draws over `whole`, where the picture lies on the stage, in device pixels. */
  draw(context: CanvasRenderingContext2D, whole: Box, what: Superpixels): void {
    const { segments } = what;
    if (segments !== this.#of) {
      this.#of = segments;
      this.#painted = [];
      this.#linesKey = "";
      this.#image = new ImageData(segments.width, segments.height);
      Object.assign(this.#sheet, { width: segments.width, height: segments.height });
    }
    if (what.weights) {
      this.#paint(coloursOf(what));
      context.imageSmoothingEnabled = whole.width < segments.width; // enlarged, its pixels have edges
      context.drawImage(this.#sheet, whole.x, whole.y, whole.width, whole.height);
      context.imageSmoothingEnabled = true;
    }
    if (what.borders) {
      this.#drawLines(context.canvas, whole, what);
      context.drawImage(this.#lines, 0, 0);
    }
  }

  #paint(colours: number[]): void {
    const { width, pixels, starts } = this.#of!;
    const out = new Uint32Array(this.#image.data.buffer);
    let changed = false;
    colours.forEach((packed, label) => {
      if (packed === this.#painted[label]) return;
      changed = true;
      for (let i = starts[label]!; i < starts[label + 1]!; i++) {
        const pixel = pixels[i]!;
        out[pixel] = packed === HATCHED ? NAN_COLOURS[onHatch(pixel % width, Math.floor(pixel / width)) ? 1 : 0] : packed;
      }
    });
    this.#painted = colours;
    if (changed) this.#sheet.getContext("2d")!.putImageData(this.#image, 0, 0);
  }

  /** The lines are kept as well: they change with the zoom, and with what is shown where the rest is covered. */
  #drawLines({ width, height }: Size, whole: Box, what: Superpixels): void {
    const covered = what.hideRest ? what.weights : null;
    const key = [width, height, whole.x, whole.y, whole.width, covered?.shown].join();
    if (key === this.#linesKey && covered?.ranks === this.#linesRanks) return;
    this.#linesKey = key;
    this.#linesRanks = covered?.ranks;
    if (this.#linesImage.width !== width || this.#linesImage.height !== height) {
      this.#linesImage = new ImageData(width, height);
      Object.assign(this.#lines, { width, height });
    }
    const out = new Uint32Array(this.#linesImage.data.buffer).fill(0);
    const isSeen = covered && ((label: number): boolean => covered.ranks[label]! < covered.shown);
    drawBorders(out, { width, height }, whole, what.segments, devicePixelRatio, isSeen);
    this.#lines.getContext("2d")!.putImageData(this.#linesImage, 0, 0);
  }
}

/** The colour of each superpixel, packed as canvas pixels. */
function coloursOf({ weights, opacity, fade, hideRest }: Superpixels): number[] {
  const { values, ranks, shown, scale } = weights!;
  const rest = hideRest ? COVER : NOTHING;
  return Array.from(values, (value, label) => {
    if (ranks[label]! >= shown) return rest;
    if (Number.isNaN(value)) return HATCHED;
    const [red, green, blue, alpha] = colour(value, scale, fade);
    return ((Math.round(alpha * opacity) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}
