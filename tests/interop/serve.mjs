// `sceau serve` as an operator runs it: settings file, directory, a client added by command, a phone whose chain of
// attestation ends at a trusted root, a sign-in at eidas2, a restart that loses nothing durable, and the audit log.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as oidc from "openid-client";
import { BINARY, Browser, CommandLinePhone, check, report, sceau, throwAwayRoot } from "./_sceau.mjs";

const EXTRACT = new URL("../../src/demo/sample_extract.txt", import.meta.url).pathname;
const SOFTWARE_PHONE = "5ce40f0e-1d0a-4b5b-9a52-7e3c1f0a0001";
const PERSON = "899700000021";

const folder = mkdtempSync(join(tmpdir(), "sceau-serve-"));
const settings = join(folder, "sceau.toml");
const [port, admin] = [await freePort(), await freePort()];
const issuer = `http://localhost:${port}`;
const root = join(folder, "root.pem");
let server;

try {
  await everything();
} finally {
  await stop("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
report();

async function everything() {
  await check("a root is made where there is none, and a chain under a root not trusted is refused", async () => {
    await throwAwayRoot(root);
    assert.match(readFileSync(root, "utf8"), /BEGIN CERTIFICATE/);
  });
  writeFileSync(settings, [
    `issuer = "${issuer}"`,
    "[http]", `listen = "127.0.0.1:${port}"`, `admin_listen = "127.0.0.1:${admin}"`,
    "[storage]", `sql = "sqlite://${folder}/sceau.sqlite"`,
    "[mobile]", `attestation_roots = ["${root}"]`, `aaguids = ["${SOFTWARE_PHONE}"]`,
    `activation_codes_file = "${folder}/codes.jsonl"`, "",
  ].join("\n"));

  await check("the settings are understood", async () => {
    const answer = await sceau("config", "check", settings);
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, new RegExp(`issuer = "${issuer}"`));
  });
  await check("the directory is imported, and a second time changes nothing", async () => {
    const first = await sceau("directory", "import", "--config", settings, EXTRACT, "--json");
    assert.equal(first.status, 0, first.stderr);
    assert.ok(first.body.created > 30);
    const again = await sceau("directory", "import", "--config", settings, EXTRACT, "--json");
    assert.deepEqual([again.body.created, again.body.updated], [0, 0]);
  });
  await check("key and database are readable by their owner alone", () => {
    for (const name of ["sceau.sqlite", "sceau.sqlite.kek"]) {
      assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name);
    }
  });
  const client = (await sceau(
    "clients", "add", "--config", settings, "--name", "Essai", "--client-id", "essai", "--profile", "psc",
    "--redirect-uri", `${issuer}/never`, "--json",
  )).body;
  await start();
  await check("ready, with metrics on the operator's listener alone", async () => {
    assert.equal((await fetch(`http://127.0.0.1:${admin}/health/ready`)).status, 200);
    assert.match(await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text(), /sceau_http_connections/);
    assert.equal((await fetch(`${issuer}/metrics`)).status, 404);
  });
  await check("the doctor finds nothing wrong, and says so when the key is open to all", async () => {
    const told = async (...words) => {
      const { status, body } = await sceau("doctor", "--config", settings, "--json", ...words);
      return { status, wrong: body.filter(({ verdict }) => verdict === "wrong"), checks: body.map(({ check }) => check) };
    };
    const well = await told();
    assert.deepEqual([well.status, well.wrong], [0, []]);
    for (const looked of ["database", "signing key", "discovery", "jwks", "operator's paths"]) assert.ok(well.checks.includes(looked), looked);
    const key = join(folder, "sceau.sqlite.kek");
    chmodSync(key, 0o644);
    const open = await told("--inside-only");
    chmodSync(key, 0o600);
    assert.equal(open.status, 1);
    assert.match(open.wrong[0].sentence, /keys\.kek_file.*mode 0644.*chmod 600/);
    const outside = await told("--from-outside", `http://127.0.0.1:${admin}`);
    assert.match(outside.wrong.map(({ sentence }) => sentence).join("\n"), /http\.admin_listen/);
  });

  const config = await oidc.discovery(new URL(issuer), "essai", undefined, oidc.ClientSecretBasic(client.client_secret), {
    execute: [oidc.allowInsecureRequests],
  });
  const browser = new Browser(issuer);
  let phone;
  let tokens;
  await check("a phone with a trusted chain signs in at eidas2", async () => {
    phone = await CommandLinePhone.enrol({ issuer, folder }, await person(), "phone", "--attest-root", root);
    tokens = await signIn(config, browser, phone, { acr_values: "eidas2" });
    assert.equal(tokens.claims().acr, "eidas2");
  });
  await check("a phone that attests itself is refused", async () => {
    await assert.rejects(CommandLinePhone.enrol({ issuer, folder }, await person(), "self"), /ended with 2/);
  });
  await check("eidas3 is refused before anything is asked", async () => {
    const { redirect } = await new Browser(issuer).open(await address(config, { acr_values: "eidas3" }));
    assert.equal(redirect.searchParams.get("error"), "unmet_authentication_requirements");
  });

  await stop("SIGKILL");
  await start();
  await check("killed and started again: the refresh token, the phone and the keys are there", async () => {
    const again = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    assert.equal(again.claims().sub, tokens.claims().sub);
    const later = await signIn(config, new Browser(issuer), phone, { acr_values: "eidas2" });
    assert.equal(later.claims().sub, tokens.claims().sub);
  });
  await check("access tokens of before are not believed: their records were ephemeral", async () => {
    const answer = await fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    assert.equal(answer.status, 401);
  });
  await check("a revoked phone ends its refresh tokens", async () => {
    const fresh = await signIn(config, new Browser(issuer), phone, {});
    const devices = (await sceau("phone", "devices", "--state", phone.state, "--json")).body.devices;
    const own = devices.find((device) => device.current);
    assert.equal((await sceau("phone", "revoke", "--state", phone.state, "--id", own.id)).status, 0);
    await assert.rejects(oidc.refreshTokenGrant(config, fresh.refresh_token), { error: "invalid_grant" });
  });
  await check("SIGTERM ends it cleanly", async () => assert.equal(await stop("SIGTERM"), 0));
  await check("the audit log is whole, and says what it cannot exclude", async () => {
    const answer = await sceau("audit", "verify", "--config", settings);
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, /every leaf and chain intact/);
    assert.match(answer.stdout, /cannot be excluded/);
  });
  await check("nothing private is in the clear in the database", () => {
    const bytes = ["", "-wal"].map((end) => read(`${folder}/sceau.sqlite${end}`)).join("");
    for (const text of [PERSON, "LAMBERTIN", tokens.refresh_token, tokens.access_token, client.client_secret]) {
      assert.ok(!bytes.includes(text), text.slice(0, 6));
    }
  });
  await check("a wrong key-encryption key stops the start with a sentence", async () => {
    appendFileSync(settings, `[keys]\nkek_file = "${folder}/missing.kek"\n`);
    const answer = await sceau("serve", "--config", settings);
    assert.notEqual(answer.status, 0);
    assert.match(answer.stderr, /kek/i);
  });
}

