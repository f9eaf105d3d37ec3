// What stays private: after every kind of journey, neither database nor Redis, logs, metrics or command lines hold a value
// that a person or a client would want kept, in clear or in an encoding.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bridge, Elsewhere, IDENTITIES, SCOPE, SECRET, identityOf, matricule, patient, reference, telephone } from "../interop/_federation.mjs";
import { Phone, ProofKey } from "../interop/_phone.mjs";
import { Browser, check, sceau, suite } from "../interop/_sceau.mjs";
import {
  assertionForm, authorizeForm, basic, clientAssertion, codeForm, formRequest, proofFor, refreshForm, tokenRequest,
} from "../interop/_wire.mjs";
import { Visitor } from "../upstream/visitor.mjs";
import { Needles } from "./_needles.mjs";
import { Twin } from "./_rig.mjs";
import { atNumber, authorizeUrl, waiting } from "./_steps.mjs";

const TRACE = "json,sceau=trace,info";
const SHORTEST_NAME = 5;
/// Known to FranceConnect+ and not to us.
const STRANGER = "enfant";
const needles = new Needles();
const bridge = await Bridge.start("plus");
let imported = "";

async function everything(twin) {
  try {
    await search(twin);
  } finally {
    await bridge.stop();
  }
}

async function search(twin) {
  await journeys(twin);
  knownValues(twin);
  knownPatients();
  const haystacks = await collect(twin);
  const sizes = Object.entries(haystacks).map(([place, text]) => `${place} ${text.length}`);
  console.log(`      ${needles.values.size} values and ${needles.numbers.size} numbers in: ${sizes.join(", ")}`);
  await check("the journeys left their traces: rows, keys, log lines of trace level", async () => {
    for (const table of ["grants", "families", "issuances", "decisions", "devices", "cutoffs", "audit_payloads"]) {
      assert.ok((await twin.postgres.number(`SELECT count(*) FROM ${table}`)) > 0, table);
    }
    assert.ok((await twin.postgres.number("SELECT count(*) FROM audit_events")) > 40);
    assert.ok(haystacks["redis values"].length > 2000);
    assert.match(haystacks["log of process 0"], /"level":"TRACE"|"level":"DEBUG"/);
    assert.match(haystacks["log of process 1"], /http\.request/);
    for (const table of ["links", "consents"]) assert.ok((await twin.postgres.number(`SELECT count(*) FROM ${table}`)) > 0, table);
    for (const kind of SEEN) {
      assert.ok([...needles.values.values()].includes(kind), `no ${kind} was seen`);
    }
    assert.ok(needles.numbers.size > 1);
  });
  await check("log lines name routes, and no address with what a person typed or a provider sent", async () => {
    const lines = [0, 1].flatMap((index) => haystacks[`log of process ${index}`].split("\n").filter(Boolean));
    const addresses = lines.flatMap((line) => addressesIn(JSON.parse(line)));
    assert.ok(addresses.includes("/federation/{provider}/callback"), [...new Set(addresses)].join(" "));
    // Of addresses only the patterns of routes, and the origins that the settings name.
    const origins = [twin.issuer, bridge.upstreams.plus.issuer];
    const odd = addresses.filter((address) => !ROUTE.test(address) && !origins.includes(address));
    assert.deepEqual(odd, []);
  });
  for (const place of Object.keys(haystacks)) {
    await check(`nothing private in ${place}`, () => assert.deepEqual(needles.search({ [place]: haystacks[place] }), []));
  }
  await canaries(twin);
}

const SEEN = [
  "access token", "refresh token", "code", "cookie", "DPoP proof", "request_uri", "client assertion", "ticket", "nonce", "state",
  "upstream access token", "upstream ID token", "ID token", "upstream userinfo", "upstream code", "upstream subject", "INS",
];

/// A path whose variable parts have the names of variables.
const ROUTE = /^(\/([a-z0-9_.-]+|\{[a-z_]+\}))+$|^\/$/;

