// The upload of one file: in one request, or in parts that a later run resumes.

import { accept } from "./answer.js";
import { type Api, type Job, outsideContract, type PartsState, type UploadRequest, type Wanted } from "./api.js";
import { checkReadable, sha256 } from "./digest.js";
import { Transient, UploadError } from "./error.js";
import { Memory, type Store } from "./memory.js";
import { Progress } from "./progress.js";
import { type Backoff, retry } from "./retry.js";
import { send, type SignedRequest } from "./send.js";

/** A file to upload. */
export interface Source {
  name: string;
  /** Folder and name, if the file was chosen with its folder. */
  path: string;
  contentType: string | undefined;
  data: Blob;
}

/** Runs a task as soon as the store may take another request. */
export type Slot = <T>(task: () => Promise<T>) => Promise<T>;

/** What all uploads of a page share. */
export interface Shared {
  api: Api;
  slot: Slot;
  store: Store | undefined;
  backoff: Backoff;
  /** Smallest file sent in parts, in bytes. */
  partsFromBytes: number;
  /** Parts of one file that are sent at once. */
  partsAtOnce: number;
  stallMs: number;
}

/** How an upload ended. A type, because Uppy wants one with an index. */
export type Uploaded = {
  mediaId: string;
  jobId: string;
  /** The same content was uploaded before, and nothing was sent now. */
  duplicate: boolean;
};

/** How often an upload starts again because its parts expired or were lost. */
const ROUNDS = 3;

/** One file's upload. It can be run again after an error or an abort, and continues where it was. */
export class Upload {
  /** Makes every repetition of this upload's request the same request. */
  private readonly key = randomKey();
  /** Digest of the file that the store has accepted in one request. */
  private stored: string | undefined;
  private readonly digests = new Map<number, string>();
  private mediaId: string | undefined;
  private memory: Memory | undefined;

  constructor(
    private readonly shared: Shared,
    private source: Source,
    private readonly wanted: Wanted,
    private readonly dedup: boolean,
  ) {}

  /** Sends what has not arrived yet and submits the file. `report` gets the number of bytes that were sent. */
  async run(signal: AbortSignal, report: (bytes: number) => void): Promise<Uploaded> {
    const progress = new Progress(report);
    const inParts = this.source.data.size >= this.shared.partsFromBytes;
    return inParts ? this.inParts(signal, progress) : this.whole(signal, progress);
  }

  /** Reads the file by another handle from now on. Digests by the old one are dropped: it may have changed. */
  readFrom(data: Blob): void {
    if (data === this.source.data) return;
    this.source = { ...this.source, data };
    this.digests.clear();
  }

  /** Deletes what has arrived. Failures are ignored: the service removes abandoned uploads by itself. */
  async discard(): Promise<void> {
    this.memory?.forget();
    if (this.mediaId === undefined) return;
    await this.shared.api.delete(this.mediaId, AbortSignal.timeout(60_000)).catch(() => undefined);
  }

  private async whole(signal: AbortSignal, progress: Progress): Promise<Uploaded> {
    const known = await this.shared.slot(async () => {
      signal.throwIfAborted();
      const { data } = this.source;
      const digest = await this.digest(1, data);
      if (this.stored === digest) {
        progress.arrived(1, data.size);
        return undefined;
      }
      const request: UploadRequest = { ...this.request(), sha256: digest, dedup: this.dedup || undefined };
      // Requested for each try: a repeated request returns the same media with a new URL. Other content is another request.
      const job = await this.transfer(data, 1, signal, progress, async () => {
        const grant = await this.shared.api.init(request, `${this.key}-${digest}`, signal);
        if (grant.duplicate && grant.job) return { known: grant.job };
        this.mediaId = grant.mediaId;
        if (!grant.upload) throw outsideContract("parts instead of a single request");
        return { request: grant.upload };
      });
      if (!job) this.stored = digest;
      return job;
    });
    if (known) return { ...ids(known), duplicate: true };
    try {
      return await this.completed(signal);
    } catch (error) {
      if (error instanceof UploadError && LOST.has(error.code)) this.stored = undefined;
      throw error;
    }
  }

  private async inParts(signal: AbortSignal, progress: Progress): Promise<Uploaded> {
    this.memory ??= await Memory.of(this.shared.store, this.identity());
    for (let round = 1; ; round++) {
      try {
        const state = await this.resumed(signal) ?? await this.begun(signal);
        if (state !== "joined") await this.sendParts(state, signal, progress);
        const uploaded = await this.completed(signal);
        this.memory.forget();
        return uploaded;
      } catch (error) {
        const code = error instanceof UploadError ? error.code : undefined;
        if (code === "upload_expired") this.startOver();
        if (round >= ROUNDS || (code !== "upload_expired" && code !== "parts_missing")) throw error;
      }
    }
  }

  /** The upload that an earlier run left, if it is still open. */
  private async resumed(signal: AbortSignal): Promise<PartsState | "joined" | undefined> {
    this.mediaId ??= this.memory?.recall();
    if (this.mediaId === undefined) return undefined;
    try {
      const state = await this.shared.api.parts(this.mediaId, signal);
      if (state.size === this.source.data.size) return state;
    } catch (error) {
      if (!(error instanceof UploadError)) throw error;
      if (error.code === "parts_joined") return "joined";
      if (!GONE.has(error.code)) throw error;
    }
    this.startOver();
    return undefined;
  }

