// The keys of this phone and what they sign. WebAuthn Level 3 (6.1, 6.5, 8.2), RFC 7638, RFC 8785 over strings and
// arrays, design decisions 8 and 9. The private halves are not extractable: IndexedDB holds handles, never key bytes.

const P256 = { name: "ECDSA", namedCurve: "P-256" };
const ES256 = { name: "ECDSA", hash: "SHA-256" };
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const ATTESTED = 0x40;
const COSE_ES256 = -7;
const TEXT_FIELDS = ["approval", "at", "details", "origin", "purpose", "service"];
const LABEL = "sceau/approval/1";

/** What this phone refuses to do; `reason` names a text. */
export class Refusal extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

const utf8 = (text) => new TextEncoder().encode(text);

export const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

export const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));

const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

export const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));

/** RFC 8785 over strings, arrays and objects of them. */
export const canonical = (value) => {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") throw new Refusal("text_not_shown");
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
};

/** A new pair: the browser keeps the private half. */
export const newKey = () => crypto.subtle.generateKey(P256, false, ["sign", "verify"]);

/** The public half, with the required members only. */
export const publicJwk = async (pair) => {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kty, crv, x, y };
};

/** RFC 7638 3: SHA-256 of the required members in lexicographic order. */
export const thumbprint = async ({ crv, kty, x, y }) => sha256(utf8(canonical({ crv, kty, x, y })));

/** RFC 7518 3.4: r ‖ s, as JWS wants it. */
export const signRaw = async (pair, bytes) =>
  new Uint8Array(await crypto.subtle.sign(ES256, pair.privateKey, bytes));

// --- WebAuthn ---------------------------------------------------------------------------------------------------

// SEC 1 C.8, X.690 8.3: the shortest positive integer.
const derInteger = (bytes) => {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const short = bytes.slice(start);
  const value = short[0] & 0x80 ? join([0], short) : short;
  return join([0x02, value.length], value);
};

const signDer = async (pair, bytes) => {
  const raw = await signRaw(pair, bytes);
  const body = join(derInteger(raw.slice(0, 32)), derInteger(raw.slice(32)));
  return join([0x30, body.length], body);
};

const cborHead = (major, length) => {
  if (length < 24) return [(major << 5) | length];
  if (length < 0x100) return [(major << 5) | 24, length];
  return [(major << 5) | 25, length >> 8, length & 0xff];
};

// RFC 8949 4.2.1, for what an attestation object holds. Maps are given in their final order.
const cbor = (value) => {
  if (typeof value === "number") return Uint8Array.from(value < 0 ? cborHead(1, -1 - value) : cborHead(0, value));
  if (typeof value === "string") return join(cborHead(3, utf8(value).length), utf8(value));
  if (value instanceof Uint8Array) return join(cborHead(2, value.length), value);
  const pairs = value.flatMap(([key, member]) => [cbor(key), cbor(member)]);
  return join(cborHead(5, value.length), ...pairs);
};

const bigEndian = (number, length) =>
  Uint8Array.from({ length }, (_, index) => (number / 2 ** (8 * (length - 1 - index))) & 0xff);

const clientData = (type, challenge) =>
  utf8(JSON.stringify({ type, challenge, origin: location.origin, crossOrigin: false }));

const authenticatorData = async (rpId, flags, counter, attested = []) =>
  join(await sha256(utf8(rpId)), [flags], bigEndian(counter, 4), attested);

/** WebAuthn 6.5.5: an attestation object in packed format, signed by the credential itself. */
export const createCredential = async (pair, { challenge, rpId }) => {
  const id = crypto.getRandomValues(new Uint8Array(32));
  const jwk = await publicJwk(pair);
  const cose = cbor([
    [1, 2],
    [3, COSE_ES256],
    [-1, 1],
    [-2, fromBase64url(jwk.x)],
    [-3, fromBase64url(jwk.y)],
  ]);
  const attested = join(new Uint8Array(16), bigEndian(id.length, 2), id, cose);
  const flags = USER_PRESENT | USER_VERIFIED | ATTESTED;
  const authData = await authenticatorData(rpId, flags, 0, attested);
  const data = clientData("webauthn.create", challenge);
  const signature = await signDer(pair, join(authData, await sha256(data)));
  const statement = [["alg", COSE_ES256], ["sig", signature]];
  const object = cbor([["fmt", "packed"], ["attStmt", statement], ["authData", authData]]);
  return {
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key",
    authenticatorAttachment: "platform",
    response: {
      clientDataJSON: base64url(data),
      attestationObject: base64url(object),
      transports: ["internal"],
    },
    clientExtensionResults: {},
  };
};

/** WebAuthn 6.3.3: an assertion; the caller has the user's gesture and a counter never used before. */
export const assert = async (pair, { challenge, rpId, credentialId, counter }) => {
  const authData = await authenticatorData(rpId, USER_PRESENT | USER_VERIFIED, counter);
  const data = clientData("webauthn.get", challenge);
  const signature = await signDer(pair, join(authData, await sha256(data)));
  return {
    id: credentialId,
    rawId: credentialId,
    type: "public-key",
    authenticatorAttachment: "platform",
    response: {
      clientDataJSON: base64url(data),
      authenticatorData: base64url(authData),
      signature: base64url(signature),
      userHandle: null,
    },
    clientExtensionResults: {},
  };
};

// --- the two challenges, recomputed -------------------------------------------------------------------------------

/** SHA-256(server challenge ‖ thumbprint of the request key): the credential is made for this request key only. */
export const checkEnrolmentChallenge = async (answer, requestKey) => {
  const own = await sha256(fromBase64url(answer.server_challenge), await thumbprint(await publicJwk(requestKey)));
  if (base64url(own) !== answer.options.challenge) throw new Refusal("challenge_differs");
};

/** SHA-256(label ‖ random ‖ SHA-256(JCS(text))): what is signed is what is shown. */
export const checkApprovalChallenge = async ({ random, text, options }, approval) => {
  const fields = Object.keys(text).sort();
  if (canonical(fields) !== canonical(TEXT_FIELDS) || text.approval !== approval) throw new Refusal("text_not_shown");
  const own = await sha256(utf8(LABEL), fromBase64url(random), await sha256(utf8(canonical(text))));
  if (base64url(own) !== options.challenge) throw new Refusal("challenge_differs");
};
