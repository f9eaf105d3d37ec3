// The twin itself: openid-client signs in with both flavours in every registered form, then each refusal of
// FranceConnect and each fault is read on the wire.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createDecipheriv, createHash, createHmac, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, request as plainRequest } from "node:http";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { jose, oidc } from "../interop/_packages.mjs";
import { check, report } from "../interop/_sceau.mjs";
import { FAULTS, IDENTITIES, startTwin } from "./twin.mjs";
import { Visitor } from "./visitor.mjs";

const CALLBACK = "https://service.exemple.test/retour";
const AFTER_LOGOUT = "https://service.exemple.test/au-revoir";
const SECRET = randomBytes(32).toString("hex");
const WRAPPING = ["RSA-OAEP", "RSA-OAEP-256", "ECDH-ES"];
const PIVOT = ["given_name", "given_name_array", "family_name", "birthdate", "gender", "birthplace", "birthcountry"];
const FLAVOURS = ["low", "plus"];
const fresh = () => randomBytes(32).toString("hex");
const leftHalf = (text) => createHash("sha256").update(text).digest().subarray(0, 16).toString("base64url");

async function everything() {
  const service = await Service.keys();
  const world = { service, host: await service.publish() };
  world.low = await startTwin({ flavour: "low" });
  world.plus = await startTwin({ flavour: "plus" });
  try {
    for (const flavour of FLAVOURS) await published(world, flavour);
    await goodPaths(world);
    for (const flavour of FLAVOURS) await claims(world, flavour);
    for (const flavour of FLAVOURS) await refusals(world, flavour);
    await levels(world);
    for (const flavour of FLAVOURS) await logout(world, flavour);
    for (const flavour of FLAVOURS) await faults(world, flavour);
    await everyFaultIsTested();
    await bindings(world);
    await fromOutside(world);
  } finally {
    await Promise.all([world.low.stop(), world.plus.stop()]);
    world.host.close();
  }
}

// --- discovery ---------------------------------------------------------------------------------------------------

async function published(world, flavour) {
  await check(`${flavour}: discovery says what FranceConnect publishes`, async () => {
    const { issuer } = world[flavour];
    const document = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
    const paths = {
      authorization_endpoint: "/authorize", token_endpoint: "/token", userinfo_endpoint: "/userinfo", jwks_uri: "/jwks",
      end_session_endpoint: "/session/end", revocation_endpoint: "/token/revocation",
      introspection_endpoint: "/token/introspection",
    };
    assert.equal(new URL(issuer).pathname, "/api/v2");
    assert.equal(document.issuer, issuer);
    for (const [name, path] of Object.entries(paths)) assert.equal(document[name], `${issuer}${path}`, name);
    assert.deepEqual(document.acr_values_supported, flavour === "low" ? ["eidas1"] : ["eidas2", "eidas3"]);
    const signing = flavour === "low" ? ["ES256", "RS256"] : ["ES256"];
    assert.deepEqual(document.id_token_signing_alg_values_supported, signing);
    assert.deepEqual(document.userinfo_signing_alg_values_supported, signing);
    assert.deepEqual(document.id_token_encryption_alg_values_supported, flavour === "low" ? undefined : WRAPPING);
    assert.deepEqual(document.id_token_encryption_enc_values_supported, flavour === "low" ? undefined : ["A256GCM"]);
    assert.deepEqual(document.response_types_supported, ["code"]);
    assert.deepEqual(document.grant_types_supported, ["authorization_code"]);
    assert.deepEqual(document.subject_types_supported, ["pairwise"]);
    assert.deepEqual(document.token_endpoint_auth_methods_supported, ["client_secret_post", "private_key_jwt"]);
    assert.equal(document.pushed_authorization_request_endpoint, undefined);
    assert.equal(document.scopes_supported.includes("rnipp_given_name_array"), flavour === "plus");
    for (const scope of ["identite_pivot", "birth", "birthplace", "email", "idp_id"]) {
      assert.ok(document.scopes_supported.includes(scope), scope);
    }
  });
  await check(`${flavour}: one published key for each algorithm, public`, async () => {
    const { keys } = await (await fetch(`${world[flavour].issuer}/jwks`)).json();
    assert.deepEqual(keys.map(({ alg }) => alg), flavour === "low" ? ["ES256", "RS256"] : ["ES256"]);
    for (const key of keys) assert.ok(key.use === "sig" && key.kid && key.d === undefined);
  });
}

// --- openid-client -----------------------------------------------------------------------------------------------

async function goodPaths(world) {
  const { service } = world;
  const low = [
    { id_token_signed_response_alg: "ES256" },
    { id_token_signed_response_alg: "RS256" },
    { token_endpoint_auth_method: "private_key_jwt", jwks: service.jwks },
  ];
  const plus = WRAPPING.flatMap((alg) => [
    { id_token_encrypted_response_alg: alg, jwks: service.jwks },
    { id_token_encrypted_response_alg: alg, jwks_uri: service.jwksUri, token_endpoint_auth_method: "private_key_jwt" },
  ]);
  for (const [flavour, all] of Object.entries({ low, plus })) {
    for (const form of all) {
      const said = Object.values(form).map((value) => (typeof value === "object" ? "jwks" : value)).join(", ");
      await check(`${flavour}: openid-client signs in (${said})`, () => signInWithOpenidClient(world, flavour, form));
    }
  }
}

