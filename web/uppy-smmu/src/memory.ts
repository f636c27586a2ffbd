// State that survives a reload of the page: the media id of each upload in progress.
//
// It holds no secret, no file name and no list of parts: the API is asked which parts have arrived.

import { sha256OfText } from "./digest.js";

/** As much of `localStorage` as is used. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

interface Entry {
  mediaId: string;
  /** When it was written, in milliseconds since 1970. */
  at: number;
}

const PREFIX = "smmu-upload:";
/** The longest that an upload in parts can be open (`PartsExpirySeconds`). */
const OPEN_MS = 7 * 24 * 3600 * 1000;

/** The stored state of one file's upload. Without a store nothing is kept. */
export class Memory {
  private constructor(
    private readonly store: Store | undefined,
    private readonly key: string,
  ) {}

  /** The stored state of the upload that `identity` describes: the API, the file, and what is wanted of it. */
  static async of(store: Store | undefined, identity: unknown): Promise<Memory> {
    return new Memory(store, PREFIX + (await sha256OfText(JSON.stringify(identity))));
  }

  /** The media id of the upload in progress. */
  recall(): string | undefined {
    return attempt(() => entry(this.store?.getItem(this.key))?.mediaId);
  }

  remember(mediaId: string): void {
    attempt(() => this.store?.setItem(this.key, JSON.stringify({ mediaId, at: Date.now() } satisfies Entry)));
  }

  /** Called for an upload that has completed or can no longer complete. */
  forget(): void {
    attempt(() => this.store?.removeItem(this.key));
  }
}

/** Removes entries of uploads that have expired. */
export function tidy(store: Store | undefined, now: number): void {
  attempt(() => {
    const keys = Array.from({ length: store?.length ?? 0 }, (_, index) => store?.key(index) ?? "");
    for (const key of keys.filter((key) => key.startsWith(PREFIX))) {
      const written = entry(store?.getItem(key))?.at ?? 0;
      if (now - written > OPEN_MS) store?.removeItem(key);
    }
  });
}

function entry(text: string | null | undefined): Entry | undefined {
  return text ? (JSON.parse(text) as Entry) : undefined;
}

/** A store can be full, forbidden or damaged. Then uploads work, and a reload starts them again. */
function attempt<T>(use: () => T): T | undefined {
  try {
    return use();
  } catch {
    return undefined;
  }
}
