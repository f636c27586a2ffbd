// One media in the gallery: a blurred stand-in at once, then the picture, and what is being made of it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { clock, standing } from "../format.ts";
import { hasEnded } from "../jobs.ts";
import { thumbnail } from "../pictures.ts";
import { hrefOf } from "../router.ts";
import { useStack } from "../stack.ts";
import type { Job, Kind, MediaSummary } from "../types.ts";
import { Icon, KIND_ICON } from "./icons.tsx";
import { online } from "./offline.tsx";
import { useReloading } from "./pictures.ts";

const KIND_NAME = { image: "Photo", video: "Video", audio: "Audio" };

export function Tile({ media }: { media: MediaSummary }) {
  const { library, jobs } = useStack();
  const link = useRef<HTMLAnchorElement>(null);
  const near = useSignal(false);
  const loaded = useSignal<string | undefined>(undefined);
  const { jobId, mediaId } = media;
  const reloading = useReloading(() => {
    if (jobId) void library.show(jobId).catch(() => undefined);
  });

  useEffect(() => {
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (!entry?.isIntersecting) return;
        near.value = true;
        seen.disconnect();
      },
      { rootMargin: "300px" },
    );
    if (link.current) seen.observe(link.current);
    return () => seen.disconnect();
  }, []);
  useEffect(() => {
    if (near.value && jobId) void library.show(jobId).catch(() => undefined);
  }, [near.value, jobId, online.value]);

  const job = jobId ? jobs.of(jobId).value : undefined;
  const kind = job?.kind ?? media.kind;
  const picture = job && thumbnail(job);
  // Facts are there once the job has ended; before, there is nothing to stand in for.
  const blurred =
    near.value && kind === "image" && (!job || hasEnded(job)) ? library.placeholder(media).value : undefined;
  const running = job !== undefined && !hasEnded(job);
  const wave = picture?.role === "waveform";
  const plain = !picture || wave;

  const behind = blurred && loaded.value === undefined ? { backgroundImage: `url(${blurred.url})` } : {};

  return (
    <a
      class={`tile ${plain ? "plain" : ""} ${running ? "running" : ""}`}
      href={hrefOf({ view: "media", mediaId })}
      ref={link}
      style={behind}
      data-media={mediaId}
    >
      {picture ? (
        <img
          key={reloading.load}
          class={`${wave ? "wave" : ""} ${loaded.value === picture.name ? "" : "coming"}`}
          src={picture.url}
          alt=""
          decoding="async"
          onLoad={() => {
            loaded.value = picture.name;
            reloading.onLoad();
          }}
          onError={reloading.onError}
        />
      ) : (
        !blurred && (
          <span class="glyph">
            <Icon name={kind ? KIND_ICON[kind] : "upload"} />
          </span>
        )
      )}
      <span class="name">{media.filename}</span>
      <Badge job={job} kind={kind} />
      {running && (
        <>
          <span class="said">{standing(job)}</span>
          <span class="bar" aria-hidden="true">
            <span style={{ width: `${job.progress}%` }} />
          </span>
        </>
      )}
    </a>
  );
}

function Badge({ job, kind }: { job: Job | undefined; kind: Kind | undefined }) {
  const name = kind && <span class="said">{KIND_NAME[kind]}</span>;
  if (!job) return name ?? null;
  if (job.status === "FAILED" || job.status === "CANCELLED") {
    return (
      <span class={`badge ${job.status === "FAILED" ? "bad" : ""}`}>
        {job.status === "FAILED" ? "Failed" : "Cancelled"}
      </span>
    );
  }
  const durationMs = duration(job);
  if (kind === "image" || kind === undefined) return name ?? null;
  return (
    <span class="badge">
      {name}
      <Icon name={kind === "video" ? "play" : "audio"} />
      {durationMs !== undefined && clock(durationMs)}
    </span>
  );
}

export function Progress({ percent, idle = false }: { percent: number; idle?: boolean }) {
  const now = Math.round(percent);
  return (
    <span
      class={`bar ${idle ? "idle" : ""}`}
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={now}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  );
}

export function duration({ outputs = [] }: Job): number | undefined {
  return (
    outputs.find(({ durationMs, role }) => durationMs && role === "rendition")?.durationMs ??
    outputs.find(({ durationMs }) => durationMs)?.durationMs
  );
}
