import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import controlsModule, { type ControlsState, type FactsState, type Layer, type Method } from "../src/controls";
import { paramsOf, patientSave, ranked } from "../src/selection";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';

const layer = (name: string, channels: number, changes: Partial<Layer> = {}): Layer => {
  return { name, type: "Conv2d", shape: `${channels}×7×7`, channels, grid: true, gradient: true, reason: "", ...changes };
};
const method = (key: string, changes: Partial<Method> = {}): Method => {
  const needs = ["target", "layer", "channel"];
  return { key, label: key, paper: "", needs, progressive: false, grid: false, reason: "", params: [], ...changes };
};

const samples = { name: "samples", kind: "range" as const, low: 1, high: 200, step: 1, integer: true, default: 50 };
const relu = { name: "relu", kind: "flag" as const, default: true, help: `positive evidence only ${EVIL}` };
const FACTS: FactsState = {
  layers: [layer("stem", 64), layer("deep", 8), layer("head", 10, { grid: false }), layer("odd", 4, { reason: "called twice" })],
  classes: [EVIL, "中文：虎斑猫", "قطة", "plain"],
  scores: [1, 9.5, null, 3],
  score_name: "logit",
  overs: [],
  methods: [method("slow", { progressive: true, params: [samples] }), method("cam", { grid: true, needs: ["target", "layer"], params: [relu] })],
  inputs: 1,
  parts: [],
};

const CHOSEN: ControlsState = { input: 0, part: "", layer: "stem", channel: 40, cell: [], target: 1, over: "", method: "slow", params: {} };

let facts: FakeModel<FactsState>;
let controls: FakeModel<ControlsState>;
let status: FakeModel<{ running: boolean }>;
let toolbar: FakeModel<object>;
let el: HTMLElement;
let ending: AbortController;

beforeEach(async () => {
  facts = new FakeModel(FACTS);
  controls = new FakeModel<ControlsState>(CHOSEN);
  status = new FakeModel({ running: false });
  toolbar = new FakeModel<object>({
    controls: "IPY_MODEL_controls",
    facts: "IPY_MODEL_facts",
    status: "IPY_MODEL_status",
    show: ["method", "target", "layer", "channel", "params"],
    needs: [],
    long: false,
  });
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  await show(toolbar, el);
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect("broken" in window).toBe(false);
});

async function show(model: FakeModel<object>, into: HTMLElement): Promise<void> {
  const host = fakeHost((name) => ({ controls, controls2: controls, facts, status })[name]!.any);
  const experimental = undefined as never;
  void controlsModule.render({ model: model.any as never, el: into, host, signal: ending.signal, experimental });
  await settle();
}

function find<T extends HTMLElement = HTMLInputElement>(name: string, within: HTMLElement = el): T {
  const named = within.querySelector<T>(`[aria-label="${name}"]`);
  const label = [...within.querySelectorAll("label")].find((each) => each.textContent === name);
  return named ?? (within.querySelector(`[id="${label?.htmlFor}"]`) as T);
}

/** What a hand does; resolves when all of it is drawn. */
async function enter(input: HTMLInputElement | HTMLSelectElement, value: string, ...events: string[]): Promise<void> {
  input.value = value;
  for (const event of events) input.dispatchEvent(new Event(event, { bubbles: true }));
  await Promise.resolve();
}

describe("part of the input", () => {
  beforeEach(async () => {
    toolbar.arrive({ show: ["method", "input", "part", "target"] });
    await settle();
  });
  test("there is nothing to choose from where the model takes one input", () => {
    expect(find("Explained input").closest<HTMLElement>(".nbx-field")!.hidden).toBe(true);
  });
  test("of several inputs one is chosen by its name, which stays text", async () => {
    controls.arrive({ part: "pixel_values" });
    facts.arrive({ parts: ["pixel_values", EVIL] });
    await settle();
    const select = find<HTMLSelectElement>("Explained input");
    expect(select.closest<HTMLElement>(".nbx-field")!.hidden).toBe(false);
    expect([...select.options].map((option) => option.text.replace(/[\u2068\u2069]/g, ""))).toEqual(["pixel_values", EVIL]);
    expect(select.value).toBe("pixel_values");
    await enter(select, EVIL, "change");
    expect(controls.saved).toEqual([{ part: EVIL }]);
  });
});

