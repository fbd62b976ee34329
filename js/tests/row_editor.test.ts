import { afterEach, beforeEach, expect, test, vi } from "vitest";
import rowEditorModule, { type RowEditorState } from "../src/row_editor";
import type { Feature } from "../src/row_fields";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const FEATURES: Feature[] = [
  { name: "length", kind: "number", low: 0, high: 10, step: 0.1 },
  { name: "count", kind: "number", low: 0, high: 8, step: 1, integer: true, missing: true },
  { name: "island", kind: "category", choices: ["Biscoe", "Dream", EVIL], missing: true },
  { name: EVIL, kind: "number", low: 3, high: 3, step: 1, constant: true },
];
const STATE: RowEditorState = {
  title: "Row 17",
  features: FEATURES,
  row: [5, 2, 1, 3],
  order: [],
  weights: [],
  notice: "",
  values: [5, 2, 1, 3],
  written: 0,
  seen: 0,
};

let model: FakeModel<RowEditorState>;
let el: HTMLElement;
let ending: AbortController;

function show(state: RowEditorState = STATE): void {
  ending?.abort();
  model = new FakeModel(state);
  el?.remove();
  el = document.createElement("div");
  document.body.append(el);
  view(el);
}

function view(into: HTMLElement): void {
  ending = new AbortController();
  const host = fakeHost(() => undefined);
  void rowEditorModule.render({
    model: model.any as never,
    el: into,
    host,
    signal: ending.signal,
    experimental: undefined as never,
  });
}

beforeEach(() => show());

afterEach(() => {
  ending.abort();
  window.dispatchEvent(new Event("pointerup"));
  el.remove();
  expect(model.heard).toBe(0);
  expect("broken" in window).toBe(false);
  expect(el.querySelector("img")).toBeNull();
});

const nameOf = (input: Element): string | null => input.getAttribute("aria-label") ?? input.ariaLabel;

function named<T extends HTMLElement = HTMLInputElement>(name: string, within: HTMLElement = el): T {
  return [...within.querySelectorAll<T>("input, select, button")].find((input) => nameOf(input) === name)!;
}

function enter(input: HTMLInputElement | HTMLSelectElement, value: string, ...events: string[]): void {
  input.value = value;
  for (const event of events) input.dispatchEvent(new Event(event, { bubbles: true }));
}

function tickBox(input: HTMLInputElement, checked: boolean): void {
  input.checked = checked;
  for (const event of ["input", "change"]) input.dispatchEvent(new Event(event, { bubbles: true }));
}

function press(input: HTMLInputElement): void {
  input.focus();
  input.dispatchEvent(new Event("pointerdown", { bubbles: true }));
}

const letGo = (): void => void window.dispatchEvent(new Event("pointerup"));
const names = (): string[] =>
  [...el.querySelectorAll<HTMLElement>(".nbx-row-field")].filter((row) => !row.hidden).map((row) => row.querySelector("label")!.textContent!);
const fieldOf = (name: string): HTMLElement => named(name).closest<HTMLElement>(".nbx-row-field")!;
const button = (text: string): HTMLButtonElement => [...el.querySelectorAll("button")].find((each) => each.textContent === text)!;
const count = (): string => el.querySelector(".nbx-subtitle")!.textContent!;

