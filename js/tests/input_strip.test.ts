import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ControlsState } from "../src/controls";
import stripModule, { type InputStripState } from "../src/input_strip";
import { shownOrder } from "../src/input_strip_tiles";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const KNOWN: InputStripState = {
  controls: "IPY_MODEL_controls",
  count: 5,
  thumbnails: [8, 8, 0, 8, 8].map((bytes) => new DataView(new ArrayBuffer(bytes))),
  titles: ["brick heart 9.31", EVIL, ""],
  texts: [],
  on_demand: false,
  values: [],
  order: [],
  sorts: ["given"],
  sort: "given",
  upload: true,
  max_bytes: 1000,
  max_pixels: 400,
  notice: "",
};

let strip: FakeModel<InputStripState>;
let controls: FakeModel<ControlsState>;
let el: HTMLElement;
let ending: AbortController;
let held: Set<string>;
let decoding: Promise<void>;
/** What the stand-in for the browser's decoder makes of a file, by its first letters. */
const PICTURES: Record<string, { width: number; height: number; whole: boolean }> = {
  fine: { width: 20, height: 19, whole: true },
  half: { width: 20, height: 19, whole: false },
  wide: { width: 400, height: 1, whole: true },
};

class FakeImage {
  onload = (): void => {};
  onerror = (): void => {};
  naturalWidth = 192;
  naturalHeight = 128;
  decode = (): Promise<void> => decoding;
  set src(url: string) {
    const picture = PICTURES[url.slice(5, 9)];
    [this.naturalWidth, this.naturalHeight] = picture ? [picture.width, picture.height] : [192, 128];
    queueMicrotask(() => (picture ? this.onload() : this.onerror()));
  }
}

