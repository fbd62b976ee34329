/** A rectangle; the unit depends on the use. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Grid {
  values: Float32Array;
  width: number;
  height: number;
}

export interface Colours {
  table: Uint32Array;
  from: number;
  to: number;
}

/** Ground and line of the hatching that stands for NaN, packed as canvas pixels; they read on light and dark alike. */
export const NAN_COLOURS: readonly [number, number] = [0x70c8c8c8, 0xe0585858];

/** Whether the hatching's line runs through a pixel. */
export function onHatch(x: number, y: number): boolean {
  return ((x + y) & 7) < 2;
}

/** Enlarges the part `window` (in cells) of a grid to `width` × `height` pixels: values first, colours afterwards. */
export function paint(
  out: Uint32Array,
  width: number,
  height: number,
  grid: Grid,
  window: Box,
  colours: Colours,
  smooth: boolean,
): void {
  const { values } = grid;
  const { table, from, to } = colours;
  const last = table.length - 1;
  const factor = last / (to - from);
  const columns = neighbours(width, grid.width, window.x, window.width, smooth);
  const rows = neighbours(height, grid.height, window.y, window.height, smooth);
  const blend = new Float32Array(grid.width);
  for (let y = 0, at = 0; y < height; y++) {
    const upper = rows.first[y]! * grid.width;
    const lower = rows.second[y]! * grid.width;
    const down = rows.weight[y]!;
    for (let i = 0; i < grid.width; i++) blend[i] = values[upper + i]! + (values[lower + i]! - values[upper + i]!) * down;
    for (let x = 0; x < width; x++, at++) {
      const left = columns.first[x]!;
      const right = columns.second[x]!;
      const across = columns.weight[x]!;
      let value = blend[left]! + (blend[right]! - blend[left]!) * across;
      if (value !== value) {
        // Near a NaN, or an infinity of weight 0: the nearest cell decides, so that NaN covers just its own cell.
        value = values[(down < 0.5 ? upper : lower) + (across < 0.5 ? left : right)]!;
        if (value !== value) {
          out[at] = NAN_COLOURS[onHatch(x, y) ? 1 : 0];
          continue;
        }
      }
      const level = (value - from) * factor;
      out[at] = table[level <= 0 ? 0 : level >= last ? last : (level + 0.5) | 0]!;
    }
  }
}

interface Neighbours {
  first: Int32Array;
  second: Int32Array;
  weight: Float32Array;
}

function neighbours(pixels: number, cells: number, start: number, extent: number, smooth: boolean): Neighbours {
  const found = { first: new Int32Array(pixels), second: new Int32Array(pixels), weight: new Float32Array(pixels) };
  for (let i = 0; i < pixels; i++) {
    const place = start + ((i + 0.5) / pixels) * extent;
    const centre = smooth ? Math.min(cells - 1, Math.max(0, place - 0.5)) : Math.floor(place);
    const first = Math.min(cells - 1, Math.max(0, Math.floor(centre)));
    found.first[i] = first;
    found.second[i] = Math.min(cells - 1, first + 1);
    found.weight[i] = smooth ? centre - first : 0;
  }
  return found;
}
