// Uploads a file, waits for its job, and downloads an output, with types only from docs/openapi.json:
//
//   node out/client.js FILE     in a folder that has api.d.ts (openapi-typescript) and node_modules (package-lock.json)
//
// Environment: SMMU_API, SMMU_TOKEN. Prints the results as JSON and exits with 0, or prints an error and exits with 1.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Job = components["schemas"]["Job"];
type Problem = components["schemas"]["Problem"] | components["schemas"]["GatewayMessage"];

const { SMMU_API: baseUrl = "", SMMU_TOKEN: token = "" } = process.env;
const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${token}` } });

/** The body of the response. Throws the problem if there is one. */
function data<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (answer.data !== undefined) return answer.data;
  const { error } = answer;
  const told = error && "code" in error ? `${error.code}: ${error.detail ?? error.title} ${error.remedy}` : error?.message;
  throw new Error(`${answer.response.status} ${told}`);
}

async function upload(path: string): Promise<Job> {
  const file = readFileSync(path);
  const sha256 = createHash("sha256").update(file).digest("hex");
  const body = { filename: basename(path), size: file.length, sha256, externalId: "typescript" };
  const granted = data(await client.POST("/media/upload/init", { body }));
  if (!("upload" in granted)) throw new Error("expected an upload in one request");
  const { method, url, headers } = granted.upload;
  const put = await fetch(url, { method, headers, body: file });
  if (!put.ok) throw new Error(`the upload was refused: ${put.status} ${await put.text()}`);
  return data(await client.POST("/media/upload/complete", { body: { mediaId: granted.mediaId } }));
}

async function ended(jobId: string): Promise<Job> {
  for (;;) {
    const answer = await client.GET("/jobs/{jobId}", { params: { path: { jobId } } });
    const job = data(answer);
    if (job.status !== "QUEUED" && job.status !== "RUNNING") return job;
    await sleep(1000 * Number(answer.response.headers.get("retry-after") ?? 1));
  }
}

async function digest(url: string): Promise<string> {
  const answer = await fetch(url);
  return createHash("sha256").update(Buffer.from(await answer.arrayBuffer())).digest("hex");
}

async function main(): Promise<void> {
  const job = await ended((await upload(process.argv[2] ?? "")).jobId);
  const output = job.outputs?.find(({ role }) => role === "rendition");
  if (output === undefined) throw new Error(`there is no rendition: ${JSON.stringify(job)}`);
  const media = data(await client.GET("/media/{mediaId}", { params: { path: { mediaId: job.mediaId } } }));
  const list = data(await client.GET("/jobs", { params: { query: { status: "COMPLETED", kind: "image" } } }));
  // A job that cannot exist: the compiler knows the codes of its problem.
  const missing = await client.GET("/jobs/{jobId}", { params: { path: { jobId: `job_${"0".repeat(26)}` } } });
  console.log(
    JSON.stringify({
      status: job.status,
      externalId: job.externalId,
      width: media.facts?.image?.width,
      asPromised: (await digest(output.url)) === output.sha256,
      listed: list.jobs.some(({ jobId }) => jobId === job.jobId),
      missing: missing.error && "code" in missing.error ? missing.error.code : missing.error,
    }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
