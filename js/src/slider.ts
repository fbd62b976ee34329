import type { RenderProps } from "@anywidget/types";
import { h, keepKeys, OWN_KEYS, say } from "./dom";
import { field, numberBox, range, setOptions } from "./inputs";
import { ALIVE, followKernel } from "./kernel_state";
import { listen } from "./link";

/** The traits of `Slider` in nbexplain/widgets/slider.py. */
export interface SliderState {
  label: string;
  help: string;
  value: number;
  low: number;
  high: number;
  step: number;
  disabled: boolean;
  choices: string[];
  choice: string;
}

const NAMES = ["label", "help", "value", "low", "high", "step", "disabled", "choices", "choice"];

function render({ model, el, signal }: RenderProps<SliderState>): void {
  const choose = (value: number): void => {
    model.set("value", value);
    model.save_changes();
  };
  const slider = range("", choose);
  const number = numberBox("", choose);
  const select = h("select", OWN_KEYS);
  select.addEventListener("change", () => {
    model.set("choice", select.value);
    model.save_changes();
  });
  const row = field("slider", "", slider.input, number.input);
  const name = row.querySelector("label")!;
  slider.input.before(select);
  el.classList.add("nbx-pane", "nbx-slider");
  el.replaceChildren(row);
  keepKeys(el);

  let kernel = ALIVE;
  const draw = (): void => {
    const [label, help, choices] = [model.get("label"), model.get("help"), model.get("choices")];
    const bounds = { min: model.get("low"), max: model.get("high"), step: model.get("step") };
    const value = Math.min(bounds.max, Math.max(bounds.min, model.get("value")));
    say(name, label);
    slider.input.ariaLabel = label;
    number.input.ariaLabel = `${label}, number`;
    select.ariaLabel = `${label}, which`;
    for (const control of [slider, number]) control.show(value, bounds);
    setOptions(select, choices.map((choice) => ({ value: choice, text: choice })));
    select.value = model.get("choice");
    select.hidden = !choices.length;
    row.classList.toggle("nbx-chooses", !select.hidden);
    row.title = help;
    for (const input of [select, slider.input, number.input]) input.ariaDescription = help || null;
    select.disabled = !kernel.reachable; // where the number is disabled, the list is the way out
    for (const { input } of [slider, number]) input.disabled = model.get("disabled") || !kernel.reachable;
  };
  listen(model, NAMES.map((each) => `change:${each}`), draw, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    draw();
  });
  draw();
}

export default { render };
