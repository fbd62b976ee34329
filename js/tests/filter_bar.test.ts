import { afterEach, beforeEach, expect, test } from "vitest";
import filterModule, { type FilterBarState } from "../src/filter_bar";
import { fakeHost, FakeModel } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const STATE: FilterBarState = {
  fields: [
    { key: "error", name: "error", kind: "one", options: ["right", "wrong"], low: 0, high: 0 },
    { key: "city", name: EVIL, kind: "some", options: ["oslo", EVIL, "missing"], low: 0, high: 0 },
    { key: "age", name: "age", kind: "range", options: [], low: 18, high: 79.5 },
    { key: "day", name: "day", kind: "range", options: [], low: 19723, high: 19800, time: "date" },
    { key: "many", name: "many", kind: "some", options: Array.from({ length: 40 }, (_, i) => `v${i}`), low: 0, high: 0, listed: "the 40 most frequent of 9,000" },
  ],
  conditions: [],
  text: "all 569 rows",
  problem: "",
};

let model: FakeModel<FilterBarState>;
let el: HTMLElement;
let ending: AbortController;

beforeEach(() => {
  model = new FakeModel(STATE);
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  const [host, experimental] = [fakeHost(() => undefined), undefined as never];
  void filterModule.render({ model: model.any as never, el, host, signal: ending.signal, experimental });
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect(model.heard).toBe(0);
  expect("broken" in window).toBe(false);
});

const chips = (): string[] => [...el.querySelectorAll(".nbx-filter-chip > span")].map((chip) => chip.textContent!);

function edit(key: string): void {
  const select = el.querySelector<HTMLSelectElement>(".nbx-filter-add > select")!;
  select.value = key;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

function enter(input: HTMLInputElement | HTMLSelectElement, value: string): void {
  input.value = value;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

test("it says which rows are looked at, with a button for each condition", () => {
  expect(el.querySelector("[role=status]")!.textContent).toBe("all 569 rows");
  const conditions = [
    { key: "age", words: "age: 30 to 50", value: [30, 50] as [number, number] },
    { key: "city", words: EVIL, value: [1] },
  ];
  model.arrive({ conditions, text: `212 of 569 rows · age: 30 to 50 · ${EVIL}` });
  expect(el.querySelector("[role=status]")!.textContent).toBe("212 of 569 rows");
  expect(chips()).toEqual(["age: 30 to 50", EVIL]);
  const [remove] = el.querySelectorAll<HTMLButtonElement>(".nbx-filter-chip button");
  expect(remove!.getAttribute("aria-label")).toBe("Remove age: 30 to 50");
  remove!.click();
  [...el.querySelectorAll("button")].find(({ textContent }) => textContent === "All rows")!.click();
  expect(model.sent).toEqual([{ put: "age", value: null }, { put: "", value: null }]);
  expect(el.querySelector("img")).toBeNull();
});

test("each kind of condition has its form, which every input of has a name", () => {
  edit("error");
  enter(el.querySelector(".nbx-filter-form select")!, "1");
  enter(el.querySelector(".nbx-filter-form select")!, "");
  edit("city");
  const boxes = [...el.querySelectorAll<HTMLInputElement>("[type=checkbox]")];
  expect(boxes.map(({ parentElement }) => parentElement!.textContent)).toEqual(["oslo", EVIL, "missing"]);
  for (const place of [0, 2]) boxes[place]!.click();
  edit("age");
  const [from, to] = [...el.querySelectorAll<HTMLInputElement>("[type=number]")];
  expect([from!.getAttribute("aria-label"), to!.placeholder]).toEqual(["age, from", "79.5"]);
  enter(from!, "30");
  enter(to!, "50");
  edit("many"); // too many to tick
  expect(el.querySelector(".nbx-filter-form option")!.textContent).toBe("any (listed: the 40 most frequent of 9,000)");
  enter(el.querySelector(".nbx-filter-form select")!, "7");
  expect(model.sent).toEqual([
    { put: "error", value: 1 },
    { put: "error", value: null },
    { put: "city", value: [0] },
    { put: "city", value: [0, 2] },
    { put: "age", value: [30, null] },
    { put: "age", value: [30, 50] },
    { put: "many", value: [7] },
  ]);
});

test("a form shows the condition that holds, but does not disturb a hand", () => {
  model.arrive({ conditions: [{ key: "city", words: "city: oslo", value: [0] }] });
  edit("city");
  const boxes = [...el.querySelectorAll<HTMLInputElement>("[type=checkbox]")];
  expect(boxes.map(({ checked }) => checked)).toEqual([true, false, false]);
  boxes[1]!.focus();
  boxes[1]!.click();
  model.arrive({ conditions: [{ key: "city", words: "city: oslo", value: [0] }] }); // late: of before the click
  expect(boxes.map(({ checked }) => checked)).toEqual([true, true, false]);
  boxes[1]!.blur();
  model.arrive({ conditions: [] });
  expect(boxes.map(({ checked }) => checked)).toEqual([false, false, false]);
});

test("what did not fit is said", () => {
  const problem = el.querySelector<HTMLElement>("[role=alert]")!;
  expect(problem.hidden).toBe(true);
  model.arrive({ problem: "where: no row of the background matches age: (500, None)" });
  expect([problem.hidden, problem.textContent]).toEqual([false, "where: no row of the background matches age: (500, None)"]);
});

test("the ends of a range of days are dates", () => {
  edit("day");
  const [from, to] = el.querySelectorAll<HTMLInputElement>(".nbx-filter-range input");
  expect([from!.type, from!.title]).toEqual(["date", "2024-01-01 to 2024-03-18"]);
  enter(from!, "2024-01-31");
  expect(model.sent.at(-1)).toEqual({ put: "day", value: [19753, null] });
  model.arrive({ conditions: [{ key: "day", words: "day", value: [19753, 19790] }] });
  expect([from!.value, to!.value]).toEqual(["2024-01-31", "2024-03-08"]);
});
