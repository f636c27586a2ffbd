// The expected values are those of the tests of the Rust crate `aws-cognito-srp` 0.2.6, by which `smmu login` signs in.
import assert from "node:assert/strict";
import { test } from "node:test";
import { srp, timestamp } from "../../src/signin/srp.ts";

const SECRET = new Uint8Array(128).fill(1);
const NOW = new Date("2025-02-10T18:30:12Z");
const CHALLENGE = {
  secretBlock: "9ae77ec7154c14dcc487b47707fee4b4920cb96d8a8c045e4c8df879a7b375524aa736acdec6c9ad4ea606774d00621b",
  userId: "user_id",
  salt: "36ef01c6dde9fe503da333b1acc758ba",
  srpB: "36ef01c6dde9fe503da333b1acc758ba",
};

test("the public value is that of the secret", () => {
  assert.match(
    srp("us-west-2_abc", SECRET).srpA,
    /^b1ce118779e27c1c015d7a226ecae2ea1fcd017049e4f5c6.*dcc0620a626d83a483$/,
  );
});

test("a password is proved as the client for the shell proves it", async () => {
  const { signature, timestamp } = await srp("us-west-2_abc", SECRET).prove("password", CHALLENGE, NOW);
  assert.equal(signature, "apNSb5GZpJciVc6cVNkDf4elCMoWUZcH4aukLlMPiFA=");
  assert.equal(timestamp, "Mon Feb 10 18:30:12 UTC 2025");
});

test("another password has another proof", async () => {
  const { signature } = await srp("us-west-2_abc", SECRET).prove("passwords", CHALLENGE, NOW);
  assert.notEqual(signature, "apNSb5GZpJciVc6cVNkDf4elCMoWUZcH4aukLlMPiFA=");
});

test("a server that could make any password look right is refused", async () => {
  await assert.rejects(srp("us-west-2_abc", SECRET).prove("password", { ...CHALLENGE, srpB: "0" }, NOW), /forbids/);
});

test("a day below ten has no zero before it", () => {
  assert.equal(timestamp(new Date("1970-01-01T00:00:00Z")), "Thu Jan 1 00:00:00 UTC 1970");
});
