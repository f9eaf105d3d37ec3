// The npm package openid-client (a certified relying party) against the running binary: every client authentication,
// PKCE, PAR, DPoP, refresh, userinfo, prompts and levels; then what a strict provider must refuse.
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import * as jose from "jose";
import * as oidc from "openid-client";
import { ProofKey } from "./_phone.mjs";
import { Browser, CommandLinePhone, check, ended, suite } from "./_sceau.mjs";
import { basic, begin, configuration, refused, secret, signIn, userinfoStatus } from "./_service.mjs";

const METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const FORM = { "content-type": "application/x-www-form-urlencoded" };

async function everything(demo) {
  const [person] = demo.persons;
  const phone = await CommandLinePhone.enrol(demo, person);
  const world = { demo, person, phone, browser: new Browser(demo.issuer) };

  await discovery(world);
  for (const method of METHODS) {
    await check(`${method}: code, PKCE, ID token, userinfo, refresh`, () => wholeFlow(world, method, {}));
    await check(`${method}: the same with PAR`, () => wholeFlow(world, method, { pushed: true }));
  }
  await claims(world);
  await responseModes(world);
  await prompts(world);
  await refusedByPerson(world);
  await browserState(world);
  await codes(world);
  await redirectUris(world);
  await malformedRequests(world);
  await clientAuthentication(world);
  await crossOrigin(world);
}

// --- discovery ---------------------------------------------------------------------------------------------------

async function discovery({ demo }) {
  for (const algorithm of ["oidc", "oauth2"]) {
    await check(`discovery by openid-client (${algorithm})`, async () => {
      const config = await configuration(demo, demo.client("client_secret_basic"), { algorithm });
      const server = config.serverMetadata();
      assert.equal(server.issuer, demo.issuer);
      assert.equal(server.authorization_response_iss_parameter_supported, true);
      assert.deepEqual(server.code_challenge_methods_supported, ["S256"]);
      for (const method of METHODS) assert.ok(server.token_endpoint_auth_methods_supported.includes(method), method);
    });
  }
  await check("the three discovery addresses hold the same document, open to browsers", async () => {
    const names = ["openid-configuration", "oauth-authorization-server", "wallet-openid-configuration"];
    const answers = await Promise.all(names.map((name) => fetch(`${demo.issuer}/.well-known/${name}`)));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    assert.equal(new Set(texts).size, 1);
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    }
  });
}

// --- a whole sign-in ---------------------------------------------------------------------------------------------

async function wholeFlow(world, method, { pushed }) {
  const { demo, person } = world;
  const client = demo.client(method);
  const config = await configuration(demo, client);
  const dpop = method === "none" ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256")) : undefined;
  const flow = await begin(config, client, { pushed, parameters: { max_age: "600", acr_values: "eidas1" } });
  const answer = await signIn(world, flow.url);
  assert.equal(answer.searchParams.get("iss"), demo.issuer);
  const tokens = await flow.redeem(answer, { DPoP: dpop, maxAge: 600 });

  const claims = tokens.claims();
  assert.equal(claims.acr, "eidas1");
  assert.ok(Date.now() / 1000 - claims.auth_time < 600, "auth_time");
  assert.equal(claims.at_hash, leftHalf(tokens.access_token));
  assert.ok(Array.isArray(claims.amr) && claims.amr.includes("pop"), "amr");
  assert.equal(tokens.token_type, dpop ? "dpop" : "bearer");
  await verifiedByJose(demo, tokens.id_token, client);

  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: dpop });
  assert.equal(userinfo.SubjectNameID, person.national_id);
  if (dpop) await boundTokenIsNoBearer(demo, tokens.access_token);

  assert.ok(tokens.refresh_token, "a refresh token");
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: dpop });
  assert.equal(refreshed.claims().sub, claims.sub);
  assert.equal(refreshed.claims().auth_time, claims.auth_time);
  assert.notEqual(refreshed.access_token, tokens.access_token);
  await oidc.fetchUserInfo(config, refreshed.access_token, claims.sub, { DPoP: dpop });
  if (dpop) await rotation(demo, config, dpop, tokens.refresh_token, refreshed.refresh_token);
  else if (refreshed.refresh_token !== undefined) assert.equal(refreshed.refresh_token, tokens.refresh_token);
}