beforeEach(async () => {
  held = new Set();
  decoding = Promise.resolve();
  vi.stubGlobal("Image", FakeImage);
  vi.stubGlobal("createImageBitmap", async (file: File) => {
    if (!PICTURES[file.name.slice(0, 4)]?.whole) throw new Error("could not be decoded");
    return { close: () => {} };
  });
  let made = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation((blob) => {
    const url = `blob:${blob instanceof File ? blob.name : "tile"}${++made}`;
    held.add(url);
    return url;
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation((url) => void held.delete(url));
  controls = new FakeModel<ControlsState>({ input: 2, part: "", layer: "", channel: 0, target: 0, over: "", method: "", params: {}, cell: [] });
  strip = new FakeModel<InputStripState>(KNOWN);
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  const host = fakeHost(() => controls.any);
  void stripModule.render({ model: strip.any, el, host, signal: ending.signal, experimental: undefined as never });
  await settle();
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect([strip.heard, controls.heard, held.size]).toEqual([0, 0, 0]);
  expect("broken" in window).toBe(false);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const list = (): HTMLElement => el.querySelector<HTMLElement>('[role="listbox"]')!;
const options = (): HTMLElement[] => [...list().querySelectorAll<HTMLElement>('[role="option"]')];
const button = (name: string): HTMLButtonElement =>
  [...el.querySelectorAll("button")].find((each) => (each.getAttribute("aria-label") ?? each.textContent) === name)!;
const press = (key: string, more: KeyboardEventInit = {}): boolean =>
  list().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
const chosen = (): (string | null)[] => {
  const marked = options().filter((each) => each.getAttribute("aria-selected") === "true");
  expect(marked.map((each) => each.id)).toEqual([list().getAttribute("aria-activedescendant")]);
  return marked.map((each) => each.ariaLabel);
};

describe("what is seen", () => {
  test("every input has an option with a name, and titles stay text", () => {
    const names = ["input 0, brick heart 9.31", `input 1, ${EVIL}`, "input 2", "input 3", "input 4"];
    expect(options().map((each) => each.ariaLabel)).toEqual(names);
    expect(el.querySelector("img")).toBeNull();
    expect(chosen()).toEqual(["input 2"]);
    expect(el.textContent).toContain("input 23 of 5"); // the input's number, then its place in the row
  });
  test("values stand where there are some, a missing one is no zero", async () => {
    strip.arrive({ values: [0.123456, null, -2, 1234567, 0] });
    await settle();
    const texts = options().map((each) => each.querySelector(".nbx-tile-value")!.textContent);
    expect(texts).toEqual(["0.123", "", "−2", "1.23e6", "0"]);
    expect(options()[2]!.ariaLabel).toBe("input 2, −2");
  });
  test("a text shows how it begins, as text", async () => {
    strip.arrive({ texts: [EVIL, "سمك", "", "魚"] });
    await settle();
    const texts = options().map((each) => each.querySelector(".nbx-tile")!.textContent);
    expect(texts).toEqual([EVIL, "سمك", "2", "魚", "4"]);
    expect(options()[1]!.ariaLabel).toBe(`input 1, ${EVIL}, سمك`);
    expect(el.querySelector("img")).toBeNull();
  });
  test("an input that is no picture, or not drawn yet, shows its number", async () => {
    strip.arrive({ count: 7 });
    await settle();
    expect([...el.querySelectorAll(".nbx-blank")].map((each) => each.textContent)).toEqual(["2", "5", "6"]);
    expect([...el.querySelectorAll<HTMLElement>(".nbx-tile")].map((each) => each.style.backgroundImage)).toEqual(
      ["1", "2", "", "3", "4", "", ""].map((made) => made && `url("blob:tile${made}")`),
    );
    expect(held.size).toBe(4);
  });
  test("new thumbnails take the place of the old; those that come late are dropped", async () => {
    let answer = (): void => {};
    decoding = new Promise((done) => (answer = done));
    strip.arrive({ thumbnails: [new DataView(new ArrayBuffer(9))] });
    decoding = Promise.resolve();
    strip.arrive({ thumbnails: [new DataView(new ArrayBuffer(9))] });
    await settle();
    answer();
    await settle();
    expect(held).toEqual(new Set(["blob:tile2", "blob:tile3", "blob:tile4", "blob:tile6"]));
    expect(options()[0]!.querySelector<HTMLElement>(".nbx-tile")!.style.backgroundImage).toBe('url("blob:tile6")');
  });
});

describe("many inputs", () => {
  const MANY = 10_000;
  const wait = (): Promise<void> => new Promise((done) => setTimeout(done, 150));
  const numbers = (): number[] => options().map((each) => Number(/\d+/.exec(each.ariaLabel!)![0]));
  const asked = (): { pictures: number[]; titles: number[] } =>
    (strip.sent.at(-1) as { want: { pictures: number[]; titles: number[] } }).want;

  beforeEach(async () => {
    Object.defineProperty(list(), "clientWidth", { value: 780 }); // ten of them
    strip.arrive({ count: MANY, on_demand: true, thumbnails: [], titles: [] });
    strip.tell("msg:custom", { stale: [0, 1, 2, 3, 4], titles_stale: false });
    await wait();
  });
  const scrollTo = async (left: number): Promise<void> => {
    list().scrollLeft = left;
    list().dispatchEvent(new Event("scroll"));
    await wait();
  };

  test("only those near the view exist, and know how many there are", async () => {
    expect(numbers().length).toBeLessThan(40);
    expect(numbers().slice(0, 11)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(options()[3]!.getAttribute("aria-setsize")).toBe("10000");
    expect(options()[3]!.getAttribute("aria-posinset")).toBe("4");
    await scrollTo(78 * 5000);
    expect(options().length).toBeLessThan(40);
    expect(numbers()).toContain(5005);
    expect(options().find((each) => each.ariaLabel === "input 5005")!.style.left).toBe(`${78 * 5005}px`);
    expect(chosen()).toEqual(["input 2"]); // it stays, however far: the list says which one is active
  });
  test("what is shown is asked for, what is in view first, and once", async () => {
    expect(asked().pictures.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(asked().titles).toEqual(asked().pictures);
    const before = strip.sent.length;
    list().scrollLeft = 78 * 100;
    for (let move = 0; move < 20; move++) list().dispatchEvent(new Event("scroll"));
    await scrollTo(78 * 5000);
    expect(strip.sent.length).toBe(before + 1);
    expect(asked().pictures[0]).toBe(5000);
    expect(asked().pictures.length).toBeLessThan(40);
  });
  test("what comes is shown; a problem is said; what is known is not asked for again", async () => {
    const tiles = [
      { input: 0, picture: true },
      { input: 1, picture: false, text: EVIL },
      { input: 2, picture: false, problem: EVIL },
    ];
    strip.tell("msg:custom", { tiles }, [new DataView(new ArrayBuffer(8))]);
    strip.tell("msg:custom", { tiles: [{ input: 0, title: "cat 3.1" }, { input: 1, title: "" }] });
    await wait();
    const names = ["input 0, cat 3.1", `input 1, ${EVIL}`, `input 2, ${EVIL}`];
    expect(options().slice(0, 3).map((each) => each.ariaLabel)).toEqual(names);
    expect(options()[0]!.querySelector<HTMLElement>(".nbx-tile")!.style.backgroundImage).toContain("blob:tile");
    expect(options()[2]!.querySelector(".nbx-tile-number")!.textContent).toBe("!");
    expect(el.querySelector("img")).toBeNull();
    await scrollTo(78);
    expect([asked().pictures.includes(1), asked().pictures[0], asked().titles[0]]).toEqual([false, 3, 3]);
  });
  test("what is stale is asked for again", async () => {
    strip.tell("msg:custom", { tiles: [{ input: 0, picture: false, title: "cat 3.1" }] });
    await scrollTo(78);
    expect(asked().pictures).not.toContain(0);
    strip.tell("msg:custom", { stale: [], titles_stale: true });
    await wait();
    expect([asked().pictures.includes(0), asked().titles.includes(0)]).toEqual([false, true]);
    strip.tell("msg:custom", { stale: [0], titles_stale: false });
    await wait();
    expect(asked().pictures).toContain(0);
  });
  test("a bounded number of thumbnails is held", async () => {
    for (let from = 0; from < 4000; from += 100) {
      const tiles = Array.from({ length: 100 }, (_, at) => ({ input: from + at, picture: true, title: "" }));
      strip.tell("msg:custom", { tiles }, tiles.map(() => new DataView(new ArrayBuffer(8))));
    }
    // What is in view stays.
    await vi.waitFor(() => expect(options().slice(0, 10).filter((each) => each.querySelector(".nbx-blank"))).toEqual([]));
    await vi.waitFor(() => expect(held.size).toBeLessThanOrEqual(1600));
  });
  test("keys go through the whole row", async () => {
    press("End");
    expect(chosen()).toEqual(["input 9999"]);
    expect(list().scrollLeft).toBe(78 * 10_000 - 780);
    press("PageUp");
    expect(chosen()).toEqual(["input 9989"]);
    press("Home");
    expect([chosen(), list().scrollLeft]).toEqual([["input 0"], 0]);
  });
  test("sorted, the first ones are shown, with their numbers", async () => {
    strip.arrive({ sort: "score", order: [7777, 3], values: Array.from({ length: MANY }, (_, n) => n / 10_000) });
    await wait();
    expect(numbers().slice(0, 3)).toEqual([7777, 3, 0]);
    expect(options()[0]!.querySelector(".nbx-tile-value")!.textContent).toBe("0.778");
    expect(asked().pictures.slice(0, 2)).toEqual([7777, 3]);
  });
});

describe("order", () => {
  test("every input is shown once, whatever the kernel names", () => {
    expect(shownOrder([], 3)).toEqual([0, 1, 2]);
    expect(shownOrder([2, 0, 1], 3)).toEqual([2, 0, 1]);
    expect(shownOrder([3, 3, -1, 0.5, 9], 5)).toEqual([3, 0, 1, 2, 4]);
  });
  test("options move, the choice and the focus stay", async () => {
    list().focus();
    strip.arrive({ order: [4, 2, 0, 1, 3] });
    await settle();
    expect(options().map((each) => each.ariaLabel!.slice(0, 7))).toEqual([4, 2, 0, 1, 3].map((n) => `input ${n}`));
    expect(chosen()).toEqual(["input 2"]);
    expect(document.activeElement).toBe(list());
    expect(el.textContent).toContain("input 22 of 5");
    press("ArrowRight");
    expect(controls.get("input")).toBe(0);
  });
  test("it can be chosen where the kernel offers a choice", async () => {
    const select = el.querySelector("select")!;
    expect(select.closest("label")!.hidden).toBe(true);
    strip.arrive({ sorts: ["given", "activation", "score"] });
    expect(select.closest("label")!.hidden).toBe(false);
    expect([...select.options].map((each) => each.text)).toEqual(["as given", "by activation of the channel", "by score of the target"]);
    select.value = "score";
    select.dispatchEvent(new Event("change"));
    expect(strip.saved).toEqual([{ sort: "score" }]);
    strip.arrive({ sort: "given" });
    expect(select.value).toBe("given");
  });
});

describe("choosing", () => {
  test("a click anywhere on a thumbnail", () => {
    options()[4]!.querySelector<HTMLElement>(".nbx-tile-number")!.click();
    expect(controls.saved).toEqual([{ input: 4 }]);
    expect(chosen()).toEqual(["input 4"]);
    list().click(); // beside them
    expect(controls.saved.length).toBe(1);
  });
  test.each([
    ["ArrowRight", 3],
    ["ArrowDown", 3],
    ["ArrowLeft", 1],
    ["ArrowUp", 1],
    ["Home", 0],
    ["End", 4],
    ["PageUp", 0],
    ["PageDown", 4],
  ])("%s leads from 2 to %i", (key, input) => {
    // As many fit as pages are long: three.
    Object.defineProperty(list(), "clientWidth", { value: 250 });
    for (const option of options()) Object.defineProperty(option, "offsetWidth", { value: 80 });
    expect(press(key)).toBe(false);
    expect(controls.saved).toEqual([{ input }]);
  });
  test("keys stop at the ends, and those of the browser and the notebook stay theirs", () => {
    let outside = 0;
    document.body.addEventListener("keydown", () => outside++, { once: true });
    press("End");
    press("ArrowRight");
    press("PageDown");
    expect(controls.get("input")).toBe(4);
    expect([press("a"), press("ArrowLeft", { ctrlKey: true }), press("Tab")]).toEqual([true, true, true]);
    expect([controls.get("input"), outside]).toEqual([4, 0]);
  });
  test("the buttons lead on and back, and are off at the ends", () => {
    button("Next input").click();
    button("Next input").click();
    expect(controls.get("input")).toBe(4);
    expect([button("Next input").disabled, button("Previous input").disabled]).toEqual([true, false]);
    button("Previous input").click();
    expect(controls.get("input")).toBe(3);
    controls.arrive({ input: 0 });
    expect([button("Next input").disabled, button("Previous input").disabled]).toEqual([false, true]);
  });
  test("a choice made elsewhere is shown and not sent again; one beyond the row is the last", () => {
    controls.arrive({ input: 1 });
    expect(chosen()).toEqual([`input 1, ${EVIL}`]);
    controls.arrive({ input: 70 });
    expect(chosen()).toEqual(["input 4"]);
    expect(controls.saved).toEqual([]);
  });
  test("an empty row has nothing to choose", async () => {
    strip.arrive({ count: 0 });
    await settle();
    press("End");
    expect([button("Next input").disabled, button("Previous input").disabled]).toEqual([true, true]);
    expect([controls.saved, options().length, el.textContent!.includes("no input")]).toEqual([[], 0, true]);
  });
});

describe("upload", () => {
  const file = (name: string, type: string, size = 10): File => new File([new Uint8Array(size)], name, { type });
  const message = (): string => el.querySelector('[role="alert"]:not([hidden])')?.textContent ?? "";
  const waiting = (): string => el.querySelector('.nbx-strip-messages [aria-live="polite"]')!.textContent!;

  async function choose(...files: File[]): Promise<void> {
    const input = el.querySelector<HTMLInputElement>('input[type="file"]')!;
    Object.defineProperty(input, "files", { value: files, configurable: true });
    input.dispatchEvent(new Event("change"));
    await settle();
  }
  async function drop(type: string, ...files: File[]): Promise<Event> {
    const event = new Event(type, { bubbles: true, cancelable: true });
    Object.defineProperty(event, "dataTransfer", { value: { types: files.length ? ["Files"] : ["text/plain"], files } });
    list().dispatchEvent(event);
    await settle();
    return event;
  }

  test("a good picture is sent with its bytes", async () => {
    const send = vi.spyOn(strip, "send");
    await choose(file("fine.png", "image/png", 1000));
    const [content, , buffers] = send.mock.calls[0] as unknown as [object, undefined, ArrayBuffer[]];
    expect(content).toEqual({ upload: { name: "fine.png" } });
    expect(buffers.map((each) => each.byteLength)).toEqual([1000]);
    expect(held.size).toBe(4); // the thumbnails' alone
  });
  test.each([
    ["too large", file("holiday.jpg", "image/jpeg", 1001), "holiday.jpg has 0.1 MB, at most 0.001 MB are taken"],
    ["empty", file("fine.png", "image/png", 0), "fine.png is empty"],
    ["a text", file("fine.txt", "text/plain"), "fine.txt is no picture"],
    ["of no known kind", file("odd", ""), "odd is damaged or no picture"],
    ["damaged", file("half.png", "image/png"), "half.png is damaged or no picture"],
    ["a drawing", file("odd.svg", "image/svg+xml"), "odd.svg is damaged or no picture"],
    ["of too many pixels", file("wide.png", "image/png"), "wide.png has 400 × 1 pixels, fewer than 0.0004 million are taken"],
    ["evil", file(EVIL, "text/plain"), `${EVIL} is no picture`],
    ["of a long name", file(`${"𝒳".repeat(80)}.txt`, "text/plain"), `${"𝒳".repeat(59)}… is no picture`],
  ])("what is %s stays here", async (_, wrong, text) => {
    await choose(wrong);
    expect(message()).toBe(text);
    expect([strip.sent, waiting(), button("Add a picture").disabled]).toEqual([[], "", false]);
    button("Close the message").click();
    expect(message()).toBe("");
  });
  test("a kind that only the kernel can decode is left to it", async () => {
    await choose(file("odd.tif", "image/tiff"));
    expect([message(), strip.sent.length]).toEqual(["", 1]);
  });
  test("a file that is gone by now is told of", async () => {
    const gone = file("fine.png", "image/png");
    gone.arrayBuffer = () => Promise.reject(new Error("it was moved"));
    await choose(gone);
    expect([message(), strip.sent]).toEqual(["fine.png can't be read: it was moved", []]);
  });
  test("the button waits for the kernel: for another input", async () => {
    await choose(file("fine.png", "image/png"));
    expect([waiting(), button("Add a picture").disabled]).toEqual(["fine.png is on its way", true]);
    for (const other of [{ titles: [] }, { count: 4 }, { count: 5 }]) {
      strip.arrive(other);
      expect(button("Add a picture").disabled).toBe(true);
    }
    strip.arrive({ count: 6 });
    expect([waiting(), message(), button("Add a picture").disabled]).toEqual(["", "", false]);
  });
  test("or for a word, even if it is the same as the last time", async () => {
    for (let time = 0; time < 2; time++) {
      await choose(file("fine.png", "image/png"));
      expect(message()).toBe("");
      strip.arrive({ notice: "" }); // the kernel begins
      expect(button("Add a picture").disabled).toBe(true);
      strip.arrive({ notice: "it can't be read" });
      expect([waiting(), message(), button("Add a picture").disabled]).toEqual(["", "it can't be read", false]);
    }
  });
  test("what is said of a picture that was taken stays, whatever comes first", async () => {
    await choose(file("fine.png", "image/png"));
    strip.arrive({ notice: "shown on white", count: 6 });
    expect(message()).toBe("shown on white");
    await choose(file("fine.png", "image/png"));
    strip.arrive({ count: 7, notice: "reduced" });
    expect(message()).toBe("reduced");
  });
  test("a new attempt ends the wait for the last", async () => {
    await choose(file("fine.png", "image/png"));
    await drop("drop", file("fine.txt", "text/plain"));
    expect([message(), waiting(), button("Add a picture").disabled]).toEqual(["fine.txt is no picture", "", false]);
  });
  test("of two attempts at once the later counts", async () => {
    await Promise.all([choose(file("fine.png", "image/png")), drop("drop", file("fine.gif", "image/gif"))]);
    expect(strip.sent).toEqual([{ upload: { name: "fine.gif" } }]);
  });
  test("files can be dropped, one at a time; other things fall through", async () => {
    const over = await drop("dragover", file("fine.png", "image/png"));
    expect([over.defaultPrevented, el.classList.contains("nbx-dropping")]).toEqual([true, true]);
    await drop("drop", file("fine.png", "image/png"));
    expect([strip.sent.length, el.classList.contains("nbx-dropping")]).toEqual([1, false]);
    await drop("drop", file("fine.png", "image/png"), file("fine.png", "image/png"));
    expect([message(), strip.sent.length]).toEqual(["2 files came, one picture at a time is taken", 1]);
    expect((await drop("drop")).defaultPrevented).toBe(false);
  });
  test("without upload there is no button, and a dropped file is the notebook's", async () => {
    strip.arrive({ upload: false });
    expect(button("Add a picture").closest("[hidden]")).not.toBeNull();
    const event = await drop("drop", file("fine.png", "image/png"));
    expect([event.defaultPrevented, strip.sent]).toEqual([false, []]);
  });
});
