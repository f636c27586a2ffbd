// What can be done with a media: download, run again, cancel, delete.
import { useSignal } from "@preact/signals";
import { Failure } from "../failure.ts";
import { hasEnded } from "../jobs.ts";
import { go } from "../router.ts";
import { saveOutput } from "../save.ts";
import { useStack } from "../stack.ts";
import type { Job, Media, Output } from "../types.ts";
import { announce } from "./announcer.tsx";
import { Confirm } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import { Problem } from "./problem.tsx";

interface Props {
  media: Media;
  job: Job | undefined;
  rerun: Job | undefined;
  refresh: () => void;
}

export function Actions({ media, job, rerun, refresh }: Props) {
  const { api, jobs, library } = useStack();
  const failure = useSignal<Failure | undefined>(undefined);
  const asking = useSignal(false);
  const saving = useSignal(false);
  const running = [job, rerun].find((one) => one && !hasEnded(one));
  const main = job && mainOutput(job);

  /** Does something, and shows why it did not work. */
  async function attempt(what: () => Promise<void>): Promise<void> {
    failure.value = undefined;
    try {
      await what();
    } catch (thrown) {
      failure.value = Failure.of(thrown);
    }
  }

  const download = (output: Output) =>
    attempt(async () => {
      saving.value = true;
      try {
        await saveOutput(media, output);
      } finally {
        saving.value = false;
      }
    });
  const again = () =>
    attempt(async () => {
      jobs.take(await api.rerun(media.mediaId, {}));
      announce("Running again");
      refresh();
    });
  const cancel = (which: Job) => attempt(async () => jobs.take(await api.cancel(which.jobId)));
  const remove = () =>
    attempt(async () => {
      await api.remove(media.mediaId);
      library.removed(media.mediaId);
      announce(`${media.filename} deleted`);
      go({ view: "library" });
    });

  return (
    <div class="actions">
      {main && (
        <button type="button" class="button primary" disabled={saving.value} onClick={() => void download(main)}>
          <Icon name="download" />
          {saving.value ? "Downloading…" : "Download"}
        </button>
      )}
      {running ? (
        <button type="button" class="button" onClick={() => void cancel(running)}>
          <Icon name="close" />
          Cancel
        </button>
      ) : (
        job && (
          <button type="button" class="button" onClick={() => void again()}>
            <Icon name="retry" />
            Run again
          </button>
        )
      )}
      <button
        type="button"
        class="button danger"
        onClick={() => {
          asking.value = true;
        }}
      >
        <Icon name="trash" />
        Delete
      </button>
      {failure.value && (
        <div class="wide">
          <Problem failure={failure.value} />
        </div>
      )}
      {asking.value && (
        <Confirm
          title={`Delete ${media.filename}?`}
          body="The upload and everything made from it are removed. This cannot be undone."
          yes="Delete"
          confirm={() => void remove()}
          close={() => {
            asking.value = false;
          }}
        />
      )}
    </div>
  );
}

/** The one file that people mean by "download". */
function mainOutput({ outputs = [] }: Job): Output | undefined {
  const ready = outputs.filter(({ state }) => state === "ready");
  const named = (name: string): Output | undefined => ready.find((output) => output.name === name);
  const [largest] = ready
    .filter(({ role, contentType }) => role === "rendition" && contentType === "image/jpeg")
    .sort((one, other) => other.bytes - one.bytes);
  return named("video.mp4") ?? named("audio.m4a") ?? largest;
}
