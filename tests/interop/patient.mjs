// A patient's whole way, in Chromium against the running binary and the simulated FranceConnect+ and FranceConnect of
// tests/upstream: a service, FranceConnect+, consent, tokens; a phone enrolled from that sign-in; then a sign-in by that
// phone alone, with nothing typed but the number. While the first link is fresh the phone counts least, afterwards fully.
//
// Needs SCEAU_BINARY and Chromium (CHROMIUM, /usr/bin/chromium by default). Screenshots go to SCEAU_SCREENSHOTS, if set.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";
import {
  Bridge, Elsewhere, SCOPE, SOFTWARE_PHONE, identityOf, matricule, patient,
} from "./_federation.mjs";
import { fits, readCode } from "./_page.mjs";
import { CommandLinePhone, check, sceau, suite, throwAwayRoot } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { begin, configuration, register } from "./_service.mjs";

const SIZES = { 390: 844, 1280: 900 };
const PATIENCE = 20_000;
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync",
];
const ASKED = `${SCOPE} ins`;
const SHORT_COOLING = 2;
const PRODUCTION_OID = "1.2.250.1.213.1.4.8";

let bridge;
let server;
let chrome;
let root;

async function starting() {
  bridge = await Bridge.start("plus", "low");
  root = join(bridge.folder, "root.pem");
  await throwAwayRoot(root);
  const mobile = [`attestation_roots = ["${root}"]`, `aaguids = ["${SOFTWARE_PHONE}"]`];
  if (process.env.SCEAU_TEST_STACK === "twin") {
    const { Twin } = await import("../twin/_rig.mjs");
    return Twin.start({ codes: 0, mobile, lines: bridge.lines });
  }
  process.env.SCEAU__HTTP__TRUSTED_PROXIES = "127.0.0.1";
  const started = await Server.configure({ mobile, lines: bridge.lines });
  await started.begin();
  return started;
}

async function everything(started) {
  server = started;
  try {
    await bridge.introduce(server, { scope: ASKED });
    chrome = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
    const stranger = await journey(390, "ordinaire");
    await journey(1280, "nom-d-usage", stranger);
    await check("who is born abroad on a presumed day is told exactly so", () => exactly("date-presumee-annee"));
    await check("a service with another policy gets the qualified number too, and nothing it may not have", () => policy("ordinaire"));
    await low();
    await check(`a server whose cooling period is ${SHORT_COOLING} s`, () => cooling(`${SHORT_COOLING}s`));
    await cooled(1280, "corse-du-sud");
    if (!server.replicas) await imports();
  } finally {
    await chrome?.close();
    await bridge.stop();
  }
}

// --- the journey -------------------------------------------------------------------------------------------------

/// Gives back the phone; `stranger` is one of somebody else, who reads the code as well.
async function journey(width, id, stranger) {
  let first;
  let phone;
  await check(`${id}, ${width}: service, FranceConnect+, consent, tokens at eidas2 with the pivot`, async () => {
    first = await byFranceConnect(width, id);
  });
  await check(`${id}, ${width}: a phone is enrolled from that sign-in, with its ticket`, async () => {
    phone = await enrol(width, id, first);
  });
  await check(`${id}, ${width}: that phone alone, by QR: the same person to the service, at eidas1 while the link is fresh`, async () => {
    const flow = await ask({});
    const claims = tokensAt("eidas1", await flow.redeem(await byPhone(width, phone, flow, "phone", stranger)));
    assert.equal(claims.sub, first.sub);
  });
  await check(`${id}, ${width}: a service that needs eidas2 is told that the phone does not reach it`, async () => {
    const flow = await ask({ acr_values: "eidas2" });
    const answer = await byPhone(width, phone, flow, "phone-eidas2");
    assert.equal(answer.searchParams.get("error"), "unmet_authentication_requirements", String(answer));
    assert.equal(answer.searchParams.get("state"), flow.state);
    assert.equal(answer.searchParams.get("code"), null);
  });
  await check(`${id}, ${width}: FranceConnect+ still gives eidas2 to the same person`, async () => {
    const again = await byFranceConnect(width, id, { consented: true });
    assert.equal(again.sub, first.sub);
    await again.close();
  });
  return phone;
}