describe("target", () => {
  test("classes are ordered by score, unknown scores last, and their names stay text", () => {
    const texts = [...find<HTMLSelectElement>("Target by name").options].map((option) => option.text.replace(/[\u2068\u2069]/g, ""));
    expect(texts).toEqual(["中文：虎斑猫 · 9.5", "plain · 3", `${EVIL} · 1`, "قطة"]);
    expect(el.querySelector("img")).toBeNull();
    expect(ranked([null, 2, 2], 4)).toEqual([1, 2, 0, 3]);
  });
  test("the kernel hears of it before the toolbar is drawn again", async () => {
    const box = find("Target, class number");
    const shown: string[] = [];
    vi.spyOn(controls.any, "save_changes").mockImplementation(() => void shown.push(box.value));
    await enter(find("Target, best score first"), "1", "input");
    expect([...shown, box.value]).toEqual(["1", "3"]);
  });
  test("the slider runs over ranks, the box over class numbers", async () => {
    await enter(find("Target, best score first"), "1", "input");
    expect(controls.get("target")).toBe(3);
    expect(find("Target, class number").value).toBe("3");
    expect(controls.saved).toEqual([{ target: 3 }]);
    await enter(find("Target, class number"), "0", "input", "change");
    expect(controls.get("target")).toBe(0);
    expect(find("Target, best score first").value).toBe("2");
  });
  test("new scores move the rank, not the target", async () => {
    facts.arrive({ scores: [99, 9.5, 0, 3] });
    await settle();
    expect(controls.get("target")).toBe(1);
    expect(find("Target, best score first").value).toBe("1");
    expect(controls.saved).toEqual([]);
  });
  test("of a map of scores, over what a class is explained; a place that was clicked is one more choice", async () => {
    const over = find<HTMLSelectElement>("Target, over which places");
    const texts = () => [...over.options].map((option) => option.text.replace(/[\u2068\u2069]/g, ""));
    expect(over.hidden).toBe(true);
    facts.arrive({ overs: [["predicted", "where it is predicted"], ["map", EVIL]] });
    controls.arrive({ over: "12,40" });
    await settle();
    expect([over.hidden, over.value]).toEqual([false, "12,40"]);
    expect(texts()).toEqual(["where it is predicted", EVIL, "at 12, 40"]);
    await enter(over, "map", "change");
    expect(controls.saved).toEqual([{ over: "map" }]);
    expect(texts()).toEqual(["where it is predicted", EVIL]);
    controls.arrive({ over: "" });
    await settle();
    expect(texts().at(-1)).toBe("over a mask");
  });
});

describe("layer and channel", () => {
  test("another layer clamps the channel in the same message", async () => {
    await enter(find("Layer by name"), "deep", "change");
    expect(controls.saved).toEqual([{ layer: "deep", channel: 7 }]);
    expect(find("Channel").max).toBe("7");
  });
  test("layers that can't be used say why and are left out of the slider", async () => {
    const [, , head, odd] = [...find<HTMLSelectElement>("Layer by name").options];
    expect([odd!.disabled, odd!.title]).toEqual([true, "called twice"]);
    expect(head!.disabled).toBe(false);
    expect(find("Layer").max).toBe("2");
    await enter(find("Method"), "cam", "change");
    expect(find<HTMLSelectElement>("Layer by name").options[2]!.disabled).toBe(true);
    expect(find("Layer").max).toBe("1");
  });
  test("many layers can be searched", async () => {
    expect(find("Find a layer").hidden).toBe(true);
    facts.arrive({ layers: Array.from({ length: 30 }, (_, i) => layer(`block${i}.conv`, 8)) });
    await settle();
    expect(find("Find a layer").hidden).toBe(false);
    await enter(find("Find a layer"), "K17", "change");
    expect(controls.get("layer")).toBe("block17.conv");
  });
  test("typed numbers are kept within bounds, and nonsense is mended", async () => {
    const box = find("Channel, number");
    await enter(box, "9999", "input", "change");
    expect([controls.get("channel"), box.value]).toEqual([63, "63"]);
    await enter(box, "", "input", "change");
    expect([controls.get("channel"), box.value]).toEqual([63, "63"]);
  });
});

describe("the hand and the kernel", () => {
  test("a late message does not move a slider that is held, and both views agree in the end", async () => {
    const other = document.createElement("div");
    await show(toolbar, other);
    const slider = find("Channel");
    slider.dispatchEvent(new Event("pointerdown"));
    await enter(slider, "50", "input");
    controls.arrive({ channel: 45 });
    expect(slider.value).toBe("50");
    await enter(slider, "51", "input");
    window.dispatchEvent(new Event("pointerup"));
    slider.dispatchEvent(new Event("change"));
    expect([slider.value, find("Channel", other).value, controls.get("channel")]).toEqual(["51", "51", 51]);
  });
  test("user code and other views do move it", () => {
    controls.arrive({ channel: 3 });
    expect([find("Channel").value, find("Channel, number").value]).toEqual(["3", "3"]);
  });
  test("channels are saved at most every 100 ms, and the last one always", () => {
    vi.useFakeTimers();
    const stopping = new AbortController();
    const save = patientSave(controls.any, stopping.signal);
    for (let channel = 0; channel < 30; channel++) {
      controls.set("channel", channel);
      save();
      vi.advanceTimersByTime(10);
    }
    vi.advanceTimersByTime(500);
    expect(controls.saved.length).toBeLessThanOrEqual(4);
    expect(controls.saved.at(-1)).toEqual({ channel: 29 });
    for (const channel of [1, 2]) {
      controls.set("channel", channel);
      save();
    }
    stopping.abort();
    expect(controls.saved.at(-1)).toEqual({ channel: 2 });
    vi.useRealTimers();
  });
});

