// Run by bench/tests/test_line.py.
import assert from "node:assert/strict";
import test from "node:test";
import { Line, wanted } from "./line.mjs";

test("data arrives in order at the line's rate", () => {
  const line = new Line(800);
  line.begin(1000);
  assert.equal(line.carry(1000, 1000), 10);
  line.begin(1000);
  assert.equal(line.carry(1000, 1000), 20, "after the other one");
  line.kbps = 8000;
  assert.equal(line.carry(1000, 1020), 1, "faster from now on");
});

test("a timer's delay is caught up, but idle time is not saved", () => {
  const line = new Line(800);
  line.begin(0);
  assert.equal(line.carry(1000, 0), 10);
  assert.equal(line.carry(1000, 14), 6);
  line.end();
  line.begin(5000);
  assert.equal(line.carry(1000, 5000), 10);
});

test("a player that pauses reading gets only the catch-up amount at once", () => {
  const line = new Line(800);
  line.begin(0);
  assert.equal(line.carry(1000, 0), 10);
  assert.equal(line.carry(10_000, 10_000), 50);
});

test("ranges end with the file", () => {
  assert.deepEqual(wanted(undefined, 10), { start: 0, end: 9 });
  assert.deepEqual(wanted("bytes=2-", 10), { start: 2, end: 9 });
  assert.deepEqual(wanted("bytes=2-50", 10), { start: 2, end: 9 });
  assert.equal(wanted("bytes=10-", 10), null);
});
