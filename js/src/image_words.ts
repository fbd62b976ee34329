import { cellAt } from "./cell_pick";
import { counted, rounded } from "./format";
import type { ShownMap } from "./image_map";
import type { Slice } from "./image_pane/slices";
import type { Scale } from "./scale";
import type { Segments } from "./segments";
import type { Point, Size } from "./zoom";

/**
 * What the read-out says of a place, given in parts of the scene; `size` is that of the picture as the network saw it,
 * `slice` the one that is shown of a volume.
 */
export function reading(at: Point, map: ShownMap | null, size: Size | null, slice: Slice | null = null): string {
  const [y, x] = size ? cellAt(at, size) : [];
  const place = size ? `x ${x}  y ${y}${slice ? `  z ${slice.number}` : ""}` : "";
  if (!map) return place;
  const ofPixels = map.cells.width === size?.width && (map.cells.depth ?? slice?.count) === slice?.count;
  const value = ofPixels ? valueAt(at, map) : cellReading(at, map);
  return place ? `${place}   ${value}` : value;
}

/** The cell at a place, column first like x and y, and its value. */
export function cellReading(at: Point, map: ShownMap): string {
  const [row, column] = cellAt(at, map.cells);
  const along = map.depth ? `, ${map.depth.at}` : "";
  return `cell ${column}, ${row}${along}   ${valueAt(at, map)}`;
}

function valueAt(at: Point, { grid, depth, exact }: ShownMap): string {
  const [row = 0, column = 0] = cellAt(at, grid);
  const value = (depth?.cells ?? grid.values)[row * grid.width + column] ?? NaN;
  return (exact || Number.isNaN(value) ? "" : "≈ ") + rounded(value, exact ? 5 : 3);
}

/** What is known of a superpixel. */
export function superpixelReading(label: number, { count }: Segments, map: ShownMap | null): string {
  if (!map?.features) return `superpixel ${label} of ${count}`;
  const value = map.grid.values[label]!;
  const rank = `rank ${map.features.ranks[label]! + 1} of ${count}`;
  const error = map.features.errors?.[label] ?? NaN;
  const plus = map.signed && value > 0 ? "+" : "";
  const known = Number.isFinite(error) && Number.isFinite(value);
  const number = known ? `${rounded(value, digitsFor(value, error))} ± ${rounded(error, 2)} (SE)` : rounded(value, 5);
  return `superpixel ${label} · ${rank} · ${plus}${number}`;
}

/** As many digits as reach down to the second one of the error. */
function digitsFor(value: number, error: number): number {
  const place = (size: number): number => Math.floor(Math.log10(size));
  return value ? Math.min(5, Math.max(1, place(Math.abs(value)) - place(error) + 2)) : 1;
}

/** How many superpixels or cells a map has values for. */
export function partsReading(map: ShownMap | null, segments: Segments | null, painted: number): string {
  if (!segments) return map ? `${sizeOf(map.cells)} cells` : "";
  const few = map && painted < segments.count ? `, ${painted} shown` : "";
  return counted(segments.count, "superpixel") + few;
}

const sizeOf = ({ width, height, depth }: ShownMap["cells"]): string =>
  `${width} × ${height}${depth === undefined ? "" : ` × ${depth}`}`;

export function sizeReading(map: ShownMap, scene: Size, interpolation: string, reduction: string): string {
  const [cells, drawn] = [sizeOf(map.cells), sizeOf({ ...map.grid, ...(map.depth && { depth: map.depth.count }) })];
  const averaged = drawn === cells ? "" : `, drawn as ${drawn}`;
  const enlarged = map.grid.width < scene.width ? (interpolation === "nearest" ? ", as cells" : ", interpolated") : "";
  const channels = map.reducible ? `, ${reduction} of ${map.channels} channels` : "";
  return cells + averaged + enlarged + channels;
}

/** What is seen, for those who do not see it; `parts` are what the map has values for. */
export function describe(title: string, map: ShownMap | null, scale: Scale | null, parts: string, marked: string): string {
  const marks = marked && `, ${marked}`;
  if (!map || !scale) return (title || "picture") + marks;
  const channel = map.channel === null ? "" : `, channel ${map.channel} of ${map.channels}`;
  const limits = `colours from ${rounded(scale.low)} to ${rounded(scale.high)}`;
  return `${title || "map"}: ${map.meta.quantity ?? "values"}${channel}, ${parts}, ${limits}${marks}`;
}
