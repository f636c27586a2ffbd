// Runs in the page. `viewer` is what play.mjs calls.
"use strict";

const video = document.querySelector("video");
const now = () => performance.now();
const since = (ms) => (now() - ms) / 1000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Captions that came up: when in the video, and their text. */
const shown = [];
/** Heights of the picture: each with the seconds since the page was opened. */
const heights = [];
let hls, shakaPlayer;
let stalls = 0;

const openedMs = now();
video.addEventListener("resize", () => heights.push({ atS: since(openedMs), height: video.videoHeight }));

/** Resolves with true once playing has gone on from a moment, with false when patience ends. */
async function playing(from, patienceMs) {
  const begun = now();
  for (;;) {
    if (!video.paused && !video.seeking && video.readyState >= 3 && video.currentTime > from + 0.05) return true;
    if (now() - begun > patienceMs) return false;
    await sleep(20);
  }
}

/** Writes down what a track of captions shows. */
function follow(track) {
  track.addEventListener("cuechange", () => {
    for (const cue of track.activeCues ?? []) shown.push({ atS: video.currentTime, text: cue.text });
  });
}

const seconds = (isPlaying, begun) => (isPlaying ? since(begun) : null);

window.viewer = {
  /** Seconds until it plays. `aheadS`: how far ahead a player loads at most, where that is not its own affair. */
  async open({ player, patienceMs, aheadS }) {
    const begun = now();
    if (player === "hls.js") {
      hls = new Hls(aheadS ? { maxBufferLength: aheadS, maxMaxBufferLength: aheadS } : {});
      hls.loadSource("/master.m3u8");
      hls.attachMedia(video);
      hls.once(Hls.Events.MANIFEST_PARSED, () => video.play());
    } else {
      shakaPlayer = new shaka.Player();
      if (aheadS) shakaPlayer.configure({ streaming: { bufferingGoal: aheadS } });
      await shakaPlayer.attach(video);
      shakaPlayer.load("/master.m3u8").then(() => video.play());
    }
    return { firstS: seconds(await playing(0, patienceMs), begun), height: video.videoHeight };
  },

  /** Turns the only captions on. Answers where in the video that is. */
  turnCaptionsOn() {
    video.textTracks.addEventListener("addtrack", ({ track }) => follow(track));
    for (const track of video.textTracks) follow(track);
    if (hls) {
      hls.subtitleDisplay = true;
      hls.subtitleTrack = 0;
    } else {
      shakaPlayer.selectTextTrack(shakaPlayer.getTextTracks()[0]);
    }
    return video.currentTime;
  },

  /** Plays on for a while. */
  async play({ lastsMs }) {
    stalls = 0;
    const count = () => (stalls += 1);
    video.addEventListener("waiting", count);
    await sleep(lastsMs);
    video.removeEventListener("waiting", count);
    return { stalls, height: video.videoHeight, atS: video.currentTime, shown };
  },

  /** Seconds from a jump to the middle until it plays there. */
  async jump({ patienceMs }) {
    const begun = now();
    const middle = video.duration / 2;
    video.currentTime = middle;
    return seconds(await playing(middle, patienceMs), begun);
  },

  /** Plays on to the end. `heights` begin with the page. */
  async playToEnd({ patienceMs }) {
    stalls = 0;
    video.addEventListener("waiting", () => {
      // At the end of what there is nothing is missing.
      if (video.duration - video.currentTime > 0.3) stalls += 1;
    });
    const begun = now();
    while (!video.ended && now() - begun < patienceMs) await sleep(50);
    return { ended: video.ended, atS: video.currentTime, durationS: video.duration || 0, stalls, heights };
  },

  /** Seconds since the page was opened. */
  clock() {
    return since(openedMs);
  },
};
