// The calls of the API that an upload needs. docs/API.md and docs/openapi.json describe them.

import { type Answer, accept } from "./answer.js";
import { UploadError, unreachable } from "./error.js";
import { type Backoff, retry } from "./retry.js";
import type { SignedRequest } from "./send.js";

/** What the API is asked to make of a file. */
export interface Wanted {
  /** Name of a profile; the operator's default if missing. */
  profile?: string | undefined;
  /** The spoken language, as a tag such as `en`; detected if missing. */
  language?: string | undefined;
  /** The upload's name in the caller's own records, 1 to 255 characters. */
  externalId?: string | undefined;
  /** Up to 16 pairs of strings. */
  metadata?: Record<string, string> | undefined;
}

/** Body of `POST /media/upload/init`. */
export interface UploadRequest extends Wanted {
  filename: string;
  contentType?: string | undefined;
  size: number;
  sha256?: string | undefined;
  parts?: true | undefined;
  dedup?: true | undefined;
}

/** Answer of `POST /media/upload/init`. */
export interface Grant {
  mediaId: string;
  upload?: SignedRequest;
  parts?: { partBytes: number; count: number };
  /** With `dedup`: the job of an earlier upload of the same content. */
  duplicate?: true;
  job?: Job;
}

/** As much of a job as an upload reports. */
export interface Job {
  jobId: string;
  mediaId: string;
}

/** State of an upload in parts. */
export interface PartsState {
  size: number;
  partBytes: number;
  /** SHA-256 of each part that has arrived, in hexadecimal, by number. */
  arrived: Map<number, string>;
}

interface PartPage {
  size: number;
  partBytes: number;
  parts: { number: number; sha256: string }[];
  next?: number;
}

interface Call {
  method: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal: AbortSignal;
}

/** API Gateway times out after 30 s. */
const ANSWER_MS = 35_000;

export class Api {
  constructor(
    /** Address of the API, with or without a trailing slash. */
    readonly base: string,
    private readonly token: () => Promise<string>,
    private readonly renewedToken: () => Promise<string>,
    private readonly backoff: Backoff,
  ) {}

  /** Requests an upload. The same key with the same request returns the same media with a new URL. */
  async init(request: UploadRequest, key: string, signal: AbortSignal): Promise<Grant> {
    const headers = { "idempotency-key": `"${key}"` };
    return this.json({ method: "POST", path: "/media/upload/init", body: request, headers, signal });
  }

  /** Signs the request for one part. */
  async signPart(mediaId: string, number: number, sha256: string, signal: AbortSignal): Promise<SignedRequest> {
    const body = { parts: [{ number, sha256 }] };
    const signed: { parts: SignedRequest[] } = await this.json({ method: "POST", path: partsOf(mediaId), body, signal });
    const [part] = signed.parts;
    if (!part) throw outsideContract(`no signature for part ${number}`);
    return part;
  }

  /** The parts that have arrived. */
  async parts(mediaId: string, signal: AbortSignal): Promise<PartsState> {
    const arrived = new Map<number, string>();
    let after = 0;
    for (;;) {
      const query = after ? `?after=${after}` : "";
      const page: PartPage = await this.json({ method: "GET", path: `${partsOf(mediaId)}${query}`, signal });
      for (const part of page.parts) arrived.set(part.number, part.sha256);
      if (page.next === undefined) return { size: page.size, partBytes: page.partBytes, arrived };
      after = page.next;
    }
  }

  /** Submits an uploaded file. Idempotent. */
  async complete(mediaId: string, signal: AbortSignal): Promise<Job> {
    return this.json({ method: "POST", path: "/media/upload/complete", body: { mediaId }, signal });
  }

  /** Deletes an upload and what has arrived of it. */
  async delete(mediaId: string, signal: AbortSignal): Promise<void> {
    await this.exchange({ method: "DELETE", path: `/media/${encodeURIComponent(mediaId)}`, signal });
  }

  private async json<T>(call: Call): Promise<T> {
    const { body } = await this.exchange(call);
    try {
      return JSON.parse(body) as T;
    } catch {
      throw outsideContract("a body that is not JSON");
    }
  }

  private exchange(call: Call): Promise<Answer> {
    return retry(this.backoff, call.signal, async () => {
      let answer = await this.once(call, await this.token());
      // The token may have expired in the meantime: the page gets one chance to give a new one.
      if (answer.status === 401) answer = await this.once(call, await this.renewedToken());
      accept(answer);
      return answer;
    });
  }

  private async once({ method, path, body, headers, signal }: Call, token: string): Promise<Answer> {
    const url = this.base.replace(/\/+$/, "") + path;
    const own: Record<string, string> = { ...headers, authorization: `Bearer ${token}` };
    if (body !== undefined) own["content-type"] = "application/json";
    const timeout = AbortSignal.timeout(ANSWER_MS);
    try {
      const init = { method, headers: own, signal: AbortSignal.any([signal, timeout]), redirect: "error" as const };
      const response = await fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
      const text = await response.text();
      return { status: response.status, body: text, retryAfter: response.headers.get("retry-after") };
    } catch (error) {
      signal.throwIfAborted();
      throw unreachable(new URL(url).host, error);
    }
  }
}

function partsOf(mediaId: string): string {
  return `/media/${encodeURIComponent(mediaId)}/parts`;
}

/** An answer that the API's document does not allow. */
export function outsideContract(what: string): UploadError {
  const message = `the API answered with ${what}`;
  return new UploadError({ code: "unexpected_answer", message, remedy: "Check the API's address and version." });
}

