// A photo by the renditions that fit the space there is, over its blurred stand-in.
import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { placeholder, sources, still } from "../pictures.ts";
import type { Job, Media } from "../types.ts";
import { useReloading } from "./pictures.ts";

const SIZES = "(min-width: 64rem) calc(100vw - 27rem), 100vw";

export function PhotoView({ media, job, renew }: { media: Media; job: Job; renew: () => void }) {
  const loaded = useSignal(false);
  const reloading = useReloading(renew);
  const { width, height, thumbhash } = media.facts?.image ?? {};
  const blurred = useMemo(() => (thumbhash ? placeholder(thumbhash) : undefined), [thumbhash]);
  const found = sources(job);
  const animated = job.outputs?.find(({ frames, contentType }) => (frames ?? 0) > 1 && contentType === "image/webp");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const poster = calm && animated ? still(job.outputs?.filter(({ role }) => role === "poster") ?? [], 1280) : undefined;
  if (!found && !poster) return null;
  const behind = blurred && !loaded.value ? { backgroundImage: `url(${blurred.url})` } : {};
  const picture = {
    alt: media.filename,
    class: loaded.value ? "" : "coming",
    onLoad: () => {
      loaded.value = true;
      reloading.onLoad();
    },
    onError: reloading.onError,
  };
  const size = {
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
  };
  return (
    <figure class="stage photo">
      <div class="frame" style={behind}>
        {poster ? (
          <img key={reloading.load} {...picture} {...size} src={poster.url} />
        ) : (
          found && (
            <picture key={reloading.load}>
              {found.sources.map(({ type, srcset }) => (
                <source key={type} type={type} srcset={srcset} sizes={SIZES} />
              ))}
              <img {...picture} {...size} src={found.fallback.url} />
            </picture>
          )
        )}
      </div>
    </figure>
  );
}
