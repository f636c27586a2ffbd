import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure, failureOf, sentence } from "../../src/failure.ts";

test("a problem of the API keeps its code and remedy, and its detail is the message", () => {
  const body = {
    type: "urn:smmu:problem:quota_exceeded",
    title: "quota exceeded",
    status: 429,
    code: "quota_exceeded",
    detail: "100 uploads a day are allowed",
    retryable: true,
    remedy: "Send the request again later.",
  };
  const failure = failureOf(429, body, "40210");
  assert.deepEqual(
    [failure.code, failure.message, failure.remedy, failure.status, failure.retryAfterMs],
    ["quota_exceeded", "100 uploads a day are allowed.", "Send the request again later.", 429, 40_210_000],
  );
});

test("an answer of API Gateway itself gets a remedy", () => {
  const failure = failureOf(429, { message: "Too Many Requests" }, null);
  assert.deepEqual([failure.code, failure.message, failure.retryable], ["throttled", "Too Many Requests.", true]);
  assert.equal(failureOf(502, undefined, null).message, "The service answered 502.");
});

test("an error of the upload plugin keeps its code and remedy", () => {
  const failure = Failure.of(Object.assign(new Error("no connection to s3"), { code: "network", remedy: "Retry." }));
  assert.deepEqual([failure.code, failure.message, failure.remedy], ["network", "No connection to s3.", "Retry."]);
});

test("a clause becomes a sentence, and a name stays as it is", () => {
  assert.equal(sentence("the picture ends after 41% of its rows"), "The picture ends after 41% of its rows.");
  assert.equal(sentence("photo.jpg could not be read"), "photo.jpg could not be read.");
  assert.equal(sentence("Sign in again."), "Sign in again.");
});
