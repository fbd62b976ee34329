import type { AnyModel, RenderProps } from "@anywidget/types";
import { colourBar } from "./colour_bar";
import type { ControlsState } from "./controls";
import { coalesced, h, say } from "./dom";
import { counted } from "./format";
import { imageChannels } from "./image_channels";
import { automaticClip, clipOf, lookOf, remarkOf, superpixelsOf } from "./image_look";
import { type ShownMap, shownMap } from "./image_map";
import { imageMarks } from "./image_marks";
import { sliceControl } from "./image_pane/slice_control";
import { depthOf, middleOf, peakIn, shrunkReading, type Slice, sliceReading } from "./image_pane/slices";
import type { PictureCanvas } from "./image_picture";
import { viewControls } from "./image_view";
import { followKernel } from "./kernel_state";
import { follow, listen } from "./link";
import { joinGroup, type Member, type PaneGroup } from "./pane_group";
import type { PaneLinkState } from "./pane_link";
import { knownExtent, type Reduction, type Scale, scaleOf, type Sign } from "./scale";
import { type Segments, segmentsOf, shownOf } from "./segments";
import { Stage } from "./stage";
import { moveStage } from "./stage_input";
import type { ArrayState } from "./wire";
import { inParts, type Point } from "./zoom";

/** The traits of `ImagePane` in nbexplain/widgets/image_pane.py. */
export interface ImagePaneState {
  picture: string | null;
  overlay: string | null;
  detail: string | null;
  controls: string | null;
  follow_channel: boolean;
  title: string;
  notice: string;
  segments: string | null;
  link: string | null;
  pick: boolean;
  aim: number[];
  frame: number[];
  frame_note: string;
  opacity: number;
  colormap: string;
  sign: Sign;
  reduction: Reduction;
  clip: number;
  limits: number[];
  interpolation: "nearest" | "bilinear";
  fade: boolean;
  mode: "overlay" | "map" | "picture";
  slice: number;
  borders: boolean;
  top: number;
  hide_rest: boolean;
  image_channel: number;
}

const LOOK = ["opacity", "colormap", "sign", "reduction", "clip", "limits", "interpolation", "fade", "mode", "slice"];
const SUPERPIXELS = ["borders", "top", "hide_rest"];
const DRAWN = ["title", "notice", "follow_channel", "image_channel", ...LOOK, ...SUPERPIXELS].map((name) => `change:${name}`);
const MARKED = ["pick", "aim", "frame", "frame_note"].map((name) => `change:${name}`);

