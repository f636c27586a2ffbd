// Plays an HLS presentation in a headless Chromium with hls.js, as a customer's page would:
//
//   node play.mjs PLAYLIST-URL SCREENSHOT.png     in the folder that `npm ci` installed package-lock.json in
//
// Environment: SMMU_TOKEN, sent only to the playlist's own folder; SMMU_CDN, the address that serves CloudFront's domain
// (cdn.mjs), for a playlist there; and that of browser.mjs.
//
// Prints the observations as JSON and exits with 0, or prints the error and exits with 1.
import { check, require, run } from "./browser.mjs";
import { edge } from "./cdn.mjs";

const FILES = {
  "/": ["text/html", new URL("page.html", import.meta.url)],
  "/page.js": ["text/javascript", new URL("page.js", import.meta.url)],
  "/hls.js": ["text/javascript", require.resolve("hls.js/dist/hls.min.js")],
};

/** Records the page's requests and complaints, to be checked at the end. */
function watch(page) {
  const seen = { requests: [], complaints: [] };
  page.on("request", (request) => seen.requests.push(request));
  page.on("requestfailed", (request) => {
    // hls.js aborts requests that it no longer needs after a seek or a level switch.
    const { errorText } = request.failure();
    if (errorText !== "net::ERR_ABORTED") seen.complaints.push(`${errorText}: ${withoutQuery(request.url())}`);
  });
  page.on("console", (message) => {
    const { url } = message.location();
    if (message.type() === "error") seen.complaints.push(`${message.text()} (${withoutQuery(url)})`);
  });
  page.on("pageerror", (error) => seen.complaints.push(error.message));
  return seen;
}

/** Signed URLs are secrets until they expire, so their signatures are not printed. */
const withoutQuery = (url) => url.split("?")[0];

async function play(page, playlist, token, screenshot) {
  const player = (name, argument) =>
    page.evaluate(([name, argument]) => window.player[name](argument), [name, argument]);

  const opened = await player("open", { playlist, token });
  const firstSegment = await player("playIntoSecondSegment");
  const shown = [];
  for (const [index, level] of opened.levels.entries()) {
    const size = await player("show", index);
    check(size.height === level.height, `level ${index} is ${size.height} high, its playlist says ${level.height}`);
    shown.push(size);
  }
  const cues = opened.captions.length > 0 ? await player("cues") : [];
  // The last level is the largest: hls.js sorts them by bit rate.
  await page.locator("video").screenshot({ path: screenshot });
  const endedAt = await player("playToEnd");
  const decoded = await player("decoded");
  check(decoded.frames > 0 && decoded.videoBytes > 0, "no frame was decoded");
  const hasAudio = opened.audioTracks > 0 || opened.levels.some((level) => level.audioCodec);
  check(!hasAudio || decoded.audioBytes > 0, "no audio was decoded");
  return { ...opened, hasAudio, cues, firstSegment, shown, endedAt, decoded };
}

/** Checks that the token is sent with playlists and with nothing else. */
async function checkToken(requests, playlist, token) {
  const api = new URL(".", playlist).href;
  let withToken = 0;
  for (const request of requests) {
    const sent = (await request.allHeaders())["authorization"] !== undefined;
    const wanted = token !== undefined && request.url().startsWith(api);
    check(sent === wanted, `${sent ? "the token was sent to" : "no token was sent to"} ${withoutQuery(request.url())}`);
    withToken += Number(sent);
  }
  return withToken;
}

/** Hosts of requests that belong neither to the page nor to the playlist's own folder. */
function elsewhere(requests, playlist, origin) {
  const own = [new URL(".", playlist).href, `${origin}/`, "data:", "blob:"];
  const urls = requests.map((request) => request.url()).filter((url) => !own.some((start) => url.startsWith(start)));
  return [...new Set(urls.map((url) => new URL(url).host))];
}

const [playlist, screenshot] = process.argv.slice(2);
const cdn = playlist && process.env.SMMU_CDN ? await edge(new URL(playlist).host, process.env.SMMU_CDN) : undefined;

await run(FILES, async (page, origin) => {
  check(playlist && screenshot, "usage: play.mjs PLAYLIST-URL SCREENSHOT.png");
  const token = process.env.SMMU_TOKEN;
  const seen = watch(page);
  await page.goto(`${origin}/`);
  const played = await play(page, playlist, token, screenshot).catch((error) => {
    throw new Error([error.message, ...seen.complaints].join("\n  "));
  });
  check(seen.complaints.length === 0, `the browser complains:\n  ${seen.complaints.join("\n  ")}`);
  const requestsWithToken = await checkToken(seen.requests, playlist, token);
  return { requestsWithToken, elsewhere: elsewhere(seen.requests, playlist, origin), ...played };
}, cdn?.flags);
cdn?.stop();
