// What passes, what does not, and how long the page waits.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { add, contentOf, eventually, file, open, type Page } from "./page.js";
import { type Instead, PART_BYTES, problem, Service, xml } from "./service.js";

let service: Service;

before(async () => {
  service = await Service.start();
});
beforeEach(() => {
  service.uploads.clear();
  service.seen.length = 0;
  service.before = () => undefined;
});
after(() => service.stop());

/** Answers the first request of this method and path in another way. */
function once(method: string, path: string, instead: Instead): void {
  let done = false;
  service.before = (seen) => {
    if (done || seen.method !== method || !seen.path.startsWith(path)) return undefined;
    done = true;
    return instead;
  };
}

async function upload(page: Page, data: Blob): Promise<boolean> {
  add(page, data);
  return (await page.uppy.upload())?.successful?.length === 1;
}

for (const [what, method, path, instead] of [
  ["the API is throttled", "POST", "/media/upload/init", { status: 429, body: { message: "Too Many Requests" } }],
  ["the API is unavailable", "POST", "/media/upload/complete", problem(503, "unavailable")],
  ["the API drops the connection", "POST", "/media/upload/init", "drop"],
  ["the store is slow", "PUT", "/store/", xml(503, "SlowDown")],
  ["the store is waiting for bytes", "PUT", "/store/", xml(400, "RequestTimeout")],
  ["the store drops the connection", "PUT", "/store/", "drop"],
  ["the signature has expired", "PUT", "/store/", xml(403, "AccessDenied")],
] as const) {
  for (const [how, bytes] of [["in one request", 1000], ["in parts", 3 * PART_BYTES]] as const) {
    test(`an upload ${how} survives that ${what}`, async () => {
      once(method, path, instead);
      const page = open(service);
      const data = file(bytes);
      assert.ok(await upload(page, data));
      const uploads = [...service.uploads.values()];
      assert.deepEqual(uploads.map(({ content }) => content), [await contentOf(data)]);
      assert.equal(service.count(method, path), (bytes > 1000 && method === "PUT" ? 3 : 1) + 1);
    });
  }
}

test("a signature that is always refused is an error", async () => {
  service.before = ({ method }) => (method === "PUT" ? xml(403, "AccessDenied") : undefined);
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  assert.equal(page.errors[0]?.code, "AccessDenied");
  assert.equal(service.count("PUT", "/store/"), 2);
});

test("a lasting failure is an error after all tries, and can be retried", async () => {
  service.before = ({ method }) => (method === "PUT" ? "drop" : undefined);
  const page = open(service);
  assert.ok(!(await upload(page, file(3 * PART_BYTES))));
  const { code, message, retryable, remedy } = page.errors[0]!;
  assert.deepEqual([code, retryable], ["network", true]);
  assert.match(message, /^no connection to 127\.0\.0\.1/);
  assert.match(remedy, /what has arrived is not sent again/);
  service.before = () => undefined;
  assert.equal((await page.uppy.retryAll())?.successful?.length, 1);
  assert.equal(service.uploads.size, 1, "the same upload continues");
});

test("a file that has arrived is only submitted again", async () => {
  service.before = ({ path }) => (path.endsWith("/complete") ? problem(503, "unavailable") : undefined);
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  service.before = () => undefined;
  assert.equal((await page.uppy.retryAll())?.successful?.length, 1);
  assert.equal(service.count("PUT", "/store/"), 1);
});

test("a file that has arrived and got lost is sent again", async () => {
  service.before = ({ path }) => (path.endsWith("/complete") ? problem(409, "upload_not_found") : undefined);
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  service.before = () => undefined;
  assert.equal((await page.uppy.retryAll())?.successful?.length, 1);
  assert.equal(service.count("PUT", "/store/"), 2);
});

test("a failed file that is chosen again is read anew, and only what is missing is sent", async () => {
  const page = open(service, { limit: 1, storage: null });
  const [old, bytes] = [file(4 * PART_BYTES), 4 * PART_BYTES];
  const id = add(page, old);
  service.before = ({ path }) => (path.startsWith("/store/") && path.endsWith("/3") ? "drop" : undefined);
  await page.uppy.upload();
  assert.equal(page.errors[0]?.code, "network");
  service.before = () => undefined;
  const sent = service.count("PUT", "/store/");
  // Its second part has changed; its name, size and time have not.
  const changed = Buffer.from(await file(bytes).arrayBuffer()).fill(7, PART_BYTES, 2 * PART_BYTES);
  page.uppy.setFileState(id, { data: new File([changed], old.name, { type: old.type, lastModified: old.lastModified }) });
  assert.equal((await page.uppy.retryUpload(id))?.successful?.length, 1);
  assert.deepEqual([...service.uploads.values()].map(({ content }) => content), [changed]);
  assert.equal(service.count("PUT", "/store/"), sent + 3, "the first part is not sent again");
});

test("a small file that has changed is another upload when it is chosen again", async () => {
  const page = open(service);
  const id = add(page, file(10));
  service.before = ({ path }) => (path.endsWith("/complete") ? problem(503, "unavailable") : undefined);
  await page.uppy.upload();
  service.before = () => undefined;
  const changed = new File(["0123456789"], "film.mp4", { type: "video/mp4", lastModified: 1 });
  page.uppy.setFileState(id, { data: changed });
  assert.equal((await page.uppy.retryUpload(id))?.successful?.length, 1);
  assert.deepEqual([...service.uploads.values()].at(-1)?.content, await contentOf(changed));
});

