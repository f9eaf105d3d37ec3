// A service on openid-client, as the suites share it: its configuration by discovery and its credentials, an
// authorization request with everything the library can check, the walk of a sign-in.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as jose from "jose";
import * as oidc from "openid-client";
import { sceau } from "./_sceau.mjs";

export async function configuration(demo, client, options = {}) {
  const metadata = { token_endpoint_auth_method: client.token_endpoint_auth_method };
  const auth = await authentication(client);
  const insecure = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks], ...options };
  return oidc.discovery(new URL(demo.issuer), client.client_id, metadata, auth, insecure);
}

async function authentication(client) {
  switch (client.token_endpoint_auth_method) {
    case "client_secret_basic":
      return oidc.ClientSecretBasic(client.client_secret);
    case "client_secret_post":
      return oidc.ClientSecretPost(client.client_secret);
    case "private_key_jwt":
      return oidc.PrivateKeyJwt({ key: await jose.importJWK(client.jwk, "ES256"), kid: client.jwk.kid });
    default:
      return oidc.None();
  }
}

/// An authorization request of openid-client with everything it can check.
export async function begin(config, client, { pushed = false, parameters = {} } = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const sent = {
    redirect_uri: client.redirect_uris[0],
    scope: "openid scope_all offline_access",
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...parameters,
  };
  const url = pushed
    ? await oidc.buildAuthorizationUrlWithPAR(config, sent)
    : oidc.buildAuthorizationUrl(config, sent);
  if (pushed) assert.deepEqual([...url.searchParams.keys()].sort(), ["client_id", "request_uri"]);
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
  const redeemWith = (answer, { DPoP, maxAge } = {}) =>
    oidc.authorizationCodeGrant(config, answer, { ...expected, maxAge }, undefined, { DPoP });
  return { config, url, state, verifier, redeem: redeemWith };
}

/// Signs in with the browser's session or the phone; the redirect to the client.
export async function signIn(world, url) {
  const { redirect, page } = await world.browser.signIn(url, world.person.national_id, world.phone);
  assert.ok(redirect, page && `ended on a page: ${page.summary()}`);
  assert.equal(redirect.searchParams.get("error"), null, String(redirect));
  return redirect;
}

export const secret = ({ client_id, client_secret }) => ({ client_id, client_secret });

export function basic(client, secretText = client.client_secret) {
  const pair = [client.client_id, secretText].map((part) => new URLSearchParams({ v: part }).toString().slice(2));
  return { authorization: `Basic ${Buffer.from(pair.join(":")).toString("base64")}` };
}

/// The call is refused with this error code, which a 401 with a challenge carries in its body.
export async function refused(error, promise) {
  const thrown = await promise.then(() => assert.fail(`not refused, where ${error} was due`), (reason) => reason);
  const challenged = thrown.code === "OAUTH_WWW_AUTHENTICATE_CHALLENGE";
  const code = challenged ? (await thrown.response.json()).error : (thrown.error ?? thrown.cause?.error);
  assert.equal(code, error, thrown.stack);
}

/// A person signed in at `client`: the library's configuration, the tokens, and the key a native client binds them to.
export async function signedIn(world, client, { parameters, DPoP: bound = false } = {}) {
  const config = await configuration(world.demo, client);
  const native = client.token_endpoint_auth_method === "none";
  const DPoP = bound || native ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair("ES256")) : undefined;
  const flow = await begin(config, client, { parameters });
  const tokens = await flow.redeem(await signIn(world, flow.url), { DPoP });
  return { client, config, tokens, DPoP };
}

/// The status of userinfo for a bearer token.
export async function userinfoStatus(demo, accessToken) {
  return (await fetch(`${demo.issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })).status;
}

/// Registers a client with `sceau clients add`, beside the running server; `target` is `--data DIR` or `--config FILE`.
export async function register(target, ...options) {
  const answer = await sceau("clients", "add", ...target, ...options, "--json");
  assert.equal(answer.status, 0, answer.stderr);
  return answer.body;
}

/// A client that signs its assertions: its key set is written into `folder`, its private key is added to the answer.
export async function registerWithKey(target, folder, name, ...options) {
  const pair = await jose.generateKeyPair("ES256", { extractable: true });
  const mark = { kid: name, alg: "ES256", use: "sig" };
  const file = join(folder, `${name}.jwks.json`);
  writeFileSync(file, JSON.stringify({ keys: [{ ...(await jose.exportJWK(pair.publicKey)), ...mark }] }));
  const words = ["--name", name, "--auth", "private_key_jwt", "--jwks", file, ...options];
  return { ...(await register(target, ...words)), jwk: { ...(await jose.exportJWK(pair.privateKey)), ...mark } };
}

/// Waits until `body` no longer throws: at most `seconds`, the bound under test.
export async function within(seconds, body) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(100);
    }
  }
}
