// The page without a cloud, for work on its looks: serves `dist/` under the deployment's policy, and an API that answers
// as docs/openapi.json says, about outputs that `make demo` has made.
//
//   node tests/fake.mjs OUTPUTS [PORT]      OUTPUTS: a folder with a folder of outputs for each media, such as ../out
//
// Uploads are taken and their jobs run through all stages, with the outputs of the first media of their kind.
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

const [folder, port = "0"] = process.argv.slice(2);
const DIST = new URL("../dist/", import.meta.url).pathname;
const COPIES = Number(process.env.COPIES ?? 6);
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".vtt": "text/vtt",
  ".mp4": "video/mp4",
  ".m4a": "audio/mp4",
  ".opus": "audio/ogg",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".png": "image/png",
  ".m3u8": "application/vnd.apple.mpegurl",
  ".txt": "text/plain",
  ".srt": "application/x-subrip",
};
const ROLES = {
  "master.m3u8": "master_playlist",
  "storyboard.vtt": "storyboard",
  "storyboard.jpg": "sprite",
  "poster.jpg": "poster",
  "preview.webp": "preview",
  "cover.jpg": "cover",
  "manifest.json": "manifest",
  "transcript-manifest.json": "manifest",
};
const STAGES = ["queue", "dispatch", "validate", "detect", "waiting", "transcode", "transcribe", "finish"];

const media = new Map();
const jobs = new Map();
const uploads = new Map();
let count = 0;

const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const ulid = () => `01kc${String(count++).padStart(22, "0")}`;
const roleOf = (name) =>
  ROLES[name] ??
  (name.endsWith(".m3u8")
    ? "media_playlist"
    : name.startsWith("captions")
      ? "captions"
      : name.startsWith("transcript")
        ? "transcript"
        : name.startsWith("waveform")
          ? "waveform"
          : "rendition");

function outputs(name, origin) {
  const path = join(folder, name);
  const listed = ["manifest.json", "transcript-manifest.json"].flatMap((file) =>
    existsSync(join(path, file)) ? read(join(path, file)).artifacts : [],
  );
  const known = new Map(listed.map((artifact) => [artifact.name, artifact]));
  return readdirSync(path).map((file) => ({
    name: file,
    role: roleOf(file),
    contentType: TYPES[extname(file)] ?? "application/octet-stream",
    bytes: statSync(join(path, file)).size,
    sha256: "0".repeat(64),
    state: "ready",
    ...known.get(file),
    url: `${origin}/o/${name}/${file}`,
    urlExpiresAt: new Date(Date.now() + 900_000).toISOString(),
    ...(/\.(m3u8|vtt)$/.test(file) ? { playbackPath: `/play/${name}/${file}` } : {}),
  }));
}

function add(name, { filename, ended = true, ageMs = 0, ...more } = {}) {
  const id = ulid();
  const manifest = read(join(folder, name, "manifest.json"));
  const speech = existsSync(join(folder, name, "transcript-manifest.json"))
    ? read(join(folder, name, "transcript-manifest.json")).speech
    : undefined;
  const createdAt = new Date(Date.now() - ageMs).toISOString();
  const { kind, image, av, source } = manifest;
  media.set(`med_${id}`, {
    mediaId: `med_${id}`,
    jobId: `job_${id}`,
    status: "SUBMITTED",
    kind,
    filename: filename ?? `${name}${{ image: ".jpg", video: ".mov", audio: ".mp3" }[kind]}`,
    contentType: source.contentType,
    size: source.bytes,
    createdAt,
    facts: { kind, ...(image && { image }), ...(av && { av }) },
    ...(speech && { speech }),
  });
  jobs.set(`job_${id}`, {
    jobId: `job_${id}`,
    mediaId: `med_${id}`,
    kind,
    of: name,
    status: ended ? "COMPLETED" : "QUEUED",
    stage: ended ? "finish" : "queue",
    progress: ended ? 100 : 0,
    createdAt,
    updatedAt: createdAt,
    cost: manifest.cost && {
      ...manifest.cost,
      totalMicroDollars:
        manifest.cost.computeMicroDollars + manifest.cost.requestsMicroDollars + manifest.cost.storageMonthMicroDollars,
    },
    ...more,
  });
  return `job_${id}`;
}

/** Moves a job on at every look, so that each stage can be seen. */
function advance(job) {
  if (["COMPLETED", "FAILED", "CANCELLED"].includes(job.status) || job.still) return;
  const at = STAGES.indexOf(job.stage) + 1;
  Object.assign(job, {
    status: "RUNNING",
    stage: STAGES[at] ?? "finish",
    progress: Math.min(99, at * 13),
    updatedAt: new Date().toISOString(),
    expectedAt: new Date(Date.now() + (8 - at) * 1000).toISOString(),
  });
  if (at >= STAGES.length) Object.assign(job, { status: "COMPLETED", progress: 100 });
}

/** What is ready at each stage, as the workers list it: stills first, then one rung with the sound. */
const EARLY = {
  transcode: /^(poster|preview)\./,
  transcribe: /^(poster|preview|audio|video-360p)[.-]/,
  finish: /^(poster|preview|audio|video-360p)[.-]/,
};

function view({ of, still, ...job }, origin) {
  const ready = job.status === "COMPLETED" ? /./ : job.status === "RUNNING" ? EARLY[job.stage] : undefined;
  const listed = ready ? outputs(of, origin).filter(({ name }) => ready.test(name)) : [];
  return { ...job, ...(listed.length > 0 ? { outputs: listed } : {}) };
}
const problem = (status, code, title, remedy) => [
  status,
  { type: `urn:smmu:problem:${code}`, title, status, code, retryable: false, remedy },
];
const missing = () =>
  problem(
    404,
    "not_found",
    "there is nothing here",
    "Check the address and the id, and that the token belongs to the owner.",
  );

