// Single use under fifty-fold concurrency, over the network, against the running binary. Every request of a round is
// written up to its last byte on a connection of its own; the last bytes leave together.
import assert from "node:assert/strict";
import { createHash, createPrivateKey, randomBytes, randomUUID, sign } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Phone, ProofKey } from "../interop/_phone.mjs";
import { Browser, check, suite } from "../interop/_sceau.mjs";

const RACERS = 50;
const ROUNDS = 20;

async function everything(demo) {
  const [person] = demo.persons;
  const phone = await Phone.enrol(demo.issuer, person);
  const world = { demo, person, phone, browser: new Browser(demo.issuer) };
  await signInOnce(world);

  await rounds("one code", world, ROUNDS, raceCode);
  await rounds("one pushed request_uri", world, ROUNDS, raceRequestUri);
  await rounds("one rotating refresh token", world, ROUNDS, raceRefresh);
  await rounds("one approval, one interaction", world, ROUNDS, raceApproval);
  await rounds("one DPoP proof", world, ROUNDS, raceProof);
  // One round: failed client authentications are counted by source.
  await rounds("one client assertion", world, 1, raceAssertion);
  if (demo.persons.length > 1) await rounds("one pair of activation codes", world, 1, raceActivation);
}

/// Each round is a check of its own; what each saw is printed at the end.
async function rounds(name, world, count, race) {
  const seen = new Map();
  for (let round = 1; round <= count; round += 1) {
    await check(`${name}, round ${round}`, async () => {
      const outcome = await race(world);
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
  const answers = await together(demo, repeat(() => tokenRequest(client, codeForm(client, code, verifier))));
  const [winner] = won(answers, 1);
  assert.equal(counted(answers, (one) => one.body.error === "invalid_grant"), RACERS - 1);
  const [after] = await together(demo, [userinfoRequest(winner.body.access_token)]);
  assert.equal(after.status, 401, "the winner's access token");
  const { refresh_token } = winner.body;
  if (refresh_token) {
    const [refreshed] = await together(demo, [tokenRequest(client, { grant_type: "refresh_token", refresh_token })]);
    assert.equal(refreshed.body.error, "invalid_grant", "the winner's refresh token");
  }
  return summary(answers);
}

/// RFC 9126 7.3: of all the browsers' loads, one is answered.
async function raceRequestUri({ demo, browser }) {
  const client = demo.client("client_secret_basic");
  const verifier = randomBytes(32).toString("base64url");
  const [pushed] = await together(demo, [formRequest("/par", authorizeForm(client, verifier), basic(client))]);
  assert.equal(pushed.status, 201);
  const query = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.body.request_uri });
  const load = { method: "GET", path: `/authorize?${query}`, headers: { cookie: browser.cookieHeader() } };
  const answers = await together(demo, repeat(() => load));
  const codes = answers.filter((one) => one.status === 303 && one.headers.location.includes("code="));
  assert.equal(codes.length, 1, summary(answers));
  assert.equal(counted(answers, (one) => one.status === 400 && !one.headers.location), RACERS - 1, summary(answers));
  return summary(answers);
}

/// RFC 9700 4.14.2, idempotent until acknowledged: whoever is answered gets the same new token, and the family lives.
async function raceRefresh({ demo, browser }) {
  const client = demo.client("none");
  const key = new ProofKey();
  const { code, verifier } = await codeFor(demo, browser, client);
  const first = await proved(demo, client, key, codeForm(client, code, verifier));
  assert.equal(first.status, 200, JSON.stringify(first.body));
  const form = { grant_type: "refresh_token", refresh_token: first.body.refresh_token };
  const nonce = first.headers["dpop-nonce"];
  const requests = repeat(() => tokenRequest(client, form, { dpop: proofFor(demo, key, nonce) }));
  const answers = await together(demo, requests);
  const given = answers.filter((one) => one.status === 200);
  assert.ok(given.length >= 2, summary(answers));
  assert.equal(given.length + counted(answers, (one) => one.status === 429 || one.status === 503), RACERS, summary(answers));
  const tokens = new Set(given.map((one) => one.body.refresh_token));
  assert.equal(tokens.size, 1, "one new refresh token");
  assert.ok(!tokens.has(form.refresh_token));
  assert.equal(new Set(given.map((one) => one.body.access_token)).size, given.length, "access tokens of their own");
  const next = await proved(demo, client, key, { grant_type: "refresh_token", refresh_token: [...tokens][0] }, nonce);
  assert.equal(next.status, 200, "the family lives");
  return summary(answers);
}

/// One assertion of the phone decides once; then the browser's interaction gives one code.
async function raceApproval({ demo, person, phone }) {
  const browser = new Browser(demo.issuer);
  const client = demo.client("client_secret_basic");
  const verifier = randomBytes(32).toString("base64url");
  const opened = await browser.open(`${demo.issuer}/authorize?${new URLSearchParams(authorizeForm(client, verifier))}`);
  const fields = { identifier: person.national_id };
  const { page } = await browser.submit(opened.page, opened.page.action("/identify"), fields);
  const waiting = await phone.pending();
  assert.equal(waiting.length, 1, "one request waits");
  const [approval] = waiting;
  const body = JSON.stringify({ decision: "approve", number: page.number, assertion: await phone.assertion(approval) });
  const path = `/mobile/v1/approvals/${approval.id}/decision`;
  const decide = () => ({
    method: "POST", path, body, headers: { "content-type": "application/json", dpop: phone.proof("POST", path) },
  });
  const decisions = await together(demo, repeat(decide));
  won(decisions, 1);
  assert.equal(counted(decisions, (one) => one.status >= 400 && one.status < 500), RACERS - 1, summary(decisions));

  const resume = { method: "GET", path: page.resume, headers: { cookie: browser.cookieHeader() } };
  const answers = await together(demo, repeat(() => resume));
  const codes = answers.filter((one) => one.status === 303 && one.headers.location.includes("code="));
  assert.equal(codes.length, 1, summary(answers));
  return `decisions ${summary(decisions)}; resumptions ${summary(answers)}`;
}

/// RFC 9449 11.1: a proof is used once.
async function raceProof({ demo, browser }) {
  const client = demo.client("none");
  const key = new ProofKey();
  const { code, verifier } = await codeFor(demo, browser, client);
  const { body } = await proved(demo, client, key, codeForm(client, code, verifier));
  const [asked] = await together(demo, [boundUserinfo(demo, key, body.access_token)]);
  const once = boundUserinfo(demo, key, body.access_token, asked.headers["dpop-nonce"]);
  const answers = await together(demo, repeat(() => once));
  won(answers, 1);
  assert.equal(counted(answers, (one) => one.status === 401), RACERS - 1, summary(answers));
  return summary(answers);
}

/// RFC 7523 3: a client assertion is used once; the winner is told that its code is none.
async function raceAssertion({ demo }) {
  const client = demo.client("private_key_jwt");
  const form = {
    grant_type: "authorization_code",
    code: "x",
    redirect_uri: client.redirect_uris[0],
    client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    client_assertion: clientAssertion(demo, client),
  };
  const answers = await together(demo, repeat(() => formRequest("/token", form)));
  assert.equal(counted(answers, (one) => one.body.error === "invalid_grant"), 1, summary(answers));
  assert.equal(counted(answers, (one) => one.body.error === "invalid_client"), RACERS - 1, summary(answers));
  return summary(answers);
}

/// Two activation codes bind one phone, however many try.
async function raceActivation({ demo }) {
  const person = demo.persons[1];
  const tries = await Promise.allSettled(repeat(() => Phone.enrol(demo.issuer, person)));
  const bound = tries.filter((one) => one.status === "fulfilled");
  assert.equal(bound.length, 1, `${bound.length} phones bound: ${tries.find((one) => one.reason)?.reason}`);
  return "1 phone";
}

// --- requests ----------------------------------------------------------------------------------------------------

async function signInOnce({ demo, person, phone, browser }) {
  const client = demo.client("client_secret_basic");
  const query = new URLSearchParams(authorizeForm(client, "v".repeat(43)));
  const { redirect, page } = await browser.signIn(`${demo.issuer}/authorize?${query}`, person.national_id, phone);
  assert.ok(redirect?.searchParams.get("code"), page?.summary() ?? String(redirect));
}

/// A code by the browser's session.
async function codeFor(demo, browser, client) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams(authorizeForm(client, verifier));
  const { redirect, page } = await browser.signIn(`${demo.issuer}/authorize?${query}`);
  const code = redirect?.searchParams.get("code");
  assert.ok(code, page?.summary() ?? String(redirect));
  return { code, verifier };
}

