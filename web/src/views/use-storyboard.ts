import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readStoryboard } from "../playback.ts";
import { useStack } from "../stack.ts";
import { type Cue, parseStoryboard } from "../storyboard.ts";
import type { Job } from "../types.ts";

/** The storyboard of a job. Without one the bar shows times only. */
export function useStoryboard({ outputs = [] }: Job): ReadonlySignal<readonly Cue[] | undefined> {
  const { api } = useStack();
  const cues = useSignal<readonly Cue[] | undefined>(undefined);
  const output = outputs.find(({ role, state }) => role === "storyboard" && state === "ready");
  useEffect(() => {
    if (!output) return;
    readStoryboard(output, api).then(
      ({ text, base }) => {
        cues.value = parseStoryboard(text, base);
      },
      () => undefined,
    );
  }, [output?.sha256]);
  return cues;
}
