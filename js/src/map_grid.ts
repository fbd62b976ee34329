import type { AnyModel, RenderProps } from "@anywidget/types";
import { COLORMAPS } from "./colormap";
import { colourBar } from "./colour_bar";
import type { ControlsState } from "./controls";
import { coalesced, h, keepKeys, labelled, option, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";
import { follow, listen } from "./link";
import { GAP, gridLayout, type GridLayout, placeOf, stepTo, thumbAt } from "./map_layout";
import { drawThumbs, isDead, type Maps, mapsOf, scaleFor } from "./map_thumbs";
import { patientSave } from "./selection";
import type { ArrayState } from "./wire";

/** The traits of `MapGrid` in nbexplain/widgets/map_grid.py. */
export interface MapGridState {
  array: string | null;
  controls: string | null;
  title: string;
  notice: string;
  limits: "own" | "shared";
  colormap: string;
}

const EVENTS = ["title", "notice", "limits", "colormap"].map((name) => `change:${name}`);

function render({ model, el, host, signal }: RenderProps<MapGridState>): void {
  const title = h("span", { class: "nbx-title" });
  const subtitle = h("span", { class: "nbx-subtitle" });
  const canvas = h("canvas", { class: "nbx-canvas", role: "slider", tabindex: "0", "aria-label": "Channel", ...OWN_KEYS });
  const frame = h("div", { class: "nbx-frame" });
  const space = h("div", { class: "nbx-grid-space" }, frame);
  const scroller = h("div", { class: "nbx-grid-scroll" }, canvas, space);
  const notice = h("div", { class: "nbx-notice", role: "note" });
  const readout = h("div", { class: "nbx-readout" });
  const bar = colourBar();
  const limits = labelled("Limits", choice(model, "limits", ["own", "shared"], signal));
  const colours = labelled("Colours", choice(model, "colormap", ["auto", ...COLORMAPS], signal));
  const area = h("div", { class: "nbx-grid-area" }, scroller, notice);
  el.classList.add("nbx-pane", "nbx-map-grid");
  el.replaceChildren(
    h("div", { class: "nbx-head" }, title, subtitle),
    area,
    readout,
    bar.element,
    h("div", { class: "nbx-view nbx-grid-view" }, limits, colours),
  );
  keepKeys(el);

  let array: AnyModel<ArrayState> | null = null;
  let controls: AnyModel<ControlsState> | null = null;
  let save = (): void => {};
  let maps: Maps | null = null;
  let layout: GridLayout = gridLayout(0, 1, { width: 1, height: 1 });
  let hovered = -1;
  // Kept, since asking the page in the middle of a change makes it lay itself out at once.
  let [top, room] = [0, 0];

  const count = (): number => maps?.planes.length ?? 0;
  const selected = (): number => Math.max(0, Math.min(controls?.get("channel") ?? 0, count() - 1));
  const look = () => ({ shared: model.get("limits") === "shared", colormap: model.get("colormap") });

  const thumbs = (): void => {
    if (maps && canvas.width) drawThumbs(canvas, maps, look(), layout, top);
  };

  const draw = (): void => {
    maps = mapsOf(array);
    say(title, model.get("title") || maps?.meta.title || "");
    say(notice, model.get("notice"));
    const width = scroller.clientWidth;
    room = area.clientHeight;
    if (maps && width && room) {
      layout = gridLayout(count(), maps.width / maps.height, { width, height: room });
      fit(canvas, width, room);
      canvas.style.marginBottom = `${-room}px`;
      space.style.height = `${Math.max(layout.height, room)}px`;
      top = scroller.scrollTop;
      thumbs();
      canvas.dataset.frame = String(maps.frame);
    }
    select();
  };

  const select = (): void => {
    const channel = selected();
    frame.hidden = !maps;
    if (!maps) return;
    const { x, y } = placeOf(channel, layout);
    frame.style.transform = `translate(${x}px, ${y}px)`;
    frame.style.width = `${layout.thumb.width}px`;
    frame.style.height = `${layout.thumb.height}px`;
    const bottom = y + layout.thumb.height;
    if (y < top) scroller.scrollTop = y;
    else if (bottom > top + room) scroller.scrollTop = bottom - room + GAP;
    canvas.dataset.selected = String(channel);
    canvas.ariaValueMin = "0";
    canvas.ariaValueMax = String(count() - 1);
    canvas.ariaValueNow = String(channel);
    canvas.ariaValueText = reading(maps, channel);
    say(subtitle, `channel ${channel} of ${count()}`);
    const quantity = maps.meta.quantity ?? "value";
    bar.show(scaleFor(maps, channel, look()), quantity, look().shared ? "shared limits" : "own limits");
    read();
  };

  const read = (): void => {
    readout.classList.toggle("nbx-rest", hovered < 0);
    say(readout, !maps ? "" : hovered < 0 ? atRest(maps) : reading(maps, hovered));
  };
  const choose = (channel: number): void => {
    if (!controls || channel < 0) return;
    controls.set("channel", channel);
    save();
  };
  const under = (event: MouseEvent): number => {
    const box = scroller.getBoundingClientRect();
    return thumbAt(event.clientX - box.left, event.clientY - box.top + scroller.scrollTop, count(), layout);
  };

  canvas.addEventListener("pointermove", (event) => {
    hovered = under(event);
    canvas.classList.toggle("nbx-over", hovered >= 0);
    read();
  });
  canvas.addEventListener("pointerleave", () => {
    hovered = -1;
    read();
  });
  canvas.addEventListener("click", (event) => {
    choose(under(event));
    canvas.focus({ preventScroll: true });
  });
  canvas.addEventListener("keydown", (event) => {
    const next = stepTo(event.key, selected(), count(), layout.columns);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(next);
  });
  scroller.addEventListener("scroll", () => {
    top = scroller.scrollTop;
    thumbs();
  });

  const redraw = coalesced(draw);
  const observer = new ResizeObserver(draw);
  for (const element of [area, space]) observer.observe(element); // a scroll bar narrows the space alone
  signal.addEventListener("abort", () => observer.disconnect());
  follow<ArrayState>(model, "array", { host, signal }, (found, until) => {
    array = found;
    if (found) listen(found, ["change:frame"], redraw, until);
    redraw();
  });
  follow<ControlsState>(model, "controls", { host, signal }, (found, until) => {
    controls = found;
    if (found) {
      save = patientSave(found, until);
      listen(found, ["change:channel"], select, until);
    }
    select();
  });
  listen(model, EVENTS, redraw, signal);
}

function choice(model: AnyModel<MapGridState>, name: "limits" | "colormap", values: string[], signal: AbortSignal) {
  const select = h("select", OWN_KEYS, ...values.map((value) => option(value, value)));
  const show = (): void => void (select.value = model.get(name));
  select.addEventListener("change", () => {
    model.set(name, select.value);
    model.save_changes();
  });
  listen(model, [`change:${name}`], show, signal);
  show();
  return select;
}

function fit(canvas: HTMLCanvasElement, width: number, height: number): void {
  const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

function atRest({ planes, width, height, dead }: Maps): string {
  const size = `${planes.length} channels of ${width} × ${height}`;
  return dead ? `${size}, ${dead} constant` : size;
}

function reading(maps: Maps, channel: number): string {
  const [low, high] = [maps.low[channel] ?? NaN, maps.high[channel] ?? NaN];
  if (Number.isNaN(low)) return `channel ${channel}   no values`;
  if (isDead(maps, channel)) return `channel ${channel}   ${rounded(low)} everywhere`;
  return `channel ${channel}   ${rounded(low)} … ${rounded(high)}`;
}

export default { render };
