// Shared by the scripts of this folder and bench/players: serves a page and opens it in a headless browser.
//
// Environment: SMMU_BROWSER, a Chromium; SMMU_FIREFOX, a Firefox. If standard input is a listening socket, the page is
// served on it, so its origin is known in advance. Otherwise it is served on a free port.
import { spawnSync } from "node:child_process";
import { fstatSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

// Resolved from the folder of the installed modules, which is outside the checkout.
export const require = createRequire(`${process.cwd()}/`);
const { chromium, firefox } = require("playwright-core");

const BROWSERS = ["chromium", "google-chrome"];
const FIREFOXES = ["firefox-esr", "firefox"];
const FLAGS = [
  // Only our own page is opened, and containers do not support the sandbox.
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
export function launch(flags = []) {
  const executablePath = programPath(process.env.SMMU_BROWSER, BROWSERS, "test");
  return chromium.launch({ executablePath, headless: true, args: [...FLAGS, ...flags] });
}

/** The same for an unpatched Firefox: the channel selects WebDriver BiDi, which needs no patch. */
export function launchFirefox() {
  const executablePath = programPath(process.env.SMMU_FIREFOX, FIREFOXES, "players");
  return firefox.launch({ channel: "moz-firefox", executablePath, headless: true });
}

/** Serves files, given by path with their type and location. Returns the origin, and a function that stops it. */
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

/** Runs `use` on a fresh page with these files, and prints its result as JSON; or prints the error and exits with 1. */
export async function run(files, use, flags = []) {
  try {
    const { origin, stop } = await serve(files);
    const browser = await launch(flags);
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
