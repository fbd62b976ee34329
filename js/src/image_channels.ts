import type { AnyModel } from "@anywidget/types";
import { h, keepKeys, say } from "./dom";
import { counted, rounded } from "./format";
import type { ImagePaneState } from "./image_pane";
import { type PictureCanvas, pictureCanvas } from "./image_picture";
import { freshId, numberBox, range } from "./inputs";
import { listen } from "./link";
import { type ArrayState, decode } from "./wire";

const MEAN = -1;
const WHITE = 255;
const GREY = 128;

export interface ImageChannels {
  element: HTMLElement;
  /**
   * What is to be drawn of an image; where that is one of its channels, the control is offered. Of a volume the slice at
   * a part of its depth.
   */
  canvas(image: AnyModel<ArrayState> | null, part: number | null): PictureCanvas | null;
}

/**
 * The channels of an image that are neither grey nor colours, one at a time. They are all in the page: the kernel hears
 * which is shown when the slider is let go.
 */
export function imageChannels(model: AnyModel<ImagePaneState>, signal: AbortSignal): ImageChannels {
  let count = 0;
  let drawn: { of: DataView; channel: number; made: PictureCanvas } | null = null;
  const save = (): void => model.save_changes();
  const choose = (channel: number): void => model.set("image_channel", channel);
  const slider = range("Image channel", choose, save);
  const box = numberBox("Image channel, number", choose);
  box.input.title = `Number of the image's channel; ${MEAN} is the mean of all`;
  box.input.addEventListener("change", save);
  slider.input.id = freshId();
  const note = h("div", { class: "nbx-image-channel-note" });
  const name = h("label", { class: "nbx-name", for: slider.input.id }, "Image");
  const element = h(
    "div",
    { class: "nbx-image-channels" },
    h("div", { class: "nbx-labelled" }, name, slider.input, box.input),
    note,
  );
  element.hidden = true;
  keepKeys(element);

  const chosen = (): number => Math.min(count - 1, Math.max(MEAN, model.get("image_channel")));
  const refresh = (): void => {
    const channel = chosen();
    const bounds = { min: MEAN, max: Math.max(0, count - 1) };
    slider.show(channel, bounds, channel === MEAN ? "mean" : `${channel} of ${count}`);
    box.show(channel, bounds);
  };
  listen(model, ["change:image_channel"], refresh, signal);

  return {
    element,
    canvas(image, part) {
      const planes = image?.get("meta").planes ? decode(image) : null;
      element.hidden = !planes;
      if (!image || !planes) return image && pictureCanvas(image, part);
      count = planes.shape[0]! - 1;
      refresh();
      const channel = chosen();
      const [low, high] = limits(image, channel);
      say(note, channel === MEAN ? `mean of ${counted(count, "channel")}` : said(channel, count, low, high));
      const of = image.get("buffer");
      if (drawn?.of !== of || drawn.channel !== channel) {
        const [, height, width] = planes.shape as [number, number, number];
        const plane = planes.values.subarray((channel + 1) * height * width, (channel + 2) * height * width);
        const [rows, columns] = planes.meta.size ?? [height, width];
        drawn = { of, channel, made: { ...grey(plane, width, height, low, high), size: { width: columns, height: rows } } };
      }
      return drawn.made;
    },
  };
}

/** The values that are black and white: the mean is drawn as it comes, a channel from its smallest to its largest. */
function limits(image: AnyModel<ArrayState>, channel: number): [number, number] {
  return channel === MEAN ? [0, WHITE] : [image.get("low")[channel + 1]!, image.get("high")[channel + 1]!];
}

function said(channel: number, count: number, low: number, high: number): string {
  return `channel ${channel} of ${count}, stretched from ${rounded(low)} to ${rounded(high)}`;
}

/** A channel on a canvas; transparent where there is no value. */
function grey(values: Float32Array, width: number, height: number, low: number, high: number): Omit<PictureCanvas, "size"> {
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const factor = high > low ? WHITE / (high - low) : 0;
  let holes = false;
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    const level = factor ? Math.round((value - low) * factor) : GREY;
    if (value === value) pixels[at] = 0xff000000 | (level * 0x010101);
    else holes = true;
  }
  const canvas = h("canvas", { width: `${width}`, height: `${height}` });
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return { canvas, holes };
}