async function signInWithOpenidClient({ service, ...twins }, flavour, form) {
  const twin = twins[flavour];
  const client = await service.register(twin, form);
  const asymmetric = form.token_endpoint_auth_method === "private_key_jwt";
  const metadata = {
    id_token_signed_response_alg: form.id_token_signed_response_alg ?? "ES256",
    userinfo_signed_response_alg: form.id_token_signed_response_alg ?? "ES256",
  };
  const authentication = asymmetric
    ? oidc.PrivateKeyJwt({ key: await jose.importJWK(service.signing, "ES256"), kid: service.signing.kid })
    : oidc.ClientSecretPost(SECRET);
  const plain = { execute: [oidc.allowInsecureRequests] };
  const config = await oidc.discovery(new URL(twin.issuer), client.clientId, metadata, authentication, plain);
  if (flavour === "plus") {
    const wrapping = form.id_token_encrypted_response_alg;
    const key = await jose.importJWK(service.decryption(wrapping), wrapping);
    oidc.enableDecryptingResponses(config, ["A256GCM"], { key, alg: wrapping, kid: service.decryption(wrapping).kid });
  }
  const [state, nonce, verifier] = [fresh(), fresh(), oidc.randomPKCECodeVerifier()];
  const level = flavour === "low" ? "eidas1" : "eidas3";
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK, scope: "openid identite_pivot email", acr_values: level, state, nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
    claims: JSON.stringify({ id_token: { amr: { essential: true } } }),
  });
  const answer = await new Visitor(twin).signIn(url, { identity: "corse-du-sud" });
  const tokens = await oidc.authorizationCodeGrant(config, answer, {
    expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true,
  });
  const claims = tokens.claims();
  assert.equal(tokens.expires_in, 60);
  assert.equal(tokens.refresh_token, undefined);
  assert.equal(claims.acr, level);
  assert.deepEqual(claims.amr, ["fc", "pop", "mfa", "pin"]);
  assert.equal(claims.exp - claims.iat, 60);
  assert.match(claims.sub, /^[0-9a-f]{64}v1$/);
  assert.equal(claims.sub, twin.subject("corse-du-sud", client.clientId));
  const members = ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"];
  assert.deepEqual(Object.keys(claims).sort(), members);
  assert.equal(claims.at_hash, leftHalf(tokens.access_token));
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.equal(userinfo.birthplace, "2A004");
  assert.equal(userinfo.email, "ghjulia.santellacci@exemple.test");
}

// --- claims ------------------------------------------------------------------------------------------------------

async function claims(world, flavour) {
  const { service } = world;
  const twin = world[flavour];
  const client = await service.register(twin);
  const userinfoOf = async (scope, identity) => {
    const { userinfo } = await service.wholeLogin(twin, client, { scope, identity });
    const { aud, exp, iat, iss, sub, ...rest } = await service.verified(twin, userinfo.text);
    assert.deepEqual([aud, iss, exp - iat > 50], [client.clientId, twin.issuer, true]);
    return { sub, rest };
  };
  for (const identity of IDENTITIES) {
    await check(`${flavour}: identité pivot of « ${identity.id} »`, async () => {
      const { sub, rest } = await userinfoOf("openid identite_pivot", identity.id);
      assert.deepEqual(rest, Object.fromEntries(PIVOT.map((name) => [name, identity[name]])));
      assert.equal(sub, twin.subject(identity.id, client.clientId));
      assert.equal(rest.given_name, rest.given_name_array.join(" "));
      assert.match(rest.birthdate, /^\d{4}-\d{2}-\d{2}$/);
      if (rest.birthcountry === "99100") assert.match(rest.birthplace, /^(?:2[AB]|[0-9]{2})[0-9]{3}$/);
      else assert.equal(rest.birthplace, "");
    });
  }
  await check(`${flavour}: scopes`, async () => {
    const names = async (scope, identity = "nom-d-usage") =>
      Object.keys((await userinfoOf(scope, identity)).rest).sort();
    const profile = ["birthdate", "family_name", "gender", "given_name", "given_name_array", "preferred_username"];
    assert.deepEqual(await names("openid"), []);
    assert.deepEqual(await names("openid profile"), profile);
    assert.deepEqual(await names("openid birth"), ["birthcountry", "birthplace"]);
    for (const name of [...profile, "birthplace", "birthcountry", "email", "idp_id", "idp_birthdate"]) {
      assert.deepEqual(await names(`openid ${name}`), [name]);
    }
    const registry = flavour === "plus" ? ["rnipp_given_name_array"] : [];
    assert.deepEqual(await names("openid rnipp_given_name_array"), registry);
    assert.deepEqual(await names("openid email", "sans-courriel"), []);
  });
  await check(`${flavour}: the subject is the service's and the civil status's`, async () => {
    const other = await service.register(twin);
    const subjects = [client, other].flatMap(({ clientId }) => IDENTITIES.map(({ id }) => twin.subject(id, clientId)));
    assert.equal(new Set(subjects).size, 2 * IDENTITIES.length);
    const before = twin.subject("nom-d-usage", client.clientId);
    twin.amend("nom-d-usage", { preferred_username: "AUTREMENT", email: "autre@exemple.test" });
    assert.equal(twin.subject("nom-d-usage", client.clientId), before);
    twin.amend("nom-d-usage", { given_name: "Hélène", given_name_array: ["Hélène"] });
    assert.notEqual(twin.subject("nom-d-usage", client.clientId), before);
    twin.amend("nom-d-usage", IDENTITIES.find(({ id }) => id === "nom-d-usage"));
  });
}

