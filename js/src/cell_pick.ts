import type { Point, Size } from "./zoom";

/** `[row, column]` of a layer's grid, or `[]`: the trait `cell` of `Controls`. */
export type Cell = number[];

export interface Picking {
  /** The grid, or null where there is nothing to choose. */
  grid(): Size | null;
  /** What is in the middle of the stage, in parts of the scene. */
  middle(): Point;
  chosen(): Cell;
  choose(cell: Cell): void;
}

/** Whether a place, in parts of the scene, lies in it. */
export function isInside({ x, y }: Point): boolean {
  return x >= 0 && y >= 0 && x < 1 && y < 1;
}

/** The cell at a place given in parts of the scene, or `[]` outside of it. */
export function cellAt(at: Point, grid: Size): Cell {
  return isInside(at) ? [Math.floor(at.y * grid.height), Math.floor(at.x * grid.width)] : [];
}

/** Whether a cell was chosen that the grid has; another layer may have left one behind that it has not. */
export function isIn(cell: Cell, grid: Size): boolean {
  const [row = -1, column = -1] = cell;
  return row >= 0 && row < grid.height && column >= 0 && column < grid.width;
}

/** Enter or Space chooses the middle cell or lets go, Escape lets go, and Shift with an arrow key goes to a neighbour. */
export function pickWithKeys(canvas: HTMLCanvasElement, { grid, middle, chosen, choose }: Picking): void {
  const steps: Record<string, Cell> = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  canvas.addEventListener("keydown", (event) => {
    const size = grid();
    if (!size || event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = isIn(chosen(), size) ? chosen() : [];
    const step = event.shiftKey ? steps[event.key] : undefined;
    let next: Cell;
    if (step && cell.length) {
      const moved = [cell[0]! + step[0]!, cell[1]! + step[1]!];
      next = isIn(moved, size) ? moved : cell;
    } else if (step) next = cellAt(middle(), size);
    else if (event.key === "Enter" || event.key === " ") next = cell.length ? [] : cellAt(middle(), size);
    else if (event.key === "Escape" && chosen().length) next = [];
    else return;
    event.preventDefault();
    if (next.join() !== chosen().join()) choose(next);
  });
}
