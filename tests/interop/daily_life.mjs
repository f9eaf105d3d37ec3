// What a provider does every day besides signing persons in, through openid-client: introspection (RFC 7662),
// revocation (RFC 7009), client credentials (RFC 6749 4.4), and clients that an operator adds and disables by command
// while the server runs. Logout is in logout.mjs.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import * as oidc from "openid-client";
import { Browser, CommandLinePhone, check, sceau, suite } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import {
  basic, begin, configuration, refused, register, registerWithKey, secret, signIn, signedIn, userinfoStatus, within,
} from "./_service.mjs";

const CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
/// How long a change by command may take to hold everywhere.
const BOUND = 5;

async function everything(demo) {
  const [person] = demo.persons;
  const phone = await CommandLinePhone.enrol(demo, person);
  const world = { demo, person, phone, browser: new Browser(demo.issuer), target: ["--data", demo.data] };

  await introspection(world);
  await introspectionByStrangers(world);
  await protectedResource(world);
  await revocation(world);
  await clientCredentials(world);
  await clientByCommand(world);
  await cutByCommand(world);
  await expiry();
}

// --- introspection -----------------------------------------------------------------------------------------------

const OF_PERSON = ["preferred_username", "username", "otherIds", "authMode"];
const OF_TOKEN = `active iss sub client_id azp scope jti iat exp typ auth_time acr sid session_state nonce`.split(" ");

async function introspection(world) {
  for (const method of CONFIDENTIAL) {
    await check(`${method}: introspection of an access token has the fields of RFC 7662 2.2 and of the sector`, async () => {
      const { client, config, tokens } = await signedIn(world, world.demo.client(method));
      const answer = await oidc.tokenIntrospection(config, tokens.access_token);
      const claims = tokens.claims();
      const expected = [...OF_TOKEN, ...OF_PERSON, "SubjectNameID", "token_type", "aud"];
      assert.deepEqual(Object.keys(answer).sort(), expected.sort());
      assert.equal(answer.active, true);
      assert.equal(answer.iss, world.demo.issuer);
      assert.equal(answer.aud, world.demo.issuer);
      assert.deepEqual([answer.client_id, answer.azp], [client.client_id, client.client_id]);
      assert.equal(answer.sub, claims.sub);
      assert.equal(answer.auth_time, claims.auth_time);
      assert.equal(answer.acr, claims.acr);
      assert.equal(answer.nonce, claims.nonce);
      assert.equal(answer.sid, claims.sid);
      assert.equal(answer.session_state, answer.sid);
      assert.deepEqual([answer.typ, answer.token_type], ["Bearer", "Bearer"]);
      assert.equal(answer.SubjectNameID, world.person.national_id);
      assert.equal(answer.username, world.person.national_id);
      assert.equal(answer.authMode, "MOBILE");
      assert.ok(answer.scope.split(" ").includes("scope_all"), answer.scope);
      assert.ok(answer.exp - answer.iat === tokens.expires_in, `${answer.iat} to ${answer.exp}`);
    });
    await check(`${method}: introspection of a refresh token, which names neither type nor SubjectNameID`, async () => {
      const { client, config, tokens } = await signedIn(world, world.demo.client(method));
      for (const token_type_hint of ["refresh_token", "access_token", "of_no_known_kind"]) {
        const answer = await oidc.tokenIntrospection(config, tokens.refresh_token, { token_type_hint });
        assert.deepEqual(Object.keys(answer).sort(), [...OF_TOKEN, ...OF_PERSON].sort());
        assert.deepEqual([answer.active, answer.typ, answer.client_id], [true, "Refresh", client.client_id]);
        assert.equal(answer.sub, tokens.claims().sub);
        assert.ok(answer.exp > answer.iat);
      }
    });
  }
  await check("claims that the scope does not release are not told", async () => {
    const parameters = { scope: "openid" };
    const { config, tokens } = await signedIn(world, world.demo.client("client_secret_post"), { parameters });
    const answer = await oidc.tokenIntrospection(config, tokens.access_token);
    assert.equal(answer.active, true);
    for (const name of [...OF_PERSON, "SubjectNameID"]) assert.equal(answer[name], undefined, name);
  });
  await check("a bound token tells its key (RFC 9449 6.2)", async () => {
    const { config, tokens, DPoP } = await signedIn(world, world.demo.client("client_secret_basic"), { DPoP: true });
    const answer = await oidc.tokenIntrospection(config, tokens.access_token);
    assert.equal(answer.token_type, "DPoP");
    assert.equal(answer.cnf.jkt, await DPoP.calculateThumbprint());
    assert.equal(await userinfoStatus(world.demo, tokens.access_token), 401, "as a bearer token");
  });
  await check("the answer is JSON that is not cached", async () => {
    const client = world.demo.client("client_secret_basic");
    const { tokens } = await signedIn(world, client);
    const answer = await introspect(world.demo, { token: tokens.access_token }, basic(client));
    assert.match(answer.headers.get("content-type"), /^application\/json/);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  });
  await check("a signed answer (RFC 9701) is not offered: what is asked for comes as plain JSON", async () => {
    const client = world.demo.client("client_secret_basic");
    const { config, tokens } = await signedIn(world, client);
    assert.equal(config.serverMetadata().introspection_signing_alg_values_supported, undefined);
    const headers = { ...basic(client), accept: "application/token-introspection+jwt" };
    const answer = await introspect(world.demo, { token: tokens.access_token }, headers);
    assert.match(answer.headers.get("content-type"), /^application\/json/);
  });
}