function page(query) {
  const [kind, status, after, limit] = ["kind", "status", "after", "limit"].map((name) => query.get(name));
  const all = [...media.values()]
    .reverse()
    .filter(
      (one) => (!kind || one.kind === kind) && (!status || one.status === status) && (!after || one.mediaId < after),
    );
  const some = all.slice(0, Number(limit ?? 20));
  return [
    200,
    {
      media: some.map(({ facts, speech, ...one }) => {
        const { thumbhash } = facts?.image ?? {};
        return { ...one, ...(thumbhash && { thumbhash }) };
      }),
      ...(all.length > some.length ? { next: some.at(-1).mediaId } : {}),
    },
  ];
}

function answer(method, path, query, body, origin) {
  const [, section, id, what] = path.split("/");
  if (path === "/media" && method === "GET") return page(query);
  if (path === "/media/upload/init") {
    const mediaId = `med_${ulid()}`;
    uploads.set(mediaId, { ...body, got: new Set() });
    if (body.parts)
      return [
        201,
        {
          mediaId,
          parts: {
            partBytes: 8388608,
            count: Math.ceil(body.size / 8388608),
            expiresAt: new Date(Date.now() + 6e8).toISOString(),
          },
        },
      ];
    return [
      201,
      {
        mediaId,
        upload: {
          method: "PUT",
          url: `${origin}/put`,
          headers: { "content-type": body.contentType ?? "application/octet-stream" },
          expiresAt: new Date(Date.now() + 9e5).toISOString(),
        },
      },
    ];
  }
  if (path === "/media/upload/complete") {
    const { contentType = "", filename } = uploads.get(body.mediaId) ?? {};
    const kind = contentType.split("/")[0];
    const of =
      readdirSync(folder).find((name) => read(join(folder, name, "manifest.json")).kind === kind) ??
      readdirSync(folder)[0];
    return [202, view(jobs.get(add(of, { filename, ended: false })), origin)];
  }
  if (section === "media" && method === "DELETE") return media.delete(id) ? [202, { mediaId: id }] : missing();
  if (section === "media" && what === "jobs") return [202, view(jobs.get(media.get(id).jobId), origin)];
  if (section === "media") return media.has(id) ? [200, media.get(id)] : missing();
  const job = jobs.get(id);
  if (section === "jobs" && !job) return missing();
  if (section === "jobs" && what === "cancel") return [200, Object.assign(job, { status: "CANCELLED" })];
  if (section === "jobs") {
    advance(job);
    return [200, view(job, origin)];
  }
  if (path === "/sockets")
    return problem(404, "push_disabled", "push is off", "Poll the job instead, or ask the operator to switch push on.");
  if (path === "/.well-known/oauth-protected-resource")
    return [200, { resource: origin, bearer_methods_supported: ["header"] }];
  return missing();
}

function file(path, request, response) {
  if (!existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
  const { size } = statSync(path);
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
  const [start, end] = [Number(from ?? 0), to ? Number(to) : size - 1];
  response.writeHead(from === undefined ? 200 : 206, {
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
    "content-length": end - start + 1,
    "accept-ranges": "bytes",
    ...(from === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  createReadStream(path, { start, end }).pipe(response);
}

const server = createServer(async (request, response) => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  const { pathname, searchParams } = new URL(request.url, origin);
  response.setHeader(
    "content-security-policy",
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  if (pathname === "/config.json")
    return response.end(JSON.stringify({ api: `${origin}/api`, sockets: null, signIn: null }));
  if (pathname === "/put") return request.resume().on("end", () => response.end());
  if (pathname.startsWith("/o/")) return file(join(folder, decodeURIComponent(pathname.slice(3))), request, response);
  if (!pathname.startsWith("/api/"))
    return file(join(DIST, pathname === "/" ? "index.html" : pathname), request, response);
  if (pathname.startsWith("/api/play/")) {
    const [name, which] = pathname.slice(10).split("/");
    const text = readFileSync(join(folder, name, which), "utf8").replace(
      /(^|URI=")([\w-]+\.(?:mp4|jpg|vtt))/gm,
      `$1${origin}/o/${name}/$2`,
    );
    response.setHeader("content-type", TYPES[extname(which)]);
    return response.end(text);
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = Buffer.concat(chunks).toString();
  const [status, body] = answer(request.method, pathname.slice(4), searchParams, sent ? JSON.parse(sent) : {}, origin);
  response.writeHead(status, {
    "content-type": status < 400 ? "application/json" : "application/problem+json",
    "retry-after": "1",
  });
  response.end(JSON.stringify(body));
});

for (let copy = 0; copy < COPIES; copy += 1) {
  for (const name of readdirSync(folder)) add(name, { ageMs: (COPIES - copy) * 30_000_000 });
}
const [first] = readdirSync(folder);
if (COPIES > 0) {
  add(first, {
    filename: "broken.jpg",
    ended: false,
    still: true,
    status: "FAILED",
    error: {
      code: "corrupt_media",
      message: "the picture ends after 41% of its rows",
      stage: "render",
      retryable: false,
      remedy: "Check that the file opens on your device, then export it again and upload the new copy.",
    },
  });
  add(first, {
    filename: "waiting-for-its-turn.jpg",
    ended: false,
    still: true,
    queue: { ahead: 3, startsAt: new Date(Date.now() + 200_000).toISOString() },
  });
  add(first, {
    filename: "a rather long name of a holiday film from the summer in the mountains.mov",
    ended: false,
    still: true,
    status: "RUNNING",
    stage: "transcode",
    progress: 42,
    expectedAt: new Date(Date.now() + 75_000).toISOString(),
  });
}
server.listen(Number(port), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
