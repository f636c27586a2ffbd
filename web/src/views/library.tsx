// The gallery, with what goes on above it.
import { useComputed } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { day } from "../format.ts";
import { useStack } from "../stack.ts";
import type { Kind, MediaSummary } from "../types.ts";
import { Activity } from "./activity.tsx";
import { Heading } from "./announcer.tsx";
import { Camera } from "./camera.tsx";
import { Choices } from "./drop.tsx";
import { online } from "./offline.tsx";
import { Problem } from "./problem.tsx";
import { Tile } from "./tile.tsx";

const KINDS: [kind: Kind | undefined, label: string][] = [
  [undefined, "All"],
  ["image", "Photos"],
  ["video", "Videos"],
  ["audio", "Audio"],
];

/** Where the gallery was left: somebody who comes back from a media wants to go on there. */
let leftAt = 0;

export function LibraryView() {
  const { library } = useStack();
  const { items, kind, next, loading, failure } = library;
  useEffect(() => {
    if (next.value === undefined) void library.more();
    else library.refreshSoon(0);
  }, [library]);
  useEffect(() => {
    if (leftAt > 0) window.scrollTo({ top: leftAt, behavior: "instant" });
  }, []);
  useLayoutEffect(() => {
    const note = (): void => {
      leftAt = window.scrollY;
    };
    window.addEventListener("scroll", note, { passive: true });
    return () => window.removeEventListener("scroll", note);
  }, []);
  useEffect(() => {
    if (online.value && failure.value) void library.more();
  }, [online.value]);
  const empty = items.value.length === 0 && next.value === null;
  return (
    <>
      <div class="toolbar">
        <Heading title="Library" />
        {!(empty && kind.value === undefined) && <Filter chosen={kind.value} choose={library.choose} />}
      </div>
      {!(empty && kind.value === undefined) && (
        <div class="drop-strip">
          <p>Drop files or folders anywhere, or paste them.</p>
          <Choices />
        </div>
      )}
      <Activity />
      {empty ? <Empty kind={kind.value} /> : <Gallery items={items.value} />}
      {failure.value && <Problem failure={failure.value} retry={() => void library.more()} />}
      {next.value !== null && !failure.value && (
        <More loading={loading.value} more={library.more} count={items.value.length} />
      )}
      <Camera />
    </>
  );
}

function Filter({ chosen, choose }: { chosen: Kind | undefined; choose: (kind: Kind | undefined) => void }) {
  return (
    <div class="segments" role="group" aria-label="Show">
      {KINDS.map(([kind, label]) => (
        <button
          type="button"
          key={label}
          aria-pressed={kind === chosen}
          onClick={() => kind !== chosen && choose(kind)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function Gallery({ items }: { items: readonly MediaSummary[] }) {
  const days = new Map<string, MediaSummary[]>();
  for (const media of items) {
    const heading = day(media.createdAt);
    days.set(heading, [...(days.get(heading) ?? []), media]);
  }
  return (
    <>
      {[...days].map(([heading, media]) => (
        <section key={heading} aria-label={heading}>
          <h2 class="day">{heading}</h2>
          <ul class="grid">
            {media.map((one) => (
              <li key={one.mediaId}>
                <Tile media={one} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** Loads the next page before the end of this one comes into view; by a button where that does not happen. */
function More({ loading, more, count }: { loading: boolean; more: () => Promise<void>; count: number }) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const seen = new IntersectionObserver(([entry]) => entry?.isIntersecting && void more(), { rootMargin: "600px" });
    if (end.current) seen.observe(end.current);
    return () => seen.disconnect();
    // Observed anew after each page: an end that stays in view is not told of again.
  }, [more, count, loading]);
  return (
    <div class="more" ref={end}>
      {loading ? (
        <span class="spinner" role="status" aria-label="Loading" />
      ) : (
        <button type="button" class="button" onClick={() => void more()}>
          Show more
        </button>
      )}
    </div>
  );
}

const NONE = { image: "No photos yet", video: "No videos yet", audio: "No audio yet" };

function Empty({ kind }: { kind: Kind | undefined }) {
  const { uploads } = useStack();
  const quiet = useComputed(() => uploads.all.value.length === 0);
  if (kind !== undefined) {
    return (
      <div class="empty">
        <h2>{NONE[kind]}</h2>
        <p>They appear here as soon as the first one is uploaded and recognised.</p>
      </div>
    );
  }
  if (!quiet.value) return null;
  return (
    <div class="empty">
      <Picture />
      <h2>Your library is empty</h2>
      <p>
        Drop photos, videos and recordings anywhere on this page, or paste a picture. You get photos in several sizes,
        video and audio that play everywhere, and transcripts of speech.
      </p>
      <div class="actions">
        <Choices primary />
      </div>
    </div>
  );
}

function Picture() {
  return (
    <svg class="picture" viewBox="0 0 260 150" aria-hidden="true">
      <g class="back">
        <rect x="22" y="34" width="92" height="92" rx="16" transform="rotate(-9 68 80)" />
        <path d="M56 66v29l25-14.5Z" transform="rotate(-9 68 80)" />
      </g>
      <g class="back">
        <rect x="146" y="34" width="92" height="92" rx="16" transform="rotate(9 192 80)" />
        <path d="M170 88V74m9 20V66m9 23V72m9 17V60m9 28V76m9 8v-6" transform="rotate(9 192 80)" />
      </g>
      <g class="front">
        <rect x="78" y="20" width="104" height="104" rx="18" />
        <path d="m78 103 27-29 23 24 17-16 37 33" />
        <circle cx="152" cy="50" r="8" />
      </g>
    </svg>
  );
}
