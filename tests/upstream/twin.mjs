// A FranceConnect or FranceConnect+ for tests: oidc-provider with the published settings, and a thin layer before it
// that notes every request and puts faults into answers.
//
//   const twin = await startTwin({ flavour: "plus", clients: [{ client_id, client_secret, redirect_uris, jwks }] });
//   twin.fault("wrong_nonce");
//
// By hand: node tests/upstream/twin.mjs --flavour plus --port 9500 --control-port 9501 --clients clients.json
import { createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { BEFORE_THE_ANSWER, FAULTS, Faults, OTHER_ISSUER, forgeCallback, forgeToken } from "./faults.mjs";
import { Keys } from "./keys.mjs";
import { Memory } from "./memory.mjs";
import { consentPage, errorPage, garbagePage, identityPage } from "./pages.mjs";
import { FLAVOURS, IDENTITY_PROVIDERS, PREFIX, clientMetadata, newProvider, requestedLevel } from "./provider.mjs";

export { FAULTS } from "./faults.mjs";
export const IDENTITIES = JSON.parse(readFileSync(new URL("./identities.json", import.meta.url)));

const ENDPOINTS = {
  "/authorize": "authorize", "/token": "token", "/userinfo": "userinfo", "/jwks": "jwks",
  "/.well-known/openid-configuration": "discovery", "/session/end": "logout", "/token/revocation": "revocation",
};
const METHODS_OF_PERSONS = ["fc", "pop", "mfa", "pin"];
const REQUIRED = ["client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope"];

/// Starts a twin. `port` 0: a free one. `lengths`: shortest `state` and `nonce` (partner
/// documentation: 32 both; the code of FranceConnect: 22 for the nonce). `secret`: of the subjects, the same by default
/// for all twins, so that a person's `sub` at a service is the same after a restart.
export async function startTwin({
  flavour = "low", clients = [], identities = IDENTITIES, host = "127.0.0.1", port = 0, controlPort,
  lengths = { state: 32, nonce: 32 }, secret = "secret des tests",
} = {}) {
  if (!FLAVOURS[flavour]) throw new Error(`flavour is ${Object.keys(FLAVOURS).join(" or ")}, not ${flavour}`);
  const twin = new Twin({ flavour, identities, lengths, secret });
  await twin.listen({ host, port });
  for (const client of clients) await twin.register(client);
  if (controlPort !== undefined) await twin.listenForControl({ host, port: controlPort });
  return twin;
}

class Twin {
  /// Requests as they came, oldest first: `{ endpoint, method, params, authorization, at }`.
  requests = [];
  /// Answers of the token endpoint and of userinfo, oldest first: `{ endpoint, body }`.
  answers = [];
  #faults = new Faults();
  #memory = new Memory();
  #logins = new Map();
  #servers = [];

  constructor({ flavour, identities, lengths, secret }) {
    this.flavour = flavour;
    this.settings = FLAVOURS[flavour];
    this.lengths = lengths;
    this.secret = secret;
    this.identities = new Map(identities.map((identity) => [identity.id, { ...identity }]));
    this.keys = new Keys(this.settings.signing);
  }

  // --- what tests use ----------------------------------------------------------------------------------------------

  /// Adds or replaces a client (metadata of OpenID Connect Registration, and `amr_allowed`).
  async register(client) {
    this.#memory.client(clientMetadata(this.flavour, client));
    const found = await this.provider.Client.find(client.client_id);
    if (!found) throw new Error(`${client.client_id} is not registered`);
    return found;
  }

  /// The next login (`times`: logins) has this fault; at discovery and at the key set: the next request there.
  fault(name, options) {
    return this.#faults.arm(name, options);
  }

  /// No fault is armed any more. Logins under way keep theirs.
  clear() {
    this.#faults.clear();
  }

  /// New signing keys. The former ones leave the key set unless `keepOld`.
  rotate(options) {
    for (const alg of this.keys.algorithms()) this.keys.rotate(alg, options);
  }

  /// A change of civil status: the person's `sub` changes with it.
  amend(id, changes) {
    Object.assign(this.#identity(id), changes);
  }

  /// The `sub` of a person at a service.
  subject(id, clientId) {
    this.#identity(id);
    return this.subjectOf(id, clientId);
  }

  requestsTo(endpoint) {
    return this.requests.filter((request) => request.endpoint === endpoint);
  }

  async stop() {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #identity(id) {
    const identity = this.identities.get(id);
    if (!identity) throw new Error(`no identity is called ${id}: ${[...this.identities.keys()].join(", ")}`);
    return identity;
  }

  // --- the layer before oidc-provider ------------------------------------------------------------------------------

  async listen({ host, port }) {
    const server = createServer((request, response) => this.#receive(request, response)
      .catch((error) => broken(response, error)));
    this.#servers.push(server);
    this.origin = `http://${host}:${await bound(server, host, port)}`;
    this.issuer = `${this.origin}${PREFIX}`;
    const made = newProvider({ ...this, memory: this.#memory });
    this.provider = made.provider;
    this.subjectOf = made.subject;
    this.provider.use((context, next) => this.#intercept(context, next));
    this.#signLater();
    this.#callback = this.provider.callback();
  }

  #callback;

  async #receive(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (!request.url.startsWith(`${PREFIX}/`)) return plain(response, 404, "text/plain", "Not Found");
    const body = Buffer.concat(chunks);
    // FranceConnect takes authorization requests by POST with Lax cookies; oidc-provider would want them with None.
    const posted = request.method === "POST" && request.url === `${PREFIX}/authorize`;
    const url = posted ? `${request.url}?${body}` : request.url;
    const replayed = Object.assign(Readable.from(body.length > 0 && !posted ? [body] : []), {
      asked: request.method, method: posted ? "GET" : request.method, url: url.slice(PREFIX.length), originalUrl: url,
      headers: posted ? withoutBody(request.headers) : request.headers,
      rawHeaders: request.rawHeaders, httpVersion: request.httpVersion, socket: request.socket,
      form: new URLSearchParams(body.toString()),
    });
    await this.#callback(replayed, response);
  }

  async #intercept(context, next) {
    const endpoint = ENDPOINTS[context.path];
    const form = context.method === "POST" ? context.req.form : new URLSearchParams(context.querystring);
    if (endpoint) this.#note(endpoint, context, form);
    if (context.path.startsWith("/interaction/")) return this.#interaction(context, form);
    if (endpoint === "authorize" && this.#refusesRequest(context, form)) return undefined;
    if (endpoint === "logout" && refusesHint(context, form)) return undefined;

    const login = this.#loginOf(endpoint, context, form);
    const fault = this.#faultAt(endpoint, login);
    context.state.fault = fault;
    if (BEFORE_THE_ANSWER.has(fault?.name)) return strike(context, fault);
    if (fault?.name === "slow") await sleep(fault.milliseconds);
    if (fault?.name === "replayed_code") this.#memory.consumeCode(form.get("code"));
    await next();

    if (endpoint === "jwks") context.body = { keys: context.body.keys.filter(({ kid }) => this.keys.isPublished(kid)) };
    if (fault?.name === "unsigned_json" && context.status === 200) context.type = "application/json";
    this.#follow(context, login);
    if (["token", "userinfo"].includes(endpoint)) this.answers.push({ endpoint, body: context.body });
    return strike(context, fault, this.keys);
  }

  #faultAt(endpoint, login) {
    if (endpoint === "jwks" || endpoint === "discovery") return this.#faults.forDocument(endpoint);
    return login?.fault && login.fault.at === endpoint ? login.fault : undefined;
  }

  #note(endpoint, context, form) {
    const authorization = context.get("authorization") || undefined;
    const params = Object.fromEntries(form);
    this.requests.push({ endpoint, method: context.req.asked, params, authorization, at: Date.now() });
  }

  /// A login is known by its state, then by its code, then by its access token.
  #loginOf(endpoint, context, form) {
    switch (endpoint) {
      case "authorize": {
        const login = { fault: this.#faults.forLogin() };
        this.#logins.set(`state ${form.get("state")}`, login);
        return login;
      }
      case "token": return this.#logins.get(`code ${form.get("code")}`);
      case "userinfo": return this.#logins.get(`token ${context.get("authorization").replace(/^Bearer /i, "")}`);
      default: return undefined;
    }
  }

  #follow(context, login) {
    const location = context.response.get("location");
    if (location && !location.startsWith(this.origin) && !location.startsWith("/")) {
      const answer = new URL(location).searchParams;
      const found = this.#logins.get(`state ${answer.get("state")}`);
      if (found && answer.has("code")) this.#logins.set(`code ${answer.get("code")}`, found);
      if (found?.fault?.at === "callback") context.set("location", forgeCallback(found.fault, location));
    }
    if (login && context.body?.access_token) this.#logins.set(`token ${context.body.access_token}`, login);
  }

  /// oidc-provider's tokens pass as they are, unless a fault or a rotation of keys wants another.
  #signLater() {
    const { keys, issuer } = this;
    const { prototype } = this.provider.IdToken;
    const issue = prototype.issue;
    prototype.issue = async function issueOrForge(options) {
      const { client, ctx: context } = this;
      const fault = context.state.fault;
      const alg = options.use === "userinfo" ? client.userinfoSignedResponseAlg : client.idTokenSignedResponseAlg;
      // FranceConnect's ID tokens have it, its logout asks for it, and oidc-provider leaves it out of the code flow.
      if (options.use === "idtoken") this.set("at_hash", context.oidc.entities.AccessToken.jti);
      if (fault?.name === "rotated_key") keys.rotate(alg);
      if (!fault && !keys.rotated(alg)) return issue.call(this, options);
      const recipient = await recipientOf(client, options.use);
      this.client = withoutEncryption(client);
      const token = await issue.call(this, options);
      return forgeToken(fault, { token, issuer, keys, recipient });
    };
  }

  // --- rules of FranceConnect that oidc-provider does not have -----------------------------------------------------

  #refusesRequest(context, form) {
    const missing = REQUIRED.filter((name) => !form.get(name) || form.getAll(name).length > 1);
    const short = ["state", "nonce"].filter((name) => (form.get(name) ?? "").length < this.lengths[name]);
    const prompts = (form.get("prompt") ?? "").split(" ").filter((value) => !["", "login", "consent"].includes(value));
    if (missing.length + short.length + prompts.length === 0) return false;
    const why = [
      ...missing.map((name) => `${name} est obligatoire, une fois`),
      ...short.map((name) => `${name} doit avoir au moins ${this.lengths[name]} caractères`),
      ...prompts.map(() => "prompt vaut login, consent ou les deux"),
    ];
    page(context, 400, errorPage("Y030007", why.join(" ; ")));
    return true;
  }

  async #interaction(context, form) {
    const [, , uid, action] = context.path.split("/");
    let details;
    try {
      details = await this.provider.interactionDetails(context.req, context.res);
    } catch (error) {
      return page(context, 400, errorPage("Y190001", error.message));
    }
    if (details.uid !== uid) return page(context, 400, errorPage("Y190001", "session perdue"));
    if (context.method === "GET") return page(context, 200, await this.#personPage(details));
    const result = await this.#decision(details, action, form);
    if (!result) return page(context, 400, errorPage("Y000400", "formulaire incomplet"));
    const returnTo = await this.provider.interactionResult(context.req, context.res, result);
    context.status = 303;
    return context.redirect(returnTo);
  }

  async #personPage({ uid, prompt, params, session }) {
    const client = await this.provider.Client.find(params.client_id);
    const page_of = { uid, prefix: PREFIX, serviceName: client.clientName ?? client.clientId };
    if (prompt.name === "login") {
      const level = requestedLevel(this.settings, params.acr_values);
      const identities = [...this.identities.values()];
      return identityPage({ ...page_of, identities, level, levels: this.settings.levels, hint: params.idp_hint });
    }
    const claims = params.scope.split(" ").filter((scope) => scope !== "openid");
    return consentPage({ ...page_of, identity: this.identities.get(session.accountId), claims });
  }

  async #decision(details, action, form) {
    if (action === "abort") return { error: "access_denied", error_description: "user authentication aborted" };
    if (action === "login" && details.prompt.name === "login") return this.#loggedIn(details, form);
    if (action === "consent" && details.prompt.name === "consent") return this.#consented(details);
    return undefined;
  }

  #loggedIn({ params }, form) {
    const { levels } = this.settings;
    const floor = requestedLevel(this.settings, params.acr_values);
    const acr = form.get("acr") || floor;
    const accountId = form.get("identity");
    if (!this.identities.has(accountId) || levels.indexOf(acr) < levels.indexOf(floor)) return undefined;
    return { login: { accountId, acr, amr: METHODS_OF_PERSONS, remember: this.flavour === "low" } };
  }

  async #consented({ params, session }) {
    const grant = new this.provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const asked = params.claims ? JSON.parse(params.claims) : {};
    grant.addOIDCClaims([...Object.keys(asked.userinfo ?? {}), ...Object.keys(asked.id_token ?? {})]);
    return { consent: { grantId: await grant.save() } };
  }

  // --- the control endpoint, for suites in other languages ---------------------------------------------------------

  /// POST /fault {"name", "at", "times", …}, DELETE /fault, POST /clients {metadata}, POST /rotate {"keepOld"},
  /// POST /amend {"id", "changes"}, GET /requests, DELETE /requests, GET /identities, GET /faults,
  /// GET /subject?identity=&client_id=
  async listenForControl({ host, port }) {
    const server = createServer((request, response) => this.#control(request, response)
      .catch((error) => json(response, 400, { error: error.message })));
    this.#servers.push(server);
    this.control = `http://${host}:${await bound(server, host, port)}`;
  }

  async #control(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : {};
    const { pathname, searchParams } = new URL(request.url, this.control);
    switch (`${request.method} ${pathname}`) {
      case "POST /fault": return json(response, 200, this.fault(body.name, withoutName(body)));
      case "DELETE /fault": return json(response, 200, this.clear() ?? {});
      case "GET /faults": return json(response, 200, FAULTS);
      case "POST /clients": return json(response, 200, (await this.register(body)).metadata());
      case "POST /rotate": return json(response, 200, this.rotate(body) ?? {});
      case "POST /amend": return json(response, 200, this.amend(body.id, body.changes) ?? {});
      case "GET /identities": return json(response, 200, [...this.identities.values()]);
      case "GET /requests": return json(response, 200, this.requests);
      case "DELETE /requests": return json(response, 200, { forgotten: this.requests.splice(0).length });
      case "GET /subject":
        return json(response, 200, { sub: this.subject(searchParams.get("identity"), searchParams.get("client_id")) });
      default: return json(response, 404, { error: "no such control" });
    }
  }
}

