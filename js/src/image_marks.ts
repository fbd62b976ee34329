import type { AnyModel } from "@anywidget/types";
import { type Cell, cellAt, isIn, isInside, pickWithKeys } from "./cell_pick";
import type { ControlsState } from "./controls";
import { h, say } from "./dom";
import type { ShownMap } from "./image_map";
import type { ImagePaneState } from "./image_pane";
import { type Slice, sliceReading } from "./image_pane/slices";
import { cellReading, describe, partsReading, reading, sizeReading } from "./image_words";
import type { Scale } from "./scale";
import type { Segments } from "./segments";
import type { Stage } from "./stage";
import { partsOf, stageMarks } from "./stage_marks";
import { readWithKeys } from "./superpixel_keys";
import { superpixelMarks } from "./superpixel_marks";
import type { Point, Size } from "./zoom";

/** What a pane shows at the moment. */
export interface Shown {
  title: string;
  map: ShownMap | null;
  segments: Segments | null;
  /** How many superpixels are painted. */
  painted: number;
  scale: Scale | null;
  /** Of the picture as the network saw it. */
  size: Size | null;
  slice: Slice | null;
  controls: AnyModel<ControlsState> | null;
  /** Where the pointer is in one of the panes that share it, in parts of the scene. */
  pointer: Point | null;
  /** Whether there is a kernel that can say more of a cell. */
  answers: boolean;
}

/** What is marked over the canvas, the chosen cell, a superpixel and others, and what read-out and label say of it. */
export function imageMarks(model: AnyModel<ImagePaneState>, stage: Stage, shown: () => Shown) {
  const layer = stageMarks();
  const readout = h("div", { class: "nbx-readout" });
  const superpixelAt = superpixelMarks();
  let pointed: Point | null = null;

  /** The grid whose cells can be chosen and are marked, if the map is one. */
  const grid = (): Size | null => {
    const { map, controls } = shown();
    const takesPart = controls && (model.get("pick") || model.get("follow_channel"));
    return takesPart && map?.meta.on === "grid" && !map.depth ? map.cells : null;
  };
  const pickable = (): Size | null => (model.get("pick") && shown().answers ? grid() : null);
  /** The map of scores in which a click chooses the place that is explained. */
  const aimed = (): Size | null => {
    const [height = 0, width = 0] = model.get("pick") ? [] : (model.get("aim") ?? []);
    return height && shown().controls ? { width, height } : null;
  };
  const open = (): Size | null => pickable() ?? (shown().answers ? aimed() : null);
  const chosen = (): Cell => {
    const { controls } = shown();
    return (aimed() ? placeOf(controls?.get("over") ?? "") : controls?.get("cell")) ?? [];
  };
  const choose = (cell: Cell): void => {
    const { controls } = shown();
    if (aimed()) controls?.set("over", cell.length ? cell.join() : "predicted");
    else controls?.set("cell", cell);
    controls?.save_changes();
  };

  const draw = (): void => {
    const { title, map, segments, painted, scale, pointer, size, slice } = shown();
    const [cells, frame, note] = [aimed() ?? grid(), model.get("frame"), model.get("frame_note")];
    const [row = 0, column = 0] = chosen();
    const seen = cells && isIn(chosen(), cells) ? cells : null;
    const cell = seen && partsOf([column, row, column + 1, row + 1], seen);
    const found = superpixelAt(pointed, segments, map);
    const superpixel = found && found.lines;
    const framed = size && frame.length ? partsOf(frame, size) : null;
    layer.draw({ cell, superpixel, frame: framed, pointer }, stage.canvas, stage.place());
    const said = seen && map && !aimed() ? cellReading({ x: (column + 0.5) / seen.width, y: (row + 0.5) / seen.height }, map) : "";
    const heard = stage.canvas.matches(":focus") && found ? found.said : "";
    const marked = [slice && sliceReading(slice), said.replace(/ {2,}/, ": "), note, heard].filter(Boolean).join(", ");
    stage.canvas.ariaLabel = describe(title, map, scale, partsReading(map, segments, painted), marked);
    stage.canvas.dataset.cell = seen ? `${row},${column}` : "";
    stage.canvas.classList.toggle("nbx-pickable", !!open());
    readout.dataset.lines = String(1 + Number(model.get("pick") || !!aimed() || !!segments) + Number(!!note));
    readout.title = note;
    read(said, note, found?.said ?? "");
  };

  const read = (cell: string, note: string, superpixel: string): void => {
    const { map, segments, painted, size, slice } = shown();
    const at = pointed && isInside(pointed) ? pointed : null;
    const cells = segments
      ? partsReading(map, segments, painted)
      : map && sizeReading(map, stage.scene, model.get("interpolation"), model.get("reduction"));
    const offer = pickable() ? "\na click chooses a cell" : open() ? "\na click chooses the place that is explained" : "";
    const rest = cell || note || !cells ? "" : `${cells}${offer}`;
    readout.classList.toggle("nbx-rest", !at);
    const here = superpixel.replace(" ± ", "\u00a0±\u00a0"); // a line may end elsewhere
    say(readout, at ? here || reading(at, map, size, slice) : [cell, note, rest].filter(Boolean).join("\n"));
  };

  return {
    element: layer.element,
    readout,
    draw,
    point(at: Point | null): void {
      pointed = at;
      draw();
    },
    pickAt(at: Point): void {
      const cells = open();
      const cell = cells ? cellAt(at, cells) : [];
      if (cell.length) choose(cell);
    },
    /** What the keys of the canvas choose and read; `point` hears of the places that are read. */
    followKeys(point: (at: Point | null) => void): void {
      const middle = (): Point => stage.middle();
      pickWithKeys(stage.canvas, { grid: open, middle, chosen, choose });
      readWithKeys(stage.canvas, { segments: () => shown().segments, middle, at: () => pointed, read: point });
    },
  };
}

/** The place `"row,column"` or `"column"` of a map of scores, or `[]` where it is none. */
function placeOf(over: string): Cell {
  const place = over.split(",").map((at) => (/^\d+$/.test(at) ? Number(at) : NaN));
  if (place.some(Number.isNaN)) return [];
  return place.length === 1 ? [0, ...place] : place;
}
