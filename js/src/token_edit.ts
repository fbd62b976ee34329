import { h, OWN_KEYS, say } from "./dom";
import { counted } from "./format";

export interface TokenEditor {
  element: HTMLElement;
  /** `limit` is the number of characters that are taken, 0 for any. */
  open(text: string, limit: number): void;
  close(): void;
}

/** A box to write another text in. `applied` hears it if it differs; `closed` is called when the box is to go. */
export function tokenEditor(applied: (text: string) => void, closed: () => void): TokenEditor {
  const area = h("textarea", { "aria-label": "Text", dir: "auto", rows: "5", spellcheck: "false", ...OWN_KEYS });
  const apply = button("Apply", "Explain this text (Ctrl-Enter)");
  const cancel = button("Cancel", "Keep the text as it was (Escape)");
  const count = h("span", { class: "nbx-token-count" });
  const row = h("div", { class: "nbx-token-actions" }, apply, cancel, count);
  const element = h("div", { class: "nbx-token-editor" }, area, row);
  let [limit, before] = [0, ""];

  const check = (): void => {
    const characters = [...area.value].length; // as the kernel counts them
    const over = limit > 0 && characters > limit;
    say(count, limit ? `${characters} of at most ${limit} characters` : counted(characters, "character"));
    count.classList.toggle("nbx-token-over", over);
    area.ariaInvalid = String(over);
    apply.disabled = over || !area.value.trim();
  };
  const finish = (): void => {
    if (apply.disabled) return;
    if (area.value !== before) applied(area.value);
    closed();
  };
  area.addEventListener("input", check);
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") closed();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) finish();
    else return;
    event.preventDefault();
  });
  apply.addEventListener("click", finish);
  cancel.addEventListener("click", closed);
  element.hidden = true;
  return {
    element,
    open(text, most) {
      element.hidden = false;
      area.value = text;
      before = area.value; // with the line ends of a text box
      limit = most;
      check();
      area.focus();
    },
    close() {
      element.hidden = true;
    },
  };
}

export function button(text: string, title: string): HTMLButtonElement {
  return h("button", { type: "button", title, ...OWN_KEYS }, text);
}
