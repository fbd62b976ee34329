import { rounded } from "./format";
import { sliceReading } from "./image_pane/slices";
import type { MapGridState } from "./map_grid";
import { isConstant, type Maps } from "./map_thumbs";

export type Sort = MapGridState["sort"];

/** What the channels can be sorted by, as the select names it and as the read-out names the numbers. */
export const SORTS: Record<Sort, { order: string; key: string }> = {
  number: { order: "by number", key: "" },
  activation: { order: "by mean activation", key: "mean activation" },
  evidence: { order: "by evidence for the class", key: "evidence" },
  sparsity: { order: "by sparsity", key: "sparsity" },
};

export function atRest({ planes, width, height, slice, constant, meta }: Maps, deadNote: string): string {
  const [rows, columns] = meta.size ?? [height, width];
  const drawn = rows === height && columns === width ? "" : `, drawn as ${width} × ${height}`;
  const still = constant ? `, ${constant} constant` : "";
  const of = slice ? `, ${sliceReading(slice)}` : "";
  return `${planes.length} channels of ${columns} × ${rows}${drawn}${of}${still}${deadNote && `\n${deadNote}`}`;
}

/** What is known of one channel; `key` is what it is sorted by. */
export function reading(maps: Maps, channel: number, sort: Sort, key: number | null | undefined, dead: string): string {
  const [low, high] = [maps.low[channel] ?? NaN, maps.high[channel] ?? NaN];
  let values = `${rounded(low)} … ${rounded(high)}`;
  if (Number.isNaN(low)) values = "no values";
  else if (isConstant(maps, channel)) values = `${rounded(low)} everywhere`;
  const sorted = SORTS[sort].key && key !== undefined ? `${SORTS[sort].key} ${rounded(key ?? NaN)}` : "";
  return [`channel ${channel}`, values, sorted, dead].filter(Boolean).join("   ");
}
