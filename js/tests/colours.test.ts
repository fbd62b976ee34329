import { describe, expect, test } from "vitest";
import { chooseColormap, COLORMAPS, isDiverging, palette } from "../src/colormap";
import { rounded } from "../src/format";
import { colour, colourTable, type Look, magnitude, reduce, scaleOf } from "../src/scale";
import matplotlib from "./data/matplotlib_colormaps.json";

const look = (changes: Partial<Look> = {}): Look => {
  return { signed: true, sign: "both", clip: 100, limits: [], colormap: "auto", ...changes };
};
const floats = (...values: number[]): Float32Array => Float32Array.from(values);

test.each(COLORMAPS)("%s is within 2/255 of matplotlib", (name) => {
  const reference = matplotlib[name].match(/../g)!.map((byte) => Number.parseInt(byte, 16));
  const ours = palette(name);
  expect(reference).toHaveLength(768);
  expect(Math.max(...reference.map((byte, i) => Math.abs(byte - ours[i]!)))).toBeLessThanOrEqual(2);
});

test("auto is diverging for signed values only, and never jet", () => {
  expect(isDiverging(chooseColormap("auto", true))).toBe(true);
  expect(isDiverging(chooseColormap("auto", false))).toBe(false);
  expect(chooseColormap("jet", false)).toBe("viridis");
});

describe("limits", () => {
  test("signed maps are symmetric around zero, whatever is in them", () => {
    expect(scaleOf(floats(-1, 4, NaN), look())).toMatchObject({ low: -4, high: 4, from: -4, to: 4, empty: "" });
  });
  test("unsigned maps include zero", () => {
    expect(scaleOf(floats(2, 5), look({ signed: false }))).toMatchObject({ low: 0, high: 5 });
    expect(scaleOf(floats(-2, 5), look({ signed: false }))).toMatchObject({ low: -2, high: 5 });
  });
  test("signs", () => {
    expect(scaleOf(floats(-3, 2), look({ sign: "positive" }))).toMatchObject({ low: 0, high: 3, from: 0, to: 3 });
    expect(scaleOf(floats(-3, 2), look({ sign: "negative" }))).toMatchObject({ low: -3, high: 0, from: -3, to: 0 });
    expect(scaleOf(floats(-3, 2), look({ sign: "absolute" }))).toMatchObject({ low: 0, high: 3, from: -3, to: 3 });
  });
  test("locked limits win over values and clip", () => {
    expect(scaleOf(floats(-3, 2), look({ limits: [-1, 2], clip: 60 }))).toMatchObject({ low: -1, high: 2 });
  });
  test("nothing to show is said", () => {
    expect(scaleOf(floats(0, 0), look()).empty).toBe("all values are 0");
    expect(scaleOf(floats(NaN), look()).empty).toBe("no values");
    expect(scaleOf(floats(0, 0, 0), look()).high).toBeGreaterThan(0);
  });
});

describe("the percentile of |value|", () => {
  test("is numpy's", () => {
    const values = floats(...Array.from({ length: 101 }, (_, i) => (i % 2 ? -1 : 1) * (1 + ((i * 37) % 101))));
    for (const percent of [50, 73, 98.5, 100]) expect(magnitude(values, percent)).toBeCloseTo(1 + percent, 5);
    expect(magnitude(floats(1, 2), 50)).toBeCloseTo(1.5, 6);
    expect(magnitude(floats(5, 5, 5, 5, 5), 80)).toBe(5);
  });
  test("leaves out NaN and infinities", () => {
    expect(magnitude(floats(NaN, -3, Infinity, 1), 100)).toBe(3);
    expect(magnitude(floats(NaN, -3, -Infinity, 1), 99.9)).toBeCloseTo(2.998, 5);
    expect(magnitude(floats(NaN), 90)).toBe(0);
    expect(magnitude(floats(0, 0, 0, 0, 0, 0, 2, -4), 50)).toBe(3); // zeros do not count
  });
});

describe("colours", () => {
  const RED = [103, 0, 31, 255];
  const BLUE = [5, 48, 97, 255];
  test("blue is negative, red is positive, outside values saturate", () => {
    const scale = scaleOf(floats(-1, 1), look());
    expect(colour(-1, scale, false)).toEqual(BLUE);
    expect(colour(9, scale, false)).toEqual(RED);
    expect(colour(0, scale, false).every((part) => part > 240)).toBe(true);
  });
  test("fade makes zero transparent and leaves the strongest alone", () => {
    const scale = scaleOf(floats(-1, 1), look());
    expect(colour(0, scale, true)[3]).toBe(0);
    expect(colour(-1, scale, true)).toEqual(BLUE);
    expect(colour(0.1, scale, true)[3]).toBeLessThan(64);
  });
  test("a choice of sign keeps the meaning of the colours and hides the other sign", () => {
    const positive = scaleOf(floats(-1, 1), look({ sign: "positive" }));
    expect(colour(1, positive, false)).toEqual(RED);
    expect(colour(-1, positive, true)[3]).toBe(0);
    const negative = scaleOf(floats(-1, 1), look({ sign: "negative" }));
    expect(colour(-1, negative, false)).toEqual(BLUE);
    const absolute = scaleOf(floats(-1, 1), look({ sign: "absolute" }));
    expect(colour(-1, absolute, false)).toEqual(colour(1, absolute, false));
  });
  test("the table holds the colours from end to end", () => {
    const scale = scaleOf(floats(-1, 1), look());
    const bytes = new Uint8Array(colourTable(scale, false, 11).buffer);
    expect([...bytes.slice(0, 4)]).toEqual(BLUE);
    expect([...bytes.slice(40)]).toEqual(RED);
  });
});

test("reductions over channels", () => {
  const values = floats(1, -2, NaN, -3, 4, 1);
  expect([...reduce(values, 2, "sum")]).toEqual([-2, 2, NaN]);
  expect([...reduce(values, 2, "mean |·|")]).toEqual([2, 3, NaN]);
  expect([...reduce(values, 2, "max |·|")]).toEqual([3, 4, NaN]);
});

test("numbers are short and honest", () => {
  const texts = [0, -1.23456, 1234567, 0.00012345, 100, -0.5, 99.96, NaN].map((value) => rounded(value));
  expect(texts).toEqual(["0", "−1.23", "1.23e6", "1.23e−4", "100", "−0.5", "100", "no value"]);
});