/// A native client's refresh token is bound, changes at each use, is answered again until acknowledged; one that is
/// older than that ends the family (RFC 9700 4.14.2, RFC 9449 5).
async function rotation(demo, config, dpop, first, second) {
  const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256"));
  assert.ok(second, "a new refresh token");
  assert.notEqual(second, first);
  await refused("invalid_grant", oidc.refreshTokenGrant(config, second, undefined, { DPoP: other }));
  const again = await oidc.refreshTokenGrant(config, first, undefined, { DPoP: dpop });
  assert.equal(again.refresh_token, second, "the lost answer is given again");
  const third = await oidc.refreshTokenGrant(config, second, undefined, { DPoP: dpop });
  assert.notEqual(third.refresh_token, second);
  await refused("invalid_grant", oidc.refreshTokenGrant(config, first, undefined, { DPoP: dpop }));
  await refused("invalid_grant", oidc.refreshTokenGrant(config, third.refresh_token, undefined, { DPoP: dpop }));
  const userinfo = () => oidc.fetchUserInfo(config, third.access_token, oidc.skipSubjectCheck, { DPoP: dpop });
  await ended(demo, () => userinfo().then(() => false, () => true));
}

async function boundTokenIsNoBearer(demo, token) {
  const answer = await fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get("www-authenticate"), /error="invalid_token"/);
}

async function verifiedByJose(demo, token, client) {
  const keys = jose.createRemoteJWKSet(new URL(`${demo.issuer}/jwks`));
  const { protectedHeader } = await jose.jwtVerify(token, keys, { issuer: demo.issuer, audience: client.client_id });
  assert.equal(protectedHeader.alg, "ES256");
}

const leftHalf = (text) => createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");

// --- claims ------------------------------------------------------------------------------------------------------

const ACTIVITY = `codeModeExercice codeSecteurDactivite codeSectionPharmacien codeRole codeGenreActivite
  numeroSiretSite numeroSirenSite numeroFinessSite numeroFinessetablissementJuridique
  identifiantTechniqueDeLaStructure raisonSocialeSite enseigneCommercialeSite complementDestinataire
  complementPointGeographique numeroVoie indiceRepetitionVoie codeTypeDeVoie libelleVoie mentionDistribution
  bureauCedex codePostal codeCommune codePays telephone telephone2 telecopie adresseEMail codeDepartement
  ancienIdentifiantDeLaStructure autoriteDenregistrement`.split(/\s+/);
const EXERCISE = `codeProfession codeCategorieProfessionnelle codeCiviliteDexercice nomDexercice prenomDexercice
  codeTypeSavoirFaire codeSavoirFaire activities`.split(/\s+/);
const USERINFO = `sub SubjectNameID preferred_username given_name family_name otherIds authMode Palier_Authentification
  PSI_Locale UITVersion Mode_Acces_Raison Acces_Regulation_Medicale Secteur_Activite SubjectRole SubjectOrganization
  SubjectOrganizationID SubjectRefPro`.split(/\s+/);

async function claims(world) {
  const { demo, person } = world;
  await check("scope_all gives the sector's claims, byte for byte in their names", async () => {
    const { config, tokens } = await tokensOf(world);
    const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.deepEqual(Object.keys(userinfo).sort(), [...USERINFO].sort());
    assert.equal(userinfo.SubjectNameID, person.national_id);
    assert.equal(userinfo.preferred_username, person.national_id);
    assert.notEqual(userinfo.sub, person.national_id);
    assert.equal(userinfo.authMode, "MOBILE");
    assert.equal(userinfo.otherIds[0].identifiant, person.national_id);
    assert.equal(userinfo.otherIds[0].qualite, 1);
    assert.deepEqual(Object.keys(userinfo.SubjectRefPro).sort(), ["codeCivilite", "exercices"]);
    assert.ok(userinfo.SubjectRefPro.exercices.length > 0);
    for (const exercise of userinfo.SubjectRefPro.exercices) {
      assert.deepEqual(Object.keys(exercise).sort(), [...EXERCISE].sort());
      for (const activity of exercise.activities) {
        assert.deepEqual(Object.keys(activity).sort(), [...ACTIVITY].sort());
        for (const value of Object.values(activity)) assert.equal(typeof value, "string");
      }
    }
  });
  await check("no personal claim is in the ID token unless asked for", async () => {
    const { tokens } = await tokensOf(world);
    for (const name of USERINFO.filter((name) => name !== "sub")) assert.equal(tokens.claims()[name], undefined, name);
  });
  await check("sub is the same each time and within a sector, and another one in another sector", async () => {
    const subject = async (method) => {
      const flow = await request(demo, {}, method);
      const answer = await signIn(world, flow.url);
      const DPoP = method === "none" ? oidc.getDPoPHandle(flow.config, await oidc.randomDPoPKeyPair()) : undefined;
      return (await flow.redeem(answer, { DPoP })).claims().sub;
    };
    const one = await subject("client_secret_basic");
    assert.equal(await subject("client_secret_basic"), one);
    assert.equal(await subject("client_secret_post"), one);
    assert.notEqual(await subject("none"), one);
  });
  await check("POST /userinfo takes the token in the header or in the form, not twice", async () => {
    const { tokens } = await tokensOf(world);
    const authorization = `Bearer ${tokens.access_token}`;
    const body = new URLSearchParams({ access_token: tokens.access_token });
    const post = (options) => fetch(`${demo.issuer}/userinfo`, { method: "POST", ...options });
    assert.equal((await post({ headers: { authorization } })).status, 200);
    assert.equal((await post({ body })).status, 200);
    assert.equal((await post({ headers: { authorization }, body })).status, 400);
    const inQuery = await fetch(`${demo.issuer}/userinfo?access_token=${tokens.access_token}`);
    assert.equal(inQuery.status, 401);
  });
}

