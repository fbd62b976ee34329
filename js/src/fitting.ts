import { say } from "./dom";

/** Writes the longest of several versions of some names, of which none is cut where it stands; the last if all are. */
export function fitNames(heads: HTMLElement[], levels: string[][], isCut: (head: HTMLElement) => boolean): void {
  for (const names of levels) {
    heads.forEach((head, i) => say(head, names[i] ?? ""));
    if (!heads.some(isCut)) return;
  }
}

/** Writes of each name the longest of its versions that is not cut where it stands; the last if all are. */
export function fitEach(heads: HTMLElement[], versions: string[][], isCut: (head: HTMLElement) => boolean): void {
  let left = heads.map((_, i) => i);
  for (let level = 0; left.length; level++) { // all are written before one is measured: the page is laid out once
    for (const i of left) say(heads[i]!, versions[i]![level]!);
    left = left.filter((i) => level + 1 < versions[i]!.length && isCut(heads[i]!));
  }
}

export const tooWide = (box: HTMLElement): boolean => box.scrollWidth > box.clientWidth;
export const tooHigh = (box: HTMLElement): boolean => box.scrollHeight > box.clientHeight;
