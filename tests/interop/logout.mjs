// RP-Initiated Logout 1.0 through openid-client: who ends a session without being asked, where the browser goes
// afterwards, and what is dead then.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import * as oidc from "openid-client";
import { Browser, CommandLinePhone, check, suite } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { begin, configuration, refused, register, signedIn, userinfoStatus } from "./_service.mjs";

async function everything(demo) {
  const [person] = demo.persons;
  const phone = await CommandLinePhone.enrol(demo, person);
  const world = { demo, person, phone };
  await withHint(world);
  await wayBack(world);
  await confirmation(world);
  await hints(world);
  await expired();
}

/// A browser of its own, signed in at a client.
async function inside({ demo, person, phone }, method = "client_secret_basic") {
  const world = { demo, person, phone, browser: new Browser(demo.issuer) };
  return { ...world, ...(await signedIn(world, demo.client(method))) };
}

async function withHint(world) {
  await check("with the ID token of the session: it ends, the browser goes back with its state, everything is dead", async () => {
    const { demo, browser, client, config, tokens } = await inside(world);
    const later = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const other = await signedIn({ ...world, browser }, demo.client("client_secret_post"));
    const back = client.post_logout_redirect_uris[0];
    const { redirect, response } = await leave(browser, config, hint(tokens, { post_logout_redirect_uri: back, state: "a b&c" }));
    assert.equal(response.status, 303);
    assert.equal(redirect.href, new URL(`${back}?state=a+b%26c`).href);
    assert.equal(browser.cookies.has("sceau-session"), false, "the cookie of the session");
    await signedOut(demo, browser);
    for (const token of [tokens.access_token, tokens.refresh_token, later.access_token]) {
      assert.deepEqual(await oidc.tokenIntrospection(config, token), { active: false });
    }
    assert.equal(await userinfoStatus(demo, later.access_token), 401);
    await refused("invalid_grant", oidc.refreshTokenGrant(config, tokens.refresh_token));
    // The session was one: what another service had of it is over as well.
    assert.deepEqual(await oidc.tokenIntrospection(other.config, other.tokens.access_token), { active: false });
    await refused("invalid_grant", oidc.refreshTokenGrant(other.config, other.tokens.refresh_token));
  });
  await check("another browser of the same person stays signed in", async () => {
    const [one, two] = [await inside(world), await inside(world)];
    await leave(one.browser, one.config, hint(one.tokens));
    await signedOut(world.demo, one.browser);
    await stillIn(world.demo, two.browser);
    assert.equal((await oidc.tokenIntrospection(two.config, two.tokens.access_token)).active, true);
  });
  await check("a cookie kept from before the logout opens nothing", async () => {
    const { browser, config, tokens, demo } = await inside(world);
    const kept = browser.copy();
    await leave(browser, config, hint(tokens));
    await signedOut(demo, kept);
  });
  await check("a second time, and without any session, it is no error", async () => {
    const { browser, client, config, tokens } = await inside(world);
    const back = client.post_logout_redirect_uris[0];
    for (let times = 0; times < 2; times += 1) {
      const { redirect } = await leave(browser, config, hint(tokens, { post_logout_redirect_uri: back }));
      assert.equal(redirect.href, new URL(back).href);
    }
    const { page } = await new Browser(world.demo.issuer).open(`${world.demo.issuer}/end_session`);
    assert.equal(page.status, 200);
  });
  await check("by a form of another site (POST): 303, and the session ends", async () => {
    const { browser, client, config, tokens, demo } = await inside(world);
    const url = oidc.buildEndSessionUrl(config, hint(tokens, { post_logout_redirect_uri: client.post_logout_redirect_uris[0] }));
    const stranger = { origin: "https://service.example", "sec-fetch-site": "cross-site" };
    const first = await new Browser(demo.issuer).post(url.origin + url.pathname, url.searchParams, stranger);
    assert.equal(first.status, 303);
    assert.ok(!first.headers.get("location").includes(tokens.id_token.slice(0, 40)), "no ID token in the address");
    const { redirect } = await browser.open(first.headers.get("location"));
    assert.equal(redirect.href, new URL(client.post_logout_redirect_uris[0]).href);
    await signedOut(demo, browser);
  });
}

