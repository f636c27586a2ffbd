// What a screen reader should hear without the focus moving, and the heading that takes it when a view opens.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

const said = signal("");
/** The first view of a page load leaves the focus where the browser has it. */
let opened = 0;

/** Says something once, politely. */
export function announce(text: string): void {
  // The same text again is a change only if it differs.
  said.value = said.value === text ? `${text}\u00a0` : text;
}

export function Announcer() {
  return (
    <div class="said" role="status" aria-live="polite">
      {said}
    </div>
  );
}

/** The heading of a view: it names the document, and takes the focus when the view opens. */
export function Heading({
  title,
  children,
  hidden = false,
}: {
  title: string;
  children?: ComponentChildren;
  hidden?: boolean;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Smart Media Uploader`;
  }, [title]);
  useEffect(() => {
    opened += 1;
    if (opened > 1) heading.current?.focus({ preventScroll: true });
    if (opened > 1) window.scrollTo({ top: 0, behavior: "instant" });
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} class={hidden ? "said" : undefined}>
      {children ?? title}
    </h1>
  );
}
