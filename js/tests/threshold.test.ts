import { afterEach, beforeEach, expect, test } from "vitest";
import { countsAt } from "../src/confusion_counts";
import confusionModule, { type ConfusionPaneState } from "../src/confusion_pane";
import curveModule, { type CurvePaneState, ratesAt } from "../src/curve_pane";
import { Steps, type ThresholdState } from "../src/threshold";
import type { ArrayState } from "../src/wire";
import { fakeHost, FakeModel } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
// thresholds 0, 0.25, 0.5, 0.75, 1 of five rows: two of the class (0.5, 0.75) and three others (0, 0.25, 0.5)
const META = { first: 0, count: 5, times: 1, parts: 4, positives: 2, negatives: 3, start: 0.5, quantity: "probability", channel: 1 };
const COUNTS = [2, 2, 2, 1, 0, 3, 2, 1, 0, 0];

function arrayOf(values: number[], meta: object = {}): FakeModel<ArrayState> {
  const buffer = new DataView(Float32Array.from(values).buffer);
  return new FakeModel<ArrayState>({ frame: 1, buffer, dtype: "float32", shape: [2, values.length / 2], low: [], high: [], meta });
}

let threshold: FakeModel<ThresholdState>;
let confusion: FakeModel<ConfusionPaneState>;
let curves: FakeModel<CurvePaneState>;
let panes: { confusion: HTMLElement; curves: HTMLElement };
let ending: AbortController;

beforeEach(async () => {
  threshold = new FakeModel<ThresholdState>({ value: null });
  const models: Record<string, FakeModel<never>> = {
    t: threshold as never,
    c: arrayOf(COUNTS, META) as never,
    r: arrayOf([0, 0.5, 1, 0, 1, 1]) as never,
  };
  confusion = new FakeModel<ConfusionPaneState>({
    title: "Confusion matrix",
    names: ["fit", EVIL],
    cuts: [["fit", "<im…"]],
    counts: [3, 0, 1, 1],
    others: 0,
    chosen: -1,
    figures: ["accuracy 80.0% ± 17.9% (standard error, Wilson)"],
    note: "",
    curve: "IPY_MODEL_c",
    threshold: "IPY_MODEL_t",
  });
  curves = new FakeModel<CurvePaneState>({
    title: "Curves",
    roc: "IPY_MODEL_r",
    precision_recall: "IPY_MODEL_r",
    curve: "IPY_MODEL_c",
    threshold: "IPY_MODEL_t",
    rates: ["ROC curve · AUC 0.9", "Precision–recall curve"],
    note: "",
  });
  ending = new AbortController();
  panes = { confusion: document.createElement("div"), curves: document.createElement("div") };
  const host = fakeHost((id) => models[id]);
  const shown = { host, signal: ending.signal, experimental: undefined as never };
  document.body.append(panes.confusion, panes.curves);
  void confusionModule.render({ model: confusion.any as never, el: panes.confusion, ...shown });
  void curveModule.render({ model: curves.any as never, el: panes.curves, ...shown });
  await new Promise((resolve) => setTimeout(resolve, 40));
});

afterEach(() => {
  ending.abort();
  for (const pane of Object.values(panes)) pane.remove();
  expect([confusion.heard, curves.heard, threshold.heard]).toEqual([0, 0, 0]);
  expect("broken" in window).toBe(false);
});

const cells = (): HTMLButtonElement[] => [...panes.confusion.querySelectorAll<HTMLButtonElement>("td button")];
const numbers = (): string[] => cells().map((cell) => cell.querySelector("strong")!.textContent!);
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));

test("rows are counted again at a threshold, for either class", () => {
  const steps = (channel: number): Steps => new Steps(Float32Array.from(COUNTS), { ...META, channel });
  expect(countsAt(steps(1), 2)).toEqual([2, 1, 0, 2]);
  expect(countsAt(steps(0), 3)).toEqual([1, 1, 0, 3]);
  expect(steps(1).place(0.3)).toBe(1);
  expect(steps(1).place(7)).toBe(4);
});

