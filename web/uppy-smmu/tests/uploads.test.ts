// How files reach the service, seen from a page.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { add, contentOf, eventually, file, open, PageStore } from "./page.js";
import { PART_BYTES, problem, Service, xml } from "./service.js";

let service: Service;

before(async () => {
  service = await Service.start();
});
beforeEach(() => {
  service.uploads.clear();
  service.deleted.length = 0;
  service.seen.length = 0;
  service.busiest = 0;
  service.before = () => undefined;
});
after(() => service.stop());

/** Makes the store slow enough that requests overlap. */
function slowStore(): void {
  service.before = async ({ method }) => {
    if (method === "PUT") await new Promise((resolve) => setTimeout(resolve, 30));
    return undefined;
  };
}

/** The only upload that the service knows. */
function only() {
  assert.equal(service.uploads.size, 1);
  return [...service.uploads.values()][0]!;
}

test("a small file is sent in one request and becomes a job", async () => {
  const page = open(service, { profile: () => "fast", labels: () => ({ externalId: "order-7" }) });
  const data = file(20_000);
  add(page, data);
  const result = await page.uppy.upload();
  const { mediaId, request, content } = only();
  assert.deepEqual(content, await contentOf(data));
  const { sha256, ...rest } = request;
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const labels = { profile: "fast", externalId: "order-7" };
  assert.deepEqual(rest, { filename: "film.mp4", contentType: "video/mp4", size: 20_000, ...labels });
  const body = { mediaId, jobId: mediaId.replace("med_", "job_"), duplicate: false };
  assert.deepEqual(result?.successful?.[0]?.response, { status: 202, body });
  assert.equal(page.progress.at(-1), 20_000);
});

test("a large file is sent in parts, several at once", async () => {
  slowStore();
  const page = open(service, { limit: 3 });
  const data = file(7 * PART_BYTES + 5);
  add(page, data);
  const result = await page.uppy.upload();
  assert.equal(result?.successful?.length, 1);
  assert.deepEqual(only().content, await contentOf(data));
  assert.equal(service.count("PUT", "/store/"), 8);
  assert.equal(service.busiest, 3);
  assert.equal(page.progress.at(-1), data.size);
});

test("requests to the store are limited over all files", async () => {
  slowStore();
  const page = open(service, { limit: 2 });
  for (const name of ["a", "b", "c", "d"]) add(page, file(3 * PART_BYTES, name), name);
  const result = await page.uppy.upload();
  assert.equal(result?.successful?.length, 4);
  assert.equal(service.busiest, 2);
});

test("a photo does not wait for a film", async () => {
  const page = open(service, { limit: 2 });
  const order: (string | undefined)[] = [];
  page.uppy.on("upload-success", (file) => order.push(file?.name));
  add(page, file(20 * PART_BYTES, "film.mp4"), "film.mp4");
  add(page, file(100, "photo.jpg"), "photo.jpg");
  await page.uppy.upload();
  assert.deepEqual(order, ["photo.jpg", "film.mp4"]);
});

test("the store never sees the token", async () => {
  const page = open(service);
  add(page, file(10));
  await page.uppy.upload();
  assert.equal(service.seen.find(({ path }) => path.startsWith("/store/"))?.headers.authorization, undefined);
  assert.equal(service.seen[0]?.headers.authorization, "Bearer token");
});

test("a paused upload sends nothing, and continues with the parts that are missing", async () => {
  const page = open(service, { limit: 1 });
  const id = add(page, file(6 * PART_BYTES));
  service.before = ({ path }) => {
    if (path.endsWith("/3")) page.uppy.pauseResume(id);
    return undefined;
  };
  const uploading = page.uppy.upload();
  await eventually(() => service.count("PUT", "/store/") === 3, "the third part is under way");
  service.before = () => undefined;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const before = service.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(service.seen.length, before, "nothing is sent during the pause");
  const arrived = only().parts.size;
  page.uppy.pauseResume(id);
  const result = await uploading;
  assert.equal(result?.successful?.length, 1);
  assert.equal(service.count("PUT", "/store/"), 3 + 6 - arrived);
  assert.deepEqual(page.errors, []);
});

