// Single use under fifty-fold concurrency, over the network, against the running binary: one process of a demonstration,
// or (SCEAU_TEST_STACK=twin) two processes over Redis and PostgreSQL, half of each fifty to either. There every round
// also reads what was written: one success, one grant, and a refusal for each loser.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Phone, ProofKey } from "../interop/_phone.mjs";
import { Browser, check, ended, suite } from "../interop/_sceau.mjs";
import {
  alone, assertionForm, authorizeForm, basic, boundUserinfo, clientAssertion, codeFor, codeForm, counted, formRequest,
  jsonRequest, proofFor, proved, refreshForm, signInOnce, summary, together, tokenRequest, userinfoRequest,
} from "../interop/_wire.mjs";

const RACERS = 50;
const ROUNDS = Number(process.env.SCEAU_RACE_ROUNDS ?? 20);
const FAIR = 15;

async function everything(demo) {
  const [person] = demo.persons;
  const phone = await Phone.enrol(demo.issuer, person);
  const world = { demo, person, phone, browser: new Browser(demo.issuer) };
  await signInOnce(world);

  await rounds("one code", world, ROUNDS, raceCode);
  await rounds("one pushed request_uri", world, ROUNDS, raceRequestUri);
  await rounds("one rotating refresh token", world, ROUNDS, raceRefresh);
  await rounds("one approval, one interaction", world, ROUNDS, raceApproval);
  await rounds("fifty challenges, fifty decisions", world, ROUNDS, raceDecisions);
  await rounds("one DPoP proof", world, ROUNDS, raceProof);
  // One round where all come from one source: failed client authentications and enrolments are counted by it.
  const many = demo.freshSource ? ROUNDS : 1;
  await rounds("one client assertion", world, many, raceAssertion);
  await rounds("one pair of activation codes, one enrolment", world, many, raceActivation);
}

/// Each round is a check of its own; what each saw is printed at the end.
async function rounds(name, world, count, race) {
  const seen = new Map();
  for (let round = 1; round <= count; round += 1) {
    await check(`${name}, round ${round}`, async () => {
      const outcome = await race(world, round);
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
    });
  }
  const text = [...seen].map(([outcome, times]) => `${times} × (${outcome})`).join(", ");
  console.log(`      ${name}: ${count} rounds of ${RACERS}: ${text}`);
}

// --- the races ---------------------------------------------------------------------------------------------------

/// RFC 6749 4.1.2: one answer, and what it gave ends because the code came again.
async function raceCode({ demo, browser }) {
  const client = demo.client("client_secret_basic");
  const { code, verifier } = await codeFor(demo, browser, client);
  const before = await written(demo);
  const answers = await race(demo, repeat(() => tokenRequest(client, codeForm(client, code, verifier))));
  const [winner] = won(answers, 1);
  assert.equal(counted(answers, (one) => one.body.error === "invalid_grant"), RACERS - 1);
  const userinfo = () => alone(demo, userinfoRequest(winner.body.access_token));
  await ended(demo, async () => (await userinfo()).status === 401);
  await ended(demo, async () => (await userinfo()).status === 401);
  const { refresh_token } = winner.body;
  const refreshed = await alone(demo, tokenRequest(client, refreshForm(refresh_token)));
  assert.equal(refreshed.body.error, "invalid_grant", "the winner's refresh token");
  await wrote(before, demo, { "grants": 1, "tokens.issued/success": 1, "tokens.replay/refusal": RACERS - 1 });
  return summary(answers);
}

/// RFC 9126 7.3: of all the browsers' loads, one is answered.
async function raceRequestUri({ demo, browser }) {
  const client = demo.client("client_secret_basic");
  const verifier = randomBytes(32).toString("base64url");
  const pushed = await alone(demo, formRequest("/par", authorizeForm(client, verifier), basic(client)));
  assert.equal(pushed.status, 201);
  const query = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.body.request_uri });
  const load = { method: "GET", path: `/authorize?${query}`, headers: { cookie: browser.cookieHeader() } };
  const before = await written(demo);
  const answers = await race(demo, repeat(() => load));
  const codes = answers.filter((one) => one.status === 303 && one.headers.location.includes("code="));
  assert.equal(codes.length, 1, summary(answers));
  assert.equal(counted(answers, (one) => one.status === 400 && !one.headers.location), RACERS - 1, summary(answers));
  await wrote(before, demo, { "code.issued/success": 1, "authorization.request/refusal": RACERS - 1 });
  return summary(answers);
}

