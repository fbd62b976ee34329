import { beforeEach, expect, test } from "vitest";
import { type Cell, cellAt, isIn, pickWithKeys } from "../src/cell_pick";

const grid = { width: 5, height: 3 };
let canvas: HTMLCanvasElement;
let cell: Cell;
let chosen: Cell[];
let size: typeof grid | null;

beforeEach(() => {
  canvas = document.createElement("canvas");
  [cell, chosen, size] = [[], [], grid];
  pickWithKeys(canvas, {
    grid: () => size,
    middle: () => ({ x: 0.5, y: 0.5 }),
    chosen: () => cell,
    choose: (next) => chosen.push((cell = next)),
  });
});

function press(key: string, shiftKey = false): boolean {
  const event = new KeyboardEvent("keydown", { key, shiftKey, cancelable: true });
  canvas.dispatchEvent(event);
  return event.defaultPrevented;
}

test("a place is a row and a column; outside there is none", () => {
  expect(cellAt({ x: 0.99, y: 0 }, grid)).toEqual([0, 4]);
  expect(cellAt({ x: 0.21, y: 0.7 }, grid)).toEqual([2, 1]);
  for (const [x, y] of [[1, 0.5], [-0.01, 0.5], [0.5, 1], [NaN, 0.5]] as const) expect(cellAt({ x, y }, grid)).toEqual([]);
  expect([isIn([2, 4], grid), isIn([3, 0], grid), isIn([0, 5], grid), isIn([], grid)]).toEqual([true, false, false, false]);
});

test("Enter chooses the middle cell and lets go again, Shift and arrows move it within the grid, Escape lets go", () => {
  expect(press("Enter")).toBe(true);
  for (const key of ["ArrowUp", "ArrowUp", "ArrowRight"]) expect(press(key, true)).toBe(true);
  expect(chosen).toEqual([[1, 2], [0, 2], [0, 3]]);
  press("Escape");
  press("ArrowLeft", true);
  press(" ");
  expect(chosen.slice(3)).toEqual([[], [1, 2], []]);
});

test("arrows alone are left to the stage, and nothing is chosen where there is no grid", () => {
  expect([press("ArrowLeft"), press("Escape")]).toEqual([false, false]);
  size = null;
  expect([press("Enter"), press("ArrowLeft", true)]).toEqual([false, false]);
  expect(chosen).toEqual([]);
});

test("a cell that another layer left behind counts as none", () => {
  cell = [40, 40];
  press("Enter");
  expect(chosen).toEqual([[1, 2]]);
});
