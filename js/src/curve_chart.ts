import { say } from "./dom";

/** A point of a curve, both from 0 to 1; null where there is none. */
export type Place = [number, number] | null;

const NAMESPACE = "http://www.w3.org/2000/svg";
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const [LEFT, RIGHT, TOP, BOTTOM] = [54, 12, 8, 38];
const [LEAST, LARGEST] = [200, 340];

/** A curve in the unit square, with a point on it. */
export class CurveChart {
  readonly element = svg("svg", { role: "img", class: "nbx-curve" });
  readonly #frame = svg("g", {});
  readonly #guide = svg("path", { class: "nbx-curve-guide" });
  readonly #line = svg("path", { class: "nbx-curve-line" });
  readonly #point = svg("circle", { class: "nbx-curve-point", r: "6" });
  readonly #below: string;
  readonly #beside: string;
  #side: [number, number] = [0, 0];

  constructor(below: string, beside: string) {
    [this.#below, this.#beside] = [below, beside];
    this.element.append(this.#frame, this.#guide, this.#line, this.#point);
  }

  /** `points` are (2, n); `guide` is what a guess would give, from left to right. */
  draw(points: Float32Array | null, guide: [number, number], at: Place, words: string, width: number): void {
    this.#fit(width);
    const path = (places: [number, number][]): string =>
      places.map((place, i) => `${i ? "L" : "M"}${this.#at(place).map((n) => n.toFixed(1)).join(" ")}`).join("");
    const count = (points?.length ?? 0) / 2;
    const places = Array.from({ length: count }, (_, i): [number, number] => [points![i]!, points![count + i]!]);
    this.#line.setAttribute("d", path(places));
    this.#guide.setAttribute("d", path([[0, guide[0]], [1, guide[1]]]));
    this.#point.style.display = at ? "" : "none";
    if (at) ["cx", "cy"].forEach((name, i) => this.#point.setAttribute(name, this.#at(at)[i]!.toFixed(1)));
    this.element.setAttribute("aria-label", words);
  }

  #at([x, y]: [number, number]): [number, number] {
    const [width, height] = this.#side;
    return [LEFT + x * width, TOP + (1 - y) * height];
  }

  #fit(given: number): void {
    const outer = Math.max(LEAST, given);
    const high = Math.min(LARGEST, Math.max(LEAST, outer * 0.8));
    const side: [number, number] = [outer - LEFT - RIGHT, high - TOP - BOTTOM];
    if (side.join() === this.#side.join()) return;
    this.#side = side;
    this.element.setAttribute("width", String(outer));
    this.element.setAttribute("height", String(high));
    const [right, bottom] = [LEFT + side[0], TOP + side[1]];
    const made: SVGElement[] = [svg("path", { class: "nbx-curve-axis", d: `M${LEFT} ${TOP}V${bottom}H${right}` })];
    for (const tick of TICKS) {
      const [x, y] = this.#at([tick, tick]);
      made.push(svg("path", { class: "nbx-curve-axis", d: `M${x} ${bottom}v4M${LEFT} ${y}h-4` }));
      made.push(text(String(tick), { x: String(x), y: String(bottom + 16), "text-anchor": "middle" }));
      made.push(text(String(tick), { x: String(LEFT - 7), y: String(y + 4), "text-anchor": "end" }));
    }
    made.push(text(this.#below, { x: String(LEFT + side[0] / 2), y: String(bottom + 33), "text-anchor": "middle" }));
    const middle = TOP + side[1] / 2;
    made.push(text(this.#beside, { transform: `translate(10 ${middle}) rotate(-90)`, "text-anchor": "middle" }));
    this.#frame.replaceChildren(...made);
  }
}

function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Record<string, string>): SVGElementTagNameMap[K] {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function text(words: string, attributes: Record<string, string>): SVGTextElement {
  const element = svg("text", attributes);
  say(element as unknown as HTMLElement, words);
  return element;
}
