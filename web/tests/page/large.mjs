// 200 MB in parts: paused, offline and back, failed and chosen again, reloaded in the middle. What has arrived is not sent
// again.
import { mkdtempSync, openSync, closeSync, ftruncateSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "../../../tests/player/browser.mjs";
import { since } from "./visitor.mjs";

const BYTES = 200_000_000;
const UPLOADED = 180_000;
/** So that there is a middle, on a machine whose store is as fast as its disk. */
const BYTES_PER_SECOND = 12_000_000;

/** A WAV of silence, 48 kHz and two channels of 16 bits: some 17 minutes, and a hole on disk. */
function silence(path) {
  const header = Buffer.alloc(44);
  const rate = 48_000;
  header.write("RIFF", 0);
  header.writeUInt32LE(BYTES - 8, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 4, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(BYTES - 44, 40);
  const file = openSync(path, "w");
  writeSync(file, header);
  ftruncateSync(file, BYTES);
  closeSync(file);
}

export async function large(visitor) {
  const folder = mkdtempSync(join(tmpdir(), "smmu-page-"));
  const path = join(folder, "silence.wav");
  silence(path);
  try {
    await upload(visitor, path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function upload(visitor, path) {
  visitor.expected.push(/ERR_INTERNET_DISCONNECTED/, /Failed to load resource/, /WebSocket/, /\[Uppy\].*no connection/);
  const page = await visitor.signIn(visitor.config.owner);
  const client = await visitor.context.newCDPSession(page);
  const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: BYTES_PER_SECOND };
  await client.send("Network.enable");
  await client.send("Network.emulateNetworkConditions", slow);
  const row = page.locator("[data-upload='silence.wav']");
  const began = performance.now();

  await visitor.choose("Choose files", [path]);
  await row.filter({ hasText: /Uploading.*of 200 MB/ }).waitFor();
  await page.getByRole("button", { name: "Pause silence.wav" }).click();
  await row.filter({ hasText: "Paused" }).waitFor();
  await visitor.look("paused");
  await page.getByRole("button", { name: "Resume silence.wav" }).click();
  await until(page, row, 15);
  await client.send("Network.emulateNetworkConditions", { ...slow, offline: true });
  await page.getByText("You are offline").waitFor();
  await row.filter({ hasText: "Paused" }).waitFor();
  await client.send("Network.emulateNetworkConditions", slow);
  await row.filter({ hasText: "Uploading" }).waitFor();
  await until(page, row, 30);
  await failAndChooseAgain(visitor, page, row, path);
  await until(page, row, 45);

  await visitor.reload();
  const interrupted = page.locator("[data-interrupted]", { hasText: "silence.wav" });
  await interrupted.filter({ hasText: "Choose the same file again" }).waitFor();
  await visitor.look("interrupted");
  const arrived = Number(await interrupted.getByRole("progressbar").getAttribute("aria-valuenow"));
  check(arrived > 0, "parts have arrived before the reload");
  await visitor.choose("Choose silence.wav again", [path]);
  await interrupted.waitFor({ state: "detached" });
  const start = visitor.requests.length;
  await page.locator("[data-job]", { hasText: "silence.wav" }).waitFor({ timeout: UPLOADED });
  const again = visitor.requests.slice(start).filter(isPart).length;
  visitor.figures.largeUpload = {
    seconds: since(began),
    partsAfterReload: again,
    arrivedPercent: arrived,
  };
  const parts = Math.ceil(BYTES / 8_388_608);
  check(
    again <= parts - Math.floor((arrived * parts) / 100) + 1,
    `${again} of ${parts} parts were sent again with ${arrived}% there`,
  );

  await cancel(page);
}

/** The store cannot be reached until the upload has failed. Then its file is chosen again. */
async function failAndChooseAgain(visitor, page, row, path) {
  const isStore = (url) => url.searchParams.has("partNumber");
  await page.route(isStore, (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
  await row.filter({ hasText: "Check the connection" }).waitFor();
  await page.unroute(isStore);
  const start = visitor.requests.length;
  await visitor.choose("Choose files", [path]);
  await row.filter({ hasText: "Uploading" }).waitFor();
  // Its progress begins with the parts that the API has listed.
  const shown = Number(await row.getByRole("progressbar").getAttribute("aria-valuenow"));
  check(shown >= 20, `it goes on at ${shown}% after it was at 30%`);
  const deleted = visitor.requests.slice(start).filter((request) => request.method() === "DELETE");
  check(deleted.length === 0, "what has arrived is not deleted");
}

/** Cancels the job, which may end before the click on a machine where the browser is slow. */
async function cancel(page) {
  const button = page.getByRole("button", { name: "Cancel silence.wav" });
  const tile = page.locator(".tile", { hasText: "silence.wav" });
  await button.or(tile).first().waitFor();
  const clicked = await button.click({ timeout: 5000 }).then(
    () => true,
    () => false,
  );
  const tooLate = page.getByText("nothing left to cancel");
  if (clicked) await tile.filter({ hasText: /Cancelled/ }).or(tooLate).first().waitFor();
  else await tile.first().waitFor();
}

const isPart = (request) => request.method() === "PUT" && request.url().includes("partNumber=");

async function until(page, row, percent) {
  await page.waitForFunction(
    ([wanted]) =>
      Number(document.querySelector("[data-upload='silence.wav'] [role=progressbar]")?.getAttribute("aria-valuenow")) >=
      wanted,
    [percent],
    { timeout: UPLOADED },
  );
  await row.waitFor();
}
