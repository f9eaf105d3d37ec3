// A phone in a page of JavaScript, written from the mobile guide and from the specifications, without our code: DPoP
// (RFC 9449), WebAuthn with packed self attestation (Level 3, 8.2), RFC 8785 for flat texts.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const SOFTWARE_PHONE = Buffer.from("5ce40f0e1d0a4b5b9a527e3c1f0a0001", "hex");
const APPROVAL_LABEL = Buffer.from("sceau/approval/1");

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");
const bytes = (text) => Buffer.from(text, "base64url");
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();

/// An ES256 key that makes DPoP proofs.
export class ProofKey {
  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
    Object.assign(this, { privateKey, jwk: { kty, crv, x, y } });
  }

  /// RFC 7638 3.
  thumbprint() {
    const { crv, kty, x, y } = this.jwk;
    return sha256(JSON.stringify({ crv, kty, x, y }));
  }

  /// RFC 9449 4.2.
  prove({ method, url, nonce, token, iat = Math.floor(Date.now() / 1000) }) {
    const claims = { htm: method, htu: String(url), iat, jti: base64url(randomBytes(16)) };
    if (nonce) claims.nonce = nonce;
    if (token) claims.ath = base64url(sha256(token));
    const encode = (value) => base64url(JSON.stringify(value));
    const input = `${encode({ typ: "dpop+jwt", alg: "ES256", jwk: this.jwk })}.${encode(claims)}`;
    const signature = sign("sha256", Buffer.from(input), { key: this.privateKey, dsaEncoding: "ieee-p1363" });
    return `${input}.${base64url(signature)}`;
  }
}

export class Phone {
  constructor(issuer) {
    this.issuer = issuer;
    this.requestKey = new ProofKey();
    this.approvalKey = new ProofKey();
    this.credentialId = randomBytes(32);
    this.counter = 1;
    this.nonce = undefined;
  }

  static async enrol(issuer, person) {
    const { email, phone: sms } = person.activation_codes;
    return Phone.#enrolBy(issuer, { national_id: person.national_id, proof: { type: "contact_codes", email, phone: sms } });
  }

  /// With the ticket that a page of the account shows.
  static enrolByTicket(issuer, ticket) {
    return Phone.#enrolBy(issuer, { proof: { type: "ticket", ticket } });
  }