async function cooled(width, id) {
  let first;
  let phone;
  await check(`${id}: linked, and a phone enrolled`, async () => {
    first = await byFranceConnect(width, id);
    phone = await enrol(width, id, first);
  });
  await check(`${id}: when the cooling period is over that phone alone reaches eidas2, the same person to the service`, async () => {
    await pause(SHORT_COOLING * 1000);
    const flow = await ask({ acr_values: "eidas2" });
    const claims = tokensAt("eidas2", await flow.redeem(await byPhone(width, phone, flow, "phone-cooled")));
    assert.equal(claims.sub, first.sub);
  });
}

/// From the service by FranceConnect+ and the consent page back to it.
async function byFranceConnect(width, id, { consented = false } = {}) {
  const { page, close } = await visitor(width);
  const flow = await ask({ acr_values: "eidas2" });
  const answered = answer(page);
  await page.goto(flow.url.href);
  await look(page, `${id}-1-identify`);
  assert.deepEqual(await offered(page), ["plus"], "FranceConnect does not reach eidas2");
  await page.click('button[name="provider"][value="plus"]');
  await above(page, "plus", id);
  if (!consented) {
    await page.waitForSelector('button[name="decision"][value="allow"]');
    await look(page, `${id}-2-consent`);
    const { given_name_array: [given], family_name, preferred_username = family_name } = identityOf(id);
    const text = await page.innerText("main");
    assert.ok(text.includes(`${given} ${preferred_username}`), text);
    assert.ok(!/INS|matricule/i.test(await page.innerText(".scopes")), "what is not released is not announced");
    await page.click('button[name="decision"][value="allow"]');
  }
  const tokens = await flow.redeem(await answered);
  await page.waitForLoadState();
  const claims = tokensAt("eidas2", tokens);
  assert.deepEqual(await told(bridge.config, tokens), { sub: claims.sub, ...pivotOf(id) });
  assert.equal((await bridge.linksOf(id)).length, 1);
  return { sub: claims.sub, page, close };
}

async function enrol(width, id, { page, close }) {
  await page.goto(`${server.issuer}/account/phones/new`);
  await page.waitForSelector("#ticket");
  await look(page, `${id}-3-new-phone`);
  const address = await readCode(page);
  assert.equal(address, `${server.issuer}/e#${(await page.textContent("#ticket")).trim()}`);
  const phone = await CommandLinePhone.enrolByTicket(server.issuer, bridge.folder, address, `phone-${id}`, "--attest-root", root);
  assert.equal(phone.device.acr, "eidas2", "what phone and ticket are worth together");
  await page.click(".choice a.primary");
  await page.waitForSelector(".done");
  assert.match(await page.textContent(".done"), new RegExp(`phone-${id}`));
  await look(page, `${id}-4-enrolled`);
  const second = await CommandLinePhone.enrolByTicket(server.issuer, bridge.folder, address, `second-${id}`).then(() => "enrolled", String);
  assert.match(second, /invalid_ticket/, "a ticket serves once");
  await page.goto(`${server.issuer}/account`);
  await page.waitForSelector("#phones");
  await look(page, `${id}-5-account`);
  await close();
  return phone;
}

