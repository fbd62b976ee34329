import type { AnyModel } from "@anywidget/types";
import type { Grid } from "./raster";
import { reduce, type Reduction } from "./scale";
import { type ArrayState, decode, type Meta, oncePerFrame } from "./wire";
import type { Size } from "./zoom";

/** The one map that a pane shows of its overlay. */
export interface ShownMap {
  /** What is drawn: of a large layer the averages of its cells. */
  grid: Grid;
  /** The cells that there are. */
  cells: Size;
  meta: Meta;
  signed: boolean;
  frame: number;
  channels: number;
  /** Which channel is shown, or null for the whole array or a reduction. */
  channel: number | null;
  /** Whether the channel axis is reduced by the pane. */
  reducible: boolean;
  /** Whether the values are as computed, neither quantised nor averaged. */
  exact: boolean;
}

export interface Wish {
  /** The channel to show, or null to reduce the channels. */
  channel: number | null;
  reduction: Reduction;
}

/** Chooses the channel or reduces the channels; takes the full precision of `detail` where it belongs to what is shown. */
export function shownMap(
  overlay: AnyModel<ArrayState> | null,
  detail: AnyModel<ArrayState> | null,
  wish: Wish,
): ShownMap | null {
  const whole = overlay && decode(overlay);
  if (!overlay || !whole || whole.shape.length < 2) return null;
  const map = chosen(overlay, wish);
  const finer = detail && decode(detail);
  const fits =
    finer?.meta.of !== undefined &&
    finer.meta.of === whole.meta.key &&
    (finer.meta.channel ?? null) === map.channel &&
    finer.shape.length >= 2;
  if (!fits) return map;
  const better = chosen(detail!, { channel: null, reduction: wish.reduction });
  return { ...map, grid: better.grid, cells: better.cells, exact: better.exact };
}

function chosen(model: AnyModel<ArrayState>, wish: Wish): ShownMap {
  const { values, shape, meta, frame } = decode(model)!;
  const [height, width] = shape.slice(-2) as [number, number];
  const [down, across] = meta.size ?? [height, width];
  const channels = shape.length === 3 ? shape[0]! : 1;
  const exact = model.get("dtype") === "float32" && !meta.coarse;
  const signed = meta.signed ?? false;
  const cells = { width: across, height: down };
  const map = { cells, meta, signed, frame, channels, channel: null, reducible: false, exact };
  if (shape.length !== 3) return { ...map, grid: { values, width, height } };
  if (wish.channel === null) {
    const reduced = oncePerFrame(model, wish.reduction, () => reduce(values, channels, wish.reduction));
    const grid = { values: reduced, width, height };
    return { ...map, grid, signed: signed && wish.reduction === "sum", reducible: true };
  }
  const channel = Math.min(channels - 1, Math.max(0, wish.channel));
  const plane = values.subarray(channel * width * height, (channel + 1) * width * height);
  return { ...map, grid: { values: plane, width, height }, channel };
}
