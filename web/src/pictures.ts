// Which of a job's outputs to show where.
import { thumbHashToApproximateAspectRatio, thumbHashToDataURL } from "thumbhash";
import type { Job, Output } from "./types.ts";

const isPicture = ({ contentType, state }: Output): boolean => contentType.startsWith("image/") && state === "ready";
const edge = ({ width = 0, height = 0 }: Output): number => Math.max(width, height);

/** The smallest still whose long edge has at least `wanted` pixels, else the largest. */
export function still(outputs: readonly Output[], wanted: number): Output | undefined {
  const stills = outputs
    .filter((output) => isPicture(output) && ["rendition", "poster", "cover"].includes(output.role))
    .sort((one, other) => edge(one) - edge(other) || one.bytes - other.bytes);
  return stills.find((output) => edge(output) >= wanted) ?? stills.at(-1);
}

/** The picture of a tile: a photo's rendition, a video's poster, an album's cover, or a waveform. */
export function thumbnail({ outputs = [] }: Job): Output | undefined {
  const waveform = outputs.find((output) => output.role === "waveform" && isPicture(output));
  return still(outputs, 480) ?? waveform;
}

export interface Sources {
  /** By type, the best compressed first; the browser takes the first that it can show. */
  sources: { type: string; srcset: string }[];
  fallback: Output;
}

const TYPES = ["image/avif", "image/webp", "image/jpeg"];

/** All renditions of a photo, for `<picture>`: the browser chooses by the space that there is. */
export function sources({ outputs = [] }: Job): Sources | undefined {
  const renditions = outputs.filter((output) => output.role === "rendition" && isPicture(output) && output.width);
  const of = (type: string): Output[] =>
    renditions
      .filter(({ contentType }) => contentType === type)
      .sort((one, other) => (one.width ?? 0) - (other.width ?? 0));
  const fallback = of("image/jpeg").at(-1) ?? of("image/webp").at(-1);
  if (!fallback) return undefined;
  const found = TYPES.map((type) => ({
    type,
    srcset: of(type)
      .map(({ url, width }) => `${url} ${width}w`)
      .join(", "),
  }));
  return { sources: found.filter(({ srcset }) => srcset !== ""), fallback };
}

export interface Placeholder {
  url: string;
  ratio: number;
}

/** Draws a thumbhash, some 25 bytes in Base64, as a blurred picture. */
export function placeholder(thumbhash: string): Placeholder | undefined {
  try {
    const hash = Uint8Array.from(atob(thumbhash), (character) => character.charCodeAt(0));
    return { url: thumbHashToDataURL(hash), ratio: thumbHashToApproximateAspectRatio(hash) };
  } catch {
    return undefined;
  }
}
