// Plays HLS presentations over slow lines in a headless Chromium, and prints what a viewer waits for as JSON:
//
//   node play.mjs NAME=FOLDER...     in the folder that `npm ci` installed package-lock.json in
//
// Each FOLDER has a master.m3u8. A line has a latency of 60 ms and so many kilobits a second, by Chromium's own
// throttling. Each is played from its beginning for a while, then from near its end. Environment: SMMU_BROWSER.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";
import { launch, require } from "../../tests/player/browser.mjs";

const LINES_KBPS = [800, 1500, 4000];
const PLAYERS = {
  "hls.js": require.resolve("hls.js/dist/hls.min.js"),
  Shaka: require.resolve("shaka-player/dist/shaka-player.compiled.js"),
};
const TYPES = { m3u8: "application/vnd.apple.mpegurl", mp4: "video/mp4", vtt: "text/vtt" };

/** Serves a folder on a free port, with ranges; `/` is an empty page and `/player.js` the player. */
async function serve(folder, player) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    if (path === "/") return response.setHeader("content-type", "text/html").end("<video muted width=640></video>");
    const file = path === "/player.js" ? player : join(folder, normalize(path));
    const bytes = statSync(file, { throwIfNoEntry: false })?.size;
    if (bytes === undefined) return response.writeHead(404).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const [start, end] = range ? [Number(range[1]), Math.min(Number(range[2] || bytes - 1), bytes - 1)] : [0, bytes - 1];
    response.writeHead(range ? 206 : 200, {
      "content-type": TYPES[file.split(".").pop()] ?? "text/javascript",
      "content-length": end - start + 1,
      "content-range": `bytes ${start}-${end}/${bytes}`,
      "cache-control": "no-store",
    });
    createReadStream(file, { start, end }).pipe(response);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Runs in the page. Seconds until it plays, pauses afterwards, and seconds from a jump until it plays again. */
async function watch({ player, lastsMs, patienceMs }) {
  const video = document.querySelector("video");
  const now = () => performance.now();
  const playing = (from) =>
    new Promise((resolve) => {
      const begun = now();
      const look = () => {
        if (!video.paused && video.readyState >= 3 && video.currentTime > from + 0.05) resolve((now() - begun) / 1000);
        else if (now() - begun > patienceMs) resolve(null);
        else setTimeout(look, 20);
      };
      look();
    });
  const begun = now();
  if (player === "hls.js") {
    const hls = new Hls();
    hls.loadSource("/master.m3u8");
    hls.attachMedia(video);
    hls.once(Hls.Events.MANIFEST_PARSED, () => video.play());
  } else {
    const shakaPlayer = new shaka.Player();
    await shakaPlayer.attach(video);
    shakaPlayer.load("/master.m3u8").then(() => video.play());
  }
  const first = await playing(0);
  const firstS = first === null ? null : (now() - begun) / 1000;
  const startHeight = video.videoHeight;
  let stalls = 0;
  const count = () => (stalls += 1);
  video.addEventListener("waiting", count);
  await new Promise((resolve) => setTimeout(resolve, lastsMs));
  video.removeEventListener("waiting", count);
  const endHeight = video.videoHeight;
  const far = video.duration * 0.9;
  video.currentTime = far;
  const jumpS = await playing(far);
  return { firstS, startHeight, stalls, endHeight, jumpS };
}

async function main() {
  const layouts = process.argv.slice(2).map((word) => word.split(/=(.*)/s));
  if (layouts.length === 0) throw new Error("usage: play.mjs NAME=FOLDER...");
  const browser = await launch();
  const rows = [];
  try {
    for (const [player, script] of Object.entries(PLAYERS)) {
      for (const kbps of LINES_KBPS) {
        for (const [layout, folder] of layouts) {
          const { origin, stop } = await serve(folder, script);
          const context = await browser.newContext();
          const page = await context.newPage();
          await page.goto(origin);
          await page.addScriptTag({ url: "/player.js" });
          const session = await context.newCDPSession(page);
          await session.send("Network.enable");
          const throughput = kbps * 125;
          const line = { offline: false, latency: 60, downloadThroughput: throughput, uploadThroughput: throughput };
          await session.send("Network.emulateNetworkConditions", line);
          const seen = await page.evaluate(watch, { player, lastsMs: 12_000, patienceMs: 40_000 });
          rows.push({ player, kbps, layout, ...seen });
          await context.close();
          stop();
        }
      }
    }
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(rows));
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});
