import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createApi } from "../../src/api.ts";
import { Failure } from "../../src/failure.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Runs `use` against a server that answers one request after the other by these handlers. */
async function against<T>(handlers: Handler[], use: (api: ReturnType<typeof createApi>) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    const handler = handlers.shift();
    if (handler) handler(request, response);
    else response.writeHead(500).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const tokens = { token: () => Promise.resolve("old"), renewed: () => Promise.resolve("new") };
  try {
    return await use(createApi(`http://127.0.0.1:${port}`, tokens));
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}): Handler =>
  (_, response) => {
    response.writeHead(status, headers).end(JSON.stringify(body));
  };

test("a refused token is renewed once, and the request sent again", async () => {
  const seen: (string | undefined)[] = [];
  const note =
    (status: number): Handler =>
    (request, response) => {
      seen.push(request.headers.authorization);
      answer(status, { message: "Unauthorized", media: [] })(request, response);
    };
  await against([note(401), note(200)], (api) => api.listMedia({}));
  assert.deepEqual(seen, ["Bearer old", "Bearer new"]);
});

test("a second refusal ends the session", async () => {
  const refused = answer(401, { message: "Unauthorized" });
  await assert.rejects(
    against([refused, refused], (api) => api.listMedia({})),
    ({ code }: Failure) => code === "unauthorized",
  );
});

test("a read that is throttled or fails is repeated", async () => {
  const page = { media: [{ mediaId: "med_1" }] };
  const read = await against(
    [answer(429, { message: "Too Many Requests" }), answer(503, {}), answer(200, page)],
    (api) => api.listMedia({ limit: 1 }),
  );
  assert.deepEqual(read, page);
});

test("a change that the API refuses is not repeated", async () => {
  const running = { code: "job_running", title: "a job is running", remedy: "Wait.", status: 409 };
  await assert.rejects(
    against([answer(409, running), answer(202, {})], (api) => api.rerun("med_1", {})),
    ({ code, remedy }: Failure) => code === "job_running" && remedy === "Wait.",
  );
});

test("a quota for the day is told of at once", async () => {
  const quota = { code: "quota_exceeded", title: "quota", remedy: "Tomorrow.", status: 429 };
  const begun = Date.now();
  await assert.rejects(against([answer(429, quota, { "retry-after": "40210" })], (api) => api.cancel("job_1")));
  assert.ok(Date.now() - begun < 2_000);
});

test("an unchanged job is no job, and keeps its etag", async () => {
  const read = await against([(_, response) => response.writeHead(304, { "retry-after": "3" }).end()], (api) =>
    api.job("job_1", '"7"'),
  );
  assert.deepEqual(read, { job: undefined, etag: '"7"', retryAfterMs: 3000 });
});
