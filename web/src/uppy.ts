// The part of the page that sends files. It is a chunk of its own, loaded when the first file is chosen.
import { Uppy } from "@uppy/core";
import SmmuUploader, { type SmmuBody } from "uppy-smmu";

export type Meta = Record<string, never>;

export interface Sending {
  api: string;
  token: () => Promise<string>;
  renewedToken: () => Promise<string>;
}

export type Uploader = Uppy<Meta, SmmuBody & Record<string, unknown>>;

export function createUppy(options: Sending): Uploader {
  const uppy: Uploader = new Uppy({ autoProceed: true, allowMultipleUploadBatches: true });
  uppy.use(SmmuUploader, options);
  return uppy;
}
