import type { Job, Output } from "../../src/types.ts";

export function output(name: string, more: Partial<Output> = {}): Output {
  const extension = name.split(".").at(-1) ?? "";
  const contentType =
    { jpg: "image/jpeg", webp: "image/webp", avif: "image/avif", json: "application/json" }[extension] ?? "video/mp4";
  const url = `https://store.example/${name}?signature=1`;
  return {
    name,
    role: "rendition",
    contentType,
    bytes: 100,
    sha256: "0".repeat(64),
    state: "ready",
    url,
    urlExpiresAt: "2026-01-01T00:15:00.000Z",
    ...more,
  };
}

export function job(more: Partial<Job> = {}): Job {
  const at = "2026-01-01T00:00:00.000Z";
  return {
    jobId: "job_1",
    mediaId: "med_1",
    status: "RUNNING",
    stage: "transcode",
    progress: 40,
    createdAt: at,
    updatedAt: at,
    ...more,
  };
}
