import { expect, test } from "vitest";
import { shownMap } from "../src/image_map";
import type { ImagePaneState } from "../src/image_pane";
import { describe as described, partsReading, superpixelReading } from "../src/image_words";
import { segmentsFrom } from "../src/segments";
import { readWithKeys } from "../src/superpixel_keys";
import { superpixelControls } from "../src/superpixel_view";
import type { ArrayState, Meta } from "../src/wire";
import type { Point } from "../src/zoom";
import { FakeModel } from "./fake_model";

const segments = segmentsFrom(Float32Array.from([0, 0, 1, 2]), { width: 4, height: 1 }, 3, "a");
const whole = { channel: null, reduction: "sum" as const };
const ours: Meta = { on: "features", segments: "a", signed: true, title: "LIME", quantity: "weight" };

function weights(values: number[], shape: number[], meta: Meta = ours): FakeModel<ArrayState> {
  const buffer = new DataView(Float32Array.from(values).buffer);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "float32", shape, low: [], high: [], meta });
}

test("a feature map has its weights, their errors and their ranks", () => {
  const map = shownMap(weights([1, -3, 2, 0.1, 0.2, NaN], [2, 3]).any, null, whole, segments)!;
  expect([...map.grid.values]).toEqual([1, -3, 2]);
  expect([...map.features!.errors!]).toEqual([Math.fround(0.1), Math.fround(0.2), NaN]);
  expect([...map.features!.ranks]).toEqual([2, 0, 1]);
  expect(shownMap(weights([1, -3, 2], [1, 3]).any, null, whole, segments)!.features!.errors).toBeNull();
});

test("there is no map of another label map, of another number of superpixels, or of pixels", () => {
  const shown = (meta: Meta, shape = [1, 3]) => shownMap(weights([1, 2, 3], shape, meta).any, null, whole, segments);
  expect(shown(ours)).not.toBeNull();
  expect(shown({ ...ours, segments: "b" })).toBeNull();
  expect(shown({ ...ours, on: "pixels" })).toBeNull();
  expect(shown(ours, [1, 2])).toBeNull();
  expect(shownMap(weights([1, 2, 3], [1, 3]).any, null, whole, null)).toBeNull(); // no label map yet
});

test("the read-out gives number, rank and weight, as exactly as its error allows", () => {
  const map = shownMap(weights([0.42134, -3, 2, 0.0512, NaN, 0.5], [2, 3]).any, null, whole, segments);
  expect(superpixelReading(0, segments, map)).toBe("superpixel 0 · rank 3 of 3 · +0.421 ± 0.051 (SE)");
  expect(superpixelReading(1, segments, map)).toBe("superpixel 1 · rank 1 of 3 · −3");
  expect(superpixelReading(2, segments, map)).toBe("superpixel 2 · rank 2 of 3 · +2 ± 0.5 (SE)");
  expect(superpixelReading(2, segments, null)).toBe("superpixel 2 of 3");
  const unsigned = shownMap(weights([NaN, 1, 2], [1, 3], { ...ours, signed: false }).any, null, whole, segments);
  expect(superpixelReading(1, segments, unsigned)).toBe("superpixel 1 · rank 2 of 3 · 1");
  expect(superpixelReading(0, segments, unsigned)).toBe("superpixel 0 · rank 3 of 3 · no value");
});

test("the label of the canvas counts superpixels, not cells", () => {
  const map = shownMap(weights([1, -3, 2], [1, 3]).any, null, whole, segments);
  expect([partsReading(map, segments, 3), partsReading(map, segments, 2)]).toEqual(["3 superpixels", "3 superpixels, 2 shown"]);
  expect(described("3 superpixels", null, null, partsReading(null, segments, 2), "")).toBe("3 superpixels");
});

const look = { top: 0, hide_rest: false, borders: true };

function controls(state: Partial<ImagePaneState> = {}) {
  const model = new FakeModel({ ...look, ...state } as ImagePaneState);
  const made = superpixelControls(model.any, new AbortController().signal);
  made.offer(50, true);
  const [slider, box, hide, borders] = [...made.element.querySelectorAll("input")] as [HTMLInputElement, ...HTMLInputElement[]];
  return { model, made, slider, box: box!, hide: hide!, borders: borders! };
}

test("all are shown at the slider's end; the kernel hears of a movement when it is over", () => {
  const { model, made, slider, box } = controls();
  expect([slider.value, slider.max, box.value, slider.ariaValueText]).toEqual(["50", "50", "50", "all"]);
  expect(made.element.textContent).toContain("all");
  for (const value of ["20", "5"]) {
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
  }
  expect([model.get("top"), box.value, model.saved]).toEqual([5, "5", []]);
  expect(made.element.textContent).toContain("of 50");
  slider.dispatchEvent(new Event("change"));
  expect(model.saved).toEqual([{ top: 5 }]);
  box.value = "50";
  box.dispatchEvent(new Event("input"));
  expect(model.get("top")).toBe(0);
});

test("another number of superpixels moves the slider's end, and no trait", () => {
  const { model, made, slider } = controls({ top: 30 });
  made.offer(20, true);
  expect([slider.value, slider.max, slider.ariaValueText]).toEqual(["20", "20", "all"]);
  made.offer(100, true);
  expect([slider.value, model.get("top"), model.saved]).toEqual(["30", 30, []]);
});

test("boxes are ticked; without weights there is nothing but borders to choose", () => {
  const { model, made, slider, hide, borders } = controls();
  const tick = (box: HTMLInputElement, on: boolean): void => {
    box.checked = on;
    box.dispatchEvent(new Event("change"));
  };
  tick(hide, true);
  tick(borders, false);
  expect(model.saved).toEqual([{ hide_rest: true }, { borders: false }]);
  made.offer(50, false);
  expect([slider.disabled, hide.disabled, borders.disabled]).toEqual([true, true, false]);
  expect(made.element.hidden).toBe(false);
  made.offer(null, false);
  expect(made.element.hidden).toBe(true);
});

test("keys read superpixels one beside the other, and let go", () => {
  const canvas = document.createElement("canvas");
  let at: Point | null = null;
  const read = (place: Point | null): void => void (at = place);
  readWithKeys(canvas, { segments: () => segments, middle: () => ({ x: 0.5, y: 0.5 }), at: () => at, read });
  const label = (): number | null => at && segments.labels[Math.floor(4 * at.x)]!;
  const press = (key: string, shiftKey = false): number | null => {
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey }));
    return label();
  };
  expect(press("ArrowRight")).toBeNull(); // moves the picture
  expect(press("Enter")).toBe(1);
  expect(["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"].map((key) => press(key, true))).toEqual([2, 2, 1, 0]);
  expect(press("Escape")).toBeNull();
  expect(press(" ")).toBe(1);
  canvas.dispatchEvent(new Event("blur"));
  expect(at).toBeNull();
});
