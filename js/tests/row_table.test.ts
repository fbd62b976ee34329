import { afterEach, beforeEach, expect, test } from "vitest";
import { isNumeric, readNumber, sortedRows } from "../src/row_sort";
import rowTableModule, { type RowTableState, type TableRow } from "../src/row_table";
import { fakeHost, FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=true">';
const ROWS: TableRow[] = [
  { label: "row 2", cells: ["0.5", "Dream"], marks: [1] },
  { label: "row 10", cells: ["−3", "Biscoe"], tone: "strong" },
  { label: "row 1", cells: ["–", EVIL] },
  { label: EVIL, cells: ["1,200", "apple"] },
];
const STATE: RowTableState = {
  title: "Nearest rows",
  corner: "row",
  columns: ["distance", "island"],
  rows: ROWS,
  chosen: -1,
  choosable: true,
  note: "",
};

let model: FakeModel<RowTableState>;
let el: HTMLElement;
let ending: AbortController;

beforeEach(() => {
  model = new FakeModel(STATE);
  el = document.createElement("div");
  document.body.append(el);
  ending = new AbortController();
  const [host, experimental] = [fakeHost(() => undefined), undefined as never];
  void rowTableModule.render({ model: model.any as never, el, host, signal: ending.signal, experimental });
});

afterEach(() => {
  ending.abort();
  el.remove();
  expect(model.heard).toBe(0);
  expect("broken" in window).toBe(false);
  expect(el.querySelector("img")).toBeNull();
});

const lines = (): HTMLTableRowElement[] => [...el.querySelectorAll<HTMLTableRowElement>("tbody tr")];
const labels = (): string[] => lines().map((line) => line.querySelector("th")!.textContent!);
const line = (label: string): HTMLTableRowElement => lines()[labels().indexOf(label)]!;
const headings = (): HTMLElement[] => [...el.querySelectorAll<HTMLElement>("thead th")];
const sort = (column: number): void => headings()[column]!.querySelector("button")!.click();
const key = (name: string): void =>
  void document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));

test("columns beyond the right edge are hinted at until they are reached", () => {
  const box = el.querySelector<HTMLElement>(".nbx-row-table-box")!;
  const scrolled = (left: number): boolean => {
    Object.defineProperties(box, {
      scrollWidth: { value: 900, configurable: true },
      clientWidth: { value: 600, configurable: true },
      scrollLeft: { value: left, configurable: true },
    });
    box.dispatchEvent(new Event("scroll"));
    return box.classList.contains("nbx-goes-on");
  };
  expect(box.classList.contains("nbx-goes-on")).toBe(false);
  expect([0, 120, 300].map(scrolled)).toEqual([true, true, false]);
});

test("texts are shown as they are, numbers on the right", () => {
  expect(labels()).toEqual(["row 2", "row 10", "row 1", EVIL]);
  expect(lines().map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent))).toEqual(ROWS.map(({ cells }) => cells));
  expect([...line("row 2").querySelectorAll("td")].map((cell) => cell.className)).toEqual(["nbx-right", ""]);
  expect([...el.querySelectorAll("strong")].map((strong) => strong.textContent)).toEqual(["Dream"]);
  expect(line("row 10").dataset.tone).toBe("strong");
  expect(el.querySelector("table")!.ariaLabel).toBe("Nearest rows");
});

test("a click on a heading sorts upwards, downwards, and as given again", () => {
  sort(1);
  expect(labels()).toEqual(["row 10", "row 2", EVIL, "row 1"]);
  expect(headings().map((heading) => heading.ariaSort)).toEqual(["none", "ascending", "none"]);
  sort(1);
  expect(labels()).toEqual([EVIL, "row 2", "row 10", "row 1"]);
  expect(headings().map((heading) => heading.ariaSort)).toEqual(["none", "descending", "none"]);
  sort(1);
  expect(labels()).toEqual(["row 2", "row 10", "row 1", EVIL]);
  sort(2);
  expect(lines().map((row) => row.cells[2]!.textContent)).toEqual([EVIL, "apple", "Biscoe", "Dream"]);
  sort(0);
  expect(labels()).toEqual([EVIL, "row 1", "row 2", "row 10"]);
});

test("the numbers behind the cells decide, where they are given", () => {
  const rows = [["a bit", 3], ["much", 100], ["none", null], ["less", -20]] as const;
  const given = rows.map(([text, number]): TableRow => ({ label: text, cells: [text], numbers: [number] }));
  expect(isNumeric(given, 0)).toBe(true);
  expect(sortedRows(given, { column: 0, direction: "ascending" })).toEqual([3, 0, 1, 2]);
  expect(sortedRows(given, { column: 0, direction: "descending" })).toEqual([1, 0, 3, 2]);
});

