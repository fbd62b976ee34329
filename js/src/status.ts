import type { RenderProps } from "@anywidget/types";
import { coalesced, h, OWN_KEYS, say } from "./dom";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";

/** The traits of `StatusLine` in nbexplain/widgets/status.py. */
export interface StatusState {
  text: string;
  level: "idle" | "busy" | "warning" | "error";
  progress: number;
  running: boolean;
  warnings: string[];
  error: string;
  traceback: string;
}

const NAMES = ["text", "level", "progress", "running", "warnings", "error", "traceback"].map((name) => `change:${name}`);
const ANNOUNCE_MS = 1000;

function render({ model, el, signal }: RenderProps<StatusState>): void {
  // What is seen changes as often as it likes; what is read aloud, in a region of its own, once a second at most.
  const spoken = h("span", { class: "nbx-spoken", role: "status", "aria-live": "polite" });
  const text = h("span", { class: "nbx-status-text", "aria-hidden": "true" });
  const bar = h("div", { class: "nbx-progress", role: "progressbar", "aria-label": "Progress" }, h("div"));
  const warnings = h("ul", { class: "nbx-warnings", "aria-label": "Warnings" });
  const error = h("span", { class: "nbx-error-text" });
  const traceback = h("pre", { tabindex: "0", ...OWN_KEYS }); // it scrolls, by the keys too
  const details = h("details", {}, h("summary", {}, "Traceback"), traceback);
  const failure = h("div", { class: "nbx-error", role: "alert" }, error, details);
  el.classList.add("nbx-pane", "nbx-status");
  const gone = h("div", { class: "nbx-kernel", role: "alert" });
  const line = h("div", { class: "nbx-status-line" }, h("span", { class: "nbx-dot" }), text);
  el.replaceChildren(spoken, line, bar, gone, warnings, failure);

  let timer: ReturnType<typeof setTimeout> | undefined;
  const speak = (): void => say(spoken, model.get("text"));
  const announce = (): void => {
    if (timer !== undefined) return;
    if (!model.get("running")) speak();
    timer = setTimeout(() => {
      timer = undefined;
      speak();
    }, ANNOUNCE_MS);
  };

  let kernel = ALIVE;
  let warned: string[] | undefined;
  const draw = (): void => {
    const progress = model.get("progress");
    const known = progress >= 0 && model.get("running") && kernel.reachable;
    const percent = Math.round(100 * Math.min(1, progress));
    el.dataset.level = !kernel.words ? model.get("level") : kernel.reachable ? "warning" : "error";
    say(text, model.get("text"));
    text.title = model.get("text");
    bar.classList.toggle("nbx-off", !known);
    bar.ariaHidden = String(!known);
    bar.ariaValueNow = known ? String(percent) : null;
    (bar.firstElementChild as HTMLElement).style.width = known ? `${percent}%` : "0";
    if (warned !== model.get("warnings")) {
      warned = model.get("warnings");
      warnings.replaceChildren(...warned.map((warning) => h("li", {}, warning)));
      warnings.hidden = !warned.length;
    }
    say(error, model.get("error"));
    say(traceback, model.get("traceback"));
    details.hidden = !model.get("traceback");
    failure.hidden = !model.get("error");
    say(gone, kernel.words);
    gone.hidden = !kernel.words;
    announce();
  };
  listen(model, NAMES, coalesced(draw), signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  followKernel(model, signal, (state) => {
    kernel = state;
    draw();
  });
  draw();
}

export default { render };
