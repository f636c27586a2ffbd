import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Api } from "../../src/api.ts";
import type { Failure } from "../../src/failure.ts";

const stored = new Map<string, string>();
Object.assign(globalThis, {
  sessionStorage: {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  },
});
const { begin, beginWithToken, findPool, knowStack, renewed, session, sessionEnded, signOut, token } = await import(
  "../../src/session.ts"
);

const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.sig`;
const issuer = {
  authorization_servers: ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc"],
  smmu_client_id: "client",
};
const config = { api: "https://api.example", sockets: null, signIn: null };
const answers: [status: number, body: unknown][] = [];
let calls = 0;

globalThis.fetch = () => {
  calls += 1;
  const [status, body] = answers.shift() ?? [500, {}];
  return Promise.resolve(new Response(JSON.stringify(body), { status }));
};

beforeEach(() => {
  calls = 0;
  answers.length = 0;
  knowStack(config, { issuer: () => Promise.resolve(issuer) } as unknown as Api);
});

test("without settings, the API says which pool it accepts", async () => {
  assert.deepEqual(await findPool(), {
    endpoint: "https://cognito-idp.eu-west-1.amazonaws.com/",
    poolId: "eu-west-1_abc",
    clientId: "client",
  });
});

test("a session names its user and survives a reload", async () => {
  begin({ access: jwt({ sub: "s", username: "Zoë" }), refresh: "r", expiresInS: 3600 });
  assert.equal(session.value?.user, "Zoë");
  assert.match(stored.get("smmu.session") ?? "", /"refresh":"r"/);
  assert.equal(await token(), session.value?.access);
});

test("a token that is about to expire is renewed, once for all requests at that time", async () => {
  begin({ access: jwt({ sub: "s" }), refresh: "r", expiresInS: 10 });
  const next = jwt({ sub: "s", next: true });
  answers.push([200, { AuthenticationResult: { AccessToken: next, ExpiresIn: 3600 } }]);
  assert.deepEqual(await Promise.all([token(), token(), renewed()]), [next, next, next]);
  assert.equal(calls, 1);
});

test("a pool that refuses the renewal ends the session, and one that fails to answer does not", async () => {
  begin({ access: jwt({ sub: "s" }), refresh: "r", expiresInS: 10 });
  const { fetch } = globalThis;
  globalThis.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  await assert.rejects(token(), ({ code }: Failure) => code === "unreachable");
  assert.ok(session.value);
  globalThis.fetch = fetch;
  answers.push([400, { __type: "NotAuthorizedException", message: "Refresh Token has been revoked" }]);
  await assert.rejects(token(), ({ code }: Failure) => code === "unauthorized");
  assert.equal(session.value, undefined);
  assert.equal(stored.size, 0);
});

test("who has signed out is not told that the session has ended", async () => {
  beginWithToken(jwt({ sub: "s", exp: Math.floor(Date.now() / 1000) + 600 }));
  signOut();
  await assert.rejects(token(), ({ code }: Failure) => code === "unauthorized");
  assert.equal(sessionEnded.value, undefined);
});

test("a pasted token is taken as it is, and refused if it is none or too old", async () => {
  const exp = Math.floor(Date.now() / 1000) + 600;
  beginWithToken(` Bearer ${jwt({ sub: "s", exp })}\n`);
  assert.equal(await token(), jwt({ sub: "s", exp }));
  assert.throws(() => beginWithToken("hello"), { code: "not_a_token" });
  assert.throws(() => beginWithToken(jwt({ sub: "s", exp: 1 })), { code: "token_expired" });
});

test("a pasted token that expires ends the session, with what to do", async (context) => {
  beginWithToken(jwt({ sub: "s", exp: Math.floor(Date.now() / 1000) + 30 }));
  await token();
  context.mock.timers.enable({ apis: ["Date"], now: Date.now() + 31_000 });
  await assert.rejects(token(), ({ code }: Failure) => code === "unauthorized");
  assert.equal(session.value, undefined);
  const { message, remedy } = sessionEnded.value ?? {};
  assert.deepEqual([message, remedy], ["Your session has ended.", "Sign in again."]);
  assert.equal(calls, 0, "nothing is asked of anybody");
});

test("a token of its own has nothing to renew it with", async () => {
  beginWithToken(jwt({ sub: "s", exp: Math.floor(Date.now() / 1000) + 600 }));
  await assert.rejects(renewed(), ({ code }: Failure) => code === "unauthorized");
});
