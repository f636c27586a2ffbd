// Runs in the page. `player` is what play.mjs calls; each of its functions gives up after a while, with a reason.
"use strict";

/** How long one step may take on a slow machine, in milliseconds. */
const PATIENCE = 30_000;
/** What hls.js reports and mends by itself where a machine is too slow to play without a pause. */
const SLOWNESS = ["bufferStalledError", "bufferSeekOverHole", "bufferNudgeOnStall"];

const video = document.querySelector("video");
const errors = [];
let hls;

/** Resolves when `condition` gives something; looks as often as frames are shown. */
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

/** Plays on from a moment, in seconds, and waits until playing has gone on to another. */
async function playOn(what, from, to) {
  if (from !== null) video.currentTime = from;
  await video.play();
  await until(what, () => !video.seeking && video.currentTime > to);
}

window.player = {
  /** Opens the playlist and waits for the first frame. Answers what there is to choose from. */
  async open({ playlist, token }) {
    // Playlists come from the API, which wants the token. Segments are signed URLs, which must not get it.
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

  /** Plays from the start into the second segment. Answers where the first one ended. */
  async playIntoSecondSegment() {
    const [first, second] = hls.levels[hls.currentLevel].details.fragments;
    if (!second) throw new Error("there is one segment only: nothing to play over");
    await playOn("playing into the second segment", null, second.start + 0.5);
    return first.duration;
  },

  /** Shows one level by hand until a frame of it is on the screen. Answers its size in pixels. */
  async show(level) {
    const from = video.duration / 3;
    hls.currentLevel = level;
    await playOn(`playing level ${level}`, from, from + 0.3);
    await until(`showing level ${level}`, () => video.videoWidth === hls.levels[level].width);
    return { width: video.videoWidth, height: video.videoHeight };
  },

  /** Shows the captions, and answers the text of their cues once they are there. */
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

  /** What was decoded until now, in bytes, and the frames that were shown. */
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
