// The user's media, page by page, and what a tile shows of each.
import { type Signal, signal } from "@preact/signals";
import type { Api } from "./api.ts";
import { discard, keep, kept } from "./cache.ts";
import { Failure } from "./failure.ts";
import type { Jobs } from "./jobs.ts";
import { placeholder, type Placeholder } from "./pictures.ts";
import { limiter } from "./retry.ts";
import type { Kind, MediaSummary } from "./types.ts";

const PAGE = 40;
/** Reads for tiles at the same time: few enough for the API's rate limit, enough to fill a screen quickly. */
const AT_ONCE = 6;

export type Library = ReturnType<typeof createLibrary>;

export function createLibrary(api: Api, jobs: Jobs) {
  const items = signal<readonly MediaSummary[]>([]);
  const kind = signal<Kind | undefined>(undefined);
  /** Undefined before the first page, null after the last. */
  const next = signal<string | null | undefined>(undefined);
  const loading = signal(false);
  const failure = signal<Failure | undefined>(undefined);
  const limited = limiter(AT_ONCE);
  const placeholders = new Map<string, Signal<Placeholder | undefined>>();
  const gone = new Set<string>();
  let generation = 0;
  let refreshing: ReturnType<typeof setTimeout> | undefined;

  const page = (after: string | undefined) =>
    api.listMedia({ kind: kind.value, status: "SUBMITTED", after, limit: PAGE });

  function merge(more: readonly MediaSummary[]): void {
    const all = new Map([...items.value, ...more].map((media) => [media.mediaId, media]));
    // Ids sort by time.
    const sorted = [...all.values()].sort((one, other) => (one.mediaId < other.mediaId ? 1 : -1));
    items.value = sorted.filter(({ mediaId }) => !gone.has(mediaId));
  }

  async function more(): Promise<void> {
    if (loading.value || next.value === null) return;
    const mine = generation;
    loading.value = true;
    failure.value = undefined;
    try {
      const read = await page(next.value);
      if (mine !== generation) return;
      merge(read.media);
      next.value = read.next ?? null;
    } catch (thrown) {
      if (mine === generation) failure.value = Failure.of(thrown);
    } finally {
      if (mine === generation) loading.value = false;
    }
  }

  /** Reads the newest page again, soon: lists lag by a second, and changes come in bunches. */
  function refreshSoon(afterMs = 1200): void {
    clearTimeout(refreshing);
    refreshing = setTimeout(() => {
      const mine = generation;
      void page(undefined).then(
        (read) => mine === generation && merge(read.media),
        () => undefined,
      );
    }, afterMs);
  }

  function choose(chosen: Kind | undefined): void {
    generation += 1;
    kind.value = chosen;
    items.value = [];
    next.value = undefined;
    loading.value = false;
    void more();
  }

  jobs.on((_, mediaId, what) => {
    if (what === "deleted") removed(mediaId);
    else refreshSoon();
  });

  function removed(mediaId: string): void {
    gone.add(mediaId);
    items.value = items.value.filter((media) => media.mediaId !== mediaId);
    void discard(mediaId);
  }

  return {
    items,
    kind,
    next,
    loading,
    failure,
    more,
    choose,
    refreshSoon,
    removed,

    /** Puts in a media that has just been submitted, before the lists know of it. */
    add: (media: MediaSummary) => {
      if (kind.value === undefined || kind.value === media.kind) merge([media]);
    },

    /** The blurred stand-in of a photo: from the list or, if that has none, from the browser's own store or the API. */
    placeholder({ mediaId, thumbhash }: MediaSummary): Signal<Placeholder | undefined> {
      const known = placeholders.get(mediaId);
      if (known) return known;
      const held = signal<Placeholder | undefined>(thumbhash === undefined ? undefined : placeholder(thumbhash));
      placeholders.set(mediaId, held);
      if (thumbhash !== undefined) return held;
      void (async () => {
        const key = `${mediaId}/thumbhash`;
        let hash = await kept<string>(key);
        if (hash === undefined) {
          const { facts } = await limited(() => api.media(mediaId));
          hash = facts?.image?.thumbhash;
          if (hash !== undefined) void keep(key, hash);
          else placeholders.delete(mediaId);
        }
        if (hash !== undefined) held.value = placeholder(hash);
      })().catch(() => placeholders.delete(mediaId));
      return held;
    },

    /** Reads the job of a tile that has come into view. */
    show: (jobId: string) => limited(() => jobs.fresh(jobId)),
  };
}
