import { keepKeys } from "./dom";
import type { Stage } from "./stage";
import { fitted, pan, type Point, toScene, zoomAround } from "./zoom";

const KEY_ZOOM = 1.25;
const KEY_PAN_PX = 32;
const STILL_PX = 4;

/** What hears of the hand; places are in parts of the scene. */
export interface Hand {
  moved(): void;
  pointed(at: Point | null): void;
  clicked(at: Point): void;
}

/** Wheel, drag, double click and keys move the stage's view; a press that does not move is a click. */
export function moveStage(stage: Stage, { moved, pointed, clicked }: Hand): void {
  const { canvas } = stage;
  let drag: Point | null = null;
  let pressed: MouseEvent | null = null;
  const place = (event: MouseEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width,
      y: ((event.clientY - box.top) / box.height) * canvas.height,
    };
  };
  const inScene = (at: Point): Point => {
    const { x, y } = toScene(at, stage.scene, canvas, stage.view);
    return { x: x / stage.scene.width, y: y / stage.scene.height };
  };
  const zoom = (anchor: Point, factor: number): void => {
    stage.view = zoomAround(anchor, factor, stage.scene, canvas, stage.view);
    moved();
  };
  const shift = (x: number, y: number): void => {
    stage.view = pan({ x, y }, stage.scene, canvas, stage.view);
    moved();
  };
  const reset = (): void => {
    stage.view = fitted(stage.scene);
    moved();
  };

  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls
      event.preventDefault();
      zoom(place(event), 2 ** (-event.deltaY / (event.ctrlKey ? 100 : 300)));
    },
    { passive: false },
  );
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pressed = event;
    if (stage.view.zoom === 1) return;
    drag = place(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > STILL_PX) pressed = null;
    if (drag) {
      shift(at.x - drag.x, at.y - drag.y);
      drag = at;
    }
    pointed(inScene(at));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (pressed) clicked(inScene(place(event)));
    pressed = drag = null;
  });
  canvas.addEventListener("pointercancel", () => (pressed = drag = null));
  canvas.addEventListener("pointerleave", () => {
    pressed = null;
    pointed(null);
  });
  canvas.addEventListener("dblclick", reset);

  keepKeys(canvas);
  canvas.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = { x: canvas.width / 2, y: canvas.height / 2 };
    const step = KEY_PAN_PX * devicePixelRatio;
    const actions: Record<string, () => void> = {
      "0": reset,
      "+": () => zoom(middle, KEY_ZOOM),
      "=": () => zoom(middle, KEY_ZOOM),
      "-": () => zoom(middle, 1 / KEY_ZOOM),
      ArrowLeft: () => shift(step, 0),
      ArrowRight: () => shift(-step, 0),
      ArrowUp: () => shift(0, step),
      ArrowDown: () => shift(0, -step),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}
