import { expect, test } from "vitest";
import { type Marks, outlines, partsOf } from "../src/stage_marks";

const whole = { x: 10, y: 0, width: 100, height: 200 };
const size = { width: 50, height: 100 };

const drawn = (marks: Partial<Marks>) => outlines({ cell: null, superpixel: null, frame: null, pointer: null, ...marks }, whole);

test("a cell is outlined where it lies on the stage", () => {
  expect(drawn({ cell: partsOf([2, 4, 3, 5], { width: 5, height: 10 }) }).picked).toBe("M50 80H70V100H50z");
  expect(drawn({})).toEqual({ dim: "", framed: "", picked: "", outlined: "", ring: "" });
});

test("a frame inside the picture has four sides, and all around it is dimmed", () => {
  const { framed, dim } = drawn({ frame: partsOf([5, 10, 15, 30], size) });
  expect(framed).toBe("M20 20V60M20 20H40M40 20V60M20 60H40");
  expect(dim).toBe("M10 0H110V200H10zM20 20H40V60H20z");
});

test("a side beyond the picture has no line; a side on its edge has one", () => {
  expect(drawn({ frame: partsOf([-5, 90, 15, 110], size) }).framed).toBe("M10 180H40M40 180V200");
  expect(drawn({ frame: partsOf([0, 0, 50, 100], size) }).framed).toBe("M10 0V200M10 0H110M110 0V200M10 200H110");
  expect(drawn({ frame: partsOf([60, 0, 70, 10], size) }).framed).toBe("");
});

test("a superpixel is outlined line by line", () => {
  expect(drawn({ superpixel: partsOf([0, 0, 10, 0, 10, 0, 10, 100], size) }).outlined).toBe("M10 0L30 0M30 0L30 200");
});

test("the pointer is a ring around its place", () => {
  expect(drawn({ pointer: { x: 0.5, y: 0.25 } }).ring).toMatch(/^M53 50a7 7/);
});
