// What is said, word by word: a click on a word plays from there, and the word that is heard is marked.
import { type Signal, useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { clock } from "../format.ts";
import { find, pieces } from "../search.ts";
import type { Job, Segment, Transcript } from "../types.ts";

interface Props {
  transcript: Transcript;
  positionMs: Signal<number>;
  jump: (ms: number) => void;
  job: Job;
}

/** The word or segment that is heard at a moment: the last one that has begun. */
export function heardAt(starts: readonly number[], ms: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= ms) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

export function TranscriptView({ transcript, positionMs, jump, job }: Props) {
  const text = useRef<HTMLDivElement>(null);
  const query = useSignal("");
  const hits = useComputed(() => find(transcript, query.value, 1000).length);
  const starts = useMemo(
    () =>
      transcript.segments.flatMap(({ words, startMs }) =>
        words?.length ? words.map((word) => word.startMs) : [startMs],
      ),
    [transcript],
  );

  // Marked in the document itself: drawing thousands of words anew for each is too slow.
  useSignalEffect(() => {
    const index = positionMs.value > 0 ? heardAt(starts, positionMs.value + 40) : -1;
    const before = text.current?.querySelector(".heard");
    const now = text.current?.querySelector(`[data-word="${index}"]`);
    if (before === now) return;
    before?.classList.remove("heard");
    now?.classList.add("heard");
  });

  const paragraphs = useMemo(
    () => <Paragraphs transcript={transcript} query={query.value} jump={jump} />,
    [transcript, query.value],
  );

  function clicked(event: MouseEvent): void {
    // Whoever marks text to copy it does not want to jump.
    if (getSelection()?.toString()) return;
    const word = (event.target as HTMLElement).closest<HTMLElement>("[data-ms]");
    if (word) jump(Number(word.dataset["ms"]));
  }

  if (transcript.speech === "none" || transcript.segments.length === 0) {
    return job.status === "COMPLETED" ? <p class="soft transcript">No speech was found.</p> : null;
  }
  return (
    <section class="transcript" aria-label="Transcript">
      <header>
        <h2>Transcript</h2>
        {transcript.state === "partial" && <span class="soft small">in progress</span>}
        <input
          type="search"
          class="input"
          aria-label="Find in the transcript"
          placeholder="Find"
          onInput={({ currentTarget }) => {
            query.value = currentTarget.value;
          }}
        />
        <span class="said" role="status">
          {query.value.trim().length > 1 ? `${hits.value} found` : ""}
        </span>
      </header>
      {/* The words are for the pointer; the time before each paragraph is a button for everybody. */}
      <div class="text" ref={text} onClick={clicked}>
        {paragraphs}
      </div>
    </section>
  );
}

function Paragraphs({
  transcript,
  query,
  jump,
}: {
  transcript: Transcript;
  query: string;
  jump: (ms: number) => void;
}) {
  let first = 0;
  return (
    <>
      {transcript.segments.map((segment) => {
        const from = first;
        first += segment.words?.length || 1;
        return (
          <div class="segment" key={`${segment.startMs}-${segment.channel ?? 0}`}>
            <button type="button" class="time numbers" onClick={() => jump(segment.startMs)}>
              <span class="said">Play from </span>
              {clock(segment.startMs)}
            </button>
            <p lang={segment.language}>
              {query.trim().length > 1 ? (
                <Found segment={segment} query={query} from={from} />
              ) : (
                <Words segment={segment} from={from} />
              )}
            </p>
          </div>
        );
      })}
    </>
  );
}

function Words({ segment, from }: { segment: Segment; from: number }) {
  if (!segment.words?.length) {
    return (
      <span data-ms={segment.startMs} data-word={from}>
        {segment.text}
      </span>
    );
  }
  return (
    <>
      {segment.words.map((word, index) => (
        <>
          {index > 0 && !word.joined && " "}
          <span data-ms={word.startMs} data-word={from + index} class={word.confidence < 0.4 ? "unsure" : undefined}>
            {word.text}
          </span>
        </>
      ))}
    </>
  );
}

/** With hits marked. A phrase can cross words, so these are marked where they touch it. */
function Found({ segment, query, from }: { segment: Segment; query: string; from: number }) {
  const words = segment.words?.length
    ? segment.words
    : [{ text: segment.text, startMs: segment.startMs, endMs: segment.endMs, confidence: 1 }];
  const text = words.map((word, index) => (index > 0 && !word.joined ? ` ${word.text}` : word.text));
  const marked: [start: number, end: number][] = [];
  let at = 0;
  for (const piece of pieces(text.join(""), query)) {
    if (piece.hit) marked.push([at, at + piece.text.length]);
    at += piece.text.length;
  }
  let place = 0;
  return (
    <>
      {words.map((word, index) => {
        const start = place + (text[index]?.length ?? 0) - word.text.length;
        const end = start + word.text.length;
        const gap = start > place ? " " : "";
        place = end;
        const hit = marked.some(([from, to]) => from < end && start < to);
        const attributes = { "data-ms": word.startMs, "data-word": from + index };
        return (
          <>
            {gap}
            {hit ? <mark {...attributes}>{word.text}</mark> : <span {...attributes}>{word.text}</span>}
          </>
        );
      })}
    </>
  );
}
