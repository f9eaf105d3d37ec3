// Signing keys on a hardware token (SoftHSM), used by two processes: the journeys of openid-client, then the token gone,
// slow, wrong, and its PIN refused. Nothing signs in its place, and when it is back they go on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { jose } from "../interop/_packages.mjs";
import { check, sceau, suite } from "../interop/_sceau.mjs";
import { codeFor, codeForm, tokenRequest, alone } from "../interop/_wire.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { confidential, refresh, signedIn } from "./_steps.mjs";
import { SoftToken } from "./_token.mjs";

const token = new SoftToken();
const PROMPT = 4000; // the budget of a call is 2 s

async function everything(twin) {
  await check("the signing keys, in use and standby, are on the token and nowhere else", async () => {
    const rows = await twin.postgres.query(
      "SELECT state, custody, (sealed_private IS NULL)::text FROM key_records WHERE purpose = 'sign' ORDER BY state",
    );
    assert.deepEqual(rows, [["active", "token", "true"], ["staged", "token", "true"]]);
    assert.equal(token.objects(), 4);
  });
  await check("the journeys of openid-client, the token signing", journeys);
  const world = await signedIn(twin, twin.persons[0]);
  const grant = await confidential(twin, world.browser);
  await check("what the token signed verifies with /jwks", () => verifies(twin, grant));

  for (const [name, begin, end] of faults()) {
    await check(`${name}: 503 and nothing signed, also for a code and a refresh token`, async () => {
      const { code, verifier } = await codeFor(twin, world.browser, grant.client);
      begin();
      const exchanged = await timed(() => alone(twin, tokenRequest(grant.client, codeForm(grant.client, code, verifier))));
      unavailable(exchanged);
      unavailable(await timed(() => refresh(twin, grant)));
    });
    await check(`${name}: keys and discovery go on`, async () => {
      const keys = await timed(() => fetch(`${twin.issuer}/jwks`));
      assert.equal(keys.status, 200);
      assert.equal((await fetch(`${twin.issuer}/.well-known/openid-configuration`)).status, 200);
    });
    await check(`${name}: afterwards both processes sign again, and the refresh token was not lost`, async () => {
      end();
      for (const index of [0, 1]) {
        await twin.onlyAt(index, async () => {
          await until("signed", async () => (await refresh(twin, grant)).status === 200);
          await verifies(twin, await confidential(twin, world.browser));
        });
      }
    });
  }
  await check("a spoiled signature raised an alarm", () => {
    assert.ok(twin.log.some((line) => line.includes("its public key refuses") && line.includes('"alarm":true')));
  });
  await check("a wrong PIN is tried once by each process, and the right one then works", async () => {
    token.pin("00000000");
    token.fault("gone");
    await refresh(twin, grant);
    await refresh(twin, grant);
    token.fault();
    token.logins();
    for (let tries = 0; tries < 6; tries += 1) assert.equal((await refresh(twin, grant)).status, 503);
    const tried = token.logins();
    assert.ok(tried >= 1 && tried <= 2, `${tried} logins`);
    assert.ok(twin.log.some((line) => line.includes("refused this PIN")));
    token.pin();
    await until("signed", async () => (await refresh(twin, grant)).status === 200);
  });
  await check("no PIN in the logs", () => assert.ok(!twin.log.some((line) => /73914826|00000000/.test(line))));
  await check("a module that does not exist stops the process with a sentence", async () => {
    const env = { SCEAU__KEYS__PKCS11__MODULE: "/nonexistent/token.so" };
    Object.assign(process.env, env);
    const refused = await sceau("keys", "status", "--config", twin.settings);
    for (const name of Object.keys(env)) delete process.env[name];
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /loading the module of keys\.pkcs11/);
  });
}

function faults() {
  return [
    ["token gone, its sessions dead", () => token.fault("gone"), () => token.fault()],
    ["token removed for real", () => token.remove(), () => token.putBack()],
    ["token slow", () => token.fault("slow 5"), () => token.fault()],
    ["token wrong", () => token.fault("wrong"), () => token.fault()],
  ];
}

function unavailable(answer) {
  assert.equal(answer.status, 503, answer.text);
  assert.equal(answer.body.error, "temporarily_unavailable");
  assert.ok(Number(answer.headers["retry-after"]) >= 1, "Retry-After");
}

async function timed(request) {
  const began = Date.now();
  const answer = await request();
  assert.ok(Date.now() - began < PROMPT, `${Date.now() - began} ms`);
  return answer;
}

async function verifies(twin, { id_token, client }) {
  const keys = jose.createLocalJWKSet(await (await fetch(`${twin.issuer}/jwks`)).json());
  await jose.jwtVerify(id_token, keys, { issuer: twin.issuer, audience: client.client_id });
}

/// The suite of openid-client on a stack of its own.
function journeys() {
  return new Promise((resolve, reject) => {
    const file = fileURLToPath(new URL("../interop/openid_client.mjs", import.meta.url));
    const env = { ...process.env, SCEAU_TEST_STACK: "token" };
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"], env });
    process.once("exit", () => child.kill());
    let last = "";
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith("ok")) console.log(`      ${line}`);
      last = line;
    });
    child.once("close", (status) => {
      if (status === 0 && /^[1-9]\d* passed, 0 failed$/.test(last)) resolve();
      else reject(new Error(`${status}: ${last}`));
    });
  });
}

await suite(everything, () => Twin.start({ token }));
