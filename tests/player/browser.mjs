// What the scripts of this folder and bench/players share: a page of somebody's, served and opened in a headless Chromium.
//
// Environment: SMMU_BROWSER, a Chromium; SMMU_FIREFOX. Standard input may be a listening socket; the page is then served on
// it, so that its origin is known before this starts. Otherwise it is served on a free port.
import { spawnSync } from "node:child_process";
import { fstatSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

// Resolved from where the modules were installed, which is outside the checkout.
export const require = createRequire(`${process.cwd()}/`);
const { chromium, firefox } = require("playwright-core");

const BROWSERS = ["chromium", "google-chrome"];
const FIREFOXES = ["firefox-esr", "firefox"];
const FLAGS = [
  // The one page that is opened is ours, and inside a container there is no sandbox to be had.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
];

export function check(holds, complaint) {
  if (!holds) throw new Error(complaint);
}

function programPath(chosen, names, purpose) {
  const wanted = chosen ? [chosen] : names;
  for (const name of wanted) {
    const { status, stdout } = spawnSync("sh", ["-c", 'command -v -- "$1"', "sh", name], { encoding: "utf8" });
    if (status === 0) return stdout.trim();
  }
  throw new Error(`no browser: ${wanted.join(" or ")} is missing; tools/setup.sh ${purpose} installs it`);
}

/** Starts a browser with a fresh profile folder, which is removed when it ends. */
export function launch() {
  const executablePath = programPath(process.env.SMMU_BROWSER, BROWSERS, "test");
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** The same of Firefox as it is released: the channel is what chooses WebDriver BiDi, which needs no patch. */
export function launchFirefox() {
  const executablePath = programPath(process.env.SMMU_FIREFOX, FIREFOXES, "players");
  return firefox.launch({ channel: "moz-firefox", executablePath, headless: true });
}

/** Serves files, by path their type and their place. Answers their origin and how to stop. */
async function serve(files) {
  const server = createServer((request, response) => {
    const [type, path] = files[request.url] ?? [];
    response.writeHead(path ? 200 : 404, { "content-type": `${type ?? "text/plain"}; charset=utf-8` });
    response.end(path && readFileSync(path));
  });
  const where = fstatSync(0).isSocket() ? { fd: 0 } : { host: "127.0.0.1", port: 0 };
  await new Promise((resolve, reject) => server.once("error", reject).listen(where, resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Prints as JSON what `use` made of a fresh page that serves these files, or what went wrong: then exits 1. */
export async function run(files, use) {
  try {
    const { origin, stop } = await serve(files);
    const browser = await launch();
    try {
      const seen = await use(await browser.newPage(), origin);
      console.log(JSON.stringify({ browser: browser.version(), origin, ...seen }, null, 2));
    } finally {
      await browser.close();
      stop();
    }
  } catch (error) {
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
