// Providers above us and patients whom they know, for the suites: tests/upstream as FranceConnect+ ("plus") and as
// FranceConnect ("low"), the settings and the client that go with them, the directory of patients, and the walk of a
// person from a service to FranceConnect and back.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as oidc from "openid-client";
import { IDENTITIES, startTwin } from "../upstream/twin.mjs";
import { Visitor } from "../upstream/visitor.mjs";
import { Browser, sceau } from "./_sceau.mjs";
import { begin, configuration, register } from "./_service.mjs";

export { IDENTITIES };
export const SECRET = "un secret de plus de trente-deux caracteres";
export const SCOPE = "openid profile birth identite_pivot email";
export const SOFTWARE_PHONE = "5ce40f0e-1d0a-4b5b-9a52-7e3c1f0a0001";
const TEST_OID = "1.2.250.1.213.1.4.10";
const NAMES = { plus: "FranceConnect+", low: "FranceConnect" };

export const identityOf = (id) => IDENTITIES.find((identity) => identity.id === id);
export const reference = (id) => `t-${id}`;

export class Bridge {
  /// Starts the providers; `lines` are then the settings that name them.
  static async start(...flavours) {
    const bridge = new Bridge();
    bridge.folder = mkdtempSync(join(tmpdir(), "sceau-bridge-"));
    process.once("exit", () => rmSync(bridge.folder, { recursive: true, force: true }));
    const secret = join(bridge.folder, "upstream.secret");
    writeFileSync(secret, SECRET, { mode: 0o600 });
    bridge.upstreams = {};
    bridge.service = createServer((_request, response) => response.end("welcome back"));
    await new Promise((resolve) => bridge.service.listen(0, "localhost", resolve));
    /// Where the service is answered: what is asked for there is what counts.
    bridge.callback = `http://localhost:${bridge.service.address().port}/callback`;
    for (const flavour of flavours) bridge.upstreams[flavour] = await startTwin({ flavour });
    bridge.lines = ["[patients]", 'ins = "test"', ...flavours.flatMap((flavour) => [
      "[[upstream]]", `id = "${flavour}"`, `preset = "${NAMES[flavour].toLowerCase()}"`, `name = "${NAMES[flavour]}"`,
      `issuer = "${bridge.upstreams[flavour].issuer}"`, 'client_id = "sceau"', `client_secret_file = "${secret}"`,
      ...(flavour === "plus" ? ['encryption = ["RSA-OAEP-256"]', "amr = true"] : []),
    ])];
    return bridge;
  }

  /// Makes `server` known above, and the patients and a service known to it.
  async introduce(server, { releases = ["identite_pivot", "email"], scope = SCOPE, identities = IDENTITIES } = {}) {
    this.server = server;
    for (const [flavour, upstream] of Object.entries(this.upstreams)) {
      await upstream.register({
        client_id: "sceau", client_name: "sceau", client_secret: SECRET,
        redirect_uris: [`${server.issuer}/federation/${flavour}/callback`],
        post_logout_redirect_uris: [`${server.issuer}/federation/${flavour}/logged_out`],
        ...(flavour === "plus"
          ? { jwks_uri: `${server.issuer}/jwks`, id_token_encrypted_response_alg: "RSA-OAEP-256", amr_allowed: true }
          : {}),
      });
    }
    this.imported = await this.importPatients(identities);
    const words = ["--name", "Dossier", "--redirect-uri", this.callback, "--scope", scope, "--ask-consent"];
    for (const release of releases) words.push("--release", release);
    this.client = { ...(await register(server.target, ...words)), redirect_uris: [this.callback] };
    this.config = await configuration(server, this.client);
  }

  async importPatients(identities) {
    const file = join(this.folder, "patients.jsonl");
    writeFileSync(file, identities.map((identity) => `${JSON.stringify(patient(identity))}\n`).join(""), { mode: 0o600 });
    const imported = await sceau("patients", "import", ...this.server.target, file, "--json");
    assert.equal(imported.status, 0, imported.stderr);
    return imported;
  }

  async linksOf(identity) {
    const shown = await sceau("persons", "show", ...this.server.target, "--reference", reference(identity), "--json");
    assert.equal(shown.status, 0, shown.stderr);
    return shown.body.links;
  }

