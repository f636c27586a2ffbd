import { BasePlugin, type Body, EventManager, type Meta, type Uppy, type UppyFile } from "@uppy/core";
import { filterFilesToEmitUploadStarted, filterFilesToUpload, TaskQueue } from "@uppy/core/utils";
import { Api, type Wanted } from "./api.js";
import { UploadError } from "./error.js";
import { type Store, tidy } from "./memory.js";
import { type Backoff, BACKOFF } from "./retry.js";
import { type Shared, Upload, type Uploaded } from "./upload.js";

/** Options of {@link SmmuUploader}. */
export interface SmmuUploaderOptions {
  id?: string;
  /** Address of the API. */
  api: string;
  /** A valid access token. Called before every request, so return a cached one while it is valid. */
  token: () => Promise<string>;
  /** A newer token, after the API has refused the last one; `token` is asked again if undefined. */
  renewedToken?: () => Promise<string>;
  /** Name of the profile for the next file; the operator's default if undefined. */
  profile?: () => string | undefined;
  /** Spoken language of the next file, as a tag such as `en`; detected if undefined. */
  language?: () => string | undefined;
  /** Labels of a file in the caller's own records. */
  labels?: (file: UppyFile<Meta, Body>) => { externalId?: string; metadata?: Record<string, string> };
  /** Return the job of an earlier upload of the same content. Only for files that are sent in one request. */
  dedup?: boolean;
  /** Files that are uploaded at once; default 6. */
  filesAtOnce?: number;
  /** Requests to the store at once, over all files; default 4. */
  limit?: number;
  /** Smallest file sent in parts, in bytes; default 32 MiB. Below this a broken connection costs little. */
  partsFromBytes?: number;
  /** Where uploads in progress are remembered; `null` for nowhere. Default `localStorage`. */
  storage?: Store | null;
  /** Number of tries and the pauses between them. */
  backoff?: Backoff;
  /** How long a transfer may stand still, in milliseconds; default one minute. */
  stallMs?: number;
}

/** Body of Uppy's `upload-success` response. */
export type SmmuBody = Uploaded;

const MIB = 1024 * 1024;

/** Reason of an abort that is not an error. */
const PAUSED = Symbol("paused");
const REMOVED = Symbol("removed");

/** Uploads the files of an Uppy instance to Smart Media Uploader and submits them. */
export default class SmmuUploader<M extends Meta, B extends Body> extends BasePlugin<SmmuUploaderOptions, M, B> {
  private readonly shared: Shared;
  private readonly files: TaskQueue;
  /** Uploads that have not succeeded, by the id of their file. */
  private readonly uploads = new Map<string, Upload>();

  constructor(uppy: Uppy<M, B>, options: SmmuUploaderOptions) {
    super(uppy, options);
    this.type = "uploader";
    this.id = options.id ?? "SmmuUploader";
    const backoff = options.backoff ?? BACKOFF;
    const limit = options.limit ?? 4;
    const requests = new TaskQueue({ concurrency: limit });
    this.files = new TaskQueue({ concurrency: options.filesAtOnce ?? 6 });
    this.shared = {
      api: new Api(options.api, options.token, options.renewedToken ?? options.token, backoff),
      slot: (task) => requests.add(task),
      store: storage(options.storage),
      backoff,
      partsFromBytes: options.partsFromBytes ?? 32 * MIB,
      partsAtOnce: limit,
      stallMs: options.stallMs ?? 60_000,
    };
  }

  override install(): void {
    this.allowPauses(true);
    tidy(this.shared.store, Date.now());
    this.uppy.addUploader(this.upload);
    this.uppy.on("file-removed", this.removed);
  }

  override uninstall(): void {
    this.allowPauses(false);
    this.uppy.removeUploader(this.upload);
    this.uppy.off("file-removed", this.removed);
  }

  private allowPauses(resumableUploads: boolean): void {
    const { capabilities } = this.uppy.getState();
    this.uppy.setState({ capabilities: { ...capabilities, resumableUploads } });
  }

  private readonly upload = async (ids: string[]): Promise<void> => {
    const files = filterFilesToUpload(this.uppy.getFilesByIds(ids)) as UppyFile<M, B>[];
    this.uppy.emit("upload-start", filterFilesToEmitUploadStarted(files) as UppyFile<M, B>[]);
    await Promise.all(files.map((file) => this.uploadFile(file)));
  };

  private readonly removed = (file: UppyFile<M, B>): void => {
    const upload = this.uploads.get(file.id);
    this.uploads.delete(file.id);
    void upload?.discard();
  };

