// What users do, from beginning to end. The order matters: the first ones make what the later ones look at.
import { basename } from "node:path";
import { check } from "../../../tests/player/browser.mjs";
import { large } from "./large.mjs";
import { since } from "./visitor.mjs";

/** Everything a media of these tests is waited for. */
const PROCESSED = 300_000;

async function budget(visitor) {
  const page = await visitor.arrive();
  const client = await visitor.context.newCDPSession(page);
  await client.send("Network.enable");
  let [transferred, requests, compressed] = [0, 0, false];
  // CloudFront compresses; what stands in for it may not.
  client.on("Network.responseReceived", ({ response: { headers } }) => {
    compressed ||= /gzip|br|zstd/.test(headers["content-encoding"] ?? "");
  });
  client.on("Network.loadingFinished", ({ encodedDataLength }) => {
    transferred += encodedDataLength;
    requests += 1;
  });
  await page.addInitScript(() => {
    globalThis.seen = { lcpMs: 0, shift: 0, blockedMs: 0 };
    const watch = (type, take) =>
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true });
    watch("largest-contentful-paint", ({ startTime }) => (globalThis.seen.lcpMs = startTime));
    watch("layout-shift", ({ value }) => (globalThis.seen.shift += value));
    watch("longtask", ({ duration }) => (globalThis.seen.blockedMs += Math.max(0, duration - 50)));
  });
  await visitor.open();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForTimeout(1500);
  const seen = await page.evaluate(() => globalThis.seen);
  visitor.figures.firstLoad = { transferredBytes: transferred, compressed, requests, ...seen };
  check(transferred < (compressed ? 150_000 : 450_000), `the first load takes ${transferred} bytes`);
  check(requests <= 10, `the first load takes ${requests} requests`);
  check(seen.shift < 0.1, `the layout shifts by ${seen.shift}`);
  // Times are reported, not checked: they say more of the machine than of the page.
  check(seen.lcpMs > 0, "something was painted");
}

async function signIn(visitor) {
  const page = await visitor.arrive();
  await visitor.open();
  await page
    .getByRole("button", { name: "Paste it" })
    .or(page.getByLabel("Token", { exact: true }))
    .first()
    .waitFor();
  await visitor.lookAround("sign-in");
  const { user, password } = visitor.config.signIn ?? {};
  if (!user) return;
  visitor.expected.push(/400/);
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(`${password}-wrong`);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "sign in again" }).waitFor();
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByText(user).waitFor();
  await visitor.reload();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("User name").waitFor();
}

async function empty(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  await page.getByRole("heading", { name: "Your library is empty" }).waitFor();
  await visitor.lookAround("empty");
  await page.getByRole("button", { name: "Camera" }).click();
  await page.getByRole("button", { name: "Take picture" }).and(page.locator(":enabled")).waitFor();
  await visitor.look("camera");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
}

async function photo(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  const began = performance.now();
  const name = await visitor.drop(visitor.config.photo, "image/jpeg");
  await page.waitForFunction(
    (name) =>
      [...document.querySelectorAll(".tile")].some(
        (tile) => tile.textContent.includes(name) && tile.querySelector("img:not(.coming)")?.naturalWidth > 0,
      ),
    name,
    { timeout: PROCESSED },
  );
  visitor.figures.dropToFirstThumbnailS = since(began);
  await visitor.openWhenReady(name);
  visitor.figures.dropToPhotoS = since(began);
  const shown = page.locator(".photo img:not(.coming)");
  await shown.waitFor();
  const { srcset, natural } = await shown.evaluate((image) => ({
    srcset: image.previousElementSibling?.srcset ?? "",
    natural: image.naturalWidth,
  }));
  check(srcset.split(",").length >= 2 && natural > 0, `srcset: ${srcset.replace(/\?[^ ]*/g, "")}`);
  await page.getByRole("heading", { name: "Cost" }).waitFor();
  await page.getByRole("button", { name: "Show manifest" }).click();
  await page.getByLabel("Manifest", { exact: true }).filter({ hasText: "thumbhash" }).waitFor();
  await visitor.lookAround("photo");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download", exact: true }).click(),
  ]);
  check(
    download.suggestedFilename().startsWith(name.replace(/\.\w+$/, "")),
    `it is saved as ${download.suggestedFilename()}`,
  );
  // A second visit has the blurred stand-in from the browser's own store.
  await page.getByRole("link", { name: "Library", exact: true }).click();
  await visitor.reload();
  await visitor.tile(name).waitFor();
}

