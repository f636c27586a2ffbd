// Signs in to a Cognito user pool by its own API, as `smmu login` does (crates/cli/src/login/cognito.rs).
import { Failure, sentence, unreachable } from "../failure.ts";
import { srp } from "./srp.ts";

export interface Pool {
  /** Address of the Cognito API. */
  endpoint: string;
  /** `us-east-1_AbC`. */
  poolId: string;
  clientId: string;
}

export interface Grant {
  access: string;
  refresh: string | undefined;
  expiresInS: number;
}

/** A question that the pool asks before it gives tokens. */
export interface Question {
  label: string;
  kind: "new-password" | "code";
}

interface Step {
  AuthenticationResult?: { AccessToken: string; RefreshToken?: string; ExpiresIn: number };
  ChallengeName?: string;
  ChallengeParameters?: Record<string, string>;
  Session?: string;
}

/** No pool has as many challenges in a row. */
const MOST_CHALLENGES = 8;

const CODES: Record<string, [response: string, label: string]> = {
  SOFTWARE_TOKEN_MFA: ["SOFTWARE_TOKEN_MFA_CODE", "Code from your authenticator app"],
  SMS_MFA: ["SMS_MFA_CODE", "Code from the text message"],
  EMAIL_OTP: ["EMAIL_OTP_CODE", "Code from the e-mail"],
};

/** Signs a user in. `ask` shows a question of the pool and resolves with the answer. */
export async function signInWithPassword(
  pool: Pool,
  user: string,
  password: string,
  ask: (question: Question) => Promise<string>,
): Promise<Grant> {
  const exchange = srp(pool.poolId);
  let step = await call(pool, "InitiateAuth", {
    AuthFlow: "USER_SRP_AUTH",
    ClientId: pool.clientId,
    AuthParameters: { USERNAME: user, SRP_A: exchange.srpA },
  });
  let userId = user;
  for (let asked = 0; asked < MOST_CHALLENGES; asked += 1) {
    const { ChallengeName: challenge, ChallengeParameters: given = {}, AuthenticationResult: result } = step;
    if (result) return grant(result, undefined);
    if (challenge === undefined) break;
    userId = given["USER_ID_FOR_SRP"] ?? userId;
    const answers = challenge === "PASSWORD_VERIFIER" ? await proof() : await answer(challenge, given, ask);
    step = await call(pool, "RespondToAuthChallenge", {
      ClientId: pool.clientId,
      ChallengeName: challenge,
      ChallengeResponses: { ...answers, USERNAME: userId },
      ...(step.Session === undefined ? {} : { Session: step.Session }),
    });

    async function proof(): Promise<Record<string, string>> {
      const secretBlock = given["SECRET_BLOCK"] ?? "";
      const challenge = { secretBlock, userId, salt: given["SALT"] ?? "0", srpB: given["SRP_B"] ?? "0" };
      const { signature, timestamp } = await exchange.prove(password, challenge, new Date());
      return {
        PASSWORD_CLAIM_SECRET_BLOCK: secretBlock,
        PASSWORD_CLAIM_SIGNATURE: signature,
        TIMESTAMP: timestamp,
      };
    }
  }
  throw unexpected();
}

async function answer(
  challenge: string,
  given: Record<string, string>,
  ask: (question: Question) => Promise<string>,
): Promise<Record<string, string>> {
  const code = CODES[challenge];
  if (code) return { [code[0]]: await ask({ label: code[1], kind: "code" }) };
  const attributes = given["requiredAttributes"] ?? "[]";
  if (challenge === "NEW_PASSWORD_REQUIRED" && (attributes === "[]" || attributes === "")) {
    return { NEW_PASSWORD: await ask({ label: "Choose a new password", kind: "new-password" }) };
  }
  throw new Failure({
    code: challenge.toLowerCase(),
    message: "The user pool requires a step that this page does not support.",
    remedy: "Sign in with your own app first, or paste a token from it.",
  });
}

export async function renew(pool: Pool, refresh: string): Promise<Grant> {
  const step = await call(pool, "InitiateAuth", {
    AuthFlow: "REFRESH_TOKEN_AUTH",
    ClientId: pool.clientId,
    AuthParameters: { REFRESH_TOKEN: refresh },
  });
  if (!step.AuthenticationResult) throw unexpected();
  // A renewal returns no refresh token: the old one stays good.
  return grant(step.AuthenticationResult, refresh);
}

/** Ends the session at the pool too, so that a copied refresh token is worthless. */
export async function revoke(pool: Pool, refresh: string): Promise<void> {
  await call(pool, "RevokeToken", { ClientId: pool.clientId, Token: refresh });
}

function grant(result: NonNullable<Step["AuthenticationResult"]>, refresh: string | undefined): Grant {
  return { access: result.AccessToken, refresh: result.RefreshToken ?? refresh, expiresInS: result.ExpiresIn };
}

/** Requests are JSON, name the operation in a header, and need no signature. */
async function call(pool: Pool, operation: string, body: unknown): Promise<Step> {
  const answer = await fetch(pool.endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amz-target": `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify(body),
  }).catch(() => {
    throw unreachable();
  });
  const read: unknown = await answer.json().catch(() => ({}));
  if (answer.ok) return read as Step;
  const { __type: type = "", message = "" } = read as { __type?: string; message?: string };
  const code = type.split("#").at(-1) || `cognito_${answer.status}`;
  throw new Failure({
    code,
    message: sentence(message || `Cognito answered HTTP ${answer.status}`),
    remedy: remedy(code),
    status: answer.status,
  });
}

function remedy(code: string): string {
  switch (code) {
    case "NotAuthorizedException":
    case "UserNotFoundException":
      return "Check the user name, the password and this device's clock, then sign in again.";
    case "PasswordResetRequiredException":
      return "Reset the password with your own app, then sign in again.";
    case "UserNotConfirmedException":
      return "Confirm the account with the code that was sent to you, then sign in.";
    case "InvalidPasswordException":
      return "Sign in again and choose a password that the message allows.";
    case "CodeMismatchException":
    case "ExpiredCodeException":
      return "Sign in again with the newest code.";
    default:
      return "Try again in a moment; if it fails again, tell the operator.";
  }
}

function unexpected(): Failure {
  return new Failure({
    code: "unexpected_answer",
    message: "The user pool sent neither tokens nor a challenge.",
    remedy: "Try again; if it fails again, tell the operator.",
  });
}
