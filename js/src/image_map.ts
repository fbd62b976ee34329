import type { AnyModel } from "@anywidget/types";
import { type Cut, type Depth, planeOf } from "./image_pane/slices";
import type { Grid } from "./raster";
import { reduce, type Reduction } from "./scale";
import { ranksOf, type Segments } from "./segments";
import { type ArrayState, decode, type Meta, oncePerFrame } from "./wire";
import type { Size } from "./zoom";

/** The one map that a pane shows of its overlay. */
export interface ShownMap {
  /** What is drawn: of a large layer the averages of its cells. */
  grid: Grid;
  /** The cells that there are; of a volume also how many along z. */
  cells: Size & { depth?: number };
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
  /** Of a map with one value for each superpixel, in `grid` as a single row: their standard errors and ranks. */
  features: { errors: Float32Array | null; ranks: Int32Array } | null;
  /** Of a volume, of which one slice is drawn. */
  depth: Depth | null;
}

export interface Wish {
  /** The channel to show, or null to reduce the channels. */
  channel: number | null;
  reduction: Reduction;
  /** Where volumes are cut; without it in the middle. */
  cut?: Cut | null;
}

const MIDDLE: Cut = { part: 0.5, smooth: false };

/**
 * Chooses the channel or reduces the channels; takes the full precision of `detail` where it belongs to what is shown.
 * Where there are superpixels, the map is one of theirs or there is none.
 */
export function shownMap(
  overlay: AnyModel<ArrayState> | null,
  detail: AnyModel<ArrayState> | null,
  wish: Wish,
  segments: Segments | null = null,
): ShownMap | null {
  const whole = overlay && decode(overlay);
  if (!overlay || !whole || whole.shape.length < 2) return null;
  if (segments || whole.meta.on === "features") return segments && featureMap(overlay, segments);
  const map = chosen(overlay, wish);
  const finer = detail && decode(detail);
  const fits =
    finer?.meta.of !== undefined &&
    finer.meta.of === whole.meta.key &&
    (finer.meta.channel ?? null) === map.channel &&
    finer.shape.length >= 2;
  if (!fits) return map;
  const better = chosen(detail!, { ...wish, channel: null });
  return { ...map, grid: better.grid, cells: better.cells, exact: better.exact, depth: better.depth };
}

function featureMap(overlay: AnyModel<ArrayState>, { key, count }: Segments): ShownMap | null {
  const { values, shape, meta, frame } = decode(overlay)!;
  if (meta.on !== "features" || meta.segments !== key || shape[1] !== count) return null;
  const weights = values.subarray(0, count);
  const ranks = oncePerFrame(overlay, "ranks", () => ranksOf(weights));
  const errors = shape[0]! > 1 ? values.subarray(count, 2 * count) : null;
  return {
    grid: { values: weights, width: count, height: 1 },
    cells: { width: count, height: 1 },
    meta,
    signed: meta.signed ?? false,
    frame,
    channels: 1,
    channel: null,
    reducible: false,
    exact: true,
    features: { errors, ranks },
    depth: null,
  };
}

function chosen(model: AnyModel<ArrayState>, wish: Wish): ShownMap {
  const { values, shape, meta, frame } = decode(model)!;
  const [height, width] = shape.slice(-2) as [number, number];
  const [down, across] = meta.size ?? [height, width];
  const deep = meta.axes?.includes("z") ? shape.at(-3)! : null;
  const channels = shape.length === (deep === null ? 3 : 4) ? shape[0]! : null;
  const whole = down === height && across === width && (meta.slices ?? deep) === deep;
  const exact = model.get("dtype") === "float32" && !meta.coarse && whole;
  const signed = meta.signed ?? false;
  const cells = { width: across, height: down, ...(deep !== null && { depth: meta.slices ?? deep }) };
  const map = { cells, meta, signed, frame, channels: channels ?? 1, channel: null, reducible: false, exact, features: null };
  const cutOut = (map: Float32Array): Pick<ShownMap, "grid" | "depth"> => {
    const cut = deep === null ? null : planeOf(map, deep, wish.cut ?? MIDDLE);
    return { grid: { values: cut?.plane ?? map, width, height }, depth: cut && cut.depth };
  };
  if (channels === null) return { ...map, ...cutOut(values) };
  if (wish.channel === null) {
    const reduced = oncePerFrame(model, wish.reduction, () => reduce(values, channels, wish.reduction));
    return { ...map, ...cutOut(reduced), signed: signed && wish.reduction === "sum", reducible: true };
  }
  const channel = Math.min(channels - 1, Math.max(0, wish.channel));
  const size = values.length / channels;
  const one = oncePerFrame(model, `channel ${channel}`, () => values.subarray(channel * size, (channel + 1) * size));
  return { ...map, ...cutOut(one), channel };
}
