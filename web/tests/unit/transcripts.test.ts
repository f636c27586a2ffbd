import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api } from "../../src/api.ts";
import type { Jobs } from "../../src/jobs.ts";
import { type Progress, type Result, searchAll } from "../../src/transcripts.ts";
import type { MediaSummary, Transcript } from "../../src/types.ts";
import { job, output } from "./samples.ts";

const said = (text: string): Transcript => ({
  state: "final",
  speech: "present",
  durationMs: 1000,
  segments: [{ startMs: 500, endMs: 900, text, language: "en" }],
});
const summary = (id: number, kind: "audio" | "video"): MediaSummary => {
  const at = "2026-01-01T00:00:00.000Z";
  return {
    mediaId: `med_${id}`,
    jobId: `job_${id}`,
    status: "SUBMITTED",
    kind,
    filename: `${id}`,
    size: 1,
    createdAt: at,
  };
};

test("every page of videos and recordings is searched, whatever one of them answers", async () => {
  const pages = [
    { media: [summary(4, "video")], next: "med_4" },
    { media: [summary(3, "video")] },
    { media: [summary(2, "audio"), summary(1, "audio")] },
  ];
  const asked: unknown[] = [];
  const api = {
    listMedia: ({ kind, after }: { kind: string; after?: string }) => {
      asked.push([kind, after]);
      return Promise.resolve(pages.shift());
    },
  } as unknown as Api;
  const texts: Record<string, Transcript> = {
    job_4: said("nothing"),
    job_2: said("the Needle"),
    job_1: said("a needle"),
  };
  globalThis.fetch = (url) => Promise.resolve(new Response(JSON.stringify(texts[String(url).split("/").at(-1) ?? ""])));
  const jobs = {
    fresh: (jobId: string) => {
      if (jobId === "job_3") return Promise.reject(new Error("gone"));
      const url = `https://store.example/${jobId}`;
      return Promise.resolve(job({ jobId, status: "COMPLETED", outputs: [output("transcript.json", { url })] }));
    },
  } as unknown as Jobs;
  const found: Result[] = [];
  let last: Progress | undefined;
  await searchAll({ api, jobs }, "needle", new AbortController().signal, (result, progress) => {
    if (result) found.push(result);
    last = progress;
  });
  assert.deepEqual(asked, [
    ["video", undefined],
    ["video", "med_4"],
    ["audio", undefined],
  ]);
  assert.deepEqual(found.map(({ media, hits }) => [media.filename, hits[0]?.match]).sort(), [
    ["1", "needle"],
    ["2", "Needle"],
  ]);
  assert.deepEqual(last, { looked: 4, failed: 1, total: 4, done: true });
});
