// The files that are being sent, from the moment they are chosen until the API has a job for them.
import { computed, signal } from "@preact/signals";
import { Failure } from "./failure.ts";
import { isWanted } from "./files.ts";
import type { Sending, Uploader } from "./uppy.ts";

export type UploadState = "waiting" | "preparing" | "sending" | "paused" | "failed" | "submitted";

export interface Upload {
  id: string;
  name: string;
  bytes: number;
  type: string;
  /** Sent, as far as known. */
  sent: number;
  state: UploadState;
  /** Bytes per second over the last seconds. */
  speed: number;
  failure?: Failure | undefined;
  mediaId?: string | undefined;
  jobId?: string | undefined;
  /** Address of a preview of a picture, in this browser only. */
  preview?: string | undefined;
  /** For `speed`: when and how much was sent at the last measurement. */
  measured: { at: number; sent: number };
}

/** Progress is drawn this often; Uppy tells of it many times a second for each file. */
const DRAWN_MS = 150;
/** Codes of the plugin for a connection that failed. */
const BY_NETWORK = new Set(["network", "stalled", "unreachable"]);
/** Larger pictures take long to decode just for a thumbnail of 48 pixels. */
const LARGEST_PREVIEW = 30e6;

export type Uploads = ReturnType<typeof createUploads>;

export interface Submitted {
  upload: Upload;
  mediaId: string;
  jobId: string | undefined;
}

export function createUploads(sending: Sending, submitted: (what: Submitted) => void) {
  const held = new Map<string, Upload>();
  const all = signal<readonly Upload[]>([]);
  /** Paused because the network was gone. */
  const waiting = new Set<string>();
  const problem = signal<Failure | undefined>(undefined);
  let uppy: Promise<Uploader> | undefined;
  let drawing: ReturnType<typeof setTimeout> | undefined;

  function change(id: string, change: Partial<Upload>, soon = false): void {
    const upload = held.get(id);
    if (!upload) return;
    held.set(id, { ...upload, ...change });
    if (soon) drawing ??= setTimeout(draw, DRAWN_MS);
    else draw();
  }

  function draw(): void {
    clearTimeout(drawing);
    drawing = undefined;
    all.value = [...held.values()];
  }

  function drop(id: string): void {
    const { preview } = held.get(id) ?? {};
    if (preview) URL.revokeObjectURL(preview);
    held.delete(id);
    draw();
  }

  function progressed(id: string, sent: number): void {
    const upload = held.get(id);
    if (!upload || upload.state === "paused") return;
    const now = performance.now();
    const { at, sent: before } = upload.measured;
    const elapsed = now - at;
    if (elapsed < 1000) return change(id, { sent, state: "sending" }, true);
    // A retry takes back what did not arrive: that is no speed.
    const current = Math.max(0, ((sent - before) * 1000) / elapsed);
    const speed = upload.speed === 0 ? current : upload.speed * 0.6 + current * 0.4;
    change(id, { sent, state: "sending", speed, measured: { at: now, sent } }, true);
  }

  async function start(): Promise<Uploader> {
    const { createUppy } = await import("./uppy.ts");
    const uppy = createUppy(sending);
    uppy.on("file-added", ({ id, name, size, type, data }) => {
      const preview =
        type.startsWith("image/") && (size ?? 0) < LARGEST_PREVIEW ? URL.createObjectURL(data as Blob) : undefined;
      const measured = { at: performance.now(), sent: 0 };
      held.set(id, { id, name, bytes: size ?? 0, type, sent: 0, state: "waiting", speed: 0, preview, measured });
    });
    uppy.on("files-added", draw);
    uppy.on("upload-start", (files) => {
      for (const { id } of files) change(id, { state: "preparing" }, true);
    });
    uppy.on("upload-progress", (file, { bytesUploaded }) => {
      if (file && typeof bytesUploaded === "number") progressed(file.id, bytesUploaded);
    });
    uppy.on("upload-pause", (file, isPaused) => {
      if (file) change(file.id, { state: isPaused ? "paused" : "waiting", speed: 0 });
    });
    uppy.on("upload-error", (file, error) => {
      if (file) change(file.id, { state: "failed", failure: Failure.of(error), speed: 0 });
    });
    uppy.on("upload-success", (file, { body }) => {
      if (!file || !body) return;
      const { mediaId, jobId } = body as { mediaId: string; jobId?: string };
      const upload = held.get(file.id);
      change(file.id, { state: "submitted", sent: upload?.bytes ?? 0, mediaId, jobId });
      if (upload) submitted({ upload, mediaId, jobId });
      drop(file.id);
    });
    // Uppy knows files by name, size and time; once one is done the same may be sent again.
    uppy.on("complete", ({ successful = [] }) => uppy.removeFiles(successful.map(({ id }) => id)));
    uppy.on("file-removed", ({ id }) => drop(id));
    return uppy;
  }

  /** The chunk that sends; after a failed download it is tried for again. */
  function loaded(): Promise<Uploader> {
    uppy ??= start().catch(() => {
      uppy = undefined;
      throw new Failure({
        code: "unreachable",
        message: "The uploader could not be loaded.",
        remedy: "Check your connection, then choose the files again.",
      });
    });
    return uppy;
  }

  return {
    all,
    /** Why chosen files were not taken. */
    problem,
    busy: computed(() => all.value.filter(({ state }) => state !== "failed").length),
    preload: () => void loaded().catch(() => undefined),

    async add(files: readonly File[]): Promise<void> {
      problem.value = undefined;
      const wanted = files.filter(isWanted);
      if (wanted.length === 0) return;
      try {
        const ready = await loaded();
        const failed = (file: File): boolean => held.get(idOf(ready, file))?.state === "failed";
        const fresh = wanted.filter((file) => !failed(file));
        for (const file of wanted.filter(failed)) {
          // Not removed and added: that would delete what has arrived. The browser may have lost the old handle.
          const id = idOf(ready, file);
          ready.setFileState(id, { data: file });
          retry(id);
        }
        ready.addFiles(fresh.map((file) => ({ name: file.name, type: file.type, data: file, meta: {} })));
      } catch (thrown) {
        problem.value = Failure.of(thrown);
      }
    },

    toggle,
    retry,
    /** The network is gone: a request that cannot arrive would use up its tries. */
    offline(): void {
      for (const { id, state } of held.values()) {
        if (state === "failed" || state === "paused") continue;
        waiting.add(id);
        toggle(id);
      }
    },
    /** It is back: what it has stopped goes on, and nothing that the user has paused. */
    online(): void {
      for (const { id, state, failure } of held.values()) {
        if (state === "paused" && waiting.has(id)) toggle(id);
        if (state === "failed" && failure && BY_NETWORK.has(failure.code)) retry(id);
      }
      waiting.clear();
    },
    remove: (id: string) => void uppy?.then((ready) => ready.removeFile(id)),

    /** Stops everything, at sign-out. What has arrived stays, to be resumed. */
    end: () => void uppy?.then((ready) => ready.pauseAll()),
  };

  function toggle(id: string): void {
    void uppy?.then((ready) => ready.pauseResume(id));
  }

  function retry(id: string): void {
    change(id, { state: "waiting", failure: undefined });
    void uppy?.then((ready) => ready.retryUpload(id));
  }

  function idOf(ready: Uploader, { name, size, lastModified }: File): string {
    const same = ready.getFiles().find((file) => {
      const data = file.data as File | undefined;
      return file.name === name && file.size === size && data?.lastModified === lastModified;
    });
    return same?.id ?? "";
  }
}
