// The catalogue of the twin's faults, and the forging of tokens: claims are taken from what oidc-provider signed,
// changed, signed again with the twin's keys and encrypted again for the client.
import { constants, createCipheriv, createHmac, generateKeyPairSync, publicEncrypt, randomBytes } from "node:crypto";
import { jose } from "../interop/_packages.mjs";

const ANYWHERE = ["token", "userinfo", "jwks", "discovery"];
const TOKENS = ["token", "userinfo"];

/// Name: where it may strike (the first is the default), and what it does there.
export const FAULTS = {
  slow: { at: ANYWHERE, does: "the answer comes after 8 s (`milliseconds`)" },
  not_found: { at: ANYWHERE, does: "404, text" },
  html_200: { at: ANYWHERE, does: "200 with an HTML page" },
  html_500: { at: ANYWHERE, does: "500 with an HTML page" },
  oversize: { at: ANYWHERE, does: "the right answer, 10 MiB long (`bytes`)" },
  cut: { at: ANYWHERE, does: "the connection ends in the middle of the answer" },
  not_json: { at: ["discovery", "jwks", "token"], does: "200, announced as JSON, with something else" },
  foreign_issuer: { at: ["discovery"], does: "`issuer` of another provider (`value`)" },
  foreign_endpoint: { at: ["discovery"], does: "the token endpoint at another host (`value`)" },
  foreign_keys: { at: ["jwks"], does: "a set of keys that signed nothing" },

  wrong_iss: { at: TOKENS, does: "`iss` of another provider (`value`)" },
  wrong_aud: { at: TOKENS, does: "`aud` of another client (`value`)" },
  wrong_sub: { at: TOKENS, does: "`sub` of another person: ID token and userinfo disagree (`value`)" },
  wrong_nonce: { at: ["token"], does: "another `nonce` (`value`)" },
  missing_nonce: { at: ["token"], does: "no `nonce`" },
  wrong_at_hash: { at: ["token"], does: "`at_hash` of another access token" },
  lower_acr: { at: ["token"], does: "the level below the one asked for (`value`)" },
  missing_acr: { at: ["token"], does: "no `acr`" },
  expired: { at: TOKENS, does: "expired an hour ago" },
  issued_in_future: { at: TOKENS, does: "`iat` and `exp` an hour ahead" },
  alg_none: { at: TOKENS, does: "`alg: none`, empty signature" },
  hs256_public_key: { at: TOKENS, does: "HS256 keyed with the PEM of the public key" },
  unknown_kid: { at: TOKENS, does: "signed by a key that is never published" },
  other_key: { at: TOKENS, does: "the published `kid`, signed by another key" },
  not_encrypted: { at: TOKENS, does: "signed but not encrypted" },
  rsa1_5: { at: TOKENS, does: "encrypted with RSA1_5" },
  unsigned_json: { at: ["userinfo"], does: "userinfo as application/json, neither signed nor encrypted" },
  rotated_key: { at: ["token"], does: "signed by a new key; from then on the key set holds that one only" },
  replayed_code: { at: ["token"], does: "the token endpoint answers as if the code had been used" },

  callback_wrong_iss: { at: ["callback"], does: "`iss` of another provider in the answer (RFC 9207; `value`)" },
  callback_missing_iss: { at: ["callback"], does: "no `iss` in the answer, though it is announced" },
  callback_wrong_state: { at: ["callback"], does: "another `state` in the answer (`value`)" },
  callback_access_denied: { at: ["callback"], does: "`error=access_denied` in place of the code" },
  callback_temporarily_unavailable: { at: ["callback"], does: "`error=temporarily_unavailable` in place of the code" },
};

export const OTHER_ISSUER = "https://auth.imposteur.exemple.test/api/v2";
const HOUR = 3600;
const DEFAULTS = { milliseconds: 8000, bytes: 10 * 1024 * 1024, times: 1 };
export const BEFORE_THE_ANSWER = new Set(["not_found", "html_200", "html_500"]);

/// Armed faults. Those of discovery and of the key set strike the next requests there; all others strike the next
/// logins, each bound to its login when the authorization request comes, so that logins may overlap.
export class Faults {
  #armed = [];

  arm(name, options = {}) {
    const known = FAULTS[name];
    if (!known) throw new Error(`no fault is called ${name}: ${Object.keys(FAULTS).join(", ")}`);
    const fault = { ...DEFAULTS, name, at: known.at[0], ...options };
    if (!known.at.includes(fault.at)) {
      throw new Error(`${name} may strike at ${known.at.join(", ")}, not at ${fault.at}`);
    }
    this.#armed.push(fault);
    return fault;
  }

  clear() {
    this.#armed = [];
  }

  forLogin() {
    return this.#take(({ at }) => at !== "jwks" && at !== "discovery");
  }

  forDocument(endpoint) {
    return this.#take(({ at }) => at === endpoint);
  }

  #take(wanted) {
    const fault = this.#armed.find(wanted);
    if (!fault) return undefined;
    fault.times -= 1;
    if (fault.times <= 0) this.#armed.splice(this.#armed.indexOf(fault), 1);
    return fault;
  }
}