async function video(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  const began = performance.now();
  const name = await visitor.drop(visitor.config.video, "video/mp4");
  await page.locator("[data-job]").first().waitFor();
  await visitor.look("in-progress");
  await visitor.tile(name).click();
  await page.getByRole("button", { name: "Play video" }).click({ timeout: PROCESSED });
  await page.waitForFunction(() => document.querySelector("video")?.currentTime > 0.3, undefined, {
    timeout: PROCESSED,
  });
  visitor.figures.dropToPlayingVideoS = since(began);
  await page.getByRole("button", { name: "Run again" }).waitFor({ timeout: PROCESSED });
  visitor.figures.dropToCompletedVideoS = since(began);
  // With the job's end the playlist has all rungs and the captions.
  await page.getByRole("button", { name: /^Captions/ }).click();
  const quality = page.getByLabel("Quality");
  const labels = await quality.locator("option").allTextContents();
  check(labels.length >= 2, `qualities: ${labels}`);
  await quality.selectOption({ index: labels.length - 1 });
  await page.locator(".player video").evaluate((element) => {
    element.muted = true;
    return element.play();
  });
  const smallest = Number.parseInt(labels.at(-1), 10);
  await page.waitForFunction((edge) => {
    const element = document.querySelector("video");
    return Math.min(element.videoWidth, element.videoHeight) === edge;
  }, smallest);
  await page.locator(".caption span").first().waitFor();
  await page.getByRole("slider", { name: "Position in the video" }).hover();
  const preview = page.locator(".preview[data-cue]");
  await preview.waitFor();
  await page.keyboard.press("k");
  await visitor.lookAround("video");
  const speech = page.getByRole("region", { name: "Transcript" });
  if (await speech.count()) {
    await speech
      .getByRole("button", { name: /^Play from/ })
      .last()
      .click();
    await page.waitForFunction(() => document.querySelector("video").currentTime > 0);
  }
}

async function audio(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  const { word } = visitor.config;
  const name = await visitor.drop(visitor.config.audio, "audio/wav");
  await visitor.openWhenReady(name);
  await page.locator(".wave path.all").waitFor();
  const said = page.locator(".segment [data-ms]", { hasText: new RegExp(word, "i") }).first();
  await said.click();
  const wanted = Number(await said.getAttribute("data-ms")) / 1000;
  await page.waitForFunction(
    (from) =>
      Math.abs(document.querySelector("audio").currentTime - from) < 3 &&
      document.querySelector("audio").currentTime >= from - 0.1,
    wanted,
  );
  await page.locator(".segment .heard").waitFor();
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  const paused = await page.locator("audio").evaluate(({ currentTime }) => currentTime);
  await page.getByRole("slider", { name: "Position in the recording" }).press("ArrowLeft");
  await page.waitForFunction((before) => document.querySelector("audio").currentTime < before - 1, paused);
  await page.getByLabel("Find in the transcript").fill(word);
  await page.locator(".segment mark").first().waitFor();
  await visitor.lookAround("audio");
  await page.getByRole("searchbox", { name: /^Search what was said/ }).fill(word);
  await page.keyboard.press("Enter");
  await page.locator(".hit mark").first().waitFor();
  await page.locator("[data-done=true]").waitFor();
  await visitor.lookAround("search");
  await page.locator(".result", { hasText: name }).locator(".hit").first().click();
  await page.waitForFunction((from) => document.querySelector("audio")?.currentTime >= from - 0.2, wanted);
}

