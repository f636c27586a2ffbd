import assert from "node:assert/strict";
import { test } from "node:test";
import { createUploads, type Submitted, type UploadState } from "../../src/uploads.ts";

const PART_BYTES = 1000;

/** As much of the API and its store as one upload in parts needs. */
class Service {
  readonly seen: string[] = [];
  /** SHA-256 of the parts that have arrived, by number. */
  readonly arrived = new Map<number, string>();
  isBroken = (_part: number): boolean => false;

  fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const { pathname } = new URL(url);
    this.seen.push(`${init.method} ${pathname}`);
    const body = JSON.parse(String(init.body ?? "{}")) as { parts: { number: number; sha256: string }[] };
    const answers: Record<string, () => object> = {
      "POST /media/upload/init": () => ({ mediaId: "med_1", parts: { partBytes: PART_BYTES, count: 3 } }),
      "GET /media/med_1/parts": () => ({
        size: 3 * PART_BYTES,
        partBytes: PART_BYTES,
        parts: [...this.arrived].map(([number, sha256]) => ({ number, sha256 })),
      }),
      "POST /media/med_1/parts": () => ({
        parts: body.parts.map(({ number, sha256 }) => {
          return { method: "PUT", url: `https://store.example/${number}`, headers: { sha256 } };
        }),
      }),
      "POST /media/upload/complete": () => ({ mediaId: "med_1", jobId: "job_1" }),
      "DELETE /media/med_1": () => ({}),
    };
    return Response.json(answers[`${init.method} ${pathname}`]?.());
  };
}

/** A request to the store of `service`. */
function requestTo(service: Service) {
  return class {
    upload: { onprogress?: (event: { loaded: number }) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    status = 200;
    responseText = "";
    private part = 0;
    private sha256 = "";
    open(method: string, url: string): void {
      this.part = Number(url.split("/").at(-1));
      service.seen.push(`${method} ${this.part}`);
    }
    setRequestHeader(_: string, value: string): void {
      this.sha256 = value;
    }
    getAllResponseHeaders = (): string => "";
    abort(): void {}
    send({ size }: Blob): void {
      queueMicrotask(() => {
        if (service.isBroken(this.part)) return this.onerror?.();
        this.upload.onprogress?.({ loaded: size });
        service.arrived.set(this.part, this.sha256);
        this.onload?.();
      });
    }
  };
}

test("a failed file that is added again goes on where it was", async () => {
  const service = new Service();
  Object.assign(globalThis, { fetch: service.fetch, XMLHttpRequest: requestTo(service) });
  const sending = {
    api: "https://api.example",
    token: () => Promise.resolve("token"),
    renewedToken: () => Promise.resolve("token"),
    partsFromBytes: 1,
    limit: 1,
    storage: null,
    backoff: { tries: 1, firstMs: 1, longestMs: 1 },
  };
  const submitted: Submitted[] = [];
  const uploads = createUploads(sending, (what) => submitted.push(what));
  const film = (): File => new File(["x".repeat(3 * PART_BYTES)], "film.mp4", { type: "video/mp4", lastModified: 1 });
  const states = (): UploadState[] => uploads.all.value.map(({ state }) => state);

  const lost = film();
  service.isBroken = (part) => part === 3;
  await uploads.add([lost]);
  await eventually(() => states().join() === "failed", "the upload fails");
  assert.deepEqual([...service.arrived.keys()], [1, 2]);
  service.isBroken = () => false;
  lost.slice = () => {
    throw new Error("the browser has lost this file");
  };

  service.seen.length = 0;
  await uploads.add([film()]);
  assert.equal(uploads.all.value[0]?.failure, undefined);
  await eventually(() => submitted.length === 1, "it is submitted");
  assert.equal(uploads.problem.value, undefined);
  assert.ok(!service.seen.includes("DELETE /media/med_1"), "nothing that has arrived is deleted");
  const sent = service.seen.filter((request) => request.startsWith("PUT"));
  assert.deepEqual(sent, ["PUT 3"]);
});

async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    assert.ok(waited < 10_000, `it never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