for (const [who, method, path] of [["API", "POST", "/media/upload/init"], ["store", "PUT", "/store/"]] as const) {
  test(`the Retry-After of the ${who} is waited for`, async () => {
    once(method, path, { ...problem(429, "too_many_jobs"), headers: { "retry-after": "0.3" } });
    const begun = performance.now();
    assert.ok(await upload(open(service), file(10)));
    assert.ok(performance.now() - begun >= 290);
  });
}

test("the next day is not waited for", async () => {
  service.before = () => ({ ...problem(429, "quota_exceeded"), headers: { "retry-after": "40000" } });
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  assert.equal(service.seen.length, 1);
  assert.equal(page.errors[0]?.code, "quota_exceeded");
});

test("a repeated request for an upload has the same key and body", async () => {
  once("POST", "/media/upload/init", "drop");
  assert.ok(await upload(open(service), file(10)));
  const keys = service.seen.filter(({ path }) => path.endsWith("/init")).map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys.length, 2);
  assert.equal(new Set(keys).size, 1);
  assert.match(String(keys[0]), /^"[0-9a-f]{32}-[0-9a-f]{64}"$/);
});

test("an expired token is asked for again, once", async () => {
  const tokens = ["old", "new"];
  service.before = ({ headers }) => {
    return headers.authorization === "Bearer old" ? { status: 401, body: { message: "Unauthorized" } } : undefined;
  };
  assert.ok(await upload(open(service, { token: async () => (tokens.length > 1 ? tokens.shift()! : tokens[0]!) }), file(10)));

  service.before = ({ path }) => (path.startsWith("/media") ? { status: 401, body: { message: "Unauthorized" } } : undefined);
  service.seen.length = 0;
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  const { code, message, remedy } = page.errors[0]!;
  assert.deepEqual([code, message, remedy], ["unauthorized", "Unauthorized", "Sign in again, then retry."]);
  assert.equal(service.seen.length, 2);
});

test("a refused token is replaced by a renewed one, where the page has one", async () => {
  const isOld = (authorization: unknown) => authorization === "Bearer old";
  service.before = ({ headers }) =>
    isOld(headers.authorization) ? { status: 401, body: { message: "Unauthorized" } } : undefined;
  let renewals = 0;
  const page = open(service, {
    token: async () => (renewals > 0 ? "new" : "old"),
    renewedToken: async () => {
      renewals += 1;
      return "new";
    },
  });
  assert.ok(await upload(page, file(10)));
  assert.equal(renewals, 1);
  assert.equal(service.seen.filter(({ headers }) => isOld(headers.authorization)).length, 1);
});

test("a token that cannot be had keeps its own code and remedy", async () => {
  const signedOut = Object.assign(new Error("you are signed out"), { code: "signed_out", remedy: "Sign in." });
  const page = open(service, { token: () => Promise.reject(signedOut) });
  assert.ok(!(await upload(page, file(10))));
  const { code, message, remedy } = page.errors[0]!;
  assert.deepEqual([code, message, remedy], ["signed_out", "you are signed out", "Sign in."]);
});

test("a transfer that stands still is tried again", async () => {
  let stood = false;
  service.before = ({ method }) => {
    if (stood || method !== "PUT") return undefined;
    stood = true;
    return new Promise(() => undefined);
  };
  assert.ok(await upload(open(service, { stallMs: 50 }), file(10)));
  assert.equal(service.count("PUT", "/store/"), 2);
});

test("a file that cannot be read any more is an error with a remedy", async () => {
  const data = file(3 * PART_BYTES);
  const gone = () => Promise.reject(new DOMException("gone", "NotReadableError"));
  data.slice = () => Object.assign(new Blob(["x"]), { arrayBuffer: gone, slice: data.slice });
  const page = open(service);
  assert.ok(!(await upload(page, data)));
  const { code, remedy } = page.errors[0]!;
  assert.deepEqual([code, remedy], ["file_unreadable", "Choose the file again."]);
});

test("a file without content is an error", async () => {
  const page = open(service);
  const id = add(page, file(10));
  page.uppy.setFileState(id, { data: undefined });
  await page.uppy.upload();
  assert.equal(page.errors[0]?.code, "file_missing");
});

test("a file that changed is refused by the store", async () => {
  service.before = ({ method }) => (method === "PUT" ? xml(400, "BadDigest") : undefined);
  const page = open(service);
  assert.ok(!(await upload(page, file(10))));
  assert.equal(page.errors[0]?.code, "BadDigest");
  assert.match(page.errors[0]?.remedy ?? "", /choose it again/);
  assert.equal(service.count("PUT", "/store/"), 1);
});

const ABOUT = Object.getOwnPropertyDescriptor(globalThis, "navigator");
afterEach(() => {
  if (ABOUT) Object.defineProperty(globalThis, "navigator", ABOUT);
  else Reflect.deleteProperty(globalThis, "navigator");
});

test("an upload waits while the browser is offline", async () => {
  const browser = new EventTarget();
  const listening = { count: 0 };
  Object.assign(globalThis, {
    addEventListener: (type: string, listener: () => void) => {
      listening.count++;
      browser.addEventListener(type, listener);
    },
    removeEventListener: (type: string, listener: () => void) => browser.removeEventListener(type, listener),
  });
  const navigator = { onLine: false };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  service.before = ({ method }) => (method === "PUT" && !navigator.onLine ? "drop" : undefined);
  const page = open(service);
  const uploading = upload(page, file(10));
  await eventually(() => listening.count > 0, "it waits");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(service.count("PUT", "/store/"), 1, "nothing is sent meanwhile");
  navigator.onLine = true;
  browser.dispatchEvent(new Event("online"));
  assert.ok(await uploading);
  assert.equal(service.count("PUT", "/store/"), 2);
});
