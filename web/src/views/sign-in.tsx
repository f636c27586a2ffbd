import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Config } from "../config.ts";
import { Failure } from "../failure.ts";
import { begin, beginWithToken, findPool, sessionEnded } from "../session.ts";
import { type Pool, type Question, signInWithPassword } from "../signin/cognito.ts";
import { leaveForHostedUi } from "../signin/hosted.ts";
import { Heading } from "./announcer.tsx";
import { Problem } from "./problem.tsx";

/** A question of the pool, and who waits for the answer. */
interface Asked extends Question {
  answer: (text: string) => void;
}

export function SignInView({ config }: { config: Config }) {
  const pool = useSignal<Pool | undefined>(undefined);
  const looked = useSignal(false);
  const byToken = useSignal(false);
  const failure = useSignal<Failure | undefined>(sessionEnded.value);
  useEffect(() => {
    findPool()
      .then((found) => {
        pool.value = found;
        // Nobody can sign in here with a password: then the token is the way.
        if (!found && !config.signIn?.hostedUi) byToken.value = true;
      })
      .catch((thrown: unknown) => {
        failure.value = Failure.of(thrown);
      })
      .finally(() => {
        looked.value = true;
      });
  }, []);
  const { hostedUi, clientId } = config.signIn ?? {};
  const others = pool.value !== undefined || Boolean(hostedUi);
  return (
    <div class="sign-in">
      <main id="main">
        <div class="card">
          <header>
            <img src="favicon.svg" alt="" />
            <Heading title="Sign in">Smart Media Uploader</Heading>
            <p class="soft">Sign in to upload and see your media.</p>
          </header>
          {failure.value && <Problem failure={failure.value} />}
          {byToken.value ? (
            <TokenForm failure={failure} />
          ) : (
            <>
              {hostedUi && clientId && (
                <button type="button" class="button primary" onClick={() => void leaveForHostedUi(hostedUi, clientId)}>
                  Continue to sign-in
                </button>
              )}
              {hostedUi && pool.value && <p class="or">or</p>}
              {pool.value && <PasswordForm pool={pool.value} failure={failure} />}
              {!looked.value && (
                <p class="soft" role="status">
                  Loading the sign-in form…
                </p>
              )}
            </>
          )}
          {looked.value && (others || !byToken.value) && (
            <p class="small soft">
              {byToken.value ? "Do you have a password? " : "Do you have a token from your own app? "}
              <button
                type="button"
                class="text-button"
                onClick={() => {
                  byToken.value = !byToken.value;
                  failure.value = undefined;
                }}
              >
                {byToken.value ? "Sign in with it" : "Paste it"}
              </button>
            </p>
          )}
        </div>
      </main>
    </div>
  );
}

function PasswordForm({ pool, failure }: { pool: Pool; failure: Signal<Failure | undefined> }) {
  const busy = useSignal(false);
  const asked = useSignal<Asked | undefined>(undefined);
  const answerField = useRef<HTMLInputElement>(null);
  useEffect(() => answerField.current?.focus(), [asked.value]);

  async function signIn(user: string, password: string): Promise<void> {
    busy.value = true;
    failure.value = undefined;
    try {
      const ask = (question: Question) =>
        new Promise<string>((answer) => {
          busy.value = false;
          asked.value = { ...question, answer };
        });
      begin(await signInWithPassword(pool, user, password, ask));
    } catch (thrown) {
      failure.value = Failure.of(thrown);
      asked.value = undefined;
      busy.value = false;
    }
  }

  function submit(event: Event): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? "");
    if (asked.value) {
      busy.value = true;
      asked.value.answer(text("answer"));
    } else {
      void signIn(text("username").trim(), text("password"));
    }
  }

  return (
    <form onSubmit={submit}>
      {asked.value ? (
        <div class="field">
          <label for="answer">{asked.value.label}</label>
          <input
            id="answer"
            name="answer"
            class="input"
            required
            ref={answerField}
            type={asked.value.kind === "code" ? "text" : "password"}
            inputMode={asked.value.kind === "code" ? "numeric" : "text"}
            autocomplete={asked.value.kind === "code" ? "one-time-code" : "new-password"}
          />
        </div>
      ) : (
        <>
          <div class="field">
            <label for="username">User name</label>
            <input
              id="username"
              name="username"
              class="input"
              required
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
            />
          </div>
          <div class="field">
            <label for="password">Password</label>
            <input
              id="password"
              name="password"
              class="input"
              required
              type="password"
              autocomplete="current-password"
            />
          </div>
        </>
      )}
      <button type="submit" class="button primary" disabled={busy.value}>
        {busy.value ? "Signing in…" : asked.value ? "Continue" : "Sign in"}
      </button>
    </form>
  );
}

function TokenForm({ failure }: { failure: Signal<Failure | undefined> }) {
  function submit(event: Event): void {
    event.preventDefault();
    try {
      beginWithToken(String(new FormData(event.currentTarget as HTMLFormElement).get("token") ?? ""));
    } catch (thrown) {
      failure.value = Failure.of(thrown);
    }
  }
  return (
    <form onSubmit={submit}>
      <div class="field">
        <label for="token">Token</label>
        <textarea
          id="token"
          name="token"
          class="input"
          required
          spellcheck={false}
          autocomplete="off"
          placeholder="eyJ…"
          aria-describedby="token-help"
        />
        <p id="token-help" class="small soft">
          A JWT that the API accepts. It is kept in this tab only.
        </p>
      </div>
      <button type="submit" class="button primary">
        Use this token
      </button>
    </form>
  );
}
