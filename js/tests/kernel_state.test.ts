import { expect, test } from "vitest";
import { followKernel, type KernelState } from "../src/kernel_state";
import { FakeModel } from "./fake_model";

class FakeSignal<T> {
  slots = new Set<(sender: unknown, value: T) => void>();
  connect = (slot: (sender: unknown, value: T) => void): void => void this.slots.add(slot);
  disconnect = (slot: (sender: unknown, value: T) => void): void => void this.slots.delete(slot);
  emit = (value: T): void => this.slots.forEach((slot) => slot(null, value));
}

function follow(layout?: object) {
  const kernel = {
    statusChanged: new FakeSignal<string>(),
    connectionStatusChanged: new FakeSignal<string>(),
    disposed: new FakeSignal<void>(),
  };
  const model = Object.assign(new FakeModel<{ layout?: object }>(layout ? { layout } : {}), { widget_manager: { kernel } });
  const told: KernelState[] = [];
  const ending = new AbortController();
  followKernel((model as unknown as FakeModel<object>).any, ending.signal, (state) => told.push(state));
  return { kernel, model, told, ending };
}

test("a restart is told once, and nothing after it: the connection of the new kernel is not ours", () => {
  const { kernel, model, told } = follow({ comm_live: true });
  model.tell("comm_live_update");
  model.tell("comm_live_update");
  kernel.connectionStatusChanged.emit("connecting");
  kernel.connectionStatusChanged.emit("connected");
  kernel.statusChanged.emit("dead");
  expect(told).toHaveLength(1);
  expect(told[0]).toEqual({ words: "The kernel was restarted: run the cell again.", reachable: false });
});

test("what is said of a lost connection is taken back when it is there again", () => {
  const { kernel, told } = follow();
  kernel.connectionStatusChanged.emit("connected");
  expect(told).toEqual([]);
  kernel.connectionStatusChanged.emit("connecting");
  kernel.connectionStatusChanged.emit("disconnected");
  kernel.connectionStatusChanged.emit("connected");
  expect(told.map(({ words, reachable }) => [words !== "", reachable])).toEqual([[true, true], [false, true]]);
});

test.each(["disposed", "dead"])("a kernel that ends is told: %s", (how) => {
  const { kernel, told } = follow();
  kernel.statusChanged.emit("busy");
  if (how === "dead") kernel.statusChanged.emit("dead");
  else kernel.disposed.emit();
  kernel.connectionStatusChanged.emit("disconnected");
  expect(told.map(({ words }) => words)).toEqual(["The kernel has ended: start it and run the cell again."]);
});

test("a model that has no kernel from the start says so, and a pane that is gone hears nothing", () => {
  expect(follow({ comm_live: false }).told.map(({ reachable }) => reachable)).toEqual([false]);
  const { kernel, model, told, ending } = follow({ comm_live: true });
  ending.abort();
  model.tell("comm_live_update");
  kernel.disposed.emit();
  expect(told).toEqual([]);
  expect(kernel.statusChanged.slots.size + kernel.connectionStatusChanged.slots.size).toBe(0);
});
