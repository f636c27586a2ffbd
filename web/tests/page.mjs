// The page in a real browser, on a running stack:
//
//   node tests/page.mjs PAGE-URL CONFIG.json SCREENSHOTS [JOURNEY…]
//
// in the folder that `npm ci` installed web/package-lock.json in. CONFIG.json:
//
//   {"owner": JWT, "other": JWT,                          two users, of whom the first has no media yet
//    "photo": PATH, "video": PATH, "audio": PATH,         files; the video and the recording have English speech
//    "word": "country",                                   a word that is said in the recording
//    "signIn": {"user": "…", "password": "…"},            optional: a user of the stack's pool
//    "cdn": {"domain": "….cloudfront.net", "endpoint": "http://…"}}   optional: who serves that domain on this machine
//
// Environment: SMMU_BROWSER, a Chromium. Each journey prints a line; the figures come last, as JSON. Exits with 1 if one
// failed. Screenshots are kept of all views, in light and dark, wide and narrow.
import { mkdirSync, readFileSync } from "node:fs";
import { edge } from "../../tests/player/cdn.mjs";
import { launch } from "../../tests/player/browser.mjs";
import { JOURNEYS } from "./page/journeys.mjs";
import { Visitor } from "./page/visitor.mjs";

const [url, configPath, screenshots, ...chosen] = process.argv.slice(2);
if (!screenshots) {
  console.error("usage: node page.mjs PAGE-URL CONFIG.json SCREENSHOTS [JOURNEY…]");
  process.exit(2);
}
const config = JSON.parse(readFileSync(configPath, "utf8"));
mkdirSync(screenshots, { recursive: true });

const cdn = config.cdn && (await edge(config.cdn.domain, config.cdn.endpoint));
const fakes = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await launch([...(cdn?.flags ?? []), ...fakes]);
const figures = {};
let failures = 0;
for (const [name, journey] of Object.entries(JOURNEYS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const began = performance.now();
  const visitor = new Visitor({ browser, url, config, screenshots, figures });
  try {
    await journey(visitor);
    visitor.checkQuiet();
    console.log(`ok    ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
    for (const complaint of visitor.complaints) console.log(`      ${complaint}`);
    await visitor.page?.screenshot({ path: `${screenshots}/failed-${name}.png` }).catch(() => undefined);
  } finally {
    await visitor.leave();
  }
}
await browser.close();
cdn?.stop();
console.log(JSON.stringify(figures, null, 2));
console.log(`${failures === 0 ? "all journeys passed" : `${failures} failed`}`);
process.exitCode = failures === 0 ? 0 : 1;
