import type { AnyModel } from "@anywidget/types";
import { h } from "./dom";
import { sliceCanvas } from "./image_pane/slices";
import { type ArrayState, oncePerFrame, picture as pixelsOf } from "./wire";
import type { Size } from "./zoom";

export interface PictureCanvas {
  canvas: HTMLCanvasElement;
  /** Whether parts of it are transparent. */
  holes: boolean;
  /** As the network saw it. */
  size: Size;
}

/**
 * The picture to be drawn, another canvas each frame, and its size as the network saw it, which may be larger. Of a
 * volume the slice at a part of its depth.
 */
export function pictureCanvas(model: AnyModel<ArrayState>, part: number | null = null): PictureCanvas | null {
  if (part !== null) {
    const canvas = sliceCanvas(model, part);
    const [height, width] = model.get("meta").size ?? [canvas?.height ?? 1, canvas?.width ?? 1];
    return canvas && { canvas, holes: false, size: { width, height } };
  }
  const pixels = pixelsOf(model);
  if (!pixels) return null;
  return oncePerFrame(model, "canvas", () => {
    const canvas = h("canvas", { width: `${pixels.width}`, height: `${pixels.height}` });
    canvas.getContext("2d")!.putImageData(new ImageData(pixels.data, pixels.width, pixels.height), 0, 0);
    const [height, width] = model.get("meta").size ?? [pixels.height, pixels.width];
    return { canvas, holes: pixels.holes, size: { width, height } };
  });
}