async function gallery(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  await page.locator(".tile img:not(.coming)").first().waitFor();
  await visitor.lookAround("gallery");
  const read = visitor.requests.filter((request) => /\/media\/med_\w+$/.test(request.url()));
  check(read.length === 0, "the list has what tiles need of their media");
  await page.getByRole("button", { name: "Audio", exact: true }).click();
  await page.waitForFunction(
    (name) => [...document.querySelectorAll(".tile")].every((tile) => tile.textContent.includes(name)),
    basename(visitor.config.audio),
  );
  // By keys alone: from the skip link to a tile and back.
  await page.getByRole("button", { name: "All", exact: true }).click();
  await page.locator(".tile").first().focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Delete" }).waitFor();
  check(await page.evaluate(() => document.activeElement?.tagName === "H1"), "the heading of a new view has the focus");
  const hash = await page.evaluate(() => location.hash);
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction((before) => location.hash !== before, hash);
}

async function foreign(visitor) {
  const owner = await visitor.signIn(visitor.config.owner);
  await owner.locator(".tile").first().click();
  await owner.getByRole("button", { name: "Delete" }).waitFor();
  const link = await owner.evaluate(() => location.hash);
  await visitor.leave();
  visitor.expected.push(/404/);
  const page = await visitor.signIn(visitor.config.other, { hash: link });
  await page.getByRole("heading", { name: "Not found" }).waitFor();
  await page.getByText(/token belongs to the owner/).waitFor();
  await visitor.look("foreign");
}

async function refused(visitor) {
  const page = await visitor.signIn(visitor.config.owner);
  const name = "notes.jpg";
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    page.getByRole("button", { name: "Choose files" }).click(),
  ]);
  await chooser.setFiles({
    name,
    mimeType: "image/jpeg",
    buffer: Buffer.from("These are words and no picture.\n".repeat(9)),
  });
  await page.locator(".tile", { hasText: name }).filter({ hasText: "Failed" }).click({ timeout: PROCESSED });
  const alert = page.getByRole("alert");
  await alert.filter({ hasText: /Convert the file to a supported format/ }).waitFor();
  await visitor.lookAround("failed");
  await page.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("button", { name: "Cancel" }).or(alert).first().waitFor();
  await page.getByRole("button", { name: "Run again" }).waitFor({ timeout: PROCESSED });
  await page.getByRole("button", { name: "Delete" }).click();
  await visitor.look("delete");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Library" }).waitFor();
  await page.locator(".tile", { hasText: name }).waitFor({ state: "detached" });
}

async function offline(visitor) {
  visitor.expected.push(/ERR_INTERNET_DISCONNECTED/, /Failed to load resource/, /WebSocket/);
  const page = await visitor.signIn(visitor.config.owner);
  await page.getByRole("button", { name: "Choose files" }).waitFor();
  await visitor.context.setOffline(true);
  await page.getByText("You are offline").waitFor();
  await visitor.look("offline");
  await visitor.context.setOffline(false);
  await page.getByText("You are offline").waitFor({ state: "detached" });
  // Pictures that were on their way are loaded again.
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll(".tile img")];
    return pictures.length > 0 && pictures.every((picture) => picture.naturalWidth > 0);
  });
  const before = await page.locator(".tile").count();
  await visitor.choose("Choose files", [visitor.config.photo]);
  await page.waitForFunction((before) => document.querySelectorAll(".tile").length > before, before, {
    timeout: PROCESSED,
  });
}

