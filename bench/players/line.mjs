// Simulates a viewer's slow line: a server with a latency and a total bandwidth in kilobits per second, because only
// Chromium can throttle itself.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const LATENCY_MS = 60;
// Small enough for concurrent transfers to get equal shares, and for changes of the bandwidth to apply at once.
const PIECE_BYTES = 2048;
// Timers fire late. A transfer can catch up this much lost time.
const CATCH_UP_MS = 50;
const TYPES = {
  html: "text/html",
  js: "text/javascript",
  m3u8: "application/vnd.apple.mpegurl",
  mp4: "video/mp4",
  vtt: "text/vtt",
};

/** Sends pieces one after another. Idle time is not saved up. */
export class Line {
  constructor(kbps) {
    this.kbps = kbps;
    this.freeMs = 0;
    this.transfers = 0;
  }

  begin(nowMs) {
    if (this.transfers === 0) this.freeMs = Math.max(this.freeMs, nowMs);
    this.transfers += 1;
  }

  end() {
    this.transfers -= 1;
  }

  /** Milliseconds from now until these bytes have arrived. */
  carry(bytes, nowMs) {
    this.freeMs = Math.max(this.freeMs, nowMs - CATCH_UP_MS) + (bytes * 8) / this.kbps;
    return Math.max(0, this.freeMs - nowMs);
  }
}

/** First and last byte of a requested range, in a file of `bytes` bytes; null if the range is not satisfiable. */
export function wanted(range, bytes) {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [null, "0", ""];
  const [start, end] = [Number(first), Math.min(Number(last || bytes - 1), bytes - 1)];
  return start <= end ? { start, end } : null;
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function send(response, file, { start, end }, line) {
  if (!line) return createReadStream(file, { start, end }).pipe(response);
  await sleep(LATENCY_MS);
  line.begin(performance.now());
  try {
    for await (const piece of createReadStream(file, { start, end, highWaterMark: PIECE_BYTES })) {
      await sleep(line.carry(piece.length, performance.now()));
      // The player has aborted the request.
      if (response.destroyed) return;
      response.write(piece);
    }
    response.end();
  } finally {
    line.end();
  }
}

/**
 * Serves a folder over a slow line on a free port, with ranges, and the contents of `page`, by path, without delay.
 * `asked` is called with the name of each requested file of the folder.
 */
export async function serve({ folder, page, line, asked }) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = page[path] ?? join(folder, path);
    const bytes = statSync(file, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return response.writeHead(404).end();
    const { range } = request.headers;
    const part = wanted(range, bytes);
    if (!part) return response.writeHead(416).end();
    if (range) response.setHeader("content-range", `bytes ${part.start}-${part.end}/${bytes}`);
    response.writeHead(range ? 206 : 200, {
      "content-type": TYPES[file.split(".").pop()] ?? "application/octet-stream",
      "content-length": part.end - part.start + 1,
      "cache-control": "no-store",
    });
    if (!page[path]) asked(path.slice(1));
    return send(response, file, part, page[path] ? null : line);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}
