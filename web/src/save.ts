import { Failure, unreachable } from "./failure.ts";
import type { Media, Output } from "./types.ts";

/** Browsers keep a download of this size on disk; larger ones are left to a tab of their own. */
const LARGEST_BLOB = 1_500_000_000;

/** Saves an output under a name of its upload: `harbour-1280.webp` for `webp-1280.webp` of `harbour.jpg`. */
export async function saveOutput(media: Media, output: Output): Promise<void> {
  // A link to another origin is opened, whatever its `download` says; so the bytes are fetched first.
  if (output.bytes > LARGEST_BLOB) {
    window.open(output.url, "_blank", "noopener");
    return;
  }
  const answer = await fetch(output.url).catch(() => {
    throw unreachable();
  });
  if (!answer.ok) {
    const message = `The file could not be downloaded (${answer.status}).`;
    throw new Failure({
      code: "download_failed",
      message,
      remedy: "Reload the page: links to files expire after a while.",
    });
  }
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  [link.href, link.download] = [url, savedName(media.filename, output.name)];
  link.click();
  // The browser has to have begun.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function savedName(filename: string, output: string): string {
  const stem = filename.replace(/\.[^.]*$/, "") || "file";
  const [, name = output, extension = ""] = /^(.*?)(\.[^.]*)$/.exec(output) ?? [];
  const detail = name.replace(/^(jpeg|webp|avif|video|audio)-?/, "");
  return `${stem}${detail ? `-${detail}` : ""}${extension}`;
}
