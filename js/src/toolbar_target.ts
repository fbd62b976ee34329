import type { Session } from "./controls";
import { h, OWN_KEYS } from "./dom";
import { rounded } from "./format";
import { field, numberBox, range, setOptions } from "./inputs";
import { ranked } from "./selection";
import { isolated, need, type Row } from "./toolbar_row";

/** More classes than these are chosen by their number: a list of a whole vocabulary helps nobody. */
const MOST_LISTED = 1000;

/** The class that is explained; and of a map of scores, over which of its places. */
export function targetRow(session: Session): Row {
  const { controls, facts } = session;
  let order: number[] = [];
  const choose = (target: number): void => {
    controls.set("target", target);
    controls.save_changes();
  };
  const slider = range("Target, best score first", (rank) => choose(order[rank] ?? 0));
  const number = numberBox("Target, class number", choose);
  const select = h("select", { "aria-label": "Target by name", ...OWN_KEYS });
  select.addEventListener("change", () => choose(Number(select.value)));
  const over = overSelect(session);
  const element = field("target", "Target", slider.input, number.input, select, over.element);
  let [classes, scores]: [string[], (number | null)[]] = [[], []];
  let count = 0;
  const rank = (): void => {
    [classes, scores] = [facts.get("classes"), facts.get("scores")];
    count = Math.max(classes.length, scores.length);
    order = ranked(scores, count).slice(0, MOST_LISTED);
    const entry = (index: number) => {
      const [name, score] = [isolated(classes[index] || `class ${index}`), scores[index]];
      return { value: String(index), text: score == null ? name : `${name} · ${rounded(score)}` };
    };
    setOptions(select, order.map(entry));
  };
  return {
    element,
    refresh() {
      if (classes !== facts.get("classes") || scores !== facts.get("scores")) rank();
      const target = controls.get("target");
      const place = order.indexOf(target);
      select.selectedIndex = place;
      const name = classes[target] ?? `class ${target}`;
      slider.show(place, { min: 0, max: Math.max(0, order.length - 1) }, name);
      number.show(target, { min: 0, max: Math.max(0, count - 1) });
      over.refresh();
      need(element, "target", session);
      element.hidden ||= !order.length;
      select.title = scores[target] == null ? name : `${name}: ${facts.get("score_name")} ${rounded(scores[target])}`;
    },
  };
}

/** Over which places of a map of scores a class is explained; hidden where there is one score per class. */
function overSelect({ controls, facts }: Session): Row {
  const element = h("select", { "aria-label": "Target, over which places", ...OWN_KEYS });
  element.addEventListener("change", () => {
    controls.set("over", element.value);
    controls.save_changes();
  });
  return {
    element,
    refresh() {
      const [offered, over] = [facts.get("overs"), controls.get("over")];
      element.hidden = !offered.length;
      const entries = offered.map(([value = "", text = value]) => ({ value, text: isolated(text) }));
      if (!offered.some(([value]) => value === over)) {
        entries.push({ value: over, text: over ? `at ${over.replace(",", ", ")}` : "over a mask" });
      }
      setOptions(element, entries);
      element.value = over;
      element.title = element.selectedOptions[0]?.text ?? "";
    },
  };
}
