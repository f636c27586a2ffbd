// Pictures that failed to load are loaded again: a signed address may have expired, or the connection was lost.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { BACKOFF, pauseMs } from "../retry.ts";
import { online } from "./offline.tsx";

export interface Reloading {
  /** For the `key` of the element: the browser loads the same address again only for a new element. */
  load: number;
  onLoad: () => void;
  onError: () => void;
}

/**
 * Loads a picture again after growing pauses, but not while the browser is offline. `renew` reads its job, which gives
 * it another address if this one has expired.
 */
export function useReloading(renew: () => void): Reloading {
  const load = useSignal(0);
  const broken = useSignal(false);
  const tried = useRef(0);
  useEffect(() => {
    if (!broken.value || !online.value || tried.current >= BACKOFF.tries) return;
    const timer = setTimeout(
      () => {
        tried.current += 1;
        broken.value = false;
        load.value += 1;
      },
      pauseMs(tried.current + 1, Math.random()),
    );
    return () => clearTimeout(timer);
  }, [broken.value, online.value]);
  useEffect(() => {
    if (!online.value) tried.current = 0;
  }, [online.value]);
  return {
    load: load.value,
    onLoad: () => {
      tried.current = 0;
    },
    onError: () => {
      broken.value = true;
      renew();
    },
  };
}
