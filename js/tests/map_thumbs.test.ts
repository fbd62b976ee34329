import { expect, test } from "vitest";
import { isConstant, mapsOf, scaleFor } from "../src/map_thumbs";
import type { ArrayState } from "../src/wire";
import { FakeModel } from "./fake_model";

const values = [1, -2, NaN, 5, 5, 5, NaN, NaN, NaN, -7, Infinity, 0];
const buffer = new DataView(Float32Array.from(values).buffer);
const model = new FakeModel<ArrayState>({
  frame: 1,
  buffer,
  dtype: "float32",
  shape: [4, 1, 3],
  low: [],
  high: [],
  meta: { signed: true },
});

test("each channel has its extremes; those that say the same everywhere are constant", () => {
  const maps = mapsOf(model.any)!;
  expect([...maps.low]).toEqual([-2, 5, NaN, -7]);
  expect([...maps.high]).toEqual([1, 5, NaN, 0]);
  expect([0, 1, 2, 3].map((channel) => isConstant(maps, channel))).toEqual([false, true, true, false]);
  expect(maps.constant).toBe(2);
  expect(mapsOf(model.any)).toBe(maps);
});

test("limits are a channel's own or shared by all", () => {
  const maps = mapsOf(model.any)!;
  expect(scaleFor(maps, 0, { shared: false, colormap: "auto" })).toMatchObject({ low: -2, high: 2 });
  expect(scaleFor(maps, 0, { shared: true, colormap: "auto" })).toMatchObject({ low: -7, high: 7 });
  expect(scaleFor(maps, 2, { shared: false, colormap: "auto" }).empty).toBe("no values");
});