test("dates, booleans, periods and many categories have a control of their own", () => {
  const features: Feature[] = [
    { name: "day", kind: "number", low: 19723, high: 19730, step: 1, integer: true, time: "date", missing: true },
    { name: "at", kind: "number", low: 0, high: 2, step: 1 / 24, time: "datetime", unit: "UTC" },
    { name: "yes", kind: "boolean", choices: ["False", "True"], missing: true },
    { name: "month", kind: "number", low: 600, high: 602, step: 1, integer: true, texts: ["2020-01", "2020-02", "2020-03"] },
    { name: "user", kind: "category", choices: ["ann", "bob"], places: [3, 70], note: "the 2 most frequent of 100" },
    { name: "span", kind: "number", low: -1, high: 2, step: 0.1, unit: "days" },
  ];
  const row = [19724, 1.25, 1, 601, 70, 1.5];
  show({ ...STATE, features, row, values: row });
  const day = named("day, date");
  expect([day.type, day.value]).toEqual(["date", "2024-01-02"]);
  enter(day, "2024-01-05", "input", "change");
  enter(day, "", "input"); // half a date while it is typed
  enter(day, "", "change");
  expect(model.get("values")[0]).toBeNull();
  expect(named("Reset day to 2024-01-02").textContent).toBe("↺ 2024-01-02");
  const at = named("at, datetime");
  expect(fieldOf("at, datetime").querySelector("label")!.textContent).toBe("at (UTC)");
  expect([at.type, at.value]).toEqual(["datetime-local", "1970-01-02T06:00"]);
  enter(at, "1970-01-01T12:00:36", "input", "change");
  expect(model.get("values")[1]).toBeCloseTo(0.5 + 36 / 86400, 12);
  expect(at.value).toBe("1970-01-01T12:00:36");
  const yes = named("yes");
  expect([yes.type, yes.checked]).toEqual(["checkbox", true]);
  tickBox(yes, false);
  expect(model.get("values")[2]).toBe(0);
  tickBox(named("yes, missing"), true);
  expect([model.get("values")[2], yes.indeterminate]).toEqual([null, true]);
  const month = named<HTMLSelectElement>("month, period");
  expect(month.selectedOptions[0]!.text).toBe("2020-02");
  enter(month, "602", "change");
  expect(model.get("values")[3]).toBe(602);
  const user = named<HTMLSelectElement>("user");
  expect(user.selectedOptions[0]!.text).toBe("bob");
  enter(user, "3", "change");
  expect(model.get("values")[4]).toBe(3);
  expect(fieldOf("user").textContent).toContain("the 2 most frequent of 100");
  enter(named("span, days"), "2.5", "input", "change");
  expect(fieldOf("span").textContent).toContain("outside the background's range, −1 days to 2 days");
});

test("a name is cut to the two lines that it stands in, and none because of another, and names its control in full", async () => {
  const features: Feature[] = [
    { name: "measurement 01 of it", cuts: ["mea…01…f it", "m…01…"], kind: "number", low: 0, high: 1 },
    { name: "weight of it", cuts: ["wei…of it", "w…it"], kind: "number", low: 0, high: 1 },
    { name: "age", cuts: ["age", "age"], kind: "number", low: 0, high: 1, unit: "days" },
  ];
  const heights = [vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(34)];
  heights.push(vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    return this.textContent!.length > 14 ? 51 : 34;
  }));
  show({ ...STATE, features, row: [0, 1, 1], values: [0, 1, 1], weights: [], order: [] });
  expect(names()).toEqual(["mea…01…f it", "weight of it", "age (days)"]);
  expect(named("measurement 01 of it, number")).toBeTruthy();
  expect(el.querySelector<HTMLElement>("label.nbx-name")!.title).toBe("measurement 01 of it");
  for (const height of heights) height.mockRestore();
});

test("a name that was hidden is cut when it is shown again", () => {
  const features: Feature[] = Array.from({ length: 13 }, (_, place) => (
    { name: `measurement ${place}`, cuts: [`m…${place}`], kind: "number", low: 0, high: 1 }
  ));
  const rows = Array<number>(13).fill(0);
  let isNarrow = false;
  const spies = [vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(34)];
  spies.push(vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockImplementation(function (this: HTMLElement) {
    return isNarrow && this.textContent!.length > 5 ? 51 : 34;
  }));
  const rects = vi.spyOn(HTMLElement.prototype, "getClientRects").mockImplementation(function (this: HTMLElement) {
    return (this.closest("[hidden]") ? [] : [{}]) as unknown as DOMRectList;
  });
  show({ ...STATE, features, row: rows, values: rows });
  const search = el.querySelector<HTMLInputElement>("input[type=search]")!;
  enter(search, "12", "input");
  isNarrow = true;
  enter(search, "", "input");
  expect(names()).toEqual(features.map(({ cuts }) => cuts![0]));
  for (const spy of [...spies, rects]) spy.mockRestore();
});

