// Appended to the function of template.yaml. Answers each path of standard input as CloudFront would be answered.
import { readFileSync } from "node:fs";

const { now, paths } = JSON.parse(readFileSync(0, "utf8"));
Date.now = () => now;
const answers = paths.map((uri) => handler({ request: { method: "GET", uri, headers: {}, querystring: {} } }));
console.log(JSON.stringify(answers.map((answer) => answer.uri ?? String(answer.statusCode))));
