// TLS of `sceau serve`, as OpenSSL sees it: versions and suites (FAPI 2.0 Security Profile 5.2.2, RFC 9325 3.1.1 and 4.2),
// and a certificate that is renewed without a restart.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BINARY, check, report } from "./_sceau.mjs";

const REFUSED = [
  ["TLS 1.0", ["-tls1"]],
  ["TLS 1.1", ["-tls1_1"]],
  ["CBC with ECDSA", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"]],
  ["CBC with SHA-256", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"]],
  ["ChaCha20 in TLS 1.2", ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305:@SECLEVEL=0"]],
  ["CCM", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM:@SECLEVEL=0"]],
];
const ACCEPTED = [
  ["TLS 1.3", ["-tls1_3"], "TLS_AES_256_GCM_SHA384"],
  ["AES-128-GCM in TLS 1.3", ["-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"], "TLS_AES_128_GCM_SHA256"],
  ["AES-256-GCM in TLS 1.2", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["AES-128-GCM in TLS 1.2", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "ECDHE-ECDSA-AES128-GCM-SHA256"],
];

const folder = mkdtempSync(join(tmpdir(), "sceau-tls-"));
const [port, admin, lax] = [await freePort(), await freePort(), await freePort()];
const log = [];
const children = [];

try {
  await everything();
} finally {
  for (const { child } of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
report();

async function everything() {
  for (const name of ["one", "two"]) certificate(name);
  use("one");
  writeFileSync(join(folder, "sceau.toml"), [
    `issuer = "https://localhost:${port}"`,
    "[http]", `listen = "127.0.0.1:${port}"`, `admin_listen = "127.0.0.1:${admin}"`,
    "[http.tls]", `cert_file = "${folder}/tls.crt"`, `key_file = "${folder}/tls.key"`,
    "[storage]", `sql = "sqlite://${folder}/sceau.sqlite"`, "",
  ].join("\n"));
  const server = run(BINARY, ["serve", "--config", join(folder, "sceau.toml")]);
  await until("ready", async () => (await fetch(`http://127.0.0.1:${admin}/health/ready`)).ok);
  // What a server of no policy accepts: so the clients below can speak what they offer.
  run("openssl", ["s_server", "-accept", String(lax), "-cert", join(folder, "one.crt"), "-key", join(folder, "one.key"), "-cipher", "ALL:@SECLEVEL=0", "-www"]);
  await until("the lax server answers", async () => (await speak(lax, ["-tls1_3"])).met);

  for (const [name, options] of REFUSED) {
    await check(`${name} is refused`, async () => {
      assert.ok((await speak(lax, options)).met, "this OpenSSL can speak it");
      const { met, text } = await speak(port, options);
      assert.ok(!met, text);
      assert.match(text, /alert (protocol version|handshake failure)/);
    });
  }
  for (const [name, options, suite] of ACCEPTED) {
    await check(`${name} is spoken`, async () => {
      const { met, text } = await speak(port, options);
      assert.ok(met && text.includes(suite), text);
    });
  }
  await check("the seconds to the end of the certificate are a metric", async () => {
    const seconds = await metric("sceau_tls_certificate_expires_seconds");
    assert.ok(Math.abs(seconds - 30 * 86_400) < 600, String(seconds));
  });
  await check("a renewed certificate is served after SIGHUP, and connections go on", async () => {
    assert.equal(await served(), fingerprint("one"));
    use("two");
    server.child.kill("SIGHUP");
    await until("the other certificate", async () => (await served()) === fingerprint("two"));
    assert.equal(server.child.exitCode, null);
  });
  await check("a key that does not belong to the certificate changes nothing and is told", async () => {
    copyFileSync(join(folder, "one.key"), join(folder, "tls.key"));
    server.child.kill("SIGHUP");
    await until("an error in the log", () => log.some((line) => line.includes("the certificate of before is served")));
    assert.equal(await served(), fingerprint("two"));
  });
  await check("a file that is half written changes nothing", async () => {
    log.length = 0;
    writeFileSync(join(folder, "tls.crt"), readFileSync(join(folder, "one.crt"), "utf8").slice(0, 200));
    server.child.kill("SIGHUP");
    await until("an error in the log", () => log.some((line) => line.includes("the certificate of before is served")));
    assert.equal(await served(), fingerprint("two"));
  });
  await check("mended, it is served", async () => {
    use("one");
    server.child.kill("SIGHUP");
    await until("the first certificate", async () => (await served()) === fingerprint("one"));
  });
}

// -----------------------------------------------------------------------------------------------------------------

function certificate(name) {
  const [crt, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
  const of = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "30"];
  execFileSync("openssl", ["req", "-x509", ...of, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", crt], { stdio: "ignore" });
}

function use(name) {
  copyFileSync(join(folder, `${name}.key`), join(folder, "tls.key"));
  copyFileSync(join(folder, `${name}.crt`), join(folder, "tls.crt"));
}

function fingerprint(name) {
  return /Fingerprint=(.*)/.exec(execFileSync("openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", join(folder, `${name}.crt`)], { encoding: "utf8" }))[1];
}

/// The fingerprint of the certificate served now.
async function served() {
  const { text } = await speak(port, []);
  const pem = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(text)[0];
  return /Fingerprint=(.*)/.exec(execFileSync("openssl", ["x509", "-noout", "-fingerprint", "-sha256"], { input: pem, encoding: "utf8" }))[1];
}

/// A handshake with these options: whether it came about, and what OpenSSL says.
function speak(at, options) {
  // Versions below 1.2 are off by the default level of OpenSSL 3.
  const level = options.includes("-cipher") ? [] : ["-cipher", "ALL:@SECLEVEL=0"];
  const words = ["s_client", "-connect", `127.0.0.1:${at}`, "-servername", "localhost", ...options, ...level];
  return new Promise((resolve) => {
    const child = execFile("openssl", words, { timeout: 10_000 }, (_, stdout, stderr) => {
      const text = stdout + stderr;
      resolve({ met: /New, TLSv1\S*, Cipher is (?!\(NONE\))/.test(text), text });
    });
    child.stdin.end();
  });
}

async function metric(name) {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

function run(program, words) {
  const child = spawn(program, words, { stdio: ["pipe", "ignore", "pipe"], env: { ...process.env, SCEAU_LOG: "json" } });
  child.stderr.on("data", (part) => log.push(...String(part).split("\n")));
  children.push({ child });
  return { child };
}

async function until(what, test) {
  for (let tries = 0; tries < 300; tries += 1) {
    try {
      if (await test()) return;
    } catch {
      // Not yet.
    }
    await pause(100);
  }
  throw new Error(`${what}: not within 30 s\n${log.slice(-10).join("\n")}`);
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const found = listener.address().port;
      listener.close(() => resolve(found));
    });
  });
}