/** The API refuses a token that it accepted before: the reason is shown, and not a lost connection. */
async function expired(visitor) {
  visitor.expected.push(/status of 401\b/);
  const page = await visitor.signIn(visitor.config.owner);
  await page.locator(".tile").first().waitFor();
  await page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("smmu.session"));
    const [header, , signature] = session.access.split(".");
    const claims = btoa(JSON.stringify({ sub: session.sub, exp: 1 })).replace(/=+$/, "");
    session.access = [header, claims, signature].join(".");
    sessionStorage.setItem("smmu.session", JSON.stringify(session));
  });
  await visitor.reload();
  const alert = page.getByRole("alert").filter({ hasText: "Your session has ended" });
  await alert.filter({ hasText: "Sign in again" }).waitFor();
  await visitor.look("session-ended");
  const lost = page.getByText(/You are offline|cannot be reached/);
  check((await lost.count()) === 0, "a refused token is not a lost connection");
  await page.getByRole("button", { name: "Paste it" }).or(page.getByLabel("Token", { exact: true })).first().waitFor();
}

async function calm(visitor) {
  const page = await visitor.signIn(visitor.config.owner, {
    reducedMotion: "reduce",
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
  });
  await page.locator(".tile").first().waitFor();
  await visitor.look("phone");
  const duration = await page
    .locator(".tile")
    .first()
    .evaluate((tile) => getComputedStyle(tile.firstElementChild).transitionDuration);
  check(Number.parseFloat(duration) <= 0.001, `transitions take ${duration}`);
}

/** A pasted picture whose upload fails until the store can be reached again. */
async function trouble(visitor) {
  visitor.expected.push(/ERR_FAILED/, /\[Uppy\].*no connection/);
  const page = await visitor.signIn(visitor.config.owner);
  const stores = (url) => url.searchParams.has("X-Amz-Signature");
  await page.route(stores, (route) => (route.request().method() === "PUT" ? route.abort() : route.continue()));
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(320, 240);
    const drawing = canvas.getContext("2d");
    drawing.fillStyle = "teal";
    drawing.fillRect(0, 0, 320, 240);
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([await canvas.convertToBlob()], "image.png", { type: "image/png" }));
    window.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  const row = page.locator("[data-upload^='pasted-']");
  await row.filter({ hasText: "Check the connection" }).waitFor({ timeout: 120_000 });
  await visitor.look("upload-failed");
  await page.unroute(stores);
  const before = await page.locator(".tile").count();
  await row.getByRole("button", { name: /^Retry/ }).click();
  await page.waitForFunction((count) => document.querySelectorAll(".tile").length > count, before);
  await row.waitFor({ state: "detached" });
}

/** More than a page of the list, sent at once: a turn after the other, and a gallery that goes on while one scrolls. */
async function many(visitor) {
  const page = await visitor.signIn(visitor.config.other);
  const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
  const files = Array.from({ length: 45 }, (_, index) => ({
    name: `pixel-${index}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(pixel, "base64"),
  }));
  const [chooser] = await Promise.all([
    page.waitForEvent("filechooser"),
    page.getByRole("button", { name: "Choose files" }).first().click(),
  ]);
  await chooser.setFiles(files);
  await page.locator("[data-job]").nth(2).waitFor();
  await visitor.look("many");
  const tiles = () => document.querySelectorAll(".tile").length;
  await page.waitForFunction(() => document.querySelectorAll(".tile").length >= 45, undefined, { timeout: PROCESSED });
  await page.locator(".activity").waitFor({ state: "detached", timeout: PROCESSED });
  await visitor.reload();
  await page.locator(".tile").first().waitFor();
  const first = await page.evaluate(tiles);
  check(first < 45, `the first page has ${first} media`);
  await page.locator(".tile").last().scrollIntoViewIfNeeded();
  await page.waitForFunction(() => document.querySelectorAll(".tile").length >= 45);
}

export const JOURNEYS = {
  budget,
  signIn,
  empty,
  photo,
  video,
  audio,
  gallery,
  foreign,
  refused,
  offline,
  expired,
  calm,
  trouble,
  large,
  many,
};