test("a paused file lets another one have its turn", async () => {
  const page = open(service, { filesAtOnce: 1 });
  const first = add(page, file(6 * PART_BYTES, "a"), "a");
  add(page, file(10, "b"), "b");
  service.before = ({ path }) => {
    if (path.endsWith("/1")) page.uppy.pauseResume(first);
    return undefined;
  };
  const uploading = page.uppy.upload();
  await eventually(() => page.uppy.getFiles().some(({ name, response }) => name === "b" && response), "the second succeeds");
  service.before = () => undefined;
  page.uppy.resumeAll();
  assert.equal((await uploading)?.successful?.length, 2);
});

test("after a reload only the missing parts are sent", async () => {
  const storage = new PageStore();
  const data = file(6 * PART_BYTES);
  const gone = open(service, { storage, limit: 1 });
  add(gone, data);
  service.before = ({ path }) => (path.endsWith("/4") ? new Promise(() => undefined) : undefined);
  void gone.uppy.upload();
  await eventually(() => service.count("PUT", "/store/") === 4, "the fourth part is under way");
  service.before = () => undefined;
  const { mediaId } = only();
  assert.ok(![...storage.entries].some((entry) => entry.join().includes("film")), "no file name is stored");

  const page = open(service, { storage });
  add(page, file(6 * PART_BYTES));
  await page.uppy.upload();
  assert.equal(only().mediaId, mediaId);
  assert.deepEqual(only().content, await contentOf(data));
  assert.equal(service.count("PUT", "/store/"), 4 + 3);
  assert.equal(page.progress[0], 3 * PART_BYTES, "it does not seem to start again");
  assert.equal(storage.length, 0);
});

test("a part that differs is sent again", async () => {
  const storage = new PageStore();
  const gone = open(service, { storage, limit: 1 });
  add(gone, file(3 * PART_BYTES));
  service.before = ({ path }) => (path.endsWith("/3") ? new Promise(() => undefined) : undefined);
  void gone.uppy.upload();
  await eventually(() => service.count("PUT", "/store/") === 3, "the third part is under way");
  service.before = () => undefined;
  only().parts.set(1, Buffer.from("something else"));
  const page = open(service, { storage });
  add(page, file(3 * PART_BYTES));
  await page.uppy.upload();
  assert.deepEqual(only().content, await contentOf(file(3 * PART_BYTES)));
});

for (const [what, changed] of [
  ["another file", { data: file(6 * PART_BYTES, "film.mp4", 2) }],
  ["another profile", { options: { profile: () => "fast" } }],
] as const) {
  test(`an upload is not resumed for ${what}`, async () => {
    const storage = new PageStore();
    const gone = open(service, { storage, limit: 1 });
    add(gone, file(6 * PART_BYTES));
    service.before = ({ path }) => (path.endsWith("/2") ? new Promise(() => undefined) : undefined);
    void gone.uppy.upload();
    await eventually(() => service.count("PUT", "/store/") === 2, "the second part is under way");
    service.before = () => undefined;
    const page = open(service, { storage, ...("options" in changed ? changed.options : {}) });
    add(page, "data" in changed ? changed.data : file(6 * PART_BYTES));
    assert.equal((await page.uppy.upload())?.successful?.length, 1);
    assert.equal(service.uploads.size, 2);
  });
}

test("an upload that expired meanwhile starts again", async () => {
  const storage = new PageStore();
  const gone = open(service, { storage, limit: 1 });
  add(gone, file(4 * PART_BYTES));
  service.before = ({ path }) => (path.endsWith("/2") ? new Promise(() => undefined) : undefined);
  void gone.uppy.upload();
  await eventually(() => service.count("PUT", "/store/") === 2, "the second part is under way");
  service.before = () => undefined;
  only().isExpired = true;
  const page = open(service, { storage });
  add(page, file(4 * PART_BYTES));
  assert.equal((await page.uppy.upload())?.successful?.length, 1);
  assert.equal(service.uploads.size, 2);
});

