import { h, OWN_KEYS } from "./dom";
import type { Fill } from "./token_colours";
import { stepFrom } from "./token_keys";
import { piecesOf } from "./token_spans";
import type { Features } from "./token_weights";
import { after } from "./token_words";

export interface TokenLine {
  element: HTMLElement;
  /** Lays the text out, where it is another one. */
  lay(features: Features, names: readonly string[]): void;
  paint(fills: readonly (Fill | null)[], numbers: readonly string[] | null): void;
  mark(dropped: ReadonlySet<number>): void;
  /** The words of a feature as they stand in the text. */
  words(feature: number): string;
  focus(): void;
}

interface Token {
  element: HTMLElement;
  feature: number;
  ground: string;
  number: string;
}

/** A running text in which one feature at a time is looked at (-1: none; `described` by that element), and chosen. */
export function tokenLine(
  looked: (feature: number) => void,
  chosen: (feature: number) => void,
  described: string,
): TokenLine {
  const element = h("div", { class: "nbx-token-line", role: "group", "aria-label": "Text", dir: "auto", ...OWN_KEYS });
  let tokens: Token[] = [];
  let laid: unknown[] = [];
  let current = 0;

  const place = (of: EventTarget | null): number => {
    const token = of instanceof Element ? of.closest("[data-place]") : null;
    return token instanceof HTMLElement && element.contains(token) ? Number(token.dataset.place) : -1;
  };
  const feature = (at: number): number => tokens[at]?.feature ?? -1;
  const focused = (): number => place(document.activeElement);

  /** Exactly one token is in the way of the Tab key: where the keys were last. */
  const stand = (at: number): void => {
    tokens[current]?.element.setAttribute("tabindex", "-1");
    tokens[current]?.element.removeAttribute("aria-describedby");
    current = at;
    tokens[current]?.element.setAttribute("tabindex", "0");
    tokens[current]?.element.setAttribute("aria-describedby", described);
  };

  element.addEventListener("pointerover", (event) => {
    const at = place(event.target);
    looked(feature(at < 0 ? focused() : at));
  });
  element.addEventListener("pointerleave", () => looked(feature(focused())));
  element.addEventListener("focusin", (event) => {
    const at = place(event.target);
    if (at < 0) return;
    stand(at);
    looked(feature(at));
  });
  element.addEventListener("focusout", () => looked(-1));
  element.addEventListener("click", (event) => {
    const at = place(event.target);
    if (at >= 0 && getSelection()?.isCollapsed !== false) chosen(feature(at)); // not at the end of marking text
  });
  element.addEventListener("keydown", (event) => {
    const at = place(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") chosen(feature(at));
    else {
      const next = stepFrom(event.key, at, tokens.map((token) => token.element), element);
      if (next === null) return;
      tokens[next]?.element.focus();
    }
    event.preventDefault();
  });

  return {
    element,
    lay({ text, spans }, names) {
      const given = [text, spans, names];
      if (given.every((part, i) => part === laid[i])) return;
      const had = focused();
      laid = given;
      tokens = [];
      const made = piecesOf(text, spans, names).map((piece) => {
        if (piece.feature < 0) return piece.text;
        const token = h("span", { class: "nbx-token", role: "button", "aria-pressed": "false", tabindex: "-1" }, piece.text);
        token.dataset.place = String(tokens.length);
        if (piece.chip) token.classList.add("nbx-token-chip");
        if (piece.chip) token.dir = "auto"; // has no say in the direction of the text
        if (!piece.text.trim()) token.ariaLabel = "white space";
        tokens.push({ element: token, feature: piece.feature, ground: "", number: "" });
        return token;
      });
      element.replaceChildren(...made);
      if (tokens.length) element.removeAttribute("tabindex");
      else element.tabIndex = 0; // a long text is scrolled with the keys
      stand(Math.max(0, Math.min(current, tokens.length - 1)));
      if (had >= 0) tokens[current]?.element.focus({ preventScroll: true });
    },
    paint(fills, numbers) {
      for (const token of tokens) {
        const fill = fills[token.feature] ?? null;
        const ground = fill?.ground ?? "";
        const number = (fill && numbers?.[token.feature]) ?? "";
        const { style, dataset } = token.element;
        if (token.ground !== ground) {
          style.setProperty("--nbx-fill", ground); // removes it if there is none
          style.setProperty("--nbx-ink", fill?.ink ?? "");
        }
        if (token.number !== number) {
          if (number) dataset.number = after(token.element.textContent!, number);
          else delete dataset.number;
        }
        Object.assign(token, { ground, number });
      }
    },
    mark(dropped) {
      for (const token of tokens) {
        token.element.setAttribute("aria-pressed", String(dropped.has(token.feature)));
      }
    },
    words: (wanted) => tokens.find((token) => token.feature === wanted)?.element.textContent ?? "",
    focus: () => (tokens[current]?.element ?? element).focus(),
  };
}
