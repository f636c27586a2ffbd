import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "../dist/answer.js";
import { Memory, type Store, tidy } from "../dist/memory.js";
import { Progress } from "../dist/progress.js";
import { BACKOFF, pauseMs, retry } from "../dist/retry.js";
import { PageStore } from "./page.js";

test("pauses grow to a limit and jitter within their upper half", () => {
  const pause = (tried: number, chance: number) => pauseMs(BACKOFF, tried, chance);
  assert.deepEqual([pause(1, 0), pause(1, 1)], [125, 250]);
  assert.deepEqual([pause(3, 0), pause(3, 1)], [500, 1000]);
  assert.deepEqual([pause(60, 0), pause(60, 1)], [4000, 8000]);
});

test("an aborted retry ends with the reason of the abort", async () => {
  const reason = Symbol("reason");
  await assert.rejects(retry(BACKOFF, AbortSignal.abort(reason), async () => 1), (error) => error === reason);
});

test("Retry-After is seconds or nothing", () => {
  assert.deepEqual(["2", "0.5", " 3 "].map(retryAfterMs), [2000, 500, 3000]);
  for (const nothing of [null, "", "-1", "NaN", "1e400", "Wed, 21 Oct 2015 07:28:00 GMT"]) {
    assert.equal(retryAfterMs(nothing), 0, String(nothing));
  }
});

test("an upload is remembered by its identity until it is forgotten", async () => {
  const store = new PageStore();
  const memory = await Memory.of(store, ["a", 1]);
  assert.equal(memory.recall(), undefined);
  memory.remember("med_1");
  assert.equal((await Memory.of(store, ["a", 1])).recall(), "med_1");
  assert.equal((await Memory.of(store, ["a", 2])).recall(), undefined);
  memory.forget();
  assert.equal(memory.recall(), undefined);
});

test("an unusable store is ignored", async () => {
  const refuse = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  const full: Store = { getItem: refuse, setItem: refuse, removeItem: refuse, key: refuse, length: 1 };
  for (const store of [full, undefined]) {
    const memory = await Memory.of(store, "a");
    memory.remember("med_1");
    assert.equal(memory.recall(), undefined);
    memory.forget();
    tidy(store, 0);
  }
});

test("entries of expired uploads are removed, those of others are not", async () => {
  const store = new PageStore();
  store.setItem("theme", "dark");
  (await Memory.of(store, "a")).remember("med_1");
  tidy(store, Date.now() + 6 * 24 * 3600 * 1000);
  assert.equal(store.length, 2);
  tidy(store, Date.now() + 8 * 24 * 3600 * 1000);
  assert.deepEqual([...store.entries.keys()], ["theme"]);
});

test("progress sums parts, takes back what is repeated, and is told at most ten times a second", () => {
  const told: number[] = [];
  let now = 1000;
  const progress = new Progress((bytes) => told.push(bytes), () => now);
  progress.set(1, 10);
  progress.set(2, 5);
  assert.deepEqual(told, [10]);
  now += 100;
  progress.set(1, 0);
  assert.deepEqual(told, [10, 5]);
  progress.arrived(1, 20);
  assert.deepEqual(told, [10, 5, 25], "an arrival is told at once");
});