test("every control is named after its feature, and the label leads to it", () => {
  expect([...el.querySelectorAll("label.nbx-name")].map((label) => label.textContent)).toEqual(FEATURES.map(({ name }) => name));
  for (const label of el.querySelectorAll<HTMLLabelElement>("label.nbx-name")) {
    expect(nameOf(document.getElementById(label.htmlFor)!)).toBe(label.textContent);
  }
  expect(named("length, number").value).toBe("5");
  expect([...named<HTMLSelectElement>("island").options].map(({ text }) => text)).toEqual(["Biscoe", "Dream", EVIL, "missing"]);
});

test("every step of the hand is sent at once, all values with it, and the feature is marked", () => {
  press(named("length"));
  for (const value of ["5.5", "7"]) enter(named("length"), value, "input");
  enter(named("length"), "7", "change");
  letGo();
  expect(model.saved).toEqual([{ values: [5.5, 2, 1, 3] }, { values: [7, 2, 1, 3] }]);
  expect(named("length, number").value).toBe("7");
  expect(count()).toBe("1 of 4 changed");
  expect(fieldOf("length").classList.contains("nbx-changed")).toBe(true);
  expect(fieldOf("count").classList.contains("nbx-changed")).toBe(false);
  enter(named<HTMLSelectElement>("island"), "0", "change");
  expect(model.get("values")).toEqual([7, 2, 0, 3]);
});

test("a number beyond the background is taken as typed, and said", () => {
  const beyond = (): boolean => !fieldOf("length").querySelector<HTMLElement>(".nbx-row-outside")!.hidden;
  expect(beyond()).toBe(false);
  enter(named("length, number"), "42.25", "input", "change");
  expect(model.get("values")).toEqual([42.25, 2, 1, 3]);
  expect([named("length, number").value, named("length").value]).toEqual(["42.25", "10"]);
  expect(beyond()).toBe(true);
  expect(named("length, number").ariaDescription).toBe("outside the background's range, 0 to 10");
  enter(named("length, number"), "10", "input", "change");
  expect(beyond()).toBe(false);
});

test("a whole number stays whole, and what is no number changes nothing", () => {
  enter(named("count, number"), "3.7", "input");
  expect(model.saved).toEqual([]);
  enter(named("count, number"), "3.7", "change");
  expect([model.get("values")[1], named("count, number").value]).toEqual([4, "4"]);
  enter(named("length, number"), "", "input", "change");
  expect([model.get("values")[0], named("length, number").value]).toEqual([5, "5"]);
});

test("what is missing is not called as a category is", () => {
  show({ ...STATE, features: [{ name: "said", kind: "category", choices: ["missing", "x"], missing: true }], row: [null], values: [null] });
  expect([...named<HTMLSelectElement>("said").options].map(({ text }) => text)).toEqual(["missing", "x", "no value"]);
  expect(named<HTMLSelectElement>("said").title).toBe("no value");
});

test("a value may be missing where the feature says so, and comes back as it was", () => {
  expect(named("length, missing")).toBeUndefined();
  tickBox(named("count, missing"), true);
  expect(model.get("values")).toEqual([5, null, 1, 3]);
  expect([named("count, number").value, named("count, number").placeholder]).toEqual(["", "–"]);
  expect(named("count").ariaValueText).toBe("missing");
  tickBox(named("count, missing"), false);
  expect(model.get("values")).toEqual([5, 2, 1, 3]);
  enter(named("count, number"), "", "input", "change");
  expect(model.get("values")).toEqual([5, null, 1, 3]);
  enter(named<HTMLSelectElement>("island"), "", "change");
  expect(model.get("values")).toEqual([5, null, null, 3]);
  show({ ...STATE, row: [5, null, 1, 3], values: [5, null, 1, 3] });
  expect([count(), named("count, missing").checked]).toEqual(["", true]);
  tickBox(named("count, missing"), false);
  expect(model.get("values")[1]).toBe(4); // the middle of 0 … 8
});