async function wayBack(world) {
  const registered = world.demo.client("client_secret_basic").post_logout_redirect_uris[0];
  const { origin, host } = new URL(registered);
  const bad = {
    "with a query": `${registered}?x=1`,
    "with a longer path": `${registered}x`,
    "with a fragment": `${registered}#f`,
    "without its slash": origin,
    "with user information": registered.replace("//", "//user@"),
    "on another host": "https://evil.example/",
    "with a longer host": `http://${host}.evil.example/`,
    "that is the redirect URI": world.demo.client("client_secret_basic").redirect_uris[0],
    "of script": "javascript:alert(1)",
  };
  for (const [name, uri] of Object.entries(bad)) {
    await check(`post_logout_redirect_uri ${name}: the session ends, the browser goes nowhere`, async () => {
      const { browser, config, tokens, demo } = await inside(world);
      const { page, redirect } = await leave(browser, config, hint(tokens, { post_logout_redirect_uri: uri, state: "s" }));
      assert.equal(redirect, undefined);
      assert.ok(!page.html.includes("evil.example") && !page.html.includes("javascript:"), page.summary());
      await signedOut(demo, browser);
    });
  }
  await check("post_logout_redirect_uri with client_id alone, which anybody knows, is not followed", async () => {
    const { browser, client, demo } = await inside(world);
    const query = new URLSearchParams({ client_id: client.client_id, post_logout_redirect_uri: registered });
    const asked = await browser.open(`${demo.issuer}/end_session?${query}`);
    const { page, redirect } = await decide(browser, asked.page, "logout");
    assert.equal(redirect, undefined);
    assert.equal(page.status, 200);
    await signedOut(demo, browser);
  });
}

async function confirmation(world) {
  await check("without hint the person is asked, and nothing has ended yet", async () => {
    const { browser, config, tokens, demo } = await inside(world);
    const { page } = await browser.open(`${demo.issuer}/end_session`);
    assert.ok(asks(page), page.summary());
    assert.match(page.headers.get("content-security-policy"), /frame-ancestors 'none'/);
    await stillIn(demo, browser);
    assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, true);
    assert.equal((await decide(browser, page, "stay")).page.status, 200);
    await stillIn(demo, browser);
    const again = await browser.open(`${demo.issuer}/end_session`);
    assert.equal((await decide(browser, again.page, "logout")).page.status, 200);
    await signedOut(demo, browser);
    assert.deepEqual(await oidc.tokenIntrospection(config, tokens.access_token), { active: false });
  });
  await check("the answer needs the token of the page, in the same browser", async () => {
    const { browser, demo } = await inside(world);
    const { page } = await browser.open(`${demo.issuer}/end_session`);
    const other = await inside(world);
    const foreign = (await other.browser.open(`${demo.issuer}/end_session`)).page.csrf;
    for (const csrf of ["", "x", foreign]) {
      const ticket = field(page, "ticket");
      const answer = await browser.post(`${demo.issuer}/end_session`, { csrf, ticket, decision: "logout" });
      assert.ok(answer.status >= 400, `status ${answer.status}`);
    }
    await stillIn(demo, browser);
  });
}

