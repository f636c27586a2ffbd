import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Failure } from "../../src/failure.ts";
import { type Pool, type Question, renew, signInWithPassword } from "../../src/signin/cognito.ts";

interface Call {
  operation: string;
  body: Record<string, unknown>;
}

/** A pool that answers one call after the other. */
async function against<T>(
  answers: [status: number, body: unknown][],
  use: (pool: Pool) => Promise<T>,
): Promise<{ result: T; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => (text += chunk));
    request.on("end", () => {
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      calls.push({ operation, body: JSON.parse(text) as Record<string, unknown> });
      const [status, body] = answers.shift() ?? [500, {}];
      response.writeHead(status).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    return { result: await use({ endpoint, poolId: "us-east-1_abc", clientId: "client" }), calls };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

const VERIFIER = {
  ChallengeName: "PASSWORD_VERIFIER",
  ChallengeParameters: {
    SECRET_BLOCK: "c2VjcmV0",
    USER_ID_FOR_SRP: "id-of-ada",
    SALT: "36ef01c6",
    SRP_B: "36ef01c6dd",
  },
};
const TOKENS = { AuthenticationResult: { AccessToken: "access", RefreshToken: "refresh", ExpiresIn: 3600 } };
const nothing = (): Promise<string> => Promise.reject(new Error("nothing is asked"));

test("a password is proved and never sent", async () => {
  const answers: [number, unknown][] = [
    [200, VERIFIER],
    [200, TOKENS],
  ];
  const { result, calls } = await against(answers, (pool) => signInWithPassword(pool, "ada", "a secret word", nothing));
  assert.deepEqual(result, { access: "access", refresh: "refresh", expiresInS: 3600 });
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ["InitiateAuth", "RespondToAuthChallenge"],
  );
  const responses = calls[1]?.body["ChallengeResponses"] as Record<string, string>;
  assert.equal(responses["USERNAME"], "id-of-ada");
  assert.match(responses["PASSWORD_CLAIM_SIGNATURE"] ?? "", /^[\w+/]{43}=$/);
  assert.doesNotMatch(JSON.stringify(calls), /secret word/);
});

test("a new password and a code are asked for where the pool wants them", async () => {
  const answers: [number, unknown][] = [
    [200, VERIFIER],
    [200, { ChallengeName: "NEW_PASSWORD_REQUIRED", ChallengeParameters: { requiredAttributes: "[]" }, Session: "s1" }],
    [200, { ChallengeName: "SOFTWARE_TOKEN_MFA", Session: "s2" }],
    [200, TOKENS],
  ];
  const asked: Question[] = [];
  const ask = (question: Question): Promise<string> => {
    asked.push(question);
    return Promise.resolve(`answer ${asked.length}`);
  };
  const { calls } = await against(answers, (pool) => signInWithPassword(pool, "ada", "old", ask));
  assert.deepEqual(
    asked.map(({ kind }) => kind),
    ["new-password", "code"],
  );
  assert.deepEqual(
    calls.slice(2).map(({ body }) => [body["Session"], body["ChallengeResponses"]]),
    [
      ["s1", { NEW_PASSWORD: "answer 1", USERNAME: "id-of-ada" }],
      ["s2", { SOFTWARE_TOKEN_MFA_CODE: "answer 2", USERNAME: "id-of-ada" }],
    ],
  );
});

test("a wrong password has a remedy", async () => {
  const refused = { __type: "com.amazon#NotAuthorizedException", message: "Incorrect username or password." };
  const answers: [number, unknown][] = [
    [200, VERIFIER],
    [400, refused],
  ];
  await assert.rejects(
    against(answers, (pool) => signInWithPassword(pool, "ada", "wrong", nothing)),
    ({ code, message, remedy }: Failure) =>
      code === "NotAuthorizedException" && message === refused.message && /^Check the user name/.test(remedy ?? ""),
  );
});

test("a step that the page does not know is named as one", async () => {
  await assert.rejects(
    against([[200, { ChallengeName: "DEVICE_SRP_AUTH" }]], (pool) => signInWithPassword(pool, "ada", "x", nothing)),
    ({ code }: Failure) => code === "device_srp_auth",
  );
});

test("a renewal keeps the refresh token", async () => {
  const renewed = { AuthenticationResult: { AccessToken: "next", ExpiresIn: 60 } };
  const { result, calls } = await against([[200, renewed]], (pool) => renew(pool, "refresh"));
  assert.deepEqual(result, { access: "next", refresh: "refresh", expiresInS: 60 });
  assert.equal(calls[0]?.body["AuthFlow"], "REFRESH_TOKEN_AUTH");
});