test("a constant column can be seen, not changed", () => {
  const field = fieldOf(EVIL);
  for (const input of field.querySelectorAll<HTMLInputElement>("input")) expect(input.disabled).toBe(true);
  expect(field.querySelector("button")).toBeNull();
  expect(field.textContent).toContain("constant");
});

test("the original is said on the button that brings it back, and stands on the slider", () => {
  expect(named("Reset length to 5").style.visibility).toBe("hidden");
  enter(named("length"), "9", "input", "change");
  const reset = named<HTMLButtonElement>("Reset length to 5");
  expect([reset.style.visibility, reset.textContent]).toEqual(["", "↺ 5"]);
  const tick = fieldOf("length").querySelector<HTMLElement>(".nbx-original")!;
  expect([tick.hidden, tick.style.getPropertyValue("--nbx-place")]).toEqual([false, "0.5"]);
  enter(named("count"), "7", "input", "change");
  enter(named<HTMLSelectElement>("island"), "0", "change");
  expect(named<HTMLButtonElement>("Reset island to Dream").textContent).toBe("↺ Dream");
  reset.click();
  expect(model.get("values")).toEqual([5, 7, 0, 3]);
  expect(document.activeElement).toBe(named("length"));
  button("Reset all").click();
  expect(model.get("values")).toEqual([5, 2, 1, 3]);
  expect([named("count").value, named<HTMLSelectElement>("island").value, count()]).toEqual(["2", "1", ""]);
  expect(button("Reset all").disabled).toBe(true);
});

test("the kernel's values are shown at once where there is no hand", () => {
  model.arrive({ values: [6, 3, 0, 3] });
  expect([named("length").value, named("count, number").value, named<HTMLSelectElement>("island").value]).toEqual(["6", "3", "0"]);
  model.arrive({ row: [6, 3, 0, 3] });
  expect(count()).toBe("");
  expect(model.saved).toEqual([]);
});

test("the list is at its top when the kernel has written another row, unless the focus is in it", () => {
  const list = el.querySelector<HTMLElement>(".nbx-row-fields")!;
  list.scrollTop = 120;
  model.arrive({ values: [...STATE.values], written: 1 }); // the same row
  expect(list.scrollTop).toBe(120);
  model.arrive({ values: [6, 3, 0, 3] });
  expect(list.scrollTop).toBe(0);
  list.scrollTop = 120;
  list.querySelector("input")!.focus();
  model.arrive({ values: [7, 3, 0, 3] });
  expect(list.scrollTop).toBe(120);
});

test("the kernel's values wait until the hand lets go, and the kernel hears what is shown then", () => {
  press(named("length"));
  enter(named("length"), "8", "input");
  model.arrive({ values: [1, 4, 1, 3] });
  expect([named("length").value, named("count").value]).toEqual(["8", "2"]);
  enter(named("length"), "8.5", "input");
  expect(model.saved.at(-1)).toEqual({ values: [8.5, 2, 1, 3] });
  letGo();
  expect([named("length").value, named("length, number").value, named("count").value]).toEqual(["1", "1", "4"]);
  expect(model.saved.at(-1)).toEqual({ values: [1, 4, 1, 3] });
  expect(model.get("values")).toEqual([1, 4, 1, 3]);
});

test("the kernel hears which of its values the hand has begun with", () => {
  model.arrive({ values: [1, 4, 1, 3], written: 1 });
  expect(model.saved).toEqual([]);
  enter(named("length"), "2", "input", "change");
  expect(model.saved).toEqual([{ values: [2, 4, 1, 3], seen: 1 }]);
  press(named("length"));
  enter(named("length"), "3", "input");
  model.arrive({ values: [9, 4, 1, 3], written: 2 });
  enter(named("length"), "4", "input");
  expect(model.saved.at(-1)).toEqual({ values: [4, 4, 1, 3] }); // has not shown the second yet
  letGo();
  expect(model.saved.at(-1)).toEqual({ values: [9, 4, 1, 3], seen: 2 });
  model.arrive({ written: 3 }); // the same values once more
  enter(named("length"), "5", "input", "change");
  expect(model.saved.at(-1)).toEqual({ values: [5, 4, 1, 3], seen: 3 });
  show({ ...STATE, written: 7, seen: 4 }); // as a page that is loaded anew finds it
  enter(named("length"), "5.5", "input", "change");
  expect(model.saved).toEqual([{ values: [5.5, 2, 1, 3], seen: 7 }]);
});