test("numbers stand and sort as such where some are missing", () => {
  const given = ["23", "missing", "7", "–", ""].map((text): TableRow => ({ label: text, cells: [text] }));
  expect(isNumeric(given, 0)).toBe(true);
  expect(sortedRows(given, { column: 0, direction: "ascending" })).toEqual([2, 0, 1, 3, 4]);
  expect(isNumeric([{ label: "", cells: ["missing"] }], 0)).toBe(false);
});

test.each([["−1.5", -1.5], ["+2", 2], ["1,234.5", 1234.5], ["12 %", 12], ["3e−4", 3e-4], ["", NaN], ["–", NaN], ["1,2", NaN], ["row 3", NaN]])(
  "the number in %j",
  (text, number) => expect(readNumber(text)).toBe(number),
);

test("a row is chosen by a click, by its position as it was given, however it is sorted", () => {
  sort(1);
  line("row 2").querySelector("td")!.dispatchEvent(new MouseEvent("click", { bubbles: true }));
  expect(model.saved).toEqual([{ chosen: 0 }]);
  expect(lines().map((row) => row.ariaSelected)).toEqual(["false", "true", "false", "false"]);
  model.arrive({ chosen: 3 });
  expect(line(EVIL).ariaSelected).toBe("true");
  expect(line("row 2").ariaSelected).toBe("false");
  model.arrive({ chosen: 99 });
  expect(lines().every((row) => row.ariaSelected === "false")).toBe(true);
});

test("arrows go from row to row as they are shown, Enter chooses, and one row is reached with Tab", () => {
  expect(lines().map((row) => row.tabIndex)).toEqual([0, -1, -1, -1]);
  sort(1);
  expect(lines()[0]!.tabIndex).toBe(0);
  lines()[0]!.focus();
  for (const name of ["ArrowDown", "ArrowDown"]) key(name);
  expect(document.activeElement).toBe(line(EVIL));
  expect(model.saved).toEqual([]);
  key("Enter");
  expect(model.saved).toEqual([{ chosen: 3 }]);
  key("Home");
  key(" ");
  expect(model.get("chosen")).toBe(1);
  key("End");
  expect(document.activeElement).toBe(line("row 1"));
});

test("other rows keep sorting and focus, other columns begin anew", async () => {
  sort(1);
  line("row 10").focus();
  await settle();
  model.arrive({ rows: ROWS.map((row, i) => ({ ...row, cells: [String(i), "x"] })) });
  expect(labels()).toEqual(["row 2", "row 10", "row 1", EVIL]);
  expect(document.activeElement).toBe(line("row 10"));
  await settle();
  model.arrive({ columns: ["weight"], rows: [{ label: "a", cells: ["2"] }, { label: "b", cells: ["1"] }] });
  expect(labels()).toEqual(["a", "b"]);
  expect(headings().map((heading) => heading.textContent)).toEqual(["row", "weight"]);
  await settle();
  model.arrive({ rows: [] });
  expect(el.querySelector("table")!.hidden).toBe(true);
  expect(el.textContent).toContain("No rows.");
});

test("before the first rows it does not say that there are none", async () => {
  model.arrive({ columns: [], rows: [] });
  const note = el.querySelector<HTMLElement>(".nbx-row-table-note")!;
  expect([note.textContent, note.hidden]).toEqual(["", true]);
  await settle();
  model.arrive({ note: "scores: stopped before the first picture" });
  expect([note.textContent, note.hidden]).toEqual(["scores: stopped before the first picture", false]);
});

test("a table to be read has no selection", async () => {
  model.arrive({ choosable: false });
  line("row 2").click();
  expect(model.saved).toEqual([]);
  expect(el.querySelector("[aria-selected], [role=grid], tbody tr[tabindex]")).toBeNull();
});

test("without a kernel it can be sorted and read, and nothing is chosen", () => {
  model.tell("comm_live_update");
  line("row 2").click();
  expect(model.saved).toEqual([]);
  sort(1);
  expect(labels()[0]).toBe("row 10");
});

test("a long text keeps its end where it has no room, and is read as a whole", async () => {
  const names = [3, 4].map((number) => `a rather long name of a class, number ${number}`);
  model.arrive({
    columns: ["distance", `score of ${names[0]}`],
    rows: names.map((name) => ({ label: name, cells: ["1", name], marks: [1] })),
  });
  await settle();
  const ends = (inside: Element): string => inside.querySelector(".nbx-cut > :last-child")!.textContent!;
  expect(labels()).toEqual(names);
  expect(lines().map((row) => ends(row.querySelector("td strong")!))).toEqual([", number 3", ", number 4"]);
  expect(lines().map((row) => ends(row.querySelector("th")!))).toEqual([", number 3", ", number 4"]);
  expect(lines()[0]!.querySelector("strong")!.textContent).toBe(names[0]);
  expect(ends(headings()[2]!)).toBe(", number 3");
  expect(headings()[1]!.querySelector(".nbx-cut")).toBeNull();
});
