import { beforeEach, describe, expect, test } from "vitest";
import { shownMap } from "../src/image_map";
import type { ImagePaneState } from "../src/image_pane";
import { sliceControl, type SliceControl } from "../src/image_pane/slice_control";
import { depthOf, peakIn, planeOf, shrunkReading, sliceAt } from "../src/image_pane/slices";
import { reading, sizeReading } from "../src/image_words";
import { mapsOf } from "../src/map_thumbs";
import { atRest } from "../src/map_words";
import { joinGroup, type PaneGroup } from "../src/pane_group";
import type { ArrayState, Meta } from "../src/wire";
import { FakeModel } from "./fake_model";

const DEEP = { axes: ["z", "y", "x"] };

function floats(values: number[], shape: number[], meta: Meta): FakeModel<ArrayState> {
  const buffer = new DataView(Float32Array.from(values).buffer);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "float32", shape, low: [], high: [], meta });
}

const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

test("the middle stands for a volume, and the ends stay within it", () => {
  expect([1, 2, 8, 9].map((slices) => sliceAt(null, slices))).toEqual([0, 1, 4, 4]);
  expect([0, 0.999, 1].map((part) => sliceAt(part, 8))).toEqual([0, 7, 7]);
});

test("only arrays with a z have slices; how many there were before is told by the kernel", () => {
  expect(depthOf(floats(count(8), [2, 2, 2], DEEP).any)).toBe(2);
  expect(depthOf(floats(count(8), [2, 2, 2], { ...DEEP, slices: 4 }).any)).toBe(4);
  expect(depthOf(floats(count(8), [1, 2, 2, 2], { axes: ["channel", "z", "y", "x"] }).any)).toBe(2);
  expect(depthOf(floats(count(8), [2, 2, 2], { axes: ["channel", "y", "x"] }).any)).toBeNull();
  expect(depthOf(null)).toBeNull();
});

describe("a map with fewer slices than the picture", () => {
  const values = Float32Array.of(0, 10, 20, NaN, 40, 50); // three slices of two cells
  const at = (number: number, slices: number, smooth: boolean) =>
    planeOf(values, 3, { part: (number + 0.5) / slices, smooth });

  test("is enlarged along z as it is along its rows: interpolated, or as cells", () => {
    expect([...at(1, 3, true).plane]).toEqual([20, NaN]);
    // six slices: their middles lie a quarter of a cell before and behind those of the map's
    expect(count(6).map((number) => at(number, 6, true).plane[0])).toEqual([0, 5, 15, 25, 35, 40]);
    expect(count(6).map((number) => at(number, 6, false).plane[0])).toEqual([0, 0, 20, 20, 40, 40]);
  });

  test("has a NaN in its own cells only", () => {
    expect(count(6).map((number) => at(number, 6, true).plane[1])).toEqual([10, 10, NaN, NaN, 50, 50]);
  });

  test("tells which cells lie in the slice", () => {
    const { depth } = at(1, 6, true);
    expect([depth.at, depth.count, [...depth.cells]]).toEqual([0, 3, [0, 10]]);
    expect(depth.values).toBe(values);
  });

  test("says on which slice it is largest, NaN left out", () => {
    const { depth } = at(0, 6, true);
    expect(peakIn(depth, 6)).toBe(5);
    expect(peakIn(depth, 3)).toBe(2);
    expect(peakIn({ ...depth, values: Float32Array.of(0, NaN, 0) }, 3)).toBeNull();
  });
});

describe("what a pane shows of a volume", () => {
  const channels = floats(count(24), [2, 3, 2, 2], { axes: ["channel", "z", "y", "x"], key: "a", signed: true });
  const shown = (channel: number | null, number: number) =>
    shownMap(channels.any, null, { channel, reduction: "sum", cut: { part: (number + 0.5) / 3, smooth: true } })!;

  test("is a slice of the chosen channel, or of the sum of all", () => {
    expect([...shown(1, 2).grid.values]).toEqual([20, 21, 22, 23]);
    expect([...shown(null, 1).grid.values]).toEqual([20, 22, 24, 26]);
    expect(shown(null, 1)).toMatchObject({ reducible: true, channels: 2, signed: true });
    expect(shown(1, 0).depth!.values.length).toBe(12); // the colours have the limits of all slices
    expect(shown(1, 0).depth!.values).toBe(shown(1, 2).depth!.values); // found once
  });

  test("takes the full precision of the channel's own volume", () => {
    const fine = floats(count(12).map((i) => i + 0.25), [3, 2, 2], { ...DEEP, of: "a", channel: 1 });
    const map = shownMap(channels.any, fine.any, { channel: 1, reduction: "sum", cut: { part: 0.5, smooth: true } })!;
    expect([...map.grid.values]).toEqual([4.25, 5.25, 6.25, 7.25]);
    expect(map.depth!.at).toBe(1);
  });

  test("is read with its z, and the raw value of the cell where it is interpolated", () => {
    const size = { width: 2, height: 2 };
    expect(reading({ x: 0.9, y: 0.1 }, shown(1, 2), size, { number: 2, count: 3 })).toBe("x 1  y 0  z 2   21");
    const between = shownMap(channels.any, null, { channel: 1, reduction: "sum", cut: { part: 2.5 / 6, smooth: true } })!;
    expect(between.grid.values[0]).toBe(15); // between 12 and 16
    expect(reading({ x: 0.1, y: 0.1 }, between, size, { number: 2, count: 6 })).toBe("x 0  y 0  z 2   cell 0, 0, 1   16");
    expect(sizeReading(between, { width: 8, height: 8 }, "bilinear", "sum")).toBe("2 × 2 × 3, interpolated");
  });

  test("an array without a z is the channels that it was", () => {
    const plain = floats(count(8), [2, 2, 2], {});
    expect(shownMap(plain.any, null, { channel: 1, reduction: "sum" })).toMatchObject({ channel: 1, channels: 2, depth: null });
  });
});

