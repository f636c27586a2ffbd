// The video player: our own controls, since a browser's have neither a storyboard nor a choice of quality.
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Failure } from "../failure.ts";
import { clock } from "../format.ts";
import { type Playback, play, type Start } from "../playback.ts";
import { useStack } from "../stack.ts";
import type { Job, Media } from "../types.ts";
import { Icon } from "./icons.tsx";
import { Problem } from "./problem.tsx";
import { SeekBar } from "./seek-bar.tsx";
import { useStoryboard } from "./use-storyboard.ts";
import { useTransport } from "./use-transport.ts";

interface Props {
  job: Job;
  media: Media;
  /** Where somebody wants to be, in milliseconds; taken and cleared. */
  seek: Signal<number | undefined>;
  positionMs: Signal<number>;
}

/** Controls over a playing video disappear after this. */
const IDLE_MS = 2500;

export function VideoPlayer({ job, media, seek, positionMs }: Props) {
  const { api, jobs } = useStack();
  const frame = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const playback = useSignal<Playback | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const attempt = useSignal(0);
  const idle = useSignal(false);
  const resume = useRef<Start>({ atS: 0, playing: false });
  const timer = useRef<ReturnType<typeof setTimeout>>();
  const transport = useTransport(video, seek, positionMs);
  const storyboard = useStoryboard(job);
  const master = job.outputs?.find(({ name }) => name === "master.m3u8");
  const poster = job.outputs?.find(({ name }) => name === "poster.jpg");
  const { displayed } = media.facts?.av?.video ?? {};

  // Captions and further rungs come into the playlist at the end; then it is opened anew.
  useEffect(() => {
    const element = video.current;
    if (!element) return undefined;
    let [stopped, begun] = [false, undefined as Playback | undefined];
    const start = resume.current;
    failure.value = undefined;
    jobs
      .fresh(job.jobId)
      .then((fresh) => (stopped ? undefined : play(element, fresh, api, start)))
      .then((ready) => {
        if (!ready) return;
        if (stopped) return ready.stop();
        begun = ready;
        playback.value = ready;
      })
      .catch((thrown: unknown) => {
        failure.value = Failure.of(thrown);
      });
    return () => {
      stopped = true;
      // To stop is to pause and to go back to the beginning.
      resume.current = { atS: element.currentTime, playing: !element.paused };
      begun?.stop();
    };
  }, [job.jobId, master?.sha256, attempt.value]);

  function stir(): void {
    idle.value = false;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      idle.value = transport.playing.peek();
    }, IDLE_MS);
  }

  function keyed(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    stir();
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    const action = {
      k: transport.toggle,
      m: transport.mute,
      f: fullscreen,
      c: toggleCaptions,
      j: () => transport.skip(-10),
      l: () => transport.skip(10),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  function fullscreen(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void frame.current?.requestFullscreen?.().catch(() => undefined);
  }

  function toggleCaptions(): void {
    const now = playback.value;
    if (now && now.captions.value.length > 0) now.chooseCaption(now.caption.value >= 0 ? -1 : 0);
  }

  const problem = failure.value ?? playback.value?.failure.value;
  const lines = playback.value?.lines(transport.positionMs.value / 1000) ?? [];
  const shape = displayed ? { aspectRatio: `${displayed.width} / ${displayed.height}` } : {};
  return (
    <>
      <div
        class={`player ${idle.value ? "idle" : ""}`}
        ref={frame}
        onKeyDown={keyed}
        onPointerMove={stir}
        onFocusIn={stir}
        role="group"
        aria-label="Video player"
      >
        <video
          ref={video}
          style={shape}
          poster={poster?.url}
          playsInline
          preload="metadata"
          aria-label={media.filename}
          onClick={transport.toggle}
          {...transport.events}
        />
        {!transport.playing.value && transport.positionMs.value === 0 && !problem && (
          <button type="button" class="big-play" aria-label="Play video" onClick={transport.toggle}>
            <Icon name="play" />
          </button>
        )}
        {lines.length > 0 && (
          <p class="caption">
            {lines.map((line) => (
              <span key={line}>{line}</span>
            ))}
          </p>
        )}
        <div class="controls">
          <SeekBar transport={transport} storyboard={storyboard.value} label="Position in the video" />
          <div class="buttons">
            <button type="button" aria-label={transport.playing.value ? "Pause" : "Play"} onClick={transport.toggle}>
              <Icon name={transport.playing.value ? "pause" : "play"} />
            </button>
            <button
              type="button"
              class="mute"
              aria-label="Mute"
              aria-pressed={transport.muted.value}
              onClick={transport.mute}
            >
              <Icon name={transport.muted.value ? "muted" : "volume"} />
            </button>
            <span class="numbers">{`${clock(transport.positionMs.value)} / ${clock(transport.durationMs.value)}`}</span>
            <span class="gap" />
            {playback.value && <Choice playback={playback.value} toggleCaptions={toggleCaptions} />}
            <button type="button" aria-label="Full screen" onClick={fullscreen}>
              <Icon name="fullscreen" />
            </button>
          </div>
        </div>
      </div>
      {problem && (
        <Problem
          failure={problem}
          retry={() => {
            attempt.value += 1;
          }}
        />
      )}
    </>
  );
}

function Choice({ playback, toggleCaptions }: { playback: Playback; toggleCaptions: () => void }) {
  const { levels, chosen, playing, captions, caption, chooseLevel, chooseCaption } = playback;
  return (
    <>
      {captions.value.length === 1 && (
        <button
          type="button"
          aria-label={`Captions: ${captions.value[0]?.label}`}
          aria-pressed={caption.value >= 0}
          onClick={toggleCaptions}
        >
          <Icon name="captions" />
        </button>
      )}
      {captions.value.length > 1 && (
        <select
          aria-label="Captions"
          value={caption.value}
          onChange={({ currentTarget }) => chooseCaption(Number(currentTarget.value))}
        >
          <option value={-1}>No captions</option>
          {captions.value.map(({ index, label }) => (
            <option key={index} value={index}>
              {label}
            </option>
          ))}
        </select>
      )}
      {levels.value.length > 1 && (
        <select
          aria-label="Quality"
          value={chosen.value}
          onChange={({ currentTarget }) => chooseLevel(Number(currentTarget.value))}
        >
          <option value={-1}>{playing.value ? `Auto (${playing.value})` : "Auto"}</option>
          {levels.value.map(({ index, label }) => (
            <option key={index} value={index}>
              {label}
            </option>
          ))}
        </select>
      )}
    </>
  );
}
