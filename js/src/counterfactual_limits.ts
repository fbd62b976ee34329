import type { AnyModel } from "@anywidget/types";
import { h, option, OWN_KEYS } from "./dom";

export type Direction = "fixed" | "rising" | "falling";
/** The number of a column, and how it may change. */
export type Limit = [number, Direction];

interface Limited {
  names: string[];
  ordered: boolean[];
  limits: Limit[];
  /** The score that is crossed, or null where the prediction is another class. */
  crossed: number | null;
  boundary: number | null;
  most: number;
  begun: boolean;
}

const WORDS: Record<Direction, string> = { fixed: "stays", rising: "only up", falling: "only down" };

/** What columns may not do, how many may change, and the score that is to be crossed. */
export function limitsBar<State extends Limited>(
  model: AnyModel<State>,
  limit: (limits: Limit[]) => void,
): { element: HTMLElement; draw: (reachable: boolean) => void } {
  const tags = h("span", { class: "nbx-limit-tags", role: "list", "aria-label": "Columns that are limited" });
  const more = h("select", { "aria-label": "Keep a column as it is", ...OWN_KEYS });
  const boundary = h("input", { type: "number", step: "any", "aria-label": "Score to be crossed", ...OWN_KEYS });
  const score = h("label", { class: "nbx-limit-number" }, h("span", { class: "nbx-name" }, "score to be crossed"), boundary);
  const most = h("input", { type: "number", min: "1", max: "100", "aria-label": "Changes at most", ...OWN_KEYS });
  const count = h("label", { class: "nbx-limit-number" }, h("span", { class: "nbx-name" }, "changes at most"), most);
  const element = h("div", { class: "nbx-limits" }, score, count, tags, more);

  more.addEventListener("change", () => {
    if (more.value) limit([...model.get("limits"), [Number(more.value), "fixed"]]);
  });
  boundary.addEventListener("change", () => {
    model.set("boundary", boundary.value === "" ? null : boundary.valueAsNumber);
    model.save_changes();
  });
  most.addEventListener("change", () => {
    const wanted = most.valueAsNumber;
    if (!Number.isInteger(wanted) || wanted < 1 || wanted > 100) most.value = String(model.get("most"));
    else {
      model.set("most", wanted);
      model.save_changes();
    }
  });

  const tag = ([column, direction]: Limit, reachable: boolean): HTMLElement => {
    const name = model.get("names")[column] ?? "";
    const others = (): Limit[] => model.get("limits").filter(([other]) => other !== column);
    const how = h("select", OWN_KEYS, ...Object.entries(WORDS).map(([value, text]) => option(value, text)));
    how.ariaLabel = `How ${name} may change`;
    how.value = direction;
    how.disabled = !reachable || !model.get("ordered")[column];
    how.title = model.get("ordered")[column] ? "" : `${name} has no order: it can only stay as it is`;
    how.addEventListener("change", () => limit([...others(), [column, how.value as Direction]]));
    const free = h("button", { type: "button", title: `Let ${name} change`, ...OWN_KEYS }, "×");
    free.ariaLabel = `Let ${name} change`;
    free.disabled = !reachable;
    free.addEventListener("click", () => {
      limit(others());
      more.focus();
    });
    return h("span", { class: "nbx-limit", role: "listitem" }, h("bdi", { title: name }, name), how, free);
  };

  const draw = (reachable: boolean): void => {
    const focused = document.activeElement?.getAttribute("aria-label");
    const [names, limits] = [model.get("names"), model.get("limits")];
    const limited = new Set(limits.map(([column]) => column));
    tags.replaceChildren(...limits.map((one) => tag(one, reachable)));
    tags.hidden = !limits.length;
    more.replaceChildren(
      option("", "Keep a column as it is …"),
      ...names.flatMap((name, column) => (limited.has(column) ? [] : [option(String(column), name)])),
    );
    more.hidden = names.length < 2;
    more.disabled = !reachable;
    const crossed = model.get("crossed");
    score.hidden = crossed === null;
    boundary.placeholder = crossed === null ? "" : crossed.toPrecision(4);
    boundary.disabled = !reachable;
    if (document.activeElement !== boundary) boundary.value = model.get("boundary")?.toString() ?? "";
    count.hidden = !model.get("begun");
    most.disabled = !reachable;
    if (document.activeElement !== most) most.value = String(model.get("most"));
    element.hidden = more.hidden && score.hidden && count.hidden;
    const again = [...tags.querySelectorAll<HTMLElement>("select, button")].find((each) => each.ariaLabel === focused);
    if (focused) again?.focus();
  };
  return { element, draw };
}
