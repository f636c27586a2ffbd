// What goes on now: files being sent, jobs being done, uploads that wait for their file.
import { signal, useComputed } from "@preact/signals";
import { Failure } from "../failure.ts";
import { bytes, plural, standing, timeLeft } from "../format.ts";
import type { Interrupted } from "../interrupted.ts";
import { hasEnded } from "../jobs.ts";
import { thumbnail } from "../pictures.ts";
import { hrefOf } from "../router.ts";
import { useStack } from "../stack.ts";
import type { Job, MediaSummary } from "../types.ts";
import type { Upload, UploadState } from "../uploads.ts";
import { chooseFiles } from "./drop.tsx";
import { Icon, type IconName, KIND_ICON } from "./icons.tsx";
import { Problem } from "./problem.tsx";
import { Progress } from "./tile.tsx";

/** Why something in the list could not be done. */
const problem = signal<Failure | undefined>(undefined);

/** Does something, and shows why it did not work. */
function attempt(what: Promise<unknown>): void {
  problem.value = undefined;
  what.catch((thrown: unknown) => {
    problem.value = Failure.of(thrown);
  });
}

/** A folder of thousands is summed up after this many. */
const SHOWN = 60;

export function Activity() {
  const { uploads, jobs, library, interruptions } = useStack();
  const running = useComputed(() =>
    library.items.value.flatMap((media) => {
      const job = media.jobId ? jobs.of(media.jobId).value : undefined;
      return job && !hasEnded(job) ? [{ media, job }] : [];
    }),
  );
  const sending = uploads.all.value;
  const waiting = interruptions.all.value;
  const count = sending.length + running.value.length + waiting.length;
  return (
    <>
      {uploads.problem.value && <Problem failure={uploads.problem.value} />}
      {problem.value && <Problem failure={problem.value} />}
      {count > 0 && (
        <section class="activity" aria-label="In progress">
          <header>
            <h2>
              In progress <span class="soft numbers">{count}</span>
            </h2>
            <Live />
          </header>
          <ul>
            {waiting.map((one) => (
              <InterruptedRow key={one.media.mediaId} {...one} />
            ))}
            {sending.slice(0, SHOWN).map((upload) => (
              <UploadRow key={upload.id} upload={upload} />
            ))}
            {running.value.slice(0, SHOWN).map(({ media, job }) => (
              <JobRow key={job.jobId} media={media} job={job} />
            ))}
          </ul>
          {count > 2 * SHOWN && <p class="row soft">{plural(count, "item")} in total</p>}
        </section>
      )}
    </>
  );
}

function Live() {
  const { jobs } = useStack();
  const live = jobs.connection.value === "live";
  return (
    <span class={`live ${live ? "live-now" : ""}`} data-connection={jobs.connection.value}>
      {live ? "Live" : "Checking for updates"}
    </span>
  );
}

const UPLOAD_STATES: Record<UploadState, string> = {
  waiting: "Waiting",
  preparing: "Preparing",
  sending: "Uploading",
  paused: "Paused",
  failed: "Failed",
  submitted: "Uploaded",
};

function UploadRow({ upload }: { upload: Upload }) {
  const { uploads } = useStack();
  const { id, name, state, sent, bytes: size, speed, failure } = upload;
  const percent = size > 0 ? (100 * sent) / size : 0;
  const pausable = state === "sending" || state === "preparing" || state === "waiting" || state === "paused";
  return (
    <li class="row" data-upload={name} data-state={state}>
      <div class="thumb">
        {upload.preview ? <img src={upload.preview} alt="" /> : <Icon name={iconOf(upload.type)} />}
      </div>
      <div class="what">
        <p class="name">{name}</p>
        {failure ? (
          <p class="state">
            <span class="failed">{failure.message}</span>
            {failure.remedy && <span>{failure.remedy}</span>}
          </p>
        ) : (
          <p class="state">
            <span>{UPLOAD_STATES[state]}</span>
            {sent > 0 && <span>{`${bytes(sent)} of ${bytes(size)}`}</span>}
            {sent === 0 && <span>{bytes(size)}</span>}
            {state === "sending" && speed > 0 && sent < size && <span>{timeLeft(((size - sent) / speed) * 1000)}</span>}
          </p>
        )}
      </div>
      <div class="buttons">
        {pausable && (
          <button
            type="button"
            class="button plain square"
            aria-label={`${state === "paused" ? "Resume" : "Pause"} ${name}`}
            onClick={() => uploads.toggle(id)}
          >
            <Icon name={state === "paused" ? "play" : "pause"} />
          </button>
        )}
        {state === "failed" && (
          <button
            type="button"
            class="button plain square"
            aria-label={`Retry ${name}`}
            onClick={() => uploads.retry(id)}
          >
            <Icon name="retry" />
          </button>
        )}
        <button
          type="button"
          class="button plain square"
          aria-label={`Remove ${name}`}
          onClick={() => uploads.remove(id)}
        >
          <Icon name="close" />
        </button>
      </div>
      {state !== "failed" && <Progress percent={percent} idle={state === "paused"} />}
    </li>
  );
}

function JobRow({ media, job }: { media: MediaSummary; job: Job }) {
  const { api, jobs } = useStack();
  const picture = thumbnail(job);
  const cancel = (): void => {
    attempt(api.cancel(job.jobId).then(jobs.take));
  };
  return (
    <li class="row" data-job={job.jobId} data-stage={job.stage}>
      <div class="thumb">
        {picture ? <img src={picture.url} alt="" /> : <Icon name={media.kind ? KIND_ICON[media.kind] : "settings"} />}
      </div>
      <div class="what">
        <p class="name">
          <a href={hrefOf({ view: "media", mediaId: media.mediaId })}>{media.filename}</a>
        </p>
        <p class="state">
          <span>{standing(job)}</span>
          {(job.outputs?.length ?? 0) > 0 && <span>{plural(job.outputs?.length ?? 0, "file")} ready</span>}
        </p>
      </div>
      <div class="buttons">
        <button type="button" class="button plain square" aria-label={`Cancel ${media.filename}`} onClick={cancel}>
          <Icon name="close" />
        </button>
      </div>
      <Progress percent={job.progress} />
    </li>
  );
}

function InterruptedRow({ media, arrived }: Interrupted) {
  const { api, uploads, interruptions } = useStack();
  const discard = (): void => {
    interruptions.settle(media.mediaId);
    attempt(api.remove(media.mediaId));
  };
  return (
    <li class="row" data-interrupted={media.mediaId}>
      <div class="thumb">
        <Icon name="upload" />
      </div>
      <div class="what">
        <p class="name">{media.filename}</p>
        <p class="state">
          <span>Interrupted</span>
          <span>{`${bytes(arrived)} of ${bytes(media.size)} uploaded`}</span>
          <span>Choose the same file again to continue.</span>
        </p>
      </div>
      <div class="buttons">
        <button
          type="button"
          class="button small"
          onClick={() => chooseFiles(uploads, false, interruptions.chosen)}
          aria-label={`Choose ${media.filename} again`}
        >
          Choose
        </button>
        <button
          type="button"
          class="button plain square small"
          aria-label={`Discard ${media.filename}`}
          onClick={discard}
        >
          <Icon name="close" />
        </button>
      </div>
      <Progress percent={(100 * arrived) / media.size} idle />
    </li>
  );
}

function iconOf(type: string): IconName {
  const [kind] = type.split("/");
  return kind === "image" || kind === "video" || kind === "audio" ? KIND_ICON[kind] : "upload";
}
