import { expect, test } from "vitest";
import { shownMap, type Wish } from "../src/image_map";
import type { ArrayState, Meta } from "../src/wire";
import { FakeModel } from "./fake_model";

const whole: Wish = { channel: null, reduction: "sum" };

function floats(values: number[], shape: number[], meta: Meta): FakeModel<ArrayState> {
  const buffer = new DataView(Float32Array.from(values).buffer);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "float32", shape, low: [], high: [], meta });
}

function levels(values: number[], shape: number[], meta: Meta): FakeModel<ArrayState> {
  const buffer = new DataView(Uint8Array.from(values).buffer);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "uint8", shape, low: [0], high: [254], meta });
}

test("a followed channel is cut out, and clamped to what there is", () => {
  const array = floats([1, 2, 3, 4], [2, 1, 2], { signed: true });
  const map = shownMap(array.any, null, { channel: 1, reduction: "sum" })!;
  expect([...map.grid.values]).toEqual([3, 4]);
  expect(map).toMatchObject({ channel: 1, channels: 2, reducible: false, exact: true, signed: true });
  expect(shownMap(array.any, null, { channel: 99, reduction: "sum" })!.channel).toBe(1);
});

test("channels that nobody follows are reduced; only a sum keeps the sign", () => {
  const array = floats([1, -2, -3, 4], [2, 1, 2], { signed: true });
  expect(shownMap(array.any, null, whole)).toMatchObject({ signed: true, reducible: true, channel: null });
  const mean = shownMap(array.any, null, { channel: null, reduction: "mean |·|" })!;
  expect([...mean.grid.values]).toEqual([2, 3]);
  expect(mean.signed).toBe(false);
});

test("full precision is taken where it belongs to what is shown, and only there", () => {
  const coarse = levels([10, 20, 30, 40], [2, 1, 2], { key: "a", coarse: true });
  const fine = floats([30.25, 40.5], [1, 2], { of: "a", channel: 1 });
  const shown = (channel: number) => shownMap(coarse.any, fine.any, { channel, reduction: "sum" })!;
  expect([...shown(1).grid.values]).toEqual([30.25, 40.5]);
  expect(shown(1).exact).toBe(true);
  expect([...shown(0).grid.values]).toEqual([10, 20]);
  expect(shown(0).exact).toBe(false);
  fine.arrive({ frame: 2, meta: { of: "another", channel: 1 } });
  expect(shown(1).exact).toBe(false);
});

test("the cells that there are can be more than those that are drawn", () => {
  const averaged = levels([10, 20, 30, 40], [2, 1, 2], { key: "a", size: [2, 4] });
  const fine = floats([1, 2, 3, 4, 5, 6, 7, 8], [2, 4], { of: "a", channel: 1 });
  const shown = (channel: number) => shownMap(averaged.any, fine.any, { channel, reduction: "sum" })!;
  expect([shown(0).grid.width, shown(0).cells]).toEqual([2, { width: 4, height: 2 }]);
  expect([shown(1).grid.width, shown(1).cells]).toEqual([4, { width: 4, height: 2 }]);
});

test("missing and unknown keys, empty arrays and missing models break nothing", () => {
  const odd = floats([1, 2], [1, 2], { unheard: "of" } as Meta);
  expect(shownMap(odd.any, null, whole)).toMatchObject({ signed: false, channel: null });
  expect(shownMap(odd.any, floats([1], [1], {}).any, whole)!.grid.width).toBe(2);
  expect(shownMap(null, null, whole)).toBeNull();
  odd.arrive({ frame: 0 });
  expect(shownMap(odd.any, null, whole)).toBeNull();
});

test("an average of cells is no raw value", () => {
  const shown = (size: [number, number]) => shownMap(floats([1, 2, 3, 4], [2, 2], { size }).any, null, whole)!;
  expect(shown([2, 2]).exact).toBe(true);
  expect(shown([4, 4])).toMatchObject({ exact: false, cells: { width: 4, height: 4 } });
});