async function hints(world) {
  const { demo } = world;
  const changed = (token) => token.replace(/\.[^.]*$/, (signature) => `.${"A".repeat(signature.length - 1)}`);
  const unsigned = (token) => `${Buffer.from('{"alg":"none"}').toString("base64url")}.${token.split(".")[1]}.`;
  const forged = { "with a changed signature": changed, "unsigned (alg none)": unsigned, "that is noise": () => "x" };
  for (const [name, forge] of Object.entries(forged)) {
    await check(`a hint ${name}: the person is asked, and the browser goes nowhere`, async () => {
      const { browser, client, config, tokens } = await inside(world);
      const back = { post_logout_redirect_uri: client.post_logout_redirect_uris[0] };
      const { page } = await leave(browser, config, { id_token_hint: forge(tokens.id_token), ...back });
      assert.ok(asks(page), page?.summary());
      await stillIn(demo, browser);
      const done = await decide(browser, page, "logout");
      assert.equal(done.redirect, undefined);
      await signedOut(demo, browser);
    });
  }
  await check("an access token is no hint", async () => {
    const { browser, config, tokens } = await inside(world);
    const { page } = await leave(browser, config, { id_token_hint: tokens.access_token });
    assert.ok(asks(page), page?.summary());
    await stillIn(demo, browser);
  });
  await check("the hint of another session: the person is asked", async () => {
    const [one, two] = [await inside(world), await inside(world)];
    const { page } = await leave(one.browser, one.config, hint(two.tokens));
    assert.ok(asks(page), page?.summary());
    await stillIn(demo, one.browser);
    await stillIn(demo, two.browser);
  });
  await check("client_id that is not the one of the hint is an error, and nothing ends", async () => {
    const { browser, tokens } = await inside(world);
    const other = await configuration(demo, demo.client("client_secret_post"));
    const { page, redirect } = await leave(browser, other, hint(tokens));
    assert.equal(redirect, undefined);
    assert.ok(page.status >= 400, `status ${page.status}`);
    await stillIn(demo, browser);
  });
  await check("a hint of another client of the session ends it, but leads only where that client registered", async () => {
    const { browser, client } = await inside(world);
    const native = await signedIn({ ...world, browser }, demo.client("none"));
    const back = { post_logout_redirect_uri: client.post_logout_redirect_uris[0] };
    const { page, redirect } = await leave(browser, native.config, hint(native.tokens, back));
    assert.equal(redirect, undefined, "a native client registered no address");
    assert.equal(page.status, 200);
    await signedOut(demo, browser);
  });
}

/// An ID token out of date still says which session is meant (RP-Initiated Logout 2).
async function expired() {
  const server = await Server.start("[tokens]", 'access_token = "2s"');
  try {
    const words = ["--redirect-uri", "https://short.example.fr/callback", "--profile", "psc"];
    const back = "https://short.example.fr/bye";
    const added = await register(server.target, "--name", "Short", ...words, "--post-logout-redirect-uri", back);
    const client = { ...added, redirect_uris: [words[1]], token_endpoint_auth_method: "client_secret_basic" };
    await check("an expired hint ends the session and leads back", async () => {
      const person = await server.person("899700000013");
      const phone = await CommandLinePhone.enrol(server, person);
      const world = { demo: server, person, phone, browser: new Browser(server.issuer) };
      const { config, tokens } = await signedIn(world, client);
      await pause((tokens.claims().exp + 1) * 1000 - Date.now());
      const { redirect } = await leave(world.browser, config, hint(tokens, { post_logout_redirect_uri: back }));
      assert.equal(redirect.href, back);
      const flow = await begin(config, client, { parameters: { prompt: "none" } });
      assert.equal((await world.browser.open(flow.url)).redirect.searchParams.get("error"), "login_required");
    });
  } finally {
    await server.stop();
  }
}

// --- pieces ------------------------------------------------------------------------------------------------------

const hint = ({ id_token }, more = {}) => ({ id_token_hint: id_token, ...more });

const asks = (page) => page?.status === 200 && page.asksConsent && field(page, "ticket") !== undefined;

const field = (page, name) => page.html.match(new RegExp(`name="${name}" value="([^"]*)"`))?.[1];

/// The page at the end, or the redirect to another origin.
function leave(browser, config, parameters) {
  return browser.open(oidc.buildEndSessionUrl(config, parameters));
}

function decide(browser, page, decision) {
  return browser.submit(page, page.action("/end_session"), { ticket: field(page, "ticket"), decision });
}

async function silent(demo, browser) {
  const client = demo.client("client_secret_basic");
  const flow = await begin(await configuration(demo, client), client, { parameters: { prompt: "none" } });
  return (await browser.open(flow.url)).redirect.searchParams;
}

async function signedOut(demo, browser) {
  assert.equal((await silent(demo, browser)).get("error"), "login_required");
}

async function stillIn(demo, browser) {
  assert.ok((await silent(demo, browser)).get("code"), "the session lives");
}

await suite(everything);