const withoutBody = ({ "content-type": _type, "content-length": _length, ...headers }) => headers;
const withoutName = ({ name: _name, ...options }) => options;

// --- answers -----------------------------------------------------------------------------------------------------

/// Faults of the answer as a whole.
function strike(context, fault, keys) {
  switch (fault?.name) {
    case "not_found":
      context.status = 404;
      context.body = "Not Found";
      return undefined;
    case "html_200": return page(context, 200, garbagePage());
    case "html_500": return page(context, 500, garbagePage());
    case "oversize": {
      const filler = "A".repeat(fault.bytes);
      const isObject = typeof context.body === "object";
      context.body = isObject ? { ...context.body, filler } : `${context.body}${filler}`;
      return undefined;
    }
    case "cut": return cut(context);
    case "not_json":
      context.body = "{'keys': [}";
      context.type = "application/json";
      return undefined;
    case "foreign_issuer":
      context.body = { ...context.body, issuer: fault.value ?? OTHER_ISSUER };
      return undefined;
    case "foreign_endpoint":
      context.body = { ...context.body, token_endpoint: fault.value ?? `${OTHER_ISSUER}/token` };
      return undefined;
    case "foreign_keys":
      context.body = { keys: keys.algorithms().map((alg) => publicJwk(keys.unpublished(alg))) };
      return undefined;
    default: return undefined;
  }
}

