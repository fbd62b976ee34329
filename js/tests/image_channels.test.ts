import { beforeEach, expect, test, vi } from "vitest";
import { type ImageChannels, imageChannels } from "../src/image_channels";
import type { ImagePaneState } from "../src/image_pane";
import type { ArrayState, Meta } from "../src/wire";
import { FakeModel } from "./fake_model";

/** What was last drawn, as RGBA. */
let drawn: number[] = [];

class Pixels {
  data: Uint8ClampedArray;
  constructor(width: number, height: number) {
    this.data = new Uint8ClampedArray(4 * width * height);
  }
}

let pane: FakeModel<ImagePaneState>;
let channels: ImageChannels;

beforeEach(() => {
  vi.stubGlobal("ImageData", Pixels);
  const context = { putImageData: (image: Pixels) => (drawn = [...image.data]) };
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as never);
  pane = new FakeModel({ image_channel: -1 } as ImagePaneState);
  channels = imageChannels(pane.any, new AbortController().signal);
});

/** The mean and two channels of 1 × 3 pixels; the last pixel of the second has no value. */
function planes(meta: Meta = { planes: true, size: [2, 6] }): FakeModel<ArrayState> {
  const buffer = new DataView(Uint8Array.from([0, 127, 254, 0, 254, 127, 254, 0, 255]).buffer);
  const [low, high] = [[100, 0.5, -3], [200, 1.5, 5]];
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "uint8", shape: [3, 1, 3], low, high, meta });
}

const [slider, box] = ["range", "number"].map((type) => () => channels.element.querySelector<HTMLInputElement>(`[type=${type}]`)!);
const greys = (): number[] => drawn.filter((_, at) => at % 4 === 0);
const note = (): string => channels.element.querySelector(".nbx-image-channel-note")!.textContent!;

test("the mean is drawn as it comes, a channel from its smallest to its largest value, and it is said", () => {
  const image = planes();
  expect(channels.canvas(image.any, null)).toMatchObject({ holes: false, size: { width: 6, height: 2 } });
  expect(greys()).toEqual([100, 150, 200]);
  expect(note()).toBe("mean of 2 channels");
  pane.set("image_channel", 0);
  expect(channels.canvas(image.any, null)!.holes).toBe(false);
  expect(greys()).toEqual([0, 255, 128]);
  expect(drawn.filter((_, at) => at % 4 === 3)).toEqual([255, 255, 255]);
  expect(note()).toBe("channel 0 of 2, stretched from 0.5 to 1.5");
  pane.set("image_channel", 1);
  expect(channels.canvas(image.any, null)!.holes).toBe(true);
  expect(greys()).toEqual([255, 0, 0]);
  expect(drawn.filter((_, at) => at % 4 === 3)).toEqual([255, 255, 0]);
  expect(note()).toBe("channel 1 of 2, stretched from −3 to 5");
});

test("the slider and the number box reach every channel and the mean; the kernel hears the end of a movement", () => {
  channels.canvas(planes().any, null);
  expect(channels.element.hidden).toBe(false);
  expect([slider!().min, slider!().max, slider!().value, slider!().ariaValueText]).toEqual(["-1", "1", "-1", "mean"]);
  slider!().value = "1";
  slider!().dispatchEvent(new Event("input"));
  expect([pane.get("image_channel"), box!().value, slider!().ariaValueText, pane.saved]).toEqual([1, "1", "1 of 2", []]);
  slider!().dispatchEvent(new Event("change"));
  expect(pane.saved).toEqual([{ image_channel: 1 }]);
  box!().value = "0";
  box!().dispatchEvent(new Event("input"));
  box!().dispatchEvent(new Event("change"));
  expect(pane.saved).toEqual([{ image_channel: 1 }, { image_channel: 0 }]);
  for (const input of [slider!(), box!()]) expect(input.getAttribute("aria-label")).toMatch(/^Image channel/);
  expect(channels.element.querySelector("label")!.htmlFor).toBe(slider!().id);
});

test("a canvas is kept while nothing changes, and a channel that another image does not have is its last", () => {
  const image = planes();
  const first = channels.canvas(image.any, null);
  expect(channels.canvas(image.any, null)).toBe(first);
  pane.set("image_channel", 12);
  expect(channels.canvas(image.any, null)).not.toBe(first);
  expect(note()).toContain("channel 1 of 2");
  expect(pane.saved).toEqual([]);
});

test("other images, and none, offer no channels", () => {
  expect(channels.element.hidden).toBe(true);
  channels.canvas(planes().any, null);
  expect(channels.canvas(null, null)).toBeNull();
  expect(channels.element.hidden).toBe(true);
  channels.canvas(planes().any, null);
  expect(channels.canvas(planes({ size: [2, 6] }).any, null)!.canvas.height).toBe(3); // (y, x, colour)
  expect(channels.element.hidden).toBe(true);
});
