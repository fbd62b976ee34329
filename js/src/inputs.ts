import { h, OWN_KEYS } from "./dom";

export interface Bounds {
  min: number;
  max: number;
  step?: number;
}

export interface NumberInput {
  input: HTMLInputElement;
  show(value: number, bounds: Bounds, text?: string): void;
}

let made = 0;
const prefix = `nbx-${Math.random().toString(36).slice(2, 8)}`;

/** An id that no other module of the page uses. */
export function freshId(): string {
  return `${prefix}-${++made}`;
}

function bound(input: HTMLInputElement, { min, max, step = 1 }: Bounds): void {
  input.min = String(min);
  input.max = String(max);
  input.step = String(step);
}

/**
 * A slider that is never moved while a hand is on it; afterwards it shows what it was last told. `choose` hears every
 * step, `done` the end of a movement.
 */
export function range(name: string, choose: (value: number) => void, done: () => void = () => {}): NumberInput {
  const input = h("input", { type: "range", "aria-label": name, ...OWN_KEYS });
  let held = false;
  let latest = 0;
  const release = (): void => {
    held = false;
    input.value = String(latest);
  };
  input.addEventListener("pointerdown", () => {
    held = true;
    for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, release, { once: true });
  });
  input.addEventListener("input", () => {
    latest = input.valueAsNumber;
    choose(latest);
  });
  input.addEventListener("change", done);
  return {
    input,
    show(value, bounds, text) {
      bound(input, bounds);
      latest = value;
      if (!held) input.value = String(value);
      input.ariaValueText = text ?? null;
    },
  };
}

/** A number box. Whole typed numbers within the bounds count at once; the rest is mended when the box is left. */
export function numberBox(name: string, choose: (value: number) => void): NumberInput {
  const input = h("input", { type: "number", "aria-label": name, class: "nbx-number" });
  let typing = false;
  let latest = 0;
  input.addEventListener("input", () => {
    const value = input.valueAsNumber;
    typing = true;
    if (input.validity.valid && Number.isFinite(value)) choose((latest = value));
  });
  input.addEventListener("change", () => {
    const value = input.valueAsNumber;
    typing = false;
    if (Number.isFinite(value) && value !== latest) {
      choose((latest = Math.min(Number(input.max), Math.max(Number(input.min), value))));
    }
    input.value = String(latest);
  });
  return {
    input,
    show(value, bounds) {
      bound(input, bounds);
      latest = value;
      if (!typing || document.activeElement !== input) input.value = String(value);
    },
  };
}

/** A box to tick, and the label that names it. */
export function tickBox(text: string, title: string, choose: (on: boolean) => void) {
  const input = h("input", { type: "checkbox", ...OWN_KEYS });
  input.addEventListener("change", () => choose(input.checked));
  return { input, label: h("label", { class: "nbx-flag", title }, input, text) };
}

/** One row of the toolbar: a label, which names its first input, and the inputs. */
export function field(kind: string, text: string, ...inputs: HTMLElement[]): HTMLElement {
  const first = inputs[0]!;
  first.id ||= freshId();
  const label = h("label", { class: "nbx-name", for: first.id }, text);
  return h("div", { class: `nbx-field nbx-field-${kind}` }, label, ...inputs);
}

/** Replaces the options of a select only where they differ: an open list is left alone. */
export function setOptions(select: HTMLSelectElement, options: { value: string; text: string; reason?: string }[]): void {
  const old = select.options;
  const same = (i: number): boolean => {
    const [was, now] = [old[i]!, options[i]!];
    return was.value === now.value && was.text === now.text && was.title === (now.reason ?? now.text);
  };
  if (old.length === options.length && options.every((_, i) => same(i))) return;
  select.replaceChildren(
    ...options.map(({ value, text, reason }) => {
      const made = h("option", { value, title: reason ?? text }, text);
      made.disabled = reason !== undefined;
      return made;
    }),
  );
}
