import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readOutput } from "../api.ts";
import { Failure } from "../failure.ts";
import { transcriptOf } from "../transcripts.ts";
import type { Job, Transcript } from "../types.ts";

interface Reading {
  transcript: Signal<Transcript | undefined>;
  failure: Signal<Failure | undefined>;
  retry: () => void;
}

/** The transcript, and while it grows its longer versions. */
export function useTranscript(job: Job): Reading {
  const transcript = useSignal<Transcript | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  const attempt = useSignal(0);
  const output = job.outputs?.find(({ name }) => name === "transcript.json");
  useEffect(() => {
    if (!output) return undefined;
    let stale = false;
    const reading = output.state === "partial" ? readOutput<Transcript>(output.url) : transcriptOf(job);
    reading.then(
      (read) => {
        if (stale) return;
        transcript.value = read;
        failure.value = undefined;
      },
      (thrown: unknown) => {
        // Of a growing one there is soon another version.
        if (!stale && output.state === "ready") failure.value = Failure.of(thrown);
      },
    );
    return () => {
      stale = true;
    };
  }, [output?.sha256, job.status, attempt.value]);
  const retry = (): void => {
    attempt.value += 1;
  };
  return { transcript, failure, retry };
}