async function introspectionByStrangers(world) {
  const { demo } = world;
  const client = demo.client("client_secret_basic");
  const inactive = async (token, headers = basic(client)) => {
    const answer = await introspect(demo, { token }, headers);
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), '{"active":false}');
  };
  const { tokens } = await signedIn(world, client);
  const dead = {
    "of noise": "x",
    "of the form of a refresh token": tokens.refresh_token.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
    "with a changed signature": tokens.access_token.replace(/.{4}$/, "AAAA"),
    "of another kind: the ID token": tokens.id_token,
    "without its signature": tokens.access_token.replace(/[^.]*$/, ""),
  };
  for (const [name, token] of Object.entries(dead)) {
    await check(`introspection of a token ${name} is exactly {"active":false}`, () => inactive(token));
  }
  await check("introspection of another client's tokens is exactly {\"active\":false}", async () => {
    const other = await signedIn(world, demo.client("private_key_jwt"));
    await inactive(other.tokens.access_token);
    await inactive(other.tokens.refresh_token);
    const own = await oidc.tokenIntrospection(other.config, other.tokens.access_token);
    assert.equal(own.active, true, "and its own client still has it");
  });
  const strangers = [
    ["no credentials", {}, {}, 401],
    ["a wrong secret", basic(client, "wrong"), {}, 401],
    ["the token itself as credentials", { authorization: `Bearer ${tokens.access_token}` }, {}, 401],
    ["an unknown client", basic({ client_id: "nobody" }, "x"), {}, 401],
    ["a native client, which has no credentials", {}, { client_id: demo.client("none").client_id }, 401],
    ["the secret of a client of Basic in the form", {}, secret(client), 401],
  ];
  for (const [name, headers, form, status] of strangers) {
    await check(`introspection with ${name} is invalid_client`, async () => {
      const answer = await introspect(demo, { token: tokens.access_token, ...form }, headers);
      assert.equal(answer.status, status);
      const body = await answer.json();
      assert.equal(body.error, "invalid_client");
      assert.equal(body.active, undefined);
    });
  }
  await check("introspection without a token, with two, or by GET is refused", async () => {
    const missing = await introspect(demo, {}, basic(client));
    assert.deepEqual([missing.status, (await missing.json()).error], [400, "invalid_request"]);
    const body = new URLSearchParams([["token", "a"], ["token", "b"]]);
    const twice = await fetch(`${demo.issuer}/introspect`, { method: "POST", headers: basic(client), body });
    assert.deepEqual([twice.status, (await twice.json()).error], [400, "invalid_request"]);
    assert.equal((await fetch(`${demo.issuer}/introspect?token=a`, { headers: basic(client) })).status, 405);
  });
}

