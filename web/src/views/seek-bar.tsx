// A position in a video: a range input, so that keys and screen readers know it, under a bar that shows more.
import { useSignal } from "@preact/signals";
import { clock, spokenClock } from "../format.ts";
import { type Cue, cueAt } from "../storyboard.ts";
import { seekByKey, type Transport } from "./use-transport.ts";

interface Props {
  transport: Transport;
  storyboard: readonly Cue[] | undefined;
  label: string;
}

/** The longest edge of a preview, in CSS pixels. */
const PREVIEW = 176;

export function SeekBar({ transport, storyboard, label }: Props) {
  const { positionMs, durationMs, bufferedMs, to } = transport;
  /** Where the pointer or the keyboard is, 0 to 1. */
  const pointed = useSignal<number | undefined>(undefined);
  const duration = durationMs.value;
  const share = (ms: number): string => `${duration > 0 ? Math.min(100, (100 * ms) / duration) : 0}%`;
  return (
    <div
      class="seek"
      onPointerMove={(event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        pointed.value = Math.max(0, Math.min(1, (event.clientX - left) / width));
      }}
      onPointerLeave={() => {
        pointed.value = undefined;
      }}
    >
      <div class="track">
        <span class="loaded" style={{ width: share(bufferedMs.value) }} />
        <span class="played" style={{ width: share(positionMs.value) }} />
      </div>
      <input
        type="range"
        min={0}
        max={Math.max(1, duration / 1000)}
        step={0.1}
        value={positionMs.value / 1000}
        aria-label={label}
        aria-valuetext={`${spokenClock(positionMs.value)} of ${spokenClock(duration)}`}
        onKeyDown={(event) => seekByKey(event, transport)}
        onInput={({ currentTarget }) => {
          to(Number(currentTarget.value) * 1000);
          pointed.value = duration > 0 ? (Number(currentTarget.value) * 1000) / duration : undefined;
        }}
        onBlur={() => {
          pointed.value = undefined;
        }}
      />
      {pointed.value !== undefined && duration > 0 && (
        <Preview at={pointed.value} durationMs={duration} storyboard={storyboard} />
      )}
    </div>
  );
}

function Preview({
  at,
  durationMs,
  storyboard,
}: {
  at: number;
  durationMs: number;
  storyboard: readonly Cue[] | undefined;
}) {
  const cue = storyboard && cueAt(storyboard, (at * durationMs) / 1000);
  const scale = cue ? PREVIEW / Math.max(cue.width, cue.height) : 1;
  const picture = cue && {
    width: `${cue.width}px`,
    height: `${cue.height}px`,
    backgroundImage: `url("${cue.sheet}")`,
    backgroundPosition: `${-cue.x}px ${-cue.y}px`,
    zoom: scale,
  };
  const half = cue ? (cue.width * scale) / 2 : 24;
  return (
    <div
      class="preview"
      style={{ left: `clamp(${half}px, ${at * 100}%, calc(100% - ${half}px))` }}
      data-cue={cue ? `${cue.x},${cue.y}` : undefined}
    >
      {picture && <div class="still" style={picture} />}
      <span class="numbers">{clock(at * durationMs)}</span>
    </div>
  );
}
