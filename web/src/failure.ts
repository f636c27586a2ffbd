import type { JobError, Problem } from "./types.ts";

interface Told {
  /** Stable, for programs; the API's own where it has answered. */
  code: string;
  message: string;
  /** What the reader can do about it. */
  remedy?: string | undefined;
  /** HTTP status, if there was an answer. */
  status?: number | undefined;
  retryable?: boolean | undefined;
  retryAfterMs?: number | undefined;
}

/** Everything that can go wrong, in the form in which it is shown: what happened, and what to do. */
export class Failure extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor({ code, message, remedy, status, retryable, retryAfterMs }: Told) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.remedy = remedy;
    this.status = status;
    this.retryable = retryable ?? false;
    this.retryAfterMs = retryAfterMs;
  }

  /** Any thrown value. Errors of the upload plugin carry the API's code and remedy too. */
  static of(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    if (thrown instanceof Error) {
      const { code, remedy } = thrown as { code?: unknown; remedy?: unknown };
      return new Failure({
        code: typeof code === "string" ? code : "error",
        message: sentence(thrown.message || "Something went wrong."),
        remedy: typeof remedy === "string" ? remedy : "Try again; if it fails again, reload the page.",
      });
    }
    return new Failure({ code: "error", message: "Something went wrong.", remedy: "Try again." });
  }

  /** The error of a failed job. */
  static ofJob({ code, message, remedy, retryable }: JobError): Failure {
    return new Failure({ code, message: sentence(message), remedy, retryable });
  }
}

/** No answer came: no network, or a server that is not there. */
export function unreachable(): Failure {
  return new Failure({
    code: "unreachable",
    message: "The service cannot be reached.",
    remedy: "Check your connection, then try again.",
    retryable: true,
  });
}

/** What the API answered: its problem, or the few words of API Gateway itself. */
export function failureOf(status: number, body: unknown, retryAfter: string | null): Failure {
  const retryAfterMs = seconds(retryAfter);
  if (isProblem(body)) {
    const { code, detail, title, remedy, retryable } = body;
    return new Failure({ code, message: sentence(detail ?? title), remedy, retryable, status, retryAfterMs });
  }
  const said = typeof body === "object" && body !== null && "message" in body ? String(body.message) : "";
  return new Failure({
    ...gateway(status),
    message: sentence(said || `The service answered ${status}.`),
    status,
    retryAfterMs,
  });
}

function gateway(status: number): { code: string; remedy: string; retryable: boolean } {
  if (status === 401) return { code: "unauthorized", remedy: "Sign in again.", retryable: false };
  if (status === 429) return { code: "throttled", remedy: "Wait a moment, then try again.", retryable: true };
  const retryable = status >= 500;
  return { code: `http_${status}`, remedy: retryable ? "Try again in a moment." : "Reload the page.", retryable };
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "remedy" in body;
}

/** `Retry-After` in milliseconds. The API sends seconds, never a date. */
export function seconds(retryAfter: string | null): number | undefined {
  const value = Number(retryAfter ?? Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined;
}

/** The API's messages are clauses for log lines; on a page they are sentences. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  const start = /^[a-z][a-z]*[ ,:]/.test(trimmed) ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?:)]$/.test(start) ? start : `${start}.`;
}
