export { UploadError } from "./error.js";
export type { Backoff } from "./retry.js";
export { default, type SmmuBody, type SmmuUploaderOptions } from "./uploader.js";
