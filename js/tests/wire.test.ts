import { expect, test, vi } from "vitest";
import wire, { type ArrayState, decode, dequantise, picture } from "../src/wire";
import fixture from "./data/quantised.json";
import { FakeModel } from "./fake_model";

function arrayModel(bytes: number[], state: Partial<ArrayState>): FakeModel<ArrayState> {
  // The bytes of a message start anywhere in its buffer.
  const message = new Uint8Array([9, 9, 9, ...bytes, 9]);
  const buffer = new DataView(message.buffer, 3, bytes.length);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "uint8", shape: [], low: [], high: [], meta: {}, ...state });
}

test.each(["per_channel", "whole"] as const)("quantised values are those of the shared fixture: %s", (kind) => {
  const { levels, low, high, decoded } = fixture[kind];
  const array = decode(arrayModel(levels, { shape: fixture.shape, low, high }).any)!;
  expect(array.shape).toEqual([3, 1, 4]);
  decoded.forEach((value, i) => {
    if (value === null) expect(array.values[i]).toBeNaN();
    else expect(array.values[i]).toBeCloseTo(value, 6);
  });
});

test("uint8 without limits stays what it is", () => {
  expect([...dequantise(new Uint8Array([0, 255]), [], [])]).toEqual([0, 255]);
});

test("float32 is read from an odd offset", () => {
  const bytes = [...new Uint8Array(new Float32Array([1.5, NaN, -2]).buffer)];
  expect([...decode(arrayModel(bytes, { dtype: "float32", shape: [3] }).any)!.values]).toEqual([1.5, NaN, -2]);
});

test("an array is decoded once a frame, and again when the same bytes come with other limits", () => {
  const model = arrayModel([0, 254], { shape: [1, 2], low: [0], high: [1] });
  const first = decode(model.any)!;
  expect(decode(model.any)).toBe(first);
  model.arrive({ frame: 2, high: [10] });
  expect([...decode(model.any)!.values]).toEqual([0, 10]);
  expect(decode(new FakeModel({ ...emptyState(), frame: 0 }).any)).toBeNull();
});

test("pictures become RGBA", () => {
  const rgb = picture(arrayModel([1, 2, 3, 4, 5, 6], { shape: [1, 2, 3] }).any)!;
  expect([...rgb.data]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
  expect(picture(arrayModel([1, 2, 3, 0], { shape: [1, 1, 4] }).any)).toMatchObject({ holes: true, width: 1, height: 1 });
  expect(picture(arrayModel([1, 2], { shape: [1, 2] }).any)).toBeNull();
});

test("each frame that asks for it is reported once, after it was drawn", async () => {
  vi.useFakeTimers();
  const model = new FakeModel({ ...emptyState(), frame: 0 });
  const ending = new AbortController();
  void wire.initialize({ model: model.any, signal: ending.signal, experimental: undefined as never });
  model.arrive({ frame: 1, meta: { report: true } });
  expect(model.sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(2000);
  model.arrive({ frame: 2 });
  await vi.advanceTimersByTimeAsync(2000);
  model.arrive({ frame: 3, meta: {} });
  await vi.advanceTimersByTimeAsync(2000);
  expect(model.sent).toEqual([{ drawn: 1 }, { drawn: 2 }]);
  ending.abort();
  model.arrive({ frame: 3 });
  await vi.advanceTimersByTimeAsync(2000);
  expect(model.sent).toHaveLength(2);
  vi.useRealTimers();
});

function emptyState(): ArrayState {
  return { frame: 0, buffer: new DataView(new ArrayBuffer(0)), dtype: "float32", shape: [], low: [], high: [], meta: {} };
}
