import { Failure } from "./failure.ts";

/** Where users of a Cognito pool sign in. */
export interface SignIn {
  region: string;
  clientId: string;
  /** Address of the Cognito API. */
  endpoint: string;
  /** Address of the pool's own sign-in page, if it has one. */
  hostedUi: string | null;
}

/** `config.json`, which the deployment writes beside the page, so that one build serves every stage. */
export interface Config {
  api: string;
  sockets: string | null;
  signIn: SignIn | null;
}

export async function loadConfig(): Promise<Config> {
  const answer = await fetch("config.json", { cache: "no-cache" }).catch(() => undefined);
  const read: unknown = answer?.ok ? await answer.json().catch(() => undefined) : undefined;
  if (!isConfig(read)) {
    throw new Failure({
      code: "no_config",
      message: "config.json is missing or unreadable, so this page does not know its API.",
      remedy: "Deploy the stack again with tools/deploy.sh, which writes the file.",
    });
  }
  return { ...read, api: read.api.replace(/\/+$/, ""), signIn: read.signIn ?? null, sockets: read.sockets ?? null };
}

function isConfig(read: unknown): read is Config {
  return typeof read === "object" && read !== null && "api" in read && typeof read.api === "string";
}
