// Playing, pausing and seeking of a media element, as signals for whatever controls it has.
import { type ReadonlySignal, type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

export interface Transport {
  playing: ReadonlySignal<boolean>;
  muted: ReadonlySignal<boolean>;
  positionMs: ReadonlySignal<number>;
  durationMs: ReadonlySignal<number>;
  /** How far it is loaded without a gap. */
  bufferedMs: ReadonlySignal<number>;
  toggle: () => void;
  mute: () => void;
  skip: (seconds: number) => void;
  to: (ms: number) => void;
  /** For the element. */
  events: Record<string, () => void>;
}

/** Often enough to light up one word after the other. */
const TICK_MS = 80;

/** Seconds by key. A slider's own step is for the pointer: a tenth of a second. */
const STEPS: Record<string, number> = {
  ArrowLeft: -5,
  ArrowDown: -5,
  ArrowRight: 5,
  ArrowUp: 5,
  PageDown: -30,
  PageUp: 30,
};

/** Seeks by the keys of a slider. */
export function seekByKey(event: KeyboardEvent, { skip }: Pick<Transport, "skip">): void {
  const seconds = STEPS[event.key];
  if (seconds === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  skip(seconds);
}

export function useTransport(
  element: RefObject<HTMLMediaElement>,
  seek: Signal<number | undefined>,
  positionMs: Signal<number>,
): Transport {
  const playing = useSignal(false);
  const muted = useSignal(false);
  const durationMs = useSignal(0);
  const bufferedMs = useSignal(0);

  function look(): void {
    const { currentTime = 0, duration = 0, buffered } = element.current ?? {};
    positionMs.value = currentTime * 1000;
    durationMs.value = Number.isFinite(duration) ? duration * 1000 : 0;
    for (let index = 0; buffered && index < buffered.length; index += 1) {
      if (buffered.start(index) <= currentTime && currentTime <= buffered.end(index))
        bufferedMs.value = buffered.end(index) * 1000;
    }
  }

  function to(ms: number): void {
    const media = element.current;
    if (!media) return;
    media.currentTime = ms / 1000;
    positionMs.value = ms;
  }

  useEffect(() => {
    if (!playing.value) return undefined;
    const timer = setInterval(look, TICK_MS);
    return () => clearInterval(timer);
  }, [playing.value]);

  // A jump that comes before the length is known has to wait for it.
  const wanted = seek.value;
  const ready = durationMs.value > 0;
  useEffect(() => {
    if (wanted === undefined || !ready) return;
    seek.value = undefined;
    to(wanted);
    void element.current?.play().catch(() => undefined);
  }, [wanted, ready]);

  return {
    playing,
    muted,
    positionMs,
    durationMs,
    bufferedMs,
    to,
    toggle: () => {
      const media = element.current;
      if (media?.paused) void media.play().catch(() => undefined);
      else media?.pause();
    },
    mute: () => {
      if (element.current) element.current.muted = !element.current.muted;
    },
    skip: (seconds) => to(Math.max(0, Math.min(positionMs.peek() + seconds * 1000, durationMs.peek()))),
    events: {
      onPlay: () => {
        playing.value = true;
      },
      onPause: () => {
        playing.value = false;
        look();
      },
      onTimeUpdate: look,
      onProgress: look,
      onSeeked: look,
      onDurationChange: look,
      onLoadedMetadata: look,
      onVolumeChange: () => {
        muted.value = element.current?.muted ?? false;
      },
    },
  };
}
