// docs/relying-party.md does what it says: its sh blocks register the clients, its js blocks are one module whose every
// function is called against a running server. A block that nothing runs is a failure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as oidc from "openid-client";
import { BINARY, Browser, CommandLinePhone, check, report } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { userinfoStatus } from "./_service.mjs";

const GUIDE = new URL("../../docs/relying-party.md", import.meta.url);
const MODULE = new URL(`.guide-${process.pid}.mjs`, import.meta.url).pathname;
const REDIRECT = "https://dossier.example.fr/callback";

const blocks = [...readFileSync(GUIDE, "utf8").matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, kind, text]) => ({ kind, text }));
const of = (kind) => blocks.filter((block) => block.kind === kind);

const server = await Server.start();
try {
  await everything();
} finally {
  await server.stop();
  rmSync(MODULE, { force: true });
}
report();

async function everything() {
  await check("each block is of a kind that is run here", () => {
    assert.deepEqual([...new Set(blocks.map((block) => block.kind))].sort(), ["js", "sh"]);
    for (const { text } of of("js")) assert.match(text, /^export (async )?function /m, "a block without a function to call");
  });
  const registered = shell();
  const [service, api] = registered;
  await check("the sh blocks run, and register two clients", () => {
    assert.deepEqual(registered.map((one) => one.client_id), ["dossier", "dossier-api"]);
  });
  Object.assign(process.env, { ISSUER: server.issuer, CLIENT_ID: service.client_id, REDIRECT_URI: REDIRECT });
  process.env.CLIENT_SECRET = service.client_secret;
  writeFileSync(MODULE, of("js").map((block) => block.text).join("\n"));
  const { guide, uncalled } = watched(await import(pathToFileURL(MODULE).href));
  await journey(guide, api);
  await check("every function of the guide was called", () => assert.deepEqual(uncalled(), []));
}

