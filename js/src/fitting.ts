import { coalesced, say } from "./dom";

/** Writes the longest of several versions of some names, of which none is cut where it stands; the last if all are. */
export function fitNames(heads: HTMLElement[], levels: string[][], isCut: (head: HTMLElement) => boolean): void {
  for (const names of levels) {
    heads.forEach((head, i) => say(head, names[i] ?? ""));
    if (!heads.some(isCut)) return;
  }
}

/** Writes of each name that is seen the longest of its versions that is not cut where it stands; the last if all are. */
export function fitEach(heads: HTMLElement[], versions: string[][], isCut: (head: HTMLElement) => boolean): void {
  let left = heads.map((_, i) => i).filter((i) => isLaidOut(heads[i]!));
  for (let level = 0; left.length; level++) { // all are written before one is measured: the page is laid out once
    for (const i of left) say(heads[i]!, versions[i]![level]!);
    left = left.filter((i) => level + 1 < versions[i]!.length && isCut(heads[i]!));
  }
}

/**
 * Fits when the size of the box changes, and when it is asked to. In a box that is hidden, as for a moment while
 * JupyterLab changes its theme, nothing would be cut: names stay as they are until it is seen again.
 */
export function fitting(box: HTMLElement, fit: () => void, signal: AbortSignal): () => void {
  const fitNow = (): void => {
    if (isLaidOut(box)) return fit();
    observer.unobserve(box);
    observer.observe(box); // it tells of the next size then, even if it is the one of before
  };
  const observer = new ResizeObserver(coalesced(fitNow));
  observer.observe(box);
  signal.addEventListener("abort", () => observer.disconnect());
  return fitNow;
}

export const isLaidOut = (box: HTMLElement): boolean => box.getClientRects().length > 0;
export const tooWide = (box: HTMLElement): boolean => box.scrollWidth > box.clientWidth;
export const tooHigh = (box: HTMLElement): boolean => box.scrollHeight > box.clientHeight;
