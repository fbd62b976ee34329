import type { Size } from "./zoom";

export interface GridLayout {
  columns: number;
  rows: number;
  thumb: Size;
  /** Of all rows together. */
  height: number;
}

export const GAP = 4;
const SMALLEST = 40;
const LARGEST = 112;
/** A signal is one row of cells: as a thumbnail it would be a hair. */
const LEAST_HEIGHT = 12;

/** The largest thumbnails of one aspect (width / height) with which all fit; if even the smallest don't, they scroll. */
export function gridLayout(count: number, aspect: number, area: Size): GridLayout {
  const most = Math.max(1, Math.floor((area.width + GAP) / (SMALLEST + GAP)));
  const largest = LARGEST * Math.max(1, Math.sqrt(aspect));
  const withColumns = (columns: number): GridLayout => {
    const width = Math.max(1, Math.min(largest, Math.floor((area.width + GAP) / columns) - GAP));
    const thumb = { width, height: Math.max(LEAST_HEIGHT, Math.round(width / aspect)) };
    const rows = Math.ceil(count / columns);
    return { columns, rows, thumb, height: rows * (thumb.height + GAP) - GAP };
  };
  for (let columns = 1; columns < most; columns++) {
    const layout = withColumns(columns);
    if (layout.height <= area.height) return layout;
  }
  return withColumns(most);
}

/** Which thumbnail lies at a point of the whole grid, or −1. */
export function thumbAt(x: number, y: number, count: number, { columns, thumb }: GridLayout): number {
  const column = Math.floor(x / (thumb.width + GAP));
  const row = Math.floor(y / (thumb.height + GAP));
  const index = row * columns + column;
  return x < 0 || y < 0 || column >= columns || index >= count ? -1 : index;
}

/** Where a thumbnail begins in the whole grid. */
export function placeOf(index: number, { columns, thumb }: GridLayout): { x: number; y: number } {
  return { x: (index % columns) * (thumb.width + GAP), y: Math.floor(index / columns) * (thumb.height + GAP) };
}

/** The thumbnail that a key leads to. */
export function stepTo(key: string, from: number, count: number, columns: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  if (step === undefined) return null;
  const to = from + step;
  return to < 0 || to >= count ? from : to;
}

export interface Order {
  /** The channel at each place. */
  channels: ArrayLike<number>;
  /** The place of each channel. */
  places: Int32Array;
}

/** The order in which channels are shown; by number where what is wanted are not all channels of this layer. */
export function displayOrder(wanted: number[], count: number): Order {
  const channels = Int32Array.from({ length: count }, (_, place) => wanted[place] ?? place);
  const places = new Int32Array(count).fill(-1);
  channels.forEach((channel, place) => (places[channel] = place));
  if (wanted.length === count && !places.includes(-1)) return { channels, places };
  const byNumber = Int32Array.from({ length: count }, (_, place) => place);
  return { channels: byNumber, places: byNumber };
}