/// In a browser that knows nobody: the code, the claim, the number. Where the browser is then sent.
async function byPhone(width, phone, flow, label, stranger) {
  const { page, close } = await visitor(width);
  const answered = answer(page);
  await page.goto(flow.url.href);
  await page.click("form.other button");
  await page.waitForSelector(".code svg");
  await look(page, `${label}-1-code`);
  assert.equal(await page.locator("#number").count(), 0, "no number before the claim");
  const said = await readCode(page);
  const claimed = await phone.claim(said);
  assert.equal(claimed.status, 0, claimed.stdout + claimed.stderr);
  assert.equal(claimed.body.approvals[0].text.service, "Dossier");
  if (stranger) {
    const taken = await stranger.claim(said);
    assert.equal(taken.body?.error, "approval_claimed", "a phone that comes later claims nothing");
    assert.deepEqual(await stranger.pending(), []);
  }
  await page.waitForSelector("#number");
  await look(page, `${label}-2-number`);
  const number = (await page.textContent("#number")).trim();
  const wrong = await phone.approve(String((Number(number) + 1) % 100).padStart(2, "0"));
  assert.equal(wrong.status, 2, "another number approves nothing");
  await phone.answer({ number });
  // Consent was given for these claims: it is not asked again.
  const url = await answered;
  await close();
  return url;
}

function tokensAt(acr, tokens) {
  const claims = tokens.claims();
  assert.equal(claims.acr, acr);
  for (const name of ["family_name", "given_name", "birthdate", "email", "ins"]) assert.ok(!(name in claims), `${name} in the ID token`);
  return claims;
}

/// What `--release identite_pivot --release email` lets through of a person of tests/upstream.
function pivotOf(id) {
  const { given_name, given_name_array, family_name, gender, birthdate, birthplace, birthcountry, email } = identityOf(id);
  return { given_name, given_name_array, family_name, gender, birthdate, birthplace, birthcountry, ...(email ? { email } : {}) };
}

// --- policies ----------------------------------------------------------------------------------------------------

async function exactly(id) {
  const { flow, turn } = await bridge.walk({ identity: id }, new Elsewhere(server.issuer), { scope: ASKED, acr_values: "eidas2" });
  const { claims, told: said } = await bridge.claimsOf({ flow, turn });
  assert.deepEqual(said, { sub: claims.sub, ...pivotOf(id) });
  assert.deepEqual([said.birthdate, said.birthplace], ["1956-00-00", ""]);
}

async function policy(id) {
  const words = ["--name", "Hôpital", "--redirect-uri", bridge.callback, "--scope", ASKED, "--release", "ins", "--release", "family_name"];
  const client = { ...(await register(server.target, ...words)), redirect_uris: [bridge.callback] };
  const config = await configuration(server, client);
  const flow = await begin(config, client, { parameters: { scope: ASKED, acr_values: "eidas2" } });
  const browser = new Elsewhere(server.issuer);
  const { callback } = await bridge.there(browser, await browser.open(flow.url), { identity: id });
  const { redirect } = await bridge.consent(browser, await browser.open(callback));
  const tokens = await flow.redeem(redirect);
  const ins = { matricule: matricule(identityOf(id)), oid: patient(identityOf(id)).ins.oid, status: "qualified" };
  const said = await told(config, tokens);
  assert.deepEqual(said, { sub: tokens.claims().sub, family_name: identityOf(id).family_name, ins });
}

