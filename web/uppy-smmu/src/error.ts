/** Fields of an {@link UploadError}. */
export interface Failure {
  /** Stable: a code of the API (docs/API.md, "Codes and remedies"), of S3 such as `BadDigest`, or one of this package. */
  code: string;
  /** What happened, for people. */
  message: string;
  /** What to do about it, in one sentence. */
  remedy: string;
  /** HTTP status; missing if there was no answer. */
  status?: number;
  /** Whether the same upload can succeed later. */
  retryable?: boolean;
  cause?: unknown;
}

/** Why an upload failed. Uppy's `upload-error` carries it. */
export class UploadError extends Error {
  override readonly name = "UploadError";
  readonly code: string;
  readonly remedy: string;
  readonly status: number | undefined;
  readonly retryable: boolean;
  /** The remedy again: Uppy shows `details` after the message. */
  readonly details: string;

  constructor({ code, message, remedy, status, retryable = false, cause }: Failure) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = remedy;
    this.status = status;
    this.retryable = retryable;
    this.details = remedy;
  }
}

/** A failure that a retry can overcome. */
export class Transient extends Error {
  constructor(
    readonly failure: UploadError,
    /** Pause that the service asks for, in milliseconds. */
    readonly retryAfterMs = 0,
  ) {
    super(failure.message);
  }
}

const RETRY_REMEDY = "Check the connection, then retry; what has arrived is not sent again.";

/** No answer came: the connection failed, or the browser refused the request. */
export function unreachable(host: string, cause?: unknown): Transient {
  const failure = { code: "network", message: `no connection to ${host}`, remedy: RETRY_REMEDY, retryable: true, cause };
  return new Transient(new UploadError(failure));
}

/** A request made no progress. */
export function stalled(host: string): Transient {
  const failure = { code: "stalled", message: `the connection to ${host} stalled`, remedy: RETRY_REMEDY, retryable: true };
  return new Transient(new UploadError(failure));
}

/** The browser could not read the file: it was changed, moved or removed since it was chosen. */
export function unreadable(name: string, cause: unknown): UploadError {
  const message = `${name} could not be read: it was changed, moved or removed`;
  return new UploadError({ code: "file_unreadable", message, remedy: "Choose the file again.", cause });
}
