// A small API with its store. Its answers are the examples of docs/openapi.json, with the ids and sizes of the test, and
// it accepts only fields that the document has.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const DOCUMENT = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"));

type Json = Record<string, any>;

/** The document's example of an answer. */
function example(path: string, method: string, status: number): Json {
  return structuredClone(DOCUMENT.paths[path][method].responses[status].content["application/json"].example);
}

/** What is wrong with a body, compared with the document's schema. */
function complaint(schema: string, body: Json): string | undefined {
  const { properties, required = [] } = DOCUMENT.components.schemas[schema];
  const unknown = Object.keys(body).find((name) => !(name in properties));
  const missing = required.find((name: string) => !(name in body));
  return unknown ? `unknown field ${unknown}` : missing ? `missing field ${missing}` : undefined;
}

/** An upload that was granted. */
export interface Entry {
  mediaId: string;
  request: Json;
  parts: Map<number, Buffer>;
  content?: Buffer;
  isJoined: boolean;
  isExpired: boolean;
}

export interface Seen {
  method: string;
  /** Path without the query; parts of an upload as `/store/ID/NUMBER`. */
  path: string;
  headers: IncomingMessage["headers"];
}

/** An answer in place of the usual one; `drop` closes the connection without one. */
export type Instead = { status: number; body?: Json | string; headers?: Record<string, string> } | "drop" | undefined;

export const PART_BYTES = 16_384;

