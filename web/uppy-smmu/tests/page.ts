// A page with Uppy and the plugin, and files to upload.

import Uppy, { type Meta } from "@uppy/core";
import SmmuUploader, { type SmmuBody, type SmmuUploaderOptions, type UploadError } from "../dist/index.js";
import type { Store } from "../dist/memory.js";
import { PART_BYTES, type Service } from "./service.js";
import { NodeXhr } from "./xhr.js";

Object.assign(globalThis, { XMLHttpRequest: NodeXhr });

/** What `localStorage` is to a page: it survives the page. */
export class PageStore implements Store {
  readonly entries = new Map<string, string>();
  get length(): number {
    return this.entries.size;
  }
  key(index: number): string | null {
    return [...this.entries.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.entries.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.entries.set(key, value);
  }
  removeItem(key: string): void {
    this.entries.delete(key);
  }
}

export interface Page {
  uppy: Uppy<Meta, SmmuBody>;
  errors: UploadError[];
  /** Bytes of each `upload-progress`. */
  progress: number[];
}

/** Opens a page whose pauses between tries are short. Files of two parts and more are sent in parts. */
export function open(service: Service, options: Partial<SmmuUploaderOptions> = {}): Page {
  const silent = { debug: () => undefined, warn: () => undefined, error: () => undefined };
  const uppy = new Uppy<Meta, SmmuBody>({ logger: silent });
  uppy.use(SmmuUploader, {
    api: service.url,
    token: async () => "token",
    storage: new PageStore(),
    partsFromBytes: 2 * PART_BYTES,
    backoff: { tries: 3, firstMs: 1, longestMs: 2 },
    stallMs: 5000,
    ...options,
  });
  const page: Page = { uppy, errors: [], progress: [] };
  uppy.on("upload-error", (_, error) => page.errors.push(error as UploadError));
  uppy.on("upload-progress", (_, { bytesUploaded }) => page.progress.push(bytesUploaded));
  return page;
}

/** A file whose every byte depends on its place, so that a misplaced part is found. */
export function file(bytes: number, name = "film.mp4", lastModified = 1): File {
  const content = Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + (index >> 8)) % 256);
  return new File([content], name, { type: "video/mp4", lastModified });
}

export async function contentOf(blob: Blob): Promise<Buffer> {
  return Buffer.from(await blob.arrayBuffer());
}

export function add({ uppy }: Page, data: Blob, name = "film.mp4"): string {
  return uppy.addFile({ name, type: data.type, data });
}

/** Waits until something holds; fails after two seconds. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 2000) throw new Error(`it never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