/// The person with two codes just sent.
async function person() {
  const answer = await fetch(`${issuer}/mobile/v1/enrolments/codes`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ national_id: PERSON }),
  });
  assert.equal(answer.status, 202);
  for (let tries = 0; tries < 50; tries += 1) {
    const sent = read(`${folder}/codes.jsonl`).split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const last = (channel) => sent.findLast((message) => message.channel === channel && message.code)?.code;
    if (sent.length > 0 && sent.length % 2 === 0) {
      return { national_id: PERSON, activation_codes: { email: last("email"), phone: last("phone") } };
    }
    await pause(100);
  }
  throw new Error("no codes were sent");
}

async function address(config, extra) {
  const verifier = oidc.randomPKCECodeVerifier();
  address.verifier = verifier;
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${issuer}/never`,
    scope: "openid scope_all",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...extra,
  });
}

async function signIn(config, browser, phone, extra) {
  const url = await address(config, extra);
  const { redirect } = await browser.signIn(url, PERSON, phone);
  return oidc.authorizationCodeGrant(config, redirect, { pkceCodeVerifier: address.verifier });
}

async function start() {
  server = spawn(BINARY, ["serve", "--config", settings], { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, SCEAU_LOG: "json,warn" } });
  server.ended = new Promise((resolve) => server.once("exit", resolve));
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`http://127.0.0.1:${admin}/health/ready`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (server.exitCode !== null) break;
    await pause(100);
  }
  throw new Error("sceau serve does not become ready");
}

async function stop(signal) {
  if (!server || server.exitCode !== null) return server?.exitCode;
  server.kill(signal);
  return server.ended;
}

function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