export class Service {
  readonly uploads = new Map<string, Entry>();
  readonly deleted: string[] = [];
  readonly seen: Seen[] = [];
  /** Decides over each request before the service does. */
  before: (seen: Seen, times: number) => Instead | Promise<Instead> = () => undefined;
  /** The most requests to the store that were under way at once. */
  busiest = 0;
  private busy = 0;
  private readonly keys = new Map<string, string>();
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));

  static async start(): Promise<Service> {
    const service = new Service();
    await new Promise<void>((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Number of requests so far, by method and the beginning of their path. */
  count(method: string, path: string): number {
    return this.seen.filter((seen) => seen.method === method && seen.path.startsWith(path)).length;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const seen = { method: request.method ?? "", path: pathname, headers: request.headers };
    this.seen.push(seen);
    const isStore = pathname.startsWith("/store/");
    if (isStore) this.busiest = Math.max(this.busiest, ++this.busy);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const instead = await this.before(seen, this.count(seen.method, seen.path));
      if (instead === "drop") return void request.socket.destroy();
      const answer = instead ?? (isStore ? this.store(seen, body) : this.api(seen, body, searchParams));
      const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
      response.writeHead(answer.status, answer.headers).end(text);
    } catch {
      // The client has gone.
      request.socket.destroy();
    } finally {
      if (isStore) this.busy--;
    }
  }

  private store({ path, headers }: Seen, body: Buffer): Exclude<Instead, "drop" | undefined> {
    const [, , id = "", number] = path.split("/");
    const upload = this.uploads.get(id);
    if (!upload) return xml(404, "NoSuchUpload");
    if (headers.authorization) return xml(400, "InvalidArgument");
    if (createHash("sha256").update(body).digest("base64") !== headers["x-amz-checksum-sha256"]) return xml(400, "BadDigest");
    if (number) upload.parts.set(Number(number), body);
    else if (upload.content) return xml(412, "PreconditionFailed");
    else upload.content = body;
    return { status: 200 };
  }

  private api(seen: Seen, content: Buffer, query: URLSearchParams): Exclude<Instead, "drop" | undefined> {
    if (!seen.headers.authorization?.startsWith("Bearer ")) return { status: 401, body: { message: "Unauthorized" } };
    const body: Json = content.length ? JSON.parse(content.toString()) : {};
    if (seen.path === "/media/upload/init") return this.init(seen, body);
    if (seen.path === "/media/upload/complete") return this.complete(body);
    const [, , id = "", isParts] = seen.path.split("/");
    const upload = this.uploads.get(id);
    if (!upload) return problem(404, "not_found");
    if (seen.method === "DELETE") {
      this.uploads.delete(id);
      this.deleted.push(id);
      return { status: 202, body: { mediaId: id } };
    }
    if (isParts !== "parts") return problem(404, "not_found");
    if (upload.isExpired) return problem(410, "upload_expired");
    if (upload.isJoined) return problem(409, "parts_joined");
    if (seen.method === "GET") return this.list(upload, Number(query.get("after")));
    return this.sign(upload, body);
  }

  private init({ headers }: Seen, request: Json): Exclude<Instead, "drop" | undefined> {
    const wrong = complaint("UploadRequest", request);
    if (wrong) return problem(400, "invalid_request", wrong);
    const key = String(headers["idempotency-key"]);
    const known = this.keys.get(key);
    const mediaId = known && this.uploads.has(known) ? known : `med_${String(this.keys.size + 1).padStart(26, "0")}`;
    this.keys.set(key, mediaId);
    if (!this.uploads.has(mediaId)) {
      this.uploads.set(mediaId, { mediaId, request, parts: new Map(), isJoined: false, isExpired: false });
    }
    const { upload, ...answer } = example("/media/upload/init", "post", 201);
    if (request["parts"]) {
      const parts = { partBytes: PART_BYTES, count: Math.ceil(request["size"] / PART_BYTES), expiresAt: upload.expiresAt };
      return { status: 201, body: { ...answer, mediaId, parts } };
    }
    upload.url = `${this.url}/store/${mediaId}?X-Amz-Signature=5d1c`;
    upload.headers["x-amz-checksum-sha256"] = Buffer.from(request["sha256"], "hex").toString("base64");
    return { status: 201, body: { ...answer, mediaId, upload } };
  }

  private sign(upload: Entry, body: Json): Exclude<Instead, "drop" | undefined> {
    const [{ number, sha256 }] = body["parts"];
    const answer = example("/media/{mediaId}/parts", "post", 200);
    const url = `${this.url}/store/${upload.mediaId}/${number}?partNumber=${number}`;
    const headers = { "x-amz-checksum-sha256": Buffer.from(sha256, "hex").toString("base64") };
    return { status: 200, body: { ...answer, mediaId: upload.mediaId, parts: [{ number, method: "PUT", url, headers }] } };
  }

  /** Two parts a page, so that there is more than one page. */
  private list({ mediaId, request, parts }: Entry, after: number): Exclude<Instead, "drop" | undefined> {
    const following = [...parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const page = following.slice(0, 2).map(([number, content]) => ({
      number,
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    }));
    const answer = example("/media/{mediaId}/parts", "get", 200);
    const next = following.length > 2 ? { next: page.at(-1)?.number } : {};
    return { status: 200, body: { ...answer, mediaId, size: request["size"], partBytes: PART_BYTES, parts: page, ...next } };
  }

  private complete({ mediaId }: Json): Exclude<Instead, "drop" | undefined> {
    const upload = this.uploads.get(mediaId);
    if (!upload) return problem(404, "not_found");
    const { size, parts } = upload.request;
    if (parts && upload.parts.size < Math.ceil(size / PART_BYTES)) return problem(409, "parts_missing");
    if (parts) {
      const numbers = [...upload.parts.keys()].sort((a, b) => a - b);
      upload.content = Buffer.concat(numbers.map((number) => upload.parts.get(number) ?? Buffer.alloc(0)));
      upload.isJoined = true;
    }
    if (!upload.content) return problem(409, "upload_not_found");
    const answer = example("/media/upload/complete", "post", 202);
    return { status: 202, body: { ...answer, mediaId, jobId: mediaId.replace("med_", "job_") } };
  }
}

export function problem(status: number, code: string, detail = `the detail of ${code}`): { status: number; body: Json } {
  const retryable = status === 429 || status >= 500;
  return { status, body: { type: "about:blank", title: code, status, code, detail, retryable, remedy: `Remedy of ${code}.` } };
}

export function xml(status: number, code: string): { status: number; body: string } {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>It is ${code}.</Message></Error>` };
}
