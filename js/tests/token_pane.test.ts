import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { colour, type Look, scaleOf } from "../src/scale";
import { automaticColormap, fillsOf, inkOn } from "../src/token_colours";
import tokenPane, { type TokenPaneState } from "../src/token_pane";
import { carriedSpans, carriedWeights, piecesOf, type Span } from "../src/token_spans";
import { byStrength, weightKeeper } from "../src/token_weights";
import { after, numberWords, quoted, reading } from "../src/token_words";
import type { ArrayState, Meta } from "../src/wire";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const floats = (...values: number[]): Float32Array => Float32Array.from(values);

function frameOf(rows: number[][], frame: number, meta: Meta = {}): ArrayState {
  const buffer = new DataView(Float32Array.from(rows.flat()).buffer);
  return { frame, buffer, dtype: "float32", shape: [rows.length, rows[0]!.length], low: [], high: [], meta };
}

describe("a text cut at its features", () => {
  const cut = (text: string, spans: Span[], names: string[] = []) =>
    piecesOf(text, spans, names).map(({ feature, text: words, chip }) => [feature, words, ...(chip ? ["chip"] : [])]);

  test("keeps every character, whatever order the spans are in", () => {
    const text = " not\n good 😀! ";
    const pieces = piecesOf(text, [[6, 10], [1, 4], [11, 13]], []);
    expect(pieces.map((piece) => piece.text).join("")).toBe(text);
    expect(pieces.map((piece) => piece.feature)).toEqual([-1, 1, -1, 0, -1, 2, -1]);
    expect(pieces[5]!.text).toBe("😀");
  });
  test("features without text are chips before it, if they have a name", () => {
    const spans: Span[] = [[0, 0], [0, 2], [0, 0]];
    expect(cut("hi", spans, ["[CLS]", "hi", "[SEP]"])).toEqual([[0, "[CLS]", "chip"], [2, "[SEP]", "chip"], [1, "hi"]]);
    expect(cut("hi", spans)).toEqual([[1, "hi"]]);
  });
  test("where spans overlap the earlier keeps the text, and nothing is written twice", () => {
    expect(cut("abcd", [[0, 3], [1, 4]])).toEqual([[0, "abc"], [1, "d"]]);
    // three tokens of one emoji, as byte-level tokenizers have them
    expect(cut("a😀b", [[1, 3], [1, 3], [3, 4]], ["x", "y", "z"])).toEqual([[-1, "a"], [0, "😀"], [1, "y", "chip"], [2, "b"]]);
  });
  test("spans beyond the text end with it", () => {
    expect(cut("ab", [[1, 9], [7, 9]])).toEqual([[-1, "a"], [0, "b"]]);
  });
});

describe("another text", () => {
  const spans: Span[] = [[0, 0], [0, 1], [2, 5], [6, 10]];
  test("keeps the features before and behind what was replaced", () => {
    expect(carriedSpans("a not good", "a very very good", spans)).toEqual([[0, 0], [0, 1], [-1, -1], [12, 16]]);
    expect(carriedSpans("a not good", "a not good", spans)).toEqual(spans);
    expect(carriedSpans("aa", "a", [[0, 1], [1, 2]])).toEqual([[0, 1], [-1, -1]]); // one place is not both
  });
  test("has the weights of those, and no others", () => {
    const carried = carriedSpans("a not good", "a very good", spans);
    const weights = carriedWeights(floats(9, 1, 2, 3), carried, [[0, 1], [2, 6], [7, 11]]);
    expect([...weights]).toEqual([1, NaN, 3]);
  });
  test("is told from the one that a frame was drawn with", () => {
    const weigh = weightKeeper();
    const first = { text: "a b", spans: [[0, 1], [2, 3]] as Span[] };
    const second = { text: "a c d", spans: [[0, 1], [2, 3], [4, 5]] as Span[] };
    const third = { text: "a c", spans: [[0, 1], [2, 3]] as Span[] };
    const array = new FakeModel<ArrayState>(frameOf([[1, 2], [0.5, NaN]], 1));
    expect(weigh(null, first)).toBeNull();
    expect(weigh(array.any, second)).toBeNull(); // its text is on its way
    const found = weigh(array.any, first)!;
    expect([[...found.values], [...found.errors!], found.stale]).toEqual([[1, 2], [0.5, NaN], false]);
    expect(weigh(array.any, third)).toMatchObject({ values: floats(1, NaN), errors: null, stale: true });
    array.arrive(frameOf([[5, 6, 7]], 2));
    expect(weigh(array.any, third)).toMatchObject({ values: floats(1, NaN), stale: true });
    expect(weigh(array.any, second)).toMatchObject({ values: floats(5, 6, 7), errors: null, stale: false });
    expect(weigh(array.any, { ...second, spans: [...second.spans] })!.stale).toBe(false); // the same, sent again
  });
});

