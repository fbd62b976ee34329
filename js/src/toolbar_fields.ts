import { currentMethod, type Field, type Layer, type Method, type Session } from "./controls";
import { h, option, OWN_KEYS } from "./dom";
import { field, freshId, numberBox, range, setOptions } from "./inputs";
import { chooseLayer, found, objection, patientSave } from "./selection";
import { isolated, need, type Row } from "./toolbar_row";
import { targetRow } from "./toolbar_target";

const SEARCH_ABOVE = 20;

interface Fields {
  elements: HTMLElement[];
  refresh(): void;
  /** Cheaper than `refresh`, for the control that is dragged through hundreds of values. */
  refreshChannel(): void;
}

/** The rows that the toolbar shows, in reading order. */
export function toolbarFields(session: Session, signal: AbortSignal): Fields {
  const makers: [Field, () => Row][] = [
    ["method", () => methodRow(session)],
    ["input", () => inputRow(session)],
    ["part", () => partRow(session)],
    ["target", () => targetRow(session)],
    ["layer", () => layerRow(session)],
    ["channel", () => channelRow(session, signal)],
  ];
  const chosen = makers.filter(([name]) => session.show.includes(name));
  const shown = chosen.map(([name]) => name);
  const rows = chosen.map(([, make]) => make());
  return {
    elements: rows.map((row) => row.element),
    refresh: () => rows.forEach((row) => row.refresh()),
    refreshChannel: () => rows[shown.indexOf("channel")]?.refresh(),
  };
}

function methodRow({ controls, facts }: Session): Row {
  const select = h("select", OWN_KEYS);
  select.addEventListener("change", () => {
    controls.set("method", select.value);
    controls.save_changes();
  });
  const entry = ({ key, label, reason }: Method) => ({ value: key, text: label, ...(reason && { reason }) });
  const element = field("method", "Method", select);
  return {
    element,
    refresh() {
      const methods = facts.get("methods");
      element.hidden = !methods.length;
      setOptions(select, methods.map(entry));
      select.value = controls.get("method");
      select.title = methods.find((method) => method.key === select.value)?.paper ?? "";
    },
  };
}

function inputRow({ controls, facts }: Session): Row {
  const choose = (index: number): void => {
    controls.set("input", index);
    controls.save_changes();
  };
  const slider = range("Input", choose);
  const number = numberBox("Input, number", choose);
  const element = field("input", "Input", slider.input, number.input);
  return {
    element,
    refresh() {
      const bounds = { min: 0, max: Math.max(0, facts.get("inputs") - 1) };
      element.hidden = facts.get("inputs") < 2;
      for (const control of [slider, number]) control.show(controls.get("input"), bounds);
    },
  };
}

/** Which of the model's several inputs is explained. */
function partRow({ controls, facts }: Session): Row {
  const select = h("select", OWN_KEYS);
  select.addEventListener("change", () => {
    controls.set("part", select.value);
    controls.save_changes();
  });
  const element = field("part", "Explained input", select);
  return {
    element,
    refresh() {
      const parts = facts.get("parts");
      element.hidden = parts.length < 2;
      setOptions(select, parts.map((part) => ({ value: part, text: isolated(part) })));
      select.value = controls.get("part");
    },
  };
}

function layerOption(layer: Layer, method: Method | undefined): { value: string; text: string; reason?: string } {
  const [reason, shape] = [objection(layer, method), layer.shape ? ` · ${layer.shape}` : ""];
  return { value: layer.name, text: `${layer.name} · ${layer.type}${shape}`, ...(reason && { reason }) };
}

function layerRow(session: Session): Row {
  const { controls, facts } = session;
  let usable: Layer[] = [];
  let listed: unknown[] = [];
  const choose = (layer: Layer | undefined): void => layer && chooseLayer(controls, layer);
  const slider = range("Layer", (place) => choose(usable[place]));
  const select = h("select", { "aria-label": "Layer by name", ...OWN_KEYS });
  select.addEventListener("change", () => choose(usable.find((layer) => layer.name === select.value)));
  const names = h("datalist", { id: freshId() });
  const search = h("input", { type: "search", placeholder: "Find", "aria-label": "Find a layer", list: names.id });
  search.addEventListener("change", () => {
    choose(found(search.value, usable));
    search.value = "";
  });
  const element = field("layer", "Layer", slider.input, search, select, names);
  return {
    element,
    refresh() {
      // a layer that the method cannot use can still be looked at where a pane shows its channels
      const method = session.needs.includes("layer") ? undefined : currentMethod(session);
      const layers = facts.get("layers");
      const shown = controls.get("layer");
      if (layers !== listed[0] || method !== listed[1]) {
        listed = [layers, method];
        usable = layers.filter((layer) => !objection(layer, method));
        setOptions(select, layers.map((layer) => layerOption(layer, method)));
        search.hidden = layers.length <= SEARCH_ABOVE;
        names.replaceChildren(...usable.map((layer) => option(layer.name, `${layer.type} ${layer.shape}`)));
      }
      select.value = shown;
      const place = usable.findIndex((layer) => layer.name === shown);
      slider.show(Math.max(0, place), { min: 0, max: Math.max(0, usable.length - 1) }, shown);
      need(element, "layer", session);
      const chosen = layers.find((layer) => layer.name === shown);
      select.title = chosen ? objection(chosen, method) || select.selectedOptions[0]!.text : "";
    },
  };
}

function channelRow(session: Session, signal: AbortSignal): Row {
  const { controls, facts } = session;
  const save = patientSave(controls, signal);
  const choose = (channel: number): void => {
    controls.set("channel", channel);
    save();
  };
  const slider = range("Channel", choose, save);
  const number = numberBox("Channel, number", choose);
  const element = field("channel", "Channel", slider.input, number.input);
  return {
    element,
    refresh() {
      const layer = facts.get("layers").find((each) => each.name === controls.get("layer"));
      const bounds = { min: 0, max: Math.max(0, (layer?.channels ?? 1) - 1) };
      for (const control of [slider, number]) control.show(controls.get("channel"), bounds);
      need(element, "channel", session);
    },
  };
}
