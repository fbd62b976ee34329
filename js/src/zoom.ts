import type { Box } from "./raster";

export interface Size {
  width: number;
  height: number;
}

/** What part of a scene a stage shows: `zoom` ≥ 1 times its fitted size, with the scene's point (x, y) in the middle. */
export interface View {
  zoom: number;
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

const MAX_ZOOM = 64;

export function fitted(scene: Size): View {
  return { zoom: 1, x: scene.width / 2, y: scene.height / 2 };
}

/** The same view with its middle in parts of the scene, so that scenes of other sizes can take it over. */
export function inParts(view: View, scene: Size): View {
  return { zoom: view.zoom, x: view.x / scene.width, y: view.y / scene.height };
}

export function ofParts(view: View, scene: Size): View {
  return { zoom: view.zoom, x: view.x * scene.width, y: view.y * scene.height };
}

/** Stage pixels per unit of the scene. */
export function pixelsPerUnit(scene: Size, stage: Size, view: View): number {
  return Math.min(stage.width / scene.width, stage.height / scene.height) * view.zoom;
}

export function toScene(point: Point, scene: Size, stage: Size, view: View): Point {
  const scale = pixelsPerUnit(scene, stage, view);
  return { x: view.x + (point.x - stage.width / 2) / scale, y: view.y + (point.y - stage.height / 2) / scale };
}

/** Where the whole scene lies on the stage. */
export function sceneOnStage(scene: Size, stage: Size, view: View): Box {
  const scale = pixelsPerUnit(scene, stage, view);
  return {
    x: stage.width / 2 - view.x * scale,
    y: stage.height / 2 - view.y * scale,
    width: scene.width * scale,
    height: scene.height * scale,
  };
}

/** Zooms by `factor`; the scene's point under `anchor` stays there. */
export function zoomAround(anchor: Point, factor: number, scene: Size, stage: Size, view: View): View {
  const fixed = toScene(anchor, scene, stage, view);
  const zoom = Math.min(MAX_ZOOM, Math.max(1, view.zoom * factor));
  const ratio = view.zoom / zoom;
  return within({ zoom, x: fixed.x + (view.x - fixed.x) * ratio, y: fixed.y + (view.y - fixed.y) * ratio }, scene, stage);
}

/** Moves the scene by stage pixels. */
export function pan(by: Point, scene: Size, stage: Size, view: View): View {
  const scale = pixelsPerUnit(scene, stage, view);
  return within({ zoom: view.zoom, x: view.x - by.x / scale, y: view.y - by.y / scale }, scene, stage);
}

/** Keeps the stage filled where the scene is larger than it, and the scene in the middle where it is smaller. */
export function within(view: View, scene: Size, stage: Size): View {
  const scale = pixelsPerUnit(scene, stage, view);
  const clamp = (centre: number, extent: number, room: number): number => {
    const half = room / scale / 2;
    return 2 * half >= extent ? extent / 2 : Math.min(extent - half, Math.max(half, centre));
  };
  return { zoom: view.zoom, x: clamp(view.x, scene.width, stage.width), y: clamp(view.y, scene.height, stage.height) };
}