/// Every value of a log line that is an address, or has one in it.
function addressesIn(value) {
  if (typeof value === "string") return value.match(/[a-z][a-z+.-]*:\/\/[^\s"')]+|(?<![\w/])\/[a-z][^\s"'),]*|[^\s]*\?[a-z_]+=[^\s]*/gi) ?? [];
  return value && typeof value === "object" ? Object.values(value).flatMap(addressesIn) : [];
}

// --- journeys ----------------------------------------------------------------------------------------------------

async function journeys(twin) {
  listen();
  const [person, other, alone] = twin.persons;
  const phone = await Phone.enrol(twin.issuer, person);
  const browser = new Browser(twin.issuer);
  const client = twin.client("client_secret_basic");

  await check("journeys: sign-ins, with wrong numbers, refused, cancelled", async () => {
    await signIn(twin, person, phone, 0);
    await signIn(twin, person, phone, 2);
    const denied = await atNumber(twin, person);
    const path = `/mobile/v1/approvals/${(await waiting(phone)).id}/decision`;
    assert.equal((await phone.call("POST", path, { decision: "deny", reported: true })).status, 200);
    await denied.browser.open(denied.page.resume);
    const cancelled = await atNumber(twin, person);
    await cancelled.browser.submit(cancelled.page, cancelled.page.action("/cancel"));
  });
  await check("journeys: tokens used, refreshed, introspected, revoked, replayed", async () => {
    const api = twin.clients.find((one) => one.resource_server);
    const { redirect } = await browser.signIn((await authorizeUrl(twin)).url, person.national_id, phone);
    assert.ok(redirect.searchParams.get("code"));
    const { tokens, form } = await redeem(twin, browser, client);
    const authorization = `Bearer ${tokens.access_token}`;
    assert.equal((await send(twin, { method: "GET", path: "/userinfo", headers: { authorization } })).status, 200);
    assert.equal((await send(twin, tokenRequest(client, refreshForm(tokens.refresh_token)))).status, 200);
    const introspected = await send(twin, formRequest("/introspect", { token: tokens.access_token }, basic(api)));
    assert.equal(introspected.body.active, true);
    assert.equal((await send(twin, tokenRequest(client, form))).body.error, "invalid_grant");
    const more = (await redeem(twin, browser, client)).tokens;
    assert.equal((await send(twin, formRequest("/revoke", { token: more.refresh_token }, basic(client)))).status, 200);
    assert.equal((await send(twin, tokenRequest(api, { grant_type: "client_credentials" }))).status, 200);
  });
  await check("journeys: a native client with DPoP, a client with a key, pushed requests", async () => {
    const app = twin.client("none");
    const key = new ProofKey();
    const { form } = await code(twin, browser, app);
    const { answer, nonce } = await proved(twin, app, key, form);
    assert.equal(answer.status, 200, answer.text);
    const rotated = await proved(twin, app, key, refreshForm(answer.body.refresh_token), nonce);
    assert.equal(rotated.answer.status, 200);
    const bearer = { authorization: `DPoP ${rotated.answer.body.access_token}` };
    assert.equal((await send(twin, { method: "GET", path: "/userinfo", headers: { ...bearer, dpop: "x" } })).status, 401);
    const signer = twin.client("private_key_jwt");
    const wish = { ...authorizeForm(signer, "v".repeat(43)), login_hint: person.national_id };
    const push = formRequest("/par", { ...wish, ...assertionForm(clientAssertion(twin, signer)) });
    const pushed = await send(twin, push);
    assert.equal(pushed.status, 201, pushed.text);
    assert.equal((await send(twin, push)).body.error, "invalid_client");
    const query = new URLSearchParams({ client_id: signer.client_id, request_uri: pushed.body.request_uri });
    for (let times = 0; times < 2; times += 1) await browser.open(`${twin.issuer}/authorize?${query}`);
  });
  await check("journeys: failures with real identifiers, codes and secrets, also where they do not belong", async () => {
    for (const typed of [alone.national_id, alone.national_id.slice(1), other.email, other.telephone, other.family_name]) {
      const one = new Browser(twin.issuer);
      const opened = await one.open((await authorizeUrl(twin)).url);
      await one.submit(opened.page, opened.page.action("/identify"), { identifier: typed });
    }
    const stranger = new Phone(twin.issuer);
    const wrong = { type: "contact_codes", email: "00000000", phone: alone.activation_codes.phone };
    for (const body of [{ national_id: alone.national_id, proof: wrong }, { [other.national_id]: other.email }]) {
      assert.equal((await stranger.call("POST", "/mobile/v1/enrolments", body)).status, 400);
    }
    const swapped = { ...basic({ client_id: person.national_id, client_secret: client.client_secret }) };
    await send(twin, formRequest("/token", { grant_type: "authorization_code", code: other.national_id }, swapped));
    await send(twin, tokenRequest(client, { grant_type: other.national_id, scope: other.email }));
    const away = `https://x.example/${other.national_id}`;
    const misplaced = { client_id: person.national_id, state: other.email, redirect_uri: away, scope: other.telephone };
    await browser.open(`${twin.issuer}/authorize?${new URLSearchParams(misplaced)}`);
    const odd = { scope: `openid ${other.national_id}`, acr_values: other.email, ui_locales: other.family_name };
    await browser.open((await authorizeUrl(twin, client, odd)).url);
    await browser.open(`${twin.issuer}/interaction/${person.national_id}`);
    await browser.open(`${twin.issuer}/${person.national_id}?email=${other.email}`);
    const dpop = phone.proof("DELETE", "/");
    await fetch(`${twin.issuer}/mobile/v1/devices/${person.national_id}`, { method: "DELETE", headers: { dpop } });
    const headers = { "user-agent": other.email, "x-request-id": other.national_id, referer: away };
    await fetch(`${twin.issuer}/jwks`, { headers });
    const authorization = `Bearer ${other.national_id}`;
    await send(twin, { method: "GET", path: `/userinfo?access_token=${person.national_id}`, headers: { authorization } });
  });
  await check("journeys: logout, a phone revoked, a person locked and unlocked, the evidence exported", async () => {
    const approved = phone.approved.id;
    await twin.command("audit", "evidence", approved);
    const { tokens } = await redeem(twin, browser, client);
    const ended = await browser.open(`${twin.issuer}/end_session?${new URLSearchParams({ id_token_hint: tokens.id_token })}`);
    assert.equal(ended.page?.asksConsent ?? false, false);
    await twin.command("persons", "lock", person.national_id);
    await twin.unlock(person);
    const gone = await phone.call("DELETE", `/mobile/v1/devices/${phone.device.id}`);
    assert.equal(gone.status, 204);
  });
  await patients(twin);
  await check("journeys: both stores fail under a sign-in and come back", async () => {
    await Phone.enrol(twin.issuer, other);
    const login = await atNumber(twin, other);
    await twin.redis.kill();
    await login.browser.open(login.page.resume);
    await send(twin, tokenRequest(client, refreshForm("x")));
    await twin.redis.start();
    await twin.postgres.kill();
    await login.browser.open((await authorizeUrl(twin)).url);
    await phone.call("GET", "/mobile/v1/approvals");
    await twin.postgres.start();
  });
}

/// Import, links, phones, consents and sign-outs of patients, and what goes wrong with their names in hand.
async function patients(twin) {
  const upstream = bridge.upstreams.plus;
  const away = (browser) => bridge.walk({ identity: "ordinaire" }, browser, { scope: `${SCOPE} ins`, acr_values: "eidas2" });
  let browser;
  let phone;
  await check("journeys: patients imported with their numbers, also faulty and foreign ones", async () => {
    process.env.SCEAU_LOG = TRACE;
    const known = IDENTITIES.filter(({ id }) => id !== STRANGER);
    const releases = ["identite_pivot", "email", "ins"];
    await bridge.introduce(twin, { releases, scope: `${SCOPE} ins`, identities: known });
    const odd = { ...patient(identityOf("corse-du-sud")), birth_place: "2A004X" };
    const foreign = { ...patient(identityOf("haute-corse")), ins: { ...patient(identityOf("haute-corse")).ins, oid: "1.2.250.1.213.1.4.8" } };
    const file = join(bridge.folder, "faulty.jsonl");
    writeFileSync(file, [odd, foreign].map((one) => `${JSON.stringify(one)}\n`).join(""));
    const faulty = await sceau("patients", "import", ...twin.target, file);
    assert.equal(faulty.status, 2, faulty.stderr);
    const shown = await sceau("persons", "show", ...twin.target, "--reference", "nobody");
    delete process.env.SCEAU_LOG;
    imported = [bridge.imported, faulty, shown].map(({ stdout, stderr }) => stdout + stderr).join("\n");
    assert.match(imported, /line 1, birth_place/);
  });
  await check("journeys: FranceConnect+, consent, userinfo with the number", async () => {
    browser = new Elsewhere(twin.issuer);
    const { claims, told } = await bridge.claimsOf(await away(browser));
    assert.equal(told.ins.matricule, matricule(identityOf("ordinaire")));
    assert.ok(claims.sub);
    // One link stays.
    await bridge.claimsOf(await bridge.walk({ identity: "corse-du-sud" }, new Elsewhere(twin.issuer)));
  });
  await check("journeys: a phone by ticket, and a sign-in by QR with it", async () => {
    const { page } = await browser.open(`${twin.issuer}/account/phones/new`);
    const ticket = page.html.match(/<code id="ticket">([^<]+)</)?.[1];
    phone = await Phone.enrolByTicket(twin.issuer, ticket);
    const other = new Elsewhere(twin.issuer);
    const flow = await bridge.ask({ scope: `${SCOPE} ins` });
    const { page: asks } = await other.open(flow.url);
    const { page: code } = await other.submit(asks, asks.action("/qr"));
    const approval = await phone.claim(code.html.match(/<code id="qr-text">([^<]+)</)[1]);
    const { page: shows } = await other.open(code.html.match(/data-resume="([^"]+)"/)[1]);
    assert.equal((await phone.approve(approval, shows.number)).status, 200);
    const turn = await bridge.consent(other, await other.open(shows.resume));
    await bridge.claimsOf({ flow, turn }, "eidas1");
  });
  await check("journeys: what FranceConnect+ gets wrong, and who is unknown here", async () => {
    for (const [name, at] of [["wrong_sub", "userinfo"], ["wrong_nonce", "token"], ["not_encrypted", "token"], ["unsigned_json", "userinfo"], ["cut", "userinfo"], ["html_500", "token"], ["callback_wrong_iss", "callback"], ["callback_wrong_state", "callback"]]) {
      upstream.fault(name, { at });
      const { turn } = await away(new Elsewhere(twin.issuer));
      assert.ok(turn.page?.status >= 400, `${name}: ${turn.page?.summary() ?? turn.redirect}`);
    }
    const unknown = await bridge.walk({ identity: STRANGER }, new Elsewhere(twin.issuer));
    assert.equal(unknown.turn.page?.status, 403);
    const misplaced = new Elsewhere(twin.issuer);
    const { family_name, email } = identityOf("ordinaire");
    const number = matricule(identityOf("ordinaire"));
    const traits = new URLSearchParams({ code: number, state: email, error: family_name, iss: family_name });
    await misplaced.open(`${twin.issuer}/federation/plus/callback?${traits}`);
    await misplaced.open(`${twin.issuer}/federation/${family_name}/callback?${traits}`);
    await misplaced.open(`${twin.issuer}/q/${number}`);
    await misplaced.open((await bridge.ask({ login_hint: number, idp_hint: family_name })).url);
    const opened = await misplaced.open((await bridge.ask()).url);
    await misplaced.submit(opened.page, opened.page.action("/federate"), { provider: family_name });
    await misplaced.submit(opened.page, opened.page.action("/identify"), { identifier: number });
    await phone.call("POST", `/mobile/v1/approvals/${number}/claim`, {});
    await phone.call("POST", "/mobile/v1/enrolments", { proof: { type: "ticket", ticket: number } });
  });
  await check("journeys: signed out here and there, and unlinked", async () => {
    const again = new Elsewhere(twin.issuer);
    const { tokens } = await bridge.claimsOf(await away(again));
    const leaving = await again.open(`${twin.issuer}/end_session?${new URLSearchParams({ id_token_hint: tokens.id_token })}`);
    assert.ok(leaving.redirect?.searchParams.get("id_token_hint"), leaving.page?.summary());
    const back = await new Visitor(upstream).logout(leaving.redirect);
    assert.ok(back instanceof URL, JSON.stringify(back).slice(0, 300));
    await again.open(back);
    const [link] = await bridge.linksOf("ordinaire");
    await twin.command("persons", "unlink", "--reference", reference("ordinaire"), "--link", link.id ?? link.link);
  });
}

async function signIn(twin, person, phone, wrong) {
  const login = await atNumber(twin, person);
  const approval = await waiting(phone);
  phone.approved = approval;
  for (let turn = 1; turn <= wrong; turn += 1) {
    const number = String((Number(login.page.number) + turn) % 100).padStart(2, "0");
    assert.equal((await phone.approve(approval, number)).body.error, "wrong_number");
  }
  assert.equal((await phone.approve(approval, login.page.number)).status, 200);
  const { redirect } = await login.browser.open(login.page.resume);
  const form = codeForm(login.client, redirect.searchParams.get("code"), login.verifier);
  assert.equal((await send(twin, tokenRequest(login.client, form))).status, 200);
}

async function code(twin, browser, client) {
  const [state, nonce] = [randomUUID(), randomUUID()];
  const { url, verifier } = await authorizeUrl(twin, client, { state, nonce });
  const { redirect, page } = await browser.signIn(url);
  const given = redirect?.searchParams.get("code");
  assert.ok(given, page?.summary() ?? String(redirect));
  return { form: codeForm(client, given, verifier) };
}

async function redeem(twin, browser, client) {
  const { form } = await code(twin, browser, client);
  const answer = await send(twin, tokenRequest(client, form));
  assert.equal(answer.status, 200, answer.text);
  return { tokens: answer.body, form };
}

async function proved(twin, client, key, form, nonce) {
  const attempt = (known) => send(twin, tokenRequest(client, form, { dpop: proofFor(twin, key, known) }));
  let answer = await attempt(nonce);
  const given = answer.headers.get("dpop-nonce");
  if (answer.body.error === "use_dpop_nonce") answer = await attempt(given);
  return { answer, nonce: given };
}

async function send(twin, { method, path, headers, body }) {
  const answer = await fetch(twin.issuer + path, { method, headers, body, redirect: "manual" });
  const text = await answer.text();
  let parsed = {};
  try {
    parsed = JSON.parse(text);
  } catch {
    // A page.
  }
  return { status: answer.status, headers: answer.headers, body: parsed, text };
}

// --- what to look for --------------------------------------------------------------------------------------------

/// All that is said from now on is listened to: what each request and each answer carries is kept.
function listen() {
  const plain = globalThis.fetch;
  const { approve } = Phone.prototype;
  Phone.prototype.approve = function (approval, number) {
    needles.number(number);
    return approve.call(this, approval, number);
  };
  globalThis.fetch = async (address, options = {}) => {
    said(new URL(address).searchParams);
    const headers = new Headers(options.headers);
    needles.token("DPoP proof", headers.get("dpop") ?? undefined);
    if (options.body !== undefined) said(entries(String(options.body)));
    const answer = await plain(address, options);
    for (const line of answer.headers.getSetCookie()) needles.add("cookie", line.split(";")[0].replace(/^[^=]*=/, ""));
    const location = answer.headers.get("location");
    if (location) said(new URL(location, address).searchParams);
    const text = await answer.clone().text();
    said(entries(text));
    for (const [, value] of text.matchAll(/<code id="ticket">([^<]+)</g)) needles.add("ticket", value);
    for (const [, value] of text.matchAll(/name="(?:csrf|ticket)" value="([^"]+)"/g)) needles.add("form token", value);
    needles.number(/<output id="number">(\d\d)</.exec(text)?.[1] ?? "");
    return answer;
  };
}

const NAMES = {
  access_token: "access token", refresh_token: "refresh token", id_token: "ID token", id_token_hint: "ID token", code: "code",
  request_uri: "request_uri", client_assertion: "client assertion", code_verifier: "code verifier", state: "state",
  nonce: "nonce", client_secret: "client secret", token: "access token", random: "challenge", challenge: "challenge",
  server_challenge: "challenge", signature: "assertion of a phone",
};

function said(pairs) {
  for (const [name, value] of pairs) {
    if (NAMES[name] && typeof value === "string" && value.length >= 16) needles.token(NAMES[name], value);
  }
}

/// The members of a JSON text at any depth, or the fields of a form.
function entries(text) {
  try {
    const all = [];
    JSON.parse(text, (name, value) => (all.push([name, value]), value));
    return all;
  } catch {
    return text.startsWith("<") ? [] : [...new URLSearchParams(text)];
  }
}

function knownValues(twin) {
  for (const person of twin.persons) {
    needles.add("identity number", person.national_id);
    needles.add("identity number without its type", person.national_id.slice(1));
    needles.add("e-mail", person.email);
    needles.add("telephone", person.telephone);
    if (person.family_name.length >= SHORTEST_NAME) needles.add("family name", person.family_name);
  }
  const sent = readFileSync(join(twin.folder, "codes.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  needles.add("activation code", ...sent.map((message) => message.code));
  for (const client of twin.clients) needles.add("client secret", client.client_secret, client.jwk?.d);
  needles.add("key-encryption key", twin.kek);
}

/// What FranceConnect+ and the directory say of patients, and what passed between FranceConnect+ and us.
function knownPatients() {
  const upstream = bridge.upstreams.plus;
  for (const identity of IDENTITIES) {
    const number = matricule(identity);
    needles.add("INS", number, number.slice(0, 13));
    needles.add("family name of a patient", identity.family_name, identity.preferred_username);
    needles.add("first names", identity.given_name, ...identity.given_name_array.filter((name) => name.length > SHORTEST_NAME));
    needles.add("birth date", identity.birthdate);
    needles.add("e-mail of a patient", identity.email);
    needles.add("telephone of a patient", telephone(identity));
    needles.add("reference of a patient", reference(identity.id));
    needles.add("upstream subject", upstream.subject(identity.id, "sceau"));
  }
  needles.add("upstream client secret", SECRET);
  for (const { params } of upstream.requestsTo("token")) needles.add("upstream code", params.code, params.code_verifier);
  for (const { params } of upstream.requestsTo("authorize")) needles.add("upstream state or nonce", params.state, params.nonce);
  for (const { endpoint, body } of upstream.answers) {
    if (endpoint === "userinfo") needles.add("upstream userinfo", body);
    needles.add("upstream access token", body?.access_token);
    needles.add("upstream ID token", body?.id_token);
  }
}

// --- where to look -----------------------------------------------------------------------------------------------

async function collect(twin) {
  const dump = await twin.postgres.dump();
  const binary = [...dump.matchAll(/'\\x([0-9a-f]*)'/g)].map(([, hex]) => Buffer.from(hex, "hex").toString("latin1"));
  const redis = await twin.redis.everything();
  const folder = join(twin.folder, "redis");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const pids = [...twin.replicas.map(({ child }) => child.pid), ...(await serverPids(twin))];
  const processes = pids.map((pid) => `${read(`/proc/${pid}/cmdline`)}\n${read(`/proc/${pid}/environ`)}`);
  return {
    "the dump of PostgreSQL": dump,
    "binary columns of PostgreSQL": binary.join("\n"),
    "the log of PostgreSQL": read(join(twin.postgres.folder, "log")),
    "redis keys": redis.map(({ key }) => key).join("\n"),
    "redis values": redis.map(({ value }) => value.map((one) => `'${one}'`).join("\n")).join("\n"),
    "the files of Redis": files.map((entry) => read(join(entry.parentPath ?? entry.path, entry.name))).join("\n"),
    "log of process 0": read(join(twin.folder, "log-0")),
    "log of process 1": read(join(twin.folder, "log-1")),
    metrics: await twin.metrics(),
    "what commands say of patients": imported,
    "command lines and environments": processes.join("\n"),
  };
}

async function serverPids(twin) {
  const backends = await twin.postgres.query("SELECT pid FROM pg_stat_activity");
  const [, redis] = /process_id:(\d+)/.exec(await twin.redis.command("INFO", "server")) ?? [];
  return [...backends.flat(), redis].filter(Boolean);
}

function read(path) {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    // A backend of PostgreSQL may have ended in between.
    if (error.code === "ENOENT" || error.code === "ESRCH") return "";
    throw error;
  }
}

// --- the check itself --------------------------------------------------------------------------------------------

/// Values planted on purpose are found, each where it is and in its form.
async function canaries(twin) {
  const [person, other] = twin.persons;
  const of = (kind) => [...needles.values].find(([, what]) => what === kind)[0];
  const [number] = needles.numbers;
  const log = join(twin.folder, "log-1");
  const before = read(log).length;
  const hex = Buffer.from(person.national_id).toString("hex");
  await twin.postgres.query("CREATE TABLE canary (one text, two bytea, three text)");
  const encoded = Buffer.from(`ab${of("refresh token")}`).toString("base64");
  await twin.postgres.query(`INSERT INTO canary VALUES ('${other.email}', '\\x${hex}', '${encoded}')`);
  await twin.redis.command("SET", "canary", Buffer.from(of("access token")).toString("hex"));
  await twin.redis.command("HSET", "canary-number", "typed", number);
  const { family_name, birthdate } = identityOf("ordinaire");
  const ins = Buffer.from(`x${matricule(identityOf("ordinaire"))}`).toString("base64url");
  await twin.postgres.query(`INSERT INTO canary VALUES ('${ins}', NULL, '${of("ticket")}')`);
  await twin.redis.command("SET", "canary-subject", Buffer.from(of("upstream subject")).toString("hex"));
  const line = {
    cookie: of("cookie"), digits: person.activation_codes.email, fields: { number },
    path: `/patients?name=${family_name}&birth=${birthdate}`, hint: of("upstream ID token"),
  };
  appendFileSync(log, `${JSON.stringify(line)}\n`);
  const found = needles.search(await collect(twin));
  const expected = [
    "e-mail in the dump of PostgreSQL as plain", "identity number in the dump of PostgreSQL as hexadecimal",
    "identity number in binary columns of PostgreSQL as plain", "refresh token in the dump of PostgreSQL as base64",
    "access token in redis values as hexadecimal", "a number in redis values", "a number in the files of Redis",
    "INS in the dump of PostgreSQL as base64url", "ticket in the dump of PostgreSQL as plain",
    "upstream subject in redis values as hexadecimal", "family name of a patient in log of process 1 as plain",
    "birth date in log of process 1 as plain", "upstream ID token in log of process 1 as plain",
    "cookie in log of process 1 as plain", "activation code in log of process 1 as plain", "a number in log of process 1",
  ];
  for (const canary of expected) {
    await check(`planted on purpose and found: ${canary}`, () => assert.ok(found.includes(canary), found.join("\n")));
  }
  await twin.postgres.query("DROP TABLE canary");
  truncateSync(log, before);
}

await suite(everything, () => Twin.start({ codes: 3, log: TRACE, lines: bridge.lines }));
