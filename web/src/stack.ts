// What every view can reach: the API and what is known of it, for the user who is signed in.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Api, createApi } from "./api.ts";
import { discardAll } from "./cache.ts";
import type { Config } from "./config.ts";
import { createInterruptions, type Interruptions } from "./interrupted.ts";
import { createJobs, type Jobs } from "./jobs.ts";
import { createLibrary, type Library } from "./library.ts";
import { renewed, signOut, token } from "./session.ts";
import { createUploads, type Uploads } from "./uploads.ts";

export interface Stack {
  api: Api;
  jobs: Jobs;
  library: Library;
  uploads: Uploads;
  interruptions: Interruptions;
  signOut: () => void;
  /** Stops what goes on behind the views. */
  stop: () => void;
}

export function createStack(config: Config): Stack {
  const api = createApi(config.api, { token, renewed });
  const jobs = createJobs(api);
  const library = createLibrary(api, jobs);
  const interruptions = createInterruptions(api);
  const uploads = createUploads({ api: config.api, token, renewedToken: renewed }, ({ upload, mediaId, jobId }) => {
    interruptions.settle(mediaId);
    const { name: filename, bytes: size } = upload;
    // Its kind is known once the content has been examined; until then it is in the list of everything only.
    library.add({
      mediaId,
      filename,
      size,
      createdAt: new Date().toISOString(),
      status: "SUBMITTED",
      ...(jobId === undefined ? {} : { jobId }),
    });
    if (jobId !== undefined) void jobs.fresh(jobId).catch(() => undefined);
  });

  const online = (): void => {
    jobs.nudge();
    uploads.online();
  };
  const offline = (): void => uploads.offline();
  // Leaving loses the place in a file that is being sent; the browser asks first.
  const leave = (event: BeforeUnloadEvent): void => {
    if (uploads.busy.value > 0) event.preventDefault();
  };
  window.addEventListener("online", online);
  window.addEventListener("offline", offline);
  window.addEventListener("beforeunload", leave);

  function stop(): void {
    jobs.stop();
    uploads.end();
    window.removeEventListener("online", online);
    window.removeEventListener("offline", offline);
    window.removeEventListener("beforeunload", leave);
  }

  return {
    api,
    jobs,
    library,
    uploads,
    interruptions,
    stop,
    signOut: () => {
      stop();
      void discardAll();
      signOut();
    },
  };
}

export const StackContext = createContext<Stack | undefined>(undefined);

export function useStack(): Stack {
  const stack = useContext(StackContext);
  if (!stack) throw new Error("no view outside the stack");
  return stack;
}
