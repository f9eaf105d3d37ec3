// Sign-in by a FranceConnect+-style provider, end to end: a service on openid-client, `sceau serve`, and npm oidc-provider
// with FranceConnect's published settings above it (tests/upstream). Every fault of the provider is a page with a way back,
// no session and no link, and the next attempt works.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import * as oidc from "openid-client";
import { IDENTITIES, startTwin } from "../upstream/twin.mjs";
import { Visitor } from "../upstream/visitor.mjs";
import { Browser, check, report, sceau } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { begin, configuration, register } from "./_service.mjs";

const SECRET = "un secret de plus de trente-deux caracteres";
const RETURN = "http://localhost:9/callback";
const SCOPE = "openid profile birth identite_pivot email";
const LINKED = "ordinaire", NEVER = IDENTITIES.findLast(({ email, id }) => email && id !== LINKED).id;
/// By name, and where they strike; what strikes anywhere is tried at the token endpoint and at userinfo.
const FAULTS = [
  ...["not_found", "html_200", "html_500", "oversize", "cut"].flatMap((name) => [[name, "token"], [name, "userinfo"]]),
  ...["wrong_iss", "wrong_aud", "wrong_sub", "expired", "issued_in_future", "alg_none", "hs256_public_key", "unknown_kid", "other_key",
    "not_encrypted", "rsa1_5"].flatMap((name) => [[name, "token"], [name, "userinfo"]]),
  ...["wrong_nonce", "missing_nonce", "wrong_at_hash", "lower_acr", "missing_acr", "replayed_code", "slow"].map((name) => [name, "token"]),
  ["unsigned_json", "userinfo"],
  ...["wrong_iss", "missing_iss", "access_denied", "temporarily_unavailable"].map((name) => [`callback_${name}`, "callback"]),
];
const world = {};

/// A browser at an address of its own: limits count by source.
class Elsewhere extends Browser {
  static count = 0;

  constructor() {
    super(world.server.issuer);
    Elsewhere.count += 1;
    this.source = `198.18.0.${Elsewhere.count}`;
  }

  request(url, options = {}) {
    return super.request(url, { ...options, headers: { ...options.headers, "x-forwarded-for": this.source } });
  }
}

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
  for (const [name, at] of FAULTS) await check(`${name} at ${at}: a page, no session, no link, and the next attempt works`, () => strikes(name, at));
  await check("callback_wrong_state: nothing is redeemed, and a new attempt works", async () => {
    world.twin.fault("callback_wrong_state");
    const { turn } = await walk({ identity: NEVER });
    assert.equal(turn.page?.status, 400, turn.page?.summary() ?? String(turn.redirect));
    assert.deepEqual(await linksOf(NEVER), []);
    await claimsOf(await walk({ identity: LINKED }));
  });
  await check("an answer brought by another browser, or twice, is refused", twice);
  await check("in Chromium: the service, FranceConnect+, consent, back to the service", inChromium);
  await check("an unlinked account is linked anew by proof only: the phone that it lacks is asked for", async () => {
    const [link] = await linksOf(LINKED);
    const gone = await sceau("persons", "unlink", ...world.server.target, "--reference", `t-${LINKED}`, "--link", link.id ?? link.link, "--json");
    assert.equal(gone.status, 0, gone.stderr);
    const { turn } = await walk({ identity: LINKED });
    assert.equal(turn.page?.status, 403, turn.page?.summary() ?? String(turn.redirect));
    assert.deepEqual(await linksOf(LINKED), []);
  });
  await check("the audit log tells of it, and is whole", async () => {
    const verified = await sceau("audit", "verify", ...world.server.target);
    assert.equal(verified.status, 0, verified.stderr);
  });
}

async function prepare() {
  world.twin = await startTwin({ flavour: "plus" });
  const server = await Server.configure({ lines: [
    "[patients]", 'ins = "test"',
    "[[upstream]]", 'id = "plus"', 'preset = "franceconnect+"', 'name = "FranceConnect+"', `issuer = "${world.twin.issuer}"`,
    'client_id = "sceau"', 'client_secret_file = "UPSTREAM_SECRET"', 'encryption = ["RSA-OAEP-256"]', "amr = true",
  ] });
  world.server = server;
  const secret = join(server.folder, "upstream.secret");
  writeFileSync(secret, SECRET, { mode: 0o600 });
  writeFileSync(server.settings, readFileSync(server.settings, "utf8").replace("UPSTREAM_SECRET", secret));
  process.env.SCEAU__HTTP__TRUSTED_PROXIES = "127.0.0.1";
  await server.begin();
  const file = join(server.folder, "patients.jsonl");
  writeFileSync(file, IDENTITIES.map((identity) => `${JSON.stringify(patient(identity))}\n`).join(""));
  const imported = await sceau("patients", "import", ...server.target, file);
  assert.equal(imported.status, 0, imported.stderr);
  await world.twin.register({
    client_id: "sceau", client_secret: SECRET, redirect_uris: [`${server.issuer}/federation/plus/callback`],
    post_logout_redirect_uris: [`${server.issuer}/federation/plus/logged_out`], jwks_uri: `${server.issuer}/jwks`,
    id_token_encrypted_response_alg: "RSA-OAEP-256", amr_allowed: true,
  });
  const words = ["--name", "Dossier", "--redirect-uri", RETURN, "--scope", SCOPE, "--release", "identite_pivot", "--release", "email"];
  world.client = { ...(await register(server.target, ...words)), redirect_uris: [RETURN] };
  world.config = await configuration(server, world.client);
}