test("what the kernel repeats of the hand's own values changes nothing", () => {
  press(named("length"));
  enter(named("length"), "8", "input");
  model.arrive({ values: [8, 2, 1, 3] });
  letGo();
  expect(named("length").value).toBe("8");
  expect(model.saved).toEqual([{ values: [8, 2, 1, 3] }]);
});

test("a number that is being typed is not written over", () => {
  const box = named("length, number");
  box.focus();
  enter(box, "7.0", "input"); // on the way to 7.05
  expect([box.value, named("length").value]).toEqual(["7.0", "7"]);
  enter(box, "7", "input");
  model.arrive({ values: [1, 2, 1, 3] });
  expect(box.value).toBe("7");
  enter(box, "7.5", "input", "change");
  expect([box.value, named("length").value]).toEqual(["1", "1"]);
  expect(model.get("values")).toEqual([1, 2, 1, 3]);
});

test("another order waits until the focus is elsewhere", async () => {
  const given = FEATURES.map(({ name }) => name);
  named("count").focus();
  model.arrive({ order: [3, 2, 1, 0] });
  expect(names()).toEqual(given);
  named("island").focus(); // still among them
  await settle();
  expect(names()).toEqual(given);
  (document.activeElement as HTMLElement).blur();
  await settle();
  expect(names()).toEqual([...given].reverse());
  model.arrive({ order: [0, 1] }); // not of these features
  expect(names()).toEqual(given);
});

test("rows stay under a pointer until its click is heard, and while the focus goes on", async () => {
  const given = FEATURES.map(({ name }) => name);
  const heard: string[][] = [];
  const hear = (): unknown => heard.push(names());
  enter(named("length, number"), "7", "input");
  named("length, number").focus();
  model.arrive({ order: [3, 2, 1, 0] });
  const pressed = named("count, missing");
  pressed.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  enter(named("length, number"), "7", "change");
  named("length, number").blur(); // as a browser does between both
  await settle();
  expect(names()).toEqual(given);
  letGo();
  pressed.addEventListener("click", hear);
  pressed.click();
  expect(heard).toEqual([given]);
  expect(model.get("values")).toEqual([7, null, 1, 3]);
  await settle();
  expect(names()).toEqual([...given].reverse());

  model.arrive({ order: [] });
  named("length").focus();
  model.arrive({ order: [3, 2, 1, 0] });
  named("length").blur(); // by key: nothing has the focus for a moment
  await Promise.resolve();
  named("island").focus();
  await settle();
  expect(names()).toEqual(given);
  expect(document.activeElement).toBe(named("island"));
});

test("a press whose end is not heard holds the rows until the next key", async () => {
  const given = FEATURES.map(({ name }) => name);
  named<HTMLSelectElement>("island").dispatchEvent(new Event("pointerdown", { bubbles: true }));
  model.arrive({ order: [3, 2, 1, 0] });
  await settle();
  expect(names()).toEqual(given);
  document.body.dispatchEvent(new Event("keydown", { bubbles: true }));
  await settle();
  expect(names()).toEqual([...given].reverse());
});

test("weights are bars of their sign, the largest to the end", async () => {
  const bars = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>(".nbx-weight > span")];
  expect(el.querySelector<HTMLElement>(".nbx-weight")!.hidden).toBe(true);
  model.arrive({ weights: [0.5, -2, null, 0] });
  expect(bars().map((bar) => [bar.className, bar.style.width])).toEqual([
    ["nbx-positive", "12.5%"],
    ["nbx-negative", "50%"],
    ["nbx-positive", "0%"],
    ["nbx-positive", "0%"],
  ]);
  expect(named("count").ariaDescription).toBe("attribution −2");
  press(named("length")); // under a hand as well
  model.arrive({ weights: [1, 1, 1, 1] });
  await settle();
  expect(named("count").ariaDescription).toBe("attribution +1");
  model.arrive({ weights: [] });
  await settle();
  expect(named("count").ariaDescription).toBe("attribution +1"); // without the column the slider would move
  letGo();
  expect(named("count").ariaDescription).toBeNull();
});