async function protectedResource(world) {
  const { demo, target } = world;
  await check("a protected resource introspects access tokens of any client, and no refresh token", async () => {
    const resource = await register(
      target, "--name", "Resource", "--grant", "client_credentials", "--scope", "records", "--resource-server",
    );
    const shown = await sceau("clients", "show", ...target, resource.client_id, "--json");
    assert.equal(shown.body.resource_server, true);
    const config = await configuration(demo, { ...resource, token_endpoint_auth_method: "client_secret_basic" });
    for (const method of ["client_secret_post", "private_key_jwt"]) {
      const { client, tokens } = await signedIn(world, demo.client(method));
      const answer = await oidc.tokenIntrospection(config, tokens.access_token);
      assert.deepEqual([answer.active, answer.client_id], [true, client.client_id]);
      assert.equal(answer.sub, tokens.claims().sub, "the subject that the token's client knows");
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens.refresh_token), { active: false });
    }
    const plain = await register(target, "--name", "Plain", "--grant", "client_credentials", "--scope", "records");
    const { tokens } = await signedIn(world, demo.client("client_secret_post"));
    const other = await configuration(demo, { ...plain, token_endpoint_auth_method: "client_secret_basic" });
    assert.deepEqual(await oidc.tokenIntrospection(other, tokens.access_token), { active: false });
  });
}

// --- revocation --------------------------------------------------------------------------------------------------

async function revocation(world) {
  const { demo } = world;
  for (const method of CONFIDENTIAL) {
    await check(`${method}: revoking an access token ends it, not its refresh token`, async () => {
      const { config, tokens } = await signedIn(world, demo.client(method));
      await oidc.tokenRevocation(config, tokens.access_token);
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens.access_token), { active: false });
      assert.equal(await userinfoStatus(demo, tokens.access_token), 401);
      assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).access_token);
    });
    await check(`${method}: revoking a refresh token ends its family and the access tokens of it`, async () => {
      const { config, tokens } = await signedIn(world, demo.client(method));
      const later = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      await oidc.tokenRevocation(config, tokens.refresh_token, { token_type_hint: "refresh_token" });
      for (const token of [tokens.refresh_token, tokens.access_token, later.access_token]) {
        assert.deepEqual(await oidc.tokenIntrospection(config, token), { active: false });
      }
      assert.equal(await userinfoStatus(demo, later.access_token), 401);
      await refused("invalid_grant", oidc.refreshTokenGrant(config, tokens.refresh_token));
    });
  }
  await check("a native client revokes without credentials; the rotated family dies whole", async () => {
    const { config, tokens, DPoP } = await signedIn(world, demo.client("none"));
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    await oidc.tokenRevocation(config, next.refresh_token);
    for (const token of [tokens.refresh_token, next.refresh_token]) {
      await refused("invalid_grant", oidc.refreshTokenGrant(config, token, undefined, { DPoP }));
    }
    await assert.rejects(oidc.fetchUserInfo(config, next.access_token, oidc.skipSubjectCheck, { DPoP }));
  });
  const client = demo.client("client_secret_basic");
  await check("a wrong token_type_hint, or one never heard of, is only a hint", async () => {
    for (const [token, token_type_hint] of [
      ["access_token", "refresh_token"], ["refresh_token", "access_token"], ["refresh_token", "of_no_known_kind"],
    ]) {
      const { config, tokens } = await signedIn(world, client);
      await oidc.tokenRevocation(config, tokens[token], { token_type_hint });
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens[token]), { active: false }, token_type_hint);
    }
  });
  await check("unknown, spent and revoked tokens are 200, with an empty answer that is not cached", async () => {
    const { config, tokens } = await signedIn(world, client);
    await oidc.tokenRevocation(config, tokens.refresh_token);
    for (const token of ["x", randomUUID(), tokens.refresh_token, tokens.access_token, tokens.id_token]) {
      const answer = await revoke(demo, { token }, basic(client));
      assert.deepEqual([answer.status, await answer.text()], [200, ""]);
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
  });
  await check("another client's tokens live on, and nobody learns that they exist", async () => {
    const { config, tokens } = await signedIn(world, demo.client("client_secret_post"));
    for (const token of [tokens.access_token, tokens.refresh_token]) {
      const answer = await revoke(demo, { token }, basic(client));
      assert.deepEqual([answer.status, await answer.text()], [200, ""]);
      assert.equal((await oidc.tokenIntrospection(config, token)).active, true);
    }
    const native = await revoke(demo, { token: tokens.refresh_token, client_id: demo.client("none").client_id });
    assert.equal(native.status, 200);
    assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).access_token);
  });
  await check("revocation without credentials, with wrong ones, without a token", async () => {
    const { config, tokens } = await signedIn(world, client);
    const token = tokens.access_token;
    for (const [form, headers, status, error] of [
      [{ token }, {}, 401, "invalid_client"],
      [{ token }, basic(client, "wrong"), 401, "invalid_client"],
      [{ token, client_id: client.client_id }, {}, 401, "invalid_client"],
      [{}, basic(client), 400, "invalid_request"],
    ]) {
      const answer = await revoke(demo, form, headers);
      assert.deepEqual([answer.status, (await answer.json()).error], [status, error]);
    }
    assert.equal((await oidc.tokenIntrospection(config, token)).active, true);
  });
}

