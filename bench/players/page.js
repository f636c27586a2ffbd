// Runs in the page. play.mjs calls the functions of `viewer`.
"use strict";

const video = document.querySelector("video");
const now = () => performance.now();
const since = (ms) => (now() - ms) / 1000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Captions shown: position in the video, and text. */
const shown = [];
/** Heights of the picture, each with the seconds since the page was opened. */
const heights = [];
let hls, shakaPlayer;
let stalls = 0;

const openedMs = now();
video.addEventListener("resize", () => heights.push({ atS: since(openedMs), height: video.videoHeight }));

/** Resolves with true once playback has continued from a position, or with false on a timeout. */
async function playing(from, patienceMs) {
  const begun = now();
  for (;;) {
    if (!video.paused && !video.seeking && video.readyState >= 3 && video.currentTime > from + 0.05) return true;
    if (now() - begun > patienceMs) return false;
    await sleep(20);
  }
}

/** Records the cues that a caption track shows. */
function follow(track) {
  track.addEventListener("cuechange", () => {
    for (const cue of track.activeCues ?? []) shown.push({ atS: video.currentTime, text: cue.text });
  });
}

const seconds = (isPlaying, begun) => (isPlaying ? since(begun) : null);

window.viewer = {
  /** Seconds until it plays. `aheadS` is the buffer limit, if the player lets us set one. */
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

  /** Turns on the only captions. Returns the position in the video. */
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

  /** Continues playing for `lastsMs`. */
  async play({ lastsMs }) {
    stalls = 0;
    const count = () => (stalls += 1);
    video.addEventListener("waiting", count);
    await sleep(lastsMs);
    video.removeEventListener("waiting", count);
    return { stalls, height: video.videoHeight, atS: video.currentTime, shown };
  },

  /** Seconds from a seek to the middle until playback continues there. */
  async jump({ patienceMs }) {
    const begun = now();
    const middle = video.duration / 2;
    video.currentTime = middle;
    return seconds(await playing(middle, patienceMs), begun);
  },

  /** Plays to the end. The times in `heights` count from the opening of the page. */
  async playToEnd({ patienceMs }) {
    stalls = 0;
    video.addEventListener("waiting", () => {
      // Waiting at the end of the video is not a stall.
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
