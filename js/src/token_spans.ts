/** Where a feature is in the text: [start, end) in UTF-16 units, as JavaScript counts. */
export type Span = [number, number];

/** A stretch of the running text; `feature` is -1 between features. A chip shows a feature that has no text of its own. */
export interface Piece {
  feature: number;
  text: string;
  chip: boolean;
}

const LOST: Span = [-1, -1];

/**
 * The text cut where features begin and end, in reading order, whatever order the spans are in. Where spans overlap the
 * earlier keeps the text; what is left without any is a chip, if it has a name.
 */
export function piecesOf(text: string, spans: readonly Span[], names: readonly string[]): Piece[] {
  const order = spans.map((_, feature) => feature).filter((feature) => spans[feature]![0] >= 0);
  order.sort((a, b) => spans[a]![0] - spans[b]![0] || spans[a]![1] - spans[b]![1] || a - b);
  const pieces: Piece[] = [];
  let at = 0;
  const between = (to: number): void => {
    if (to > at) pieces.push({ feature: -1, text: text.slice(at, to), chip: false });
    at = Math.max(at, to);
  };
  for (const feature of order) {
    const [start, end] = spans[feature]!.map((place) => Math.min(place, text.length)) as Span;
    if (end > Math.max(start, at)) {
      between(start);
      pieces.push({ feature, text: text.slice(at, end), chip: false });
      at = end;
    } else if (names[feature]) {
      between(start);
      pieces.push({ feature, text: names[feature], chip: true });
    }
  }
  between(text.length);
  return pieces;
}

/** Where the spans of one text are in another that begins and ends as the first does; [-1, -1] for what was replaced. */
export function carriedSpans(before: string, after: string, spans: readonly Span[]): Span[] {
  const shorter = Math.min(before.length, after.length);
  let [head, tail] = [0, 0];
  while (head < shorter && before[head] === after[head]) head++;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const moved = after.length - before.length;
  return spans.map(([start, end]) => {
    if (end <= head) return [start, end];
    return start >= before.length - tail ? [start + moved, end + moved] : LOST;
  });
}

/** The weights of one text's features for those of another text: NaN where none of them was there before. */
export function carriedWeights(weights: Float32Array, carried: readonly Span[], spans: readonly Span[]): Float32Array {
  const known = new Map(carried.map((span, feature) => [span.join(), weights[feature]!]));
  return Float32Array.from(spans, (span) => known.get(span.join()) ?? NaN);
}
