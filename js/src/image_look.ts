import type { AnyModel } from "@anywidget/types";
import type { ShownMap } from "./image_map";
import type { ImagePaneState } from "./image_pane";
import type { Look, Scale } from "./scale";
import { type Segments, shownOf } from "./segments";
import type { Superpixels } from "./superpixel_layer";

type Pane = AnyModel<ImagePaneState>;

export function lookOf(model: Pane, map: ShownMap): Look {
  const [sign, limits, colormap] = [model.get("sign"), model.get("limits"), model.get("colormap")];
  return { signed: map.signed, sign, clip: clipOf(model, map), limits, colormap };
}

/** A few pixels of a map with a value per pixel are far larger than all others: they would leave the rest invisible. */
export function automaticClip(map: ShownMap): number {
  return map.meta.on === "pixels" ? 99 : 100;
}

export function clipOf(model: Pane, map: ShownMap): number {
  return model.get("clip") || automaticClip(map);
}

/** What was done to the colours; `shared` is said of limits that other panes have a part in. */
export function remarkOf(map: ShownMap | null, model: Pane, shared: string): string {
  const remarks = [];
  if (model.get("limits").length === 2) remarks.push("locked");
  else if (shared) remarks.push(shared);
  else if (map && clipOf(model, map) < 100) remarks.push(`clipped at p${clipOf(model, map)}`);
  if (map?.signed && model.get("sign") !== "both") remarks.push(model.get("sign"));
  if (map?.meta.note) remarks.push(map.meta.note);
  return remarks.join(" · ");
}

/** How superpixels are drawn; without a map or a scale, their borders alone. */
export function superpixelsOf(
  model: Pane,
  segments: Segments,
  { map, scale, opacity, fade }: { map: ShownMap | null; scale: Scale | null; opacity: number; fade: boolean },
): Superpixels {
  const shown = shownOf(model.get("top"), segments.count);
  const known = map?.features && scale;
  const weights = known ? { values: map.grid.values, ranks: map.features!.ranks, shown, scale } : null;
  return { segments, weights, opacity, fade, borders: model.get("borders"), hideRest: model.get("hide_rest") };
}