// --- refusals ----------------------------------------------------------------------------------------------------

async function refusals(world, flavour) {
  const { service } = world;
  const twin = world[flavour];
  const client = await service.register(twin, { amr_allowed: false });
  const page = (code) => async (turn) =>
    assert.deepEqual([turn.status, turn.code], [400, code], turn.html ?? turn.href);
  const back = (error) => async (turn) => {
    assert.equal(turn.searchParams?.get("error"), error, turn.html ?? turn.href);
    assert.equal(turn.searchParams.get("iss"), twin.issuer);
  };
  const rows = {
    "short state": [{ state: "x".repeat(31) }, page("Y030007")],
    "short nonce": [{ nonce: "x".repeat(31) }, page("Y030007")],
    "prompt=none": [{ prompt: "none" }, page("Y030007")],
    "prompt=select_account": [{ prompt: "select_account" }, page("Y030007")],
    ...Object.fromEntries(["client_id", "acr_values", "response_type", "nonce", "state", "redirect_uri", "scope"]
      .map((name) => [`no ${name}`, [{ [name]: undefined }, page("Y030007")]])),
    "unknown client": [{ client_id: "inconnu" }, page("Y04EA6EF")],
    "unregistered redirect_uri": [{ redirect_uri: `${CALLBACK}/` }, page("Y04C013C")],
    "amr not allowed": [{ claims: '{"id_token":{"amr":{"essential":true}}}' }, page("Y100009")],
    "response_type=none": [{ response_type: "none" }, back("unsupported_response_type")],
    "scope without openid": [{ scope: "profile" }, back("invalid_request")],
    "unknown level": [{ acr_values: "eidas9" }, back("invalid_acr")],
    "level of the other flavour": [{ acr_values: flavour === "low" ? "eidas2" : "eidas1" }, back("invalid_acr")],
    "unknown idp_hint": [{ idp_hint: "inconnu" }, back("invalid_idp_hint")],
  };
  for (const [name, [change, expected]] of Object.entries(rows)) {
    await check(`${flavour}: ${name} is refused`, async () => {
      await expected(await new Visitor(twin).signIn(service.address(twin, client, change)));
    });
  }
  await check(`${flavour}: the same request passes, also with idp_hint and both prompts, also by POST`, async () => {
    const address = service.address(twin, client, { prompt: "login consent", idp_hint: "fournisseur-de-test" });
    assert.ok((await new Visitor(twin).signIn(address)).searchParams.get("code"));
    const visitor = new Visitor(twin);
    const turn = await visitor.send(`${twin.issuer}/authorize`, service.address(twin, client).searchParams);
    assert.equal(turn.status, 200);
    assert.match(turn.html, /id="identite"/);
  });
  await check(`${flavour}: giving up is access_denied`, async () => {
    const turn = await new Visitor(twin).signIn(service.address(twin, client), { giveUp: true });
    const said = ["error", "error_description"].map((name) => turn.searchParams.get(name));
    assert.deepEqual(said, ["access_denied", "user authentication aborted"]);
  });
  await check(`${flavour}: a lost session is a page`, async () => {
    const turn = await new Visitor(twin).open(`${twin.issuer}/interaction/inconnue`);
    assert.deepEqual([turn.status, turn.code], [400, "Y190001"]);
  });
  await check(`${flavour}: a code is used once, lives 30 s, belongs to its client; its token lives 60 s`, async () => {
    const { callback } = await service.begin(twin, client);
    const code = await twin.provider.AuthorizationCode.find(callback.searchParams.get("code"));
    assert.equal(code.exp - code.iat, 30);
    const other = await service.register(twin);
    assert.equal((await service.redeem(twin, other, callback)).status, 400);
    const again = await service.begin(twin, client);
    const first = await service.redeem(twin, client, again.callback);
    assert.equal(first.status, 200);
    assert.equal(JSON.parse(first.text).expires_in, 60);
    const second = await service.redeem(twin, client, again.callback);
    assert.deepEqual([second.status, JSON.parse(second.text).error], [400, "invalid_grant"]);
    const dead = await service.userinfo(twin, JSON.parse(first.text).access_token);
    assert.equal(dead.status, 401, "a second use ends the first one's token");
  });
  await check(`${flavour}: a wrong secret is refused`, async () => {
    const { callback } = await service.begin(twin, client);
    const answer = await service.redeem(twin, client, callback, { client_secret: fresh() });
    assert.deepEqual([answer.status, JSON.parse(answer.text).error], [401, "invalid_client"]);
  });
}

// --- levels and sessions -----------------------------------------------------------------------------------------

