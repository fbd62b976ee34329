import { afterEach, beforeEach, expect, test } from "vitest";
import sliderModule, { type SliderState } from "../src/slider";
import { fakeHost, FakeModel } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const STATE: SliderState = {
  label: "Channels off",
  help: `how many ${EVIL}`,
  value: 20,
  low: 0,
  high: 96,
  step: 1,
  disabled: false,
  choices: [],
  choice: "",
};

let model: FakeModel<SliderState>;
let el: HTMLElement;
let ending: AbortController;

beforeEach(() => {
  model = new FakeModel(STATE);
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  show(el);
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect(model.heard).toBe(0);
  expect("broken" in window).toBe(false);
});

function show(into: HTMLElement): void {
  const host = fakeHost(() => undefined);
  const experimental = undefined as never;
  void sliderModule.render({ model: model.any as never, el: into, host, signal: ending.signal, experimental });
}

function find<T extends HTMLElement = HTMLInputElement>(kind: string, within: HTMLElement = el): T {
  return within.querySelector<T>(kind === "select" ? kind : `input[type=${kind}]`)!;
}

function enter(input: HTMLInputElement | HTMLSelectElement, value: string, ...events: string[]): void {
  input.value = value;
  for (const event of events) input.dispatchEvent(new Event(event, { bubbles: true }));
}

test("each input has a name, and says what it is for", () => {
  model.arrive({ choices: ["most", "least"], choice: "least" });
  expect(find("range").ariaLabel).toBe("Channels off");
  expect(find("number").ariaLabel).toBe("Channels off, number");
  expect(find("select").ariaLabel).toBe("Channels off, which");
  expect(el.querySelector("label")!.htmlFor).toBe(find("range").id);
  for (const kind of ["range", "number", "select"]) expect(find(kind).ariaDescription).toBe(STATE.help);
  expect(el.querySelector("img")).toBeNull();
  model.arrive({ label: "Switch off", help: "" });
  expect([el.querySelector("label")!.textContent, find("range").ariaLabel]).toEqual(["Switch off", "Switch off"]);
  expect(find("range").ariaDescription).toBeNull();
});

test("every step of the hand is sent at once, and both inputs show it", () => {
  for (const value of ["21", "22"]) enter(find("range"), value, "input");
  enter(find("range"), "22", "change");
  expect(model.saved).toEqual([{ value: 21 }, { value: 22 }]);
  expect(find("number").value).toBe("22");
  enter(find("number"), "40", "input", "change");
  expect([model.get("value"), find("range").value]).toEqual([40, "40"]);
  enter(find("number"), "999", "input", "change");
  expect([model.get("value"), find("number").value]).toEqual([96, "96"]);
});

test("a late message does not move a slider that is held; user code does move one that is not", () => {
  find("range").dispatchEvent(new Event("pointerdown"));
  enter(find("range"), "50", "input");
  model.arrive({ value: 45 });
  expect(find("range").value).toBe("50");
  window.dispatchEvent(new Event("pointerup"));
  model.arrive({ value: 3 });
  expect([find("range").value, find("number").value]).toEqual(["3", "3"]);
});

test("a value beyond new bounds is shown at their end, and nothing is sent", () => {
  model.arrive({ high: 8, step: 2 });
  expect([find("range").max, find("range").step, find("range").value, find("number").value]).toEqual(["8", "2", "8", "8"]);
  expect(model.saved).toEqual([]);
});

test("the list is there where there are choices", () => {
  expect(find("select").hidden).toBe(true);
  model.arrive({ choices: ["most", EVIL], choice: "most" });
  expect(find("select").hidden).toBe(false);
  expect(find<HTMLSelectElement>("select").value).toBe("most");
  enter(find<HTMLSelectElement>("select"), EVIL, "change");
  expect(model.saved).toEqual([{ choice: EVIL }]);
  expect(el.querySelector("img")).toBeNull();
});

test("all inputs can be switched off", () => {
  model.arrive({ disabled: true });
  for (const kind of ["range", "number"]) expect(find(kind).disabled).toBe(true);
  expect(find("select").disabled).toBe(false);
});

test("two views of one slider agree, and keys stay inside", () => {
  const other = document.createElement("div");
  show(other);
  enter(find("range"), "64", "input");
  expect(find("range", other).value).toBe("64");
  let outside = 0;
  document.body.addEventListener("keydown", () => outside++);
  find("range").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  expect(outside).toBe(0);
});
