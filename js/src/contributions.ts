import type { Sums } from "./arithmetic";
import { h, OWN_KEYS, say } from "./dom";
import { rounded } from "./format";

const LISTED = 8;

/** A number with its sign, also where it is positive. */
export function signed(value: number): string {
  return (value > 0 ? "+" : "") + rounded(value);
}

/** The input channels that add most, as bars to choose from. */
export function contributionList(choose: (channel: number) => void) {
  const rows = Array.from({ length: LISTED }, () => {
    const name = h("span", { class: "nbx-contribution-name" });
    const bar = h("span", { class: "nbx-contribution-bar", "aria-hidden": "true" }, h("span"));
    const value = h("span", { class: "nbx-number" });
    const button = h("button", { type: "button", class: "nbx-contribution", ...OWN_KEYS }, name, bar, value);
    return { item: h("li", {}, button), button, name, bar: bar.firstElementChild as HTMLElement, value, channel: 0 };
  });
  for (const row of rows) row.button.addEventListener("click", () => choose(row.channel));
  const list = h("ol", { class: "nbx-contributions", "aria-label": "Input channels by contribution" }, ...rows.map(({ item }) => item));
  const rest = h("div", { class: "nbx-contribution-rest" });
  return {
    elements: [list, rest],
    show({ contributions, ranking, total }: Sums, chosen: number, nameOf: (channel: number) => string): void {
      const most = Math.abs(contributions[ranking[0]!]!) || 1;
      let listed = 0;
      rows.forEach((row, rank) => {
        const channel = ranking[rank];
        row.item.hidden = channel === undefined;
        if (channel === undefined) return;
        const value = contributions[channel]!;
        listed += value;
        row.channel = channel;
        say(row.name, nameOf(channel));
        row.name.title = nameOf(channel);
        say(row.value, signed(value));
        row.bar.className = value < 0 ? "nbx-negative" : "nbx-positive";
        row.bar.style.width = `${(50 * Math.abs(value)) / most}%`;
        row.button.ariaPressed = String(channel === chosen);
      });
      const others = ranking.length - LISTED;
      rest.hidden = others <= 0;
      say(rest, `and ${others.toLocaleString("en")} more: ${signed(total - listed)}`);
    },
  };
}
