// CloudFront's edge for a browser on this machine: serves CloudFront's domain over TLS and forwards to the local cloud,
// which serves it over plain HTTP to requests with this domain as host.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A key and a certificate for a domain, valid for a day. */
function certificate(domain) {
  const folder = mkdtempSync(join(tmpdir(), "smmu-cdn-"));
  const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const named = ["-subj", `/CN=${domain}`, "-addext", `subjectAltName=DNS:${domain}`];
  const made = spawnSync("openssl", ["req", "-x509", ...curve, ...named, "-days", "1", "-keyout", key, "-out", cert]);
  if (made.status !== 0) throw new Error(`openssl: ${made.error?.message ?? made.stderr}`);
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

/** Serves a domain from `cloud`. Returns the flags with which Chromium finds it, and a function that stops it. */
export async function edge(domain, cloud) {
  const server = createServer(certificate(domain), (asked, answer) => {
    // AWS's edge does not send x-forwarded-proto, but the local cloud cannot know otherwise that the viewer used TLS.
    const headers = { ...asked.headers, host: domain, "x-forwarded-proto": "https" };
    const onward = request(cloud, { method: asked.method, path: asked.url, headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers);
      given.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const flags = [`--host-resolver-rules=MAP ${domain} 127.0.0.1:${server.address().port}`, "--ignore-certificate-errors"];
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { flags, stop };
}