function patient(identity) {
  return {
    reference: `t-${identity.id}`,
    family_name: identity.family_name,
    given_names: identity.given_name_array,
    sex: identity.gender,
    birth_date: identity.birthdate,
    ...(identity.birthplace ? { birth_place: identity.birthplace } : {}),
    birth_country: identity.birthcountry,
    ins_status: "validated",
    ...(identity.email ? { email: identity.email } : {}),
  };
}

async function linksOf(identity) {
  const shown = await sceau("persons", "show", ...world.server.target, "--reference", `t-${identity}`, "--json");
  assert.equal(shown.status, 0, shown.stderr);
  return shown.body.links;
}

// --- the walk ----------------------------------------------------------------------------------------------------

async function start(more = {}) {
  return begin(world.config, world.client, { parameters: { scope: SCOPE, acr_values: "eidas2", ...more } });
}

/// From the page at `turn` to the provider above, and back with `identity`.
async function there(browser, turn, { identity, acr = "eidas2", giveUp = false }) {
  const away = await browser.submit(turn.page, turn.page.action("/federate"), { provider: "plus" });
  assert.equal(away.redirect?.origin, new URL(world.twin.issuer).origin, away.page?.summary());
  const callback = await new Visitor(world.twin).signIn(away.redirect, { identity, acr, giveUp });
  assert.ok(callback instanceof URL, JSON.stringify(callback).slice(0, 300));
  return callback;
}

async function walk(person, browser = new Elsewhere()) {
  const flow = await start();
  const callback = await there(browser, await browser.open(flow.url), person);
  return { flow, browser, callback, turn: await consent(browser, await browser.open(callback)) };
}

async function consent(browser, turn) {
  if (!turn.page?.asksConsent) return turn;
  return browser.submit(turn.page, turn.page.action("/consent"), { decision: "allow" });
}

async function claimsOf({ flow, turn }) {
  assert.ok(turn.redirect, turn.page?.summary());
  const tokens = await flow.redeem(turn.redirect);
  const claims = tokens.claims();
  assert.equal(claims.acr, "eidas2");
  return { claims, told: await oidc.fetchUserInfo(world.config, tokens.access_token, claims.sub) };
}

async function firstSignIn() {
  assert.deepEqual(await linksOf(LINKED), []);
  const { claims, told } = await claimsOf(await walk({ identity: LINKED }));
  const known = IDENTITIES.find(({ id }) => id === LINKED);
  for (const name of ["family_name", "given_name", "birthdate", "gender", "birthplace", "birthcountry", "email"]) {
    assert.equal(told[name], known[name], name);
  }
  assert.ok(!("ins" in told) && !JSON.stringify(told).includes("t-ordinaire"));
  assert.notEqual(claims.sub, world.twin.subject(LINKED, "sceau"), "a subject of our own");
  assert.deepEqual(claims.amr, ["fc", "pop", "mfa", "pin"]);
}

// --- faults ------------------------------------------------------------------------------------------------------

async function strikes(name, at) {
  world.twin.fault(name, { at });
  const browser = new Elsewhere();
  const { turn, flow } = await walk({ identity: NEVER }, browser);
  world.twin.clear();
  assert.ok(turn.page && turn.page.status >= 400, turn.page?.summary() ?? String(turn.redirect));
  assert.match(turn.page.html, /<code id="reference">[0-9a-f-]{36}<\/code>/);
  const back = turn.page.html.match(/href="(\/interaction\/[0-9a-f-]+)"/)?.[1];
  assert.ok(back, turn.page.summary());
  assert.ok(![...browser.cookies.keys()].some((cookie) => cookie.includes("session")), "no session");
  assert.deepEqual(await linksOf(NEVER), []);
  // The same interaction goes on.
  const callback = await there(browser, await browser.open(back), { identity: LINKED });
  await claimsOf({ flow, turn: await consent(browser, await browser.open(callback)) });
}

async function twice() {
  const browser = new Elsewhere();
  const flow = await start();
  const callback = await there(browser, await browser.open(flow.url), { identity: LINKED });
  const before = world.twin.requestsTo("token").length;
  const stranger = await new Elsewhere().open(callback);
  assert.ok(stranger.page.status >= 400, stranger.page.summary());
  const again = await browser.open(callback);
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
      const flow = await start({ prompt: "consent" });
      const answered = page.waitForRequest((request) => request.url().startsWith(RETURN));
      await page.goto(flow.url.href);
      await shot(page, `federation-identify-${width}`);
      await page.click('button[name="provider"]');
      await page.selectOption('#identite select[name="identity"]', LINKED);
      await page.click("#identite button");
      await page.click("#consentement button").catch(() => {});
      await page.waitForSelector('button[name="decision"][value="allow"]');
      await shot(page, `federation-consent-${width}`);
      // Nobody listens at the service's address: the request is what counts.
      await page.click('button[name="decision"][value="allow"]').catch(() => {});
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
  await world.twin?.stop();
}
if (broken) await check("the suite itself", () => Promise.reject(broken));
report();
