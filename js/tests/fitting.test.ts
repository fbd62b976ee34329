import { afterEach, expect, test, vi } from "vitest";
import { fitEach, fitting } from "../src/fitting";

const hidden = new Set<HTMLElement>();
let observed: HTMLElement[] = [];
let times = 0;
let tell = (): void => undefined;

class FakeObserver {
  constructor(heard: () => void) {
    tell = heard;
  }
  observe = (box: HTMLElement): void => {
    observed.push(box);
    times++;
  };
  unobserve = (box: HTMLElement): void => void (observed = observed.filter((each) => each !== box));
  disconnect = (): void => void (observed = []);
}

vi.spyOn(HTMLElement.prototype, "getClientRects").mockImplementation(function (this: HTMLElement) {
  return (hidden.has(this) ? [] : [{}]) as unknown as DOMRectList;
});

afterEach(() => {
  hidden.clear();
  vi.unstubAllGlobals();
});

test("a name that is hidden stays as it is, where nothing would seem too long", () => {
  const heads = ["a…1", "a…2"].map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  const versions = ["1", "2"].map((end) => [`a name that ends with ${end}`, `a…${end}`]);
  hidden.add(heads[1]!);
  fitEach(heads, versions, () => false);
  expect(heads.map((head) => head.textContent)).toEqual(["a name that ends with 1", "a…2"]);
});

test("what is hidden is fitted when it is seen again, even at the size of before", () => {
  vi.stubGlobal("ResizeObserver", FakeObserver);
  const [box, ending, fit] = [document.createElement("div"), new AbortController(), vi.fn()];
  const fitNow = fitting(box, fit, ending.signal);
  fitNow();
  expect(fit).toHaveBeenCalledTimes(1);
  hidden.add(box);
  fitNow();
  expect(fit).toHaveBeenCalledTimes(1);
  expect([observed, times]).toEqual([[box], 2]); // observed anew
  hidden.delete(box);
  tell();
  expect(fit).toHaveBeenCalledTimes(2);
  ending.abort();
  expect(observed).toEqual([]);
});