  static async #enrolBy(issuer, body) {
    const phone = new Phone(issuer);
    const started = await phone.call("POST", "/mobile/v1/enrolments", body);
    expect(started, 201);
    const credential = phone.credential(started.body);
    const device = { name: "JavaScript phone", model: "node", operating_system: "test", app_version: "1" };
    const path = `/mobile/v1/enrolments/${started.body.enrolment_id}/credential`;
    const finished = await phone.call("POST", path, { credential, device });
    expect(finished, 201);
    phone.device = finished.body.device;
    return phone;
  }

  /// The credential for an enrolment that has begun, after checking that its challenge is this phone's.
  credential({ options, server_challenge }) {
    const challenge = sha256(bytes(server_challenge), this.requestKey.thumbprint());
    if (base64url(challenge) !== options.challenge) throw new Error("the enrolment challenge is not this phone's");
    this.rpId = options.rp.id;
    this.userHandle = options.user.id;
    return this.#register(challenge);
  }

  /// One call with proof; once more with the server's nonce when it asks for one.
  async call(method, path, body) {
    const answer = await this.#callOnce(method, path, body);
    return answer.body?.error === "use_dpop_nonce" ? this.#callOnce(method, path, body) : answer;
  }

  async #callOnce(method, path, body) {
    const response = await fetch(this.issuer + path, {
      method,
      headers: { "content-type": "application/json", dpop: this.proof(method, path) },
      body: body && JSON.stringify(body),
    });
    this.nonce = response.headers.get("dpop-nonce") ?? this.nonce;
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  proof(method, path) {
    return this.requestKey.prove({ method, url: this.issuer + path, nonce: this.nonce });
  }

  async pending() {
    const answer = await this.call("GET", "/mobile/v1/approvals");
    expect(answer, 200);
    return answer.body.approvals;
  }

  /// Claims the request of a QR code, by what the code says.
  async claim(address) {
    const id = address.split("/q/")[1];
    const answer = await this.call("POST", `/mobile/v1/approvals/${id}/claim`, {});
    expect(answer, 200);
    return answer.body;
  }

  /// Asks for a challenge, recomputes it from the text it shows, and signs.
  async assertion(approval) {
    const answer = await this.call("POST", `/mobile/v1/approvals/${approval.id}/challenge`, {});
    expect(answer, 200);
    return this.sign(answer.body, approval);
  }

  /// Signs the challenge of an approval.
  sign({ text, random, options }, approval) {
    if (canonical(text) !== canonical(approval.text)) throw new Error("the text to sign is not the text shown");
    const challenge = sha256(APPROVAL_LABEL, bytes(random), sha256(canonical(text)));
    if (base64url(challenge) !== options.challenge) throw new Error("the challenge is not that of the text");
    this.counter += 1;
    const clientData = this.#clientData("webauthn.get", challenge);
    const data = this.#authenticatorData(0x05);
    const signature = this.#sign(data, clientData);
    return this.#credential({
      clientDataJSON: base64url(clientData),
      authenticatorData: base64url(data),
      signature: base64url(signature),
      userHandle: this.userHandle,
    });
  }

  async approve(approval, number) {
    const assertion = await this.assertion(approval);
    const path = `/mobile/v1/approvals/${approval.id}/decision`;
    return this.call("POST", path, { decision: "approve", number, assertion });
  }

  /// For `Browser.signIn`: the newest request (they come oldest first), with the number that the page shows.
  async answer({ number }) {
    const approval = (await this.pending()).at(-1);
    if (!approval) throw new Error("nothing waits on the phone");
    this.approved = approval;
    expect(await this.approve(approval, number), 200);
  }

  #register(challenge) {
    const clientData = this.#clientData("webauthn.create", challenge);
    const { x, y } = this.approvalKey.jwk;
    const cose = cbor(new Map([[1, 2], [3, -7], [-1, 1], [-2, bytes(x)], [-3, bytes(y)]]));
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.credentialId.length);
    const data = Buffer.concat([this.#authenticatorData(0x45), SOFTWARE_PHONE, length, this.credentialId, cose]);
    const statement = new Map([["alg", -7], ["sig", this.#sign(data, clientData)]]);
    const object = cbor(new Map([["fmt", "packed"], ["attStmt", statement], ["authData", data]]));
    return this.#credential({
      clientDataJSON: base64url(clientData),
      attestationObject: base64url(object),
      transports: ["internal"],
    });
  }

  #clientData(type, challenge) {
    const origin = new URL(this.issuer).origin;
    return Buffer.from(JSON.stringify({ type, challenge: base64url(challenge), origin, crossOrigin: false }));
  }

  #authenticatorData(flags) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([sha256(this.rpId), Buffer.from([flags]), counter]);
  }

  #sign(data, clientData) {
    return sign("sha256", Buffer.concat([data, sha256(clientData)]), this.approvalKey.privateKey);
  }

  #credential(response) {
    const id = base64url(this.credentialId);
    const fixed = { id, rawId: id, type: "public-key", authenticatorAttachment: "platform", clientExtensionResults: {} };
    return { ...fixed, response };
  }
}

function expect(answer, status) {
  if (answer.status !== status) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
}

/// RFC 8785 for an object of strings and arrays of strings.
function canonical(text) {
  return JSON.stringify(Object.fromEntries(Object.entries(text).sort(([a], [b]) => (a < b ? -1 : 1))));
}

/// RFC 8949 3 for integers, byte strings, texts and maps below 65,536.
function cbor(value) {
  const head = (major, length) => {
    if (length < 24) return Buffer.from([(major << 5) | length]);
    if (length < 256) return Buffer.from([(major << 5) | 24, length]);
    return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff]);
  };
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
}
