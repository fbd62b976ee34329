import type { AnyModel } from "@anywidget/types";
import { h, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";
import type { InputStripState } from "./input_strip";
import type { Sheet } from "./input_strip_sheet";
import { freshId } from "./inputs";

const SHOWN = 64; // pixels of the longer side of a thumbnail on the page

interface Tile {
  option: HTMLElement;
  picture: HTMLElement;
  words: HTMLElement;
  title: HTMLElement;
  value: HTMLElement;
}

export interface InputTiles {
  element: HTMLElement;
  /** Writes what is known of each input and puts the thumbnails in this order. */
  draw(model: AnyModel<InputStripState>, order: number[]): void;
  /** Marks one input and moves it into view; −1 marks none. */
  choose(input: number): void;
  /** Moves the chosen one into view. */
  reveal(): void;
  paint(sheet: Sheet | null): void;
  /** Which input was hit. */
  under(event: MouseEvent): number | undefined;
  /** How many thumbnails are in view. */
  page(): number;
}

/** Every input once: first those that `order` names, then the rest as given. */
export function shownOrder(order: number[], count: number): number[] {
  const named = new Set(order.filter((input) => Number.isInteger(input) && input >= 0 && input < count));
  const all = Array.from({ length: count }, (_, input) => input);
  return [...named, ...all.filter((input) => !named.has(input))];
}

/** The thumbnails as options of a list box. The list has the focus, so that options may be moved without losing it. */
export function inputTiles(): InputTiles {
  const element = h("div", {
    class: "nbx-tiles",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Inputs",
    "aria-orientation": "horizontal",
    ...OWN_KEYS,
  });
  const tiles: Tile[] = [];
  const numbers = new WeakMap<Element, number>();
  let shown: number[] = [];
  let sheet: Sheet | null | undefined; // undefined while the first one is being decoded
  let marked: Tile | undefined;

  const add = (input: number): void => {
    const words = h("span", { class: "nbx-tile-number" }, String(input));
    const picture = h("div", { class: "nbx-tile" }, words);
    const title = h("div", { class: "nbx-tile-title" });
    const value = h("div", { class: "nbx-tile-value" });
    const option = h("div", { role: "option", id: freshId(), "aria-selected": "false" }, picture, title, value);
    numbers.set(option, input);
    tiles.push({ option, picture, words, title, value });
  };
  const place = (): void => {
    if (sheet === undefined) return;
    const [columns, drawn] = [sheet?.columns ?? 1, sheet?.drawn ?? []];
    tiles.forEach(({ picture }, input) => {
      picture.classList.toggle("nbx-blank", !drawn[input]);
      picture.style.setProperty("--nbx-column", String(input % columns));
      picture.style.setProperty("--nbx-row", String(Math.floor(input / columns)));
    });
  };
  const reveal = (): void => {
    if (!marked) return;
    const { offsetLeft: left, offsetWidth: width } = marked.option;
    const [start, room] = [element.scrollLeft, element.clientWidth];
    if (left < start) element.scrollLeft = left;
    else if (left + width > start + room) element.scrollLeft = left + width - room;
  };

  return {
    element,
    draw(model, order) {
      const grows = tiles.length !== order.length;
      while (tiles.length < order.length) add(tiles.length);
      for (const tile of tiles.splice(order.length)) if (tile === marked) marked = undefined;
      const [titles, texts, values] = [model.get("titles"), model.get("texts"), model.get("values")];
      element.classList.toggle("nbx-with-values", values.length > 0);
      tiles.forEach(({ option, words, title, value }, input) => {
        const [text, number] = [titles[input] ?? "", values[input]];
        say(words, texts[input] || String(input));
        words.classList.toggle("nbx-tile-text", Boolean(texts[input]));
        say(title, text || `input ${input}`);
        title.classList.toggle("nbx-unknown", !text);
        say(value, number == null ? "" : rounded(number));
        const name = [`input ${input}`, text, value.textContent, texts[input]].filter(Boolean).join(", ");
        if (option.ariaLabel !== name) option.ariaLabel = option.title = name;
      });
      if (grows) place();
      if (!grows && order.every((input, i) => input === shown[i])) return;
      shown = order;
      element.replaceChildren(...order.map((input) => tiles[input]!.option));
      if (model.get("sort") === "given") reveal();
      else element.scrollLeft = 0; // who sorts wants to see the first ones, wherever the chosen one is
    },
    choose(input) {
      const next = tiles[input];
      if (next === marked) return;
      marked?.option.setAttribute("aria-selected", "false");
      next?.option.setAttribute("aria-selected", "true");
      marked = next;
      if (next) element.setAttribute("aria-activedescendant", next.option.id);
      else element.removeAttribute("aria-activedescendant");
      reveal();
    },
    reveal,
    paint(next) {
      sheet = next;
      const [width, height] = next?.tile ?? [SHOWN, SHOWN];
      const scale = SHOWN / Math.max(width, height);
      element.style.setProperty("--nbx-sheet", next ? `url("${next.url}")` : "none");
      element.style.setProperty("--nbx-columns", String(next?.columns ?? 1));
      element.style.setProperty("--nbx-tile-width", `${width * scale}px`);
      element.style.setProperty("--nbx-tile-height", `${height * scale}px`);
      place();
    },
    under(event) {
      const option = (event.target as Element).closest('[role="option"]');
      return option ? numbers.get(option) : undefined;
    },
    page: () => Math.max(1, Math.floor(element.clientWidth / (marked?.option.offsetWidth || element.clientWidth || 1))),
  };
}
