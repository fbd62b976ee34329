import type { AnyModel, RenderProps } from "@anywidget/types";
import { colourBar } from "./colour_bar";
import { coalesced, h, keepKeys, say } from "./dom";
import { freshId } from "./inputs";
import { ALIVE, followKernel } from "./kernel_state";
import { follow, listen } from "./link";
import { type Look, scaleOf, type Sign } from "./scale";
import { automaticColormap, fillsOf, followTheme, isDark } from "./token_colours";
import { button, tokenEditor } from "./token_edit";
import { tokenLine } from "./token_line";
import { carriedSpans, type Span } from "./token_spans";
import { tokenView } from "./token_view";
import { byStrength, type Features, type Weights, weightKeeper } from "./token_weights";
import { atRest, numberWords, quoted, reading, remarkOf } from "./token_words";
import type { ArrayState } from "./wire";

/** The traits of `TokenPane` in nbexplain/widgets/token_pane.py. An edit is sent as `{edit: text}`. */
export interface TokenPaneState {
  text: string;
  /** In UTF-16 units. */
  spans: Span[];
  names: string[];
  overlay: string | null;
  title: string;
  notice: string;
  dropped: number[];
  note: string;
  editable: boolean;
  limit: number;
  colormap: string;
  sign: Sign;
  clip: number;
  limits: number[];
  top: number;
  numbers: boolean;
}

const WORDS = ["spans", "names", "title", "note", "editable"];
const LOOK = ["colormap", "sign", "clip", "limits", "top", "numbers"];
const EVENTS = [...WORDS, ...LOOK, "dropped"].map((name) => `change:${name}`);

function render({ model, el, host, signal }: RenderProps<TokenPaneState>): void {
  const title = h("span", { class: "nbx-title" });
  const subtitle = h("span", { class: "nbx-subtitle" });
  const notice = h("div", { class: "nbx-notice", role: "note" });
  const words = h("bdi");
  const numbers = h("span");
  const readout = h("div", { class: "nbx-readout", id: freshId() }, words, numbers);
  const edit = button("Edit", "Write another text");
  const restore = button("Restore all", "Take back all that was left out");
  const note = h("span", { class: "nbx-token-note", "aria-live": "polite" });
  const actions = h("div", { class: "nbx-token-actions" }, edit, restore, note);
  const bar = colourBar();
  const view = tokenView(model, signal);

  let overlay: AnyModel<ArrayState> | null = null;
  let weights: Weights | null = null;
  let ranked: number[] = [];
  let coloured: number | null = null;
  let looked = -1;
  let kernel = ALIVE;
  /** A text that was sent and is not yet answered, with those of the old features that are still in it. */
  let pending: Features | null = null;
  let refused: string | null = null;
  const weigh = weightKeeper();

  const open = (): boolean => kernel.reachable && pending === null;
  const line = tokenLine(
    (feature) => {
      looked = feature;
      read();
    },
    (feature) => {
      if (!open()) return;
      const dropped = new Set(model.get("dropped"));
      if (!dropped.delete(feature)) dropped.add(feature);
      drop([...dropped].sort((a, b) => a - b));
    },
    readout.id,
  );
  const editor = tokenEditor(
    (text) => {
      pending = { text, spans: carriedSpans(model.get("text"), text, model.get("spans")) };
      model.send({ edit: text });
      draw();
    },
    () => {
      writing(false);
      if (edit.disabled) line.focus();
      else edit.focus();
    },
  );
  const area = h("div", { class: "nbx-token-area" }, line.element, editor.element, notice);
  const head = h("div", { class: "nbx-head" }, title, subtitle);
  el.classList.add("nbx-pane", "nbx-token-pane");
  el.role = "group";
  el.replaceChildren(head, area, readout, actions, bar.element, view.element);
  keepKeys(el);

  const drop = (features: number[]): void => {
    model.set("dropped", features);
    model.save_changes();
  };
  const writing = (on: boolean): void => {
    line.element.hidden = readout.hidden = actions.hidden = on;
    if (on) editor.open(refused ?? model.get("text"), model.get("limit"));
    else editor.close();
  };
  const draw = (): void => {
    const shown = pending ?? { text: model.get("text"), spans: model.get("spans") };
    weights = weigh(overlay, shown);
    line.lay(shown, model.get("names"));
    line.mark(new Set(model.get("dropped")));
    line.element.classList.toggle("nbx-token-stale", weights?.stale ?? false);
    line.element.setAttribute("aria-busy", String(pending !== null));
    line.element.setAttribute("aria-disabled", String(!open()));
    paint();
    say(title, model.get("title") || weights?.meta.title || "");
    el.ariaLabel = title.textContent || null;
    const progress = weights?.meta.progress ?? 1;
    say(subtitle, progress < 1 ? `${Math.round(100 * progress)} %` : "");
    head.hidden = !title.textContent && !subtitle.textContent;
    say(notice, model.get("notice"));
    say(note, model.get("note"));
    edit.hidden = !model.get("editable");
    restore.hidden = !model.get("dropped").length;
    edit.disabled = restore.disabled = !open();
    read();
  };
  const paint = (): void => {
    const signed = weights?.meta.signed ?? false;
    const colormap = model.get("colormap");
    const look: Look = {
      signed,
      sign: model.get("sign"),
      clip: model.get("clip") || 100,
      limits: model.get("limits"),
      colormap: colormap === "auto" ? automaticColormap(signed, isDark(el)) : colormap,
    };
    const values = weights?.values ?? new Float32Array();
    const scale = weights && scaleOf(values, look);
    ranked = byStrength(values);
    const fills = scale ? fillsOf(values, ranked, scale, model.get("top")) : [];
    coloured = scale && fills.filter(Boolean).length;
    line.paint(fills, model.get("numbers") ? numberWords(values, signed) : null);
    line.element.dataset.frame = String(weights && !weights.stale ? weights.frame : 0);
    bar.show(scale, weights?.meta.quantity ?? "weight", remarkOf(look, weights?.meta.note));
    bar.element.hidden = view.element.hidden = !model.get("overlay");
    view.offer(values.length, signed, scale);
  };
  const read = (): void => {
    const count = model.get("spans").length;
    const dropped = model.get("dropped").includes(looked);
    readout.classList.toggle("nbx-rest", looked < 0);
    say(words, looked < 0 ? "" : quoted(model.get("names")[looked] || line.words(looked)));
    say(numbers, looked < 0 ? atRest(count, coloured, weights, open()) : reading(looked, ranked.indexOf(looked), weights, dropped));
    readout.title = readout.textContent!;
  };

  edit.addEventListener("click", () => writing(true));
  restore.addEventListener("click", () => {
    drop([]);
    line.focus();
  });
  const redraw = coalesced(draw);
  follow<ArrayState>(model, "overlay", { host, signal }, (array, until) => {
    overlay = array;
    if (array) listen(array, ["change:frame"], redraw, until);
    redraw();
  });
  const answered = (taken: boolean): void => {
    refused = taken ? null : (pending?.text ?? refused);
    pending = null;
    redraw();
  };
  listen(model, ["change:text"], () => answered(true), signal);
  listen(model, ["change:notice"], () => (model.get("notice") ? answered(false) : redraw()), signal);
  listen(model, EVENTS, redraw, signal);
  followTheme(redraw, signal);
  followKernel(model, signal, (state) => {
    kernel = state;
    redraw();
  });
  draw();
}

export default { render };
