// A hub like FranceConnect+ above `sceau serve`, on openid-client and jose: answers signed then encrypted to its key, its
// key rotation followed, access tokens of one use, the claims it accepts and no other, levels told truthfully, and the page
// that asks for an e-mail address. Patients sign in by npm oidc-provider with FranceConnect+'s settings (tests/upstream).
//
// Needs SCEAU_BINARY and Chromium (CHROMIUM, /usr/bin/chromium by default). Screenshots go to SCEAU_SCREENSHOTS, if set.
// It lasts a minute and a half: a key set is read again after a minute at the earliest.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as jose from "jose";
import * as oidc from "openid-client";
import { chromium } from "playwright-core";
import { IDENTITIES, startTwin } from "../upstream/twin.mjs";
import { Visitor } from "../upstream/visitor.mjs";
import { Browser, CommandLinePhone, Demo, check, report, sceau } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { begin, refused, register } from "./_service.mjs";

const SECRET = "un secret de plus de trente-deux caracteres";
const SOFTWARE_PHONE = "5ce40f0e-1d0a-4b5b-9a52-7e3c1f0a0001";
const RETURN = "https://hub.example/api/v2/oidc-callback/sceau";
const SCOPE = "openid profile email preferred_username birthplace birthcountry";
/// What FranceConnect validates of an identity (domain facts of its published source); it refuses any other member.
const IDENTITY = ["sub", "given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry", "email"];
const ACCEPTED = [...IDENTITY, "preferred_username", "iss", "aud"];
const KNOWN = "ordinaire", ABROAD = "nee-a-l-etranger", ASKED = "nom-d-usage", SCREEN = "haute-corse", LEFT = "corse-du-sud";
const WITHOUT_EMAIL = [ASKED, SCREEN, LEFT];
const TYPED = "adresse.saisie@declaree.example";
const PAUSE = 61_000; // A set is read again after a minute at the earliest.
const world = {};

// --- the hub -----------------------------------------------------------------------------------------------------

/// Its keys, published at an address of its own; and its side of the protocol.
class Hub {
  reads = 0;
  answers = [];

  static async start() {
    const hub = new Hub();
    await hub.rotate();
    hub.server = createServer((request, response) => {
      hub.reads += 1;
      response.writeHead(200, { "content-type": "application/jwk-set+json", "cache-control": "max-age=1" });
      response.end(JSON.stringify({ keys: [hub.signing, hub.key.jwk] }));
    });
    await new Promise((resolve) => hub.server.listen(0, "127.0.0.1", resolve));
    hub.jwksUri = `http://127.0.0.1:${hub.server.address().port}/client/.well-known/keys`;
    return hub;
  }

  /// A new encryption key in the place of the old one, which is gone. The first key of the set is for signatures.
  async rotate() {
    const pair = await jose.generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
    const kid = `enc-${Math.random().toString(36).slice(2)}`;
    this.key = { kid, private: pair.privateKey, jwk: { ...(await jose.exportJWK(pair.publicKey)), kid, use: "enc", alg: "ECDH-ES" } };
    const { publicKey } = await jose.generateKeyPair("ES256", { extractable: true });
    this.signing ??= { ...(await jose.exportJWK(publicKey)), kid: "sig", use: "sig", alg: "ES256" };
  }