function publicJwk({ alg, kid, publicKey }) {
  return { ...publicKey.export({ format: "jwk" }), alg, kid, use: "sig" };
}

/// Announces the whole answer, sends half of it, and ends the connection.
function cut(context) {
  const body = Buffer.from(typeof context.body === "object" ? JSON.stringify(context.body) : context.body);
  const type = context.type;
  context.respond = false;
  context.res.writeHead(200, { "content-type": type, "content-length": body.length });
  context.res.write(body.subarray(0, Math.floor(body.length / 2)), () => context.res.socket.destroy());
}

/// FranceConnect refuses at logout an ID token without `at_hash`.
function refusesHint(context, form) {
  const [, payload] = (form.get("id_token_hint") ?? "").split(".");
  let claims;
  try {
    claims = JSON.parse(Buffer.from(payload, "base64url"));
  } catch {
    return false; // oidc-provider refuses what is no JWT, an encrypted one included
  }
  if (claims.at_hash) return false;
  page(context, 400, errorPage("Y100019", "id_token_hint sans at_hash"));
  return true;
}

function page(context, status, html) {
  context.status = status;
  context.type = "html";
  context.body = html;
}

function plain(response, status, type, body) {
  response.writeHead(status, { "content-type": type });
  response.end(body);
}

function json(response, status, value) {
  plain(response, status, "application/json", JSON.stringify(value));
}

