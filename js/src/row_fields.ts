import { signed } from "./contributions";
import { h, OWN_KEYS, say } from "./dom";
import { freshId } from "./inputs";
import { type Feature, middle, MISSING, PARTS, type Value, words } from "./row_controls";

export type { Feature, Value } from "./row_controls";

/** The control of one feature. */
export interface FeatureField {
  element: HTMLElement;
  /** Where its name stands. */
  name: HTMLElement;
  show(value: Value, original: Value): void;
  /** The attribution of the feature, and the largest of all. Without one there is no bar. */
  weigh(weight: Value | undefined, largest: number): void;
  enable(on: boolean): void;
}

export function featureField(feature: Feature, choose: (value: Value) => void): FeatureField {
  const fixed = feature.constant ?? false;
  const part = PARTS[feature.kind](feature, choose);
  const [first] = part.inputs as [HTMLInputElement | HTMLSelectElement];
  first.id = freshId();
  const called = h("span", {}, feature.name);
  const name = h("label", { class: "nbx-name", for: first.id, title: feature.name }, called);
  if (feature.unit) name.append(h("span", { class: "nbx-row-unit" }, ` (${feature.unit})`));
  const bar = h("span");
  const weight = h("span", { class: "nbx-weight", "aria-hidden": "true" }, bar);
  const missing = h("input", { type: "checkbox", "aria-label": `${feature.name}, ${MISSING}`, ...OWN_KEYS });
  const reset = h("button", { type: "button", class: "nbx-row-reset", ...OWN_KEYS });
  const mayMiss = feature.missing && feature.kind !== "category";
  const last = fixed ? h("span", { class: "nbx-row-fixed" }, "constant") : reset;
  const element = h("div", { class: "nbx-row-field" }, name, weight, ...part.elements);
  if (feature.note) element.append(h("div", { class: "nbx-row-outside" }, feature.note));
  if (feature.time) element.dataset.time = feature.time;
  if (mayMiss) element.append(h("label", { class: "nbx-row-missing" }, missing, MISSING));
  element.append(last);

  let given: Value = null;
  missing.addEventListener("change", () => choose(missing.checked ? null : (given ?? middle(feature))));
  reset.addEventListener("click", () => {
    first.focus(); // the button is gone at once
    choose(given);
  });
  return {
    element,
    name: called,
    show(value, original) {
      given = original;
      const [changed, text] = [value !== original, words(original, feature)];
      element.classList.toggle("nbx-changed", changed);
      reset.style.visibility = changed ? "" : "hidden";
      say(reset, `↺ ${text}`);
      reset.ariaLabel = reset.title = `Reset ${feature.name} to ${text}`;
      missing.checked = value === null;
      part.show(value, original);
    },
    weigh(value, largest) {
      weight.hidden = value === undefined;
      const said = value == null ? "no attribution" : `attribution ${signed(value)}`;
      bar.className = (value ?? 0) < 0 ? "nbx-negative" : "nbx-positive";
      bar.style.width = `${(50 * Math.abs(value ?? 0)) / (largest || 1)}%`;
      weight.title = said;
      first.ariaDescription = value === undefined ? null : said;
    },
    enable(on) {
      for (const input of [...part.inputs, missing, reset]) input.disabled = !on || fixed;
    },
  };
}
