import type { AnyModel, RenderProps } from "@anywidget/types";
import { colourBar } from "./colour_bar";
import type { ControlsState } from "./controls";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { follow, listen } from "./link";
import { displayOrder, GAP, gridLayout, type GridLayout, type Order, placeOf, stepTo, thumbAt } from "./map_layout";
import { drawThumbs, type Maps, mapsOf, scaleFor, scrollThumbs, type Thumbs } from "./map_thumbs";
import { mapControls } from "./map_view";
import { atRest, reading } from "./map_words";
import { joinGroup, type PaneGroup } from "./pane_group";
import type { PaneLinkState } from "./pane_link";
import { patientSave } from "./selection";
import type { ArrayState } from "./wire";

/** The traits of `MapGrid` in nbexplain/widgets/map_grid.py. */
export interface MapGridState {
  array: string | null;
  controls: string | null;
  link: string | null;
  title: string;
  notice: string;
  sorts: MapGridState["sort"][];
  order: number[];
  sort_keys: (number | null)[];
  dead: number[];
  dead_note: string;
  limits: "own" | "shared";
  colormap: string;
  sort: "number" | "activation" | "evidence" | "sparsity";
}

const TRAITS = ["title", "notice", "limits", "colormap", "sort", "order", "sort_keys", "dead", "dead_note"];
const EVENTS = TRAITS.map((name) => `change:${name}`);
/** Pixels that the thumbnails may take of a page that leaves the height to the pane. */
const TALLEST = 320;

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
  const area = h("div", { class: "nbx-grid-area" }, scroller, notice);
  el.classList.add("nbx-pane", "nbx-map-grid");
  el.role = "group";
  el.replaceChildren(
    h("div", { class: "nbx-head" }, title, subtitle),
    area,
    readout,
    bar.element,
    mapControls(model, signal),
  );
  keepKeys(el);

  let array: AnyModel<ArrayState> | null = null;
  let controls: AnyModel<ControlsState> | null = null;
  let save = (): void => {};
  let group: PaneGroup | null = null;
  let maps: Maps | null = null;
  let layout: GridLayout = gridLayout(0, 1, { width: 1, height: 1 });
  let order: Order = displayOrder([], 0);
  let dead: ReadonlySet<number> = new Set();
  let hovered = -1;
  // Kept, since asking the page in the middle of a change makes it lay itself out at once.
  let [top, room] = [0, 0];

  const count = (): number => maps?.planes.length ?? 0;
  const selected = (): number => Math.max(0, Math.min(controls?.get("channel") ?? 0, count() - 1));
  const look = (): Thumbs => {
    const shared = model.get("limits") === "shared";
    return { shared, colormap: model.get("colormap"), layout, channels: order.channels, dead };
  };

  const draw = (): void => {
    maps = mapsOf(array, group?.part);
    say(title, model.get("title") || maps?.meta.title || "");
    el.ariaLabel = title.textContent || null;
    say(notice, model.get("notice"));
    order = displayOrder(model.get("order"), count());
    dead = new Set(model.get("dead"));
    const width = scroller.clientWidth;
    if (maps && width) {
      layout = gridLayout(count(), maps.width / maps.height, { width, height: Math.max(TALLEST, area.clientHeight) });
      // As tall as the thumbnails need, and taller only where the neighbours are.
      area.style.flexBasis = `${Math.min(TALLEST, layout.height)}px`;
      room = area.clientHeight;
      fit(canvas, width, room);
      canvas.style.marginBottom = `${-room}px`;
      space.style.height = `${Math.max(layout.height, room)}px`;
      top = scroller.scrollTop;
      drawThumbs(canvas, maps, look(), top);
      canvas.dataset.frame = String(maps.frame);
    }
    select();
  };

  const select = (): void => {
    const channel = selected();
    frame.hidden = !maps;
    if (!maps) return;
    const { x, y } = placeOf(order.places[channel]!, layout);
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
    canvas.ariaValueText = readingOf(maps, channel);
    say(subtitle, `channel ${channel} of ${count()}`);
    const quantity = maps.meta.quantity ?? "value";
    bar.show(scaleFor(maps, channel, look()), quantity, look().shared ? "shared limits" : "own limits");
    read();
  };

  const readingOf = (of: Maps, channel: number): string => {
    const note = dead.has(channel) ? `dead (${model.get("dead_note") || "over all inputs"})` : "";
    return reading(of, channel, model.get("sort"), model.get("sort_keys")[channel], note);
  };
  const read = (): void => {
    readout.classList.toggle("nbx-rest", hovered < 0);
    say(readout, !maps ? "" : hovered < 0 ? atRest(maps, model.get("dead_note")) : readingOf(maps, hovered));
    readout.title = readout.textContent!;
    readout.dataset.lines = model.get("dead_note") ? "2" : "1";
  };
  const choose = (channel: number): void => {
    if (!controls || channel < 0) return;
    controls.set("channel", channel);
    save();
  };
  const under = (event: MouseEvent): number => {
    const box = scroller.getBoundingClientRect();
    const place = thumbAt(event.clientX - box.left, event.clientY - box.top + scroller.scrollTop, count(), layout);
    return place < 0 ? -1 : order.channels[place]!;
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
    const next = stepTo(event.key, order.places[selected()] ?? 0, count(), layout.columns);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(order.channels[next] ?? -1);
  });
  scroller.addEventListener("scroll", () => {
    const before = top;
    top = scroller.scrollTop;
    if (maps) scrollThumbs(canvas, maps, look(), before, top);
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
  const slid = (): void => void (maps?.slice && mapsOf(array, group?.part) !== maps && redraw());
  follow<PaneLinkState>(model, "link", { host, signal }, (found, until) => {
    group = found && joinGroup(model.get("link")!, { viewed: slid, pointed() {}, reached() {} }, until);
    slid();
  });
  listen(model, EVENTS, redraw, signal);
}

function fit(canvas: HTMLCanvasElement, width: number, height: number): void {
  const [across, down] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}

export default { render };
