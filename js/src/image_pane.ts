import type { AnyModel, RenderProps } from "@anywidget/types";
import { colourBar } from "./colour_bar";
import type { ControlsState } from "./controls";
import { coalesced, h, say } from "./dom";
import { rounded } from "./format";
import { type ShownMap, shownMap } from "./image_map";
import { viewControls } from "./image_view";
import { follow, listen } from "./link";
import { type Reduction, type Scale, scaleOf, type Sign } from "./scale";
import { Stage } from "./stage";
import { moveStage } from "./stage_input";
import { type ArrayState, oncePerFrame, picture as pixelsOf } from "./wire";
import type { Point, Size } from "./zoom";

/** The traits of `ImagePane` in nbexplain/widgets/image_pane.py. */
export interface ImagePaneState {
  picture: string | null;
  overlay: string | null;
  detail: string | null;
  controls: string | null;
  follow_channel: boolean;
  title: string;
  notice: string;
  opacity: number;
  colormap: string;
  sign: Sign;
  reduction: Reduction;
  clip: number;
  limits: number[];
  interpolation: "nearest" | "bilinear";
  fade: boolean;
  mode: "overlay" | "map" | "picture";
}

const OWN = ["title", "notice", "follow_channel", "opacity", "colormap", "sign", "reduction", "clip", "limits"];
const EVENTS = [...OWN, "interpolation", "fade", "mode"].map((name) => `change:${name}`);

function render({ model, el, host, signal }: RenderProps<ImagePaneState>): void {
  const stage = new Stage();
  const title = h("span", { class: "nbx-title" });
  const subtitle = h("span", { class: "nbx-subtitle" });
  const notice = h("div", { class: "nbx-notice", role: "note" });
  const readout = h("div", { class: "nbx-readout" });
  const bar = colourBar();
  const view = viewControls(model, signal);
  const frame = h("div", { class: "nbx-stage" }, stage.canvas, notice);
  el.classList.add("nbx-pane", "nbx-image-pane");
  el.replaceChildren(h("div", { class: "nbx-head" }, title, subtitle), frame, readout, bar.element, view.element);

  let [pictureModel, overlay, detail] = [null, null, null] as (AnyModel<ArrayState> | null)[];
  let controls: AnyModel<ControlsState> | null = null;
  let map: ShownMap | null = null;
  let pointer: Point | null = null;

  const draw = (): void => {
    const channel = model.get("follow_channel") && controls ? controls.get("channel") : null;
    map = shownMap(overlay ?? null, detail ?? null, { channel, reduction: model.get("reduction") });
    const picture = pictureModel ? pictureCanvas(pictureModel) : null;
    const mode = !picture ? "map" : !map ? "picture" : model.get("mode");
    const scale = map && mode !== "picture" ? scaleOf(map.grid.values, lookOf(model, map)) : null;
    const scene = picture?.canvas ?? map?.grid;
    say(title, model.get("title") || map?.meta.title || "");
    say(subtitle, map?.channel != null ? `channel ${map.channel} of ${map.channels}` : "");
    say(notice, model.get("notice"));
    bar.show(scale, map?.meta.quantity ?? "value", remarkOf(map, model));
    bar.element.hidden = view.element.hidden = !model.get("overlay");
    view.offer({
      map: !!map,
      picture: !!picture,
      signed: map?.signed ?? false,
      reducible: map?.reducible ?? false,
      clip: map ? automaticClip(map) : 100,
      scale,
    });
    if (!scene) return;
    frame.style.setProperty("--nbx-aspect", `${scene.width} / ${scene.height}`);
    stage.draw({
      scene: { width: scene.width, height: scene.height },
      picture: mode === "map" ? null : picture,
      map: map?.grid ?? null,
      scale,
      opacity: mode === "map" ? 1 : model.get("opacity"),
      fade: model.get("fade") && mode === "overlay",
      smooth: model.get("interpolation") === "bilinear",
    });
    stage.canvas.dataset.frame = String(map?.frame ?? 0);
    stage.canvas.dataset.channel = String(map?.channel ?? "");
    stage.canvas.ariaLabel = describe(title.textContent!, map, scale);
    point(pointer);
  };

  const point = (at: Point | null): void => {
    pointer = at;
    const { width, height } = stage.scene;
    const inside = at && at.x >= 0 && at.y >= 0 && at.x < width && at.y < height;
    readout.classList.toggle("nbx-rest", !inside);
    say(readout, inside ? reading(at, map, stage.scene, pictureModel?.get("meta").size) : atRest(map, model, stage.scene));
  };

  const redraw = coalesced(draw);
  const attach = (name: "picture" | "overlay" | "detail", keep: (array: AnyModel<ArrayState> | null) => void): void =>
    follow<ArrayState>(model, name, { host, signal }, (array, until) => {
      keep(array);
      if (array) listen(array, ["change:frame"], redraw, until);
      redraw();
    });
  attach("picture", (array) => (pictureModel = array));
  attach("overlay", (array) => (overlay = array));
  attach("detail", (array) => (detail = array));
  follow<ControlsState>(model, "controls", { host, signal }, (selection, until) => {
    controls = selection;
    const follows = (): void => void (model.get("follow_channel") && redraw());
    if (selection) listen(selection, ["change:channel"], follows, until);
    redraw();
  });
  listen(model, EVENTS, redraw, signal);
  stage.watch(draw, signal);
  moveStage(stage, redraw, point);
}

