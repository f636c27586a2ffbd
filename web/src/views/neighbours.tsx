import { useEffect } from "preact/hooks";
import { go, hrefOf } from "../router.ts";
import { useStack } from "../stack.ts";
import type { MediaSummary } from "../types.ts";
import { Icon, type IconName } from "./icons.tsx";

/** The way back, and to the media before and after this one in the gallery, also by the arrow keys. */
export function Neighbours({ mediaId }: { mediaId: string }) {
  const { items } = useStack().library;
  const at = items.value.findIndex((one) => one.mediaId === mediaId);
  const [newer, older] = at < 0 ? [] : [items.value[at - 1], items.value[at + 1]];
  useEffect(() => {
    const keyed = (event: KeyboardEvent): void => {
      const other = { ArrowLeft: newer, ArrowRight: older }[event.key];
      // A slider, a field or a scrolling box has its own use for these keys.
      const own = (event.target as HTMLElement).closest("input, select, textarea, pre, dialog, .player");
      if (!other || own || event.altKey || event.ctrlKey || event.metaKey) return;
      go({ view: "media", mediaId: other.mediaId });
    };
    window.addEventListener("keydown", keyed);
    return () => window.removeEventListener("keydown", keyed);
  }, [newer, older]);
  const link = (media: MediaSummary | undefined, name: string, icon: IconName) =>
    media && (
      <a
        class="button plain square"
        href={hrefOf({ view: "media", mediaId: media.mediaId })}
        aria-label={`${name}: ${media.filename}`}
      >
        <Icon name={icon} />
      </a>
    );
  return (
    <nav class="neighbours" aria-label="Gallery">
      <a class="button plain" href={hrefOf({ view: "library" })}>
        <Icon name="back" />
        Library
      </a>
      <span class="gap" />
      {link(newer, "Newer", "left")}
      {link(older, "Older", "right")}
    </nav>
  );
}
