// Every job that the page has seen, each in a signal of its own, so that a change redraws only what shows it.
import { type Signal, signal } from "@preact/signals";
import type { Api } from "./api.ts";
import { Failure } from "./failure.ts";
import { type Connection, Follower, isNew, type Known } from "./follow.ts";
import type { Job, PushEvent } from "./types.ts";

/** Progress events come several a second; the rest of a job (time left, outputs) is read at most this often. */
const DETAILS_MS = 2_000;
/** Signed addresses with less time than this left are asked for again. */
const FRESH_MS = 60_000;

export const hasEnded = ({ status }: Pick<Job, "status">): boolean =>
  status === "COMPLETED" || status === "FAILED" || status === "CANCELLED";

export type Jobs = ReturnType<typeof createJobs>;

export function createJobs(api: Api) {
  const jobs = new Map<string, Signal<Job | undefined>>();
  const known = new Map<string, Known & { etag?: string | undefined }>();
  const details = new Map<string, ReturnType<typeof setTimeout>>();
  const reading = new Map<string, Promise<number | undefined>>();
  const connection = signal<Connection>("connecting");
  /** Told of every job that ended or was deleted, and of those that the page did not know. */
  const listeners = new Set<(jobId: string, mediaId: string, what: "new" | "ended" | "deleted") => void>();

  const follower = new Follower({
    ticket: async () => (await api.socket()).url,
    connect: (url) => new WebSocket(url),
    active: () => [...jobs].flatMap(([id, { value }]) => (value && !hasEnded(value) ? [id] : [])),
    read: (jobId) => read(jobId),
    event,
    connection: (now) => {
      connection.value = now;
    },
  });

  function of(jobId: string): Signal<Job | undefined> {
    let found = jobs.get(jobId);
    if (!found) jobs.set(jobId, (found = signal(undefined)));
    return found;
  }

  function tell(job: Pick<Job, "jobId" | "mediaId">, what: "new" | "ended" | "deleted"): void {
    for (const listener of listeners) listener(job.jobId, job.mediaId, what);
  }

  /** Takes in a job as the API gave it. */
  function take(job: Job, etag?: string): void {
    const held = of(job.jobId);
    const before = held.peek();
    known.set(job.jobId, { ...known.get(job.jobId), updatedAt: job.updatedAt, ended: hasEnded(job), etag });
    // A read that was overtaken by another must not take progress back.
    if (before && before.updatedAt > job.updatedAt && !hasEnded(job)) return;
    held.value = job;
    if (before && !hasEnded(before) && hasEnded(job)) tell(job, "ended");
    if (!before && !hasEnded(job)) follower.nudge();
  }

  /** Reads a job, once however many ask for it at the same time. */
  function read(jobId: string, anew = false): Promise<number | undefined> {
    const running = reading.get(jobId);
    if (running) return running;
    const begun = readNow(jobId, anew).finally(() => reading.delete(jobId));
    reading.set(jobId, begun);
    return begun;
  }

  async function readNow(jobId: string, anew: boolean): Promise<number | undefined> {
    try {
      const { job, etag, retryAfterMs } = await api.job(jobId, anew ? undefined : known.get(jobId)?.etag);
      if (job) take(job, etag);
      return retryAfterMs;
    } catch (thrown) {
      if (thrown instanceof Failure && thrown.status === 404) forget(jobId);
      throw thrown;
    }
  }

  function forget(jobId: string): void {
    const job = jobs.get(jobId)?.peek();
    known.set(jobId, { ended: true });
    jobs.delete(jobId);
    if (job) tell(job, "deleted");
  }

  function event(event: PushEvent): void {
    const before = known.get(event.jobId);
    if (!isNew(before, event)) return;
    if (event.type === "deleted") {
      known.set(event.jobId, { revision: event.revision, ended: true });
      const { jobId, mediaId } = event;
      jobs.delete(jobId);
      return tell({ jobId, mediaId }, "deleted");
    }
    const { jobId, revision, status, stage, progress, updatedAt, outputsReady } = event;
    known.set(jobId, { ...before, revision, updatedAt, ended: hasEnded(event) });
    const job = jobs.get(jobId)?.peek();
    const more = outputsReady > (job?.outputs?.length ?? 0);
    // An end is shown once all that belongs to it has been read.
    if (job && !hasEnded(event)) of(jobId).value = { ...job, status, stage, progress, updatedAt };
    if (!job) {
      void read(jobId, true).then(
        () => tell(event, "new"),
        () => undefined,
      );
    } else if (hasEnded(event) || status !== job.status) {
      void read(jobId, true).catch(() => undefined);
    } else {
      readSoon(jobId, more);
    }
  }

  function readSoon(jobId: string, anew: boolean): void {
    if (details.has(jobId)) return;
    const wait = anew ? DETAILS_MS / 4 : DETAILS_MS;
    const timer = setTimeout(() => {
      details.delete(jobId);
      void read(jobId).catch(() => undefined);
    }, wait);
    details.set(jobId, timer);
  }

  return {
    connection,
    of,
    take,
    /** Looks at the running jobs at once. */
    nudge: () => follower.nudge(),
    start: () => void follower.run(),
    stop: () => {
      follower.stop();
      for (const timer of details.values()) clearTimeout(timer);
    },
    /** Calls `listener` on changes; returns how to stop that. */
    on: (listener: (jobId: string, mediaId: string, what: "new" | "ended" | "deleted") => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    /** A job with addresses that are good for a while: from memory, or read again. */
    async fresh(jobId: string): Promise<Job> {
      const job = jobs.get(jobId)?.peek();
      if (job && !isStale(job)) return job;
      await read(jobId, true);
      const now = jobs.get(jobId)?.peek();
      if (now) return now;
      throw new Failure({
        code: "not_found",
        message: "This job no longer exists.",
        remedy: "Go back to the library.",
        status: 404,
      });
    },
  };
}

/** Whether an address of the job's outputs is about to expire. */
export function isStale({ outputs = [] }: Job, now = Date.now()): boolean {
  const expiries = outputs.flatMap(({ urlExpiresAt, playbackUrlExpiresAt }) => [urlExpiresAt, playbackUrlExpiresAt]);
  return expiries.some((at) => at !== undefined && Date.parse(at) - now < FRESH_MS);
}
