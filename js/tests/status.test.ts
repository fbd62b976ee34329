import { afterEach, expect, test, vi } from "vitest";
import statusModule, { type StatusState } from "../src/status";
import { FakeModel } from "./fake_model";

const IDLE: StatusState = {
  text: "ready",
  level: "idle",
  progress: -1,
  running: false,
  warnings: [],
  error: "",
  traceback: "",
};

function show(state: Partial<StatusState> = {}): { model: FakeModel<StatusState>; el: HTMLElement } {
  const model = new FakeModel<StatusState>({ ...IDLE, ...state });
  const el = document.createElement("div");
  const signal = new AbortController().signal;
  void statusModule.render({ model: model.any, el, signal, host: undefined as never, experimental: undefined as never });
  return { model, el };
}

afterEach(() => void vi.useRealTimers());

test("warnings, error and traceback are text, all of them", () => {
  const { el } = show({ warnings: ["<b>one</b>", "two"], error: "it failed", traceback: "line 1\nline 2" });
  expect([...el.querySelectorAll("li")].map((item) => item.textContent)).toEqual(["<b>one</b>", "two"]);
  expect(el.querySelector("pre")!.textContent).toBe("line 1\nline 2");
  expect(el.querySelector<HTMLElement>(".nbx-error")!.hidden).toBe(false);
});

test("a fast run is read aloud once a second at most, and its end always", () => {
  vi.useFakeTimers();
  const { model, el } = show({ running: true, text: "0" });
  const spoken = el.querySelector('[role="status"]')!;
  const heard = new Set<string>();
  for (let step = 1; step <= 40; step++) {
    model.arrive({ text: String(step), progress: step / 40 });
    vi.advanceTimersByTime(100);
    heard.add(spoken.textContent!);
  }
  expect(heard.size).toBeLessThanOrEqual(5);
  model.arrive({ running: false, text: "done" });
  vi.advanceTimersByTime(2000);
  expect(spoken.textContent).toBe("done");
});

test("a kernel that went away is said once, and nothing seems to run any more", () => {
  const { model, el } = show({ running: true, progress: 0.25 });
  const alert = el.querySelector<HTMLElement>(".nbx-kernel")!;
  expect(alert.hidden).toBe(true);
  model.tell("comm_live_update");
  expect(alert.textContent).toMatch(/restarted: run the cell again/);
  expect(alert.getAttribute("role")).toBe("alert");
  expect(el.querySelector(".nbx-progress")!.classList.contains("nbx-off")).toBe(true);
  expect(el.dataset.level).toBe("error");
});

test("the bar is there only while something runs that knows how far it is", () => {
  const { el } = show({ running: true, progress: 0.25 });
  const bar = el.querySelector<HTMLElement>(".nbx-progress")!;
  expect(bar.ariaValueNow).toBe("25");
  expect((bar.firstElementChild as HTMLElement).style.width).toBe("25%");
  const idle = show({ running: false, progress: 0.25 }).el.querySelector<HTMLElement>(".nbx-progress")!;
  expect(idle.classList.contains("nbx-off")).toBe(true);
});
