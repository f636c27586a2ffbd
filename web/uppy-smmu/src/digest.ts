import { UploadError, unreadable } from "./error.js";

/** SHA-256 of a file or a part of it, in hexadecimal. It is read into memory: pass at most some tens of megabytes. */
export async function sha256(blob: Blob, name: string): Promise<string> {
  return hex(await hash(await bytes(blob, name)));
}

/** SHA-256 of a text, in hexadecimal. */
export async function sha256OfText(text: string): Promise<string> {
  return hex(await hash(new TextEncoder().encode(text)));
}

/** Throws if the browser can no longer read the file. */
export async function checkReadable(blob: Blob, name: string): Promise<void> {
  await bytes(blob.slice(0, 1), name);
}

async function bytes(blob: Blob, name: string): Promise<ArrayBuffer> {
  try {
    return await blob.arrayBuffer();
  } catch (cause) {
    throw unreadable(name, cause);
  }
}

function hash(content: BufferSource): Promise<ArrayBuffer> {
  // Browsers offer it to pages of https and of this machine only.
  if (!globalThis.crypto?.subtle) {
    throw new UploadError({
      code: "insecure_page",
      message: "this page was not loaded over https, so the browser cannot compute SHA-256",
      remedy: "Open the page over https.",
    });
  }
  return crypto.subtle.digest("SHA-256", content);
}

function hex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
