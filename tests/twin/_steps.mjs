// Steps that the suites over two processes share.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Phone, ProofKey } from "../interop/_phone.mjs";
import { Browser } from "../interop/_sceau.mjs";
import { alone, authorizeForm, codeFor, codeForm, jsonRequest, proved, refreshForm, tokenRequest } from "../interop/_wire.mjs";

/// A person with a phone, and a browser with a session.
export async function signedIn(twin, person) {
  // Those of the start may be gone with Redis.
  await twin.codes(person);
  const phone = await Phone.enrol(twin.issuer, person);
  const browser = new Browser(twin.issuer);
  await codeFor(twin, browser, twin.client("client_secret_basic"), { person, phone });
  return { person, phone, browser };
}

export async function authorizeUrl(twin, client = twin.client("client_secret_basic"), more = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({ ...authorizeForm(client, verifier), ...more });
  return { url: `${twin.issuer}/authorize?${query}`, verifier };
}

/// A browser without a session at the page that shows the number.
export async function atNumber(twin, person) {
  const browser = new Browser(twin.issuer);
  const client = twin.client("client_secret_basic");
  const { url, verifier } = await authorizeUrl(twin, client);
  const opened = await browser.open(url);
  const { page } = await browser.submit(opened.page, opened.page.action("/identify"), { identifier: person.national_id });
  assert.ok(page?.number, page?.summary());
  return { browser, page, client, verifier };
}

/// The approval that waits, besides those known.
export async function waiting(phone, ...known) {
  const all = (await phone.pending()).filter(({ id }) => known.every((one) => one.id !== id));
  assert.equal(all.length, 1, "one request waits");
  return all[0];
}

/// The page's browser goes on: the tokens.
export async function finish(twin, { browser, page, client, verifier }) {
  const { redirect, page: end } = await browser.open(page.resume);
  const code = redirect?.searchParams.get("code");
  assert.ok(code, end?.summary() ?? String(redirect));
  const answer = await alone(twin, tokenRequest(client, codeForm(client, code, verifier)));
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

export async function wholeSignIn(twin, person, phone) {
  const login = await atNumber(twin, person);
  const approval = await waiting(phone);
  const decided = await phone.approve(approval, login.page.number);
  assert.equal(decided.status, 200, JSON.stringify(decided.body));
  return finish(twin, login);
}

/// Tokens of a client with a secret, by the browser's session.
export async function confidential(twin, browser, client = twin.client("client_secret_basic")) {
  const { code, verifier } = await codeFor(twin, browser, client);
  const answer = await alone(twin, tokenRequest(client, codeForm(client, code, verifier)));
  assert.equal(answer.status, 200, answer.text);
  return { client, code, verifier, ...answer.body };
}

export const refresh = (twin, { client, refresh_token }, options) =>
  alone(twin, tokenRequest(client, refreshForm(refresh_token)), options);

/// A native client's tokens, bound to a key of their own.
export async function native(twin, browser) {
  const client = twin.client("none");
  const key = new ProofKey();
  const { code, verifier } = await codeFor(twin, browser, client);
  const answer = await proved(twin, client, key, codeForm(client, code, verifier));
  assert.equal(answer.status, 200, answer.text);
  return { client, key, nonce: answer.headers["dpop-nonce"], ...answer.body };
}

/// A call of a phone, whole: status, headers, body, time.
export async function phoneCall(twin, phone, method, path, body, options) {
  const send = () => {
    const proof = { dpop: phone.proof(method, path) };
    return alone(twin, body === undefined ? { method, path, headers: proof } : jsonRequest(method, path, body, proof), options);
  };
  let answer = await send();
  phone.nonce = answer.headers["dpop-nonce"] ?? phone.nonce;
  if (answer.body.error === "use_dpop_nonce") answer = await send();
  return answer;
}
