import { expect, test } from "vitest";
import { joinGroup, type Member, type PaneGroup, type Reach } from "../src/pane_group";

interface Pane extends Member {
  heard: string[];
  group: PaneGroup;
  leave(): void;
}

let links = 0;

function panes(count: number): Pane[] {
  const link = `IPY_MODEL_${++links}`;
  return Array.from({ length: count }, () => {
    const ending = new AbortController();
    const heard: string[] = [];
    const tell = (what: string) => (): void => void heard.push(what);
    const pane = { heard, viewed: tell("view"), pointed: tell("pointer"), reached: tell("reach"), leave: () => ending.abort() };
    return Object.assign(pane, { group: joinGroup(link, pane, ending.signal) });
  });
}

function reach(largest: number, more: Partial<Reach> = {}, least = 0): Reach {
  return { extent: { least, largest }, signed: false, quantity: "score", ...more };
}

test("panes of one link hear of one another's view and pointer, those of another link do not", () => {
  const [one, two] = panes(2) as [Pane, Pane];
  const [stranger] = panes(1) as [Pane];
  one.group.show({ zoom: 4, x: 0.25, y: 0.5 });
  two.group.point({ x: 0.1, y: 0.2 });
  expect(two.group.view).toEqual({ zoom: 4, x: 0.25, y: 0.5 });
  expect(one.group.pointer).toEqual({ x: 0.1, y: 0.2 });
  expect([one.heard, two.heard, stranger.heard]).toEqual([["view", "pointer"], ["view", "pointer"], []]);
});

test("shared limits hold the reach of every map of the quantity", () => {
  const [one, two] = panes(2) as [Pane, Pane];
  one.group.reach(one, reach(2, {}, -0.5));
  expect(one.group.limits(one)).toEqual({ extent: null, remark: "" });
  two.group.reach(two, reach(5));
  expect(one.group.limits(one)).toEqual({ extent: { least: -0.5, largest: 5 }, remark: "shared limits" });
  expect(two.group.limits(two)).toEqual(one.group.limits(one));
});

test("other quantities, and signed maps beside unsigned ones, keep their own limits and say why", () => {
  const [one, two, three] = panes(3) as [Pane, Pane, Pane];
  one.group.reach(one, reach(2));
  two.group.reach(two, reach(3, { signed: true }));
  three.group.reach(three, reach(4, { quantity: "probability" }));
  const remarks = [one, two, three].map((pane) => pane.group.limits(pane));
  expect(remarks.map(({ extent }) => extent)).toEqual([null, null, null]);
  expect(remarks.map(({ remark }) => remark)).toEqual([
    "own limits: other quantity",
    "own limits: other quantity",
    "own limits: other quantity",
  ]);
  three.group.reach(three, reach(4));
  expect(three.group.limits(three)).toEqual({ extent: { least: 0, largest: 4 }, remark: "limits of 2 maps" });
});

test("a pane hears of a reach only when it has changed, and of those that leave", () => {
  const [one, two] = panes(2) as [Pane, Pane];
  one.group.reach(one, reach(2));
  one.group.reach(one, reach(2));
  expect([one.heard, two.heard]).toEqual([[], ["reach"]]);
  two.group.reach(two, reach(9));
  two.leave();
  expect(one.heard).toEqual(["reach", "reach"]);
  expect(one.group.limits(one).extent).toBeNull();
  one.group.show(null);
  expect(two.heard).toEqual(["reach"]);
});
