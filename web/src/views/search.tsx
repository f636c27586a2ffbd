// Finds what was said in the user's recordings. The search itself is in this browser.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Failure } from "../failure.ts";
import { clock, plural } from "../format.ts";
import { hrefOf } from "../router.ts";
import { useStack } from "../stack.ts";
import { type Progress, type Result, searchAll } from "../transcripts.ts";
import { announce, Heading } from "./announcer.tsx";
import { Icon } from "./icons.tsx";
import { Problem } from "./problem.tsx";

/** Hits of one recording that are shown at once. */
const SHOWN = 5;

export function SearchView({ query }: { query: string }) {
  const { api, jobs } = useStack();
  const results = useSignal<readonly Result[]>([]);
  const progress = useSignal<Progress>({ looked: 0, failed: 0, total: 0, done: false });
  const failure = useSignal<Failure | undefined>(undefined);
  const attempt = useSignal(0);
  useEffect(() => {
    results.value = [];
    failure.value = undefined;
    progress.value = { looked: 0, failed: 0, total: 0, done: query.trim().length < 2 };
    if (query.trim().length < 2) return undefined;
    const stop = new AbortController();
    searchAll({ api, jobs }, query, stop.signal, (found, now) => {
      progress.value = now;
      // The newest first, in whatever order they were read.
      if (found)
        results.value = [...results.value, found].sort((one, other) =>
          one.media.mediaId < other.media.mediaId ? 1 : -1,
        );
      if (now.done) announce(`${plural(results.value.length, "recording")} found`);
    }).catch((thrown: unknown) => {
      if (!stop.signal.aborted) failure.value = Failure.of(thrown);
    });
    return () => stop.abort();
  }, [query, attempt.value]);
  const { looked, failed, total, done } = progress.value;
  return (
    <div class="search">
      <Heading key={query} title={query ? `“${query}”` : "Search"} />
      <p class="soft small" role="status" data-done={done}>
        {done ? plural(results.value.length, "recording") : `Searched ${looked} of ${plural(total, "recording")}…`}
      </p>
      {done && failed > 0 && (
        <p class="soft small">{`${plural(failed, "transcript")} could not be read. Search again later.`}</p>
      )}
      {failure.value && (
        <Problem
          failure={failure.value}
          retry={() => {
            attempt.value += 1;
          }}
        />
      )}
      <ul class="results">
        {results.value.map((result) => (
          <ResultItem key={result.media.mediaId} {...result} />
        ))}
      </ul>
      {done && results.value.length === 0 && !failure.value && (
        <div class="empty">
          <h2>{query.trim().length < 2 ? "Type at least two letters" : "No matches"}</h2>
          <p>
            This searches the transcripts of your videos and recordings. Try a single word, or another spelling.
          </p>
        </div>
      )}
    </div>
  );
}

function ResultItem({ media, hits }: Result) {
  return (
    <li class="result">
      <h2>
        <Icon name={media.kind === "audio" ? "audio" : "video"} />
        <a href={hrefOf({ view: "media", mediaId: media.mediaId })}>{media.filename}</a>
      </h2>
      <ul>
        {hits.slice(0, SHOWN).map((hit) => (
          <li key={`${hit.atMs}-${hit.before}`}>
            <a class="hit" href={hrefOf({ view: "media", mediaId: media.mediaId, atMs: Math.max(hit.atMs, 100) })}>
              <span class="time numbers">{clock(hit.atMs)}</span>
              <span>
                {hit.before}
                <mark>{hit.match}</mark>
                {hit.after}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {hits.length > SHOWN && <p class="soft small">{`and ${hits.length - SHOWN} more in this recording`}</p>}
    </li>
  );
}
