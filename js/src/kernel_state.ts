import type { AnyModel } from "@anywidget/types";
import { listen } from "./link";

/** What is to be said of the kernel behind a widget, "" while all is well; and whether what is chosen can still reach it. */
export interface KernelState {
  words: string;
  reachable: boolean;
}

export const ALIVE: KernelState = { words: "", reachable: true };
const LOST = "The connection to the kernel is lost: what you choose waits until it is back.";
const UNCONNECTED: KernelState = { words: LOST, reachable: true };
const RESTARTED: KernelState = { words: "The kernel was restarted: run the cell again.", reachable: false };
const ENDED: KernelState = { words: "The kernel has ended: start it and run the cell again.", reachable: false };
const ABSENT: KernelState = { words: "There is no kernel behind these pictures: run the cell again.", reachable: false };

interface Signal<T> {
  connect(slot: (sender: unknown, value: T) => void): void;
  disconnect(slot: (sender: unknown, value: T) => void): void;
}

/** The connection to a kernel as JupyterLab and Notebook have it. Other hosts may have none. */
interface Connection {
  statusChanged: Signal<string>;
  connectionStatusChanged: Signal<string>;
  disposed: Signal<void>;
}

/** Calls `tell` when the kernel behind a widget is restarted, ends, or is cut off; what was restarted or ended stays so. */
export function followKernel(model: AnyModel, signal: AbortSignal, tell: (state: KernelState) => void): void {
  let state = ALIVE;
  const become = (next: KernelState): void => {
    if (!state.reachable || next === state) return;
    state = next;
    tell(state);
  };
  // ipywidgets cuts its models off from a kernel that starts anew; of one that is shut down it hears nothing.
  listen(model, ["comm_live_update"], () => become(RESTARTED), signal);
  const layout = model.get("layout") as { comm_live?: boolean } | undefined; // a model too, and cut off with ours
  if (layout?.comm_live === false) become(ABSENT);

  const kernel = (model.widget_manager as { kernel?: Connection | null } | undefined)?.kernel;
  if (!kernel?.statusChanged) return;
  const status = (_: unknown, value: string): void => void (value === "dead" && become(ENDED));
  const ended = (): void => become(ENDED);
  const connection = (_: unknown, value: string): void => become(value === "connected" ? ALIVE : UNCONNECTED);
  kernel.statusChanged.connect(status);
  kernel.disposed.connect(ended);
  kernel.connectionStatusChanged.connect(connection);
  signal.addEventListener("abort", () => {
    kernel.statusChanged.disconnect(status);
    kernel.disposed.disconnect(ended);
    kernel.connectionStatusChanged.disconnect(connection);
  });
}
