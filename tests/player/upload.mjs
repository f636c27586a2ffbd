// Uploads a file from a page, if its origin is allowed to:
//
//   node upload.mjs FILE GRANT.json      in the folder that `npm ci` installed package-lock.json in
//
// GRANT.json is the API's answer to the file's own POST /media/upload/init. Environment: SMMU_API, the API's address;
// SMMU_TOKEN, a token; and that of browser.mjs.
//
// Prints what the page could read from the responses to three requests: its own init, the upload, and its completion.
import { readFileSync } from "node:fs";
import { check, run } from "./browser.mjs";

const [file, grant] = process.argv.slice(2);
const { SMMU_API: api, SMMU_TOKEN: token } = process.env;

/** Runs in the page. For a request that the browser blocks, the page learns only that it was blocked. */
async function upload({ api, token, content, grant }) {
  const learn = async (url, init, headers = []) => {
    try {
      const answer = await fetch(url, init);
      return { status: answer.status, ...Object.fromEntries(headers.map((name) => [name, answer.headers.get(name)])) };
    } catch (error) {
      return { refused: error.message };
    }
  };
  const post = (path, body) =>
    learn(`${api}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const { url, method, headers } = grant.upload;
  const body = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  // The browser sets this header and does not let a page do so.
  delete headers["content-length"];
  return {
    init: await post("/media/upload/init", { filename: "a", contentType: "image/png", size: 1, sha256: "0".repeat(64) }),
    put: await learn(url, { method, headers, body }, ["etag"]),
    complete: await post("/media/upload/complete", { mediaId: grant.mediaId }),
  };
}

await run({ "/": ["text/html", new URL("page.html", import.meta.url)] }, async (page, origin) => {
  check(file && grant && api && token, "usage: SMMU_API=… SMMU_TOKEN=… upload.mjs FILE GRANT.json");
  await page.goto(`${origin}/`);
  const content = readFileSync(file).toString("base64");
  return page.evaluate(upload, { api, token, content, grant: JSON.parse(readFileSync(grant, "utf8")) });
});