describe("method", () => {
  test("its parameters come back with it", async () => {
    expect(find("samples").value).toBe("50");
    await enter(find("samples"), "120", "input");
    await enter(find("Method"), "cam", "change");
    expect(find("samples")).toBeNull();
    await enter(find("Method"), "slow", "change");
    expect(find("samples, number").value).toBe("120");
    expect(controls.get("params")).toEqual({ slow: { samples: 120 } });
  });
  test("a switch says what it does, and a click on the words switches it", async () => {
    await enter(find("Method"), "cam", "change");
    expect(find("relu").checked).toBe(true);
    const words = el.querySelector<HTMLElement>(".nbx-switch > label")!;
    expect(words.textContent).toBe(relu.help);
    words.click();
    expect(controls.get("params")).toEqual({ cam: { relu: false } });
  });
  test("only what it needs is enabled", async () => {
    expect(find("Channel").disabled).toBe(false);
    await enter(find("Method"), "cam", "change");
    expect([find("Channel").disabled, find("Target by name").disabled]).toEqual([true, false]);
  });
  test("what a pane looks at is enabled for every method, and so is every usable layer", async () => {
    toolbar.arrive({ needs: ["layer", "channel"] });
    toolbar.arrive({ show: ["method", "target", "layer", "channel"] }); // builds the toolbar anew
    await enter(find("Method"), "cam", "change");
    expect(find("Channel").disabled).toBe(false);
    const options = [...find<HTMLSelectElement>("Layer by name").options];
    expect(options.filter((each) => each.disabled).map((each) => each.value)).toEqual(["odd"]);
  });
  test("Run is there for methods that take long, and is Stop while something runs", async () => {
    const run = el.querySelector<HTMLButtonElement>(".nbx-run")!;
    run.click();
    status.arrive({ running: true });
    expect(run.textContent).toBe("Stop");
    run.click();
    expect(controls.sent).toEqual([{ command: "run" }, { command: "stop" }]);
    status.arrive({ running: false });
    await enter(find("Method"), "cam", "change");
    expect(run.hidden).toBe(true);
    toolbar.arrive({ long: true }); // panes have methods of their own
    await settle();
    expect(el.querySelector<HTMLButtonElement>(".nbx-run")!.hidden).toBe(false);
  });
});

test("every input has a name, and keys stay inside", () => {
  for (const input of el.querySelectorAll("input, select")) {
    const label = input.id ? el.querySelector(`label[for="${input.id}"]`) : null;
    expect(input.getAttribute("aria-label") ?? label?.textContent).toBeTruthy();
  }
  let outside = 0;
  document.body.addEventListener("keydown", () => outside++);
  find("Channel").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  expect(outside).toBe(0);
});

test("another selection is followed, the former one let go; nothing listens after the end", async () => {
  const other = new FakeModel<ControlsState>({ ...CHOSEN, channel: 2 });
  const former = controls;
  controls = other;
  toolbar.set("controls" as never, "IPY_MODEL_controls2" as never);
  await settle();
  expect(find("Channel").value).toBe("2");
  expect(former.heard).toBe(0);
  toolbar.set("controls" as never, null as never);
  await settle();
  expect([el.children.length, other.heard]).toEqual([0, 0]);
  ending.abort();
  expect([facts.heard, status.heard, toolbar.heard]).toEqual([0, 0, 0]);
});

test("a parameter follows the one that it is half of, until it is chosen itself", () => {
  const whole = { kind: "range" as const, low: 1, high: 28, step: 1, integer: true };
  const params = [
    { ...whole, name: "window", default: 4 },
    { ...whole, name: "stride", default: 2, half_of: "window" },
  ];
  const chosen = (choices: Record<string, number>) =>
    paramsOf(new FakeModel<ControlsState>({ ...CHOSEN, params: { slow: choices } }).any, method("slow", { params }));
  expect(chosen({})).toEqual({ window: 4, stride: 2 });
  expect(chosen({ window: 9 })).toEqual({ window: 9, stride: 5 }); // rounded up, as in the kernel
  expect(chosen({ window: 1 })).toEqual({ window: 1, stride: 1 });
  expect(chosen({ window: 9, stride: 2 })).toEqual({ window: 9, stride: 2 });
});