test("parts that another page has joined are completed", async () => {
  const storage = new PageStore();
  const page = open(service, { storage });
  add(page, file(4 * PART_BYTES));
  let joined = false;
  service.before = ({ path, method }) => {
    if (joined || method !== "POST" || !path.endsWith("/parts")) return undefined;
    joined = true;
    const upload = only();
    Object.assign(upload, { isJoined: true, content: Buffer.from("all") });
    for (const number of [1, 2, 3, 4]) upload.parts.set(number, Buffer.alloc(1));
    return undefined;
  };
  assert.equal((await page.uppy.upload())?.successful?.length, 1);
  assert.equal(service.count("PUT", "/store/"), 0);
});

test("a part that got lost is sent again", async () => {
  const page = open(service);
  add(page, file(4 * PART_BYTES));
  service.before = ({ path }, times) => {
    if (path === "/media/upload/complete" && times === 1) only().parts.delete(2);
    return undefined;
  };
  assert.equal((await page.uppy.upload())?.successful?.length, 1);
  assert.equal(service.count("PUT", "/store/"), 5);
});

test("a file that is already in the store is completed", async () => {
  const page = open(service);
  add(page, file(10));
  service.before = ({ method }) => {
    if (method === "PUT") only().content = Buffer.from("arrived earlier");
    return undefined;
  };
  assert.equal((await page.uppy.upload())?.successful?.length, 1);
});

test("a duplicate is not sent", async () => {
  const page = open(service, { dedup: true });
  add(page, file(10));
  const job = { jobId: "job_1", mediaId: "med_1" };
  service.before = ({ path }) => {
    return path === "/media/upload/init" ? { status: 200, body: { mediaId: "med_1", duplicate: true, job } } : undefined;
  };
  const result = await page.uppy.upload();
  assert.deepEqual(result?.successful?.[0]?.response, { status: 200, body: { ...job, duplicate: true } });
  assert.equal(service.count("PUT", "/store/"), 0);
});

test("a removed file is deleted at the service, and its requests end", async () => {
  const storage = new PageStore();
  const page = open(service, { storage, limit: 1 });
  const id = add(page, file(6 * PART_BYTES));
  service.before = ({ path }) => {
    if (path.endsWith("/2")) page.uppy.removeFile(id);
    return undefined;
  };
  await page.uppy.upload();
  await eventually(() => service.deleted.length === 1, "it is deleted");
  assert.equal(service.count("PUT", "/store/"), 2);
  assert.equal(storage.length, 0);
  assert.deepEqual(page.errors, []);
});

test("a failed file that is removed is deleted, a successful one is not", async () => {
  const page = open(service);
  const ids = [add(page, file(10, "a"), "a"), add(page, file(20, "b"), "b")];
  service.before = ({ method, headers }) => {
    return method === "PUT" && headers["content-length"] === "10" ? xml(400, "EntityTooLarge") : undefined;
  };
  await page.uppy.upload();
  for (const id of ids) page.uppy.removeFile(id);
  await eventually(() => service.deleted.length > 0, "one is deleted");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(service.deleted.length, 1);
  assert.equal(only().request["size"], 20);
});

test("an uninstalled plugin uploads nothing", async () => {
  const page = open(service);
  page.uppy.removePlugin(page.uppy.getPlugin("SmmuUploader")!);
  add(page, file(10));
  await page.uppy.upload();
  assert.equal(service.seen.length, 0);
  assert.equal(page.uppy.getState().capabilities.resumableUploads, false);
});

test("a refusal carries code, message and remedy, and can be retried", async () => {
  const page = open(service);
  const id = add(page, file(10));
  service.before = () => problem(415, "unsupported_media_type");
  await page.uppy.upload();
  assert.equal(service.seen.length, 1, "a refusal is final");
  const { code, message, remedy, details, status, retryable } = page.errors[0]!;
  assert.deepEqual(
    { code, message, remedy, details, status, retryable },
    {
      code: "unsupported_media_type",
      message: "the detail of unsupported_media_type",
      remedy: "Remedy of unsupported_media_type.",
      details: "Remedy of unsupported_media_type.",
      status: 415,
      retryable: false,
    },
  );
  service.before = () => undefined;
  assert.equal((await page.uppy.retryUpload(id))?.successful?.length, 1);
});
