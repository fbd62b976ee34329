import { h, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";
import type { InputStore } from "./input_strip_store";
import { freshId } from "./inputs";

const WIDTH = 78; // pixels that one input takes in the row ...
const WIDTH_WITH_VALUE = 88; // ... and with a number below it
const AT_ONCE = 64; // so few are all there, wherever the row stands

interface Tile {
  option: HTMLElement;
  picture: HTMLElement;
  words: HTMLElement;
  title: HTMLElement;
  value: HTMLElement;
}

export interface InputTiles {
  element: HTMLElement;
  /** Shows the inputs in this order, with a number each or none. */
  arrange(order: number[], values: (number | null)[]): void;
  /** Writes what is known by now. */
  refresh(): void;
  /** Marks the input at this place of the row and moves it into view; −1 marks none. */
  choose(place: number): void;
  /** Moves the chosen one into view. */
  reveal(): void;
  toStart(): void;
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

/**
 * The thumbnails as options of a list box, of which only those near the view exist, and the chosen one. The list has the
 * focus, so that options may come and go without losing it.
 */
export function inputTiles(store: InputStore): InputTiles {
  const room = h("div", { class: "nbx-tiles-room", role: "none" });
  const element = h("div", {
    class: "nbx-tiles",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Inputs",
    "aria-orientation": "horizontal",
    ...OWN_KEYS,
  }, room);
  const tiles = new Map<number, Tile>(); // by input
  const inputs = new WeakMap<Element, number>();
  let order: number[] = [];
  let values: (number | null)[] = [];
  let chosen = -1; // its place

  const width = (): number => (values.length ? WIDTH_WITH_VALUE : WIDTH);
  const page = (): number => Math.max(1, Math.floor(element.clientWidth / width()));

  const make = (input: number): Tile => {
    const words = h("span", { class: "nbx-tile-number" });
    const picture = h("div", { class: "nbx-tile" }, words);
    const title = h("div", { class: "nbx-tile-title" });
    const value = h("div", { class: "nbx-tile-value" });
    const option = h("div", { role: "option", id: freshId(), "aria-selected": "false" }, picture, title, value);
    inputs.set(option, input);
    return { option, picture, words, title, value };
  };
  const write = (input: number, { option, picture, words, title, value }: Tile): void => {
    const known = store.get(input);
    const number = values[input];
    say(words, known.problem ? "!" : known.text || String(input));
    words.classList.toggle("nbx-tile-text", Boolean(known.text));
    picture.classList.toggle("nbx-blank", !known.url);
    const image = known.url ? `url("${known.url}")` : "";
    if (picture.style.backgroundImage !== image) picture.style.backgroundImage = image;
    say(title, known.title || `input ${input}`);
    title.classList.toggle("nbx-unknown", !known.title);
    say(value, number == null ? "" : rounded(number));
    const name = [`input ${input}`, known.title, value.textContent, known.text, known.problem].filter(Boolean).join(", ");
    if (option.ariaLabel !== name) option.ariaLabel = option.title = name;
  };
  /** First and last place of those that are there, and the places in view. */
  const range = (): { from: number; to: number; first: number; last: number } => {
    const fit = page() + 1;
    const first = Math.max(0, Math.min(Math.floor(element.scrollLeft / width()), order.length - fit));
    const last = Math.min(order.length, first + fit);
    if (order.length <= AT_ONCE) return { from: 0, to: order.length, first, last };
    return { from: Math.max(0, first - fit), to: Math.min(order.length, last + fit), first, last };
  };
  const show = (): void => {
    const { from, to, first, last } = range();
    const places = Array.from({ length: to - from }, (_, at) => from + at);
    if (chosen >= 0 && (chosen < from || chosen >= to)) places.push(chosen);
    const wanted = new Set(places.map((place) => order[place]!));
    for (const [input, { option }] of tiles) {
      if (wanted.has(input)) continue;
      option.remove();
      tiles.delete(input);
    }
    const focused: HTMLElement[] = places.map((place) => {
      const input = order[place]!;
      let tile = tiles.get(input);
      if (!tile) tiles.set(input, (tile = make(input)));
      write(input, tile);
      tile.option.style.left = `${place * width()}px`;
      tile.option.setAttribute("aria-setsize", String(order.length));
      tile.option.setAttribute("aria-posinset", String(place + 1));
      tile.option.setAttribute("aria-selected", String(place === chosen));
      return tile.option;
    });
    if (focused.some((option, at) => room.children[at] !== option)) room.replaceChildren(...focused);
    const marked = chosen < 0 ? undefined : tiles.get(order[chosen]!);
    if (marked) element.setAttribute("aria-activedescendant", marked.option.id);
    else element.removeAttribute("aria-activedescendant");
    const inView = places.filter((place) => place >= first && place < last);
    store.ask([...inView, ...places.filter((place) => place < first || place >= last)].map((place) => order[place]!));
  };
  const reveal = (): void => {
    if (chosen < 0) return;
    const left = chosen * width();
    const [start, space] = [element.scrollLeft, element.clientWidth];
    if (!space) return show(); // it is not on the page yet
    if (left < start) element.scrollLeft = left;
    else if (left + width() > start + space) element.scrollLeft = left + width() - space;
    show();
  };
  element.addEventListener("scroll", show, { passive: true });

  return {
    element,
    arrange(next, numbers) {
      [order, values] = [next, numbers];
      chosen = Math.min(chosen, order.length - 1);
      element.classList.toggle("nbx-with-values", values.length > 0);
      element.style.setProperty("--nbx-option-width", `${width()}px`);
      room.style.width = `${order.length * width()}px`;
      show();
    },
    refresh: show,
    choose(place) {
      if (place === chosen) return;
      chosen = place;
      if (chosen < 0) show();
      else reveal();
    },
    reveal,
    toStart() {
      element.scrollLeft = 0;
      show();
    },
    under(event) {
      const option = (event.target as Element).closest('[role="option"]');
      return option ? inputs.get(option) : undefined;
    },
    page,
  };
}
