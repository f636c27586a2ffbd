// Plays a job's HLS in a video element.
//
// hls.js plays wherever the browser has Media Source Extensions: a browser's own HLS offers no choice of quality and
// cannot send a token with a playlist. It is used where there is nothing else, and only by the CDN's address.
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Api } from "./api.ts";
import { earlyMaster, isPlayable } from "./early.ts";
import { Failure } from "./failure.ts";
import { token } from "./session.ts";
import type { Job, Output } from "./types.ts";

export interface Level {
  index: number;
  label: string;
}

export interface Caption {
  index: number;
  label: string;
}

export interface Playback {
  levels: ReadonlySignal<readonly Level[]>;
  /** The chosen level; -1 leaves the choice to the player. */
  chosen: Signal<number>;
  /** What is playing now. */
  playing: ReadonlySignal<string | undefined>;
  captions: ReadonlySignal<readonly Caption[]>;
  /** The captions that are shown; -1 for none. */
  caption: Signal<number>;
  failure: ReadonlySignal<Failure | undefined>;
  /** What the captions say at a moment, in seconds. Nothing where the browser draws them itself. */
  lines: (at: number) => string[];
  chooseLevel: (index: number) => void;
  chooseCaption: (index: number) => void;
  stop: () => void;
}

const NATIVE = "application/vnd.apple.mpegurl";

/**
 * Where a player reads the playlist: by the CDN where the stack has one, else, or if that cannot be reached, by the API.
 * While the job runs, the playlist is one of our own.
 */
function addressesOf(outputs: readonly Output[], api: Api): string[] {
  const byApi = ({ playbackPath }: Output): string => `${api.base}${playbackPath}`;
  const byCdn = (output: Output): string => output.playbackUrl ?? byApi(output);
  const ways = outputs.some(({ playbackUrl }) => playbackUrl !== undefined) ? [byCdn, byApi] : [byApi];
  const master = outputs.find(({ name, state }) => name === "master.m3u8" && state === "ready");
  return ways.flatMap((way) => {
    const text = master ? undefined : earlyMaster(outputs, way);
    if (text !== undefined) return [URL.createObjectURL(new Blob([text], { type: NATIVE }))];
    return master ? [way(master)] : [];
  });
}

/** The text of a storyboard, and what the names in it are relative to. */
export async function readStoryboard(
  { playbackUrl, playbackPath }: Output,
  api: Api,
): Promise<{ text: string; base: string }> {
  const answer = playbackUrl === undefined ? undefined : await fetch(playbackUrl).catch(() => undefined);
  if (playbackUrl !== undefined && answer?.ok) return { text: await answer.text(), base: playbackUrl };
  return { text: await api.playback(playbackPath ?? ""), base: api.base };
}

/** Where to begin: after a playlist has been replaced by a fuller one, playing goes on where it was. */
export interface Start {
  atS: number;
  playing: boolean;
}

export async function play(video: HTMLVideoElement, { outputs = [] }: Job, api: Api, start: Start): Promise<Playback> {
  if (!isPlayable(outputs)) {
    const remedy = "Wait until its job has ended.";
    throw new Failure({ code: "no_playlist", message: "The video is not ready yet.", remedy });
  }
  const { default: Hls } = await import("hls.js").catch(() => {
    const remedy = "Check your connection, then try again.";
    throw new Failure({ code: "unreachable", message: "The player could not be loaded.", remedy, retryable: true });
  });
  if (Hls.isSupported()) return byHls(Hls, video, addressesOf(outputs, api), api, start);
  const named = (name: string): Output | undefined => outputs.find((output) => output.name === name);
  const master = named("master.m3u8")?.playbackUrl;
  const simple = master !== undefined && video.canPlayType(NATIVE) ? master : named("video.mp4")?.url;
  if (simple === undefined) {
    const remedy = "Wait until its job has ended, or download it then.";
    throw new Failure({ code: "no_player", message: "This browser cannot play the video yet.", remedy });
  }
  return native(video, simple);
}