/// RFC 9700 4.14.2, idempotent until acknowledged: whoever is answered gets the same new token, and the family lives.
async function raceRefresh({ demo, browser }) {
  const client = demo.client("none");
  const key = new ProofKey();
  const { code, verifier } = await codeFor(demo, browser, client);
  const first = await proved(demo, client, key, codeForm(client, code, verifier));
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const form = refreshForm(first.body.refresh_token);
  const nonce = first.headers["dpop-nonce"];
  const requests = repeat(() => tokenRequest(client, form, { dpop: proofFor(demo, key, nonce) }));
  const before = await written(demo);
  const answers = await race(demo, requests);
  const given = answers.filter((one) => one.status === 200);
  assert.ok(given.length >= 2, summary(answers));
  const refused = counted(answers, (one) => one.status === 429 || one.status === 503);
  assert.equal(given.length + refused, RACERS, summary(answers));
  const tokens = new Set(given.map((one) => one.body.refresh_token));
  assert.equal(tokens.size, 1, "one new refresh token");
  assert.ok(!tokens.has(form.refresh_token));
  assert.equal(new Set(given.map((one) => one.body.access_token)).size, given.length, "access tokens of their own");
  await wrote(before, demo, {
    "grants": 0, "generations": 1, "tokens.refreshed/success": given.length, "tokens.refreshed/refusal": refused,
  });
  const next = await proved(demo, client, key, refreshForm([...tokens][0]), nonce);
  assert.equal(next.status, 200, "the family lives");
  return summary(answers);
}

/// One assertion of the phone decides once; then the browser's interaction gives one code.
async function raceApproval({ demo, person, phone }) {
  const { browser, page, approval } = await asked(demo, person, phone);
  const body = { decision: "approve", number: page.number, assertion: await phone.assertion(approval) };
  const path = `/mobile/v1/approvals/${approval.id}/decision`;
  const before = await written(demo);
  const decisions = await race(demo, repeat(() => jsonRequest("POST", path, body, { dpop: phone.proof("POST", path) })));
  won(decisions, 1);
  assert.equal(counted(decisions, (one) => one.status >= 400 && one.status < 500), RACERS - 1, summary(decisions));
  const after = await resumed(demo, browser, page);
  await wrote(before, demo, {
    "decisions": 1, "approval.decision/success": 1, "approval.refused/refusal": RACERS - 1, "code.issued/success": 1,
  });
  return `decisions ${summary(decisions)}; resumptions ${after}`;
}

/// Fifty challenges asked at once leave at most one that can be signed; fifty decisions, each with an answer of its own to
/// it, are one approval.
async function raceDecisions({ demo, person, phone }) {
  const { browser, page, approval } = await asked(demo, person, phone);
  const path = `/mobile/v1/approvals/${approval.id}`;
  const begin = () => jsonRequest("POST", `${path}/challenge`, {}, { dpop: phone.proof("POST", `${path}/challenge`) });
  const challenges = (await race(demo, repeat(begin))).filter((one) => one.status === 200);
  assert.ok(challenges.length > 0, "challenges");
  const decide = (_, index) => {
    const assertion = phone.sign(challenges[index % challenges.length].body, approval);
    const proof = { dpop: phone.proof("POST", `${path}/decision`) };
    return jsonRequest("POST", `${path}/decision`, { decision: "approve", number: page.number, assertion }, proof);
  };
  const before = await written(demo);
  const decisions = await race(demo, repeat(decide));
  const accepted = counted(decisions, (one) => one.status === 200);
  assert.ok(accepted <= 1, summary(decisions));
  assert.equal(counted(decisions, (one) => one.status >= 400 && one.status < 500), RACERS - accepted, summary(decisions));
  // The first of the fifty took the only challenge there was, and it need not have been the one that matches.
  if (accepted === 0) assert.equal((await phone.approve(approval, page.number)).status, 200);
  await resumed(demo, browser, page);
  await wrote(before, demo, {
    "decisions": 1, "approval.decision/success": 1, "approval.refused/refusal": RACERS - accepted, "code.issued/success": 1,
  });
  return `${accepted} accepted`;
}

/// RFC 9449 11.1: a proof is used once.
async function raceProof({ demo, browser }) {
  const client = demo.client("none");
  const key = new ProofKey();
  const { code, verifier } = await codeFor(demo, browser, client);
  const { body } = await proved(demo, client, key, codeForm(client, code, verifier));
  const asked = await alone(demo, boundUserinfo(demo, key, body.access_token));
  const once = boundUserinfo(demo, key, body.access_token, asked.headers["dpop-nonce"]);
  const answers = await race(demo, repeat(() => once));
  won(answers, 1);
  assert.equal(counted(answers, (one) => one.status === 401), RACERS - 1, summary(answers));
  return summary(answers);
}

/// RFC 7523 3: a client assertion is used once; the winner is told that its code is none.
async function raceAssertion({ demo }) {
  const client = demo.client("private_key_jwt");
  const grant = { grant_type: "authorization_code", code: "x", redirect_uri: client.redirect_uris[0] };
  const form = { ...grant, ...assertionForm(clientAssertion(demo, client)) };
  const before = await written(demo);
  const answers = await race(demo, repeat(() => formRequest("/token", form)));
  assert.equal(counted(answers, (one) => one.body.error === "invalid_grant"), 1, summary(answers));
  assert.equal(counted(answers, (one) => one.body.error === "invalid_client"), RACERS - 1, summary(answers));
  await wrote(before, demo, { "client.authentication/refusal": RACERS - 1, "tokens.replay/refusal": 1 });
  return summary(answers);
}

