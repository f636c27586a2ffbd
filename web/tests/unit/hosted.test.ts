import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { beforeEach, test } from "node:test";
import type { Failure } from "../../src/failure.ts";

const stored = new Map<string, string>();
let [left, cleaned] = ["", ""];
const place = { origin: "https://page.example", pathname: "/", search: "", hash: "#/search?q=a" };
Object.assign(globalThis, {
  sessionStorage: {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  },
  location: { ...place, assign: (url: string) => (left = url) },
  history: { replaceState: (_: unknown, __: string, url: string) => (cleaned = url) },
});
const { leaveForHostedUi, returnFromHostedUi } = await import("../../src/signin/hosted.ts");

const HOSTED = "https://login.example";
let exchanged: URLSearchParams | undefined;
globalThis.fetch = (_, init) => {
  exchanged = init?.body as URLSearchParams;
  return Promise.resolve(Response.json({ access_token: "access", refresh_token: "refresh", expires_in: 3600 }));
};

function comeBack(search: string): ReturnType<typeof returnFromHostedUi> {
  location.search = search;
  return returnFromHostedUi(HOSTED, "client");
}

beforeEach(() => {
  stored.clear();
  [left, cleaned, exchanged] = ["", "", undefined];
});

test("the code is exchanged with the verifier whose digest was sent", async () => {
  await leaveForHostedUi(HOSTED, "client");
  const asked = new URL(left).searchParams;
  const grant = await comeBack(`?code=c&state=${asked.get("state")}`);
  assert.deepEqual(grant, { access: "access", refresh: "refresh", expiresInS: 3600 });
  const digest = createHash("sha256")
    .update(exchanged?.get("code_verifier") ?? "")
    .digest("base64url");
  assert.equal(asked.get("code_challenge"), digest);
  assert.equal(exchanged?.get("redirect_uri"), "https://page.example/");
  assert.equal(cleaned, "/#/search?q=a", "the code does not stay in the address");
});

test("an answer to another attempt is refused", async () => {
  await leaveForHostedUi(HOSTED, "client");
  await assert.rejects(comeBack("?code=c&state=other"), ({ code }: Failure) => code === "sign_in_failed");
  assert.equal(exchanged, undefined);
});

test("what the sign-in page says is told", async () => {
  await leaveForHostedUi(HOSTED, "client");
  await assert.rejects(
    comeBack("?error=x&error_description=no%20access"),
    ({ message }: Failure) => message === "no access",
  );
});

test("a visit that comes from nowhere is no answer", async () => {
  assert.equal(await comeBack("?code=c&state=s"), undefined);
});