async function levels(world) {
  const { service } = world;
  const acrOf = async (twin, client, callback) => {
    const token = JSON.parse((await service.redeem(twin, client, callback)).text).id_token;
    return (await service.verified(twin, token)).acr;
  };
  const asksIdentity = (turn) => /id="identite"/.test(turn.html ?? "");
  await check("plus: the lowest level asked for is the floor, a stronger one may be reached", async () => {
    const client = await service.register(world.plus);
    const rows = [
      ["eidas2", "", "eidas2"], ["eidas3", "", "eidas3"],
      ["eidas3 eidas2", "", "eidas2"], ["eidas2", "eidas3", "eidas3"],
    ];
    for (const [asked, reached, expected] of rows) {
      const address = service.address(world.plus, client, { acr_values: asked });
      const callback = await new Visitor(world.plus).signIn(address, { acr: reached });
      assert.equal(await acrOf(world.plus, client, callback), expected, asked);
    }
    const address = service.address(world.plus, client, { acr_values: "eidas3" });
    const weaker = await new Visitor(world.plus).signIn(address, { acr: "eidas2" });
    assert.equal(weaker.code, "Y000400");
  });
  await check("low and eidas2: one session for several services; eidas3 and prompt=login ask again", async () => {
    for (const [flavour, level] of [["low", "eidas1"], ["plus", "eidas2"]]) {
      const twin = world[flavour];
      const [client, other] = [await service.register(twin), await service.register(twin)];
      const visitor = new Visitor(twin);
      const reached = flavour === "low" ? "" : "eidas3";
      await visitor.signIn(service.address(twin, client, { acr_values: level }), { acr: reached });
      const asks = async (change) => asksIdentity(await visitor.open(service.address(twin, other, change)));
      assert.equal(await asks({ acr_values: level }), false, flavour);
      assert.equal(await asks({ acr_values: level, prompt: "login" }), true, flavour);
      if (flavour === "plus") assert.equal(await asks({ acr_values: "eidas3" }), true);
    }
  });
}

// --- logout ------------------------------------------------------------------------------------------------------

async function logout(world, flavour) {
  const { service } = world;
  const twin = world[flavour];
  const client = await service.register(twin, { post_logout_redirect_uris: [AFTER_LOGOUT] });
  const end = (fields) => {
    const all = new URLSearchParams({ post_logout_redirect_uri: AFTER_LOGOUT, ...fields });
    return `${twin.issuer}/session/end?${all}`;
  };
  const signedIn = async () => {
    const visitor = new Visitor(twin);
    const { callback } = await service.begin(twin, client, { visitor });
    const token = JSON.parse((await service.redeem(twin, client, callback)).text).id_token;
    return { visitor, token, signed: await service.decrypted(token) };
  };
  await check(`${flavour}: logout with the signed ID token brings the state back, ends the session`, async () => {
    const { visitor, signed } = await signedIn();
    const state = fresh();
    const turn = await visitor.logout(end({ id_token_hint: signed, state }));
    assert.equal(turn.href, `${AFTER_LOGOUT}?state=${state}`);
    assert.match((await visitor.open(service.address(twin, client))).html, /id="identite"/);
  });
  await check(`${flavour}: logout refuses no at_hash, another's signature, an unregistered return`, async () => {
    const { visitor, signed } = await signedIn();
    const { at_hash: _gone, ...claims } = jose.decodeJwt(signed);
    const { privateKey, kid } = twin.keys.current("ES256");
    const without = await new jose.SignJWT(claims).setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
    assert.equal((await visitor.logout(end({ id_token_hint: without }))).code, "Y100019");
    const forged = await new jose.SignJWT(jose.decodeJwt(signed)).setProtectedHeader({ alg: "ES256", kid })
      .sign(twin.keys.unpublished("ES256").privateKey);
    assert.equal((await visitor.logout(end({ id_token_hint: forged }))).status, 400);
    const elsewhere = end({ id_token_hint: signed, post_logout_redirect_uri: `${AFTER_LOGOUT}/autre` });
    assert.equal((await visitor.logout(elsewhere)).status, 400);
  });
  if (flavour === "low") return;
  await check("plus: logout refuses the encrypted ID token", async () => {
    const { visitor, token } = await signedIn();
    assert.equal((await visitor.logout(end({ id_token_hint: token }))).status, 400);
  });
}

// --- faults ------------------------------------------------------------------------------------------------------

const tested = new Set();

async function faults(world, flavour) {
  const { service } = world;
  const twin = world[flavour];
  const client = await service.register(twin);
  for (const [name, { at: places }] of Object.entries(FAULTS)) {
    for (const at of places) {
      if (name === "slow" && flavour === "low" && at !== "token") continue; // eight seconds once
      if (["not_encrypted", "rsa1_5"].includes(name) && flavour === "low") continue;
      await check(`${flavour}: ${name} at ${at}`, async () => {
        tested.add(`${name} ${at}`);
        twin.fault(name, name === "slow" && flavour === "plus" ? { at, milliseconds: 700 } : { at });
        await EXPECTED[name]({ service, twin, client, at, flavour });
        await works(service, twin, client);
      });
    }
  }
}

async function everyFaultIsTested() {
  await check("every fault is tested at every place", () => {
    const all = Object.entries(FAULTS).flatMap(([name, { at }]) => at.map((place) => `${name} ${place}`));
    assert.deepEqual(all.filter((one) => !tested.has(one)), []);
  });
}

/// The next login is a good one.
async function works(service, twin, client) {
  const { token, userinfo, nonce } = await service.wholeLogin(twin, client);
  const claims = await service.verified(twin, JSON.parse(token.text).id_token);
  assert.deepEqual([claims.nonce, claims.acr], [nonce, twin.flavour === "low" ? "eidas1" : "eidas2"]);
  assert.equal((await service.verified(twin, userinfo.text)).sub, claims.sub);
}

