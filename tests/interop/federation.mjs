// Sign-in by a FranceConnect+-style provider, end to end: a service on openid-client, `sceau serve`, and npm oidc-provider
// with FranceConnect's published settings above it (tests/upstream). Every fault of the provider is a page with a way back,
// a row of the audit log, no session and no link, and the next attempt works.
import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Bridge, Elsewhere, IDENTITIES, identityOf, reference } from "./_federation.mjs";
import { check, report, sceau } from "./_sceau.mjs";
import { Server } from "./_server.mjs";

const LINKED = "ordinaire", NEVER = IDENTITIES.findLast(({ email, id }) => email && id !== LINKED).id;
/// Where they strike, by name, and the word for it in the audit log.
const FAULTS = {
  discovery: {
    slow: "timed_out", not_found: "status", html_200: "content_type", html_500: "server_error", oversize: "too_long",
    cut: "unreachable", not_json: "metadata", foreign_issuer: "metadata_issuer", foreign_endpoint: "metadata_endpoint",
  },
  jwks: {
    slow: "timed_out", not_found: "status", html_200: "content_type", html_500: "server_error", oversize: "too_long",
    cut: "unreachable", not_json: "key_set", foreign_keys: "unknown_key",
  },
  token: {
    not_found: "status", html_200: "content_type", html_500: "server_error", oversize: "too_long", cut: "unreachable",
    not_json: "token_answer", wrong_iss: "issuer", wrong_aud: "audience", wrong_sub: "userinfo_subject", expired: "expired",
    issued_in_future: "issued_in_future", alg_none: "malformed", hs256_public_key: "algorithm", unknown_kid: "unknown_key",
    other_key: "signature", not_encrypted: "not_encrypted", rsa1_5: "undecryptable", wrong_nonce: "nonce",
    missing_nonce: "nonce", wrong_at_hash: "access_token_hash", lower_acr: "level_too_low", missing_acr: "level_too_low",
    replayed_code: "code_refused", slow: "timed_out",
  },
  userinfo: {
    not_found: "status", html_200: "content_type", html_500: "server_error", oversize: "too_long", cut: "unreachable",
    wrong_iss: "userinfo_issuer", wrong_aud: "userinfo_audience", wrong_sub: "userinfo_subject",
    expired: "userinfo_expired", issued_in_future: "userinfo_expired", alg_none: "userinfo_malformed",
    hs256_public_key: "userinfo_signature", unknown_kid: "userinfo_signature", other_key: "userinfo_signature",
    not_encrypted: "userinfo_encryption", rsa1_5: "undecryptable", slow: "timed_out", unsigned_json: "userinfo_unsigned",
  },
  callback: {
    callback_wrong_iss: "callback_issuer", callback_missing_iss: "callback_issuer_missing",
    callback_access_denied: "denied_there", callback_temporarily_unavailable: "unavailable_there",
  },
};
/// Read once and kept: what strikes there strikes a server that has just begun.
const DOCUMENTS = ["discovery", "jwks"];
/// All calls of one login together, in the preset.
const BUDGET = 6000;
const world = {};
const FRESH = { acr_values: "eidas2" };

const browser = () => new Elsewhere(world.server.issuer);
const walk = (person, visitor = browser(), parameters = FRESH) => world.bridge.walk(person, visitor, parameters);
const claimsOf = (walked) => world.bridge.claimsOf(walked);
const linksOf = (identity) => world.bridge.linksOf(identity);

async function everything() {
  await prepare();
  await check("a patient signs in, is linked once, and the service gets level and traits", firstSignIn);
  await check("the link is shown to operators, and the second sign-in uses it", async () => {
    const links = await linksOf(LINKED);
    assert.equal(links.length, 1);
    await claimsOf(await walk({ identity: LINKED }));
    assert.deepEqual(await linksOf(LINKED), links);
  });
  await check("a key rotated between discovery and token is followed", async () => {
    world.twin.fault("rotated_key", { at: "token" });
    await claimsOf(await walk({ identity: LINKED }));
  });
  await check("a set of other keys is read once more", async () => {
    await world.server.restart();
    world.twin.requests.length = 0;
    world.twin.fault("foreign_keys", { at: "jwks" });
    await claimsOf(await walk({ identity: LINKED }));
    assert.equal(world.twin.requestsTo("jwks").length, 2);
  });
  for (const [at, faults] of Object.entries(FAULTS)) {
    for (const [name, reason] of Object.entries(faults)) {
      const outcome = `a page, ${reason} in the log, no session, no link, and the next attempt works`;
      await check(`${name} at ${at}: ${outcome}`, () => strikes(name, at, reason));
    }
  }
  await check("callback_wrong_state: nothing is redeemed, and a new attempt works", async () => {
    world.twin.fault("callback_wrong_state");
    const { turn } = await walk({ identity: NEVER });
    assert.equal(turn.page?.status, 400, turn.page?.summary() ?? String(turn.redirect));
    const { kind, decision, reason } = (await world.server.audited()).at(-1);
    assert.deepEqual([kind, decision, reason], ["federation.answer", "refusal", "state_unknown"]);
    assert.deepEqual(await linksOf(NEVER), []);
    await claimsOf(await walk({ identity: LINKED }));
  });
  await check("an answer brought by another browser, or twice, is refused", twice);
  await check("in Chromium: the service, FranceConnect+, consent, back to the service", inChromium);
  await check("an unlinked account is linked anew by proof only: the phone that it lacks is asked for", async () => {
    const [link] = await linksOf(LINKED);
    const words = ["--reference", reference(LINKED), "--link", link.id ?? link.link, "--json"];
    const gone = await sceau("persons", "unlink", ...world.server.target, ...words);
    assert.equal(gone.status, 0, gone.stderr);
    const { turn } = await walk({ identity: LINKED });
    assert.equal(turn.page?.status, 403, turn.page?.summary() ?? String(turn.redirect));
    assert.deepEqual(await linksOf(LINKED), []);
  });
  await check("the audit log is whole", async () => {
    const verified = await sceau("audit", "verify", ...world.server.target);
    assert.equal(verified.status, 0, verified.stderr);
  });
}

