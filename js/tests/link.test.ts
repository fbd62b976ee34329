import { expect, test } from "vitest";
import { follow, listen } from "../src/link";
import { fakeHost, FakeModel, settle } from "./fake_model";

test("a reference is followed through changes: the former model is let go, slow answers that came too late are dropped", async () => {
  const models: Record<string, FakeModel<{ value: number }>> = { a: new FakeModel({ value: 1 }), b: new FakeModel({ value: 2 }) };
  const slow: Record<string, Promise<void>> = {};
  const host = fakeHost(async (name) => {
    await slow[name];
    return models[name]!.any;
  });
  const owner = new FakeModel<{ ref: string | null }>({ ref: "IPY_MODEL_a" });
  const ending = new AbortController();
  const seen: (number | null)[] = [];
  follow<{ value: number }>(owner.any, "ref", { host, signal: ending.signal }, (model, until) => {
    const report = (): void => void seen.push(model?.get("value") ?? null);
    if (model) listen(model, ["change:value"], report, until);
    report();
  });
  await settle();
  owner.set("ref", "IPY_MODEL_b");
  await settle();
  models.a!.set("value", 10);
  models.b!.set("value", 20);
  expect(seen).toEqual([1, 2, 20]);
  expect(models.a!.heard).toBe(0);

  let answer = (): void => {};
  slow.a = new Promise((done) => (answer = done));
  owner.set("ref", "IPY_MODEL_a");
  owner.set("ref", null);
  await settle();
  answer();
  await settle();
  expect(seen).toEqual([1, 2, 20, null]);

  ending.abort();
  expect([owner.heard, models.a!.heard, models.b!.heard]).toEqual([0, 0, 0]);
});
