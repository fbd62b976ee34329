import type { AnyModel, Host } from "@anywidget/types";

export interface Surroundings {
  host: Host;
  signal: AbortSignal;
}

/** Calls `listener` on each of the named events until `signal` ends. */
export function listen(model: AnyModel, events: string[], listener: () => void, signal: AbortSignal): void {
  for (const event of events) model.on(event, listener);
  signal.addEventListener("abort", () => {
    for (const event of events) model.off(event, listener);
  });
}

/**
 * Attaches to the model that the reference trait `name` points to. When the reference changes, the signal given to the
 * former `attach` ends and `attach` is called again, with null where there is no model.
 */
export function follow<State extends object>(
  owner: AnyModel,
  name: string,
  { host, signal }: Surroundings,
  attach: (model: AnyModel<State> | null, signal: AbortSignal) => void,
): void {
  let current = new AbortController();
  const resolve = async (): Promise<void> => {
    current.abort();
    const mine = (current = new AbortController());
    const reference = owner.get(name) as string | null;
    const model = reference ? await host.getModel<State>(reference.replace(/^IPY_MODEL_/, "anywidget:")) : null;
    if (!mine.signal.aborted && !signal.aborted) attach(model, mine.signal);
  };
  listen(owner, [`change:${name}`], () => void resolve(), signal);
  signal.addEventListener("abort", () => current.abort());
  void resolve();
}
