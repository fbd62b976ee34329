import { cellAt } from "./cell_pick";
import { rounded } from "./format";
import type { ShownMap } from "./image_map";
import type { Scale } from "./scale";
import type { Point, Size } from "./zoom";

/** What the read-out says of a place, given in parts of the scene; `size` is that of the picture as the network saw it. */
export function reading(at: Point, map: ShownMap | null, size: Size | null): string {
  const [y, x] = size ? cellAt(at, size) : [];
  const place = size ? `x ${x}  y ${y}` : "";
  if (!map) return place;
  const value = map.cells.width === size?.width ? valueAt(at, map) : cellReading(at, map);
  return place ? `${place}   ${value}` : value;
}

/** The cell at a place, column first like x and y, and its value. */
export function cellReading(at: Point, map: ShownMap): string {
  const [row, column] = cellAt(at, map.cells);
  return `cell ${column}, ${row}   ${valueAt(at, map)}`;
}

function valueAt(at: Point, { grid, exact }: ShownMap): string {
  const [row = 0, column = 0] = cellAt(at, grid);
  const value = grid.values[row * grid.width + column] ?? NaN;
  return (exact || Number.isNaN(value) ? "" : "≈ ") + rounded(value, exact ? 5 : 3);
}

const sizeOf = ({ width, height }: Size): string => `${width} × ${height}`;

export function sizeReading(map: ShownMap, scene: Size, interpolation: string, reduction: string): string {
  const [cells, drawn] = [sizeOf(map.cells), sizeOf(map.grid)];
  const averaged = drawn === cells ? "" : `, drawn as ${drawn}`;
  const enlarged = map.grid.width < scene.width ? (interpolation === "nearest" ? ", as cells" : ", interpolated") : "";
  const channels = map.reducible ? `, ${reduction} of ${map.channels} channels` : "";
  return cells + averaged + enlarged + channels;
}

/** What is seen, for those who do not see it. */
export function describe(title: string, map: ShownMap | null, scale: Scale | null, marked: string): string {
  const marks = marked && `, ${marked}`;
  if (!map || !scale) return (title || "picture") + marks;
  const channel = map.channel === null ? "" : `, channel ${map.channel} of ${map.channels}`;
  const limits = `colours from ${rounded(scale.low)} to ${rounded(scale.high)}`;
  return `${title || "map"}: ${map.meta.quantity ?? "values"}${channel}, ${sizeOf(map.cells)} cells, ${limits}${marks}`;
}
