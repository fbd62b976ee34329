import type { RenderProps } from "@anywidget/types";
import { h, keepKeys, labelled, option, OWN_KEYS } from "./dom";
import { listen } from "./link";

/** The traits of `PaneLink` in nbexplain/widgets/pane_link.py. Zoom and pointer are shared in pane_group.ts. */
export interface PaneLinkState {
  limits: "own" | "shared";
}

const CHOICES: Record<PaneLinkState["limits"], string> = { own: "each map's own", shared: "shared by all maps" };

function render({ model, el, signal }: RenderProps<PaneLinkState>): void {
  const select = h("select", OWN_KEYS, ...Object.entries(CHOICES).map(([value, text]) => option(value, text)));
  const show = (): void => void (select.value = model.get("limits"));
  select.addEventListener("change", () => {
    model.set("limits", select.value as PaneLinkState["limits"]);
    model.save_changes();
  });
  listen(model, ["change:limits"], show, signal);
  show();
  el.classList.add("nbx-pane", "nbx-pane-link");
  el.replaceChildren(labelled("Colour limits", select));
  keepKeys(el);
}

export default { render };