// --- response modes, prompts, levels -----------------------------------------------------------------------------

async function responseModes(world) {
  await check("form_post: the answer comes as a form, with state and iss", async () => {
    const { demo } = world;
    const client = demo.client("client_secret_basic");
    const config = await configuration(demo, client);
    const flow = await begin(config, client, { parameters: { response_mode: "form_post" } });
    const { page } = await world.browser.signIn(flow.url, world.person.national_id, world.phone);
    const { action, fields } = page.formPost();
    assert.equal(action, client.redirect_uris[0]);
    assert.equal(page.headers.get("cache-control"), "no-store");
    assert.equal(fields.get("iss"), demo.issuer);
    const request = new Request(action, { method: "POST", body: fields, headers: FORM });
    const tokens = await flow.redeem(request);
    assert.ok(tokens.claims().sub);
  });
  await check("form_post carries errors too", async () => {
    const { demo } = world;
    const client = demo.client("client_secret_basic");
    const config = await configuration(demo, client);
    const flow = await begin(config, client, { parameters: { response_mode: "form_post", prompt: "none" } });
    const { page } = await new Browser(demo.issuer).open(flow.url);
    assert.equal(page.formPost().fields.get("error"), "login_required");
  });
}

async function prompts(world) {
  const { demo, person } = world;
  await check("prompt=none without a session is login_required", async () => {
    await answered("login_required", demo, new Browser(demo.issuer), { prompt: "none" });
  });
  await check("prompt=none with a session gives a code at once", async () => {
    await tokensOf(world);
    const answer = await answered(null, demo, world.browser, { prompt: "none" });
    assert.ok(answer.searchParams.get("code"));
  });
  await check("prompt=none with another value is invalid_request", async () => {
    await answered("invalid_request", demo, world.browser, { prompt: "none login" });
  });
  await check("prompt=login asks again, session or not", async () => {
    const flow = await request(demo, { prompt: "login" });
    const { page } = await world.browser.open(flow.url);
    assert.ok(page?.asksIdentifier, "the identifier page");
  });
  await check("max_age: an old session is not enough, a new sign-in has a new auth_time", async () => {
    const before = (await tokensOf(world)).tokens.claims().auth_time;
    await new Promise((resolve) => setTimeout(resolve, 2100));
    await answered("login_required", demo, world.browser, { prompt: "none", max_age: "1" });
    const { tokens } = await tokensOf(world, { parameters: { max_age: "1" }, maxAge: 1 });
    assert.ok(tokens.claims().auth_time > before, "auth_time");
  });
  await check("acr_values above what the phone reached is unmet_authentication_requirements", async () => {
    const flow = await request(demo, { acr_values: "eidas2" });
    const { redirect } = await new Browser(demo.issuer).signIn(flow.url, person.national_id, world.phone);
    assert.equal(redirect.searchParams.get("error"), "unmet_authentication_requirements");
    assert.equal(redirect.searchParams.get("code"), null);
  });
  await check("acr_values that nothing here reaches is refused before anybody is asked", async () => {
    await answered("unmet_authentication_requirements", demo, world.browser, { acr_values: "eidas3" });
  });
  await check("acr_values: unknown ones are ignored, the lowest known one is the floor", async () => {
    const { tokens } = await tokensOf(world, { parameters: { acr_values: "urn:unknown eidas3 eidas1" } });
    assert.equal(tokens.claims().acr, "eidas1");
  });
}

