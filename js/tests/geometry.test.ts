import { describe, expect, test } from "vitest";
import { displayOrder, gridLayout, placeOf, stepTo, thumbAt } from "../src/map_layout";
import { NAN_COLOURS, paint } from "../src/raster";
import { fitted, inParts, ofParts, pan, sceneOnStage, toScene, within, zoomAround } from "../src/zoom";

const scene = { width: 200, height: 100 };
const stage = { width: 400, height: 400 };

describe("zoom", () => {
  test("a fitted scene is centred and keeps its aspect", () => {
    expect(sceneOnStage(scene, stage, fitted(scene))).toEqual({ x: 0, y: 100, width: 400, height: 200 });
    expect(toScene({ x: 0, y: 100 }, scene, stage, fitted(scene))).toEqual({ x: 0, y: 0 });
  });
  test("the point under the pointer stays under it", () => {
    const anchor = { x: 250, y: 180 };
    let view = fitted(scene);
    const before = toScene(anchor, scene, stage, view);
    for (const factor of [4, 2, 0.7]) view = zoomAround(anchor, factor, scene, stage, view);
    const after = toScene(anchor, scene, stage, view);
    expect(after.x).toBeCloseTo(before.x, 9);
    expect(after.y).toBeCloseTo(before.y, 9);
  });
  test("panning follows the hand and ends at the edge", () => {
    const view = zoomAround({ x: 200, y: 200 }, 4, scene, stage, fitted(scene));
    expect(pan({ x: 8, y: 0 }, scene, stage, view).x).toBeCloseTo(view.x - 1, 9);
    expect(sceneOnStage(scene, stage, pan({ x: 1e6, y: 1e6 }, scene, stage, view))).toMatchObject({ x: 0, y: 0 });
  });
  test("zoom has ends, and zooming out centres again", () => {
    const view = zoomAround({ x: 0, y: 0 }, 1e9, scene, stage, fitted(scene));
    expect(view.zoom).toBe(64);
    expect(zoomAround({ x: 0, y: 0 }, 1e-9, scene, stage, view)).toEqual(fitted(scene));
    expect(within({ zoom: 1, x: -5, y: 900 }, scene, stage)).toEqual(fitted(scene));
  });
});

test("a view in parts of its scene shows the same part of a scene of another size", () => {
  const view = zoomAround({ x: 250, y: 180 }, 4, scene, stage, fitted(scene));
  const large = { width: 800, height: 400 };
  const taken = ofParts(inParts(view, scene), large);
  expect(sceneOnStage(large, stage, taken)).toEqual(sceneOnStage(scene, stage, view));
});

describe("painting", () => {
  const table = Uint32Array.from({ length: 101 }, (_, i) => i);
  const colours = { table, from: 0, to: 100 };
  const row = (values: number[], pixels: number, smooth: boolean, x = 0, width = values.length): number[] => {
    const out = new Uint32Array(pixels);
    const grid = { values: Float32Array.from(values), width: values.length, height: 1 };
    paint(out, pixels, 1, grid, { x, y: 0, width, height: 1 }, colours, smooth);
    return [...out];
  };
  test("nearest repeats cells, bilinear runs between their centres", () => {
    expect(row([0, 100], 4, false)).toEqual([0, 0, 100, 100]);
    expect(row([0, 100], 4, true)).toEqual([0, 25, 75, 100]);
  });
  test("a window shows its part", () => {
    expect(row([10, 20, 30, 40], 2, false, 1, 2)).toEqual([20, 30]);
  });
  test("values outside saturate", () => {
    expect(row([-5, 500, Infinity, -Infinity], 4, false)).toEqual([0, 100, 100, 0]);
  });
  test("NaN is hatched and covers its own cell only", () => {
    for (const smooth of [false, true]) {
      const drawn = row([50, NaN, 50], 9, smooth);
      expect(drawn.slice(3, 6).every((pixel) => NAN_COLOURS.includes(pixel))).toBe(true);
      expect([...drawn.slice(0, 3), ...drawn.slice(6)]).toEqual(Array(6).fill(50));
    }
  });
  test("rows and columns are not swapped", () => {
    const out = new Uint32Array(4);
    const grid = { values: Float32Array.from([1, 2, 3, 4]), width: 2, height: 2 };
    paint(out, 2, 2, grid, { x: 0, y: 0, width: 2, height: 2 }, colours, false);
    expect([...out]).toEqual([1, 2, 3, 4]);
  });
});

describe("the grid of maps", () => {
  test("few maps are large, many fit, too many scroll", () => {
    const area = { width: 280, height: 280 };
    expect(gridLayout(4, 1, area).thumb.width).toBe(112);
    const fits = gridLayout(36, 1, area);
    expect(fits.height).toBeLessThanOrEqual(280);
    const scrolls = gridLayout(2048, 1, area);
    expect(scrolls.thumb.width).toBeGreaterThanOrEqual(40);
    expect(scrolls.height).toBeGreaterThan(280);
    for (const { columns, thumb } of [fits, scrolls]) expect(columns * (thumb.width + 4) - 4).toBeLessThanOrEqual(280);
  });
  test("a point finds the thumbnail that is drawn there", () => {
    const layout = gridLayout(64, 2, { width: 300, height: 200 });
    for (const index of [0, 5, 63]) {
      const { x, y } = placeOf(index, layout);
      expect(thumbAt(x + 1, y + 1, 64, layout)).toBe(index);
    }
    expect(thumbAt(-1, 0, 64, layout)).toBe(-1);
    expect(thumbAt(1, 1e6, 64, layout)).toBe(-1);
  });
  test("channels are shown in the order that is asked for, if it holds each of them once", () => {
    const { channels, places } = displayOrder([2, 0, 1], 3);
    expect([[...places], Array.from(channels)]).toEqual([[1, 2, 0], [2, 0, 1]]);
    for (const wanted of [[], [0, 1], [0, 1, 1], [0, 1, 7], [1, 0, 2, 3]]) {
      expect(Array.from(displayOrder(wanted, 3).channels)).toEqual([0, 1, 2]);
    }
  });
  test("a signal is no hair, and as wide as it needs to be", () => {
    const { thumb } = gridLayout(6, 120, { width: 900, height: 320 });
    expect([thumb.height, thumb.width]).toEqual([12, 900]);
  });
  test("keys move within the grid", () => {
    expect(stepTo("ArrowDown", 3, 64, 8)).toBe(11);
    expect(stepTo("ArrowUp", 3, 64, 8)).toBe(3);
    expect(stepTo("End", 3, 64, 8)).toBe(63);
    expect(stepTo("a", 3, 64, 8)).toBeNull();
  });
});
