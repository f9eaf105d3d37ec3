// Requests written by hand, for suites that race them, capture them or send them again; and the gate that releases
// many at once: each is written up to its last byte on a connection of its own, and the last bytes leave together.
import assert from "node:assert/strict";
import { createHash, createPrivateKey, randomBytes, randomUUID, sign } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

// --- requests ----------------------------------------------------------------------------------------------------

export async function signInOnce({ demo, person, phone, browser }) {
  const client = demo.client("client_secret_basic");
  const query = new URLSearchParams(authorizeForm(client, "v".repeat(43)));
  const { redirect, page } = await browser.signIn(`${demo.issuer}/authorize?${query}`, person.national_id, phone);
  assert.ok(redirect?.searchParams.get("code"), page?.summary() ?? String(redirect));
}

/// A code by the browser's session; or, with a person and a phone, by a sign-in.
export async function codeFor(demo, browser, client, { person, phone } = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams(authorizeForm(client, verifier));
  const { redirect, page } = await browser.signIn(`${demo.issuer}/authorize?${query}`, person?.national_id, phone);
  const code = redirect?.searchParams.get("code");
  assert.ok(code, page?.summary() ?? String(redirect));
  return { code, verifier };
}

export const authorizeForm = (client, verifier) => ({
  client_id: client.client_id,
  redirect_uri: client.redirect_uris[0],
  response_type: "code",
  scope: "openid offline_access",
  code_challenge: createHash("sha256").update(verifier).digest("base64url"),
  code_challenge_method: "S256",
});

export const codeForm = (client, code, verifier) => ({
  grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: client.redirect_uris[0],
});

export const refreshForm = (refresh_token) => ({ grant_type: "refresh_token", refresh_token });

export function formRequest(path, form, headers = {}) {
  const type = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", path, body: new URLSearchParams(form).toString(), headers: { ...type, ...headers } };
}

export function jsonRequest(method, path, body, headers = {}) {
  return { method, path, body: JSON.stringify(body), headers: { "content-type": "application/json", ...headers } };
}

export function tokenRequest(client, form, headers = {}) {
  return client.client_secret
    ? formRequest("/token", form, { ...headers, ...basic(client) })
    : formRequest("/token", { ...form, client_id: client.client_id }, headers);
}

export function basic({ client_id, client_secret }) {
  const pair = [client_id, client_secret].map((part) => new URLSearchParams({ v: part }).toString().slice(2));
  return { authorization: `Basic ${Buffer.from(pair.join(":")).toString("base64")}` };
}

export function clientAssertion(demo, { client_id: id, jwk }) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: id, sub: id, aud: demo.issuer, jti: randomUUID(), iat: now, exp: now + 60 };
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode({ alg: "ES256", kid: jwk.kid })}.${encode(claims)}`;
  const key = createPrivateKey({ key: jwk, format: "jwk" });
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

export const assertionForm = (assertion) => ({
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: assertion,
});

export const proofFor = (demo, key, nonce, path = "/token") => key.prove({ method: "POST", url: demo.issuer + path, nonce });

/// A token request with proof; once more with the server's nonce when it asks for one.
export async function proved(demo, client, key, form, nonce) {
  const send = (known) => together(demo, [tokenRequest(client, form, { dpop: proofFor(demo, key, known) })]);
  const [answer] = await send(nonce);
  return answer.body.error === "use_dpop_nonce" ? (await send(answer.headers["dpop-nonce"]))[0] : answer;
}

export const userinfoRequest = (token) => ({
  method: "GET", path: "/userinfo", headers: { authorization: `Bearer ${token}` },
});

export function boundUserinfo(demo, key, token, nonce) {
  const dpop = key.prove({ method: "GET", url: `${demo.issuer}/userinfo`, nonce, token });
  return { method: "GET", path: "/userinfo", headers: { authorization: `DPoP ${token}`, dpop } };
}

// --- answers -----------------------------------------------------------------------------------------------------

export const counted = (answers, which) => answers.filter(which).length;

export function summary(answers) {
  const counts = new Map();
  for (const { status, body } of answers) {
    const kind = typeof body?.error === "string" ? `${status} ${body.error}` : `${status}`;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].sort().map(([kind, count]) => `${count}: ${kind}`).join(", ");
}

// --- the gate ----------------------------------------------------------------------------------------------------

let turn = 0;

/// Sends all requests, holding back the last byte of each until every connection has the rest. Where there are several
/// processes they take turns; `at` sends all to one. Each answer tells the process (`entry`) and the time it took.
export async function together(demo, requests, { at, source } = {}) {
  const { hostname, port, host } = new URL(demo.issuer);
  const entries = demo.entries ?? [{ hostname, port: Number(port) }];
  turn += 1;
  const chosen = requests.map((_, index) => at ?? (turn + index) % entries.length);
  // A source of its own for each: limits by source are tested elsewhere.
  const sources = requests.map(() => (demo.freshSource ? { "x-forwarded-for": source ?? demo.freshSource() } : {}));
  const prepared = requests.map((request, index) => {
    const headers = { ...sources[index], ...request.headers };
    return prepare({ ...request, headers }, { ...entries[chosen[index]], host });
  });
  const lines = await Promise.all(prepared);
  if (lines.length > 1) await sleep(20);
  for (const line of lines) line.release();
  const answers = await Promise.all(lines.map((line) => line.answer));
  return answers.map((answer, index) => ({ ...answer, entry: chosen[index] }));
}

/// One request.
export async function alone(demo, request, options) {
  const [answer] = await together(demo, [request], options);
  return answer;
}

async function prepare({ method, path, headers = {}, body = "" }, { hostname, port, host }) {
  const fixed = { host, connection: "close", ...(method === "GET" ? {} : { "content-length": Buffer.byteLength(body) }) };
  const head = Object.entries({ ...fixed, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
  const socket = connect({ host: hostname, port, family: 4, noDelay: true });
  let released = 0;
  const answer = new Promise((resolve, reject) => {
    const parts = [];
    socket.on("data", (part) => parts.push(part));
    socket.on("end", () => resolve({ ...parse(Buffer.concat(parts).toString()), took: Date.now() - released }));
    socket.on("error", reject);
    socket.setTimeout(30_000, () => socket.destroy(new Error(`${method} ${path}: no answer`)));
  });
  answer.catch(() => {}); // awaited later
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  await new Promise((resolve) => socket.write(bytes.subarray(0, -1), resolve));
  const release = () => {
    released = Date.now();
    socket.write(bytes.subarray(-1));
  };
  return { answer, release };
}

function parse(text) {
  const [head, ...rest] = text.split("\r\n\r\n");
  const [first, ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  }));
  const body = rest.join("\r\n\r\n");
  let parsed;
  try {
    parsed = JSON.parse(body);
  } catch {
    parsed = {};
  }
  return { status: Number(first.split(" ")[1]), headers, body: parsed, text: body };
}
