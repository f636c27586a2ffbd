import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../src/failure.ts";
import { type Deps, Follower, isNew } from "../../src/follow.ts";
import type { PushEvent } from "../../src/types.ts";

const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`;

function event(revision: number, second: number, status: "RUNNING" | "COMPLETED" = "RUNNING"): PushEvent {
  const more = { stage: "transcode", progress: 40, outputsReady: 2 } as const;
  return { type: "job", jobId: "job_1", mediaId: "med_1", revision, status, updatedAt: at(second), ...more };
}

test("an event that tells nothing new is ignored", () => {
  const told = { revision: 3, updatedAt: at(5), ended: false };
  const read = { updatedAt: at(5), ended: false };
  assert.ok(isNew(undefined, event(1, 5)), "the first of a job");
  assert.ok(isNew(told, event(4, 5)), "two changes within a millisecond");
  assert.ok(!isNew(told, event(3, 5)), "it came twice");
  assert.ok(!isNew(told, event(2, 4)), "it came late");
  assert.ok(!isNew(read, event(3, 4)), "a read has overtaken it");
  assert.ok(isNew(told, event(4, 4, "COMPLETED")), "an end is always new");
  assert.ok(!isNew({ ...told, ended: true }, event(9, 9)), "nothing comes after the end");
});

test("a deletion is told of after the end too", () => {
  const deleted: PushEvent = { type: "deleted", jobId: "job_1", mediaId: "med_1", revision: 4 };
  assert.ok(isNew({ revision: 3, ended: true }, deleted));
  assert.ok(!isNew({ revision: 4, ended: false }, deleted), "it came twice");
});

/** A socket that opens, tells one event and closes. */
class Socket extends EventTarget {
  readyState = 1;
  close(): void {
    this.dispatchEvent(new Event("close"));
  }
}

function deps(more: Partial<Deps>): { deps: Deps; connections: string[] } {
  const connections: string[] = [];
  const none = { ticket: () => Promise.reject(new Error("none")), connect: () => new Socket() as unknown as WebSocket };
  const rest = { active: () => ["job_1"], read: () => Promise.resolve(1), event: () => undefined };
  return { connections, deps: { ...none, ...rest, connection: (now) => connections.push(now), ...more } };
}

test("without push, jobs are asked for until they have ended, and no socket is tried for again", async () => {
  let [reads, tickets] = [0, 0];
  const off = new Failure({ code: "push_disabled", message: "", status: 404 });
  const { deps: given, connections } = deps({
    ticket: () => {
      tickets += 1;
      return Promise.reject(off);
    },
    active: () => (reads < 2 ? ["job_1"] : []),
    read: () => {
      reads += 1;
      return Promise.resolve(1);
    },
  });
  const follower = new Follower(given);
  const run = follower.run();
  await new Promise((resolve) => setTimeout(resolve, 1300));
  follower.stop();
  await run;
  assert.deepEqual([reads, tickets, connections], [2, 1, ["polling"]]);
});

test("a socket that opens is followed by one look, since it repeats nothing", async () => {
  let reads = 0;
  const socket = new Socket();
  const seen: PushEvent[] = [];
  const { deps: given, connections } = deps({
    ticket: () => Promise.resolve("wss://sockets.example/?ticket=1"),
    connect: () => socket as unknown as WebSocket,
    read: () => {
      reads += 1;
      return Promise.resolve(1);
    },
    event: (told) => seen.push(told),
  });
  const follower = new Follower(given);
  const run = follower.run();
  await new Promise((resolve) => setTimeout(resolve, 10));
  socket.dispatchEvent(new Event("open"));
  socket.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(event(1, 1)) }));
  socket.dispatchEvent(new MessageEvent("message", { data: '{"type":"later"}' }));
  socket.dispatchEvent(new MessageEvent("message", { data: "no JSON" }));
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.deepEqual([reads, seen.length, connections], [1, 1, ["live"]]);
  follower.stop();
  await run;
});

test("a new job is looked at at once, however long the pause", async () => {
  let reads = 0;
  const { deps: given } = deps({
    ticket: () => Promise.reject(new Failure({ code: "push_disabled", message: "", status: 404 })),
    read: () => {
      reads += 1;
      return Promise.resolve(30_000);
    },
  });
  const follower = new Follower(given);
  const run = follower.run();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(reads, 1);
  follower.nudge();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(reads, 2);
  follower.stop();
  await run;
});
