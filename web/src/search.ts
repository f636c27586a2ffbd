// Finds words in transcripts. Pure, so that the same code marks hits in a list and in an open transcript.
import type { Segment, Transcript, Word } from "./types.ts";

export interface Hit {
  /** Where to begin to play. */
  atMs: number;
  before: string;
  match: string;
  after: string;
}

/** Letters without accents and case, so that `uber` finds `Über`. Keeps the length of each character's place. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[’ʼ]/g, "'");
}

/** Text between hits and hits themselves, in order. */
export interface Piece {
  text: string;
  hit: boolean;
}

/** Cuts a text at every place where `query` stands in it. */
export function pieces(text: string, query: string): Piece[] {
  const { plain, places } = mapped(text);
  const wanted = folded(query.trim());
  const found: Piece[] = [];
  let from = 0;
  for (let at = wanted ? plain.indexOf(wanted) : -1; at >= 0; at = plain.indexOf(wanted, at + wanted.length)) {
    const [start = 0, end = text.length] = [places[at], places[at + wanted.length]];
    found.push({ text: text.slice(from, start), hit: false }, { text: text.slice(start, end), hit: true });
    from = end;
  }
  return [...found, { text: text.slice(from), hit: false }].filter((piece) => piece.text !== "");
}

/** A folded text, and for each of its characters the place in the original. */
function mapped(text: string): { plain: string; places: number[] } {
  let plain = "";
  const places: number[] = [];
  let at = 0;
  for (const character of text) {
    const simple = folded(character);
    for (let index = 0; index < simple.length; index += 1) places.push(at);
    plain += simple;
    at += character.length;
  }
  places.push(at);
  return { plain, places };
}

/** The words of a segment as they are read, with the place of each in the text. */
export function spelled(words: readonly Word[]): { text: string; starts: number[] } {
  let text = "";
  const starts = words.map((word, index) => {
    if (index > 0 && !word.joined) text += " ";
    const start = text.length;
    text += word.text;
    return start;
  });
  return { text, starts };
}

const CONTEXT = 48;

/** Every place of a transcript where `query` is said, at most `most`. */
export function find({ segments }: Transcript, query: string, most = 50): Hit[] {
  const hits: Hit[] = [];
  if (query.trim().length < 2) return hits;
  for (const segment of segments) {
    const { text, starts } = segment.words?.length ? spelled(segment.words) : { text: segment.text, starts: [] };
    let at = 0;
    for (const piece of pieces(text, query)) {
      if (piece.hit) {
        hits.push({
          atMs: timeAt(segment, starts, at),
          before: shortened(text.slice(0, at), true),
          match: piece.text,
          after: shortened(text.slice(at + piece.text.length), false),
        });
        if (hits.length >= most) return hits;
      }
      at += piece.text.length;
    }
  }
  return hits;
}

/** When the word that stands at a place of the text begins. */
function timeAt({ startMs, words = [] }: Segment, starts: readonly number[], at: number): number {
  const index = starts.findLastIndex((start) => start <= at);
  return words[index]?.startMs ?? startMs;
}

function shortened(text: string, fromEnd: boolean): string {
  if (text.length <= CONTEXT) return text;
  if (fromEnd) return `…${text.slice(-CONTEXT).replace(/^\S*\s/, "")}`;
  return `${text.slice(0, CONTEXT).replace(/\s\S*$/, "")}…`;
}
