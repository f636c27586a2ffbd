import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api, Read } from "../../src/api.ts";
import { createJobs, isStale } from "../../src/jobs.ts";
import type { Job } from "../../src/types.ts";
import { job, output } from "./samples.ts";

function jobsOf(answers: Job[]): { jobs: ReturnType<typeof createJobs>; asked: () => number } {
  let asked = 0;
  const read = (): Promise<Read> => {
    asked += 1;
    return Promise.resolve({
      job: answers[Math.min(asked, answers.length) - 1],
      etag: `"${asked}"`,
      retryAfterMs: 1000,
    });
  };
  return { jobs: createJobs({ job: read } as unknown as Api), asked: () => asked };
}

test("who asks for a job while it is read gets the same answer", async () => {
  const { jobs, asked } = jobsOf([job()]);
  const [one, other] = await Promise.all([jobs.fresh("job_1"), jobs.fresh("job_1")]);
  assert.equal(one, other);
  assert.equal(asked(), 1);
});

test("a late answer does not take progress back", () => {
  const { jobs } = jobsOf([]);
  jobs.take(job({ progress: 60, updatedAt: "2026-01-01T00:00:09.000Z" }));
  jobs.take(job({ progress: 40, updatedAt: "2026-01-01T00:00:05.000Z" }));
  assert.equal(jobs.of("job_1").value?.progress, 60);
});

test("an end is told of once", () => {
  const { jobs } = jobsOf([]);
  const told: string[] = [];
  jobs.on((jobId, _, what) => told.push(`${jobId} ${what}`));
  jobs.take(job());
  jobs.take(job({ status: "COMPLETED", progress: 100 }));
  jobs.take(job({ status: "COMPLETED", progress: 100 }));
  assert.deepEqual(told, ["job_1 ended"]);
});

test("a job whose links are about to expire is read again", async () => {
  const soon = new Date(Date.now() + 30_000).toISOString();
  const later = new Date(Date.now() + 900_000).toISOString();
  const { jobs, asked } = jobsOf([
    job({ status: "COMPLETED", outputs: [output("a.jpg", { urlExpiresAt: soon })] }),
    job({ status: "COMPLETED", outputs: [output("a.jpg", { urlExpiresAt: later })] }),
  ]);
  await jobs.fresh("job_1");
  await jobs.fresh("job_1");
  await jobs.fresh("job_1");
  assert.equal(asked(), 2);
});

test("links of the CDN expire too", () => {
  const at = Date.parse("2026-01-01T00:00:00.000Z");
  const playbackUrlExpiresAt = "2026-01-01T00:00:10.000Z";
  assert.ok(isStale(job({ outputs: [output("master.m3u8", { playbackUrlExpiresAt })] }), at));
  assert.ok(!isStale(job({ outputs: [output("master.m3u8")] }), at));
});