function render({ model, el, host, signal }: RenderProps<ImagePaneState>): void {
  const stage = new Stage();
  const title = h("span", { class: "nbx-title" });
  const subtitle = h("span", { class: "nbx-subtitle" });
  const notice = h("div", { class: "nbx-notice", role: "note" });
  const bar = colourBar();
  const view = viewControls(model, signal);
  const channels = imageChannels(model, signal);

  let pictureModel: AnyModel<ArrayState> | null = null;
  let picture: PictureCanvas | null = null;
  let overlay: AnyModel<ArrayState> | null = null;
  let detail: AnyModel<ArrayState> | null = null;
  let labels: AnyModel<ArrayState> | null = null;
  let controls: AnyModel<ControlsState> | null = null;
  let link: AnyModel<PaneLinkState> | null = null;
  let group: PaneGroup | null = null;
  let map: ShownMap | null = null;
  let segments: Segments | null = null;
  let scale: Scale | null = null;
  let slice: Slice | null = null;
  let answers = true;

  const marks = imageMarks(model, stage, () => ({
    title: titleOf(),
    map,
    segments,
    painted: segments ? shownOf(model.get("top"), segments.count) : 0,
    scale,
    size: picture && picture.size,
    slice,
    controls,
    pointer: group?.pointer ?? null,
    answers,
  }));
  const slices = sliceControl(model, stage.canvas, () => group);
  const sheet = h("div", { class: "nbx-sheet" }, stage.canvas, marks.element);
  const head = h("div", { class: "nbx-head" }, title, subtitle);
  el.classList.add("nbx-pane", "nbx-image-pane");
  el.role = "group"; // several panes have controls of the same names
  const scenery = h("div", { class: "nbx-stage" }, sheet, notice);
  el.replaceChildren(head, scenery, slices.element, marks.readout, bar.element, view.element, channels.element);

  const titleOf = (): string => model.get("title") || map?.meta.title || (segments ? counted(segments.count, "superpixel") : "");

  const draw = (): void => {
    const channel = model.get("follow_channel") && controls ? controls.get("channel") : null;
    segments = labels && segmentsOf(labels);
    const pictured = depthOf(pictureModel);
    slice = slices.of(pictured ?? depthOf(overlay));
    const cut = slice && { part: middleOf(slice), smooth: model.get("interpolation") === "bilinear" };
    map = shownMap(overlay, detail, { channel, reduction: model.get("reduction"), cut }, segments);
    picture = channels.canvas(pictureModel, pictured && cut!.part);
    const mode = !picture ? "map" : !map ? "picture" : model.get("mode");
    const remark = measure(mode === "picture" ? null : map);
    const scene = picture?.canvas ?? segments ?? map?.grid;
    say(title, titleOf());
    el.ariaLabel = titleOf() || null;
    const channelShown = map?.channel != null && `channel ${map.channel} of ${map.channels}`;
    say(subtitle, [channelShown, slice && sliceReading(slice)].filter(Boolean).join(" · "));
    const peak = slice && map?.depth ? peakIn(map.depth, slice.count) : null;
    slices.show(slice, peak, pictured ? shrunkReading(pictureModel!) : "");
    say(notice, model.get("notice"));
    bar.show(scale, map?.meta.quantity ?? "value", remarkOf(map, model, remark));
    bar.element.hidden = view.element.hidden = !model.get("overlay");
    view.offer({
      map: !!map,
      picture: !!picture,
      signed: map?.signed ?? false,
      reducible: map?.reducible ?? false,
      superpixels: segments && segments.count,
      clip: map ? automaticClip(map) : 100,
      scale,
    });
    if (!scene) return;
    sheet.style.setProperty("--nbx-aspect", `${scene.width} / ${scene.height}`);
    const opacity = mode === "map" ? 1 : model.get("opacity");
    const fade = model.get("fade") && mode === "overlay";
    stage.draw({
      scene: { width: scene.width, height: scene.height },
      picture: mode === "map" ? null : picture,
      map: map && !segments ? map.grid : null,
      superpixels: segments && superpixelsOf(model, segments, { map, scale, opacity, fade }),
      scale,
      opacity,
      fade,
      smooth: model.get("interpolation") === "bilinear",
      view: group?.view ?? null,
    });
    stage.canvas.dataset.frame = String(map?.frame ?? 0);
    stage.canvas.dataset.channel = String(map?.channel ?? "");
    marks.draw();
  };

  /** The scale of the map, from its own values or those of all panes that share limits; returns what to say of it. */
  const measure = (seen: ShownMap | null): string => {
    const values = seen && (seen.depth?.values ?? seen.grid.values); // one scale for all slices
    const own = seen && knownExtent(values!, clipOf(model, seen));
    group?.reach(member, own && { extent: own, signed: seen.signed, quantity: seen.meta.quantity ?? "value" });
    const shared = link?.get("limits") === "shared" ? group?.limits(member) : undefined;
    scale = own && scaleOf(values!, lookOf(model, seen), shared?.extent ?? own);
    return shared?.remark ?? "";
  };

  const redraw = coalesced(draw);
  const member: Member = {
    viewed: redraw,
    pointed: () => marks.point(group?.pointer ?? null),
    reached: () => void (link?.get("limits") === "shared" && redraw()),
  };
  const attach = (name: "picture" | "overlay" | "detail" | "segments", keep: (array: AnyModel<ArrayState> | null) => void): void =>
    follow<ArrayState>(model, name, { host, signal }, (array, until) => {
      keep(array);
      if (array) listen(array, ["change:frame"], redraw, until);
      redraw();
    });
  attach("picture", (array) => (pictureModel = array));
  attach("overlay", (array) => (overlay = array));
  attach("detail", (array) => (detail = array));
  attach("segments", (array) => (labels = array));
  follow<ControlsState>(model, "controls", { host, signal }, (selection, until) => {
    controls = selection;
    const follows = (): void => void (model.get("follow_channel") && redraw());
    if (selection) listen(selection, ["change:channel"], follows, until);
    if (selection) listen(selection, ["change:cell", "change:over"], marks.draw, until);
    redraw();
  });
  follow<PaneLinkState>(model, "link", { host, signal }, (found, until) => {
    link = found;
    group = found && joinGroup(model.get("link")!, member, until);
    if (found) listen(found, ["change:limits"], redraw, until);
    redraw();
  });
  listen(model, DRAWN, redraw, signal);
  listen(model, MARKED, marks.draw, signal);
  followKernel(model, signal, (kernel) => {
    answers = kernel.reachable;
    marks.draw();
  });
  stage.watch(draw, signal);
  const pointed = (at: Point | null): void => (group ? group.point(at) : marks.point(at));
  marks.followKeys(pointed);
  moveStage(stage, {
    moved: () => (group ? group.show(inParts(stage.view, stage.scene)) : redraw()),
    pointed,
    clicked: marks.pickAt,
  });
}

export default { render };
