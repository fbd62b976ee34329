import { beforeEach, describe, expect, test } from "vitest";
import { coalesced } from "../src/dom";
import type { ImagePaneState } from "../src/image_pane";
import { type Offer, viewControls, type ViewControls } from "../src/image_view";
import { scaleOf } from "../src/scale";
import { FakeModel, settle } from "./fake_model";

const STATE: ImagePaneState = {
  picture: null,
  overlay: null,
  detail: null,
  segments: null,
  controls: null,
  follow_channel: false,
  title: "",
  notice: "",
  link: null,
  pick: false,
  aim: [],
  frame: [],
  frame_note: "",
  opacity: 0.75,
  colormap: "auto",
  sign: "both",
  reduction: "sum",
  clip: 100,
  limits: [],
  interpolation: "bilinear",
  fade: true,
  mode: "overlay",
  borders: true,
  top: 0,
  slice: -1,
  hide_rest: false,
  image_channel: -1,
};

let model: FakeModel<ImagePaneState>;
let view: ViewControls;

beforeEach(() => {
  model = new FakeModel(STATE);
  view = viewControls(model.any, new AbortController().signal);
});

function labelled<T extends HTMLElement = HTMLInputElement>(text: string): T {
  const label = [...view.element.querySelectorAll("label")].find((each) => named(each) === text)!;
  return (label.htmlFor ? view.element.querySelector<T>(`#${label.htmlFor}`) : label.querySelector<T>("input, select"))!;
}

/** What stands before a label's input, or behind its box. */
function named(label: HTMLElement): string {
  return (label.querySelector(".nbx-name") ?? label).textContent!;
}

function box(name: string): HTMLInputElement {
  return view.element.querySelector<HTMLInputElement>(`input[type=number][aria-label="${name}"]`)!;
}

function offer(changes: Partial<Offer>): void {
  view.offer({ map: true, picture: true, signed: true, reducible: false, superpixels: null, clip: 100, scale: null, ...changes });
}

test("while opacity is dragged the page follows and the kernel hears nothing; it hears the end", () => {
  const slider = labelled("Opacity");
  for (const value of ["0.5", "0.3", "0.2"]) {
    slider.value = value;
    slider.dispatchEvent(new Event("input"));
    expect(model.get("opacity")).toBe(Number(value));
  }
  expect(model.saved).toEqual([]);
  slider.dispatchEvent(new Event("change"));
  expect(model.saved).toEqual([{ opacity: 0.2 }]);
});

test("a number box beside the slider counts in percent; the kernel hears of a number when the box is left", () => {
  const opacity = box("Opacity in percent");
  expect(opacity.value).toBe("75");
  opacity.value = "30";
  opacity.dispatchEvent(new Event("input"));
  expect([model.get("opacity"), labelled("Opacity").value]).toEqual([0.3, "0.3"]);
  expect(model.saved).toEqual([]);
  opacity.value = "250";
  opacity.dispatchEvent(new Event("change"));
  expect(model.saved).toEqual([{ opacity: 1 }]);
  expect(opacity.value).toBe("100");
});

test("user code moves the controls", () => {
  model.arrive({ opacity: 0.1, clip: 98.5, colormap: "PuOr", fade: false });
  expect([labelled("Opacity").value, labelled("Clip").value]).toEqual(["0.1", "98.5"]);
  expect([labelled<HTMLSelectElement>("Colours").value, labelled("Fade").checked]).toEqual(["PuOr", false]);
  expect([box("Opacity in percent").value, box("Clip at percentile").value]).toEqual(["10", "98.5"]);
});

test("an automatic clip shows what it comes to, until it is chosen", () => {
  model.arrive({ clip: 0 });
  offer({ clip: 99 });
  expect([labelled("Clip").value, model.get("clip")]).toEqual(["99", 0]);
  const slider = labelled("Clip");
  slider.value = "80";
  slider.dispatchEvent(new Event("input"));
  offer({ clip: 99 });
  expect([labelled("Clip").value, model.get("clip")]).toEqual(["80", 80]);
});

test("limits are locked to what is shown, and let go", () => {
  const look = { signed: true, sign: "both" as const, clip: 100, limits: [], colormap: "auto" };
  offer({ scale: scaleOf(Float32Array.from([-1, 2]), look) });
  const lock = labelled("Lock limits");
  const turn = (on: boolean): void => {
    lock.checked = on;
    lock.dispatchEvent(new Event("change"));
  };
  turn(true);
  expect(model.get("limits")).toEqual([-2, 2]);
  turn(false);
  expect(model.get("limits")).toEqual([]);
  expect(model.saved).toEqual([{ limits: [-2, 2] }, { limits: [] }]);
});

test("only what has a meaning is offered", () => {
  const shown = (text: string): boolean => !labelled(text).closest("label")!.hidden;
  offer({ signed: false, reducible: true });
  expect([shown("Sign"), shown("Channels")]).toEqual([false, true]);
  offer({ signed: true, reducible: false, picture: false });
  expect([shown("Sign"), shown("Channels"), shown("Show")]).toEqual([true, false, false]);
  expect(labelled("Opacity").disabled).toBe(true);
});

test("where there are superpixels, their number is offered and no interpolation between cells", () => {
  const cells = labelled("Cells").closest("label")!;
  const superpixels = view.element.querySelector<HTMLElement>(".nbx-superpixels")!;
  offer({});
  expect([cells.hidden, superpixels.hidden]).toEqual([false, true]);
  offer({ superpixels: 50 });
  expect([cells.hidden, superpixels.hidden]).toEqual([true, false]);
});

describe("coalesced drawing", () => {
  test("draws at once, and once more for all that is asked within the frame", async () => {
    let drawn = 0;
    const ask = coalesced(() => drawn++);
    for (let i = 0; i < 10; i++) ask();
    expect(drawn).toBe(1);
    await settle();
    await settle();
    expect(drawn).toBe(2);
    ask();
    expect(drawn).toBe(3);
  });
});