  /** A new upload in parts. */
  private async begun(signal: AbortSignal): Promise<PartsState> {
    const grant = await this.shared.api.init({ ...this.request(), parts: true }, this.key, signal);
    if (!grant.parts) throw outsideContract("a single request instead of parts");
    this.mediaId = grant.mediaId;
    this.memory?.remember(grant.mediaId);
    return { size: this.source.data.size, partBytes: grant.parts.partBytes, arrived: new Map() };
  }

  private startOver(): void {
    this.mediaId = undefined;
    this.memory?.forget();
  }

  /** Sends the parts that have not arrived, several at a time. Returns or throws once no request is under way. */
  private async sendParts({ size, partBytes, arrived }: PartsState, signal: AbortSignal, progress: Progress): Promise<void> {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const count = Math.ceil(size / partBytes);
    const piece = (number: number) => this.source.data.slice((number - 1) * partBytes, Math.min(number * partBytes, size));
    // Shown before they are compared, so that a resumed upload does not seem to start again.
    progress.resume(Array.from(arrived.keys(), (number) => [number, piece(number).size]));
    let next = 1;
    const worker = async () => {
      while (next <= count && !either.aborted) {
        const number = next++;
        const part = piece(number);
        await this.shared.slot(() => this.sendPart(part, number, arrived.get(number), either, progress));
      }
    };
    // The first failure aborts the others, so it is the reason of all.
    const workers = Array.from({ length: this.shared.partsAtOnce }, () => worker().catch((error) => failed.abort(error)));
    await Promise.all(workers);
    signal.throwIfAborted();
    if (!failed.signal.aborted) return;
    // Another page or client has completed the same upload.
    const { reason } = failed.signal;
    if (!(reason instanceof UploadError && reason.code === "parts_joined")) throw reason;
  }

  private async sendPart(
    part: Blob,
    number: number,
    arrived: string | undefined,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<void> {
    signal.throwIfAborted();
    const digest = await this.digest(number, part);
    if (arrived === digest) return progress.arrived(number, part.size);
    const mediaId = this.mediaId;
    if (mediaId === undefined) throw outsideContract("no media id");
    await this.transfer(part, number, signal, progress, async () => {
      // Signed for each try: a signature may expire during a long wait.
      return { request: await this.shared.api.signPart(mediaId, number, digest, signal) };
    });
  }

  /**
   * Sends bytes by the request that `sign` gives, anew for each try. Returns the job instead if `sign` knows one and
   * nothing has to be sent.
   */
  private async transfer(
    body: Blob,
    number: number,
    signal: AbortSignal,
    progress: Progress,
    sign: () => Promise<{ request: SignedRequest } | { known: Job }>,
  ): Promise<Job | undefined> {
    let forbidden = 0;
    return retry(this.shared.backoff, signal, async () => {
      const signed = await sign();
      if ("known" in signed) return signed.known;
      try {
        const options = { signal, stallMs: this.shared.stallMs, progress: (bytes: number) => progress.set(number, bytes) };
        const answer = await send(signed.request, body, options);
        // Only this upload can write the key, so an existing object is from an earlier try whose answer was lost. S3
        // verified its checksum then, and completing verifies it again.
        if (answer.status !== 412) accept(answer);
      } catch (error) {
        progress.set(number, 0);
        // What looks like a failed connection can be a file that was moved.
        if (error instanceof Transient) await checkReadable(body, this.source.name);
        // The signature may have expired while the bytes were under way.
        if (error instanceof UploadError && error.status === 403 && ++forbidden === 1) throw new Transient(error);
        throw error;
      }
      progress.arrived(number, body.size);
      return undefined;
    });
  }

  private async completed(signal: AbortSignal): Promise<Uploaded> {
    if (this.mediaId === undefined) throw outsideContract("no media id");
    return { ...ids(await this.shared.api.complete(this.mediaId, signal)), duplicate: false };
  }

  /** Digest of a part, kept for another run. */
  private async digest(number: number, part: Blob): Promise<string> {
    const digest = this.digests.get(number) ?? (await sha256(part, this.source.name));
    this.digests.set(number, digest);
    return digest;
  }

  private request(): UploadRequest {
    const { name, contentType, data } = this.source;
    return { filename: name, contentType, size: data.size, ...this.wanted };
  }

  /** What another run of the same upload has in common with this one. */
  private identity(): unknown {
    const { path, data } = this.source;
    const modified = data instanceof File ? data.lastModified : 0;
    return [this.shared.api.base, path, data.size, modified, this.wanted];
  }
}

/** An earlier run's upload that cannot be resumed: expired, deleted, of another user, or in one request. */
const GONE = new Set(["upload_expired", "not_found", "not_in_parts"]);

/** Refusals to submit a file that has been sent: another run sends it again. */
const LOST = new Set(["not_found", "upload_expired", "upload_not_found", "upload_mismatch"]);

function ids({ mediaId, jobId }: Job): { mediaId: string; jobId: string } {
  return { mediaId, jobId };
}

function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
