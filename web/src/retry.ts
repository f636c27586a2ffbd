import { Failure } from "./failure.ts";

/** As the command line client does it: about twelve seconds of pauses, enough for a cold start or a short outage. */
export const BACKOFF = { tries: 7, firstMs: 250, longestMs: 8_000 };
/** A service that asks for more patience than this is told of as a failure. */
const LONGEST_RETRY_AFTER_MS = 20_000;

/** The pause after `tried` tries: between half and all of its full length, by `chance` (0 to 1). */
export function pauseMs(tried: number, chance: number, { firstMs, longestMs } = BACKOFF): number {
  return Math.min(firstMs * 2 ** (tried - 1), longestMs) * (0.5 + chance / 2);
}

/** Resolves after a pause, or at once when `signal` is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
    if (signal?.aborted) done();
  });
}

/** Tries until `attempt` succeeds, fails for good, or has had all its tries. */
export async function retry<T>(attempt: () => Promise<T>, signal?: AbortSignal, backoff = BACKOFF): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      const asked = thrown instanceof Failure ? (thrown.retryAfterMs ?? 0) : 0;
      const again = thrown instanceof Failure && isTransient(thrown) && asked <= LONGEST_RETRY_AFTER_MS;
      if (!again || tried >= backoff.tries || signal?.aborted) throw thrown;
      await sleep(Math.max(pauseMs(tried, Math.random(), backoff), asked), signal);
    }
  }
}

/** Whether the very same request can succeed soon. A daily quota cannot; it says so with a long `Retry-After`. */
export function isTransient({ code, status }: Failure): boolean {
  return code === "unreachable" || code === "throttled" || (status !== undefined && status >= 500);
}

/** Runs at most `most` tasks at a time, so that a wall of tiles does not run into the API's rate limit. */
export function limiter(most: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await task();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}
