// As much of XMLHttpRequest as the package uses, for Node: a request with a Blob, its progress, and its end.

import { type ClientRequest, request } from "node:http";

/** Bytes between two events of progress. */
const CHUNK_BYTES = 4096;

export class NodeXhr {
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  onload?: () => void;
  onerror?: () => void;
  status = 0;
  responseText = "";
  private sent: ClientRequest | undefined;
  private target: { method: string; url: string } | undefined;
  private readonly headers: Record<string, string> = {};
  private answered: Record<string, unknown> = {};
  private aborted = false;

  open(method: string, url: string): void {
    this.target = { method, url };
  }

  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  getAllResponseHeaders(): string {
    return Object.entries(this.answered).map(([name, value]) => `${name}: ${String(value)}\r\n`).join("");
  }

  abort(): void {
    this.aborted = true;
    this.sent?.destroy();
  }

  send(body: Blob): void {
    void body.arrayBuffer().then((content) => this.write(Buffer.from(content)), () => this.onerror?.());
  }

  private write(content: Buffer): void {
    if (this.aborted || !this.target) return;
    const { method, url } = this.target;
    const headers = { ...this.headers, "content-length": content.length };
    this.sent = request(url, { method, headers, agent: false }, (answer) => {
      answer.setEncoding("utf8");
      answer.on("data", (text: string) => (this.responseText += text));
      answer.on("end", () => {
        this.status = answer.statusCode ?? 0;
        this.answered = answer.headers;
        if (!this.aborted) this.onload?.();
      });
    });
    this.sent.on("error", () => !this.aborted && this.onerror?.());
    for (let at = 0; at < content.length; at += CHUNK_BYTES) {
      const loaded = Math.min(at + CHUNK_BYTES, content.length);
      this.sent.write(content.subarray(at, loaded), () => !this.aborted && this.upload.onprogress?.({ loaded }));
    }
    this.sent.end();
  }
}