async function told(config, tokens) {
  const answer = await fetch(config.serverMetadata().userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  assert.equal(answer.status, 200);
  return answer.json();
}

// --- FranceConnect, at eidas1 ------------------------------------------------------------------------------------

async function low() {
  await check("FranceConnect is offered where eidas1 will do, and not where eidas2 is needed", async () => {
    for (const [acr_values, expected] of [[undefined, ["plus", "low"]], ["eidas1", ["plus", "low"]], ["eidas2", ["plus"]]]) {
      const { page, close } = await visitor(1280);
      await page.goto((await ask(acr_values ? { acr_values } : {})).url.href);
      assert.deepEqual(await offered(page), expected, acr_values);
      if (!acr_values) await look(page, "low-1-identify");
      await close();
    }
  });
  await check("a form made by hand does not send a request for eidas2 to FranceConnect", async () => {
    const browser = new Elsewhere(server.issuer);
    const { stuck } = await bridge.there(browser, await browser.open((await ask({ acr_values: "eidas2" })).url), { provider: "low", identity: "enfant" });
    assert.equal(stuck?.page.status, 400, stuck?.page.summary());
    assert.deepEqual(bridge.upstreams.low.requests, []);
  });
  await check("idp_hint does not send a request for eidas2 to FranceConnect either", async () => {
    const { page } = await new Elsewhere(server.issuer).open((await ask({ acr_values: "eidas2", idp_hint: "low" })).url);
    assert.ok(page?.asksIdentifier, page?.summary());
    assert.deepEqual(bridge.upstreams.low.requests, []);
  });
  for (const width of Object.keys(SIZES).map(Number)) {
    await check(`${width}: a person who was never linked is refused a first link at eidas1, with a sentence and a way back`, async () => {
      const { page, close } = await visitor(width);
      await page.goto((await ask({})).url.href);
      await page.click('button[name="provider"][value="low"]');
      await above(page, "low", "haute-corse");
      await page.waitForSelector("#reference");
      await look(page, "low-2-refused");
      assert.match(await page.textContent("h1"), /ne suffit pas pour retrouver votre compte/);
      assert.match(await page.innerText("main"), /comme FranceConnect\+/);
      assert.deepEqual(await bridge.linksOf("haute-corse"), []);
      assert.ok(!(await page.context().cookies(server.issuer)).some(({ name }) => name.includes("session")), "no session");
      await page.click("a.primary");
      await page.waitForSelector('button[name="provider"][value="plus"]');
      await close();
    });
  }
  await check("nor does FranceConnect open the account of somebody linked to FranceConnect+", async () => {
    const { turn } = await bridge.walk({ identity: "ordinaire", acr: "eidas1", provider: "low" }, new Elsewhere(server.issuer), {});
    assert.equal(turn.page?.status, 403, turn.page?.summary() ?? String(turn.redirect));
    assert.equal((await bridge.linksOf("ordinaire")).length, 1);
  });
}

// --- the import --------------------------------------------------------------------------------------------------

async function imports() {
  const line = (changes) => JSON.stringify({ ...patient(identityOf("homonyme-nantes")), ...changes });
  const run = async (lines, ...words) => {
    const file = join(bridge.folder, "import.jsonl");
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    return sceau("patients", "import", ...server.target, file, ...words);
  };
  const silent = (answer) => {
    const { family_name, given_name_array, birthdate, email, id } = identityOf("homonyme-nantes");
    const values = [family_name, ...given_name_array, birthdate, email, `t-${id}`, matricule(identityOf(id)), "essai", PRODUCTION_OID];
    for (const value of values) assert.ok(!answer.stderr.includes(value) && !answer.stdout.includes(value), `${value}: ${answer.stderr}`);
  };
  await check("import: each faulty line is told by number and member, never by content, and the others are taken", async () => {
    const good = line({ reference: "essai-1", ins: undefined, ins_status: "validated" });
    const faulty = [
      [line({}).slice(0, -1), /^sceau: line 2, column \d+: /m],
      [line({ reference: "essai-2", nom: "DURANDELLE" }), /^sceau: line 3, column \d+.*: unknown member/m],
      [line({ reference: "essai-3", birth_date: "1988-13-12" }), /^sceau: line 4, birth_date: malformed/m],
      [line({ reference: "essai-4", family_name: undefined }), /^sceau: line 5, family_name: missing/m],
      [line({ reference: "essai-5", sex: "autre" }), /^sceau: line 6, sex: malformed/m],
      [line({ reference: "essai-6", ins: { ...patient(identityOf("enfant")).ins, matricule: "114026912350100" } }), /^sceau: line 7, ins\.matricule: wrong key/m],
      [line({ reference: "essai-1", ins: undefined, ins_status: "validated" }), /^sceau: line 8, reference: occurs twice/m],
    ];
    const answer = await run([good, ...faulty.map(([text]) => text)], "--json");
    assert.equal(answer.status, 2, answer.stderr);
    for (const [, expected] of faulty) assert.match(answer.stderr, expected);
    assert.deepEqual([answer.body.lines, answer.body.rejected, answer.body.created], [8, 7, 1]);
    silent(answer);
  });
  await check("import: a number of the production register stops it, told by line, and nothing is taken", async () => {
    const foreign = line({ reference: "essai-8", ins: { ...patient(identityOf("homonyme-nantes")).ins, oid: PRODUCTION_OID } });
    const answer = await run([line({ reference: "essai-7", ins: undefined, ins_status: "validated" }), foreign]);
    assert.equal(answer.status, 2, answer.stderr);
    assert.match(answer.stderr, /line 2, .*OID of another environment.*patients\.ins/);
    silent(answer);
    assert.notEqual((await sceau("persons", "show", ...server.target, "--reference", "essai-7")).status, 0);
  });
  await check("import and serve refuse a database with numbers of the other register", async () => {
    process.env.SCEAU__PATIENTS__INS = "production";
    const answers = [await run([line({ ins: undefined, ins_status: "validated" })]), await sceau("serve", ...server.target)];
    delete process.env.SCEAU__PATIENTS__INS;
    for (const answer of answers) {
      assert.notEqual(answer.status, 0);
      assert.match(answer.stderr, /health numbers of another environment are stored.*patients\.ins/);
    }
  });
  await check("import: a file that is not there, and the help", async () => {
    const absent = await sceau("patients", "import", ...server.target, join(bridge.folder, "absent.jsonl"));
    assert.ok(absent.status !== 0 && /absent\.jsonl/.test(absent.stderr), absent.stderr);
    const { status, stdout } = await sceau("patients", "import", "--help");
    assert.equal(status, 0);
    for (const part of [/JSON Lines/, /nobody is removed/, /docs\/patients\.md/, /<FILE>/, /--json/, /line, column and member/, /patients\.ins/]) {
      assert.match(stdout, part);
    }
    assert.ok(stdout.split("\n").every((text) => text.length <= 120), "no line is too long");
  });
}

// --- machinery ---------------------------------------------------------------------------------------------------

const ask = (parameters) => bridge.ask({ scope: ASKED, ...parameters });
const offered = (page) => page.$$eval('button[name="provider"]', (buttons) => buttons.map((button) => button.value));

async function visitor(width) {
  const context = await chrome.newContext({ locale: "fr-FR", viewport: { width, height: SIZES[width] } });
  context.setDefaultTimeout(PATIENCE);
  return { page: await context.newPage(), close: () => context.close() };
}

/// Where the service is answered.
function answer(page) {
  const found = page.waitForRequest((request) => request.url().startsWith(bridge.callback)).then((request) => new URL(request.url()));
  found.catch(() => {});
  return found;
}

/// The pages of FranceConnect: an identity, and its consent.
async function above(page, flavour, id) {
  await page.waitForSelector("#identite");
  assert.equal(new URL(page.url()).origin, new URL(bridge.upstreams[flavour].issuer).origin);
  await page.selectOption('#identite select[name="identity"]', id);
  await page.click("#identite button");
  await page.waitForSelector("#consentement");
  await page.click("#consentement button");
}

/// Later links have another cooling period; what was linked keeps its own.
async function cooling(time) {
  process.env.SCEAU__PATIENTS__COOLING = time;
  if (!server.replicas) return server.restart();
  for (const index of server.replicas.keys()) {
    await server.killReplica(index);
    await server.startReplica(index);
  }
  return undefined;
}

/// Nothing stands out of the window; a picture when they are wanted.
async function look(page, name) {
  await fits(page, name);
  if (!process.env.SCEAU_SCREENSHOTS) return;
  const path = join(process.env.SCEAU_SCREENSHOTS, `patient-${name}-${page.viewportSize().width}.png`);
  await page.screenshot({ path, fullPage: true });
}

await suite(everything, starting);