async function refusedByPerson(world) {
  const { demo, person, phone } = world;
  await check("cancelling before the identifier is access_denied", async () => {
    const browser = new Browser(demo.issuer);
    const flow = await request(demo, {});
    const { page } = await browser.open(flow.url);
    const { redirect } = await browser.submit(page, page.action("/cancel"));
    denied(redirect, flow, demo);
  });
  await check("denying on the phone is access_denied, and the status says done", async () => {
    const { browser, flow, page } = await atNumber(demo, person);
    assert.equal((await phone.deny()).status, 0);
    const status = await (await browser.get(page.statusUrl)).json();
    assert.equal(status.status, "done");
    denied((await browser.open(page.resume)).redirect, flow, demo);
    assert.equal((await phone.pending()).length, 0);
  });
  await check("three wrong numbers are access_denied; the phone is told how many tries are left", async () => {
    const { browser, flow, page } = await atNumber(demo, person);
    const wrong = String((Number(page.number) + 1) % 100).padStart(2, "0");
    const left = [];
    for (let tries = 0; tries < 3; tries += 1) {
      const { status, body } = await phone.approve(wrong, "--json");
      assert.equal(status, 2);
      left.push(body.tries_left);
    }
    assert.deepEqual(left, [2, 1, 0]);
    assert.notEqual((await phone.approve(page.number)).status, 0, "the right number comes too late");
    denied((await browser.open(page.resume)).redirect, flow, demo);
  });
  await check("an interaction belongs to its browser", async () => {
    const { page } = await atNumber(demo, person);
    const stranger = await new Browser(demo.issuer).open(page.resume);
    assert.ok(stranger.page.status >= 400);
    assert.equal(stranger.page.number, undefined);
    await phone.deny();
  });
  await check("an unknown identifier looks like a known one", async () => {
    const shape = (page) => page.html.replace(/<output[^<]*<\/output>/, "").replace(/[\w-]{20,}/g, "").replace(/\d+/g, "");
    const known = await atNumber(demo, person);
    const unknown = await atNumber(demo, { national_id: "899900000017" });
    assert.match(unknown.page.number, /^\d\d$/);
    assert.equal(shape(unknown.page), shape(known.page));
    await phone.deny();
  });
}

// --- cookies, forms, tabs ----------------------------------------------------------------------------------------

async function browserState(world) {
  const { demo, person, phone } = world;
  const silent = (browser) => answered(null, demo, browser, { prompt: "none" });
  await check("two tabs end each with its own state, the second one first", async () => {
    const browser = new Browser(demo.issuer);
    const [one, two] = [await request(demo, {}), await request(demo, { prompt: "login" })];
    const first = (await browser.open(one.url)).page;
    const second = await browser.signIn(two.url, person.national_id, phone);
    assert.equal(second.redirect.searchParams.get("state"), two.state);
    assert.ok((await two.redeem(second.redirect)).claims().sub);
    const later = await browser.open(first.action("/identify").replace(/\/identify$/, ""));
    assert.equal(later.redirect.searchParams.get("state"), one.state);
    assert.ok((await one.redeem(later.redirect)).claims().sub);
  });
  await check("an interaction that is over stays over, and the session is untouched", async () => {
    const { browser, page } = await atNumber(demo, person);
    await phone.answer(page);
    const before = browser.copy();
    assert.ok((await browser.open(page.resume)).redirect.searchParams.get("code"));
    for (const again of [before, browser]) {
      const { page: over } = await again.open(page.resume);
      assert.ok(over.status >= 400, `status ${over.status}`);
    }
    await silent(browser);
  });
  await check("a form without its token, or with another's, does nothing", async () => {
    const { browser, page } = await atNumber(demo, person);
    const cancel = page.action("/cancel");
    const other = (await atNumber(demo, { national_id: "899900000017" })).page.csrf;
    for (const csrf of ["", "x", other]) {
      const answer = await browser.post(cancel, { csrf });
      assert.equal(answer.status >= 400 && answer.headers.get("location") === null, true, `status ${answer.status}`);
    }
    assert.equal((await browser.open(page.resume)).page.number, page.number, "the interaction waits as before");
    await phone.deny();
  });
  await check("a new authentication gives a new session cookie, and the old one is worth nothing", async () => {
    const browser = new Browser(demo.issuer);
    await browser.signIn((await request(demo, {})).url, person.national_id, phone);
    await silent(browser);
    const old = browser.copy();
    await browser.signIn((await request(demo, { prompt: "login" })).url, person.national_id, phone);
    await silent(browser);
    assert.notEqual(browser.cookieHeader(), old.cookieHeader());
    await answered("login_required", demo, old, { prompt: "none" });
  });
  await check("cookies are HttpOnly, SameSite=Lax, of this host; interaction cookies go when it ends", async () => {
    const { url } = await request(demo, {});
    const [line] = (await new Browser(demo.issuer).get(url)).headers.getSetCookie();
    assert.match(line, /; *HttpOnly/i);
    assert.match(line, /; *SameSite=Lax/i);
    assert.doesNotMatch(line, /; *Domain=/i);
    const browser = new Browser(demo.issuer);
    await browser.signIn(url, person.national_id, phone);
    assert.deepEqual([...browser.cookies.keys()].sort(), ["sceau-known", "sceau-session"]);
  });
}