// --- client credentials ------------------------------------------------------------------------------------------

async function clientCredentials(world) {
  const { demo, target } = world;
  const own = ["--grant", "client_credentials", "--scope", "records alerts"];
  const services = {
    client_secret_basic: await register(target, "--name", "Batch", ...own),
    client_secret_post: await register(target, "--name", "Batch", "--auth", "client_secret_post", ...own),
    private_key_jwt: await registerWithKey(target, demo.folder, "batch-jwt", ...own),
  };
  for (const method of CONFIDENTIAL) {
    const client = { ...services[method], token_endpoint_auth_method: method };
    await check(`${method}: client credentials, of its own scopes, without refresh token or ID token`, async () => {
      const config = await configuration(demo, client);
      const tokens = await oidc.clientCredentialsGrant(config, { scope: "records" });
      assert.deepEqual([tokens.scope, tokens.token_type], ["records", "bearer"]);
      assert.deepEqual([tokens.refresh_token, tokens.id_token], [undefined, undefined]);
      const told = await oidc.tokenIntrospection(config, tokens.access_token);
      assert.deepEqual([told.active, told.sub, told.client_id], [true, client.client_id, client.client_id]);
      for (const name of ["sid", "auth_time", "acr", "SubjectNameID"]) assert.equal(told[name], undefined, name);
      assert.ok((await oidc.clientCredentialsGrant(config)).scope.split(" ").includes("alerts"), "all, when none asked");
      assert.notEqual(await userinfoStatus(demo, tokens.access_token), 200, "there is no person to tell of");
      await oidc.tokenRevocation(config, tokens.access_token);
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens.access_token), { active: false });
    });
    await check(`${method}: client credentials bound by DPoP`, async () => {
      const config = await configuration(demo, client);
      const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256"));
      const tokens = await oidc.clientCredentialsGrant(config, { scope: "alerts" }, { DPoP });
      assert.equal(tokens.token_type, "dpop");
      const told = await oidc.tokenIntrospection(config, tokens.access_token);
      assert.deepEqual([told.token_type, told.cnf.jkt], ["DPoP", await DPoP.calculateThumbprint()]);
    });
  }
  const config = await configuration(demo, { ...services.client_secret_basic, token_endpoint_auth_method: "client_secret_basic" });
  await check("client credentials: a scope not registered, or one that needs a person, is invalid_scope", async () => {
    for (const scope of ["others", "records others", "openid", "offline_access"]) {
      await refused("invalid_scope", oidc.clientCredentialsGrant(config, { scope }));
    }
  });
  await check("client credentials: a wrong secret is invalid_client", async () => {
    const wrong = { ...services.client_secret_basic, client_secret: "wrong" };
    const other = await configuration(demo, { ...wrong, token_endpoint_auth_method: "client_secret_basic" });
    await refused("invalid_client", oidc.clientCredentialsGrant(other));
  });
  await check("client credentials: a client not registered for it, and a native one, are unauthorized_client", async () => {
    for (const method of ["client_secret_basic", "none"]) {
      const other = await configuration(demo, demo.client(method));
      await refused("unauthorized_client", oidc.clientCredentialsGrant(other));
    }
  });
  await check("a client of client credentials alone signs nobody in", async () => {
    const query = { response_type: "code", scope: "openid", redirect_uri: "https://service.example/cb" };
    query.client_id = services.client_secret_basic.client_id;
    const answer = await new Browser(demo.issuer).get(`${demo.issuer}/authorize?${new URLSearchParams(query)}`);
    assert.ok(answer.status >= 400 && answer.headers.get("location") === null, `status ${answer.status}`);
  });
}

