/** The token that a key leads to, or null for other keys. Left and right are those of the eye, whichever way the text runs. */
export function stepFrom(key: string, at: number, tokens: readonly HTMLElement[], line: HTMLElement): number | null {
  const last = tokens.length - 1;
  const forward = getComputedStyle(line).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
  switch (key) {
    case "Home":
      return 0;
    case "End":
      return last;
    case "ArrowLeft":
    case "ArrowRight":
      return Math.max(0, Math.min(last, at + (key === forward ? 1 : -1)));
    case "ArrowDown":
      return lineFrom(at, 1, tokens);
    case "ArrowUp":
      return lineFrom(at, -1, tokens);
    default:
      return null;
  }
}

/** The token of the next line, or the one before, that is nearest to this one; this one itself at either end. */
function lineFrom(at: number, step: 1 | -1, tokens: readonly HTMLElement[]): number {
  const box = (i: number): DOMRect => tokens[i]!.getClientRects()[0] ?? tokens[i]!.getBoundingClientRect();
  const here = box(at);
  const off = (one: DOMRect, other: DOMRect): boolean => one.top >= other.bottom - 2 || one.bottom <= other.top + 2;
  let to = at + step;
  while (tokens[to] && !off(box(to), here)) to += step;
  if (!tokens[to]) return at;
  const row = box(to);
  const away = (i: number): number => Math.abs((box(i).left + box(i).right - here.left - here.right) / 2);
  let nearest = to;
  for (let i = to; tokens[i] && !off(box(i), row); i += step) if (away(i) < away(nearest)) nearest = i;
  return nearest;
}