test("thumbnails show one slice of each channel, and say which", () => {
  const layer = floats(count(24), [2, 3, 2, 2], { axes: ["channel", "z", "y", "x"] });
  const [middle, last] = [mapsOf(layer.any)!, mapsOf(layer.any, 0.9)!];
  expect(middle.planes.map((plane) => [...plane])).toEqual([[4, 5, 6, 7], [16, 17, 18, 19]]);
  expect(last.planes.map((plane) => plane[0])).toEqual([8, 20]);
  expect(atRest(last, "")).toBe("2 channels of 2 × 2, slice 2 of 3");
  expect(mapsOf(layer.any)).toBe(middle);
  expect(mapsOf(floats(count(8), [2, 2, 2], { axes: ["z", "y", "x"] }).any)).toBeNull();
});

test("slices that were made smaller are said to be", () => {
  const picture = floats(count(8), [2, 2, 2], { ...DEEP, size: [4, 4], slices: 2 });
  expect(shrunkReading(picture.any)).toBe("drawn as 2 × 2 × 2 of 4 × 4 × 2");
  expect(shrunkReading(floats(count(8), [2, 2, 2], { ...DEEP, size: [2, 2], slices: 2 }).any)).toBe("");
});

describe("the slider", () => {
  let model: FakeModel<ImagePaneState>;
  let canvas: HTMLCanvasElement;
  let group: PaneGroup | null;
  let control: SliceControl;
  const input = (type: string): HTMLInputElement => control.element.querySelector(`input[type=${type}]`)!;
  const move = (to: string, type = "range"): void => {
    input(type).value = to;
    input(type).dispatchEvent(new Event("input"));
  };
  const show = (slices: number | null, peak: number | null = null): void => control.show(control.of(slices), peak, "");

  beforeEach(() => {
    model = new FakeModel({ slice: -1 } as ImagePaneState);
    canvas = document.createElement("canvas");
    group = null;
    control = sliceControl(model.any, canvas, () => group);
  });

  test("begins in the middle and has a name, bounds and words", () => {
    show(8);
    expect(input("range")).toMatchObject({ value: "4", min: "0", max: "7", ariaValueText: "slice 4 of 8" });
    expect(control.element.querySelector(`label[for=${input("range").id}]`)!.textContent).toBe("Slice");
    expect(input("number").getAttribute("aria-label")).toBe("Slice, number");
    show(null);
    expect(control.element.hidden).toBe(true);
  });

  test("moves in the page, and the kernel is told nothing", () => {
    show(8);
    move("6");
    expect(control.of(8)).toEqual({ number: 6, count: 8 });
    show(8);
    move("2", "number");
    expect(control.of(8)!.number).toBe(2);
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "PageDown" }));
    expect(control.of(8)!.number).toBe(2 + 1);
    expect([model.saved, model.sent]).toEqual([[], []]);
  });

  test("goes to the slice where the map is largest", () => {
    show(8, 1);
    const button = control.element.querySelector("button")!;
    expect(button.textContent).toBe("largest in slice 1");
    button.click();
    expect(control.of(8)!.number).toBe(1);
    show(8, null);
    expect(button.hidden).toBe(true);
  });

  test("moves all panes of a link, to the same part of volumes of other depths", () => {
    const heard: string[] = [];
    const member = { viewed: () => void heard.push("view"), pointed() {}, reached() {} };
    group = joinGroup("IPY_MODEL_slices", member, new AbortController().signal);
    model.on("change:slice", () => show(8)); // as the pane does
    show(8);
    move("6");
    move("7");
    const other = sliceControl(new FakeModel({ slice: -1 } as ImagePaneState).any, canvas, () => group);
    expect([control.of(8)!.number, other.of(8)!.number, other.of(4)!.number]).toEqual([7, 7, 3]);
    expect(heard).toEqual(["view", "view"]);
  });
});
