// Fails if the first load of the page is larger than it may be:
//
//   node size.mjs DIST
//
// Counted is what index.html names, and all that these files import statically, gzipped. What is imported later is
// printed only.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_LOAD_BYTES = 150_000;

const [dist = "dist"] = process.argv.slice(2);
const read = (path) => readFileSync(join(dist, path));
const gzipped = (path) => gzipSync(read(path), { level: 9 }).length;

/** Files that a script imports before it runs. */
function imports(path) {
  const found = [
    ...read(path)
      .toString()
      .matchAll(/(?:^|[;}])import(?:[\w*{}\s,$]*?from)?\s*["'](\.\/[^"']+)["']/g),
  ];
  return found.map(([, name]) => join("assets", name));
}

const named = [
  ...read("index.html")
    .toString()
    .matchAll(/(?:src|href)="\.\/([^"]+)"/g),
].map(([, path]) => path);
const first = new Set(["index.html", ...named]);
for (const path of first) {
  if (path.endsWith(".js")) for (const other of imports(path)) first.add(other);
}
const later = readdirSync(join(dist, "assets"))
  .map((name) => join("assets", name))
  .filter((path) => !first.has(path));

let total = 0;
for (const path of first) {
  total += gzipped(path);
  console.log(`first  ${String(gzipped(path)).padStart(7)}  ${path}`);
}
for (const path of later) console.log(`later  ${String(gzipped(path)).padStart(7)}  ${path}`);
console.log(`${total} of ${FIRST_LOAD_BYTES} bytes, gzipped, at the first load`);
if (total > FIRST_LOAD_BYTES || !named.some((path) => path.endsWith(".js"))) {
  console.error("error: the first load is too large, or no script was found in index.html");
  process.exitCode = 1;
}
