import type { AnyModel } from "@anywidget/types";
import { COLORMAPS } from "./colormap";
import { h, labelled, OWN_KEYS } from "./dom";
import { setOptions } from "./inputs";
import { followKernel } from "./kernel_state";
import { listen } from "./link";
import type { MapGridState } from "./map_grid";
import { SORTS } from "./map_words";

/** How the thumbnails are ordered and coloured. */
export function mapControls(model: AnyModel<MapGridState>, signal: AbortSignal): HTMLElement {
  const choice = (name: "limits" | "colormap" | "sort", text: string, values: () => [string, string][]): HTMLElement => {
    const select = h("select", OWN_KEYS);
    const label = labelled(text, select);
    const show = (): void => {
      setOptions(select, values().map(([value, shown]) => ({ value, text: shown })));
      select.value = model.get(name);
      label.hidden = values().length < 2;
    };
    select.addEventListener("change", () => {
      model.set(name, select.value);
      model.save_changes();
    });
    listen(model, [`change:${name}`, "change:sorts"], show, signal);
    if (name === "sort") followKernel(model, signal, (kernel) => (select.disabled = !kernel.reachable));
    show();
    return label;
  };
  const same = (values: readonly string[]) => (): [string, string][] => values.map((value) => [value, value]);
  return h(
    "div",
    { class: "nbx-view nbx-grid-view" },
    choice("sort", "Order", () => model.get("sorts").map((sort) => [sort, SORTS[sort].order])),
    choice("limits", "Limits", same(["own", "shared"])),
    choice("colormap", "Colours", same(["auto", ...COLORMAPS])),
  );
}
