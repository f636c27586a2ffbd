// The audio player: the waveform is the seek bar.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { readOutput } from "../api.ts";
import { clock, spokenClock } from "../format.ts";
import type { Job, Output, Waveform } from "../types.ts";
import { bars, path } from "../waveform.ts";
import { Icon } from "./icons.tsx";
import { seekByKey, useTransport } from "./use-transport.ts";

interface Props {
  job: Job;
  seek: Signal<number | undefined>;
  positionMs: Signal<number>;
  /** Asks for new addresses. */
  renew: () => void;
}

/** Units of the drawing: a bar is as wide as its gap. */
const [HEIGHT, BAR] = [96, 5];

export function AudioPlayer({ job, seek, positionMs, renew }: Props) {
  const audio = useRef<HTMLAudioElement>(null);
  const transport = useTransport(audio, seek, positionMs);
  const sound = playable(job.outputs ?? []);
  const cover = job.outputs?.find(({ role }) => role === "cover");
  const source = useSignal(sound?.url);
  const broken = useSignal(false);
  // An address lives a quarter of an hour. The element keeps the first one until it fails, then goes on where it was.
  useEffect(() => {
    if (!broken.value || sound?.url === source.value) return;
    broken.value = false;
    const at = positionMs.value;
    source.value = sound?.url;
    if (at > 0) seek.value = at;
  }, [sound?.url, broken.value]);
  return (
    <div class={`audio ${cover ? "covered" : ""}`} role="group" aria-label="Audio player">
      <audio
        ref={audio}
        src={source.value}
        preload="metadata"
        onError={() => {
          broken.value = true;
          renew();
        }}
        {...transport.events}
      />
      {cover && <img class="cover" src={cover.url} alt="Cover" />}
      <div class="line">
        <button
          type="button"
          class="button primary square round"
          aria-label={transport.playing.value ? "Pause" : "Play"}
          onClick={transport.toggle}
        >
          <Icon name={transport.playing.value ? "pause" : "play"} />
        </button>
        <Wave job={job} transport={transport} />
      </div>
      <p class="times numbers small soft">
        <span>{clock(transport.positionMs.value)}</span>
        <span>{clock(transport.durationMs.value)}</span>
      </p>
    </div>
  );
}

function Wave({ job, transport }: { job: Job; transport: ReturnType<typeof useTransport> }) {
  const { positionMs, durationMs, to } = transport;
  const box = useRef<HTMLDivElement>(null);
  const count = useSignal(0);
  const waveform = useSignal<Waveform | undefined>(undefined);
  const output = job.outputs?.find(({ name }) => name === "waveform.json");
  useEffect(() => {
    if (output)
      readOutput<Waveform>(output.url).then(
        (read) => (waveform.value = read),
        () => undefined,
      );
  }, [output?.sha256]);
  useEffect(() => {
    const sized = new ResizeObserver(([entry]) => {
      count.value = Math.floor((entry?.contentRect.width ?? 0) / BAR);
    });
    if (box.current) sized.observe(box.current);
    return () => sized.disconnect();
  }, []);
  const heights = waveform.value && count.value > 0 ? bars(waveform.value, count.value) : undefined;
  const drawn = heights && path(heights, HEIGHT);
  const share = durationMs.value > 0 ? positionMs.value / durationMs.value : 0;
  return (
    <div class="wave" ref={box}>
      {drawn && (
        <svg viewBox={`0 0 ${count.value} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <clipPath id="played">
            <rect width={share * count.value} height={HEIGHT} />
          </clipPath>
          <path class="all" d={drawn} />
          <path class="done" d={drawn} clip-path="url(#played)" />
        </svg>
      )}
      <input
        type="range"
        min={0}
        max={Math.max(1, durationMs.value / 1000)}
        step={0.1}
        value={positionMs.value / 1000}
        aria-label="Position in the recording"
        aria-valuetext={`${spokenClock(positionMs.value)} of ${spokenClock(durationMs.value)}`}
        onKeyDown={(event) => seekByKey(event, transport)}
        onInput={({ currentTarget }) => to(Number(currentTarget.value) * 1000)}
      />
    </div>
  );
}

/** AAC plays everywhere; Opus is the smaller one where it does not. */
function playable(outputs: readonly Output[]): Output | undefined {
  const probe = document.createElement("audio");
  const sounds = outputs.filter(
    ({ role, state, contentType }) => role === "rendition" && state === "ready" && contentType.startsWith("audio/"),
  );
  const types = sounds.map((output) => ({
    output,
    says: probe.canPlayType(`${output.contentType}; codecs="${output.codecs ?? ""}"`),
  }));
  return (types.find(({ says }) => says === "probably") ?? types.find(({ says }) => says !== "") ?? types[0])?.output;
}
