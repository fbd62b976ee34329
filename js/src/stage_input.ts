import { keepKeys } from "./dom";
import type { Stage } from "./stage";
import { fitted, pan, type Point, toScene, zoomAround } from "./zoom";

const KEY_ZOOM = 1.25;
const KEY_PAN_PX = 32;

/** Wheel, drag, double click and keys move the stage's view; `pointed` hears where in the scene the pointer is. */
export function moveStage(stage: Stage, moved: () => void, pointed: (at: Point | null) => void): void {
  const { canvas } = stage;
  let drag: Point | null = null;
  const place = (event: MouseEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * canvas.width,
      y: ((event.clientY - box.top) / box.height) * canvas.height,
    };
  };
  const zoom = (anchor: Point, factor: number): void => {
    if (!stage.view) return;
    stage.view = zoomAround(anchor, factor, stage.scene, canvas, stage.view);
    canvas.classList.toggle("nbx-zoomed", stage.view.zoom > 1);
    moved();
  };
  const shift = (x: number, y: number): void => {
    if (!stage.view) return;
    stage.view = pan({ x, y }, stage.scene, canvas, stage.view);
    moved();
  };
  const reset = (): void => {
    stage.view = fitted(stage.scene);
    canvas.classList.remove("nbx-zoomed");
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
    if (event.button !== 0 || !stage.view || stage.view.zoom === 1) return;
    drag = place(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (drag) {
      shift(at.x - drag.x, at.y - drag.y);
      drag = at;
    }
    if (stage.view) pointed(toScene(at, stage.scene, canvas, stage.view));
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (drag = null));
  canvas.addEventListener("pointerleave", () => pointed(null));
  canvas.addEventListener("dblclick", reset);

  keepKeys(canvas);
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
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