const authorizeForm = (client, verifier) => ({
  client_id: client.client_id,
  redirect_uri: client.redirect_uris[0],
  response_type: "code",
  scope: "openid offline_access",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
});

const codeForm = (client, code, verifier) => ({
  grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: client.redirect_uris[0],
});

const repeat = (make) => Array.from({ length: RACERS }, make);

function formRequest(path, form, headers = {}) {
  const type = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", path, body: new URLSearchParams(form).toString(), headers: { ...type, ...headers } };
}

function tokenRequest(client, form, headers = {}) {
  return client.client_secret
    ? formRequest("/token", form, { ...headers, ...basic(client) })
    : formRequest("/token", { ...form, client_id: client.client_id }, headers);
}

function basic({ client_id, client_secret }) {
  const pair = [client_id, client_secret].map((part) => new URLSearchParams({ v: part }).toString().slice(2));
  return { authorization: `Basic ${Buffer.from(pair.join(":")).toString("base64")}` };
}

function clientAssertion(demo, { client_id: id, jwk }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: id, sub: id, aud: demo.issuer, jti: randomUUID(), iat: now, exp: now + 60 };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "ES256", kid: jwk.kid })}.${encode(claims)}`;
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

const proofFor = (demo, key, nonce) => key.prove({ method: "POST", url: `${demo.issuer}/token`, nonce });

/// A token request with proof; once more with the server's nonce when it asks for one.
async function proved(demo, client, key, form, nonce) {
  const send = (known) => together(demo, [tokenRequest(client, form, { dpop: proofFor(demo, key, known) })]);
  const [answer] = await send(nonce);
  return answer.body.error === "use_dpop_nonce" ? (await send(answer.headers["dpop-nonce"]))[0] : answer;
}

const userinfoRequest = (token) => ({
  method: "GET", path: "/userinfo", headers: { authorization: `Bearer ${token}` },
});

function boundUserinfo(demo, key, token, nonce) {
  const dpop = key.prove({ method: "GET", url: `${demo.issuer}/userinfo`, nonce, token });
  return { method: "GET", path: "/userinfo", headers: { authorization: `DPoP ${token}`, dpop } };
}

function won(answers, count) {
  const winners = answers.filter((one) => one.status === 200);
  assert.equal(winners.length, count, summary(answers));
  return winners;
}

const counted = (answers, which) => answers.filter(which).length;

function summary(answers) {
  const counts = new Map();
  for (const { status, body } of answers) {
    const kind = typeof body?.error === "string" ? `${status} ${body.error}` : `${status}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort().map(([kind, count]) => `${count}: ${kind}`).join(", ");
}

