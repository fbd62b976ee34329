import type { AnyModel, RenderProps } from "@anywidget/types";
import { CurveChart, type Place } from "./curve_chart";
import { coalesced, h, keepKeys, OWN_KEYS, say } from "./dom";
import { field, numberBox, range } from "./inputs";
import { follow, listen } from "./link";
import { type Steps, stepsOf, type ThresholdState } from "./threshold";
import { type ArrayState, decode } from "./wire";

/** The traits of `CurvePane` in nbexplain/widgets/panes/curve_pane.py. */
export interface CurvePaneState {
  title: string;
  roc: string | null;
  precision_recall: string | null;
  curve: string | null;
  threshold: string | null;
  rates: string[];
  note: string;
}

const GAP = 16;
const LEAST = 220; // pixels of a curve: below twice as many, one stands under the other

function render({ model, el, signal, host }: RenderProps<CurvePaneState>): void {
  const title = h("span", { class: "nbx-title" });
  const charts = [new CurveChart("false positive rate", "true positive rate"), new CurveChart("recall", "precision")];
  const over = charts.map(() => h("div", { class: "nbx-curve-rate" }));
  const box = h("div", { class: "nbx-curve-box" }, ...charts.map(({ element }, i) => {
    const figure = h("div", {}, over[i]!);
    figure.append(element);
    return figure;
  }));
  const slider = range("", (place) => steps && choose(steps.threshold(place)));
  const number = numberBox("", (value) => steps && choose(steps.threshold(steps.place(value))));
  const reset = h("button", { type: "button", ...OWN_KEYS }, "Reset");
  const row = field("slider", "Threshold", slider.input, number.input, reset);
  const readout = h("div", { class: "nbx-curve-readout" });
  const note = h("p", { class: "nbx-curve-note" });
  el.classList.add("nbx-pane", "nbx-curves");
  el.replaceChildren(h("div", { class: "nbx-head" }, title), box, row, readout, note);
  keepKeys(el);

  let steps: Steps | null = null;
  let threshold: AnyModel<ThresholdState> | null = null;
  let wide = 2 * LEAST + GAP;
  const arrays: (AnyModel<ArrayState> | null)[] = [null, null];

  const choose = (value: number | null): void => {
    threshold?.set("value", value);
    threshold?.save_changes();
  };
  const draw = (): void => {
    say(title, model.get("title"));
    say(note, model.get("note"));
    note.hidden = !note.textContent;
    const value = threshold?.get("value") ?? null;
    const place = steps && steps.place(value ?? steps.about.start);
    const found = steps && place !== null ? ratesAt(steps, place) : null;
    wide = el.clientWidth ? el.clientWidth - 22 : wide; // a page that is scrolled away has no width
    const width = wide >= 2 * LEAST + GAP ? (wide - GAP) / 2 : wide;
    const share = steps ? steps.about.positives / (steps.about.positives + steps.about.negatives) : 0;
    charts.forEach((chart, i) => {
      over[i]!.parentElement!.style.width = `${Math.floor(width)}px`;
      const words = model.get("rates")[i] ?? "";
      say(over[i]!, words);
      const array = arrays[i];
      const points = (array && decode(array)?.values) ?? null;
      const at = found && (i ? found.precisionRecall : found.roc);
      chart.draw(points, i ? [share, share] : [0, 1], at, found ? `${words}; ${found.words}` : words, Math.floor(width));
    });
    row.hidden = readout.hidden = !steps;
    if (!steps || place === null || !found) return;
    const { count, quantity, times, parts } = steps.about;
    const now = steps.threshold(place);
    say(row.querySelector("label")!, `Threshold (${quantity})`);
    slider.input.ariaLabel = `Threshold (${quantity})`;
    number.input.ariaLabel = `Threshold (${quantity}), number`;
    slider.show(place, { min: 0, max: count - 1, step: 1 }, steps.said(now));
    number.show(now, { min: steps.threshold(0), max: steps.threshold(count - 1), step: times / parts });
    reset.disabled = value === null;
    say(readout, found.words);
  };
  const soon = coalesced(draw);

  reset.addEventListener("click", () => choose(null));
  listen(model, ["title", "rates", "note"].map((name) => `change:${name}`), soon, signal);
  ["roc", "precision_recall"].forEach((name, i) => {
    follow<ArrayState>(model, name, { host, signal }, (array, ending) => {
      arrays[i] = array;
      if (array) listen(array, ["change:frame"], soon, ending);
      soon();
    });
  });
  follow<ArrayState>(model, "curve", { host, signal }, (array, ending) => {
    const read = (): void => {
      steps = stepsOf(array);
      soon();
    };
    if (array) listen(array, ["change:frame"], read, ending);
    read();
  });
  follow<ThresholdState>(model, "threshold", { host, signal }, (shared, ending) => {
    threshold = shared;
    if (shared) listen(shared, ["change:value"], soon, ending);
    soon();
  });
  const observer = new ResizeObserver(soon);
  observer.observe(el);
  signal.addEventListener("abort", () => observer.disconnect());
  draw();
}

interface Rates {
  roc: Place;
  precisionRecall: Place;
  words: string;
}

/** Where a threshold lies on both curves. Where no row is taken for the class there is no precision. */
export function ratesAt(steps: Steps, place: number): Rates {
  const { truePositives, falsePositives } = steps.counts(place);
  const { positives, negatives } = steps.about;
  const [recall, rate] = [truePositives / positives, falsePositives / negatives];
  const taken = truePositives + falsePositives;
  const precision = taken ? truePositives / taken : null;
  const words = [`recall ${recall.toFixed(3)}`, `false positive rate ${rate.toFixed(3)}`];
  words.push(precision === null ? "no precision: no row is taken for the class" : `precision ${precision.toFixed(3)}`);
  return { roc: [rate, recall], precisionRecall: precision === null ? null : [recall, precision], words: words.join(" · ") };
}

export default { render };
