import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api } from "../../src/api.ts";
import type { Jobs } from "../../src/jobs.ts";
import { createLibrary } from "../../src/library.ts";
import type { MediaSummary } from "../../src/types.ts";

const THUMBHASH = "1QcSHQRnh493V4dIh4eXh1h4kJUI";

function summary(more: Partial<MediaSummary> = {}): MediaSummary {
  const at = "2026-01-01T00:00:00.000Z";
  return { mediaId: "med_1", status: "SUBMITTED", kind: "image", filename: "a.jpg", size: 1, createdAt: at, ...more };
}

function library(): { of: (media: MediaSummary) => string | undefined; asked: string[] } {
  const asked: string[] = [];
  const media = (mediaId: string) => {
    asked.push(mediaId);
    return Promise.resolve({ facts: { image: { thumbhash: THUMBHASH } } });
  };
  const { placeholder } = createLibrary({ media } as unknown as Api, { on: () => undefined } as unknown as Jobs);
  return { of: (media) => placeholder(media).value?.url, asked };
}

test("a placeholder from the list is drawn at once, and nothing is read for it", () => {
  const { of, asked } = library();
  assert.match(of(summary({ thumbhash: THUMBHASH })) ?? "", /^data:image\/png/);
  assert.deepEqual(asked, []);
});

test("a placeholder that the list lacks is read once with its media", async () => {
  const { of, asked } = library();
  assert.equal(of(summary()), undefined);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(of(summary()) ?? "", /^data:image\/png/);
  assert.deepEqual(asked, ["med_1"]);
});