/// What was answered where the fault struck.
async function struck({ service, twin, client, at }) {
  if (at === "jwks") return service.ask(`${twin.issuer}/jwks`);
  if (at === "discovery") return service.ask(`${twin.issuer}/.well-known/openid-configuration`);
  const login = await service.wholeLogin(twin, client, { stopAt: at });
  return at === "token" ? login.token : login.userinfo;
}

/// The token that carries the fault, with its signed part, its claims, and the login.
async function struckToken(place) {
  const { service, twin, client, at } = place;
  const login = await service.wholeLogin(twin, client, { stopAt: at });
  const answer = login[at];
  assert.equal(answer.status, 200);
  const token = at === "token" ? JSON.parse(answer.text).id_token : answer.text;
  const signed = await service.decrypted(token);
  return { login, answer, token, signed, claims: jose.decodeJwt(signed), header: jose.decodeProtectedHeader(signed) };
}

/// A claim differs from the good one, and nothing else is wrong: the signature holds.
const wrongClaim = (test) => async (place) => {
  const seen = await struckToken(place);
  await jose.compactVerify(seen.signed, await place.service.keySet(place.twin));
  await test(seen, place);
};

const badSignature = (test) => async (place) => {
  const seen = await struckToken(place);
  await assert.rejects(async () => jose.compactVerify(seen.signed, await place.service.keySet(place.twin)));
  await test(seen, place);
};

const now = () => Math.floor(Date.now() / 1000);

const EXPECTED = {
  async slow(place) {
    const began = Date.now();
    const answer = await struck(place);
    assert.equal(answer.status, 200);
    assert.ok(Date.now() - began >= (place.flavour === "low" ? 8000 : 700), `${Date.now() - began} ms`);
  },
  async not_found(place) {
    const answer = await struck(place);
    assert.deepEqual([answer.status, answer.text], [404, "Not Found"]);
  },
  async html_200(place) {
    const answer = await struck(place);
    assert.deepEqual([answer.status, answer.type], [200, "text/html"]);
    assert.match(answer.text, /<!doctype html>/);
  },
  async html_500(place) {
    const answer = await struck(place);
    assert.deepEqual([answer.status, answer.type], [500, "text/html"]);
  },
  async oversize(place) {
    const answer = await struck(place);
    assert.equal(answer.status, 200);
    assert.ok(answer.text.length > 10 * 1024 * 1024);
    if (place.at !== "userinfo") assert.ok(Object.keys(JSON.parse(answer.text)).length > 1, "right, but long");
  },
  async cut(place) {
    const answer = await struck(place);
    assert.equal(answer.status, 200);
    assert.ok(answer.cut && answer.text.length > 0 && answer.text.length < answer.announced, JSON.stringify(answer));
  },
  async not_json(place) {
    const answer = await struck(place);
    assert.deepEqual([answer.status, answer.type], [200, "application/json"]);
    assert.throws(() => JSON.parse(answer.text), SyntaxError);
  },
  async foreign_issuer(place) {
    const { issuer, jwks_uri } = JSON.parse((await struck(place)).text);
    assert.ok(issuer !== place.twin.issuer && jwks_uri.startsWith(place.twin.issuer), issuer);
  },
  async foreign_endpoint(place) {
    const { issuer, token_endpoint } = JSON.parse((await struck(place)).text);
    assert.ok(issuer === place.twin.issuer && !token_endpoint.startsWith(place.twin.issuer), token_endpoint);
  },
  async foreign_keys(place) {
    const { keys } = JSON.parse((await struck(place)).text);
    const right = JSON.parse((await place.service.ask(`${place.twin.issuer}/jwks`)).text).keys.map(({ kid }) => kid);
    assert.ok(keys.length > 0 && keys.every(({ kid, d }) => !right.includes(kid) && !d), String(right));
  },

  wrong_iss: wrongClaim(({ claims }, { twin }) => assert.ok(claims.iss && claims.iss !== twin.issuer)),
  wrong_aud: wrongClaim(({ claims }, { client }) => assert.ok(claims.aud && claims.aud !== client.clientId)),
  wrong_sub: wrongClaim(({ claims }, { twin, client }) => {
    assert.match(claims.sub, /^[0-9a-f]{64}v1$/);
    assert.notEqual(claims.sub, twin.subject("ordinaire", client.clientId));
  }),
  wrong_nonce: wrongClaim(({ claims, login }) => assert.ok(claims.nonce.length === 64 && claims.nonce !== login.nonce)),
  missing_nonce: wrongClaim(({ claims }) => assert.ok(!("nonce" in claims))),
  wrong_at_hash: wrongClaim(({ claims, answer }) => {
    const right = leftHalf(JSON.parse(answer.text).access_token);
    assert.ok(claims.at_hash.length === right.length && claims.at_hash !== right);
  }),
  lower_acr: wrongClaim(({ claims }, { flavour }) => assert.equal(claims.acr, flavour === "low" ? "eidas0" : "eidas1")),
  missing_acr: wrongClaim(({ claims }) => assert.ok(!("acr" in claims))),
  expired: wrongClaim(({ claims }) => assert.ok(claims.exp < now() - 3500 && claims.iat < claims.exp)),
  issued_in_future: wrongClaim(({ claims }) => assert.ok(claims.iat > now() + 3500 && claims.exp > claims.iat)),

  alg_none: badSignature(({ header, signed }) => assert.ok(header.alg === "none" && signed.endsWith("."))),
  hs256_public_key: badSignature(({ header, signed }, { twin }) => {
    assert.equal(header.alg, "HS256");
    const [input, signature] = signed.split(/\.(?=[^.]*$)/);
    const pem = twin.keys.current("ES256").publicKey.export({ type: "spki", format: "pem" });
    assert.equal(createHmac("sha256", pem).update(input).digest("base64url"), signature);
  }),
  unknown_kid: badSignature(async ({ header }, { service, twin }) => {
    assert.ok(header.kid && !(await service.publishedKeys(twin)).includes(header.kid));
  }),
  other_key: badSignature(async ({ header }, { service, twin }) => {
    assert.ok((await service.publishedKeys(twin)).includes(header.kid));
  }),
  async not_encrypted(place) {
    const { token } = await struckToken(place);
    assert.equal(token.split(".").length, 3);
    await jose.compactVerify(token, await place.service.keySet(place.twin));
  },
  async rsa1_5({ service, twin, at }) {
    const client = await service.register(twin, { id_token_encrypted_response_alg: "RSA-OAEP" });
    const login = await service.wholeLogin(twin, client, { stopAt: at });
    const token = at === "token" ? JSON.parse(login.token.text).id_token : login.userinfo.text;
    const header = jose.decodeProtectedHeader(token);
    assert.deepEqual([header.alg, header.enc, header.kid], ["RSA1_5", "A256GCM", service.decryption("RSA-OAEP").kid]);
    assert.equal(token.split(".").length, 5);
    await jose.compactVerify(service.openedRsa15(token), await service.keySet(twin));
  },
  async unsigned_json(place) {
    const login = await place.service.wholeLogin(place.twin, place.client);
    const answer = login.userinfo;
    assert.deepEqual([answer.status, answer.type], [200, "application/json"]);
    const claims = JSON.parse(answer.text);
    const token = await place.service.verified(place.twin, JSON.parse(login.token.text).id_token);
    assert.equal(claims.sub, token.sub);
    assert.equal(claims.family_name, "MARTELIN");
  },
  async rotated_key(place) {
    const before = await place.service.keySet(place.twin);
    const former = await place.service.publishedKeys(place.twin);
    const { signed, header } = await struckToken(place);
    await assert.rejects(jose.compactVerify(signed, before), "the key set read before");
    await jose.compactVerify(signed, await place.service.keySet(place.twin));
    const published = await place.service.publishedKeys(place.twin);
    assert.ok(published.includes(header.kid) && !former.includes(header.kid));
  },
  async replayed_code(place) {
    const answer = await struck(place);
    assert.deepEqual([answer.status, JSON.parse(answer.text).error], [400, "invalid_grant"]);
  },

  callback_wrong_iss: callback((answer, { twin }) => {
    assert.ok(answer.get("iss") && answer.get("iss") !== twin.issuer && answer.has("code"));
  }),
  callback_missing_iss: callback((answer) => assert.ok(!answer.has("iss") && answer.has("code"))),
  callback_wrong_state: callback((answer, _place, { state }) => {
    assert.ok(answer.get("state").length === 64 && answer.get("state") !== state && answer.has("code"));
  }),
  callback_access_denied: callback((answer, _place, { state }) => {
    assert.deepEqual([answer.get("error"), answer.get("state"), answer.has("code")], ["access_denied", state, false]);
  }),
  callback_temporarily_unavailable: callback((answer, { twin }) => {
    assert.equal(answer.get("error"), "temporarily_unavailable");
    assert.deepEqual([answer.get("iss"), answer.has("code")], [twin.issuer, false]);
  }),
};