function denied(redirect, flow, demo) {
  assert.equal(redirect?.searchParams.get("error"), "access_denied");
  assert.equal(redirect.searchParams.get("state"), flow.state);
  assert.equal(redirect.searchParams.get("iss"), demo.issuer);
}

// --- codes -------------------------------------------------------------------------------------------------------

async function codes(world) {
  const { demo } = world;
  const client = demo.client("client_secret_basic");
  await check("a wrong code_verifier is invalid_grant and burns the code", async () => {
    const { flow, code } = await codeOf(world);
    const wrong = oidc.randomPKCECodeVerifier();
    assert.equal((await redeem(demo, client, { code, code_verifier: wrong })).body.error, "invalid_grant");
    assert.equal((await redeem(demo, client, { code, code_verifier: flow.verifier })).body.error, "invalid_grant");
  });
  await check("a missing code_verifier is invalid_grant", async () => {
    const { code } = await codeOf(world);
    assert.equal((await redeem(demo, client, { code })).body.error, "invalid_grant");
  });
  await check("another redirect_uri at the token endpoint is invalid_grant", async () => {
    const { flow, code } = await codeOf(world);
    const redirect_uri = `${client.redirect_uris[0]}x`;
    const answer = await redeem(demo, client, { code, code_verifier: flow.verifier, redirect_uri });
    assert.equal(answer.body.error, "invalid_grant");
  });
  await check("a code of another client is invalid_grant, and is burnt", async () => {
    const { flow, code } = await codeOf(world);
    const form = { code, code_verifier: flow.verifier };
    assert.equal((await redeem(demo, demo.client("client_secret_post"), form)).body.error, "invalid_grant");
    assert.equal((await redeem(demo, client, form)).body.error, "invalid_grant");
  });
  await check("a replayed code kills the tokens it gave", async () => {
    const { flow, code } = await codeOf(world);
    const form = { code, code_verifier: flow.verifier };
    const first = await redeem(demo, client, form);
    assert.equal(first.status, 200);
    assert.equal(await userinfoStatus(demo, first.body.access_token), 200);
    assert.equal((await redeem(demo, client, form)).body.error, "invalid_grant");
    await ended(demo, async () => (await userinfoStatus(demo, first.body.access_token)) === 401);
    const { refresh_token } = first.body;
    const again = await token(demo, client, { grant_type: "refresh_token", refresh_token });
    assert.equal(again.body.error, "invalid_grant");
  });
  await check("token answers are not cached and name their type", async () => {
    const { flow, code } = await codeOf(world);
    const { headers, body } = await redeem(demo, client, { code, code_verifier: flow.verifier });
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(body.token_type, "Bearer");
    assert.ok(body.expires_in > 0);
  });
}

// --- redirect URIs (attack A-001) --------------------------------------------------------------------------------

async function redirectUris(world) {
  const { demo } = world;
  const client = demo.client("client_secret_basic");
  const registered = client.redirect_uris[0];
  for (const [name, uri] of variants(registered)) {
    await check(`redirect_uri ${name}: a page, no redirect`, async () => {
      const query = new URLSearchParams({ ...plain(client), redirect_uri: uri });
      await onPage(demo, `${demo.issuer}/authorize?${query}`);
    });
  }
  await check("redirect_uri missing: a page", async () => {
    const { redirect_uri: _, ...query } = plain(client);
    await onPage(demo, `${demo.issuer}/authorize?${new URLSearchParams(query)}`);
  });
  await check("redirect_uri twice: a page", async () => {
    const query = new URLSearchParams(plain(client));
    query.append("redirect_uri", "https://evil.example/cb");
    await onPage(demo, `${demo.issuer}/authorize?${query}`);
  });
  await check("prompt=none does not turn a bad redirect_uri into a redirect", async () => {
    const query = new URLSearchParams({ ...plain(client), redirect_uri: "https://evil.example/cb", prompt: "none" });
    await onPage(demo, `${demo.issuer}/authorize?${query}`);
  });
  await check("unknown client_id: a page", async () => {
    await onPage(demo, `${demo.issuer}/authorize?${new URLSearchParams({ ...plain(client), client_id: "nobody" })}`);
  });
}

