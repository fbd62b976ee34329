import type { AnyModel, Host } from "@anywidget/types";

type Listener = (...args: unknown[]) => void;

/** Behaves like a widget's model: `set` tells listeners at once, `save_changes` sends what was set since the last time. */
export class FakeModel<State extends object> {
  sent: object[] = [];
  saved: Partial<State>[] = [];
  private unsaved: Partial<State> = {};
  private listeners = new Map<string, Set<Listener>>();
  readonly widget_manager = undefined as never;

  constructor(private state: State) {}

  get = <K extends keyof State>(key: K): State[K] => this.state[key];

  set = <K extends keyof State>(key: K, value: State[K]): void => {
    this.unsaved[key] = value;
    this.arrive({ [key]: value } as unknown as Partial<State>);
  };

  /** A message from the kernel: all values are in place before the first listener is told. */
  arrive(values: Partial<State>): void {
    const changed = (Object.keys(values) as (keyof State)[]).filter((key) => this.state[key] !== values[key]);
    this.state = { ...this.state, ...values };
    for (const key of changed) for (const listener of [...(this.listeners.get(`change:${String(key)}`) ?? [])]) listener();
  }

  /** What a host says of a model, besides the values it holds. */
  tell(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...args);
  }

  on = (event: string, listener: Listener): void => {
    if (!this.listeners.has(event)) this.listeners.set(event, new Set());
    this.listeners.get(event)!.add(listener);
  };

  off = (event?: string | null, listener?: Listener | null): void => {
    if (event && listener) this.listeners.get(event)?.delete(listener);
  };

  save_changes = (): void => {
    if (Object.keys(this.unsaved).length) this.saved.push(this.unsaved);
    this.unsaved = {};
  };

  send = (content: object): void => void this.sent.push(content);

  /** How many listeners there are. */
  get heard(): number {
    return [...this.listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }

  get any(): AnyModel<State> {
    return this as unknown as AnyModel<State>;
  }
}

/** A host that looks models up by name: the reference "IPY_MODEL_name" asks for `name`. */
export function fakeHost(find: (name: string) => unknown): Host {
  const getModel = async (reference: string): Promise<unknown> => find(reference.replace("anywidget:", ""));
  return { getModel, getWidget: () => Promise.reject(new Error("unused")) } as unknown as Host;
}

/** Lets promises and animation frames that are due take their turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((done) => setTimeout(done, 5));
}
