// One media: the picture, video or recording, and all that is known of it.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isPlayable } from "../early.ts";
import { Failure } from "../failure.ts";
import { bytes, date, standing } from "../format.ts";
import { hasEnded } from "../jobs.ts";
import { go } from "../router.ts";
import { type Stack, useStack } from "../stack.ts";
import type { Job, Media } from "../types.ts";
import { Actions } from "./actions.tsx";
import { announce, Heading } from "./announcer.tsx";
import { AudioPlayer } from "./audio.tsx";
import { Details } from "./details.tsx";
import { Icon, KIND_ICON } from "./icons.tsx";
import { Neighbours } from "./neighbours.tsx";
import { PhotoView } from "./photo.tsx";
import { Problem } from "./problem.tsx";
import { Progress } from "./tile.tsx";
import { TranscriptView } from "./transcript.tsx";
import { useTranscript } from "./use-transcript.ts";
import { VideoPlayer } from "./video.tsx";

export interface Loaded {
  media: Media;
  /** The job whose outputs are shown. */
  jobId: string | undefined;
  /** A later run that has not completed. */
  rerunId: string | undefined;
}

interface Props {
  mediaId: string;
  atMs: number | undefined;
}

async function load({ api, jobs }: Stack, mediaId: string): Promise<Loaded> {
  const media = await api.media(mediaId);
  const newest = media.runs?.at(-1);
  const rerunId = newest === media.jobId ? undefined : newest;
  const read = [media.jobId, rerunId].flatMap((id) => (id ? [jobs.fresh(id)] : []));
  await Promise.all(read);
  return { media, jobId: media.jobId, rerunId };
}

export function MediaView({ mediaId, atMs }: Props) {
  const stack = useStack();
  const loaded = useSignal<Loaded | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const refresh = (): void => {
    failure.value = undefined;
    load(stack, mediaId).then(
      (read) => {
        loaded.value = read;
      },
      (thrown: unknown) => {
        failure.value = Failure.of(thrown);
      },
    );
  };
  useEffect(refresh, [mediaId]);
  useEffect(
    () =>
      stack.jobs.on((_, id, what) => {
        if (id !== mediaId) return;
        if (what === "deleted") return go({ view: "library" });
        if (what === "ended") announce("Processing has ended");
        // What was measured is there now, and perhaps another job's outputs are the current ones.
        refresh();
      }),
    [mediaId],
  );
  return (
    <article class="media">
      <Neighbours mediaId={mediaId} />
      {failure.value && !loaded.value && (
        <>
          <Heading title={failure.value.status === 404 ? "Not found" : "Something went wrong"} />
          <Problem failure={failure.value} retry={failure.value.status === 404 ? undefined : refresh} />
        </>
      )}
      {!failure.value && !loaded.value && (
        <>
          <Heading title="Loading" hidden />
          <div class="stage loading">
            <span class="spinner" role="status" aria-label="Loading" />
          </div>
        </>
      )}
      {loaded.value && <Shown {...loaded.value} atMs={atMs} refresh={refresh} />}
    </article>
  );
}

function Shown({ media, jobId, rerunId, atMs, refresh }: Loaded & { atMs: number | undefined; refresh: () => void }) {
  const { jobs } = useStack();
  const job = jobId ? jobs.of(jobId).value : undefined;
  const rerun = rerunId ? jobs.of(rerunId).value : undefined;
  const kind = job?.kind ?? media.kind;
  const parts = [
    kind && { image: "Photo", video: "Video", audio: "Audio" }[kind],
    bytes(media.size),
    date(media.createdAt),
  ];
  return (
    <>
      <header class="title">
        <div>
          <Heading key={media.filename} title={media.filename} />
          <p class="soft small">{parts.filter(Boolean).join(" · ")}</p>
        </div>
        <Actions media={media} job={job} rerun={rerun} refresh={refresh} />
      </header>
      {rerun && <Rerun job={rerun} />}
      <div class="columns">
        <div class="main">{job ? <Stage media={media} job={job} atMs={atMs} /> : <Waiting media={media} />}</div>
        <Details media={media} job={job} />
      </div>
    </>
  );
}

function Waiting({ media }: { media: Media }) {
  const awaited = media.status === "AWAITING_UPLOAD";
  return (
    <div class="note">
      <Icon name="upload" />
      <div>
        <p class="title">{awaited ? "The file has not arrived yet." : "The upload has expired."}</p>
        <p>{awaited ? "Continue the upload in the library." : "Upload the file again, and delete this entry."}</p>
      </div>
    </div>
  );
}

/** A run that has not replaced the current outputs: under way, or ended without success. */
function Rerun({ job }: { job: Job }) {
  if (job.status === "FAILED" && job.error) return <Problem failure={Failure.ofJob(job.error)} />;
  if (hasEnded(job)) return null;
  return (
    <div class="note rerun" data-job={job.jobId}>
      <Icon name="retry" />
      <div>
        <p class="title">Running again</p>
        <p class="small soft">{`${standing(job)} · the current files stay until it has completed`}</p>
        <Progress percent={job.progress} />
      </div>
    </div>
  );
}

function Stage({ media, job, atMs }: { media: Media; job: Job; atMs: number | undefined }) {
  const { jobs } = useStack();
  const { transcript, failure, retry } = useTranscript(job);
  const seek = useSignal<number | undefined>(atMs);
  const positionMs = useSignal(0);
  useEffect(() => {
    if (atMs !== undefined) seek.value = atMs;
  }, [atMs]);
  const failed = job.status === "FAILED" && job.error ? Failure.ofJob(job.error) : undefined;
  /** An address has expired while the view was open. */
  const renew = (): void => void jobs.fresh(job.jobId).catch(() => undefined);
  const kind = job.kind ?? media.kind;
  const has = (name: string): boolean =>
    job.outputs?.some((output) => output.name === name && output.state === "ready") ?? false;
  return (
    <>
      {failed && <Problem failure={failed} />}
      {!hasEnded(job) && <Running media={media} job={job} />}
      {kind === "image" && <PhotoView media={media} job={job} renew={renew} />}
      {kind === "video" && isPlayable(job.outputs ?? []) && (
        <VideoPlayer job={job} media={media} seek={seek} positionMs={positionMs} />
      )}
      {kind === "audio" && (has("audio.m4a") || has("audio.opus")) && (
        <AudioPlayer job={job} seek={seek} positionMs={positionMs} renew={renew} />
      )}
      {kind === "video" && !isPlayable(job.outputs ?? []) && has("poster.jpg") && <Poster job={job} />}
      {failure.value && <Problem failure={failure.value} retry={retry} />}
      {transcript.value && kind !== "image" && (
        <TranscriptView
          transcript={transcript.value}
          positionMs={positionMs}
          jump={(ms) => (seek.value = ms)}
          job={job}
        />
      )}
    </>
  );
}

function Running({ media, job }: { media: Media; job: Job }) {
  const kind = job.kind ?? media.kind;
  return (
    <div class="note running" data-stage={job.stage}>
      <Icon name={kind ? KIND_ICON[kind] : "settings"} />
      <div>
        <p class="title">{standing(job)}</p>
        <Progress percent={job.progress} />
      </div>
    </div>
  );
}

/** Ready long before the video. */
function Poster({ job }: { job: Job }) {
  const preview = job.outputs?.find(({ name }) => name === "preview.webp");
  const poster = job.outputs?.find(({ name }) => name === "poster.jpg");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const shown = still ? poster : (preview ?? poster);
  return <div class="stage">{shown && <img src={shown.url} alt="Preview of the video" />}</div>;
}
