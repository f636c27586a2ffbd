// A user in a browser of their own: what they see, what the browser complains of, and whether axe has anything to say.
import { readFileSync } from "node:fs";
import { check, require } from "../../../tests/player/browser.mjs";

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
/** A step on a slow machine, in milliseconds. */
const PATIENCE = 120_000;
/** What Chromium says of a request that the machine's network changed under. The page itself retries such requests. */
const NETWORK_CHANGED = /net::ERR_NETWORK_CHANGED/;

export class Visitor {
  complaints = [];
  /**
   * Responses that are expected to fail: the browser prints every one as an error. A stack may have no push, a
   * crowded one answers with what clients retry, and a container that starts beside the browser changes the machine's
   * network, which fails every request under way.
   */
  expected = [/ 404 .*\/sockets\)/, /status of (429|50[0234])\b/, NETWORK_CHANGED];
  requests = [];

  constructor({ browser, url, config, screenshots, figures }) {
    Object.assign(this, { browser, url, config, screenshots, figures });
  }

  /** Opens a fresh browser profile. */
  async arrive(options = {}) {
    this.context = await this.browser.newContext({
      viewport: { width: 1280, height: 860 },
      ignoreHTTPSErrors: true,
      ...options,
    });
    this.page = await this.context.newPage();
    this.page.setDefaultTimeout(PATIENCE);
    this.page.on("request", (request) => this.requests.push(request));
    this.page.on("pageerror", (error) => this.complaints.push(error.message));
    this.page.on("console", (message) => {
      if (message.type() !== "error") return;
      const line = `${message.text()} (${message.location().url.split("?")[0]})`;
      if (!this.expected.some((pattern) => pattern.test(line))) this.complaints.push(line);
    });
    this.page.on("dialog", (dialog) => dialog.accept());
    return this.page;
  }

  /** Opens a fresh profile, and signs in by pasting a token, as a user does. */
  async signIn(token, { hash = "", ...options } = {}) {
    const page = await this.arrive(options);
    await this.open(hash);
    const paste = page.getByRole("button", { name: "Paste it" });
    const field = page.getByLabel("Token", { exact: true });
    await paste.or(field).first().waitFor();
    if (await paste.isVisible()) await paste.click();
    await field.fill(token);
    await page.getByRole("button", { name: "Use this token" }).click();
    await page.getByRole("button", { name: "Add files" }).waitFor();
    return page;
  }

  /** Opens the page, as a person who tries again if the network failed. */
  async open(hash = "") {
    await this.navigate(() => this.page.goto(`${this.url}${hash}`));
  }

  async reload() {
    await this.navigate(() => this.page.reload());
  }

  async navigate(go) {
    try {
      await go();
    } catch (error) {
      if (!NETWORK_CHANGED.test(error.message)) throw error;
      await go();
    }
  }

  async leave() {
    await this.context?.close();
    this.context = undefined;
  }

  /** The page breaks no rule of its policy and throws nothing. */
  checkQuiet() {
    check(this.complaints.length === 0, `the browser complains of ${this.complaints.length} things`);
  }

  /** Looks at the view with axe, and keeps a picture of it. */
  async look(name) {
    await this.page.evaluate(() => document.fonts.ready);
    await this.page.waitForTimeout(400);
    await this.page.screenshot({ path: `${this.screenshots}/${name}.png` });
    await this.page.evaluate(AXE);
    const { violations, passes } = await this.page.evaluate(() =>
      globalThis.axe.run(document, { resultTypes: ["violations"] }),
    );
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
    (this.figures.axe ??= {})[name] = { violations: violations.length, passes: passes.length };
    check(violations.length === 0, `axe on ${name}: ${told.join("; ")}`);
    const wide = await this.page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    check(wide <= 0, `${name} is ${wide} px wider than the window`);
  }

  /** The same view in the dark and on a phone. */
  async lookAround(name) {
    await this.look(name);
    await this.page.emulateMedia({ colorScheme: "dark" });
    await this.look(`${name}-dark`);
    await this.page.emulateMedia({ colorScheme: "light" });
    await this.page.setViewportSize({ width: 360, height: 740 });
    await this.look(`${name}-360`);
    await this.page.setViewportSize({ width: 1280, height: 860 });
  }

  /** Chooses files with the system's dialog, by the button of this name. */
  async choose(button, paths) {
    const [chooser] = await Promise.all([
      this.page.waitForEvent("filechooser"),
      this.page.getByRole("button", { name: button }).first().click(),
    ]);
    await chooser.setFiles(paths);
  }

  /** Drops a file on the page, as from the desktop. */
  async drop(path, type) {
    const name = path.split("/").at(-1);
    const data = readFileSync(path).toString("base64");
    const transfer = await this.page.evaluateHandle(
      ({ data, name, type }) => {
        const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], name, { type, lastModified: 1 }));
        return transfer;
      },
      { data, name, type },
    );
    await this.page.dispatchEvent("main", "dragenter", { dataTransfer: transfer });
    await this.page.getByText("Drop to upload").waitFor();
    await this.page.dispatchEvent("main", "drop", { dataTransfer: transfer });
    return name;
  }

  tile(name) {
    return this.page.locator(".tile", { hasText: name }).first();
  }

  /** Waits until the media of this name has been processed, and opens it. */
  async openWhenReady(name, patience = 300_000) {
    const { page } = this;
    const tile = this.tile(name);
    await tile.waitFor({ timeout: patience });
    await page.locator(`.tile:not(.running)`, { hasText: name }).first().waitFor({ timeout: patience });
    await tile.click();
    await page.getByRole("heading", { level: 1, name }).waitFor();
  }
}

/** Seconds since `began`, of performance.now(), to two digits. */
export const since = (began) => Number(((performance.now() - began) / 1000).toFixed(2));
