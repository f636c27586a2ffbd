// The pool's own sign-in page: authorization code grant with PKCE (RFC 7636), so that no secret is in the page.
import { Failure, unreachable } from "../failure.ts";
import type { Grant } from "./cognito.ts";

/** What the page has to remember while the user is away. */
interface Pending {
  state: string;
  verifier: string;
}

const PENDING = "smmu.sign-in";

/** The page's own address without what comes and goes: what the pool's client has to list as a callback. */
const redirect = (): string => `${location.origin}${location.pathname}`;

/** Leaves for the pool's page. */
export async function leaveForHostedUi(hostedUi: string, clientId: string): Promise<void> {
  const pending: Pending = { state: random(), verifier: random() };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier)));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirect(),
    scope: "openid",
    state: pending.state,
    code_challenge_method: "S256",
    code_challenge: base64url(digest),
  });
  location.assign(`${hostedUi}/oauth2/authorize?${query}`);
}

/** The tokens, if the pool's page has just sent the user back; the address is cleaned of its code at once. */
export async function returnFromHostedUi(hostedUi: string, clientId: string): Promise<Grant | undefined> {
  const query = new URLSearchParams(location.search);
  const [code, state, error] = ["code", "state", "error_description"].map((name) => query.get(name));
  const stored = sessionStorage.getItem(PENDING);
  if (stored === null || (!code && !error)) return undefined;
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, "", `${location.pathname}${location.hash}`);
  const pending = JSON.parse(stored) as Pending;
  if (error) throw failed(error);
  if (!code || state !== pending.state) throw failed("The answer belongs to another sign-in attempt.");
  return exchange(hostedUi, {
    grant_type: "authorization_code",
    client_id: clientId,
    redirect_uri: redirect(),
    code,
    code_verifier: pending.verifier,
  });
}

async function exchange(hostedUi: string, body: Record<string, string>): Promise<Grant> {
  const answer = await fetch(`${hostedUi}/oauth2/token`, { method: "POST", body: new URLSearchParams(body) }).catch(
    () => {
      throw unreachable();
    },
  );
  if (!answer.ok) throw failed(`The sign-in page answered HTTP ${answer.status}.`);
  const read = (await answer.json()) as { access_token: string; refresh_token?: string; expires_in: number };
  return { access: read.access_token, refresh: read.refresh_token, expiresInS: read.expires_in };
}

function failed(message: string): Failure {
  return new Failure({ code: "sign_in_failed", message, remedy: "Sign in again." });
}

const random = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));

function base64url(value: Uint8Array): string {
  return btoa(String.fromCharCode(...value))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
