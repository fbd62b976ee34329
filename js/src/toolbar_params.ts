import { currentMethod, type Method, type Parameter, type Session, type Value } from "./controls";
import { h, OWN_KEYS } from "./dom";
import { field, numberBox, range, setOptions } from "./inputs";
import { allowed, chooseParam, paramsOf } from "./selection";

interface Row {
  element: HTMLElement;
  show(value: Value): void;
}

/** The parameters of the chosen method, as it declares them. */
export function toolbarParams(session: Session): { element: HTMLElement; refresh(): void } {
  const element = h("div", { class: "nbx-params", hidden: "" });
  let drawn: Method | undefined;
  let rows: [string, Row][] = [];
  return {
    element,
    refresh() {
      const method = session.show.includes("params") ? currentMethod(session) : undefined;
      if (method !== drawn) {
        drawn = method;
        rows = (method?.params ?? []).map((parameter) => {
          const choose = (value: Value): void => chooseParam(session.controls, method!, parameter.name, value);
          return [parameter.name, makeRow(parameter, choose)];
        });
        element.replaceChildren(...rows.map(([, row]) => row.element));
        element.hidden = rows.length === 0;
      }
      if (!method) return;
      const values = paramsOf(session.controls, method);
      for (const [name, row] of rows) row.show(values[name] ?? null);
    },
  };
}

function makeRow(parameter: Parameter, choose: (value: Value) => void): Row {
  const row = { range: rangeRow, choice: choiceRow, flag: flagRow }[parameter.kind](parameter, choose);
  if (parameter.help) {
    row.element.title = parameter.help;
    for (const input of row.element.querySelectorAll("input, select")) input.ariaDescription = parameter.help;
  }
  return row;
}

function words({ name }: Parameter): string {
  return name.replaceAll("_", " ");
}

function rangeRow(parameter: Parameter, choose: (value: Value) => void): Row {
  const [min, max] = [parameter.low ?? 0, parameter.high ?? 1];
  const step = parameter.step ?? (parameter.integer ? 1 : (max - min) / 100);
  const set = (value: number): void => choose(allowed(value, parameter));
  const slider = range(words(parameter), set);
  const number = numberBox(`${words(parameter)}, number`, set);
  return {
    element: field("param", words(parameter), slider.input, number.input),
    show(value) {
      for (const control of [slider, number]) control.show(Number(value), { min, max, step });
    },
  };
}

function choiceRow(parameter: Parameter, choose: (value: Value) => void): Row {
  const choices = parameter.choices ?? [];
  const select = h("select", { "aria-label": words(parameter), ...OWN_KEYS });
  setOptions(select, choices.map((choice, place) => ({ value: String(place), text: String(choice) })));
  select.addEventListener("change", () => choose(choices[select.selectedIndex] ?? null));
  return {
    element: field("param", words(parameter), select),
    show(value) {
      select.selectedIndex = choices.findIndex((choice) => choice === value);
    },
  };
}

function flagRow(parameter: Parameter, choose: (value: Value) => void): Row {
  const box = h("input", { type: "checkbox", "aria-label": words(parameter), ...OWN_KEYS });
  box.addEventListener("change", () => choose(box.checked));
  const element = field("param", words(parameter), box);
  element.append(h("span", { class: "nbx-switch" }, box, h("label", { for: box.id }, parameter.help ?? "")));
  return {
    element,
    show(value) {
      box.checked = value === true;
    },
  };
}