test("a threshold is a point of both curves; where no row is taken there is no precision", () => {
  const steps = new Steps(Float32Array.from(COUNTS), META);
  expect(ratesAt(steps, 2).roc).toEqual([1 / 3, 1]);
  expect(ratesAt(steps, 2).precisionRecall).toEqual([1, 2 / 3]);
  expect(ratesAt(steps, 4)).toMatchObject({ roc: [0, 0], precisionRecall: null });
  expect(ratesAt(steps, 4).words).toContain("no row is taken");
});

test("the matrix shows what the kernel counted, until the slider is moved, and again after a reset", async () => {
  expect(numbers()).toEqual(["3", "0", "1", "1"]);
  expect(cells()[3]!.ariaLabel).toBe(`label ${EVIL}, predicted ${EVIL}: 1 row, 50.0% of the label`);
  expect(panes.confusion.querySelector("img")).toBeNull();
  const slider = panes.curves.querySelector<HTMLInputElement>("input[type=range]")!;
  expect([slider.value, slider.max, slider.ariaValueText]).toEqual(["2", "4", "0.5"]);
  slider.value = "1";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
  expect(threshold.saved).toEqual([{ value: 0.25 }]);
  expect(numbers()).toEqual(["1", "2", "0", "2"]);
  expect(panes.confusion.textContent).toContain("accuracy 60.0% ± 18.8% (standard error, Wilson) · balanced accuracy 66.7%");
  expect(panes.curves.textContent).toContain("recall 1.000 · false positive rate 0.667 · precision 0.500");
  [...panes.confusion.querySelectorAll("button")].at(-1)!.click();
  await settle();
  expect(threshold.get("value")).toBeNull();
  expect(numbers()).toEqual(["3", "0", "1", "1"]);
});

test("a click tells the kernel which cell, but not at a threshold, of which a filter knows nothing", async () => {
  cells()[2]!.click();
  expect(confusion.sent).toEqual([{ choose: 2 }]);
  confusion.arrive({ chosen: 2 });
  await settle();
  expect(cells().map((cell) => cell.ariaPressed)).toEqual(["false", "false", "true", "false"]);
  threshold.arrive({ value: 0.25 });
  await settle();
  cells()[2]!.click();
  expect(confusion.sent).toEqual([{ choose: 2 }]);
  expect(cells()[2]!.title).toContain("reset the threshold first");
});

test("a cell without rows cannot be chosen, but it can be left where it was chosen before", async () => {
  cells()[1]!.click();
  expect(confusion.sent).toEqual([]);
  expect(cells().map((cell) => cell.ariaDisabled)).toEqual(["false", "true", "false", "false"]);
  confusion.arrive({ chosen: 1 });
  await settle();
  cells()[1]!.click();
  expect(confusion.sent).toEqual([{ choose: 1 }]);
});

test("names that are too long are cut as little as fits, and stay whole for readers", async () => {
  const heads = [...panes.confusion.querySelectorAll<HTMLElement>("th[scope=row] > span")];
  for (const head of heads) {
    Object.defineProperty(head, "clientWidth", { get: () => 40 });
    Object.defineProperty(head, "scrollWidth", { get: () => Math.max(40, 10 * head.textContent!.length) });
  }
  confusion.arrive({ cuts: [["fit", "<img src…"], ["fit", "<im…"], ["f", "…"]] });
  await settle();
  expect(heads.map((head) => head.textContent)).toEqual(["fit", "<im…"]);
  expect(heads[1]!.parentElement!.getAttribute("aria-label")).toBe(EVIL);
  expect(panes.confusion.querySelectorAll("th[scope=col]")[1]!.textContent).toBe(EVIL);
});

test("arrows go from cell to cell, and one cell can be reached with Tab", () => {
  cells()[0]!.focus();
  const press = (key: string): unknown =>
    document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  for (const key of ["ArrowRight", "ArrowDown", "ArrowDown"]) press(key);
  expect(document.activeElement).toBe(cells()[3]);
  expect(cells().map((cell) => cell.tabIndex)).toEqual([-1, -1, -1, 0]);
});

test("both charts say what they show", () => {
  const words = [...panes.curves.querySelectorAll("svg")].map((svg) => svg.getAttribute("aria-label"));
  expect(words[0]).toBe("ROC curve · AUC 0.9; recall 1.000 · false positive rate 0.333 · precision 0.667");
  expect(panes.curves.querySelector(".nbx-curve-line")!.getAttribute("d")).toMatch(/^M54\.0 .*L.*L/);
});
