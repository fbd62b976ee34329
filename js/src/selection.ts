import type { AnyModel } from "@anywidget/types";
import type { ControlsState, Layer, Method, Parameter, Value } from "./controls";

const CHANNEL_SAVE_MS = 100;

/** Saves at once, then at most every 100 ms, and once more at the end: the kernel need not hear every channel. */
export function patientSave(model: AnyModel<ControlsState>, signal: AbortSignal): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waiting = false;
  const end = (): void => {
    timer = undefined;
    if (waiting) save();
  };
  const save = (): void => {
    waiting = timer !== undefined;
    if (waiting) return;
    model.save_changes();
    timer = setTimeout(end, CHANNEL_SAVE_MS);
  };
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    if (waiting) model.save_changes();
  });
  return save;
}

/** Class numbers, best score first; classes without a score follow in their own order. */
export function ranked(scores: (number | null)[], classes: number): number[] {
  const value = (index: number): number => scores[index] ?? -Infinity;
  return Array.from({ length: classes }, (_, index) => index).sort((a, b) => value(b) - value(a) || a - b);
}

/** Why a method can't work on a layer, or "". */
export function objection(layer: Layer, method: Method | undefined): string {
  if (layer.reason) return layer.reason;
  return method?.grid && !layer.grid ? `${method.label} needs a layer with a grid of positions` : "";
}

/** Chooses a layer; the channel is clamped to what the layer has, in the same message. */
export function chooseLayer(controls: AnyModel<ControlsState>, layer: Layer): void {
  controls.set("layer", layer.name);
  const channel = Math.max(0, Math.min(controls.get("channel"), layer.channels - 1));
  if (channel !== controls.get("channel")) controls.set("channel", channel);
  controls.save_changes();
}

/** The parameters of a method: what was chosen for it, else its defaults, which may follow another parameter. */
export function paramsOf(controls: AnyModel<ControlsState>, method: Method): Record<string, Value> {
  const chosen = controls.get("params")[method.key] ?? {};
  const values: Record<string, Value> = { ...chosen };
  for (const parameter of method.params) {
    const { name, half_of } = parameter;
    if (name in chosen) continue;
    values[name] = half_of === undefined ? parameter.default : allowed(Math.ceil(Number(values[half_of]) / 2), parameter);
  }
  return values;
}

/** Changes one parameter; those of other methods stay, and come back when their method does. */
export function chooseParam(controls: AnyModel<ControlsState>, method: Method, name: string, value: Value): void {
  const params = controls.get("params");
  controls.set("params", { ...params, [method.key]: { ...params[method.key], [name]: value } });
  controls.save_changes();
}

/** The nearest value that a range parameter allows. */
export function allowed(value: number, { low, high, integer }: Parameter): number {
  const whole = integer ? Math.round(value) : value;
  return Math.min(high ?? Infinity, Math.max(low ?? -Infinity, whole));
}

/** The layer a search text means: its exact name, else the first that contains it. */
export function found(text: string, layers: Layer[]): Layer | undefined {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return undefined;
  return layers.find((layer) => layer.name === text.trim()) ?? layers.find((layer) => layer.name.toLowerCase().includes(wanted));
}
