// Classifies answers of the API and of S3: success, final refusal, or worth a retry.

import { Transient, UploadError } from "./error.js";
import { LONGEST_RETRY_AFTER_MS } from "./retry.js";

/** A complete answer, however it was requested. */
export interface Answer {
  status: number;
  body: string;
  /** The header `Retry-After`, if the page may read it. */
  retryAfter: string | null;
}

/**
 * The two 4xx that S3's API reference ("List of error codes", "Conditional writes") says to retry: a stalled upload, and
 * a conditional upload that conflicts with another, such as our own earlier try.
 */
const TRANSIENT_CODES = new Set(["RequestTimeout", "ConditionalRequestConflict"]);

/** Returns if the request succeeded; otherwise throws `Transient` or `UploadError`. */
export function accept(answer: Answer): void {
  if (answer.status >= 200 && answer.status < 300) return;
  const failure = refusal(answer);
  const wait = retryAfterMs(answer.retryAfter);
  // A daily quota is not worth waiting for here: the message says when it resets.
  const nextDay = failure.code === "quota_exceeded" && wait > LONGEST_RETRY_AFTER_MS;
  const passes = answer.status === 429 || answer.status >= 500 || TRANSIENT_CODES.has(failure.code);
  throw passes && !nextDay ? new Transient(failure, wait) : failure;
}

/** `Retry-After` in milliseconds; 0 if there is none. Neither the API nor S3 sends the form with a date. */
export function retryAfterMs(value: string | null): number {
  const seconds = value?.trim() ? Number(value) : 0;
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 0;
}

function refusal({ status, body }: Answer): UploadError {
  const problem = fields(body);
  const text = (name: string) => (typeof problem[name] === "string" ? problem[name] : undefined);
  const code = text("code") ?? element(body, "Code") ?? (status === 401 ? "unauthorized" : `http_${status}`);
  const said = text("detail") ?? text("title") ?? text("message") ?? element(body, "Message");
  const passes = status === 429 || status >= 500 || TRANSIENT_CODES.has(code);
  const retryable = typeof problem["retryable"] === "boolean" ? problem["retryable"] : passes;
  return new UploadError({
    code,
    message: said ?? `the server answered HTTP ${status}`,
    remedy: text("remedy") ?? REMEDIES[code] ?? (retryable ? "Retry in a minute." : "Remove the file and add it again."),
    status,
    retryable,
  });
}

/** Remedies of answers that have none: those of API Gateway and of S3. */
const REMEDIES: Record<string, string> = {
  unauthorized: "Sign in again, then retry.",
  BadDigest: "The file changed while it was sent: remove it and choose it again.",
  AccessDenied: "Retry: a new upload address is requested.",
};

/** Fields of problem details (RFC 9457) or of API Gateway's own body. */
function fields(body: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Text of the first element `name` in S3's XML. Only used for elements without children. */
function element(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
}