function broken(response, error) {
  console.error(error);
  if (!response.headersSent) plain(response, 500, "text/plain", String(error.stack));
}

function bound(server, host, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(server.address().port));
  });
}

// --- encryption towards a client ---------------------------------------------------------------------------------

async function recipientOf(client, use) {
  const alg = use === "userinfo" ? client.userinfoEncryptedResponseAlg : client.idTokenEncryptedResponseAlg;
  const enc = use === "userinfo" ? client.userinfoEncryptedResponseEnc : client.idTokenEncryptedResponseEnc;
  if (!enc) return undefined;
  const store = client.asymmetricKeyStore;
  await store.refresh();
  const [jwk] = store.selectForEncrypt({ alg, use: "enc" });
  if (!jwk) throw new Error(`the client has no key for ${alg}`);
  return { alg, enc, kid: jwk.kid, key: createPublicKey({ key: jwk, format: "jwk" }) };
}

const ENCRYPTION = new Set([
  "idTokenEncryptedResponseAlg", "idTokenEncryptedResponseEnc",
  "userinfoEncryptedResponseAlg", "userinfoEncryptedResponseEnc",
]);

function withoutEncryption(client) {
  const get = (target, name) => (ENCRYPTION.has(name) ? undefined : Reflect.get(target, name, target));
  return new Proxy(client, { get });
}

// --- by hand -----------------------------------------------------------------------------------------------------

/// Prints one line of JSON and serves until it is ended.
async function byHand() {
  const { values } = parseArgs({
    options: {
      flavour: { type: "string", default: "low" }, port: { type: "string", default: "0" },
      "control-port": { type: "string", default: "0" }, clients: { type: "string" }, identities: { type: "string" },
    },
  });
  const read = (file) => (file ? JSON.parse(readFileSync(file)) : undefined);
  const twin = await startTwin({
    flavour: values.flavour, port: Number(values.port), controlPort: Number(values["control-port"]),
    clients: read(values.clients), identities: read(values.identities),
  });
  const { issuer, control, flavour } = twin;
  console.log(JSON.stringify({
    issuer, control, flavour, identities: [...twin.identities.keys()], idp_hints: IDENTITY_PROVIDERS,
    faults: Object.keys(FAULTS),
  }));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => twin.stop().then(() => process.exit(0)));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await byHand();