function pictureCanvas(model: AnyModel<ArrayState>): { canvas: HTMLCanvasElement; holes: boolean; frame: number } | null {
  const pixels = pixelsOf(model);
  if (!pixels) return null;
  return oncePerFrame(model, "canvas", () => {
    const canvas = h("canvas", { width: `${pixels.width}`, height: `${pixels.height}` });
    canvas.getContext("2d")!.putImageData(new ImageData(pixels.data, pixels.width, pixels.height), 0, 0);
    return { canvas, holes: pixels.holes, frame: model.get("frame") };
  });
}

function lookOf(model: AnyModel<ImagePaneState>, map: ShownMap) {
  const [sign, limits, colormap] = [model.get("sign"), model.get("limits"), model.get("colormap")];
  return { signed: map.signed, sign, clip: clipOf(model, map), limits, colormap };
}

/** A few pixels of a map with a value per pixel are far larger than all others: they would leave the rest invisible. */
function automaticClip(map: ShownMap): number {
  return map.meta.on === "pixels" ? 99 : 100;
}

function clipOf(model: AnyModel<ImagePaneState>, map: ShownMap): number {
  return model.get("clip") || automaticClip(map);
}

function remarkOf(map: ShownMap | null, model: AnyModel<ImagePaneState>): string {
  const remarks = [];
  if (model.get("limits").length === 2) remarks.push("locked");
  else if (map && clipOf(model, map) < 100) remarks.push(`clipped at p${clipOf(model, map)}`);
  if (map?.signed && model.get("sign") !== "both") remarks.push(model.get("sign"));
  if (map?.meta.note) remarks.push(map.meta.note);
  return remarks.join(" · ");
}

/** `size` is [height, width] of the picture as the network saw it, which may be larger than the one that is drawn. */
function reading(at: Point, map: ShownMap | null, scene: Size, size: [number, number] | undefined): string {
  const [height, width] = size ?? [scene.height, scene.width];
  const picture = size !== undefined;
  const [x, y] = [Math.floor((at.x / scene.width) * width), Math.floor((at.y / scene.height) * height)];
  const place = picture ? `x ${x}  y ${y}` : "";
  if (!map) return place;
  const column = Math.floor((at.x / scene.width) * map.grid.width);
  const row = Math.floor((at.y / scene.height) * map.grid.height);
  const value = map.grid.values[row * map.grid.width + column] ?? NaN;
  const cell = picture && map.grid.width === width ? "" : `cell ${column}, ${row}`;
  const about = map.exact || Number.isNaN(value) ? "" : "≈ ";
  return [place, cell, about + rounded(value, map.exact ? 5 : 3)].filter(Boolean).join("   ");
}

function atRest(map: ShownMap | null, model: AnyModel<ImagePaneState>, scene: Size): string {
  if (!map) return "";
  const { width, height } = map.grid;
  const enlarged = width < scene.width ? (model.get("interpolation") === "nearest" ? ", as cells" : ", interpolated") : "";
  return `${width} × ${height}${enlarged}${map.reducible ? `, ${model.get("reduction")} of ${map.channels} channels` : ""}`;
}

function describe(title: string, map: ShownMap | null, scale: Scale | null): string {
  if (!map || !scale) return title || "picture";
  const channel = map.channel === null ? "" : `, channel ${map.channel} of ${map.channels}`;
  const cells = `${map.grid.width} × ${map.grid.height} cells`;
  const limits = `colours from ${rounded(scale.low)} to ${rounded(scale.high)}`;
  return `${title || "map"}: ${map.meta.quantity ?? "values"}${channel}, ${cells}, ${limits}`;
}

export default { render };