function callback(test) {
  return async (place) => {
    const begun = await place.service.begin(place.twin, place.client);
    test(begun.callback.searchParams, place, begun);
  };
}

// --- faults among logins, and from outside -----------------------------------------------------------------------

async function bindings(world) {
  const { service, low } = world;
  const client = await service.register(low);
  await check("a fault belongs to the login that began after it, whatever others do", async () => {
    const before = await service.begin(low, client);
    low.fault("wrong_nonce");
    const faulty = await service.begin(low, client);
    const after = await service.begin(low, client);
    const nonceOf = async ({ callback: answer }) =>
      jose.decodeJwt(JSON.parse((await service.redeem(low, client, answer)).text).id_token).nonce;
    assert.equal(await nonceOf(after), after.nonce);
    assert.notEqual(await nonceOf(faulty), faulty.nonce);
    assert.equal(await nonceOf(before), before.nonce);
  });
  await check("a fault may last for several logins, and be taken back", async () => {
    low.fault("callback_access_denied", { times: 2 });
    low.fault("callback_wrong_state");
    const errors = [];
    for (let login = 0; login < 2; login += 1) {
      errors.push((await service.begin(low, client)).callback.searchParams.get("error"));
    }
    assert.deepEqual(errors, ["access_denied", "access_denied"]);
    low.clear();
    await works(service, low, client);
  });
  await check("a fault of the key set strikes there, not at logins", async () => {
    low.fault("html_500", { at: "jwks", times: 2 });
    await service.wholeLogin(low, client);
    const statuses = [];
    for (let times = 0; times < 3; times += 1) statuses.push((await service.ask(`${low.issuer}/jwks`)).status);
    assert.deepEqual(statuses, [500, 500, 200]);
  });
  await check("after a soft rotation both keys are published and the former token still ends the session", async () => {
    const visitor = new Visitor(low);
    const bye = await service.register(low, { post_logout_redirect_uris: [AFTER_LOGOUT] });
    const { callback: answer } = await service.begin(low, bye, { visitor });
    const token = JSON.parse((await service.redeem(low, bye, answer)).text).id_token;
    low.rotate({ keepOld: true });
    await jose.compactVerify(token, await service.keySet(low));
    await works(service, low, client);
    const end = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: AFTER_LOGOUT, state: "s" });
    assert.equal((await visitor.logout(`${low.issuer}/session/end?${end}`)).href, `${AFTER_LOGOUT}?state=s`);
  });
  await check("every request is noted", async () => {
    low.requests.length = 0;
    const { state } = await service.wholeLogin(low, client);
    assert.deepEqual(low.requests.map(({ endpoint }) => endpoint), ["authorize", "token", "userinfo"]);
    assert.equal(low.requests[0].params.state, state);
    assert.equal(low.requests[1].params.client_secret, SECRET);
    assert.match(low.requestsTo("userinfo")[0].authorization, /^Bearer /);
  });
  await check("unknown faults, places, clients and identities are told", async () => {
    assert.throws(() => low.fault("typo"), /no fault is called typo/);
    assert.throws(() => low.fault("wrong_nonce", { at: "userinfo" }), /may strike at token/);
    assert.throws(() => low.amend("personne", {}), /no identity is called personne/);
    await assert.rejects(service.register(low, { id_token_encrypted_response_alg: "ECDH-ES" }), /does not encrypt/);
    await assert.rejects(service.register(world.plus, { jwks: undefined }), /jwks or jwks_uri is needed/);
    await assert.rejects(startTwin({ flavour: "high" }), /low or plus/);
  });
}

