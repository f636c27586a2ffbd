// Follows jobs: by push where the stack has it, and by asking for them where it has not, or while a socket is away.
// A socket says that something has changed; what it is now is always read from the API.
import { Failure } from "./failure.ts";
import { pauseMs, sleep } from "./retry.ts";
import type { PushEvent } from "./types.ts";

/** Events can be lost, so jobs are read this often while a socket is open. */
const LOOK_MS = 60_000;
/** API Gateway closes an idle socket after ten minutes. */
const PING_MS = 300_000;
/** The bounds of what the API is asked for with `Retry-After`, and the pause where it does not say. */
const POLL_MS = { shortest: 500, usual: 2_000, longest: 30_000 };
/** Between tries to open a socket. */
const REOPEN = { tries: Number.POSITIVE_INFINITY, firstMs: 500, longestMs: 60_000 };
/** A socket that stayed open this long was a good one: the next is tried for soon. */
const STEADY_MS = 60_000;

/** How the page learns of changes: `live` by a socket, `polling` without one. */
export type Connection = "connecting" | "live" | "polling";

export interface Deps {
  /** Asks for a ticket; resolves with the address of a socket. */
  ticket: () => Promise<string>;
  connect: (url: string) => WebSocket;
  /** Ids of the jobs that have not ended. */
  active: () => string[];
  /** Reads a job; resolves with the pause that the API asks for. */
  read: (jobId: string) => Promise<number | undefined>;
  event: (event: PushEvent) => void;
  connection: (connection: Connection) => void;
}

/** Last known state of a job. */
export interface Known {
  /** None if the state was read. */
  revision?: number | undefined;
  updatedAt?: string | undefined;
  ended: boolean;
}

const ENDED = new Set(["COMPLETED", "FAILED", "CANCELLED"]);

/** Whether an event tells something new: events can come twice, late, and after a read that has overtaken them. */
export function isNew(known: Known | undefined, event: PushEvent): boolean {
  if (!known) return true;
  if (known.ended) return event.type === "deleted";
  if (event.type === "deleted") return known.revision === undefined || event.revision > known.revision;
  // An end is always new: a worker whose clock is ahead can have given the change before it a later time.
  if (ENDED.has(event.status)) return true;
  if (known.revision !== undefined && event.revision <= known.revision) return false;
  return known.updatedAt === undefined || event.updatedAt >= known.updatedAt;
}

export class Follower {
  #stopped = new AbortController();
  #nudged = new AbortController();
  #socket: WebSocket | undefined;

  constructor(private readonly deps: Deps) {}

  /** Follows until `stop`. */
  async run(): Promise<void> {
    let [failures, hasPush] = [0, true];
    while (!this.#stopped.signal.aborted) {
      const opened = Date.now();
      if (hasPush) {
        try {
          await this.#live(await this.deps.ticket());
          if (Date.now() - opened >= STEADY_MS) failures = 0;
        } catch (thrown) {
          // Off for good: the operator has switched it off, or the token is no longer good.
          if (thrown instanceof Failure && (thrown.code === "push_disabled" || thrown.status === 401)) hasPush = false;
        }
        failures += 1;
      }
      if (this.#stopped.signal.aborted) return;
      this.deps.connection("polling");
      const pause = hasPush ? pauseMs(failures, Math.random(), REOPEN) : Number.POSITIVE_INFINITY;
      await this.#poll(Date.now() + pause);
    }
  }

  stop(): void {
    this.#stopped.abort();
    this.#nudged.abort();
    this.#socket?.close();
  }

  /** There is a new job to follow, or the network is back: looks at once. */
  nudge(): void {
    this.#nudged.abort();
    this.#nudged = new AbortController();
  }

  /** Reads a socket until it closes. */
  async #live(url: string): Promise<void> {
    const socket = this.deps.connect(url);
    this.#socket = socket;
    const closed = new AbortController();
    socket.addEventListener("close", () => closed.abort());
    socket.addEventListener("error", () => closed.abort());
    socket.addEventListener("message", ({ data }) => {
      const event = parsed(data);
      if (event) this.deps.event(event);
    });
    socket.addEventListener("open", () => {
      this.deps.connection("live");
      // What happened before it was open is not told again.
      void this.#look();
    });
    const look = setInterval(() => void this.#look(), LOOK_MS);
    const ping = setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('{"type":"ping"}'), PING_MS);
    await sleep(2 ** 31 - 1, closed.signal);
    clearInterval(look);
    clearInterval(ping);
    this.#socket = undefined;
  }

  /** Reads the jobs again and again until `deadline`, in milliseconds since 1970. */
  async #poll(deadline: number): Promise<void> {
    let failures = 0;
    while (!this.#stopped.signal.aborted && Date.now() < deadline) {
      const nudged = this.#nudged.signal;
      const pause = await this.#look();
      failures = pause === "failed" ? failures + 1 : 0;
      const wanted = pause === "failed" ? 1000 * 2 ** Math.min(failures, 5) : (pause ?? POLL_MS.usual);
      const idle = this.deps.active().length === 0 ? Number.POSITIVE_INFINITY : 0;
      const bounded = Math.max(idle, Math.min(Math.max(wanted, POLL_MS.shortest), POLL_MS.longest));
      await sleep(Math.min(bounded, deadline - Date.now(), 2 ** 31 - 1), nudged);
    }
  }

  /** Reads each job that has not ended. Resolves with the shortest pause that the API asks for. */
  async #look(): Promise<number | undefined | "failed"> {
    const read = await Promise.allSettled(this.deps.active().map((id) => this.deps.read(id)));
    if (read.length > 0 && read.every(({ status }) => status === "rejected")) return "failed";
    const pauses = read.flatMap((one) => (one.status === "fulfilled" && one.value !== undefined ? [one.value] : []));
    return pauses.length > 0 ? Math.min(...pauses) : undefined;
  }
}

function parsed(data: unknown): PushEvent | undefined {
  try {
    const read: unknown = JSON.parse(String(data));
    const known =
      typeof read === "object" && read !== null && "type" in read && (read.type === "job" || read.type === "deleted");
    return known ? (read as PushEvent) : undefined;
  } catch {
    return undefined;
  }
}