function variants(registered) {
  const uri = new URL(registered);
  const { protocol, host, hostname, pathname } = uri;
  const tail = pathname + uri.search;
  return [
    ["with the host as user information", `${protocol}//${host}@evil.example${tail}`],
    ["with user information", `${protocol}//user@${host}${tail}`],
    ["with a longer host", `${protocol}//${hostname}.evil.example${tail}`],
    ["without scheme", `//${host}${tail}`],
    ["without scheme, another host", "//evil.example/"],
    ["relative", tail],
    ["with dot segments", `${registered}/../x`],
    ["with ..;/", `${registered}/..;/x`],
    ["with encoded dot segments", `${registered}/%2e%2e%2f`],
    ["with doubly encoded dot segments", `${registered}/%252e%252e%252f`],
    ["with a backslash", `${protocol}//${host}\\${tail}`],
    ["with a backslash and another host", `${protocol}//evil.example\\@${host}${tail}`],
    ["with a tab", registered.replace("//", "//\t")],
    ["with a newline", `${registered}\n`],
    ["with a carriage return inside", registered.replace(host, `${host}\r`)],
    ["with a trailing space", `${registered} `],
    ["with a leading space", ` ${registered}`],
    ["with a fragment", `${registered}#f`],
    ["with a query", `${registered}?x=1`],
    ["with a response parameter", `${registered}?code=x`],
    ["with a trailing slash", `${registered}/`],
    ["with an upper-case scheme", registered.replace(protocol, protocol.toUpperCase())],
    ["with an upper-case path", `${protocol}//${host}${tail.toUpperCase()}`],
    ["with a homograph host", `${protocol}//${hostname.replace(/[a-z1]/, "а")}${tail}`],
    ["with a trailing dot", `${protocol}//${hostname}.${tail}`],
    ["with port 443", `${protocol}//${hostname}:443${tail}`],
    ["with another port", `${protocol}//${hostname}:1${tail}`],
    ["in its IPv6 form", `${protocol}//[::ffff:127.0.0.1]${tail}`],
    ["with a decimal address", `${protocol}//2130706433${tail}`],
    ["with another scheme", registered.replace(protocol, protocol === "http:" ? "https:" : "http:")],
    ["javascript:", "javascript:alert(1)"],
    ["data:", "data:text/html,x"],
    ["empty", ""],
    ["with an encoded slash", registered.replace(/\/([^/]*)$/, "%2F$1")],
    ["of 8 KiB", `${registered}?${"x".repeat(8192)}`],
  ].filter(([, variant]) => variant !== registered);
}

/// A refusal that stays with the provider.
async function onPage(demo, url) {
  const response = await new Browser(demo.issuer).get(url);
  const location = response.headers.get("location");
  assert.equal(location, null, `redirected to ${location}`);
  assert.ok(response.status >= 400 && response.status < 500, `status ${response.status}`);
  assert.match(response.headers.get("content-type"), /^text\/html/);
  assert.match(response.headers.get("content-security-policy"), /frame-ancestors 'none'/);
  await response.text();
}

// --- malformed requests ------------------------------------------------------------------------------------------

async function malformedRequests(world) {
  const { demo } = world;
  const client = demo.client("client_secret_basic");
  for (const name of ["state", "nonce", "scope", "response_type", "code_challenge"]) {
    await check(`${name} twice at /authorize is invalid_request`, async () => {
      const { url } = await request(demo, { nonce: "n" });
      url.searchParams.append(name, url.searchParams.get(name) ?? "x");
      const { redirect } = await new Browser(demo.issuer).open(url);
      assert.equal(redirect?.searchParams.get("error"), "invalid_request");
      assert.equal(redirect.searchParams.get("iss"), demo.issuer);
    });
  }
  const bad = {
    unsupported_response_type: { response_type: "token" },
    invalid_scope: { scope: "profile" },
    invalid_request: { code_challenge_method: "plain" },
    request_not_supported: { request: "e30.e30." },
    registration_not_supported: { registration: "{}" },
  };
  for (const [error, parameters] of Object.entries(bad)) {
    await check(`${JSON.stringify(parameters)} is ${error}, to the client, with state and iss`, async () => {
      await answered(error, demo, new Browser(demo.issuer), parameters);
    });
  }
  await check("a public client without PKCE is invalid_request", async () => {
    const native = demo.client("none");
    const query = new URLSearchParams({ ...plain(native), state: "s" });
    const { redirect } = await new Browser(demo.issuer).open(`${demo.issuer}/authorize?${query}`);
    assert.equal(redirect?.searchParams.get("error"), "invalid_request");
  });
  await check("a parameter twice at the token endpoint is invalid_request", async () => {
    const body = new URLSearchParams({ grant_type: "authorization_code", code: "x" });
    body.append("code", "y");
    const answer = await fetch(`${demo.issuer}/token`, { method: "POST", body, headers: basic(client) });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error, "invalid_request");
  });
  await check("a JSON body at the token endpoint is invalid_request", async () => {
    const headers = { "content-type": "application/json", ...basic(client) };
    const body = JSON.stringify({ grant_type: "authorization_code", code: "x" });
    const answer = await fetch(`${demo.issuer}/token`, { method: "POST", headers, body });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error, "invalid_request");
  });
  await check("GET /token is not a thing", async () => {
    assert.equal((await fetch(`${demo.issuer}/token?grant_type=authorization_code`)).status, 405);
  });
  await check("an unknown grant is unsupported_grant_type", async () => {
    const { status, body } = await token(demo, client, { grant_type: "password", username: "a", password: "b" });
    assert.equal(status, 400);
    assert.equal(body.error, "unsupported_grant_type");
  });
  await check("POST /authorize from another site goes on by 303, with the session", async () => {
    await tokensOf(world);
    const { url } = await request(demo, {});
    const origin = { origin: "https://service.example", "sec-fetch-site": "cross-site" };
    const first = await new Browser(demo.issuer).post(url.origin + url.pathname, url.searchParams, origin);
    assert.equal(first.status, 303);
    const location = new URL(first.headers.get("location"), demo.issuer);
    assert.equal(location.pathname, "/authorize");
    assert.deepEqual([...location.searchParams.keys()].sort(), ["client_id", "request_uri"]);
    const { redirect } = await world.browser.open(location);
    assert.ok(redirect?.searchParams.get("code"), "a code by the session");
  });
  await check("a request_uri is used once, and by its own client only", async () => {
    const config = await configuration(demo, client);
    const flow = await begin(config, client, { pushed: true });
    const stolen = new URL(flow.url);
    stolen.searchParams.set("client_id", demo.client("client_secret_post").client_id);
    await onPage(demo, stolen);
    assert.ok((await signIn(world, flow.url)).searchParams.get("code"));
    const { page } = await world.browser.open(flow.url);
    assert.equal(page?.status, 400);
  });
}

