type Attributes = Record<string, string>;

/** An element with attributes and children; strings become text, never markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Writes text only where it differs, so that screen readers and selections are left alone. */
export function say(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function option(value: string, text: string): HTMLOptionElement {
  return h("option", { value }, text);
}

/** A text in front of an input that it names. */
export function labelled(text: string, input: HTMLElement): HTMLLabelElement {
  return h("label", { class: "nbx-labelled" }, h("span", { class: "nbx-name" }, text), input);
}

/** Keeps keys inside a pane: notebooks take letters, digits and arrows for commands of their own. */
export function keepKeys(element: HTMLElement): void {
  element.addEventListener("keydown", (event) => event.stopPropagation());
}

/** JupyterLab listens before the page does; this attribute is what it looks for on the element with the focus. */
export const OWN_KEYS: Attributes = { "data-lm-suppress-shortcuts": "true" };

/** Draws at once the first time in an animation frame; further requests within that frame become one in the next. */
export function coalesced(draw: () => void): () => void {
  let state: "free" | "drawn" | "again" = "free";
  const ask = (): void => {
    if (state !== "free") {
      state = "again";
      return;
    }
    state = "drawn";
    requestAnimationFrame(() => {
      const again = state === "again";
      state = "free";
      if (again) ask();
    });
    draw();
  };
  return ask;
}

/** Draws once, when the handler at work has done: what it sends to the kernel goes first. */
export function afterwards(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      draw();
    });
  };
}
