// Who is signed in. Tokens live in sessionStorage: they survive a reload, and end with the tab.
import { signal } from "@preact/signals";
import type { Api } from "./api.ts";
import type { Config } from "./config.ts";
import { Failure } from "./failure.ts";
import { type Grant, type Pool, renew, revoke } from "./signin/cognito.ts";

export interface Session {
  access: string;
  refresh?: string | undefined;
  /** Milliseconds since 1970; of a pasted token as it says itself. */
  expiresAt: number;
  /** Name for people. */
  user: string;
  /** The token's `sub`, by which the page keeps apart what it stores. */
  sub: string;
}

const STORED = "smmu.session";
/** A token that expires sooner than this is renewed. It has to outlast a request and some clock skew. */
const RENEWED_BEFORE_MS = 60_000;

export const session = signal<Session | undefined>(stored());
/** Why the user has to sign in again, if the last session did not end by choice. */
export const sessionEnded = signal<Failure | undefined>(undefined);

let discover: () => Promise<Pool | undefined> = () => Promise.resolve(undefined);
let pool: Promise<Pool | undefined> | undefined;
let renewing: Promise<string> | undefined;

function stored(): Session | undefined {
  try {
    const read = JSON.parse(sessionStorage.getItem(STORED) ?? "null") as Session | null;
    return read?.access ? read : undefined;
  } catch {
    return undefined;
  }
}

function store(next: Session | undefined): void {
  if (next) sessionStorage.setItem(STORED, JSON.stringify(next));
  else sessionStorage.removeItem(STORED);
  session.value = next;
}

/** The claims of a JWT. They are shown, never trusted: the API verifies the token. */
export function claims(token: string): Record<string, unknown> {
  const [, body = ""] = token.split(".");
  const text = atob(body.replaceAll("-", "+").replaceAll("_", "/"));
  const utf8 = Uint8Array.from(text, (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(utf8)) as Record<string, unknown>;
}

export function begin({ access, refresh, expiresInS }: Grant): void {
  const { sub, username } = claims(access);
  const expiresAt = Date.now() + expiresInS * 1000;
  sessionEnded.value = undefined;
  store({ access, refresh, expiresAt, user: String(username ?? sub ?? "you"), sub: String(sub ?? "") });
}

/** Begins a session with a token from elsewhere. */
export function beginWithToken(pasted: string): void {
  const access = pasted.trim().replace(/^Bearer\s+/i, "");
  let read: Record<string, unknown>;
  try {
    read = claims(access);
  } catch {
    throw new Failure({
      code: "not_a_token",
      message: "This is not a token.",
      remedy: "Paste the whole JWT: three parts with dots between them.",
    });
  }
  const expiresAt = typeof read["exp"] === "number" ? read["exp"] * 1000 : Date.now() + 3_600_000;
  if (expiresAt <= Date.now()) {
    throw new Failure({ code: "token_expired", message: "This token has expired.", remedy: "Paste a newer one." });
  }
  sessionEnded.value = undefined;
  store({ access, expiresAt, user: String(read["username"] ?? read["sub"] ?? "you"), sub: String(read["sub"] ?? "") });
}

/** Ends the session here, and its refresh token at the pool if that can be reached. */
export function signOut(): void {
  const { refresh } = session.value ?? {};
  store(undefined);
  if (refresh)
    findPool()
      .then((found) => found && revoke(found, refresh))
      .catch(() => undefined);
}

function end(): Failure {
  const failure = new Failure({
    code: "unauthorized",
    message: "Your session has ended.",
    remedy: "Sign in again.",
    status: 401,
  });
  // Who has signed out knows it; a request may still have been under way.
  if (session.value) sessionEnded.value = failure;
  store(undefined);
  return failure;
}

/** A token that is good for the next request. */
export async function token(): Promise<string> {
  const current = session.value;
  if (!current) throw end();
  const leftMs = current.expiresAt - Date.now();
  // A token that cannot be renewed is used to its end.
  return leftMs > (current.refresh ? RENEWED_BEFORE_MS : 0) ? current.access : renewed();
}

/** Another token, after the API has refused the last one. Requests at the same time share one renewal. */
export function renewed(): Promise<string> {
  renewing ??= next().finally(() => {
    renewing = undefined;
  });
  return renewing;
}

async function next(): Promise<string> {
  const current = session.value;
  if (!current?.refresh) throw end();
  try {
    const found = await findPool();
    if (!found) throw end();
    const grant = await renew(found, current.refresh);
    store({
      ...current,
      access: grant.access,
      refresh: grant.refresh,
      expiresAt: Date.now() + grant.expiresInS * 1000,
    });
    return grant.access;
  } catch (thrown) {
    // A pool that cannot be reached says nothing about the session.
    throw Failure.of(thrown).status === undefined ? thrown : end();
  }
}

/** Tells this module where it can learn of the pool. */
export function knowStack(config: Config, api: Api): void {
  discover = () => discoverPool(config, api);
}

/** The pool whose tokens the API accepts. Undefined if users can only bring a token. */
export async function findPool(): Promise<Pool | undefined> {
  pool ??= discover().catch((thrown: unknown) => {
    pool = undefined;
    throw thrown;
  });
  return pool;
}

async function discoverPool(config: Config, api: Api): Promise<Pool | undefined> {
  const { authorization_servers: [issuer] = [], smmu_client_id: known } = await api.issuer();
  const clientId = config.signIn?.clientId ?? known;
  const [, host, poolId] = /^https:\/\/(cognito-idp\.[^/]+)\/([^/]+)\/?$/.exec(issuer ?? "") ?? [];
  if (!host || !poolId || !clientId) return undefined;
  return { endpoint: config.signIn?.endpoint ?? `https://${host}/`, poolId, clientId };
}
