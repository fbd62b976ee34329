import { say } from "./dom";

/** Writes the longest of several versions of some names, of which none is cut where it stands; the last if all are. */
export function fitNames(heads: HTMLElement[], levels: string[][], isCut: (head: HTMLElement) => boolean): void {
  for (const names of levels) {
    heads.forEach((head, i) => say(head, names[i] ?? ""));
    if (!heads.some(isCut)) return;
  }
}

export const tooWide = (box: HTMLElement): boolean => box.scrollWidth > box.clientWidth;
export const tooHigh = (box: HTMLElement): boolean => box.scrollHeight > box.clientHeight;