// --- client authentication ---------------------------------------------------------------------------------------

async function clientAuthentication(world) {
  const { demo } = world;
  const refusals = [
    ["a wrong secret", "client_secret_basic", (client) => ({ headers: basic(client, "wrong") })],
    ["the secret in the form of a client of Basic", "client_secret_basic", (client) => ({ form: secret(client) })],
    ["Basic by a client of the form", "client_secret_post", (client) => ({ headers: basic(client) })],
    ["no credentials of a confidential client", "client_secret_basic", ({ client_id }) => ({ form: { client_id } })],
  ];
  for (const [name, method, make] of refusals) {
    await check(`${name} is invalid_client`, async () => {
      const { headers = {}, form = {} } = make(demo.client(method));
      const body = new URLSearchParams({ grant_type: "authorization_code", code: "x", ...form });
      const answer = await fetch(`${demo.issuer}/token`, { method: "POST", headers, body });
      assert.equal(answer.status, 401);
      assert.equal((await answer.json()).error, "invalid_client");
      if (headers.authorization) assert.match(answer.headers.get("www-authenticate"), /^Basic/);
    });
  }
  await check("two ways at once are invalid_request", async () => {
    const client = demo.client("client_secret_basic");
    const body = new URLSearchParams({ grant_type: "authorization_code", code: "x", ...secret(client) });
    const answer = await fetch(`${demo.issuer}/token`, { method: "POST", headers: basic(client), body });
    assert.equal((await answer.json()).error, "invalid_request");
  });
  await check("a client assertion is good once", async () => {
    const form = assertionForm(await clientAssertion(demo, {}));
    assert.equal((await bare(demo, form)).body.error, "invalid_grant", "the first passes on to the code");
    assert.equal((await bare(demo, form)).body.error, "invalid_client");
  });
  const bad = {
    "for another audience": { aud: "https://other.example" },
    "for an audience of several": { aud: [demo.issuer, "https://other.example"] },
    expired: { exp: Math.floor(Date.now() / 1000) - 60 },
    "that lives an hour": { exp: Math.floor(Date.now() / 1000) + 3600 },
    "of another subject": { sub: "somebody" },
    "without jti": { jti: undefined },
  };
  for (const [name, claims] of Object.entries(bad)) {
    await check(`a client assertion ${name} is invalid_client`, async () => {
      const { status, body } = await bare(demo, assertionForm(await clientAssertion(demo, claims)));
      assert.equal(status, 401);
      assert.equal(body.error, "invalid_client");
    });
  }
  await check("an assertion signed by another key is invalid_client", async () => {
    const { privateKey } = await jose.generateKeyPair("ES256");
    const form = assertionForm(await clientAssertion(demo, {}, privateKey));
    assert.equal((await bare(demo, form)).body.error, "invalid_client");
  });
  await check("a DPoP proof without the server's nonce is use_dpop_nonce, and consumes nothing", async () => {
    const native = demo.client("none");
    const key = new ProofKey();
    const { flow, code } = await codeOf(world, "none");
    const form = { grant_type: "authorization_code", code, code_verifier: flow.verifier };
    Object.assign(form, { client_id: native.client_id, redirect_uri: native.redirect_uris[0] });
    const url = `${demo.issuer}/token`;
    const first = await bare(demo, form, { dpop: key.prove({ method: "POST", url }) });
    assert.equal(first.body.error, "use_dpop_nonce");
    const nonce = first.headers.get("dpop-nonce");
    const proof = key.prove({ method: "POST", url, nonce });
    const second = await bare(demo, form, { dpop: proof });
    assert.equal(second.status, 200);
    assert.equal((await bare(demo, form, { dpop: proof })).body.error, "invalid_dpop_proof", "a proof is used once");
  });
}