  /// openid-client as the hub has configured it, with the key of now; `answers` keeps what came over the wire.
  async configuration() {
    const metadata = { userinfo_signed_response_alg: "ES256", id_token_signed_response_alg: "ES256" };
    const config = await oidc.discovery(
      new URL(world.server.issuer), world.client.client_id, metadata, oidc.ClientSecretPost(world.client.client_secret),
      { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
    );
    oidc.enableDecryptingResponses(config, ["A256GCM"], { key: this.key.private, alg: "ECDH-ES", kid: this.key.kid });
    config[oidc.customFetch] = async (url, options) => {
      const response = await fetch(url, options);
      const kept = response.clone();
      this.answers.push({ path: new URL(url).pathname, type: kept.headers.get("content-type"), status: kept.status, text: await kept.text() });
      return response;
    };
    return config;
  }

  last(path) {
    return this.answers.findLast((answer) => answer.path === path);
  }

  /// What is inside a token: decrypted with our key, then verified with a published one.
  async open(token) {
    assert.equal(token.split(".").length, 5, "a compact JWE");
    const { plaintext, protectedHeader } = await jose.compactDecrypt(token, this.key.private, {
      keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: ["A256GCM"],
    });
    const { alg, enc, cty, kid } = protectedHeader;
    assert.deepEqual({ alg, enc, cty, kid }, { alg: "ECDH-ES", enc: "A256GCM", cty: "JWT", kid: this.key.kid });
    const keys = jose.createRemoteJWKSet(new URL(`${world.server.issuer}/jwks`));
    const options = { issuer: world.server.issuer, audience: world.client.client_id, algorithms: ["ES256"] };
    return (await jose.jwtVerify(new TextDecoder().decode(plaintext), keys, options)).payload;
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

// --- the walk ----------------------------------------------------------------------------------------------------

/// A browser at an address of its own: limits count by source.
class Elsewhere extends Browser {
  static count = 0;

  constructor() {
    super(world.server.issuer);
    Elsewhere.count += 1;
    this.source = `198.18.1.${Elsewhere.count}`;
  }

  request(url, options = {}) {
    return super.request(url, { ...options, headers: { ...options.headers, "x-forwarded-for": this.source } });
  }
}

async function start(more = {}) {
  const config = await world.hub.configuration();
  return begin(config, { redirect_uris: [RETURN] }, { parameters: { scope: SCOPE, acr_values: "eidas2", ...more } });
}

/// From the hub's request by the provider above, and back: a page of ours, or the answer to the hub.
async function walk(identity, { more, acr, browser = new Elsewhere() } = {}) {
  const flow = await start(more);
  return { flow, browser, turn: await above(browser, await browser.open(flow.url), identity, acr) };
}

/// The same from a page that offers the provider above, if `turn` is one: at eidas3 no phone is asked about.
async function above(browser, turn, identity, acr = "eidas2") {
  if (!turn.page?.html.includes('/federate"')) return turn;
  const away = await browser.submit(turn.page, turn.page.action("/federate"), { provider: "plus" });
  assert.ok(away.redirect, away.page?.summary());
  const callback = await new Visitor(world.twin).signIn(away.redirect, { identity, acr });
  assert.ok(callback instanceof URL, JSON.stringify(callback).slice(0, 300));
  return browser.open(callback);
}

async function tokensOf({ flow, turn }) {
  assert.ok(turn.redirect, turn.page?.summary());
  assert.equal(turn.redirect.searchParams.get("error"), null, String(turn.redirect));
  return flow.redeem(turn.redirect);
}

/// ID token and userinfo, as openid-client accepts them and as we open them by ourselves.
async function told(walked) {
  const tokens = await tokensOf(walked);
  const token = await world.hub.open(JSON.parse(world.hub.last("/token").text).id_token);
  assert.deepEqual({ ...token }, { ...tokens.claims() });
  const userinfo = await oidc.fetchUserInfo(walked.flow.config, tokens.access_token, token.sub);
  const raw = world.hub.last("/userinfo");
  assert.match(raw.type, /^application\/jwt\b/);
  const opened = await world.hub.open(raw.text);
  assert.deepEqual({ ...opened }, { ...userinfo });
  return { tokens, token, userinfo };
}

const asksEmail = (turn) => turn.page?.html.includes('name="email"') ?? false;
const identityOf = (id) => IDENTITIES.find((one) => one.id === id);
const errorOf = ({ turn }) => {
  assert.ok(turn.redirect, turn.page?.summary());
  return turn.redirect.searchParams.get("error");
};

function patient(identity) {
  const { id, family_name, given_name_array: given_names, gender: sex, birthdate: birth_date, birthplace, birthcountry: birth_country } = identity;
  const email = WITHOUT_EMAIL.includes(id) ? undefined : identity.email;
  return {
    reference: `t-${id}`, family_name, given_names, sex, birth_date, birth_country, ins_status: "validated",
    ...(birthplace ? { birth_place: birthplace } : {}), ...(email ? { email } : {}),
  };
}

// --- the checks --------------------------------------------------------------------------------------------------

async function everything() {
  await prepare();
  await check("a hub is registered with https, with keys at an address, and for claims it accepts, or not at all", registration);
  await check("discovery announces what the hub needs", async () => {
    const metadata = (await world.hub.configuration()).serverMetadata();
    assert.ok(metadata.id_token_encryption_alg_values_supported.includes("ECDH-ES"));
    assert.deepEqual(metadata.id_token_encryption_enc_values_supported, ["A256GCM"]);
    assert.deepEqual(metadata.userinfo_signing_alg_values_supported, ["ES256"]);
  });
  await check("ES256 inside JWE to the hub's key, at eidas2, and the identity that it validates", firstSignIn);
  await check("no member that the hub refuses, of somebody born abroad too", async () => {
    const { userinfo } = await told(await walk(ABROAD));
    assert.deepEqual([userinfo.birthplace, userinfo.birthcountry], ["", identityOf(ABROAD).birthcountry]);
    accepted(userinfo);
  });
  await check("claims asked for by name are refused as the others are", named);
  await check("an access token serves once: a second userinfo is refused", once);
  await check("of twenty at once with one access token, one is served", race);
  await check("no refresh token, and a token of a minute", async () => {
    const tokens = await tokensOf(await walk(KNOWN));
    assert.deepEqual([tokens.refresh_token, tokens.expires_in], [undefined, 60]);
  });
  await check("the level is the one reached: eidas3 as eidas3, a lower one never as eidas3, eidas2 at least when nothing is asked", levels);
  await check("a phone while a link is fresh counts eidas1, and the hub is told that eidas2 was not reached", freshPhone);
  await check("a professional is not told of", professional);
  await check("who has no e-mail address is asked for one, told what is wrong with it, and not asked again", email);
  await check("who has one is not asked", async () => {
    const walked = await walk(KNOWN);
    assert.ok(!asksEmail(walked.turn), walked.turn.page?.summary());
    assert.equal((await told(walked)).userinfo.email, identityOf(KNOWN).email);
  });
  await check("the page can be left, its form is its own browser's, and prompt=none shows none", leave);
  await check("the page in Chromium, without JavaScript, on two sizes", inChromium);
  await check("the hub's key is replaced: the next login is encrypted to the new one", rotation);
  await check("the audit log is whole, and what was typed stands nowhere in clear", nowhere);
}

async function prepare() {
  world.twin = await startTwin({ flavour: "plus" });
  world.hub = await Hub.start();
  const server = await Server.configure({ lines: [
    "[patients]", 'ins = "test"',
    "[[upstream]]", 'id = "plus"', 'preset = "franceconnect+"', 'name = "FranceConnect+"', `issuer = "${world.twin.issuer}"`,
    'client_id = "sceau"', 'client_secret_file = "UPSTREAM_SECRET"', 'encryption = ["RSA-OAEP-256"]', "amr = true",
  ] });
  world.server = server;
  const secret = join(server.folder, "upstream.secret");
  world.root = join(server.folder, "root.pem");
  writeFileSync(secret, SECRET, { mode: 0o600 });
  await throwAwayRoot();
  const attested = `attestation_roots = ["${world.root}"]\naaguids = ["${SOFTWARE_PHONE}"]`;
  const settings = readFileSync(server.settings, "utf8").replace("UPSTREAM_SECRET", secret);
  writeFileSync(server.settings, settings.replace("allow_self_attestation = true", attested));
  process.env.SCEAU__HTTP__TRUSTED_PROXIES = "127.0.0.1";
  await server.begin();
  const person = await server.person("899700000013");
  world.professional = { person, phone: await CommandLinePhone.enrol(server, person, "professional", "--attest-root", world.root) };
  const file = join(server.folder, "patients.jsonl");
  writeFileSync(file, IDENTITIES.map((identity) => `${JSON.stringify(patient(identity))}\n`).join(""));
  const imported = await sceau("patients", "import", ...server.target, file);
  assert.equal(imported.status, 0, imported.stderr);
  await world.twin.register({
    client_id: "sceau", client_secret: SECRET, redirect_uris: [`${server.issuer}/federation/plus/callback`],
    post_logout_redirect_uris: [`${server.issuer}/federation/plus/logged_out`], jwks_uri: `${server.issuer}/jwks`,
    id_token_encrypted_response_alg: "RSA-OAEP-256", amr_allowed: true,
  });
  world.client = await register(server.target, ...words());
}

/// A root that the software phone makes where there is none.
async function throwAwayRoot() {
  const demo = await Demo.start();
  try {
    await CommandLinePhone.enrol(demo, demo.persons[0], "root", "--attest-root", world.root).catch(() => {});
  } finally {
    await demo.stop();
  }
}

function words(changed = {}) {
  const options = {
    "--profile": "france_connect", "--name": "FranceConnect+", "--auth": "client_secret_post", "--redirect-uri": RETURN,
    "--jwks-uri": world.hub.jwksUri, "--encryption": "ECDH-ES", ...changed,
  };
  return Object.entries(options).filter(([, value]) => value !== undefined).flat();
}

async function registration() {
  for (const changed of [
    { "--redirect-uri": RETURN.replace("https", "http") },
    { "--jwks-uri": undefined, "--encryption": undefined },
    { "--jwks-uri": "https://10.0.0.1/keys" },
    { "--release": "ins" },
    { "--auth": "none" },
    { "--grant": "refresh_token" },
  ]) {
    const answer = await sceau("clients", "add", ...world.server.target, ...words(changed), "--json");
    assert.notEqual(answer.status, 0, JSON.stringify(changed));
    assert.match(answer.stderr, /refused|error/i);
  }
}

async function firstSignIn() {
  const { token, userinfo } = await told(await walk(KNOWN));
  assert.equal(token.acr, "eidas2");
  assert.ok(Array.isArray(token.amr) && token.amr.every((method) => typeof method === "string"));
  assert.deepEqual(Object.keys(token).filter((name) => IDENTITY.includes(name)), ["sub"], "nothing about the person");
  const known = identityOf(KNOWN);
  for (const name of IDENTITY.filter((name) => name !== "sub")) assert.equal(userinfo[name], known[name], name);
  assert.match(userinfo.sub, /^[\x21-\x7e]+$/);
  accepted(userinfo);
  world.known = userinfo.sub;
}

/// Every member of an identity, and none that the hub refuses.
function accepted(userinfo) {
  assert.deepEqual(Object.keys(userinfo).filter((name) => !ACCEPTED.includes(name)), []);
  assert.deepEqual(IDENTITY.filter((name) => !(name in userinfo)), []);
}

async function named() {
  const claims = { userinfo: { ins: null, given_name_array: null, email_verified: { essential: true }, birthdate: null } };
  const walked = await walk(KNOWN, { more: { claims: JSON.stringify(claims) } });
  accepted((await told(walked)).userinfo);
}

async function once() {
  const { tokens, token } = await told(await walk(KNOWN));
  const config = await world.hub.configuration();
  await refused("invalid_token", oidc.fetchUserInfo(config, tokens.access_token, token.sub));
}

async function race() {
  const { access_token } = await tokensOf(await walk(KNOWN));
  const one = () => fetch(`${world.server.issuer}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } });
  const statuses = (await Promise.all(Array.from({ length: 20 }, one))).map((response) => response.status);
  assert.deepEqual(statuses.sort(), [200, ...Array(19).fill(401)]);
}

async function levels() {
  const more = { acr_values: "eidas3" };
  assert.equal((await told(await walk(KNOWN, { more, acr: "eidas3" }))).token.acr, "eidas3");
  world.twin.fault("lower_acr", { at: "token" });
  const low = await walk(KNOWN, { more, acr: "eidas3" });
  world.twin.clear();
  assert.ok(low.turn.page?.status >= 400, low.turn.page?.summary() ?? String(low.turn.redirect));
  const silent = await told(await walk(KNOWN, { more: { acr_values: undefined } }));
  assert.equal(silent.token.acr, "eidas2");
}

async function freshPhone() {
  // A first sign-in links the account; its browser then draws a ticket for a phone, which is attested.
  const { browser } = await walk(KNOWN);
  let turn = await browser.open("/account/phones/new");
  const ticket = () => turn.page?.html.match(/<code id="ticket">([^<]*)<\/code>/)?.[1];
  if (!ticket()) turn = await browser.open("/account/phones/new");
  assert.ok(ticket(), turn.page?.summary() ?? String(turn.redirect));
  const state = join(world.server.folder, "patient.json");
  const enrolled = await sceau("phone", "enrol", "--server", world.server.issuer, "--state", state, "--ticket", ticket(), "--attest-root", world.root);
  assert.equal(enrolled.status, 0, enrolled.stderr);
  const phone = new CommandLinePhone(state);
  const flow = await start();
  const other = new Elsewhere();
  const opened = await other.open(flow.url);
  const code = await other.submit(opened.page, opened.page.action("/qr"));
  const address = code.page.html.match(/<code id="qr-text">([^<]*)<\/code>/)[1];
  const claimed = await sceau("phone", "claim", "--state", state, address);
  assert.equal(claimed.status, 0, claimed.stderr);
  const resume = code.page.resume;
  const shown = await other.open(resume);
  await phone.answer({ number: shown.page.number });
  assert.equal(errorOf({ turn: await other.open(resume) }), "unmet_authentication_requirements");
}

async function professional() {
  const { person, phone } = world.professional;
  const { redirect, page } = await new Elsewhere().signIn((await start()).url, person.national_id, phone);
  assert.ok(redirect, page?.summary());
  assert.equal(redirect.searchParams.get("error"), "access_denied");
  assert.match(redirect.searchParams.get("error_description"), /professional/);
}

async function email() {
  const walked = await walk(ASKED);
  let { turn } = walked;
  assert.ok(asksEmail(turn), turn.page?.summary() ?? String(turn.redirect));
  assert.match(turn.page.html, /FranceConnect\+ en demande une/);
  const action = turn.page.action("/email");
  for (const [typed, said] of [["", /Saisissez/], ["sans-arobase", /un seul @/], ["a b@c.fr", /ni espace/], ["a@b", /nom de domaine/], [`${"a".repeat(300)}@b.fr`, /trop longue/]]) {
    turn = await walked.browser.submit(turn.page, action, { email: typed });
    assert.ok(asksEmail(turn), `${typed} was taken`);
    assert.match(turn.page.html.match(/role="alert">([^<]*)</)?.[1] ?? "", said);
  }
  turn = await walked.browser.submit(turn.page, action, { email: ` ${TYPED} ` });
  const { token, userinfo } = await told({ ...walked, turn });
  assert.equal(userinfo.email, TYPED);
  assert.equal(userinfo.email_verified, undefined, "nobody verified it");
  assert.equal(token.acr, "eidas2");
  accepted(userinfo);
  // With the session, and with none.
  for (const browser of [walked.browser, new Elsewhere()]) {
    const again = await walk(ASKED, { browser });
    assert.ok(!asksEmail(again.turn), "asked again");
    assert.equal((await told(again)).userinfo.email, TYPED);
  }
}

async function leave() {
  const browser = new Elsewhere();
  const account = await above(browser, await browser.open("/account"), LEFT);
  assert.ok(!asksEmail(account), "the account page wants none");
  const silent = await browser.open((await start({ prompt: "none" })).url);
  assert.equal(silent.redirect.searchParams.get("error"), "interaction_required");
  const { turn } = await walk(LEFT, { browser });
  assert.ok(asksEmail(turn), turn.page?.summary());
  const action = turn.page.action("/email");
  const forged = await browser.follow(await browser.post(action, { csrf: "forged", email: TYPED }));
  assert.equal(forged.page?.status, 400, "a form of another site");
  const stranger = await new Elsewhere().submit(turn.page, action, { email: TYPED });
  assert.equal(stranger.page?.status, 400, "another browser");
  const left = await browser.submit(turn.page, turn.page.action("/cancel"));
  assert.equal(errorOf({ turn: left }), "access_denied");
  const again = await walk(LEFT, { browser });
  assert.ok(asksEmail(again.turn), "nothing of it was kept");
}

async function inChromium() {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"];
  const chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
  try {
    for (const [width, height, last] of [[390, 844, false], [1280, 900, true]]) {
      const { browser, flow, turn } = await walk(SCREEN);
      assert.ok(asksEmail(turn), turn.page?.summary() ?? String(turn.redirect));
      const context = await chrome.newContext({ locale: "fr-FR", viewport: { width, height }, javaScriptEnabled: false });
      const { hostname } = new URL(world.server.issuer);
      await context.addCookies([...browser.cookies].map(([name, value]) => ({
        name, value, path: "/", secure: name.startsWith("__"), ...(name.startsWith("__Host-") ? { url: undefined, domain: hostname } : { domain: hostname }),
      })));
      const page = await context.newPage();
      await page.goto(new URL(turn.page.action("/email").replace(/\/email$/, ""), world.server.issuer).href);
      assert.equal(await page.textContent("h1"), "Votre adresse électronique");
      await shot(page, `hub-email-${width}`);
      await page.fill("#email", "a@b");
      await page.click("button.primary");
      assert.match(await page.textContent("[role=alert]"), /nom de domaine/);
      assert.equal(await page.inputValue("#email"), "a@b", "what was typed can be corrected");
      await shot(page, `hub-email-refused-${width}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth);
      assert.ok(wide, "wider than the screen");
      await page.click("a.language");
      assert.equal(await page.textContent("h1"), "Your e-mail address");
      if (last) {
        const answered = page.waitForRequest((request) => request.url().startsWith(RETURN));
        await page.fill("#email", TYPED);
        // Nobody listens at the hub's address: the request is what counts.
        await page.click("button.primary").catch(() => {});
        assert.equal((await told({ flow, turn: { redirect: new URL((await answered).url()) } })).userinfo.email, TYPED);
      }
      await context.close();
    }
  } finally {
    await chrome.close();
  }
}

async function shot(page, name) {
  if (process.env.SCEAU_SCREENSHOTS) await page.screenshot({ path: join(process.env.SCEAU_SCREENSHOTS, `${name}.png`), fullPage: true });
}

async function rotation() {
  const [reads, before] = [world.hub.reads, world.hub.key.kid];
  assert.ok(reads >= 1 && reads < 10, `${reads} readings`);
  await world.hub.rotate();
  assert.notEqual(world.hub.key.kid, before);
  await pause(PAUSE);
  const { token, userinfo } = await told(await walk(KNOWN));
  assert.equal(token.sub, world.known);
  assert.equal(userinfo.sub, world.known);
  assert.ok(world.hub.reads > reads);
}

async function nowhere() {
  const verified = await sceau("audit", "verify", ...world.server.target);
  assert.equal(verified.status, 0, verified.stderr);
  const files = readdirSync(world.server.folder).filter((name) => name.startsWith("sceau.sqlite"));
  const dump = Buffer.concat(files.map((name) => readFileSync(join(world.server.folder, name))));
  assert.ok(dump.includes("person.email_declared"), "what is looked for would be found");
  assert.ok(!dump.includes(TYPED) && !dump.includes("declaree.example"));
}

let broken;
try {
  await everything();
} catch (error) {
  broken = error;
} finally {
  await world.server?.stop();
  await world.twin?.stop();
  world.hub?.stop();
}
if (broken) await check("the suite itself", () => Promise.reject(broken));
report();
