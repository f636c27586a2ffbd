// Plays HLS presentations over slow lines in headless browsers, and prints the waiting times of a viewer as JSON:
//
//   node play.mjs usual=FOLDER ours=FOLDER     in the folder that `npm ci` installed package-lock.json in
//
// Each folder has a master.m3u8 with captions. `starts` are views over a steady line: some time from the beginning with
// captions on, then from the middle. `changes` are views to the end over a line that gets faster, and slow again.
// Environment: SMMU_BROWSER, a Chromium, and SMMU_FIREFOX.
import { fileURLToPath } from "node:url";
import { launch, launchFirefox, require } from "../../tests/player/browser.mjs";
import { Line, serve } from "./line.mjs";

const LINES_KBPS = [800, 1500, 4000];
const SCRIPTS = {
  "hls.js": require.resolve("hls.js/dist/hls.min.js"),
  Shaka: require.resolve("shaka-player/dist/shaka-player.compiled.js"),
};
// The layouts for each player. Firefox only has to show that ours plays there too.
const VIEWS = [
  { browser: "Chromium", player: "hls.js", layouts: ["usual", "ours"] },
  { browser: "Chromium", player: "Shaka", layouts: ["usual", "ours"] },
  { browser: "Firefox", player: "hls.js", layouts: ["ours"] },
];
const PATIENCE_MS = 40_000;
const LASTS_MS = 12_000;
const SLOW_KBPS = 800;
const FAST_KBPS = 4000;
const FAST_AFTER_MS = 6000;
const SLOW_AFTER_MS = 20_000;
// Buffer limit, the default of Shaka. Without it, hls.js would load the whole minute before the line is slow again.
const AHEAD_S = 10;

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Opens a page in which a player plays a folder over a slow line, and runs `use` with it. */
async function view({ browser, player, folder, kbps }, use) {
  const page = {
    "/": beside("page.html"),
    "/page.js": beside("page.js"),
    "/player.js": SCRIPTS[player],
  };
  const line = new Line(kbps);
  const rungs = [];
  const asked = (name) => {
    const height = /^video-(\d+)p\.mp4$/.exec(name)?.[1];
    if (height) rungs.push({ atMs: performance.now(), height: Number(height) });
  };
  const { origin, stop } = await serve({ folder, page, line, asked });
  const context = await browser.newContext();
  try {
    const tab = await context.newPage();
    await tab.goto(origin);
    const call = (name, argument = {}) =>
      tab.evaluate(([name, argument]) => window.viewer[name](argument), [name, argument]);
    return await use({ call, line, rungs });
  } finally {
    await context.close();
    stop();
  }
}

const NEVER_STARTED = {
  firstS: null,
  startHeight: 0,
  stalls: 0,
  endHeight: 0,
  jumpS: null,
  captions: { fromS: 0, toS: 0, shown: [] },
};

/** A view over a steady line. */
const start = (settings) =>
  view(settings, async ({ call }) => {
    const { firstS, height: startHeight } = await call("open", { player: settings.player, patienceMs: PATIENCE_MS });
    if (firstS === null) return NEVER_STARTED;
    const fromS = await call("turnCaptionsOn");
    const { stalls, height: endHeight, atS: toS, shown } = await call("play", { lastsMs: LASTS_MS });
    const jumpS = await call("jump", { patienceMs: PATIENCE_MS });
    return { firstS, startHeight, stalls, endHeight, jumpS, captions: { fromS, toS, shown } };
  });

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A view over a line that changes: slow, fast, slow. Times are in seconds since the page was opened. */
const change = (settings) =>
  view({ ...settings, kbps: SLOW_KBPS }, async ({ call, line, rungs }) => {
    const offsetMs = performance.now() - 1000 * (await call("clock"));
    const clock = () => (performance.now() - offsetMs) / 1000;
    const { firstS } = await call("open", { player: settings.player, patienceMs: PATIENCE_MS, aheadS: AHEAD_S });
    const ending = call("playToEnd", { patienceMs: 2 * PATIENCE_MS });
    await sleep(FAST_AFTER_MS);
    line.kbps = FAST_KBPS;
    const fastS = clock();
    await sleep(SLOW_AFTER_MS);
    line.kbps = SLOW_KBPS;
    const slowS = clock();
    const seen = await ending;
    const asked = rungs.map(({ atMs, height }) => ({ atS: (atMs - offsetMs) / 1000, height }));
    return { firstS, fastS, slowS, asked, ...seen };
  });

async function main() {
  const folders = Object.fromEntries(process.argv.slice(2).map((word) => word.split(/=(.*)/s)));
  if (!folders.usual || !folders.ours) throw new Error("usage: play.mjs usual=FOLDER ours=FOLDER");
  const starts = [];
  const changes = [];
  const versionOf = (name) => require(`${name}/package.json`).version;
  const versions = { "hls.js": versionOf("hls.js"), Shaka: versionOf("shaka-player") };
  for (const [name, launched] of Object.entries({ Chromium: launch, Firefox: launchFirefox })) {
    const browser = await launched();
    versions[name] = browser.version();
    try {
      for (const { player, layouts } of VIEWS.filter((one) => one.browser === name)) {
        for (const kbps of LINES_KBPS) {
          for (const layout of layouts) {
            const seen = await start({ browser, player, folder: folders[layout], kbps });
            starts.push({ browser: name, player, kbps, layout, ...seen });
          }
        }
        changes.push({ browser: name, player, ...(await change({ browser, player, folder: folders.ours })) });
      }
    } finally {
      await browser.close();
    }
  }
  console.log(JSON.stringify({ versions, starts, changes }));
}

main().catch((error) => {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});