// --- by command, while the server runs ---------------------------------------------------------------------------

async function clientByCommand(world) {
  const { demo, target } = world;
  const words = ["--redirect-uri", "https://added.example.fr/callback", "--profile", "psc"];
  const added = [
    { ...(await register(target, "--name", "Added", ...words)), token_endpoint_auth_method: "client_secret_basic" },
    { ...(await registerWithKey(target, demo.folder, "added-jwt", ...words)), token_endpoint_auth_method: "private_key_jwt" },
  ];
  for (const client of added) {
    await check(`a client added by command signs a person in (${client.token_endpoint_auth_method})`, async () => {
      const { config, tokens } = await signedIn(world, { ...client, redirect_uris: [words[1]] });
      const claims = tokens.claims();
      assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)).SubjectNameID, world.person.national_id);
      assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).id_token);
      const elsewhere = await signedIn(world, demo.client("client_secret_basic"));
      assert.notEqual(claims.sub, elsewhere.tokens.claims().sub, "another sector, another sub");
    });
  }
  const client = { ...added[0], redirect_uris: [words[1]] };
  await check("list and show tell of it, and never its secret", async () => {
    const list = await sceau("clients", "list", ...target, "--json");
    assert.equal(list.body.find((one) => one.client_id === client.client_id).enabled, true);
    const shown = await sceau("clients", "show", ...target, client.client_id, "--json");
    assert.deepEqual([shown.body.client_name, shown.body.profile], ["Added", "psc"]);
    assert.deepEqual(shown.body.redirect_uris, client.redirect_uris);
    for (const answer of [list, shown]) assert.ok(!answer.stdout.includes(client.client_secret));
    assert.equal((await sceau("clients", "show", ...target, "nobody")).status, 2);
    assert.equal((await sceau("clients", "disable", ...target, "nobody")).status, 2);
  });
  await check(`disabled by command, it is refused within ${BOUND} s: credentials, sign-in and tokens`, async () => {
    const { config, tokens } = await signedIn(world, client);
    const disabled = await sceau("clients", "disable", ...target, client.client_id, "--json");
    assert.deepEqual([disabled.status, disabled.body.changed], [0, true]);
    await within(BOUND, async () => {
      await refused("invalid_client", oidc.refreshTokenGrant(config, tokens.refresh_token));
      assert.equal(await userinfoStatus(demo, tokens.access_token), 401);
    });
    const flow = await begin(config, client);
    const answer = await new Browser(demo.issuer).get(flow.url);
    assert.ok(answer.status >= 400 && answer.headers.get("location") === null, `status ${answer.status}`);
    await assert.rejects(oidc.tokenIntrospection(config, tokens.access_token));
    const shown = await sceau("clients", "show", ...target, client.client_id, "--json");
    assert.equal(shown.body.enabled, false);
    const again = await sceau("clients", "disable", ...target, client.client_id, "--json");
    assert.deepEqual([again.status, again.body.changed], [0, false]);
  });
}

