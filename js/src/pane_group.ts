import type { Extent } from "./scale";
import type { Point, View } from "./zoom";

/** What a pane tells the others of its map. */
export interface Reach {
  extent: Extent;
  signed: boolean;
  quantity: string;
}

/** What a pane does when another pane of its group has moved. */
export interface Member {
  viewed(): void;
  pointed(): void;
  reached(): void;
}

export interface SharedLimits {
  /** Of all maps that share the colours, or null where the pane keeps its own. */
  extent: Extent | null;
  remark: string;
}

/** What the panes of one `PaneLink` share. It lives in the page alone, so that no hand that moves sends a message. */
export class PaneGroup {
  /** In parts of each pane's scene; null is the whole scene. */
  view: View | null = null;
  pointer: Point | null = null;
  /** Where volumes are cut, in parts of their depth; null is the middle. */
  part: number | null = null;
  readonly #reaches = new Map<Member, Reach | null>();

  join(member: Member, signal: AbortSignal, emptied: () => void): void {
    this.#reaches.set(member, null);
    signal.addEventListener("abort", () => {
      this.reach(member, null);
      this.#reaches.delete(member);
      if (!this.#reaches.size) emptied();
    });
  }

  show(view: View | null): void {
    this.view = view;
    for (const member of this.#reaches.keys()) member.viewed();
  }

  slide(part: number): void {
    if (part === this.part) return;
    this.part = part;
    for (const member of this.#reaches.keys()) member.viewed();
  }

  point(at: Point | null): void {
    this.pointer = at;
    for (const member of this.#reaches.keys()) member.pointed();
  }

  /** Keeps how far a pane's map reaches; the others hear of it if it has changed. */
  reach(member: Member, reach: Reach | null): void {
    const same = JSON.stringify(this.#reaches.get(member)) === JSON.stringify(reach);
    this.#reaches.set(member, reach);
    if (same) return;
    for (const other of this.#reaches.keys()) if (other !== member) other.reached();
  }

  /** The limits of all maps of the pane's quantity, with or without a sign as its own: unlike numbers must not look alike. */
  limits(member: Member): SharedLimits {
    const mine = this.#reaches.get(member);
    const all = [...this.#reaches.values()].filter((reach) => reach !== null);
    if (!mine || all.length < 2) return { extent: null, remark: "" };
    const alike = all.filter(({ quantity, signed }) => quantity === mine.quantity && signed === mine.signed);
    if (alike.length < 2) return { extent: null, remark: "own limits: other quantity" };
    const extent = {
      least: Math.min(...alike.map((reach) => reach.extent.least)),
      largest: Math.max(...alike.map((reach) => reach.extent.largest)),
    };
    return { extent, remark: alike.length === all.length ? "shared limits" : `limits of ${alike.length} maps` };
  }
}

const page = globalThis as { [key: symbol]: Map<string, PaneGroup> | undefined };

/** The group of a link's panes, of which each is a module of its own, until `signal` ends. */
export function joinGroup(link: string, member: Member, signal: AbortSignal): PaneGroup {
  const groups = (page[Symbol.for("nbexplain.groups.1")] ??= new Map());
  const group = groups.get(link) ?? new PaneGroup();
  groups.set(link, group);
  group.join(member, signal, () => groups.delete(link));
  return group;
}