function byHls(
  Hls: typeof import("hls.js").default,
  video: HTMLVideoElement,
  addresses: string[],
  api: Api,
  start: Start,
): Playback {
  const levels = signal<readonly Level[]>([]);
  const captions = signal<readonly Caption[]>([]);
  const [chosen, caption] = [signal(-1), signal(-1)];
  const playing = signal<string | undefined>(undefined);
  const failure = signal<Failure | undefined>(undefined);
  /** Cues by track, each once. */
  const held = signal<ReadonlyMap<number, ReadonlyMap<string, VTTCue>>>(new Map());
  const hls = new Hls({
    // The page's policy has no blob: workers. The segments are fragmented MP4, which need no transmuxing anyway.
    enableWorker: false,
    // Its track elements have a `data:` address, which the policy does not have either; and the browser would draw
    // captions below our controls.
    renderTextTracksNatively: false,
    startPosition: start.atS > 0 ? start.atS : -1,
    capLevelToPlayerSize: true,
    backBufferLength: 60,
    // The token goes with the API's playlists, and not to the store, whose addresses are signed.
    xhrSetup: async (request, url) => {
      if (url.startsWith(`${api.base}/`)) request.setRequestHeader("Authorization", `Bearer ${await token()}`);
    },
  });
  const name = (index: number): string | undefined => {
    const level = hls.levels[index];
    return level && `${Math.min(level.width, level.height) || Math.round(level.bitrate / 1000)}p`;
  };
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    levels.value = hls.levels.map((_, index) => ({ index, label: name(index) ?? "" })).reverse();
  });
  hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => {
    playing.value = name(level);
  });
  hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, (_, { subtitleTracks }) => {
    captions.value = subtitleTracks.map((track, index) => ({ index, label: track.name }));
    hls.subtitleTrack = -1;
  });
  hls.on(Hls.Events.CUES_PARSED, (_, { cues }: { cues: VTTCue[] }) => {
    const known = held.value.get(hls.subtitleTrack) ?? new Map<string, VTTCue>();
    // The same cue comes again after a jump, and from both segments that it crosses.
    const all = new Map([...known, ...cues.map((cue): [string, VTTCue] => [`${cue.startTime} ${cue.text}`, cue])]);
    held.value = new Map([...held.value, [hls.subtitleTrack, all]]);
  });
  let [recovered, begun] = [0, false];
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    begun = true;
  });
  hls.on(Hls.Events.ERROR, (_, { fatal, type, response }) => {
    if (!fatal) return;
    const other = begun ? undefined : addresses.shift();
    if (other !== undefined) return hls.loadSource(other);
    recovered += 1;
    // A decoder that stumbles once can go on; one that stumbles again cannot.
    if (type === Hls.ErrorTypes.MEDIA_ERROR && recovered <= 2) return hls.recoverMediaError();
    const gone = response?.code === 403 || response?.code === 404;
    const message = gone ? "The links to the video have expired." : "The video cannot be played.";
    const remedy = gone ? "Try again to get new ones." : "Check your connection, then try again.";
    failure.value = new Failure({ code: "playback", message, remedy, status: response?.code });
  });
  if (start.playing) hls.once(Hls.Events.LEVEL_LOADED, () => void video.play().catch(() => undefined));
  const own = addresses.filter((url) => url.startsWith("blob:"));
  hls.loadSource(addresses.shift() ?? "");
  hls.attachMedia(video);
  return {
    levels,
    chosen,
    playing,
    captions,
    caption,
    failure,
    chooseLevel: (index) => {
      chosen.value = index;
      hls.nextLevel = index;
    },
    chooseCaption: (index) => {
      caption.value = index;
      hls.subtitleTrack = index;
    },
    lines: (at) => {
      const cues = [...(held.value.get(caption.value)?.values() ?? [])];
      const active = cues.filter(({ startTime, endTime }) => startTime <= at && at < endTime);
      return active.flatMap((cue) => (cue.getCueAsHTML().textContent ?? "").split("\n"));
    },
    stop: () => {
      hls.destroy();
      for (const url of own) URL.revokeObjectURL(url);
    },
  };
}

/** By the browser alone: it chooses the quality, and lists the captions itself. */
function native(video: HTMLVideoElement, url: string): Playback {
  const captions = signal<readonly Caption[]>([]);
  const caption = signal(-1);
  const failure = signal<Failure | undefined>(undefined);
  const list = (): void => {
    captions.value = [...video.textTracks].map(({ label }, index) => ({ index, label: label || "Captions" }));
  };
  const failed = (): void => {
    failure.value = new Failure({
      code: "playback",
      message: "The video cannot be played.",
      remedy: "Try again, or download it.",
    });
  };
  video.textTracks.addEventListener("addtrack", list);
  video.addEventListener("error", failed);
  video.src = url;
  return {
    levels: signal([]),
    chosen: signal(-1),
    playing: signal(undefined),
    captions,
    caption,
    failure,
    lines: () => [],
    chooseLevel: () => undefined,
    chooseCaption: (index) => {
      caption.value = index;
      for (const [at, track] of [...video.textTracks].entries()) track.mode = at === index ? "showing" : "hidden";
    },
    stop: () => {
      video.textTracks.removeEventListener("addtrack", list);
      video.removeEventListener("error", failed);
      video.removeAttribute("src");
      video.load();
    },
  };
}
