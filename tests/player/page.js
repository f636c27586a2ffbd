// Runs in the page. play.mjs calls the functions of `player`; each fails with a reason after a time limit.
"use strict";

/** Time limit of one step on a slow machine, in milliseconds. */
const PATIENCE = 30_000;
/** Errors that hls.js recovers from when a machine is too slow to play without pauses. */
const SLOWNESS = ["bufferStalledError", "bufferSeekOverHole", "bufferNudgeOnStall"];

const video = document.querySelector("video");
const errors = [];
let hls;

/** Resolves with the first truthy result of `condition`, which is called once per frame. */
async function until(what, condition) {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    if (errors.length > 0) throw new Error(`${what}: hls.js reports ${errors.join(", ")}`);
    const found = condition();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${PATIENCE / 1000} s; ${state()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function state() {
  const { currentTime, duration, readyState, paused, ended, videoWidth, videoHeight, error } = video;
  return JSON.stringify({ currentTime, duration, readyState, paused, ended, videoWidth, videoHeight, error: error?.message });
}

/** Plays from one position to another, in seconds. */
async function playOn(what, from, to) {
  if (from !== null) video.currentTime = from;
  await video.play();
  await until(what, () => !video.seeking && video.currentTime > to);
}

window.player = {
  /** Opens the playlist and waits for the first frame. Returns the available levels and tracks. */
  async open({ playlist, token }) {
    // Playlists come from the API, which requires the token. Segments are signed URLs, which must not get it.
    const api = new URL(".", playlist).href;
    hls = new Hls({
      xhrSetup: (request, url) => {
        if (token && url.startsWith(api)) request.setRequestHeader("Authorization", `Bearer ${token}`);
      },
    });
    hls.on(Hls.Events.ERROR, (_, { fatal, details, reason, response }) => {
      if (fatal || !SLOWNESS.includes(details)) errors.push([details, reason, response?.code].filter(Boolean).join(" "));
    });
    hls.loadSource(playlist);
    hls.attachMedia(video);
    await until("opening the playlist", () => hls.levels.length > 0 && video.readyState >= video.HAVE_CURRENT_DATA);
    return {
      levels: hls.levels.map(({ width, height, frameRate, videoCodec, audioCodec, bitrate }) =>
        ({ width, height, frameRate, videoCodec, audioCodec, bitrate })),
      audioTracks: hls.audioTracks.length,
      captions: hls.subtitleTracks.map(({ name, lang }) => ({ name, lang })),
      duration: video.duration,
    };
  },

  /** Plays from the start into the second segment. Returns the end of the first one. */
  async playIntoSecondSegment() {
    const [first, second] = hls.levels[hls.currentLevel].details.fragments;
    if (!second) throw new Error("only one segment: no segment boundary to play across");
    await playOn("playing into the second segment", null, second.start + 0.5);
    return first.duration;
  },

  /** Switches to one level and waits for a frame of it. Returns its size in pixels. */
  async show(level) {
    const from = video.duration / 3;
    hls.currentLevel = level;
    await playOn(`playing level ${level}`, from, from + 0.3);
    await until(`showing level ${level}`, () => video.videoWidth === hls.levels[level].width);
    return { width: video.videoWidth, height: video.videoHeight };
  },

  /** Shows the captions, and returns the text of their cues once they are loaded. */
  async cues() {
    hls.subtitleDisplay = true;
    hls.subtitleTrack = 0;
    const track = () => [...video.textTracks].find(({ mode, cues }) => mode === "showing" && cues?.length > 0);
    const { cues } = await until("showing captions", track);
    return [...cues].map(({ startTime, endTime, text }) => ({ startTime, endTime, text }));
  },

  /** Seeks close to the end and plays to it. */
  async playToEnd() {
    await playOn("playing close to the end", video.duration - 1, video.duration - 0.7);
    await until("ending", () => video.ended);
    return video.currentTime;
  },

  /** Bytes decoded so far, and frames shown. */
  decoded() {
    const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return {
      audioBytes: video.webkitAudioDecodedByteCount,
      videoBytes: video.webkitVideoDecodedByteCount,
      frames: totalVideoFrames,
      droppedFrames: droppedVideoFrames,
    };
  },
};