// --- the gate ----------------------------------------------------------------------------------------------------

/// Sends all requests, holding back the last byte of each until every connection has the rest.
async function together(demo, requests) {
  const { hostname, port, host } = new URL(demo.issuer);
  const lines = await Promise.all(requests.map((request) => prepare(request, { hostname, port, host })));
  if (lines.length > 1) await sleep(20);
  for (const line of lines) line.release();
  return Promise.all(lines.map((line) => line.answer));
}

async function prepare({ method, path, headers = {}, body = "" }, { hostname, port, host }) {
  const fixed = { host, connection: "close", ...(method === "GET" ? {} : { "content-length": Buffer.byteLength(body) }) };
  const head = Object.entries({ ...fixed, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
  const socket = connect({ host: hostname, port: Number(port), family: 4, noDelay: true });
  const answer = new Promise((resolve, reject) => {
    const parts = [];
    socket.on("data", (part) => parts.push(part));
    socket.on("end", () => resolve(parse(Buffer.concat(parts).toString())));
    socket.on("error", reject);
    socket.setTimeout(30_000, () => socket.destroy(new Error(`${method} ${path}: no answer`)));
  });
  answer.catch(() => {}); // awaited later
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  await new Promise((resolve) => socket.write(bytes.subarray(0, -1), resolve));
  return { answer, release: () => socket.write(bytes.subarray(-1)) };
}

function parse(text) {
  const [head, ...rest] = text.split("\r\n\r\n");
  const [first, ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => line.split(/:\s*/, 1).concat(line.replace(/^[^:]*:\s*/, ""))));
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const body = rest.join("\r\n\r\n");
  let parsed;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = {};
  }
  return { status: Number(first.split(" ")[1]), headers: lower, body: parsed };
}

await suite(everything);
