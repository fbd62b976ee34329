import type { ShownMap } from "./image_map";
import { superpixelReading } from "./image_words";
import { labelAt, outlineOf, type Segments } from "./segments";
import { type Edges, partsOf } from "./stage_marks";
import type { Point } from "./zoom";

/** The superpixel at a place: what is said of it, and the lines around it in parts of the scene. */
export interface SuperpixelMark {
  said: string;
  lines: Edges;
}

/** Finds superpixels; the lines are kept, since a pointer moves many times within one. */
export function superpixelMarks() {
  let kept = { segments: null as Segments | null, label: -1, lines: [] as Edges };
  return (at: Point | null, segments: Segments | null, map: ShownMap | null): SuperpixelMark | null => {
    const label = at && segments && labelAt(at, segments);
    if (label === null || !segments) return null;
    if (kept.segments !== segments || kept.label !== label) {
      kept = { segments, label, lines: partsOf(outlineOf(segments, label), segments) };
    }
    return { said: superpixelReading(label, segments, map), lines: kept.lines };
  };
}
