import { afterEach, beforeEach, expect, test } from "vitest";
import paneModule, { type CounterfactualPaneState } from "../src/counterfactual_pane";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const STATE: CounterfactualPaneState = {
  title: "Counterfactuals · refused no longer predicted",
  names: ["age", "city", EVIL],
  ordered: [true, false, true],
  rows: [
    { changes: [[0, "30", "42"], [2, EVIL, "2"]], parts: [], outcome: "approved", score: "probability 0.3 → 0.6" },
    { changes: [], parts: [["a ", false], ["bad", true], [" film", false]], outcome: EVIL, score: "" },
  ],
  limits: [],
  crossed: null,
  boundary: null,
  most: 10,
  tried: -1,
  refusal: "",
  begun: true,
  busy: false,
  note: "",
};

let model: FakeModel<CounterfactualPaneState>;
let el: HTMLElement;
let ending: AbortController;

beforeEach(() => {
  model = new FakeModel(STATE);
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  const [host, experimental] = [fakeHost(() => undefined), undefined as never];
  void paneModule.render({ model: model.any as never, el, host, signal: ending.signal, experimental });
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect(model.heard).toBe(0);
  expect("broken" in window).toBe(false);
  expect(el.querySelector("img")).toBeNull();
});

const button = (name: string): HTMLButtonElement =>
  [...el.querySelectorAll("button")].find((each) => (each.ariaLabel ?? each.textContent) === name)!;
const shown = (text: string): boolean => [...el.querySelectorAll<HTMLElement>("*")].some((e) => !e.hidden && e.textContent === text);

test("only what changes is shown, old and new, and words that go are struck through", () => {
  const lines = [...el.querySelectorAll("tbody tr")];
  expect([...lines[0]!.querySelectorAll(".nbx-change")].map((each) => each.textContent)).toEqual([
    "age30→42keep",
    `${EVIL}${EVIL}→2keep`,
  ]);
  expect([...lines[1]!.querySelectorAll("s")].map((each) => each.textContent)).toEqual(["bad"]);
  expect(lines[1]!.querySelector("p")!.textContent).toBe("a bad film");
});

test("a column that shall stay is limited, can be freed, and only numbers have directions", async () => {
  button("Keep age as it is").click();
  expect(model.saved).toEqual([{ limits: [[0, "fixed"]] }]);
  await settle();
  const more = el.querySelector<HTMLSelectElement>('select[aria-label="Keep a column as it is"]')!;
  expect([...more.options].map((each) => each.text)).toEqual(["Keep a column as it is …", "city", EVIL]);
  more.value = "1";
  more.dispatchEvent(new Event("change"));
  await settle();
  const [age, city] = [...el.querySelectorAll<HTMLSelectElement>(".nbx-limit select")];
  expect([age!.disabled, city!.disabled]).toEqual([false, true]);
  expect([age!.title, city!.title]).toEqual(["", "city has no order: it can only stay as it is"]);
  age!.value = "rising";
  age!.dispatchEvent(new Event("change"));
  expect(model.saved.at(-1)).toEqual({ limits: [[1, "fixed"], [0, "rising"]] });
  await settle();
  button("Let city change").click();
  expect(model.saved.at(-1)).toEqual({ limits: [[0, "rising"]] });
});

test("a counterfactual is tried, and left again", async () => {
  button("Try counterfactual 2").click();
  expect(model.sent).toEqual([{ try: 1 }]);
  model.arrive({ tried: 1 });
  await settle();
  expect(button("Back to the input as it was").ariaPressed).toBe("true");
  expect(el.querySelectorAll(".nbx-tried").length).toBe(1);
});

test("what cannot be tried says why, beside the list unless others are on their way", async () => {
  const why = "Found with hide “remove”, not with hide “mask token” as on the page";
  model.arrive({ refusal: why, busy: true, note: "fewer words may do" });
  await settle();
  expect([button("Try counterfactual 1").disabled, button("Try counterfactual 1").title]).toEqual([true, why]);
  expect(shown("fewer words may do")).toBe(true);
  model.arrive({ busy: false });
  await settle();
  expect(shown(`fewer words may do · ${why}`)).toBe(true);
  model.arrive({ refusal: "" });
  await settle();
  expect([button("Try counterfactual 1").disabled, button("Try counterfactual 1").title]).toEqual([false, ""]);
});

test("the search waits for its button where it was not asked for", async () => {
  expect(button("Find counterfactuals").hidden).toBe(true);
  model.arrive({ begun: false, rows: [] });
  await settle();
  button("Find counterfactuals").click();
  expect(model.sent).toEqual([{ find: true }]);
  model.arrive({ begun: true, busy: true });
  await settle();
  expect(shown("Searching …")).toBe(true);
});

test("how many may change at most is asked for once there is a search", async () => {
  const box = el.querySelector<HTMLInputElement>('input[aria-label="Changes at most"]')!;
  expect([box.value, box.closest("label")!.hidden]).toEqual(["10", false]);
  for (const wrong of ["", "0", "101", "1.5"]) {
    box.value = wrong;
    box.dispatchEvent(new Event("change"));
    expect(box.value).toBe("10");
  }
  box.value = "14";
  box.dispatchEvent(new Event("change"));
  expect(model.saved).toEqual([{ most: 14 }]);
  model.arrive({ begun: false });
  await settle();
  expect(box.closest("label")!.hidden).toBe(true);
});

test("the score to be crossed is asked for only where one is", async () => {
  const box = el.querySelector<HTMLInputElement>('input[aria-label="Score to be crossed"]')!;
  expect(box.closest("label")!.hidden).toBe(true);
  model.arrive({ crossed: 640.125 });
  await settle();
  expect([box.closest("label")!.hidden, box.placeholder]).toEqual([false, "640.1"]);
  box.value = "700";
  box.dispatchEvent(new Event("change"));
  expect(model.saved.at(-1)).toEqual({ boundary: 700 });
  box.value = "";
  box.dispatchEvent(new Event("change"));
  expect(model.saved.at(-1)).toEqual({ boundary: null });
});
