// The calls of /mobile/v1: each carries one DPoP proof of the request key (RFC 9449 form, server nonce, no token).

import { base64url, publicJwk, signRaw } from "./authenticator.js";

const ISSUER = document.querySelector('meta[name="issuer"]').content.replace(/\/$/, "");

/** An answer that is not a success; `code` and `body` as the issuer gave them. */
export class Answer extends Error {
  constructor(status, body) {
    super(`${status} ${body.error ?? ""}`);
    this.status = status;
    this.code = body.error ?? "unavailable";
    this.body = body;
  }
}

/** What follows `mark` in the address of a code of this issuer, or the code itself; nothing of another issuer. */
export const codeOf = (text, mark) => {
  if (text.startsWith(ISSUER + mark)) return text.slice(ISSUER.length + mark.length);
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : undefined;
};

let nonce;

const encode = (value) => base64url(new TextEncoder().encode(JSON.stringify(value)));

const proof = async (key, method, url) => {
  const header = encode({ typ: "dpop+jwt", alg: "ES256", jwk: await publicJwk(key) });
  const iat = Math.floor(Date.now() / 1000);
  const claims = encode({ htm: method, htu: url, iat, jti: crypto.randomUUID(), ...(nonce && { nonce }) });
  const signed = `${header}.${claims}`;
  return `${signed}.${base64url(await signRaw(key, new TextEncoder().encode(signed)))}`;
};

const send = async (key, method, url, body) => {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers.dpop = await proof(key, method, url);
  const options = { method, headers, credentials: "omit", cache: "no-store", redirect: "error" };
  const answer = await fetch(url, { ...options, body: body && JSON.stringify(body) });
  nonce = answer.headers.get("DPoP-Nonce") ?? nonce;
  const text = await answer.text();
  let parsed = {};
  try {
    parsed = text ? JSON.parse(text) : {};
  } catch {
    // A proxy's error page: the status says enough.
  }
  if (!answer.ok) throw new Answer(answer.status, parsed);
  return parsed;
};

/** One call; a nonce that is missing or too old is renewed once (RFC 9449 8). */
export const call = async (key, method, path, body) => {
  const url = `${ISSUER}/mobile/v1${path}`;
  try {
    return await send(key, method, url, body);
  } catch (error) {
    if (error instanceof Answer && error.code === "use_dpop_nonce") return send(key, method, url, body);
    throw error;
  }
};
