import type { AnyModel } from "@anywidget/types";
import type { InputStripState } from "./input_strip";
import { freshId } from "./inputs";
import { listen } from "./link";

/** What is known of one input; what is not known yet is missing. */
export interface Known {
  /** Of its thumbnail, decoded; "" for an input that is no picture. */
  url?: string | undefined;
  title?: string;
  text?: string;
  /** Why it cannot be read. */
  problem?: string;
}

/** What the kernel sends when it was asked; the thumbnails of those with `picture` come as buffers, in this order. */
interface Told extends Omit<Known, "url"> {
  input: number;
  picture?: boolean;
}

export interface InputStore {
  get(input: number): Known;
  /** Asks the kernel for what is missing of these, the most important first; the last ask counts. */
  ask(inputs: number[]): void;
}

const MOST = 1500; // inputs of which something is held
const AFTER_MS = 60; // without another ask: while a hand scrolls, nothing is asked for

/**
 * Thumbnails and words of the inputs. Few come with the widget's state; of many (`on_demand`) those are asked for that are
 * shown. Calls `changed` when there is more to show.
 */
export function inputStore(model: AnyModel<InputStripState>, changed: () => void, signal: AbortSignal): InputStore {
  const held = new Map<number, Known>();
  const nothing: Known = {};
  const view = freshId();
  let shown = new Set<number>();
  let timer = 0;
  let asked = ""; // the ask that counts
  let few = 0; // counts the lists of thumbnails that came with the state

  const drop = (input: number): void => {
    const url = held.get(input)?.url;
    if (url) URL.revokeObjectURL(url);
    held.delete(input);
  };
  const learn = (input: number, more: Known): void => {
    const before = held.get(input);
    if (before?.url && more.url !== undefined && more.url !== before.url) URL.revokeObjectURL(before.url);
    held.delete(input); // the newest last
    held.set(input, { ...before, ...more });
    for (const oldest of held.keys()) {
      if (held.size <= MOST) break;
      if (!shown.has(oldest)) drop(oldest);
    }
    changed();
  };
  /** Shown before it is decoded, a tile would be blank for a moment. */
  const learnPicture = async (input: number, bytes: DataView, current: () => boolean): Promise<void> => {
    if (!bytes.byteLength) return learn(input, { url: "" });
    const url = URL.createObjectURL(new Blob([bytes as DataView<ArrayBuffer>]));
    const image = new Image();
    image.src = url;
    const whole = await image.decode().then(
      () => true,
      () => false,
    );
    if (whole && current() && !signal.aborted) learn(input, { url });
    else URL.revokeObjectURL(url);
  };

  const takeFew = (): void => {
    const mine = ++few;
    const thumbnails = model.get("thumbnails");
    if (!thumbnails.length) return;
    thumbnails.forEach((bytes, input) => void learnPicture(input, bytes, () => mine === few));
  };
  const hear = (content: unknown, buffers?: unknown): void => {
    const { tiles, stale, titles_stale: all } = content as { tiles?: Told[]; stale?: number[]; titles_stale?: boolean };
    const views = [...((buffers as DataView[] | undefined) ?? [])];
    for (const { input, picture, ...words } of tiles ?? []) {
      if (picture) void learnPicture(input, views.shift()!, () => true);
      learn(input, picture === false ? { ...words, url: "" } : words);
    }
    for (const input of stale ?? []) drop(input);
    if (all) for (const known of held.values()) delete known.title;
    if (!stale?.length && !all) return;
    asked = "";
    changed();
  };
  const send = (inputs: number[]): void => {
    const pictures = inputs.filter((input) => held.get(input)?.url === undefined && !held.get(input)?.problem);
    const titles = inputs.filter((input) => held.get(input)?.title === undefined && !held.get(input)?.problem);
    if (pictures.length || titles.length) model.send({ want: { pictures, titles }, view });
  };

  listen(model, ["change:thumbnails"], takeFew, signal);
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", hear);
    clearTimeout(timer);
    for (const input of [...held.keys()]) drop(input);
  });
  queueMicrotask(takeFew); // when the tiles that show them are there

  return {
    get(input) {
      const known = held.get(input) ?? nothing;
      if (model.get("on_demand")) return known;
      return { url: known.url, title: model.get("titles")[input] ?? "", text: model.get("texts")[input] ?? "" };
    },
    ask(inputs) {
      shown = new Set(inputs);
      const ask = model.get("on_demand") ? inputs.join() : "";
      if (ask === asked) return;
      asked = ask;
      clearTimeout(timer);
      if (ask) timer = window.setTimeout(() => send(inputs), AFTER_MS);
    },
  };
}