describe("colours", () => {
  const look = (changes: Partial<Look> = {}): Look => {
    return { signed: true, sign: "both", clip: 100, limits: [], colormap: "RdBu", ...changes };
  };
  test("what is written can be read on every colour of every map", () => {
    const part = (byte: number): number => (byte <= 10 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
    const bright = ([r, g, b]: readonly number[]): number => 0.2126 * part(r!) + 0.7152 * part(g!) + 0.0722 * part(b!);
    for (const colormap of ["RdBu", "berlin", "PuOr", "magma", "viridis", "cividis", "gray"]) {
      const scale = scaleOf(floats(-1, 1), look({ colormap }));
      for (let value = -1; value <= 1; value += 0.01) {
        const ground = colour(value, scale, false);
        const [low, high] = [bright(ground), inkOn(ground) === "#fff" ? 1 : 0].sort((a, b) => a - b);
        expect((high! + 0.05) / (low! + 0.05)).toBeGreaterThanOrEqual(4.5);
      }
    }
  });
  test("features that say nothing have about the colour of the page", () => {
    for (const signed of [true, false]) {
      for (const dark of [true, false]) {
        const scale = scaleOf(floats(0, 1), look({ signed, colormap: automaticColormap(signed, dark) }));
        const zero = colour(0, scale, false).slice(0, 3);
        expect(zero.every((byte) => (dark ? byte < 40 : byte > 235))).toBe(true);
      }
    }
  });
  const values = floats(0.5, -3, NaN, 2, -2);
  test("the strongest come first, equal ones in their order, and those without a weight never", () => {
    expect(byStrength(values)).toEqual([1, 3, 4, 0]);
  });
  const coloured = (top: number, changes: Partial<Look> = {}): number[] => {
    const fills = fillsOf(values, byStrength(values), scaleOf(values, look(changes)), top);
    return [...fills.keys()].filter((feature) => fills[feature]);
  };
  test("only the top k are coloured, of the sign that is shown, in the colours of the bar", () => {
    expect([coloured(0), coloured(1), coloured(3), coloured(99)]).toEqual([[0, 1, 3, 4], [1], [1, 3, 4], [0, 1, 3, 4]]);
    expect(coloured(1, { sign: "positive" })).toEqual([3]);
    expect(coloured(2, { sign: "negative" })).toEqual([1, 4]);
    const fills = fillsOf(values, byStrength(values), scaleOf(values, look()), 1);
    expect(fills[1]).toEqual({ ground: "rgb(5, 48, 97)", ink: "#fff" }); // the far blue of RdBu
  });
});

describe("words", () => {
  const weights = (values: number[], errors: number[] | null, signed = true) => {
    return { values: floats(...values), errors: errors && floats(...errors), meta: { signed }, frame: 1, stale: false };
  };
  test("say weight, error and rank", () => {
    expect(reading(0, 0, weights([-0.42, 0.1], [0.05, NaN]), false)).toBe(" · −0.42 ± 0.05 (SE) · rank 1 of 2");
    expect(reading(1, 1, weights([-0.42, 0.1], [0.05, NaN]), true)).toBe(" · +0.1 · rank 2 of 2 · left out");
    expect(reading(1, -1, weights([1, NaN], null, false), false)).toBe(" · no value");
    expect(reading(0, 0, { ...weights([1, 2], null), stale: true }, false)).toBe(" · its weight is on its way");
  });
  test("numbers in the text share their decimals", () => {
    expect(numberWords(floats(-6.494, 0.4263, -0.0004, 0, NaN), true)).toEqual(["−6.49", "+0.43", "0.00", "0.00", "no value"]);
    expect(numberWords(floats(0.01234, 0.5), false)).toEqual(["0.012", "0.500"]);
    expect(numberWords(floats(2e-7), true)).toEqual(["+2e−7"]);
    expect(numberWords(floats(412345, 3), true)).toEqual(["+4.12e5", "+3"]);
  });
  test("a number goes with its word, whichever way that runs", () => {
    expect(after("رائع", "+1").at(-1)).toBe("\u200f");
    expect(after("very", "+1").at(-1)).toBe("\u200e");
    expect(after("!", "+1").at(-1)).toBe("\u2069");
  });
  test("long words are shortened, by characters and not by halves of them", () => {
    expect(quoted(" a\n b ")).toBe("“a b”");
    expect(quoted("😀".repeat(70))).toBe(`“${"😀".repeat(59)}…”`);
    expect(quoted(" \n")).toBe("white space");
  });
});

describe("the pane", () => {
  const STATE: TokenPaneState = {
    text: `It is not good ${EVIL}`,
    spans: [[0, 0], [0, 2], [6, 9], [10, 14]],
    names: ["[CLS]", "it", "not", "good"],
    overlay: "IPY_MODEL_weights",
    title: "",
    notice: "",
    dropped: [],
    note: "",
    editable: true,
    limit: 0,
    colormap: "auto",
    sign: "both",
    clip: 0,
    limits: [],
    top: 0,
    numbers: false,
  };
  let model: FakeModel<TokenPaneState>;
  let array: FakeModel<ArrayState>;
  let el: HTMLElement;
  let ending: AbortController;

  beforeEach(async () => {
    model = new FakeModel({ ...STATE });
    array = new FakeModel(frameOf([[0, 1, -4, 2]], 1, { signed: true, title: "LIME · good" }));
    el = document.createElement("div");
    document.body.append(el);
    ending = new AbortController();
    const experimental = undefined as never;
    const host = fakeHost(() => array.any);
    void tokenPane.render({ model: model.any as never, el, host, signal: ending.signal, experimental });
    await settle();
  });
  afterEach(() => {
    ending.abort();
    el.remove();
    expect([model.heard, array.heard]).toEqual([0, 0]);
    expect("broken" in window).toBe(false);
    expect(el.querySelector("img")).toBeNull();
  });

  const line = (): HTMLElement => el.querySelector(".nbx-token-line")!;
  const tokens = (): HTMLElement[] => [...line().querySelectorAll<HTMLElement>("[role=button]")];
  const ground = (token: HTMLElement): string => token.style.getPropertyValue("--nbx-fill");
  const named = (name: string): HTMLButtonElement => {
    return [...el.querySelectorAll("button")].find((each) => each.textContent === name)!;
  };
  const key = (token: HTMLElement, name: string): void => {
    token.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  };
  const write = (text: string): void => {
    named("Edit").click();
    const area = el.querySelector("textarea")!;
    area.value = text;
    area.dispatchEvent(new Event("input"));
  };

  test("shows the text as it is, with a chip for what has none", () => {
    expect(line().textContent).toBe(`[CLS]${STATE.text}`);
    expect(tokens().map((token) => token.textContent)).toEqual(["[CLS]", "It", "not", "good"]);
    expect(el.querySelector(".nbx-title")!.textContent).toBe("LIME · good");
  });

  test("colours anew without making anything anew", async () => {
    const [before, blue] = [tokens(), ground(tokens()[2]!)];
    expect(blue).toBe("rgb(5, 48, 97)");
    array.arrive(frameOf([[0, 1, 4, 2]], 2, { signed: true }));
    await settle();
    expect(ground(tokens()[2]!)).toBe("rgb(103, 0, 31)");
    model.set("top", 1);
    await settle();
    expect(tokens().map((token) => ground(token) !== "")).toEqual([false, false, true, false]);
    expect(tokens().every((token, i) => token === before[i])).toBe(true);
    expect(model.saved).toEqual([]);
  });

  test("a click or a key leaves a feature out and takes it back; the kernel may as well", async () => {
    tokens()[3]!.click();
    key(tokens()[2]!, "Enter");
    expect(model.saved).toEqual([{ dropped: [3] }, { dropped: [2, 3] }]);
    await settle();
    expect(tokens().map((token) => token.getAttribute("aria-pressed"))).toEqual(["false", "false", "true", "true"]);
    key(tokens()[2]!, " ");
    expect(model.saved.at(-1)).toEqual({ dropped: [3] });
    named("Restore all").click();
    expect(model.saved.at(-1)).toEqual({ dropped: [] });
    model.arrive({ dropped: [1, 77] });
    await settle();
    expect(tokens()[1]!.getAttribute("aria-pressed")).toBe("true");
    expect(named("Restore all").hidden).toBe(false);
  });

  test("one token is in the way of Tab, and the arrows walk from there in reading order", () => {
    tokens()[0]!.focus();
    key(tokens()[0]!, "ArrowRight");
    expect(document.activeElement).toBe(tokens()[1]);
    key(tokens()[1]!, "End");
    expect(document.activeElement).toBe(tokens()[3]);
    expect(tokens().map((token) => token.tabIndex)).toEqual([-1, -1, -1, 0]);
    expect(el.querySelector(".nbx-readout")!.textContent).toBe("“good” · +2 · rank 2 of 4");
    line().style.direction = "rtl";
    key(tokens()[3]!, "ArrowRight");
    expect(document.activeElement).toBe(tokens()[2]);
  });

  test("an edit is sent once; until its answer comes the features that remain are pale and cannot be dropped", async () => {
    const other = `It is very good ${EVIL}`;
    write(other);
    named("Apply").click();
    expect(model.sent).toEqual([{ edit: other }]);
    await settle();
    expect(line().textContent).toBe(`[CLS]${other}`);
    expect(line().classList.contains("nbx-token-stale")).toBe(true);
    tokens()[1]!.click();
    expect(model.saved).toEqual([]);
    model.arrive({ text: other, spans: [[0, 0], [0, 2], [6, 10], [11, 15]] });
    await settle();
    expect(tokens().map((token) => ground(token) !== "")).toEqual([true, true, false, true]);
    expect(el.querySelector(".nbx-readout")!.textContent).toBe("“[CLS]” · its weight is on its way");
    array.arrive(frameOf([[0, 1, 3, 2]], 2, { signed: true }));
    await settle();
    expect(line().classList.contains("nbx-token-stale")).toBe(false);
    expect(ground(tokens()[2]!)).toBe("rgb(103, 0, 31)");
  });

  test("without a kernel nothing is dropped or edited, and colours can still be changed", async () => {
    model.tell("comm_live_update");
    await settle();
    tokens()[3]!.click();
    expect(model.saved).toEqual([]);
    expect([named("Edit").disabled, line().getAttribute("aria-disabled")]).toEqual([true, "true"]);
    model.set("top", 1);
    await settle();
    expect(tokens().filter((token) => ground(token) !== "")).toHaveLength(1);
  });

  test("what was refused comes back to be mended", async () => {
    write("too long");
    named("Apply").click();
    model.arrive({ notice: `at most 3 ${EVIL}` });
    await settle();
    expect(line().textContent).toBe(`[CLS]${STATE.text}`);
    expect(line().classList.contains("nbx-token-stale")).toBe(false);
    named("Edit").click();
    expect(el.querySelector("textarea")!.value).toBe("too long");
    named("Cancel").click();
    expect(model.sent).toHaveLength(1);
  });

  test("what is not another text, or too long, or nothing, is not sent", () => {
    model.arrive({ limit: 4 });
    write("😀😀😀😀");
    expect(named("Apply").disabled).toBe(false); // four characters
    write("12345");
    expect(named("Apply").disabled).toBe(true);
    write("  ");
    expect(named("Apply").disabled).toBe(true);
    named("Cancel").click();
    model.arrive({ limit: 0 });
    named("Edit").click();
    named("Apply").click();
    expect(model.sent).toEqual([]);
  });
});