async function prepare() {
  world.bridge = await Bridge.start("plus");
  world.twin = world.bridge.upstreams.plus;
  process.env.SCEAU__HTTP__TRUSTED_PROXIES = "127.0.0.1";
  world.server = await Server.start(...world.bridge.lines);
  await world.bridge.introduce(world.server);
}

async function firstSignIn() {
  assert.deepEqual(await linksOf(LINKED), []);
  const { claims, told } = await claimsOf(await walk({ identity: LINKED }));
  const known = identityOf(LINKED);
  for (const name of ["family_name", "given_name", "birthdate", "gender", "birthplace", "birthcountry", "email"]) {
    assert.equal(told[name], known[name], name);
  }
  assert.ok(!("ins" in told) && !JSON.stringify(told).includes(reference(LINKED)));
  assert.notEqual(claims.sub, world.twin.subject(LINKED, "sceau"), "a subject of our own");
  assert.deepEqual(claims.amr, ["fc", "pop", "mfa", "pin"]);
}

// --- faults ------------------------------------------------------------------------------------------------------

async function strikes(name, at, reason) {
  if (DOCUMENTS.includes(at)) await world.server.restart();
  world.twin.fault(name, { at, times: name === "foreign_keys" ? 2 : 1 });
  const visitor = browser();
  const began = Date.now();
  const { turn, flow } = await walk({ identity: NEVER }, visitor);
  const took = Date.now() - began;
  world.twin.clear();
  assert.ok(turn.page && turn.page.status >= 400, turn.page?.summary() ?? String(turn.redirect));
  if (name === "slow") assert.ok(took >= BUDGET && took < BUDGET + 1900, `${took} ms`);
  const [, told] = turn.page.html.match(/<code id="reference">([0-9a-f-]{36})<\/code>/) ?? [];
  const row = (await world.server.audited()).find(({ id }) => id === told);
  const kind = at === "discovery" ? "federation.request" : "federation.answer";
  assert.deepEqual([row?.kind, row?.decision, row?.reason, row?.actor], [kind, "refusal", reason, "plus"], turn.page.summary());
  const back = turn.page.html.match(/href="(\/interaction\/[0-9a-f-]+)"/)?.[1];
  assert.ok(back, turn.page.summary());
  assert.ok(![...visitor.cookies.keys()].some((cookie) => cookie.includes("session")), "no session");
  assert.deepEqual(await linksOf(NEVER), []);
  // A set of keys is read again for a token once a minute.
  if (name === "foreign_keys") return world.server.restart().then(() => walk({ identity: LINKED })).then(claimsOf);
  // The same interaction goes on.
  const { callback } = await world.bridge.there(visitor, await visitor.open(back), { identity: LINKED });
  return claimsOf({ flow, turn: await world.bridge.consent(visitor, await visitor.open(callback)) });
}

async function twice() {
  const visitor = browser();
  const flow = await world.bridge.ask(FRESH);
  const { callback } = await world.bridge.there(visitor, await visitor.open(flow.url), { identity: LINKED });
  const before = world.twin.requestsTo("token").length;
  const stranger = await browser().open(callback);
  assert.ok(stranger.page.status >= 400, stranger.page.summary());
  const again = await visitor.open(callback);
  assert.ok(again.page?.status >= 400, "the state was used up");
  assert.equal(world.twin.requestsTo("token").length, before, "nothing is redeemed");
}

// --- Chromium ----------------------------------------------------------------------------------------------------

async function inChromium() {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"];
  const chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  try {
    for (const [width, height] of [[390, 844], [1280, 900]]) {
      const context = await chrome.newContext({ locale: "fr-FR", viewport: { width, height } });
      const page = await context.newPage();
      const flow = await world.bridge.ask({ ...FRESH, prompt: "consent" });
      const answered = page.waitForRequest((request) => request.url().startsWith(world.bridge.callback));
      answered.catch(() => {});
      await page.goto(flow.url.href);
      await shot(page, `federation-identify-${width}`);
      await page.click('button[name="provider"]');
      await page.selectOption('#identite select[name="identity"]', LINKED);
      await page.click("#identite button");
      await page.click("#consentement button");
      await page.waitForSelector('button[name="decision"][value="allow"]');
      await shot(page, `federation-consent-${width}`);
      await page.click('button[name="decision"][value="allow"]');
      await claimsOf({ flow, turn: { redirect: new URL((await answered).url()) } });
      await context.close();
    }
  } finally {
    await chrome.close();
  }
}

async function shot(page, name) {
  if (process.env.SCEAU_SCREENSHOTS) await page.screenshot({ path: join(process.env.SCEAU_SCREENSHOTS, `${name}.png`), fullPage: true });
}

let broken;
try {
  await everything();
} catch (error) {
  broken = error;
} finally {
  await world.server?.stop();
  await world.bridge?.stop();
}
if (broken) await check("the suite itself", () => Promise.reject(broken));
report();
