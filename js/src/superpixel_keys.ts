import { beside, labelAt, type Segments } from "./segments";
import type { Point } from "./zoom";

export interface Reading {
  /** The superpixels, or null where there are none. */
  segments(): Segments | null;
  /** What is in the middle of the stage, in parts of the scene. */
  middle(): Point;
  /** The place that is read out, or null. */
  at(): Point | null;
  read(at: Point | null): void;
}

const STEPS: Record<string, readonly [number, number]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

/** The keys that choose cells read superpixels: Enter or Space the middle one, Shift and an arrow the next; Escape lets go. */
export function readWithKeys(canvas: HTMLCanvasElement, { segments, middle, at, read }: Reading): void {
  let fromKeys = false;
  canvas.addEventListener("keydown", (event) => {
    const found = segments();
    if (!found || event.ctrlKey || event.metaKey || event.altKey) return;
    const here = at();
    const isRead = here !== null && labelAt(here, found) !== null;
    const step = event.shiftKey ? STEPS[event.key] : undefined;
    let next: Point | null;
    if (step) next = isRead ? beside(here, step, found) : middle();
    else if (event.key === "Enter" || event.key === " ") next = isRead ? null : middle();
    else if (event.key === "Escape" && isRead) next = null;
    else return;
    event.preventDefault();
    fromKeys = next !== null;
    read(next);
  });
  canvas.addEventListener("pointermove", () => (fromKeys = false));
  canvas.addEventListener("blur", () => {
    if (fromKeys) read(null);
    fromKeys = false;
  });
}