/// Introspection after what an operator does about a phone and about a person.
async function cutByCommand(world) {
  const { demo, target } = world;
  const cuts = [
    ["a phone revoked by command", demo.persons[1], async (person) => {
      const { body } = await sceau("devices", "list", ...target, "--person", person.national_id, "--json");
      return sceau("devices", "revoke", ...target, body[0].device);
    }],
    ["a person locked by command", demo.persons[2], (person) => sceau("persons", "lock", ...target, person.national_id)],
  ];
  for (const [name, person, cut] of cuts) {
    await check(`${name} makes tokens inactive within ${BOUND} s, the session too`, async () => {
      const phone = await CommandLinePhone.enrol(demo, person, person.national_id);
      const own = { ...world, person, phone, browser: new Browser(demo.issuer) };
      const client = demo.client("client_secret_basic");
      const { config, tokens } = await signedIn(own, client);
      assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true);
      const done = await cut(person);
      assert.equal(done.status, 0, done.stderr);
      await within(BOUND, async () => {
        for (const token of [tokens.access_token, tokens.refresh_token]) {
          assert.deepEqual(await oidc.tokenIntrospection(config, token), { active: false });
        }
        const flow = await begin(config, client, { parameters: { prompt: "none" } });
        const { redirect } = await own.browser.open(flow.url);
        assert.equal(redirect.searchParams.get("error"), "login_required");
      });
      assert.equal(await userinfoStatus(demo, tokens.access_token), 401);
      await refused("invalid_grant", oidc.refreshTokenGrant(config, tokens.refresh_token));
    });
  }
}

// --- time --------------------------------------------------------------------------------------------------------

/// Tokens that live seconds, on a server whose settings say so.
async function expiry() {
  const server = await Server.start("[tokens]", 'access_token = "2s"', 'refresh_idle = "4s"');
  try {
    const redirect = "https://short.example.fr/callback";
    const added = await register(server.target, "--name", "Short", "--redirect-uri", redirect, "--profile", "psc");
    const client = { ...added, redirect_uris: [redirect], token_endpoint_auth_method: "client_secret_basic" };
    await check("an expired access token, then an expired refresh token, are exactly {\"active\":false}", async () => {
      const person = await server.person("899700000013");
      const phone = await CommandLinePhone.enrol(server, person);
      const world = { demo: server, person, phone, browser: new Browser(server.issuer) };
      const { config, tokens } = await signedIn(world, client);
      assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true);
      await pause(2200);
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens.access_token), { active: false });
      assert.equal((await oidc.tokenIntrospection(config, tokens.refresh_token)).active, true);
      assert.equal(await userinfoStatus(server, tokens.access_token), 401);
      await pause(2200);
      assert.deepEqual(await oidc.tokenIntrospection(config, tokens.refresh_token), { active: false });
      await refused("invalid_grant", oidc.refreshTokenGrant(config, tokens.refresh_token));
      await oidc.tokenRevocation(config, tokens.refresh_token);
    });
  } finally {
    await server.stop();
  }
}

// --- pieces ------------------------------------------------------------------------------------------------------

function introspect(demo, form, headers = {}) {
  return fetch(`${demo.issuer}/introspect`, { method: "POST", headers, body: new URLSearchParams(form) });
}

function revoke(demo, form, headers = {}) {
  return fetch(`${demo.issuer}/revoke`, { method: "POST", headers, body: new URLSearchParams(form) });
}

await suite(everything);
