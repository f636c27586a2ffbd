// Decides what is shown at all: a reason why nothing can be, the sign-in, or the views.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { createApi } from "../api.ts";
import { type Config, loadConfig } from "../config.ts";
import { Failure } from "../failure.ts";
import { route } from "../router.ts";
import { begin, knowStack, renewed, session, token } from "../session.ts";
import { returnFromHostedUi } from "../signin/hosted.ts";
import { createStack, StackContext } from "../stack.ts";
import { Announcer } from "./announcer.tsx";
import { DropOverlay } from "./drop.tsx";
import { Header } from "./header.tsx";
import { LibraryView } from "./library.tsx";
import { MediaView } from "./media.tsx";
import { OfflineBanner } from "./offline.tsx";
import { Problem } from "./problem.tsx";
import { SearchView } from "./search.tsx";
import { SignInView } from "./sign-in.tsx";

async function start(): Promise<Config> {
  const config = await loadConfig();
  knowStack(config, createApi(config.api, { token, renewed }));
  const { hostedUi, clientId } = config.signIn ?? {};
  const grant = hostedUi && clientId ? await returnFromHostedUi(hostedUi, clientId) : undefined;
  if (grant) begin(grant);
  return config;
}

export function App() {
  const config = useSignal<Config | undefined>(undefined);
  const failure = useSignal<Failure | undefined>(undefined);
  useEffect(() => {
    start().then(
      (loaded) => {
        config.value = loaded;
      },
      (thrown: unknown) => {
        failure.value = Failure.of(thrown);
      },
    );
  }, []);
  if (failure.value) {
    return (
      <main>
        <h1 class="said">Smart Media Uploader</h1>
        <Problem failure={failure.value} retry={() => location.reload()} />
      </main>
    );
  }
  if (!config.value) return <Announcer />;
  if (!session.value) return <SignInView config={config.value} />;
  return <SignedIn config={config.value} key={session.value.sub} />;
}

function SignedIn({ config }: { config: Config }) {
  const stack = useMemo(() => createStack(config), [config]);
  useEffect(() => {
    stack.jobs.start();
    void stack.interruptions.look().catch(() => undefined);
    return stack.stop;
  }, [stack]);
  return (
    <StackContext.Provider value={stack}>
      <a class="skip button" href="#main" onClick={skip}>
        Skip to content
      </a>
      <OfflineBanner />
      <Header />
      <main id="main" tabIndex={-1}>
        <View />
      </main>
      <DropOverlay />
      <Announcer />
    </StackContext.Provider>
  );
}

/** The fragment of the address is the view, so the link must not change it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function View() {
  const now = route.value;
  switch (now.view) {
    case "library":
      return <LibraryView />;
    case "media":
      return <MediaView key={now.mediaId} mediaId={now.mediaId} atMs={now.atMs} />;
    case "search":
      return <SearchView query={now.query} />;
  }
}
