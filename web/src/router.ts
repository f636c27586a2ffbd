// Views by the fragment of the address: the page is a static file, and its server knows one path.
import { signal } from "@preact/signals";

export type Route =
  | { view: "library" }
  | { view: "media"; mediaId: string; atMs?: number }
  | { view: "search"; query: string };

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/");
  const parameters = new URLSearchParams(query);
  if (view === "media" && id !== undefined && /^med_[0-9a-z]{26}$/.test(id)) {
    const seconds = Number(parameters.get("t"));
    return seconds > 0 ? { view: "media", mediaId: id, atMs: seconds * 1000 } : { view: "media", mediaId: id };
  }
  if (view === "search") return { view: "search", query: parameters.get("q") ?? "" };
  return { view: "library" };
}

export function hrefOf(route: Route): string {
  switch (route.view) {
    case "library":
      return "#/";
    case "media":
      return `#/media/${route.mediaId}${route.atMs ? `?t=${(route.atMs / 1000).toFixed(1)}` : ""}`;
    case "search":
      return `#/search${route.query ? `?q=${encodeURIComponent(route.query)}` : ""}`;
  }
}

export const route = signal<Route>(parseRoute(globalThis.location?.hash ?? ""));

globalThis.addEventListener?.("hashchange", () => {
  route.value = parseRoute(location.hash);
});

export function go(to: Route, replace = false): void {
  if (replace) {
    history.replaceState(null, "", hrefOf(to));
    route.value = to;
  } else {
    location.hash = hrefOf(to);
  }
}
