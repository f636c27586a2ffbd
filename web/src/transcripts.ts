// The transcripts of the user's own media: read once, kept in the browser, and searched there. Nothing that the user
// looks for leaves the page.
import type { Api } from "./api.ts";
import { readOutput } from "./api.ts";
import { keep, kept } from "./cache.ts";
import type { Jobs } from "./jobs.ts";
import { limiter } from "./retry.ts";
import { find, type Hit } from "./search.ts";
import type { Job, MediaSummary, Transcript } from "./types.ts";

export interface Result {
  media: MediaSummary;
  hits: Hit[];
}

export interface Progress {
  /** Recordings looked at, those that could not be read among them, and in all as far as known. */
  looked: number;
  failed: number;
  total: number;
  done: boolean;
}

const PAGE = 100;
const AT_ONCE = 4;

/** Only the transcript of a completed job is kept, and that never changes. */
const keyOf = (mediaId: string, jobId: string): string => `${mediaId}/transcript/${jobId}`;

/** `transcript.json` of a job, if it has one. */
export async function transcriptOf({ outputs = [], mediaId, jobId, status }: Job): Promise<Transcript | undefined> {
  const output = outputs.find(({ name }) => name === "transcript.json");
  if (!output) return undefined;
  const key = keyOf(mediaId, jobId);
  const known = await kept<Transcript>(key);
  if (known) return known;
  const read = await readOutput<Transcript>(output.url);
  if (output.state === "ready" && status === "COMPLETED") void keep(key, read);
  return read;
}

/** Looks for `query` in every recording, the newest first, and tells of each that has it. */
export async function searchAll(
  { api, jobs }: { api: Api; jobs: Jobs },
  query: string,
  signal: AbortSignal,
  tell: (found: Result | undefined, progress: Progress) => void,
): Promise<void> {
  const limited = limiter(AT_ONCE);
  const progress = { looked: 0, failed: 0, total: 0, done: false };
  const looks: Promise<void>[] = [];

  async function look(media: MediaSummary): Promise<void> {
    if (signal.aborted || !media.jobId) return;
    // One that cannot be read must not end the search in all others.
    const transcript = await known(media, media.jobId, jobs).catch(() => null);
    if (signal.aborted) return;
    if (transcript === null) progress.failed += 1;
    progress.looked += 1;
    const hits = transcript ? find(transcript, query) : [];
    tell(hits.length > 0 ? { media, hits } : undefined, { ...progress });
  }

  for (const kind of ["video", "audio"] as const) {
    let after: string | undefined;
    do {
      const page = await api.listMedia({ kind, status: "SUBMITTED", after, limit: PAGE });
      if (signal.aborted) return;
      progress.total += page.media.length;
      looks.push(...page.media.map((media) => limited(() => look(media))));
      after = page.next;
    } while (after !== undefined);
  }
  await Promise.all(looks);
  if (!signal.aborted) tell(undefined, { ...progress, done: true });
}

/** Most recordings have been read before: then not even their job is asked for. */
async function known(media: MediaSummary, jobId: string, jobs: Jobs): Promise<Transcript | undefined> {
  return (await kept<Transcript>(keyOf(media.mediaId, jobId))) ?? transcriptOf(await jobs.fresh(jobId));
}
