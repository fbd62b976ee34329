import type { AnyModel, InitializeProps } from "@anywidget/types";

/** The traits of `Array` in nbexplain/widgets/wire.py. */
export interface ArrayState {
  frame: number;
  buffer: DataView;
  dtype: "uint8" | "float32";
  shape: number[];
  low: number[];
  high: number[];
  meta: Meta;
}

/** What the numbers are. Written by the kernel; any key may be missing. */
export interface Meta {
  title?: string;
  axes?: string[];
  signed?: boolean;
  quantity?: string;
  on?: "grid" | "pixels" | "features";
  key?: string;
  /** The key of the label map whose superpixels the values belong to. */
  segments?: string;
  /** How many superpixels a label map has. */
  count?: number;
  coarse?: boolean;
  channel?: number | null;
  of?: string;
  progress?: number;
  /** Whether the kernel waits to hear that this frame was drawn. */
  report?: boolean;
  /** [height, width] of a picture or map before it was made smaller for the screen. */
  size?: [number, number];
  /** Whether the leading axis is that of an image's channels, and the first of them their mean. */
  planes?: boolean;
  /** How many slices a volume had before. */
  slices?: number;
  note?: string;
}

export interface Decoded {
  values: Float32Array;
  shape: number[];
  frame: number;
  meta: Meta;
}

export interface Picture {
  data: Uint8ClampedArray<ArrayBuffer>;
  width: number;
  height: number;
  holes: boolean;
}

const NAN_LEVEL = 255;
const TOP_LEVEL = 254;
const DRAWN_AT_LATEST_MS = 500;

type Store = WeakMap<DataView, Map<string, { frame: number; made: unknown }>>;
const page = globalThis as { [key: symbol]: Store | undefined };

/** Makes something of an array once a frame, for all panes of the page: each pane is a module with variables of its own. */
export function oncePerFrame<T>(model: AnyModel<ArrayState>, what: string, make: () => T): T {
  const store = (page[Symbol.for("nbexplain.arrays.1")] ??= new WeakMap());
  const buffer = model.get("buffer");
  const frame = model.get("frame");
  const entries = store.get(buffer) ?? new Map<string, { frame: number; made: unknown }>();
  store.set(buffer, entries);
  let entry = entries.get(what);
  if (entry?.frame !== frame) entries.set(what, (entry = { frame, made: make() }));
  return entry.made as T;
}

/** The numbers of an array, or null before the first frame. */
export function decode(model: AnyModel<ArrayState>): Decoded | null {
  if (!model.get("frame")) return null;
  return oncePerFrame(model, "values", () => {
    const [shape, frame, meta] = [model.get("shape"), model.get("frame"), model.get("meta")];
    const bytes = model.get("buffer");
    const values =
      model.get("dtype") === "float32" ? floats(bytes) : dequantise(bytesOf(bytes), model.get("low"), model.get("high"));
    return { values, shape, frame, meta };
  });
}

/** The RGBA pixels of a (y, x, 3 or 4) uint8 array, or null before the first frame, or where it is a volume. */
export function picture(model: AnyModel<ArrayState>): Picture | null {
  const [height = 0, width = 0, depth = 0] = model.get("shape");
  if (!model.get("frame") || model.get("dtype") !== "uint8" || (depth !== 3 && depth !== 4)) return null;
  if (model.get("meta").axes?.includes("z")) return null;
  return oncePerFrame(model, "picture", () => {
    const bytes = bytesOf(model.get("buffer"));
    if (depth === 4) return { data: new Uint8ClampedArray(bytes), width, height, holes: true };
    const data = new Uint8ClampedArray(width * height * 4);
    for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
      data[to] = bytes[from]!;
      data[to + 1] = bytes[from + 1]!;
      data[to + 2] = bytes[from + 2]!;
      data[to + 3] = 255;
    }
    return { data, width, height, holes: false };
  });
}

/** Without limits the bytes themselves; else value = low + level/254 · (high − low), and level 255 is NaN. */
export function dequantise(levels: Uint8Array, low: number[], high: number[]): Float32Array {
  if (!low.length) return Float32Array.from(levels);
  const values = new Float32Array(levels.length);
  const part = levels.length / low.length;
  const table = new Float32Array(256);
  low.forEach((bottom, channel) => {
    const span = (high[channel] ?? bottom) - bottom;
    for (let level = 0; level <= TOP_LEVEL; level++) table[level] = bottom + (level / TOP_LEVEL) * span;
    table[NAN_LEVEL] = NaN;
    for (let i = channel * part; i < (channel + 1) * part; i++) values[i] = table[levels[i]!]!;
  });
  return values;
}

export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function floats(view: DataView): Float32Array {
  if (view.byteOffset % 4 === 0) return new Float32Array(view.buffer, view.byteOffset, view.byteLength / 4);
  return new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/**
 * Tells the kernel of each frame that asks for it once the panes have drawn it, so that it never sends large frames faster
 * than the page draws.
 */
function initialize({ model, signal }: InitializeProps<ArrayState>): void {
  const report = (): void => {
    if (!model.get("meta").report) return;
    const frame = model.get("frame");
    let told = false;
    const tell = (): void => {
      if (!told && !signal.aborted) model.send({ drawn: frame });
      told = true;
    };
    requestAnimationFrame(tell);
    setTimeout(tell, DRAWN_AT_LATEST_MS); // a page in the background has no animation frames
  };
  model.on("change:frame", report);
  if (model.get("frame")) report();
}

export default { initialize };
