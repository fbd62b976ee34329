import { describe, expect, test } from "vitest";
import { beside, labelAt, outlineOf, ranksOf, type Segments, segmentsFrom, segmentsOf, shownOf } from "../src/segments";
import { drawBorders } from "../src/superpixel_lines";
import type { ArrayState } from "../src/wire";
import { FakeModel } from "./fake_model";

// 0 0 1
// 0 2 1
const labels = Float32Array.from([0, 0, 1, 0, 2, 1]);
const segments = segmentsFrom(labels, { width: 3, height: 2 }, 3, "a");

function pixelsOf({ pixels, starts }: Segments, label: number): number[] {
  return [...pixels.subarray(starts[label], starts[label + 1])];
}

test("each superpixel has the list of its pixels", () => {
  expect([0, 1, 2].map((label) => pixelsOf(segments, label))).toEqual([[0, 1, 3], [2, 5], [4]]);
});

test("a label without pixels has an empty list, and the others keep theirs", () => {
  const sparse = segmentsFrom(Float32Array.from([3, 1]), { width: 2, height: 1 }, 4, "a");
  expect([0, 1, 2, 3].map((label) => pixelsOf(sparse, label))).toEqual([[], [1], [], [0]]);
});

test("borders run between different superpixels, in one piece as long as both stay the same", () => {
  const inner = segments.borders.filter(({ sides }) => !sides.includes(-1)).map(({ line, sides }) => [...line, ...sides]);
  expect(inner).toEqual([
    [1, 1, 2, 1, 0, 2], // above superpixel 2
    [1, 1, 1, 2, 0, 2], // left of it
    [2, 0, 2, 1, 0, 1],
    [2, 1, 2, 2, 2, 1],
  ]);
  const edge = segments.borders.filter(({ sides }) => sides.includes(-1));
  const length = edge.reduce((sum, { line }) => sum + line[2] - line[0] + line[3] - line[1], 0);
  expect(length).toBe(10);
  const plain = segmentsFrom(new Float32Array(12), { width: 4, height: 3 }, 1, "a");
  expect(plain.borders.map(({ line }) => line)).toEqual([
    [0, 0, 4, 0],
    [0, 3, 4, 3],
    [0, 0, 0, 3],
    [4, 0, 4, 3],
  ]);
});

test("the outline of a superpixel is closed: at each of its corners meet an even number of lines", () => {
  expect(outlineOf(segments, 2)).toEqual([1, 1, 2, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 1, 2, 2]);
  for (const label of [0, 1, 2]) {
    const ends = new Map<string, number>();
    const lines = outlineOf(segments, label);
    for (let i = 0; i < lines.length; i += 2) {
      const corner = `${lines[i]},${lines[i + 1]}`;
      ends.set(corner, (ends.get(corner) ?? 0) + 1);
    }
    expect([...ends.values()].every((count) => count % 2 === 0)).toBe(true);
  }
});

test("ranks follow |value|; equal values keep their order, NaN comes last", () => {
  expect([...ranksOf(Float32Array.from([0.1, -3, NaN, 2, 0, -2]))]).toEqual([3, 0, 5, 1, 4, 2]);
});

test("0 shows all, and so does more than there are", () => {
  expect([shownOf(0, 7), shownOf(3, 7), shownOf(9, 7)]).toEqual([7, 3, 7]);
});

describe("places, in parts of the picture", () => {
  const at = (column: number, row: number) => ({ x: (column + 0.5) / 3, y: (row + 0.5) / 2 });
  test("have a superpixel, or lie beyond", () => {
    expect([at(1, 1), at(2, 0), at(3, 0), at(0, -1)].map((place) => labelAt(place, segments))).toEqual([2, 1, null, null]);
  });

  test("go to the next superpixel on one side and back, and stay at the picture's edge", () => {
    const right = [0, 1] as const;
    const [left, up] = [[0, -1] as const, [-1, 0] as const];
    const first = at(0, 1);
    const second = beside(first, right, segments);
    expect([second, beside(second, right, segments), beside(second, left, segments)].map((p) => labelAt(p, segments))).toEqual([
      2, 1, 0,
    ]);
    expect(labelAt(beside(at(0, 0), right, segments), segments)).toBe(1); // over the pixel of its own beside it
    expect(beside(first, up, segments)).toEqual(first);
    expect(beside(first, left, segments)).toEqual(first);
  });
});

test("a label map of bytes or floats is read as labels; all panes share what is made of a frame", () => {
  const bytes = new DataView(Uint8Array.from(labels).buffer);
  const state = { frame: 1, buffer: bytes, dtype: "uint8" as const, shape: [2, 3], low: [], high: [] };
  const model = new FakeModel<ArrayState>({ ...state, meta: { key: "a", count: 3 } });
  const found = segmentsOf(model.any)!;
  expect(found).toMatchObject({ key: "a", count: 3, width: 3, height: 2 });
  expect([...found.labels]).toEqual([...labels]);
  expect(segmentsOf(model.any)).toBe(found);
  model.arrive({ frame: 2, dtype: "float32", buffer: new DataView(labels.slice().buffer), meta: { key: "b", count: 3 } });
  expect(segmentsOf(model.any)).toMatchObject({ key: "b", borders: found.borders });
  model.arrive({ frame: 0 });
  expect(segmentsOf(model.any)).toBeNull();
});

describe("borders on a stage", () => {
  // A pixel of the picture is 8 × 8 on the stage.
  const whole = { x: 2, y: 2, width: 24, height: 16 };
  const drawn = (isSeen: ((label: number) => boolean) | null, ratio = 1) => {
    const out = new Uint32Array(28 * 20);
    drawBorders(out, { width: 28, height: 20 }, whole, segments, ratio, isSeen);
    const white = (packed: number): boolean => (packed & 0xffffff) === 0xffffff;
    return (x: number, y: number): string => (out[y * 28 + x] ? (white(out[y * 28 + x]!) ? "light" : "dark") : "");
  };

  test("a light line runs between dark ones, and none along the picture's edge", () => {
    const at = drawn(null);
    const across = Array.from({ length: 7 }, (_, i) => at(15 + i, 5)); // x = 18 is between superpixels 0 and 1
    expect(across.filter(Boolean)).toEqual(["dark", "light", "dark"]);
    expect([at(2, 5), at(25, 5), at(10, 2)]).toEqual(["", "", ""]);
  });

  test("on a finer screen lines are as many pixels thicker", () => {
    const at = drawn(null, 2);
    const across = Array.from({ length: 12 }, (_, i) => at(12 + i, 5)).filter(Boolean);
    expect(across).toEqual(["dark", "dark", "light", "light", "dark", "dark"]);
  });

  test("with some superpixels covered only the borders of the others are left", () => {
    const at = drawn((label) => label === 2);
    const row = (y: number): string[] => Array.from({ length: 28 }, (_, x) => at(x, y)).filter(Boolean);
    expect(row(5)).toEqual([]); // between 0 and 1
    expect(row(14).filter((side) => side === "light")).toHaveLength(2); // left and right of 2
  });

  test("what lies beyond the stage is left out", () => {
    const out = new Uint32Array(4 * 4);
    drawBorders(out, { width: 4, height: 4 }, { x: -100, y: -100, width: 300, height: 200 }, segments, 1, null);
    const lit = [...out.keys()].filter((i) => out[i]);
    // the upper left corner of superpixel 2 is that of the stage: two pixels of each line are seen
    expect(lit).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13]);
  });
});
