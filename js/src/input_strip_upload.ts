import type { AnyModel } from "@anywidget/types";
import { h, OWN_KEYS, say } from "./dom";
import type { InputStripState } from "./input_strip";
import { listen } from "./link";

const LONGEST_NAME = 60;
// A picture of these kinds that the browser can't decode is damaged; others, such as TIFF, the kernel may know.
const DECODED_HERE = /^$|^image\/(png|jpeg|gif|webp|bmp|svg\+xml)$/;

export interface Limits {
  bytes: number;
  pixels: number;
}

export interface UploadParts {
  button: HTMLElement;
  messages: HTMLElement;
  refresh(): void;
}

/** A button that opens the file dialogue, the strip as a place to drop a file on, and what is said of the last file. */
export function uploadParts(
  model: AnyModel<InputStripState>,
  area: HTMLElement,
  reachable: () => boolean,
  signal: AbortSignal,
): UploadParts {
  const input = h("input", { type: "file", accept: "image/*", "aria-label": "Picture to add", tabindex: "-1", hidden: "" });
  const add = h("button", { class: "nbx-add", type: "button", ...OWN_KEYS }, "Add a picture");
  const way = h("span", { "aria-live": "polite" });
  const problem = h("span", { role: "alert" });
  const close = h("button", { type: "button", class: "nbx-close", "aria-label": "Close the message", ...OWN_KEYS }, "×");
  const messages = h("div", { class: "nbx-strip-messages" }, way, problem, close);

  let attempts = 0;
  let waiting: { count: number } | null = null;

  const tell = (...parts: (Node | string)[]): void => {
    waiting = null;
    problem.replaceChildren(...parts);
    refresh();
  };
  const refresh = (): void => {
    if (!reachable()) waiting = null;
    if (!waiting) say(way, "");
    add.disabled = waiting !== null || !reachable();
    close.hidden = problem.hidden = !problem.textContent;
    messages.classList.toggle("nbx-waiting", waiting !== null);
    messages.classList.toggle("nbx-silent", !waiting && problem.hidden);
  };
  const attempt = async (files: FileList | null | undefined): Promise<void> => {
    const file = files?.[0];
    if (!file) return;
    const mine = ++attempts;
    const name = h("bdi", {}, shortened(file.name));
    tell(...(files!.length > 1 ? [`${files!.length} files came, one picture at a time is taken`] : []));
    if (files!.length > 1) return;
    let objection = await objectionTo(file, { bytes: model.get("max_bytes"), pixels: model.get("max_pixels") });
    let content: ArrayBuffer | undefined;
    try {
      if (!objection) content = await file.arrayBuffer();
    } catch (error) {
      objection = `can't be read: ${(error as Error).message}`;
    }
    if (mine !== attempts || signal.aborted) return;
    if (!content) return tell(name, ` ${objection}`);
    waiting = { count: model.get("count") };
    way.replaceChildren(name, " is on its way");
    refresh();
    model.send({ upload: { name: file.name } }, undefined, [content]);
  };

  add.addEventListener("click", () => input.click());
  close.addEventListener("click", () => tell());
  input.addEventListener("change", () => {
    void attempt(input.files);
    input.value = ""; // or the same file could not be chosen again
  });
  acceptDrops(area, () => model.get("upload") && reachable(), (files) => void attempt(files), signal);
  listen(model, ["change:notice"], () => model.get("notice") || !waiting ? tell(model.get("notice")) : undefined, signal);
  const counted = (): void => {
    if (waiting && model.get("count") > waiting.count) tell();
  };
  listen(model, ["change:count"], counted, signal);
  tell(model.get("notice"));
  return { button: h("div", {}, add, input), messages, refresh };
}

/** Why a file needs not be sent, as the rest of a sentence that begins with its name; "" where nothing is wrong. */
export async function objectionTo(file: File, { bytes, pixels }: Limits): Promise<string> {
  if (!file.size) return "is empty";
  if (file.size > bytes) return `has ${Math.ceil(file.size / 1e5) / 10} MB, at most ${bytes / 1e6} MB are taken`;
  if (file.type && !file.type.startsWith("image/")) return "is no picture";
  const size = await sizeOf(file);
  if (size && size.width * size.height >= pixels) {
    return `has ${size.width} × ${size.height} pixels, fewer than ${pixels / 1e6} million are taken`;
  }
  if (!DECODED_HERE.test(file.type)) return "";
  const decoded = await createImageBitmap(file).catch(() => null);
  decoded?.close();
  return decoded ? "" : "is damaged or no picture";
}

/** Width and height as the file's header has them, without decoding it; null where the browser does not know the kind. */
async function sizeOf(file: File): Promise<{ width: number; height: number } | null> {
  const url = URL.createObjectURL(file);
  const image = new Image();
  const read = await new Promise<boolean>((done) => {
    image.onload = () => done(true);
    image.onerror = () => done(false);
    image.src = url;
  });
  URL.revokeObjectURL(url);
  return read ? { width: image.naturalWidth, height: image.naturalHeight } : null;
}

function shortened(name: string): string {
  const letters = [...name];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join("")}…` : name;
}

/** Takes files that are dropped on an element, before the notebook does something else with them. */
function acceptDrops(area: HTMLElement, open: () => boolean, take: (files: FileList) => void, signal: AbortSignal): void {
  const mark = (on: boolean): void => void area.classList.toggle("nbx-dropping", on);
  const ours = (event: DragEvent): boolean => {
    if (!open() || !event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  area.addEventListener("dragover", (event) => mark(ours(event)), { signal });
  area.addEventListener("dragleave", (event) => {
    if (!area.contains(event.relatedTarget as Node | null)) mark(false);
  }, { signal });
  area.addEventListener("drop", (event) => {
    mark(false);
    if (ours(event)) take(event.dataTransfer!.files);
  }, { signal });
}
