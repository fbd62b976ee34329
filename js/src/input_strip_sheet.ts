import type { AnyModel } from "@anywidget/types";
import type { InputStripState } from "./input_strip";
import { listen } from "./link";

/** The picture that holds all thumbnails. */
export interface Sheet {
  url: string;
  columns: number;
  /** Width and height of a tile in the sheet's pixels. */
  tile: [number, number];
  /** For each tile whether something is drawn there; an input that is no picture has nothing. */
  drawn: boolean[];
}

/** Calls `show` with each sheet once the browser has decoded it, with null where there is none. Only one URL is held. */
export function followSheet(model: AnyModel<InputStripState>, show: (sheet: Sheet | null) => void, signal: AbortSignal): void {
  let url = "";
  let latest = 0;
  const forget = (): void => {
    if (url) URL.revokeObjectURL(url);
    url = "";
  };
  const read = async (): Promise<void> => {
    const mine = ++latest;
    const [bytes, columns, tile] = [model.get("sheet"), model.get("columns"), model.get("tile")];
    if (!bytes?.byteLength) {
      forget();
      return show(null);
    }
    const next = URL.createObjectURL(new Blob([bytes as DataView<ArrayBuffer>]));
    try {
      const image = new Image();
      image.src = next;
      await image.decode(); // shown before that, the tiles would be blank for a moment
      if (mine !== latest || signal.aborted) return URL.revokeObjectURL(next);
      show({ url: next, columns, tile, drawn: centres(image, columns, tile) });
      forget();
      url = next;
    } catch (error) {
      URL.revokeObjectURL(next);
      throw error;
    }
  };
  listen(model, ["change:sheet"], () => void read(), signal);
  signal.addEventListener("abort", forget);
  void read();
}

/** Whether the middle of each tile is opaque: without smoothing, one pixel per tile is exactly that. */
function centres(image: HTMLImageElement, columns: number, tile: [number, number]): boolean[] {
  const rows = Math.round(image.naturalHeight / tile[1]);
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d")!;
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, columns, rows);
  const { data } = context.getImageData(0, 0, columns, rows);
  return Array.from({ length: columns * rows }, (_, number) => data[4 * number + 3]! > 0);
}