/// The callback's address, changed.
export function forgeCallback(fault, address) {
  const url = new URL(address);
  const fail = (error, description) => {
    url.searchParams.delete("code");
    url.searchParams.set("error", error);
    url.searchParams.set("error_description", description);
  };
  switch (fault.name) {
    case "callback_wrong_iss": url.searchParams.set("iss", fault.value ?? OTHER_ISSUER); break;
    case "callback_missing_iss": url.searchParams.delete("iss"); break;
    case "callback_wrong_state": url.searchParams.set("state", fault.value ?? randomBytes(32).toString("hex")); break;
    case "callback_access_denied": fail("access_denied", "user authentication aborted"); break;
    case "callback_temporarily_unavailable": fail("temporarily_unavailable", "aborted due to a technical error"); break;
    default: throw new Error(`${fault.name} is no fault of the callback`);
  }
  return url.href;
}

/// A token with its fault, or (`fault` undefined) signed by the key in use now.
/// `token`: signed by oidc-provider; `recipient`: `{ alg, enc, kid, key }` of the client, or undefined.
export async function forgeToken(fault, { token, issuer, keys, recipient }) {
  const header = jose.decodeProtectedHeader(token);
  const claims = forgeClaims(fault, jose.decodeJwt(token));
  if (fault?.name === "unsigned_json") return JSON.stringify(claims);
  if (["not_encrypted", "rsa1_5"].includes(fault?.name) && !recipient) {
    throw new Error(`${fault.name}: this client has no encryption`);
  }
  const signed = await sign(fault, header, claims, keys);
  if (!recipient || fault?.name === "not_encrypted") return signed;
  const outer = { cty: "JWT", kid: recipient.kid, iss: issuer, aud: claims.aud };
  if (fault?.name === "rsa1_5") return encryptRsa15(signed, outer, recipient.key);
  return new jose.CompactEncrypt(Buffer.from(signed))
    .setProtectedHeader({ alg: recipient.alg, enc: recipient.enc, ...outer })
    .encrypt(recipient.key);
}

function forgeClaims(fault, claims) {
  const now = Math.floor(Date.now() / 1000);
  switch (fault?.name) {
    case "wrong_iss": return { ...claims, iss: fault.value ?? OTHER_ISSUER };
    case "wrong_aud": return { ...claims, aud: fault.value ?? "un-autre-service" };
    case "wrong_sub": return { ...claims, sub: fault.value ?? `${randomBytes(32).toString("hex")}v1` };
    case "wrong_nonce": return { ...claims, nonce: fault.value ?? randomBytes(32).toString("hex") };
    case "wrong_at_hash": return { ...claims, at_hash: randomBytes(16).toString("base64url") };
    case "lower_acr": return { ...claims, acr: fault.value ?? levelBelow(claims.acr) };
    case "expired": return { ...claims, iat: now - HOUR - 60, exp: now - HOUR };
    case "issued_in_future": return { ...claims, iat: now + HOUR, exp: now + HOUR + 60 };
    case "missing_nonce": return { ...claims, nonce: undefined };
    case "missing_acr": return { ...claims, acr: undefined };
    case "unsigned_json": return { ...claims, iss: undefined, aud: undefined, exp: undefined, iat: undefined };
    default: return claims;
  }
}

/// `eidas0` is seen in the field below `eidas1`.
function levelBelow(acr) {
  return `eidas${Number(acr.slice(-1)) - 1}`;
}

async function sign(fault, header, claims, keys) {
  const payload = Buffer.from(JSON.stringify(claims));
  const { alg } = header;
  const current = keys.current(alg);
  const compact = (kid, key) => new jose.CompactSign(payload).setProtectedHeader({ alg, kid }).sign(key);
  switch (fault?.name) {
    case "alg_none":
      return `${encoded({ alg: "none" })}.${payload.toString("base64url")}.`;
    case "hs256_public_key": {
      const secret = current.publicKey.export({ type: "spki", format: "pem" });
      const input = `${encoded({ alg: "HS256", kid: current.kid })}.${payload.toString("base64url")}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    }
    case "unknown_kid": {
      const { kid, privateKey } = keys.unpublished(alg);
      return compact(kid, privateKey);
    }
    case "other_key":
      return compact(current.kid, keys.unpublished(alg).privateKey);
    default:
      return compact(current.kid, current.privateKey);
  }
}

/// RFC 7518 4.2 by hand, for jose refuses to make it. A client without RSA key gets one that is nobody's: the algorithm
/// alone must be reason enough to refuse.
function encryptRsa15(text, outer, key) {
  const nobody = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
  const recipient = key.asymmetricKeyType === "rsa" ? key : nobody();
  const [contentKey, iv] = [randomBytes(32), randomBytes(12)];
  const header = encoded({ alg: "RSA1_5", enc: "A256GCM", ...outer });
  const wrapped = publicEncrypt({ key: recipient, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  const cipher = createCipheriv("aes-256-gcm", contentKey, iv).setAAD(Buffer.from(header));
  const sealed = Buffer.concat([cipher.update(text), cipher.final()]);
  return [header, ...[wrapped, iv, sealed, cipher.getAuthTag()].map((part) => part.toString("base64url"))].join(".");
}

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