/// Two activation codes begin one enrolment, however many try; and it ends with one phone, however often it is ended.
async function raceActivation({ demo }, round) {
  const person = demo.persons[round];
  if (demo.codes) await demo.codes(person);
  const phones = repeat(() => new Phone(demo.issuer));
  await phones[0].call("GET", "/mobile/v1/approvals"); // for the nonce
  const path = "/mobile/v1/enrolments";
  const { email, phone: sms } = person.activation_codes;
  const wish = { national_id: person.national_id, proof: { type: "contact_codes", email, phone: sms } };
  const before = await written(demo);
  const begin = (phone) => {
    phone.nonce = phones[0].nonce;
    return jsonRequest("POST", path, wish, { dpop: phone.proof("POST", path) });
  };
  const begun = await race(demo, phones.map(begin));
  const winners = begun.map((one, index) => ({ one, phone: phones[index] })).filter(({ one }) => one.status === 201);
  assert.equal(winners.length, 1, summary(begun));
  const [{ one, phone }] = winners;
  assert.equal(counted(begun, ({ status }) => status === 400 || status === 429), RACERS - 1, summary(begun));
  const credential = phone.credential(one.body);
  const device = { name: "phone", model: "node", operating_system: "test", app_version: "1" };
  const end = `${path}/${one.body.enrolment_id}/credential`;
  const finish = () => jsonRequest("POST", end, { credential, device }, { dpop: phone.proof("POST", end) });
  const finished = await race(demo, repeat(finish));
  assert.equal(counted(finished, ({ status }) => status === 201), 1, summary(finished));
  assert.equal(counted(finished, ({ status }) => status >= 400 && status < 500), RACERS - 1, summary(finished));
  await wrote(before, demo, {
    "devices": 1, "enrolment.started/success": 1, "enrolment.started/refusal": RACERS - 1,
    "device.enrolled/success": 1, "device.enrolled/refusal": RACERS - 1,
  });
  return `begun ${summary(begun)}; ended ${summary(finished)}`;
}

// --- steps -------------------------------------------------------------------------------------------------------

/// A browser that shows a number, and the approval that waits on the phone.
async function asked(demo, person, phone) {
  const browser = new Browser(demo.issuer);
  const client = demo.client("client_secret_basic");
  const query = new URLSearchParams(authorizeForm(client, randomBytes(32).toString("base64url")));
  const opened = await browser.open(`${demo.issuer}/authorize?${query}`);
  const fields = { identifier: person.national_id };
  const { page } = await browser.submit(opened.page, opened.page.action("/identify"), fields);
  assert.ok(page?.number, page?.summary());
  const waiting = await phone.pending();
  assert.equal(waiting.length, 1, "one request waits");
  return { browser, page, approval: waiting[0] };
}

/// Fifty resumptions of an approved interaction: one code.
async function resumed(demo, browser, page) {
  const resume = { method: "GET", path: page.resume, headers: { cookie: browser.cookieHeader() } };
  const answers = await race(demo, repeat(() => resume));
  const codes = answers.filter((one) => one.status === 303 && one.headers.location.includes("code="));
  assert.equal(codes.length, 1, summary(answers));
  return summary(answers);
}

const repeat = (make) => Array.from({ length: RACERS }, make);

function won(answers, count) {
  const winners = answers.filter((one) => one.status === 200);
  assert.equal(winners.length, count, summary(answers));
  return winners;
}

/// All at once; of two processes each must have answered its share.
async function race(demo, requests) {
  const answers = await together(demo, requests);
  if (demo.entries) {
    for (const entry of demo.entries.keys()) {
      const served = counted(answers, (one) => one.entry === entry && one.status > 0);
      assert.ok(served >= FAIR, `process ${entry} served ${served}`);
    }
  }
  return answers;
}

// --- what is written ---------------------------------------------------------------------------------------------

const ROWS = `SELECT (SELECT count(*) FROM grants), (SELECT count(*) FROM devices), (SELECT count(*) FROM decisions),
  (SELECT coalesce(sum(generation), 0) FROM families)`.replace(/\s+/g, " ");
const AUDIT_PATIENCE = 3000;

async function written(demo) {
  if (!demo.postgres) return undefined;
  const [[grants, devices, decisions, generations]] = await demo.postgres.query(ROWS);
  const rows = new Map(Object.entries({ grants, devices, decisions, generations }).map(([name, count]) => [name, Number(count)]));
  for (const [name, count] of await demo.audited()) {
    const kind = name.split("/").slice(0, 2).join("/");
    rows.set(kind, (rows.get(kind) ?? 0) + count);
  }
  return rows;
}

/// Each counter grew by so much since. Refusals come by a queue, so they have a moment.
async function wrote(before, demo, expected) {
  if (!before) return;
  const began = Date.now();
  for (;;) {
    const after = await written(demo);
    const grown = (name) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, grown(name)]));
    try {
      assert.deepEqual(seen, expected);
      return;
    } catch {
      if (Date.now() - began < AUDIT_PATIENCE) continue;
      const all = [...after.keys()].filter((name) => grown(name) !== 0).map((name) => `${name} ${grown(name)}`);
      throw new Error(`rows: ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}; all new rows: ${all.join(", ")}`);
    }
  }
}

await suite(everything);