/// The sh blocks in one shell, beside the settings, with `sceau` in the path; the JSON they print.
function shell() {
  writeFileSync(join(server.folder, "sceau"), `#!/bin/sh\nexec "${BINARY}" "$@"\n`);
  chmodSync(join(server.folder, "sceau"), 0o755);
  const script = of("sh").map((block) => block.text).join("\n");
  const env = { ...process.env, PATH: `${server.folder}:${process.env.PATH}` };
  const printed = execFileSync("sh", ["-euxc", script], { cwd: server.folder, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return printed.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

/// The module, and which of its functions nobody has called yet.
function watched(module) {
  const called = new Set();
  const guide = new Proxy(module, {
    get(target, name) {
      assert.ok(name in target, `the guide has no function ${String(name)}`);
      called.add(name);
      return target[name];
    },
  });
  return { guide, uncalled: () => Object.keys(module).filter((name) => !called.has(name)) };
}

async function journey(guide, api) {
  const person = await server.person("899700000013");
  const phone = await CommandLinePhone.enrol(server, person);
  const browser = new Browser(server.issuer);
  const config = await guide.discover();
  const apiConfig = await guide.discover(api.client_id, api.client_secret);
  const session = {};
  const arrive = async (wanted) => {
    const url = await guide.begin(config, session, wanted);
    assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
    const { redirect, page } = await browser.signIn(url, person.national_id, phone);
    assert.ok(redirect, page?.summary());
    return redirect;
  };
  let tokens;
  await check("sign in; an answer nobody asked for, with another state or issuer, is refused", async () => {
    const answer = await arrive({ acr_values: "eidas1" });
    for (const name of ["state", "iss"]) {
      const forged = new URL(answer);
      forged.searchParams.set(name, "https://other.example");
      await assert.rejects(guide.finish(config, { login: { ...session.login } }, forged), name);
    }
    tokens = await guide.finish(config, session, answer);
    assert.equal(tokens.claims().iss, server.issuer);
    await assert.rejects(guide.finish(config, session, answer), /no question/);
  });
  await check("levels are compared by order", () => {
    assert.deepEqual([["eidas2", "eidas1"], ["eidas1", "eidas1"], ["eidas1", "eidas2"], ["other", "eidas1"]].map(
      ([acr, floor]) => guide.reaches({ acr }, floor)), [true, true, false, false]);
    assert.ok(guide.reaches(tokens.claims(), "eidas1"));
  });
  await check("the person's claims; no e-mail address", async () => {
    const told = await guide.person(config, tokens);
    assert.equal(told.SubjectNameID, person.national_id);
    assert.deepEqual([told.email, tokens.claims().email, tokens.claims().SubjectNameID], [undefined, undefined, undefined]);
  });
  await check("refresh keeps the refresh token", async () => {
    const next = await guide.refresh(config, tokens);
    assert.equal(next.refresh_token, tokens.refresh_token);
    assert.equal(await userinfoStatus(server, next.access_token), 200);
  });
  await check("bound to a key: the token is no bearer token", async () => {
    const DPoP = await guide.beginBound(config);
    const bound = await guide.finishBound(config, session, await arrive(), DPoP);
    assert.equal(bound.person.SubjectNameID, person.national_id);
    assert.equal(await userinfoStatus(server, bound.tokens.access_token), 401);
  });
  await check("the API introspects, and verifies by itself; after revocation only the first notices", async () => {
    const keySet = guide.keys(config.serverMetadata().jwks_uri);
    assert.ok(await guide.introspected(apiConfig, tokens.access_token, "scope_all"));
    assert.equal(await guide.introspected(apiConfig, tokens.access_token, "others"), undefined);
    assert.equal((await guide.verified(tokens.access_token, keySet)).client_id, "dossier");
    await assert.rejects(guide.verified(tokens.id_token, keySet), "an ID token is no access token");
    await guide.forget(config, tokens);
    assert.equal(await guide.introspected(apiConfig, tokens.access_token, "scope_all"), undefined);
    assert.equal((await guide.verified(tokens.access_token, keySet)).client_id, "dossier");
  });
  await check("keys: one request for many unknown kids, and the last good set when fetching fails", () => keyRules(guide));
  await check("as itself", async () => assert.equal((await guide.asMyself(apiConfig)).scope, "alerts"));
  await check("sign out leads back with the state, and the session is over", async () => {
    const again = await guide.finish(config, session, await arrive());
    const { redirect } = await browser.open(guide.signOut(config, again, "s1"));
    assert.equal(redirect.href, "https://dossier.example.fr/bye?state=s1");
    assert.equal((await arrive({ prompt: "none" })).searchParams.get("error"), "login_required");
  });
  await check("503 with Retry-After: the call is made again, other errors are not", async () => {
    const own = await guide.discover();
    const faults = [];
    own[oidc.customFetch] = (url, options) => faults.shift() ?? fetch(url, options);
    const fault = (status, headers) => Response.json({ error: "temporarily_unavailable" }, { status, headers });
    const signedIn = await guide.finish(config, session, await arrive());
    const call = () => guide.refresh(own, signedIn);
    faults.push(fault(503, { "retry-after": "0" }), fault(503, { "retry-after": "0" }));
    assert.ok((await guide.patiently(call)).access_token);
    for (const broken of [fault(503, {}), fault(400, { "retry-after": "0" })]) {
      faults.push(broken);
      await assert.rejects(guide.patiently(call));
      assert.equal(faults.length, 0);
    }
  });
}

async function keyRules(guide) {
  const real = await (await fetch(`${server.issuer}/jwks`)).json();
  let [asked, broken] = [0, false];
  const get = async () => {
    asked += 1;
    if (broken) throw new Error("no network");
    return Response.json(real, { headers: { "cache-control": "public, max-age=0" } });
  };
  const keySet = guide.keys("unused", get);
  const known = { alg: "ES256", kid: real.keys.find((key) => key.alg === "ES256").kid };
  await keySet(known, {});
  for (let times = 0; times < 20; times += 1) await assert.rejects(keySet({ alg: "ES256", kid: `no-${times}` }, {}));
  assert.equal(asked, 1, "within a minute");
  const now = Date.now;
  try {
    Date.now = () => now() + 61_000;
    broken = true;
    await keySet(known, {});
    assert.equal(asked, 2, "once more after a minute, in vain, and the old keys still serve");
  } finally {
    Date.now = now;
  }
}