  /// An authorization request of the service.
  ask(parameters = {}) {
    return begin(this.config, this.client, { parameters: { scope: SCOPE, ...parameters } });
  }

  /// From the page at `turn` to a provider, and back with `identity`: the callback, or the page that went nowhere.
  async there(browser, turn, { identity, acr, provider = "plus", giveUp = false }) {
    const upstream = this.upstreams[provider];
    const away = await browser.submit(turn.page, turn.page.action("/federate"), { provider });
    if (away.page) return { stuck: away };
    assert.equal(away.redirect.origin, new URL(upstream.issuer).origin);
    const callback = await new Visitor(upstream).signIn(away.redirect, { identity, acr, giveUp });
    assert.ok(callback instanceof URL, JSON.stringify(callback).slice(0, 300));
    return { callback };
  }

  /// A whole sign-in of `person` (`{ identity, acr, provider }`) by a provider.
  async walk(person, browser, parameters = { acr_values: "eidas2" }) {
    const flow = await this.ask(parameters);
    const { stuck, callback } = await this.there(browser, await browser.open(flow.url), person);
    const turn = stuck ?? (await this.consent(browser, await browser.open(callback)));
    return { flow, browser, callback, turn };
  }

  async consent(browser, turn) {
    if (!turn.page?.asksConsent) return turn;
    return browser.submit(turn.page, turn.page.action("/consent"), { decision: "allow" });
  }

  /// The claims of the ID token, and those of userinfo.
  async claimsOf({ flow, turn }, acr = "eidas2") {
    assert.ok(turn.redirect, turn.page?.summary());
    const tokens = await flow.redeem(turn.redirect);
    const claims = tokens.claims();
    assert.equal(claims.acr, acr);
    return { claims, tokens, told: await oidc.fetchUserInfo(this.config, tokens.access_token, claims.sub) };
  }

  async stop() {
    this.service.closeAllConnections();
    this.service.close();
    for (const upstream of Object.values(this.upstreams)) await upstream.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/// A browser at an address of its own: limits count by source. The server must trust 127.0.0.1 as a proxy.
export class Elsewhere extends Browser {
  static count = 0;

  constructor(issuer) {
    super(issuer);
    Elsewhere.count += 1;
    this.source = `198.19.${Elsewhere.count >> 8}.${Elsewhere.count & 255}`;
  }

  request(url, options = {}) {
    // The second one is for the proxy of tests/twin, which names the sources itself.
    const headers = { ...options.headers, "x-forwarded-for": this.source, "x-test-source": this.source };
    return super.request(url, { ...options, headers });
  }
}

/// A line of the import file for a person of tests/upstream, with a matricule of the test register.
export function patient(identity) {
  return {
    reference: reference(identity.id),
    family_name: identity.family_name,
    given_names: identity.given_name_array,
    sex: identity.gender,
    birth_date: identity.birthdate,
    ...(identity.birthplace ? { birth_place: identity.birthplace } : {}),
    birth_country: identity.birthcountry,
    ins: { matricule: matricule(identity), oid: TEST_OID },
    ins_status: "qualified",
    ...(identity.preferred_username ? { used_family_name: identity.preferred_username } : {}),
    ...(identity.email ? { email: identity.email } : {}),
    phone: telephone(identity),
  };
}

/// Numbers kept free for fiction.
export function telephone(identity) {
  return `+336399815${String(IDENTITIES.findIndex(({ id }) => id === identity.id)).padStart(2, "0")}`;
}

/// 13 characters and the key: 97 less the rest of the division by 97, 2A counting as 19 and 2B as 18.
export function matricule({ gender, birthdate, birthplace, birthcountry, id }) {
  const [year, month] = birthdate.split("-");
  const place = birthplace || birthcountry;
  const order = String(IDENTITIES.findIndex((identity) => identity.id === id) + 501);
  const body = `${gender === "male" ? 1 : 2}${year.slice(2)}${month === "00" ? "20" : month}${place}${order}`;
  const key = 97 - Number(BigInt(body.replace("2A", "19").replace("2B", "18")) % 97n);
  return body + String(key).padStart(2, "0");
}