async function fromOutside({ service }) {
  await check("by hand and by its control port: client, fault, requests, rotation, end", async () => {
    const script = fileURLToPath(new URL("./twin.mjs", import.meta.url));
    const child = spawn(process.execPath, [script, "--flavour", "plus"], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      const [line] = await Promise.race([lines(child), sleep(20_000, [], { ref: false })]);
      const twin = JSON.parse(line);
      const post = async (path, body, method = "POST") => {
        const response = await fetch(`${twin.control}${path}`, { method, body: JSON.stringify(body) });
        return { status: response.status, body: await response.json() };
      };
      const client = service.metadata({});
      assert.equal((await post("/clients", client)).status, 200);
      assert.equal((await post("/fault", { name: "wrong_aud", at: "userinfo" })).status, 200);
      assert.equal((await post("/fault", { name: "typo" })).status, 400);
      const { token, userinfo } = await service.wholeLogin(twin, { clientId: client.client_id });
      const signed = jose.decodeJwt(await service.decrypted(JSON.parse(token.text).id_token));
      assert.equal(signed.aud, client.client_id);
      assert.equal(jose.decodeJwt(await service.decrypted(userinfo.text)).aud, "un-autre-service");
      const who = new URLSearchParams({ identity: "ordinaire", client_id: client.client_id });
      const subject = await (await fetch(`${twin.control}/subject?${who}`)).json();
      assert.equal(subject.sub, signed.sub);
      const requests = await (await fetch(`${twin.control}/requests`)).json();
      assert.deepEqual(requests.map(({ endpoint }) => endpoint), ["authorize", "token", "userinfo"]);
      const before = await service.publishedKeys(twin);
      await post("/rotate", {});
      assert.notDeepEqual(await service.publishedKeys(twin), before);
      assert.equal((await (await fetch(`${twin.control}/identities`)).json()).length, IDENTITIES.length);
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      assert.equal(await ended, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });
}

function lines(child) {
  return new Promise((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => line.startsWith("{") && resolve([line]));
  });
}

// --- a service ---------------------------------------------------------------------------------------------------

/// A relying party by hand, that shows what it was answered.
class Service {
  #count = 0;

  static async keys() {
    const service = new Service();
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const [signing, agreement] = [0, 1].map(() => generateKeyPairSync("ec", { namedCurve: "P-256" }));
    service.rsa = rsa.privateKey;
    const jwk = ({ privateKey }, members) => ({ ...privateKey.export({ format: "jwk" }), ...members });
    service.signing = jwk(signing, { kid: "signature", use: "sig", alg: "ES256" });
    service.private = {
      RSA: jwk(rsa, { kid: "chiffrement-rsa", use: "enc" }),
      EC: jwk(agreement, { kid: "chiffrement-ec", use: "enc", alg: "ECDH-ES" }),
    };
    const open = ({ kty, crv, x, y, n, e, kid, use, alg }) => ({ kty, crv, x, y, n, e, kid, use, alg });
    service.jwks = JSON.parse(JSON.stringify({ keys: [service.signing, ...Object.values(service.private)].map(open) }));
    return service;
  }

  /// Serves the key set, as a `jwks_uri`.
  async publish() {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/jwk-set+json" });
      response.end(JSON.stringify(this.jwks));
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.jwksUri = `http://127.0.0.1:${server.address().port}/jwks`;
    server.unref();
    return server;
  }

  decryption(alg) {
    return this.private[alg.startsWith("RSA") ? "RSA" : "EC"];
  }

  metadata(changes) {
    this.#count += 1;
    return {
      client_id: `service-${this.#count}-${randomBytes(4).toString("hex")}`, client_secret: SECRET,
      redirect_uris: [CALLBACK], amr_allowed: true, jwks: changes.jwks_uri ? undefined : this.jwks, ...changes,
    };
  }

  register(twin, changes = {}) {
    return twin.register(JSON.parse(JSON.stringify(this.metadata(changes))));
  }

  address(twin, client, changes = {}) {
    const parameters = {
      client_id: client.clientId, response_type: "code", redirect_uri: CALLBACK, scope: "openid identite_pivot",
      acr_values: twin.flavour === "low" ? "eidas1" : "eidas2", state: fresh(), nonce: fresh(), ...changes,
    };
    const url = new URL(`${twin.issuer}/authorize`);
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  async begin(twin, client, { identity = "ordinaire", visitor = new Visitor(twin), ...changes } = {}) {
    const url = this.address(twin, client, changes);
    const answer = await visitor.signIn(url, { identity });
    assert.ok(answer instanceof URL, answer.html);
    const { state, nonce } = Object.fromEntries(url.searchParams);
    return { callback: answer, state, nonce };
  }

  redeem(twin, client, answer, changes = {}) {
    return this.ask(`${twin.issuer}/token`, {
      method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" },
    }, new URLSearchParams({
      grant_type: "authorization_code", code: answer.searchParams.get("code"), redirect_uri: CALLBACK,
      client_id: client.clientId, client_secret: SECRET, ...changes,
    }).toString());
  }

  userinfo(twin, token) {
    return this.ask(`${twin.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  }

  /// `stopAt: "token"`: the answer of the token endpoint may be anything.
  async wholeLogin(twin, client, { stopAt, ...changes } = {}) {
    const begun = await this.begin(twin, client, changes);
    const token = await this.redeem(twin, client, begun.callback);
    if (stopAt === "token") return { ...begun, token };
    assert.equal(token.status, 200, token.text);
    return { ...begun, token, userinfo: await this.userinfo(twin, JSON.parse(token.text).access_token) };
  }

  /// What arrived, also when the connection was cut.
  ask(url, options = {}, body) {
    return new Promise((resolve, reject) => {
      const request = plainRequest(url, { ...options, agent: false }, (response) => {
        const chunks = [];
        const answer = (cut) => resolve({
          status: response.statusCode, type: response.headers["content-type"]?.split(";")[0], cut,
          announced: Number(response.headers["content-length"]), text: Buffer.concat(chunks).toString(),
        });
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("end", () => answer(false));
        response.on("error", () => answer(true));
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  async publishedKeys(twin) {
    return JSON.parse((await this.ask(`${twin.issuer}/jwks`)).text).keys.map(({ kid }) => kid);
  }

  async keySet(twin) {
    return jose.createLocalJWKSet(JSON.parse((await this.ask(`${twin.issuer}/jwks`)).text));
  }

  /// The signed token within, whatever the client's algorithm.
  async decrypted(token) {
    if (token.split(".").length !== 5) return token;
    const { alg, enc, cty, kid } = jose.decodeProtectedHeader(token);
    const jwk = this.decryption(alg);
    assert.deepEqual([enc, cty, kid], ["A256GCM", "JWT", jwk.kid]);
    const { plaintext } = await jose.compactDecrypt(token, await jose.importJWK(jwk, alg));
    return Buffer.from(plaintext).toString();
  }

  /// Claims of a token in the form that its flavour asks for: encrypted or not, signed.
  async verified(twin, token) {
    assert.equal(token.split(".").length, twin.flavour === "plus" ? 5 : 3);
    const signed = await this.decrypted(token);
    const { payload } = await jose.compactVerify(signed, await this.keySet(twin), { algorithms: ["ES256"] });
    return JSON.parse(Buffer.from(payload));
  }

  /// RSA1_5 by hand: m = c^d mod n, then the padding of RFC 8017 7.2.2.
  openedRsa15(token) {
    const [header, wrapped, iv, sealed, tag] = token.split(".");
    const number = (text) => BigInt(`0x${Buffer.from(text, "base64url").toString("hex")}`);
    const { n, d } = this.private.RSA;
    const opened = Buffer.from(power(number(wrapped), number(d), number(n)).toString(16).padStart(512, "0"), "hex");
    assert.deepEqual([...opened.subarray(0, 2)], [0, 2]);
    return openGcm({ key: opened.subarray(opened.indexOf(0, 2) + 1), header, iv, sealed, tag });
  }
}

function openGcm({ key, header, iv, sealed, tag }) {
  const raw = (text) => Buffer.from(text, "base64url");
  const cipher = createDecipheriv("aes-256-gcm", key, raw(iv)).setAAD(Buffer.from(header)).setAuthTag(raw(tag));
  return Buffer.concat([cipher.update(raw(sealed)), cipher.final()]).toString();
}

function power(base, exponent, modulus) {
  let [result, square] = [1n, base];
  for (let bits = exponent; bits > 0n; bits >>= 1n) {
    if (bits & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

await everything().catch((error) => check("the suite itself", () => { throw error; }));
report();
