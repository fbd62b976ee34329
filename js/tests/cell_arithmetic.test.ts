import { beforeEach, expect, test } from "vitest";
import { agrees, sumsOf } from "../src/arithmetic";
import pane, { type CellArithmeticState } from "../src/cell_arithmetic";
import { numberGrid } from "../src/number_grid";
import type { ArrayState } from "../src/wire";
import { fakeHost, FakeModel, settle } from "./fake_model";

// Two input channels of 2 × 2: products 1·1 + 2·0 + 3·(−1) + 4·2 = 6 and 0.5·(−20) = −10.
const PATCH = [1, 2, 3, 4, 0.5, 0, 0, 0];
const KERNEL = [1, 0, -1, 2, -20, 7, 7, 7];

test("contributions are the sums of the products, the largest first", () => {
  const sums = sumsOf(Float32Array.from([...PATCH, ...KERNEL]), 2);
  expect([...sums.contributions]).toEqual([6, -10]);
  expect([sums.ranking, sums.total, sums.weight]).toEqual([[1, 0], -4, 22]);
});

test("sums are in double precision: what a small number adds to a large one is not lost", () => {
  const sums = sumsOf(Float32Array.from([1e8, 1, -1e8, 1, 1, 1]), 3);
  expect(sums.total).toBe(1);
});

test("rounding is told from a difference", () => {
  expect([agrees(1, 1 + 1e-6, 2), agrees(1, 1.001, 2), agrees(0, 0, 0)]).toEqual([true, false, true]);
});

let array: FakeModel<ArrayState>;
let model: FakeModel<CellArithmeticState>;
let el: HTMLElement;

beforeEach(async () => {
  array = new FakeModel<ArrayState>({
    frame: 1,
    buffer: new DataView(Float32Array.from([...PATCH, ...KERNEL]).buffer),
    dtype: "float32",
    shape: [2, 2, 2, 2],
    low: [],
    high: [],
    meta: { bias: 0.25, has_bias: true, activation: -3.75, padding: [[0, 1]], in_names: ["<b>red</b>", "green"] } as object,
  });
  model = new FakeModel<CellArithmeticState>({ numbers: "IPY_MODEL_a", title: "", notice: "" });
  el = document.createElement("div");
  pane.render({ model: model.any, el, host: fakeHost(() => array.any), signal: new AbortController().signal } as never);
  await settle();
});

const texts = (selector: string): string[] => [...el.querySelectorAll(selector)].map((each) => each.textContent!);
const cells = (): string[][] => [...el.querySelectorAll(".nbx-numbers")].map((table) => [...table.querySelectorAll("tbody td")].map((td) => td.textContent!));
const visible = (): string => texts(".nbx-reason:not([hidden])").join();

test("the input channel that adds most is shown number by number, and the sum line by line", () => {
  expect(texts(".nbx-contribution:not([hidden])").slice(0, 2)).toEqual(["green−10", "<b>red</b>+6"]);
  expect(cells()).toEqual([["0.5", "0", "0", "0"], ["−20", "7", "7", "7"], ["−10", "0", "0", "0"]]);
  expect(texts("caption").slice(0, 3)).toEqual(["patch", "kernel", "product"]);
  expect(texts(".nbx-sum th")).toEqual([
    "Σ products of green", "+ the other 1", "= all 2 input channels", "+ bias", "= sum", "the layer returned",
  ]);
  expect(texts(".nbx-sum td")).toEqual(["−10.000", "6.000", "−4.000", "0.250", "−3.750", "−3.750"]);
  expect(visible()).toBe("");
});

test("padding is marked in patch and product", () => {
  const padded = [...el.querySelectorAll(".nbx-numbers")].map((table) =>
    [...table.querySelectorAll("tbody td")].map((td) => td.classList.contains("nbx-padding")),
  );
  const second = [false, true, false, false];
  expect(padded).toEqual([second, Array(4).fill(false), second]);
});

test("another input channel is chosen in the list, by the slider and by its number; the choice outlives new numbers", () => {
  el.querySelectorAll<HTMLElement>(".nbx-contribution")[1]!.click();
  expect(cells()[0]).toEqual(["1", "2", "3", "4"]);
  const pressed = [...el.querySelectorAll(".nbx-contribution")].map((button) => button.ariaPressed);
  expect(pressed.slice(0, 2)).toEqual(["false", "true"]);
  array.arrive({ frame: 2, meta: { has_bias: false } as object });
  expect(texts(".nbx-sum th")[0]).toBe("Σ products of channel 0");
  expect(texts(".nbx-sum td")).toEqual(["6.000", "−10.000", "−4.000", "none", "−4.000"]);
  const slider = el.querySelector<HTMLInputElement>("input[type=range]")!;
  slider.value = "1";
  slider.dispatchEvent(new Event("input"));
  expect(cells()[1]![0]).toBe("−20");
});

test("channels of a grouped convolution keep their numbers", () => {
  array.arrive({ frame: 2, meta: { first_channel: 6 } as object });
  expect(texts(".nbx-sum th")[0]).toBe("Σ products of channel 7");
  const box = el.querySelector<HTMLInputElement>("input[type=number]")!;
  expect([box.min, box.max, box.value]).toEqual(["6", "7", "7"]);
  box.value = "6";
  box.dispatchEvent(new Event("input"));
  expect(cells()[0]).toEqual(["1", "2", "3", "4"]);
});

test("a layer that returned something else is told of", () => {
  array.arrive({ frame: 2, meta: { bias: 0.25, has_bias: true, activation: 0 } as object });
  expect(visible()).toBe("They differ by 3.75, which is more than rounding.");
});

test("a notice takes the place of the numbers", () => {
  model.arrive({ notice: "layer4 is a ResidualBlock" });
  expect(visible()).toBe("layer4 is a ResidualBlock");
  expect(el.querySelector<HTMLElement>(".nbx-arithmetic")!.hidden).toBe(true);
});

test("rows and columns have headers with a scope; one number needs none, and 16 columns can be scrolled", () => {
  const grid = (columns: number, rows: number): HTMLElement =>
    numberGrid({ caption: "patch", values: new Float32Array(columns * rows), columns, largest: 0, padding: () => false });
  const scopes = (of: HTMLElement): string[] => [...of.querySelectorAll("th")].map((th) => th.getAttribute("scope")!);
  expect(scopes(grid(2, 2))).toEqual(["col", "col", "row", "row"]);
  expect(scopes(grid(1, 1))).toEqual([]);
  expect([grid(16, 16).tabIndex, grid(3, 3).getAttribute("tabindex")]).toEqual([0, null]);
});