  /** Uploads a file, over any number of pauses, until it has succeeded, failed or been removed. */
  private async uploadFile({ id }: UppyFile<M, B>): Promise<void> {
    const control = new Control(this.uppy, id);
    try {
      for (;;) {
        await control.resumed();
        try {
          // A paused file leaves the queue, so that another can take its turn.
          const body = await this.files.add(() => this.run(id, control.signal));
          return this.succeeded(id, body);
        } catch (error) {
          if (error === REMOVED) return;
          if (error !== PAUSED) return this.failed(id, error);
        }
      }
    } catch (error) {
      if (error !== REMOVED) throw error;
    } finally {
      control.end();
    }
  }

  private run(id: string, signal: AbortSignal): Promise<Uploaded> {
    signal.throwIfAborted();
    const now = this.uppy.getFile(id);
    const upload = this.uploads.get(id) ?? this.begin(now);
    this.uploads.set(id, upload);
    // Since the last run the file may have been chosen again.
    if (now.data instanceof Blob) upload.readFrom(now.data);
    return upload.run(signal, (bytesUploaded) => {
      const file = this.uppy.getFile(id);
      if (!file || signal.aborted) return;
      const uploadStarted = file.progress.uploadStarted ?? Date.now();
      this.uppy.emit("upload-progress", file, { uploadStarted, bytesUploaded, bytesTotal: file.size });
    });
  }

  private begin(file: UppyFile<M, B>): Upload {
    if (file.isRemote || !file.data) {
      const message = `the browser has no content of ${file.name}`;
      throw new UploadError({ code: "file_missing", message, remedy: "Choose the file again." });
    }
    const labels = this.opts.labels?.(file as unknown as UppyFile<Meta, Body>);
    const wanted: Wanted = { profile: this.opts.profile?.(), language: this.opts.language?.(), ...labels };
    const source = {
      name: file.meta.name,
      path: file.meta.relativePath || file.meta.name,
      // Uppy's word for a type that it does not know, which would say less than no type.
      contentType: file.type && file.type !== "application/octet-stream" ? file.type : undefined,
      data: file.data,
    };
    return new Upload(this.shared, source, wanted, this.opts.dedup ?? false);
  }

  private succeeded(id: string, uploaded: Uploaded): void {
    this.uploads.delete(id);
    const body = { ...uploaded } as unknown as B;
    this.uppy.emit("upload-success", this.uppy.getFile(id), { status: uploaded.duplicate ? 200 : 202, body });
  }

  private failed(id: string, cause: unknown): void {
    const error = cause instanceof UploadError ? cause : unexpected(cause);
    const response = error.status === undefined ? undefined : { status: error.status };
    this.uppy.emit("upload-error", this.uppy.getFile(id), error, response);
  }
}

/** What the user does to one file while it is uploaded. */
class Control<M extends Meta, B extends Body> {
  private readonly events: EventManager<M, B>;
  private stop = new AbortController();
  private wake: () => void = () => undefined;
  private removed = false;

  constructor(
    private readonly uppy: Uppy<M, B>,
    private readonly id: string,
  ) {
    this.events = new EventManager(uppy);
    this.events.onFilePause(id, (isPaused) => (isPaused ? this.stop.abort(PAUSED) : this.wake()));
    this.events.onPauseAll(id, () => this.stop.abort(PAUSED));
    this.events.onResumeAll(id, () => this.wake());
    this.events.onFileRemove(id, () => {
      this.removed = true;
      this.stop.abort(REMOVED);
      this.wake();
    });
  }

  /** Aborts when the file is paused or removed. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** Waits while the file is paused; rejects with `REMOVED`. */
  async resumed(): Promise<void> {
    while (!this.removed && this.uppy.getFile(this.id).isPaused) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.removed) throw REMOVED;
    this.stop = new AbortController();
  }

  end(): void {
    this.events.remove();
  }
}

function storage(given: Store | null | undefined): Store | undefined {
  if (given !== undefined) return given ?? undefined;
  try {
    return globalThis.localStorage;
  } catch {
    // The browser forbids it, as in some private windows.
    return undefined;
  }
}

/** A failure of the page itself, such as a token that could not be renewed. It keeps its code and remedy, if it has any. */
function unexpected(cause: unknown): UploadError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const { code, remedy } = Object(cause) as { code?: unknown; remedy?: unknown };
  return new UploadError({
    code: typeof code === "string" ? code : "failed",
    message,
    remedy: typeof remedy === "string" ? remedy : "Retry; if it fails again, reload the page.",
    cause,
  });
}

declare module "@uppy/core" {
  interface PluginTypeRegistry<M extends Meta, B extends Body> {
    SmmuUploader: SmmuUploader<M, B>;
  }
}
