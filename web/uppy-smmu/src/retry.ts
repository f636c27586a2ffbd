// Retries of transient failures, with exponential backoff and jitter.

import { Transient } from "./error.js";

/** Number of tries and the pauses between them. */
export interface Backoff {
  /** Number of tries, including the first. */
  tries: number;
  /** Pause after the first try, in milliseconds. Each further pause is twice as long. */
  firstMs: number;
  /** The longest pause, in milliseconds. */
  longestMs: number;
}

/** About twelve seconds of pauses in total: enough for a cold start, a deployment or a short network failure. */
export const BACKOFF: Backoff = { tries: 7, firstMs: 250, longestMs: 8000 };

/** Upper bound on the pause from a service's `Retry-After`. */
export const LONGEST_RETRY_AFTER_MS = 60_000;

/**
 * Retries until `attempt` succeeds, fails finally, or all tries are used. While the browser is offline it waits instead,
 * for as long as that takes.
 */
export async function retry<T>(backoff: Backoff, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried++) {
    signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      if (globalThis.navigator?.onLine === false) {
        await online(signal);
        tried = 0;
        continue;
      }
      if (tried >= backoff.tries) throw error.failure;
      const asked = Math.min(error.retryAfterMs, LONGEST_RETRY_AFTER_MS);
      await sleep(Math.max(pauseMs(backoff, tried, Math.random()), asked), signal);
    }
  }
}

/** The pause after `tried` tries: between half and all of its full length, by `chance` (0 to 1). */
export function pauseMs(backoff: Backoff, tried: number, chance: number): number {
  const full = Math.min(backoff.firstMs * 2 ** (tried - 1), backoff.longestMs);
  return full * (0.5 + chance / 2);
}

/** Waits; rejects with the signal's reason as soon as it aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return until(signal, (wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  });
}

/** Waits until the browser is online again. */
function online(signal: AbortSignal): Promise<void> {
  return until(signal, (wake) => {
    globalThis.addEventListener("online", wake);
    return () => globalThis.removeEventListener("online", wake);
  });
}

/** Waits for `wake` to be called. `start` returns how to stop waiting for it. */
export function until(signal: AbortSignal, start: (wake: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const settle = (end: () => void) => {
      stop();
      signal.removeEventListener("abort", aborted);
      end();
    };
    const aborted = () => settle(() => reject(signal.reason));
    const stop = start(() => settle(resolve));
    signal.addEventListener("abort", aborted);
  });
}
