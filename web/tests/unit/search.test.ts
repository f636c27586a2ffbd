import assert from "node:assert/strict";
import { test } from "node:test";
import { find, pieces } from "../../src/search.ts";
import type { Transcript } from "../../src/types.ts";

function said(text: string, joined = false): Transcript {
  const words = text.split(" ").map((word, index) => ({
    text: word,
    startMs: 1000 * index,
    endMs: 1000 * index + 900,
    confidence: 1,
    ...(joined && index > 0 ? { joined } : {}),
  }));
  const segment = {
    startMs: 0,
    endMs: 1000 * words.length,
    text: words.map((word) => word.text).join(joined ? "" : " "),
    language: "en",
    words,
  };
  return { state: "final", speech: "present", durationMs: segment.endMs, segments: [segment] };
}

test("a phrase is found across words, and leads to its first", () => {
  assert.deepEqual(find(said("ask not what your country can do"), "your country"), [
    { atMs: 3000, before: "ask not what ", match: "your country", after: " can do" },
  ]);
});

test("accents, case and kinds of apostrophe make no difference", () => {
  assert.deepEqual(
    find(said("Grüß dich, Zoë"), "ZOE").map(({ match, atMs }) => [match, atMs]),
    [["Zoë", 2000]],
  );
  assert.equal(find(said("don’t stop"), "don't").length, 1);
});

test("words without spaces between them are one text", () => {
  assert.deepEqual(
    find(said("你 好 吗", true), "好吗").map(({ atMs }) => atMs),
    [1000],
  );
});

test("every place is found, up to a limit", () => {
  assert.equal(find(said("a an and ant"), "an").length, 3);
  assert.equal(find(said("a an and ant"), "an", 2).length, 2);
  assert.equal(find(said("a an and ant"), "a").length, 0, "one letter is everywhere");
});

test("long contexts are cut at words", () => {
  const [hit] = find(said(`${"lorem ".repeat(30)}needle ${"ipsum ".repeat(30)}end`), "needle");
  assert.match(hit?.before ?? "", /^…lorem (lorem )*$/);
  assert.match(hit?.after ?? "", /^ ipsum( ipsum)*…$/);
});

test("a text in pieces is the whole text", () => {
  const text = "Über über — ÜBER";
  const cut = pieces(text, "uber");
  assert.equal(cut.map((piece) => piece.text).join(""), text);
  assert.equal(cut.filter(({ hit }) => hit).length, 3);
});