const MANY: Feature[] = Array.from({ length: 13 }, (_, i) => ({ name: `feature ${i}`, kind: "number", low: 0, high: 9, step: 1 }));

test("many features can be searched, and cut down to what is changed", async () => {
  expect(named("Find a feature").hidden).toBe(true);
  const zeros = MANY.map(() => 0);
  model.arrive({ features: MANY, row: zeros, values: zeros });
  const only = el.querySelector<HTMLInputElement>(".nbx-row-only input")!;
  expect(named("Find a feature").hidden).toBe(false);
  enter(named("Find a feature"), " TURE 1", "input");
  expect(names()).toEqual(["feature 1", "feature 10", "feature 11", "feature 12"]);
  tickBox(only, true);
  expect(names()).toEqual([]);
  expect(el.querySelector(".nbx-row-empty")!.textContent).toBe("No changed feature with “TURE 1” in its name.");
  model.arrive({ values: zeros.map((_, i) => (i === 3 || i === 11 ? 5 : 0)) });
  expect(names()).toEqual(["feature 11"]);
  enter(named("Find a feature"), "", "input");
  expect(names()).toEqual(["feature 3", "feature 11"]);
  named<HTMLButtonElement>("Reset feature 3 to 0").click();
  expect(names()).toEqual(["feature 3", "feature 11"]); // the focus is there
  (document.activeElement as HTMLElement).blur();
  await settle();
  expect(names()).toEqual(["feature 11"]);
});

test("other features replace the old ones, even under a hand", () => {
  press(named("length"));
  model.arrive({ features: MANY.slice(0, 2), row: [1, 2], values: [1, 2], order: [1, 0] });
  expect(named("feature 0").value).toBe("1");
  letGo();
  expect(names()).toEqual(["feature 1", "feature 0"]);
  expect(model.saved).toEqual([]);
});

test("without a kernel everything can be read and nothing changed", () => {
  model.arrive({ values: [6, 2, 1, 3] });
  model.tell("comm_live_update");
  const inputs = [...el.querySelectorAll<HTMLInputElement>(".nbx-row-field :is(input, select, button)")];
  expect(inputs.length).toBeGreaterThan(8);
  expect(inputs.filter((input) => !input.disabled)).toEqual([]);
  expect(button("Reset all").disabled).toBe(true);
});

test("two views of one editor agree, and keys stay inside", () => {
  const [first, firstEnds] = [el, ending];
  const other = document.createElement("div");
  document.body.append(other);
  view(other);
  enter(named("length", first), "9", "input", "change");
  expect(named("length", other).value).toBe("9");
  expect(model.saved.length).toBe(1);
  let outside = 0;
  document.body.addEventListener("keydown", () => outside++);
  named("length").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  expect(outside).toBe(0);
  firstEnds.abort();
  other.remove();
});

test("a number has as many digits as its box has room for, and stays as it is until it is edited", () => {
  const numbers: [number, string][] = [
    [-1.652202, "-1.652202"],
    [0.1 + 0.2, "0.3"],
    [-0.41282134567, "-0.4128213"],
    [-0.041282134567, "-0.0412821"],
    [-0.00041282134567, "-0.0004128"],
    [-0.000041282134567, "-4.1282e-5"],
    [1234567.891, "1234568"],
    [-123456.789, "-123456.8"],
    [123456789012.5, "1.23457e11"],
    [1.5e-300, "1.5e-300"],
    [0, "0"],
  ];
  for (const [value, text] of numbers) {
    const row = [value, 2, 1, 3];
    show({ ...STATE, row, values: row });
    expect(named("length, number").value).toBe(text);
    expect(model.saved).toEqual([]);
  }
  const row = [5, 12345678901, 1, 3];
  show({ ...STATE, row, values: row });
  expect(named("count, number").value).toBe("1.23457e10");
  expect(model.get("values")).toEqual(row);
});
