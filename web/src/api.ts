// The API, one function an endpoint that the page calls. docs/API.md says what they mean.
import { Failure, failureOf, seconds, unreachable } from "./failure.ts";
import { BACKOFF, retry } from "./retry.ts";
import type {
  Job,
  JobPage,
  Kind,
  Media,
  MediaPage,
  PartList,
  ProtectedResource,
  RerunRequest,
  SocketTicket,
} from "./types.ts";

/** Where the token comes from. `renewed` is asked once after the API has refused one. */
export interface Tokens {
  token: () => Promise<string>;
  renewed: () => Promise<string>;
}

/** A job as it was read: unchanged since `etag`, or new; and when it is worth asking again. */
export interface Read {
  job: Job | undefined;
  etag: string | undefined;
  retryAfterMs: number | undefined;
}

interface Sent {
  method?: "GET" | "POST" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

export type Api = ReturnType<typeof createApi>;

export function createApi(base: string, tokens: Tokens) {
  async function once(path: string, token: string | undefined, { method = "GET", body, headers, signal }: Sent) {
    const init: RequestInit = {
      method,
      headers: {
        ...headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      signal: signal ?? null,
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(`${base}${path}`, init).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw unreachable();
    });
    if (answer.ok || answer.status === 304) return answer;
    throw failureOf(answer.status, await answer.json().catch(() => undefined), answer.headers.get("retry-after"));
  }

  /** Reading is repeated after any passing failure; a change only where the API says that nothing has happened. */
  async function send(path: string, sent: Sent = {}): Promise<Response> {
    const attempt = async (): Promise<Response> => {
      try {
        return await once(path, await tokens.token(), sent);
      } catch (thrown) {
        if (!(thrown instanceof Failure) || thrown.status !== 401) throw thrown;
        return once(path, await tokens.renewed(), sent);
      }
    };
    const reading = (sent.method ?? "GET") === "GET";
    return retry(attempt, sent.signal, reading ? BACKOFF : { ...BACKOFF, tries: 3 });
  }

  const json = async <T>(path: string, sent?: Sent): Promise<T> => (await send(path, sent)).json() as Promise<T>;

  return {
    base,

    /** A page of the user's media, the newest first. */
    listMedia: (query: { kind?: Kind | undefined; status?: string; after?: string | undefined; limit?: number }) =>
      json<MediaPage>(`/media${search(query)}`),
    listJobs: (query: { status?: string; kind?: Kind; after?: string | undefined; limit?: number }) =>
      json<JobPage>(`/jobs${search(query)}`),
    media: (mediaId: string) => json<Media>(`/media/${mediaId}`),
    parts: (mediaId: string, after?: number) => json<PartList>(`/media/${mediaId}/parts${search({ after })}`),

    /** With the `etag` of the last answer, a job that has not changed since costs a few bytes. */
    async job(jobId: string, etag?: string): Promise<Read> {
      const answer = await send(`/jobs/${jobId}`, etag === undefined ? {} : { headers: { "if-none-match": etag } });
      const job = answer.status === 304 ? undefined : ((await answer.json()) as Job);
      return {
        job,
        etag: answer.headers.get("etag") ?? etag,
        retryAfterMs: seconds(answer.headers.get("retry-after")),
      };
    },

    cancel: (jobId: string) => json<Job>(`/jobs/${jobId}/cancel`, { method: "POST" }),
    /** A key of its own makes a repeated request the same request. */
    rerun: (mediaId: string, body: RerunRequest) =>
      json<Job>(`/media/${mediaId}/jobs`, {
        method: "POST",
        body,
        headers: { "idempotency-key": crypto.randomUUID() },
      }),
    remove: (mediaId: string) => send(`/media/${mediaId}`, { method: "DELETE" }).then(() => undefined),
    socket: () => json<SocketTicket>("/sockets", { method: "POST" }),

    /** A playlist or storyboard with signed addresses, by an output's `playbackPath`. */
    playback: async (path: string) => (await send(path)).text(),

    /** Who issues the tokens; asked before anybody has signed in. */
    issuer: async () =>
      (await once("/.well-known/oauth-protected-resource", undefined, {})).json() as Promise<ProtectedResource>,
  };
}

function search(query: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

/** Reads an output by its signed address. It must not get the token: S3 refuses a request with both. */
export async function readOutput<T>(url: string, signal?: AbortSignal): Promise<T> {
  return retry(async () => {
    const answer = await fetch(url, { signal: signal ?? null }).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw unreachable();
    });
    if (answer.ok) return answer.json() as Promise<T>;
    throw new Failure({
      code: "output_unreadable",
      message: `The file could not be read (${answer.status}).`,
      remedy: "Reload the page: links to files expire after a while.",
      status: answer.status,
    });
  }, signal);
}
