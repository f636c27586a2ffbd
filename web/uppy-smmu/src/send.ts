// Sends bytes to a signed URL. By XMLHttpRequest, because `fetch` does not report the progress of an upload.

import type { Answer } from "./answer.js";
import { stalled, unreachable } from "./error.js";

/** A request that S3 accepts as it is. */
export interface SignedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
}

export interface SendOptions {
  signal: AbortSignal;
  /** Called with the number of bytes sent so far. */
  progress: (bytes: number) => void;
  /** How long nothing may move, in milliseconds. The wait for the answer after the last byte counts as well. */
  stallMs: number;
}

/** Sends `body` and returns the answer, whatever its status. Throws `Transient` if there is none. */
export function send(request: SignedRequest, body: Blob, { signal, progress, stallMs }: SendOptions): Promise<Answer> {
  const { host } = new URL(request.url);
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    let stall = setTimeout(giveUp, stallMs);
    function giveUp(): void {
      settle(() => reject(stalled(host)));
      xhr.abort();
    }
    function aborted(): void {
      settle(() => reject(signal.reason));
      xhr.abort();
    }
    function settle(end: () => void): void {
      clearTimeout(stall);
      signal.removeEventListener("abort", aborted);
      end();
    }
    xhr.upload.onprogress = ({ loaded }) => {
      clearTimeout(stall);
      stall = setTimeout(giveUp, stallMs);
      progress(loaded);
    };
    xhr.onload = () => {
      // Not by its name: browsers complain of a header that the store does not expose to pages.
      const retryAfter = /^retry-after: *(.*?)\r?$/im.exec(xhr.getAllResponseHeaders())?.[1] ?? null;
      settle(() => resolve({ status: xhr.status, body: xhr.responseText, retryAfter }));
    };
    xhr.onerror = () => settle(() => reject(unreachable(host)));
    if (signal.aborted) return aborted();
    signal.addEventListener("abort", aborted);
    xhr.open(request.method, request.url);
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    xhr.send(body);
  });
}
