import type { Box } from "./raster";
import { BEYOND, type Segments } from "./segments";
import type { Size } from "./zoom";

// Packed as canvas pixels. A light line on a wider dark one: one of the two is seen on any colour.
const STROKES = [
  { packed: 0x59000000, thick: 3 },
  { packed: 0xd9ffffff, thick: 1 },
];

/**
 * Draws the borders between superpixels pixel by pixel: many lines at a step of a slider, for which paths are too slow.
 * `whole` is where the picture lies on the stage, `ratio` the device pixels in one of the page. With `isSeen` there are
 * only the borders of those superpixels.
 */
export function drawBorders(
  out: Uint32Array,
  { width, height }: Size,
  whole: Box,
  segments: Segments,
  ratio: number,
  isSeen: ((label: number) => boolean) | null,
): void {
  const across = whole.width / segments.width;
  const down = whole.height / segments.height;
  for (const { packed, thick } of STROKES) {
    const size = Math.max(1, Math.round(thick * ratio));
    for (const { line, sides } of segments.borders) {
      const [one, other] = sides;
      if (one === BEYOND || other === BEYOND || (isSeen && !isSeen(one) && !isSeen(other))) continue;
      const left = Math.round(whole.x + line[0] * across - size / 2);
      const top = Math.round(whole.y + line[1] * down - size / 2);
      const right = Math.min(width, Math.round(whole.x + line[2] * across - size / 2) + size);
      const bottom = Math.min(height, Math.round(whole.y + line[3] * down - size / 2) + size);
      for (let y = Math.max(0, top); y < bottom; y++) {
        for (let x = Math.max(0, left); x < right; x++) out[y * width + x] = packed;
      }
    }
  }
}
