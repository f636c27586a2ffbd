// Uploads that a reload, another browser or a closed lid has interrupted. The API knows which parts have arrived; the
// file itself only its owner has, so they choose it again.
import { signal } from "@preact/signals";
import type { Api } from "./api.ts";
import type { MediaSummary } from "./types.ts";

export interface Interrupted {
  media: MediaSummary;
  /** Bytes that have arrived. */
  arrived: number;
}

export type Interruptions = ReturnType<typeof createInterruptions>;

export function createInterruptions(api: Api) {
  const all = signal<readonly Interrupted[]>([]);

  async function arrived(mediaId: string): Promise<number | undefined> {
    let [sum, after] = [0, undefined as number | undefined];
    do {
      const page = await api.parts(mediaId, after);
      sum += page.parts.reduce((bytes, part) => bytes + part.bytes, 0);
      after = page.next;
    } while (after !== undefined);
    return sum;
  }

  return {
    all,

    /** Looks once, at the start: what is interrupted later is still in this page. */
    async look(): Promise<void> {
      const { media } = await api.listMedia({ status: "AWAITING_UPLOAD", limit: 20 });
      const found = await Promise.all(
        // A single request leaves nothing to resume; the API says so with `not_in_parts`.
        media.map(async (one) => ({ media: one, arrived: await arrived(one.mediaId).catch(() => undefined) })),
      );
      all.value = found.flatMap(({ media, arrived }) => (arrived ? [{ media, arrived }] : []));
    },

    /** The upload goes on, or has been given up. */
    settle(mediaId: string): void {
      all.value = all.value.filter(({ media }) => media.mediaId !== mediaId);
    },

    /** The file was chosen again, by what is known of it. */
    chosen(files: readonly File[]): void {
      const is = ({ media }: Interrupted) =>
        files.some(({ name, size }) => name === media.filename && size === media.size);
      all.value = all.value.filter((one) => !is(one));
    },
  };
}