// --- other origins -----------------------------------------------------------------------------------------------

async function crossOrigin({ demo }) {
  const origin = { origin: "https://elsewhere.example" };
  await check("no page of another origin reads /authorize, /token or /par", async () => {
    const { url } = await request(demo, {});
    const answers = [
      await fetch(url, { headers: origin, redirect: "manual" }),
      await fetch(`${demo.issuer}/token`, { method: "POST", headers: { ...origin, ...FORM }, body: "grant_type=x" }),
      await fetch(`${demo.issuer}/par`, { method: "POST", headers: { ...origin, ...FORM }, body: "client_id=x" }),
      await fetch(`${demo.issuer}/token`, {
        method: "OPTIONS",
        headers: { ...origin, "access-control-request-method": "POST" },
      }),
    ];
    for (const answer of answers) assert.equal(answer.headers.get("access-control-allow-origin"), null, answer.url);
  });
}

// --- pieces ------------------------------------------------------------------------------------------------------

async function request(demo, parameters, method = "client_secret_basic") {
  const client = demo.client(method);
  return begin(await configuration(demo, client), client, { parameters });
}

async function tokensOf(world, { method = "client_secret_basic", parameters, maxAge } = {}) {
  const client = world.demo.client(method);
  const config = await configuration(world.demo, client);
  const flow = await begin(config, client, { parameters });
  const tokens = await flow.redeem(await signIn(world, flow.url), { maxAge });
  return { config, tokens };
}

async function codeOf(world, method = "client_secret_basic") {
  const flow = await request(world.demo, {}, method);
  return { flow, code: (await signIn(world, flow.url)).searchParams.get("code") };
}

/// The browser at the page that shows the number.
async function atNumber(demo, person) {
  const browser = new Browser(demo.issuer);
  const flow = await request(demo, {});
  const first = await browser.open(flow.url);
  const fields = { identifier: person.national_id };
  const { page } = await browser.submit(first.page, first.page.action("/identify"), fields);
  assert.ok(page?.number, `no number: ${page?.summary()}`);
  return { browser, flow, page };
}

/// Opens an authorization request that is answered without a page: `error`, or success when null.
async function answered(error, demo, browser, parameters) {
  const flow = await request(demo, parameters);
  const { redirect, page } = await browser.open(flow.url);
  assert.ok(redirect, page && `ended on a page: ${page.summary()}`);
  assert.equal(redirect.searchParams.get("error"), error);
  assert.equal(redirect.searchParams.get("state"), flow.state);
  assert.equal(redirect.searchParams.get("iss"), demo.issuer);
  return redirect;
}

const plain = (client) => ({
  client_id: client.client_id,
  redirect_uri: client.redirect_uris[0],
  response_type: "code",
  scope: "openid",
});

async function clientAssertion(demo, claims, key) {
  const client = demo.client("private_key_jwt");
  const now = Math.floor(Date.now() / 1000);
  const { client_id: id } = client;
  const whole = { iss: id, sub: id, aud: demo.issuer, jti: randomUUID(), iat: now, exp: now + 60, ...claims };
  const signer = new jose.SignJWT(whole).setProtectedHeader({ alg: "ES256", kid: client.jwk.kid });
  return signer.sign(key ?? (await jose.importJWK(client.jwk, "ES256")));
}

const assertionForm = (assertion) => ({
  grant_type: "authorization_code",
  code: "x",
  redirect_uri: "https://service.example/cb",
  client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
  client_assertion: assertion,
});

async function bare(demo, form, headers = {}) {
  const answer = await fetch(`${demo.issuer}/token`, { method: "POST", headers, body: new URLSearchParams(form) });
  return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

/// The token endpoint by hand, as a client with a secret.
function token(demo, client, form) {
  const byForm = client.token_endpoint_auth_method === "client_secret_post";
  return byForm ? bare(demo, { ...form, ...secret(client) }) : bare(demo, form, basic(client));
}

function redeem(demo, client, form) {
  const redirect_uri = client.redirect_uris[0];
  return token(demo, client, { grant_type: "authorization_code", redirect_uri, ...form });
}

await suite(everything);
