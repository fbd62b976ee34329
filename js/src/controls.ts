import type { AnyModel, RenderProps } from "@anywidget/types";
import { afterwards, coalesced, h, keepKeys } from "./dom";
import { ALIVE, followKernel } from "./kernel_state";
import { follow, listen } from "./link";
import type { StatusState } from "./status";
import { toolbarFields } from "./toolbar_fields";
import { toolbarParams } from "./toolbar_params";

export type Value = number | string | boolean | null;

/** The traits of `Controls` in nbexplain/widgets/controls.py. */
export interface ControlsState {
  input: number;
  /** Which of several inputs of the model is explained; "" where there is one. */
  part: string;
  layer: string;
  channel: number;
  /** [row, column] in the grid of the layer, or [] for none. */
  cell: number[];
  target: number;
  /** Of a map of scores, over what the class is explained: "predicted", "map" or "row,column"; "" for a mask. */
  over: string;
  method: string;
  params: Record<string, Record<string, Value>>;
}

export interface Layer {
  name: string;
  type: string;
  shape: string;
  channels: number;
  grid: boolean;
  gradient: boolean;
  reason: string;
}

export interface Parameter {
  name: string;
  kind: "range" | "choice" | "flag";
  low?: number | null;
  high?: number | null;
  step?: number | null;
  integer?: boolean;
  choices?: (string | number)[];
  default: Value;
  /** A parameter before it, of which it is by default half, rounded up. */
  half_of?: string;
  help?: string;
}

export interface Method {
  key: string;
  label: string;
  paper: string;
  needs: string[];
  progressive: boolean;
  grid: boolean;
  reason: string;
  params: Parameter[];
}

/** The traits of `Facts` in nbexplain/widgets/controls.py. */
export interface FactsState {
  layers: Layer[];
  classes: string[];
  scores: (number | null)[];
  score_name: string;
  /** `[value, words]` of what `over` may be, besides a place. */
  overs: string[][];
  methods: Method[];
  inputs: number;
  parts: string[];
}

export type Field = "input" | "part" | "method" | "target" | "layer" | "channel" | "params";

/** The traits of `Toolbar` in nbexplain/widgets/controls.py. */
export interface ToolbarState {
  controls: string | null;
  facts: string | null;
  status: string | null;
  show: Field[];
  needs: Field[];
  long: boolean;
}

/** What a toolbar is a view of. `methods` is empty where the toolbar shows none. */
export interface Session {
  controls: AnyModel<ControlsState>;
  facts: AnyModel<FactsState>;
  show: Field[];
  /** What panes look at besides what the method does. */
  needs: Field[];
  /** Whether panes ask methods of their own that take long. */
  long: boolean;
}

const SELECTION = ["input", "part", "layer", "target", "over", "method", "params"].map((name) => `change:${name}`);
const KNOWN = ["layers", "classes", "scores", "score_name", "overs", "methods", "inputs", "parts"].map((name) => `change:${name}`);

export function currentMethod({ controls, facts, show }: Session): Method | undefined {
  if (!show.includes("method")) return undefined;
  return facts.get("methods").find((method) => method.key === controls.get("method"));
}

function render({ model, el, host, signal }: RenderProps<ToolbarState>): void {
  el.classList.add("nbx-pane", "nbx-toolbar");
  keepKeys(el);
  let controls: AnyModel<ControlsState> | null = null;
  let facts: AnyModel<FactsState> | null = null;
  let status: AnyModel<StatusState> | null = null;
  let kernel = ALIVE;
  let drawing = new AbortController();
  signal.addEventListener("abort", () => drawing.abort());

  const build = (): void => {
    drawing.abort();
    drawing = new AbortController();
    el.replaceChildren();
    if (!controls || !facts) return;
    const [show, needs, long] = [model.get("show"), model.get("needs"), model.get("long")];
    const session: Session = { controls, facts, show, needs, long };
    const fields = toolbarFields(session, drawing.signal);
    const params = toolbarParams(session);
    const commands = commandButtons(session, () => kernel.reachable && (status?.get("running") ?? false));
    el.append(...fields.elements, params.element);
    // The buttons stand beside the method, or else at the end.
    const neighbour = session.show.includes("method") ? fields.elements[0] : fields.elements.at(-1);
    const shared = h("div", { class: "nbx-shared" });
    if (neighbour) neighbour.replaceWith(shared);
    else el.prepend(shared);
    shared.append(...(neighbour ? [neighbour] : []), commands.element);
    const refresh = (): void => {
      fields.refresh();
      params.refresh();
      commands.refresh();
      if (!kernel.reachable) disableAllBut(el, ".nbx-field-channel"); // other channels are in the page already
    };
    refresh();
    listen(controls, SELECTION, afterwards(refresh), drawing.signal);
    listen(controls, ["change:channel"], fields.refreshChannel, drawing.signal);
    listen(facts, KNOWN, coalesced(refresh), drawing.signal);
    if (status) listen(status, ["change:running"], commands.refresh, drawing.signal);
  };

  follow<ControlsState>(model, "controls", { host, signal }, (found) => {
    controls = found;
    build();
  });
  follow<FactsState>(model, "facts", { host, signal }, (found) => {
    facts = found;
    build();
  });
  follow<StatusState>(model, "status", { host, signal }, (found) => {
    status = found;
    build();
  });
  listen(model, ["change:show", "change:long"], build, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    if (!kernel.reachable) build();
  });
}

function disableAllBut(root: HTMLElement, spared: string): void {
  for (const control of root.querySelectorAll<HTMLInputElement>("input, select, button")) {
    if (!control.closest(spared)) control.disabled = true;
  }
}

/** Parameters that say how many draws a method makes, as in nbexplain/core/registry.py. */
const SAMPLES = ["samples", "evaluations", "permutations"];

/** Run and Stop, one button, and More, only for what takes long; and Refresh, for weights that have changed. */
function commandButtons(session: Session, running: () => boolean) {
  const { controls } = session;
  const run = h("button", { type: "button", class: "nbx-button nbx-run" }, "Run");
  const more = h("button", { type: "button", class: "nbx-button nbx-more-samples" }, "More samples");
  const renew = h("button", { type: "button", class: "nbx-button nbx-renew", "aria-label": "Refresh" }, "↻");
  renew.title = "Compute again with the model's weights as they are now";
  run.addEventListener("click", () => controls.send({ command: running() ? "stop" : "run" }));
  more.title = "Go on from the samples there are: as many again as the method draws at first";
  more.addEventListener("click", () => controls.send({ command: "more" }));
  renew.addEventListener("click", () => controls.send({ command: "refresh" }));
  return {
    element: h("div", { class: "nbx-commands" }, run, more, renew),
    refresh(): void {
      run.textContent = running() ? "Stop" : "Run";
      run.classList.toggle("nbx-stop", running());
      const method = currentMethod(session);
      run.hidden = !running() && !session.long && !method?.progressive;
      const drawn = method?.params.find((parameter) => SAMPLES.includes(parameter.name));
      const now = drawn && Number(controls.get("params")[method!.key]?.[drawn.name] ?? drawn.default);
      more.hidden = now === undefined || running();
      more.disabled = now !== undefined && now >= (drawn!.high ?? Infinity);
    },
  };
}

export default { render };
