import assert from "node:assert/strict";
import { test } from "node:test";
import { isWanted, stamped } from "../../src/files.ts";
import { bytes, clock, day, dollars, exposure, spokenClock, standing, timeLeft } from "../../src/format.ts";
import { sources, still, thumbnail } from "../../src/pictures.ts";
import { pauseMs } from "../../src/retry.ts";
import { hrefOf, parseRoute } from "../../src/router.ts";
import { savedName } from "../../src/save.ts";
import { cueAt, parseStoryboard } from "../../src/storyboard.ts";
import { bars, path } from "../../src/waveform.ts";
import { job, output } from "./samples.ts";

test("sizes and times are short", () => {
  assert.deepEqual(
    [bytes(0), bytes(999), bytes(1500), bytes(200_000_000), bytes(5_400_000_000)],
    ["0 bytes", "999 bytes", "1.5 kB", "200 MB", "5.4 GB"],
  );
  assert.deepEqual([clock(0), clock(65_900), clock(3_725_000)], ["0:00", "1:05", "1:02:05"]);
  assert.deepEqual(
    [spokenClock(0), spokenClock(61_000), spokenClock(3_600_000)],
    ["0 seconds", "1 minute 1 second", "1 hour"],
  );
  assert.deepEqual(
    [timeLeft(900), timeLeft(42_000), timeLeft(61_000)],
    ["a few seconds left", "about 45 s left", "about 2 min left"],
  );
  assert.deepEqual([exposure(0.004), exposure(2)], ["1/250 s", "2 s"]);
});

test("the smallest costs keep two digits that count", () => {
  assert.deepEqual(
    [dollars(0), dollars(313), dollars(40_589), dollars(1_234_567)],
    ["$0.00", "$0.00031", "$0.04", "$1.23"],
  );
});

test("days near today have names", () => {
  const now = new Date(2026, 10, 30, 12);
  assert.equal(day(new Date(2026, 10, 30, 1).toISOString(), now), "Today");
  assert.equal(day(new Date(2026, 10, 29, 23).toISOString(), now), "Yesterday");
  assert.match(day(new Date(2025, 0, 2).toISOString(), now), /2025/);
});

test("a job tells its stage, its place in the queue and its time left", () => {
  const now = Date.parse("2026-01-01T00:00:00.000Z");
  assert.equal(standing(job({ expectedAt: "2026-01-01T00:00:42.000Z" }), now), "Encoding · about 45 s left");
  const queued = job({ status: "QUEUED", stage: "queue", queue: { ahead: 3, startsAt: "2026-01-01T00:04:00.000Z" } });
  assert.equal(standing(queued, now), "In the queue · 3 jobs ahead · starts in about 4 min");
  assert.equal(
    standing(job({ status: "QUEUED", stage: "queue", queue: { ahead: 0, startsAt: "2026-01-01T00:00:00.000Z" } }), now),
    "In the queue · next in line",
  );
  const waiting = job({ stage: "waiting", queue: { ahead: 0, startsAt: "2026-01-01T00:01:00.000Z" } });
  assert.equal(standing(waiting, now), "Waiting for a worker · starts in about 1 min");
});

test("a photo offers each type with all its widths, the best compressed first", () => {
  const outputs = [
    output("jpeg-640.jpg", { width: 640, height: 480 }),
    output("jpeg-160.jpg", { width: 160, height: 120 }),
    output("webp-640.webp", { width: 640, height: 480 }),
  ];
  const found = sources(job({ outputs }));
  assert.deepEqual(
    found?.sources.map(({ type }) => type),
    ["image/webp", "image/jpeg"],
  );
  assert.match(found?.sources[1]?.srcset ?? "", /^\S+jpeg-160\S+ 160w, \S+jpeg-640\S+ 640w$/);
  assert.equal(found?.fallback.name, "jpeg-640.jpg");
});

test("a tile takes the smallest still that is large enough, or a waveform", () => {
  const stills = [160, 640, 1280].map((width) => output(`jpeg-${width}.jpg`, { width, height: width }));
  assert.equal(still(stills, 480)?.width, 640);
  assert.equal(still(stills, 4000)?.width, 1280);
  const wave = output("waveform.png", { role: "waveform", contentType: "image/png", width: 1200, height: 200 });
  assert.equal(
    thumbnail(job({ outputs: [wave, output("waveform.json", { role: "waveform" })] }))?.name,
    "waveform.png",
  );
  assert.equal(thumbnail(job()), undefined);
});

test("pauses grow to a limit and jitter within their upper half", () => {
  assert.deepEqual([pauseMs(1, 0), pauseMs(1, 1), pauseMs(3, 1), pauseMs(60, 1)], [125, 250, 1000, 8000]);
});

test("every view has an address that leads back to it", () => {
  const mediaId = "med_01j9zq4b5c6d7e8f9g0h1j2k3m";
  for (const route of [
    { view: "library" },
    { view: "media", mediaId },
    { view: "media", mediaId, atMs: 12_300 },
    { view: "search", query: "50 % & more" },
  ] as const) {
    assert.deepEqual(parseRoute(hrefOf(route)), route);
  }
  assert.deepEqual(parseRoute("#/media/../account"), { view: "library" });
});

test("a saved file is named after its upload", () => {
  assert.equal(savedName("harbour.final.jpg", "webp-1280.webp"), "harbour.final-1280.webp");
  assert.equal(savedName("talk.mov", "video.mp4"), "talk.mp4");
  assert.equal(savedName("talk.mov", "captions.vtt"), "talk-captions.vtt");
});

test("a storyboard maps moments to parts of its sheets", () => {
  const text =
    "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nstoryboard.jpg#xywh=0,0,160,90\n\n00:00:02.000 --> 00:01:04.500\nhttps://store.example/s-2.jpg?a=1#xywh=160,90,160,90\n";
  const cues = parseStoryboard(text, "https://cdn.example/t/1/storyboard.vtt");
  assert.deepEqual(
    cues.map(({ sheet }) => sheet),
    ["https://cdn.example/t/1/storyboard.jpg", "https://store.example/s-2.jpg?a=1"],
  );
  assert.deepEqual([cueAt(cues, 1)?.x, cueAt(cues, 2)?.x, cueAt(cues, 999)?.endS], [0, 160, 64.5]);
  assert.deepEqual(parseStoryboard("WEBVTT\n", "https://cdn.example/"), []);
});

test("bars are as high as their loudest point, and silence stays silent", () => {
  assert.deepEqual(bars({ bits: 8, length: 4, data: [-1, 1, -64, 10, 0, 0, -2, 32] }, 2), [1, 0.5]);
  assert.deepEqual(bars({ bits: 8, length: 2, data: [0, 0, 0, 0] }, 2), [0, 0]);
  assert.equal(path([1, 0], 100), "M0.5 1.0V99.0M1.5 49.0V51.0");
});

test("files that systems leave behind are not sent", () => {
  assert.deepEqual(
    [".DS_Store", "._photo.jpg", "Thumbs.db", "photo.jpg"].map((name) => isWanted({ name })),
    [false, false, false, true],
  );
  assert.match(stamped("camera", "jpg", new Date()), /^camera-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.jpg$/);
});
