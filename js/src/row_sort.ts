import type { TableRow } from "./row_table";

/** How a table is sorted: by its labels (column −1) or by a column, or as given. */
export interface Sorting {
  column: number;
  direction: "ascending" | "descending" | "none";
}

const NEXT = { none: "ascending", ascending: "descending", descending: "none" } as const;
const collator = new Intl.Collator(undefined, { numeric: true });

/** What a click on a heading makes of a sorting. */
export function sortedNext(sorting: Sorting, column: number): Sorting {
  return { column, direction: NEXT[sorting.column === column ? sorting.direction : "none"] };
}

/** A number that is written in a cell, or NaN. */
export function readNumber(text: string): number {
  const plain = text.trim().replace(/^[−–]/, "-").replace(/e−/, "e-").replace(/,(?=\d{3})/g, "").replace(/\s*%$/, "");
  return plain === "" ? NaN : Number(plain);
}

function numberOf(row: TableRow, column: number): number {
  if (row.numbers) return row.numbers[column] ?? NaN;
  return readNumber(row.cells[column] ?? "");
}

/** Whether a column holds numbers: at least one, and in each other row one or nothing but a word for none. */
export function isNumeric(rows: TableRow[], column: number): boolean {
  if (column < 0) return false;
  const some = rows.some((row) => !Number.isNaN(numberOf(row, column)));
  const empty = (row: TableRow): boolean => ["", "–", "missing"].includes(row.cells[column]?.trim() ?? "");
  return some && rows.every((row) => row.numbers || !Number.isNaN(numberOf(row, column)) || empty(row));
}

/** The positions of the rows in the order in which they are shown. What has no number comes last either way. */
export function sortedRows(rows: TableRow[], { column, direction }: Sorting): number[] {
  const order = rows.map((_, place) => place);
  if (direction === "none") return order;
  const sign = direction === "ascending" ? 1 : -1;
  if (isNumeric(rows, column)) {
    const numbers = rows.map((row) => numberOf(row, column));
    const last = (place: number): number => Number(Number.isNaN(numbers[place]));
    return order.sort((a, b) => last(a) - last(b) || (last(a) ? 0 : sign * (numbers[a]! - numbers[b]!)));
  }
  const texts = rows.map((row) => (column < 0 ? row.label : (row.cells[column] ?? "")));
  return order.sort((a, b) => sign * collator.compare(texts[a]!, texts[b]!));
}
