// What happens to two processes when what they stand on dies: Redis and PostgreSQL killed in the middle of a sign-in, Redis
// empty, one process killed; and how soon a revocation at one is seen by the other.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Phone } from "../interop/_phone.mjs";
import { Browser, check, suite } from "../interop/_sceau.mjs";
import {
  alone, authorizeForm, basic, codeFor, codeForm, formRequest, proofFor, proved, refreshForm, tokenRequest, userinfoRequest,
} from "../interop/_wire.mjs";
import { capture } from "./_capture.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { SOURCE } from "./_proxy.mjs";
import {
  atNumber, authorizeUrl, confidential, finish, native, phoneCall, refresh, signedIn, waiting, wholeSignIn,
} from "./_steps.mjs";

const PROMPT = 5000; // no request takes longer while anything is down
const RECOVERY = Number(process.env.SCEAU_TEST_RECOVERY ?? 15_000);
const SEEN = 5000; // a revocation, from its answer on
const PAGES = {
  fr: { lang: 'lang="fr"', title: "Service momentanément indisponible", sentence: "Réessayez dans quelques instants." },
  en: { lang: 'lang="en"', title: "Temporarily unavailable", sentence: "Try again in a moment." },
};

async function everything(twin) {
  const [one, two, three, four, five, six] = twin.persons;
  const forgetting = (person, how, forget) => () => redisForgets(twin, person, how, forget);
  const parts = {
    // First: after a loss client assertions are refused for minutes, and none could be captured.
    "Redis restarted without its data": forgetting(four, "restarted without its data", async () => {
      await twin.redis.kill();
      await twin.redis.startEmpty();
    }),
    "Redis flushed": forgetting(five, "flushed", () => twin.redis.command("FLUSHALL")),
    "Redis killed": () => redisKilled(twin, one),
    "PostgreSQL killed": () => postgresKilled(twin, two),
    "PostgreSQL killed under load": () => postgresKilledUnderLoad(twin, three),
    "a process killed": () => processKilled(twin, one),
    "revocations": () => revocations(twin, six),
  };
  // A part that breaks is a failure, and does not hide the others.
  for (const [name, part] of Object.entries(parts)) {
    let broken;
    await part().catch((error) => (broken = error));
    if (broken) await check(`${name}: to its end`, () => Promise.reject(broken));
    await settled(twin);
  }
  await check("the audit log is whole", () => twin.command("audit", "verify"));
}

/// The next part begins when an unknown phone is told that it is unknown, and nothing else.
async function settled(twin) {
  const stranger = new Phone(twin.issuer);
  const known = async () => (await stranger.call("GET", "/mobile/v1/approvals")).body?.error === "invalid_device";
  await until("calm", known, RECOVERY).catch(() => {});
}

// --- Redis killed ------------------------------------------------------------------------------------------------

async function redisKilled(twin, person) {
  const { phone, browser } = await signedIn(twin, person);
  const tokens = await confidential(twin, browser);
  const login = await atNumber(twin, person);
  const approval = await waiting(phone);
  const grants = await rows(twin, "grants");
  // Written a moment before; the poll of the page is open.
  const poll = clock.of(() => login.browser.get(login.page.statusUrl));
  await pause(200);
  await twin.redis.kill();
  clock.start();

  await check("Redis killed: the open poll of the page ends within 5 s", async () => {
    const { took } = await poll;
    assert.ok(took < PROMPT + 200, `${took} ms`);
  });
  for (const [language, words] of Object.entries(PAGES)) {
    await check(`Redis killed: the page says so (${language})`, async () => {
      const get = (address) => login.browser.request(address, { headers: { "accept-language": language } });
      await unavailablePage(await get(login.page.resume), words);
    });
  }
  await check("Redis killed: a service hears of it through the browser", async () => {
    // RFC 6749 4.1.2.1: the client is known, so that it is told.
    const state = "kept-by-the-service";
    const { url } = await authorizeUrl(twin, undefined, { state });
    const answer = new URL((await login.browser.request(url)).headers.get("location"));
    const { error, state: returned, iss } = Object.fromEntries(answer.searchParams);
    assert.deepEqual({ error, returned, iss }, { error: "temporarily_unavailable", returned: state, iss: twin.issuer });
  });
  await check("Redis killed: the page's status is 503 with Retry-After", async () => {
    const answer = await login.browser.get(login.page.statusUrl);
    assert.equal(answer.status, 503);
    assert.ok(answer.headers.get("retry-after"));
  });
  await check("Redis killed: the phone is told to try again, at both processes", async () => {
    for (const at of [0, 1]) {
      unavailable(await phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at }));
      unavailable(await phoneCall(twin, phone, "POST", `/mobile/v1/approvals/${approval.id}/challenge`, {}, { at }));
    }
  });
  await check("Redis killed: clients are told to try again; keys and discovery are there", async () => {
    const client = twin.client("client_secret_basic");
    unavailable(await clocked(twin, tokenRequest(client, codeForm(client, "x", "v".repeat(43)))));
    unavailable(await clocked(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client))));
    unavailable(await clocked(twin, userinfoRequest(tokens.access_token)));
    for (const path of ["/jwks", "/.well-known/openid-configuration"]) {
      assert.equal((await clocked(twin, { method: "GET", path })).status, 200, path);
    }
  });
  await prompt("Redis killed");
  await twin.redis.start();
  await check("Redis again: both processes recover within 15 s", () => recovered(twin, phone));
  await check("Redis again: the sign-in of before can be finished, and a new one works", async () => {
    const { page } = await login.browser.open(login.page.resume);
    assert.equal(page?.number, login.page.number, "the page shows its number again");
    assert.equal((await phone.approve(approval, page.number)).status, 200);
    await finish(twin, login);
    await wholeSignIn(twin, person, phone);
    assert.equal(await rows(twin, "grants"), grants + 2, "one grant for each");
  });
}

// --- PostgreSQL killed -------------------------------------------------------------------------------------------

async function postgresKilled(twin, person) {
  const { phone, browser } = await signedIn(twin, person);
  // Acknowledged at the last moment: an approval, and a rotation.
  const done = await atNumber(twin, person);
  const acknowledged = await waiting(phone);
  const login = await atNumber(twin, person);
  const approval = await waiting(phone, acknowledged);
  const assertion = await phone.assertion(approval);
  const opened = new Browser(twin.issuer);
  const form = (await opened.open((await authorizeUrl(twin)).url)).page;
  const family = await native(twin, browser);
  const grants = await rows(twin, "grants");
  const body = { decision: "approve", number: login.page.number, assertion };
  const path = `/mobile/v1/approvals/${approval.id}/decision`;
  const early = await phone.approve(acknowledged, done.page.number);
  assert.equal(early.status, 200, JSON.stringify(early.body));
  const rotated = await proved(twin, family.client, family.key, refreshForm(family.refresh_token), family.nonce);
  assert.equal(rotated.status, 200, rotated.text);
  await twin.postgres.kill();
  clock.start();

  await check("PostgreSQL killed: the decision is refused clearly, at both processes", async () => {
    for (const at of [0, 1]) unavailable(await phoneCall(twin, phone, "POST", path, body, { at }));
  });
  for (const [language, words] of Object.entries(PAGES)) {
    await check(`PostgreSQL killed: the pages say so (${language})`, async () => {
      const headers = { "accept-language": language };
      await unavailablePage(await done.browser.request(done.page.resume, { headers }), words);
      const sent = await opened.post(form.action("/identify"), { csrf: form.csrf, identifier: person.national_id }, headers);
      await unavailablePage(sent, words);
    });
  }
  await check("PostgreSQL killed: the page that waits shows its number or says so", async () => {
    const answer = await login.browser.get(login.page.resume);
    if (answer.status === 503) await unavailablePage(answer, PAGES.fr);
    else assert.equal(answer.status, 200);
  });
  await check("PostgreSQL killed: a refresh is refused clearly", async () => {
    for (const at of [0, 1]) {
      const dpop = proofFor(twin, family.key, rotated.headers["dpop-nonce"]);
      unavailable(await clocked(twin, tokenRequest(family.client, refreshForm(rotated.body.refresh_token), { dpop }), { at }));
    }
  });
  await prompt("PostgreSQL killed");
  await twin.postgres.start();
  await check("PostgreSQL again: both processes recover within 15 s", () => recovered(twin, phone));
  await check("PostgreSQL again: what was acknowledged is there", async () => {
    assert.equal(await decisions(twin, acknowledged), 1, "the approval");
    await finish(twin, done);
    const next = await proved(twin, family.client, family.key, refreshForm(rotated.body.refresh_token));
    assert.equal(next.status, 200, next.text);
    assert.notEqual(next.body.refresh_token, rotated.body.refresh_token);
  });
  await check("PostgreSQL again: what was refused was not done, and a new try on the phone works", async () => {
    assert.equal(await decisions(twin, approval), 0, "decisions");
    const again = await phone.approve(approval, login.page.number);
    assert.equal(again.status, 200, JSON.stringify(again.body));
    await finish(twin, login);
    assert.equal(await decisions(twin, approval), 1, "decisions");
  });
  await check("PostgreSQL again: a new sign-in works, and nothing was issued twice", async () => {
    await wholeSignIn(twin, person, phone);
    assert.equal(await rows(twin, "grants"), grants + 3, "one grant for each sign-in");
  });
}

/// Refreshes and redemptions under way when it dies: afterwards each family lives, on one branch, and each code gave at most
/// one answer.
async function postgresKilledUnderLoad(twin, person) {
  const { browser, phone } = await signedIn(twin, person);
  const families = [];
  for (let count = 0; count < 8; count += 1) families.push(await native(twin, browser));
  const client = twin.client("client_secret_basic");
  const codes = [];
  for (let count = 0; count < 10; count += 1) codes.push(await codeFor(twin, browser, client));
  const grants = await rows(twin, "grants");
  let running = true;
  const seen = new Map();
  const count = (what) => seen.set(what, (seen.get(what) ?? 0) + 1);
  const loops = families.map(async (family) => {
    let last;
    while (running || last !== 200) {
      const attempt = proved(twin, family.client, family.key, refreshForm(family.refresh_token), family.nonce);
      const answer = await attempt.catch(() => ({ status: 0, headers: {} }));
      last = answer.status;
      clock.add(answer.took ?? 0);
      count(`refresh ${last} ${answer.body?.error ?? ""}`.trim());
      family.nonce = answer.headers["dpop-nonce"] ?? family.nonce;
      if (last === 200) family.refresh_token = answer.body.refresh_token;
      if (answer.body?.error === "invalid_grant") return;
      await pause(150);
    }
  });
  await pause(800);
  clock.start();
  const redeemed = codes.map(async ({ code, verifier }, index) => {
    await pause(index * 12);
    return clocked(twin, tokenRequest(client, codeForm(client, code, verifier))).catch(() => ({ status: 0 }));
  });
  await pause(60);
  await twin.postgres.kill();
  const first = await Promise.all(redeemed);
  await pause(2000);
  await twin.postgres.start();
  await recovered(twin, phone);
  running = false;
  await Promise.all(loops);
  const told = [...seen].map(([what, times]) => `${times} × ${what}`).join(", ");
  console.log(`      seen by clients: ${told}; codes: ${first.map((one) => one.status).join(" ")}`);
  await prompt("PostgreSQL killed under load");
  await check("PostgreSQL killed under load: clients hear 200 or try again, never that their token is bad", () => {
    const bad = [...seen.keys()].filter((what) => !/^refresh (200|503|0|429)/.test(what));
    assert.deepEqual(bad, []);
  });
  await check("PostgreSQL killed under load: every family lives, with one token", async () => {
    for (const family of families) {
      const answer = await proved(twin, family.client, family.key, refreshForm(family.refresh_token));
      assert.equal(answer.status, 200, answer.text);
    }
  });
  await check("PostgreSQL killed under load: a code has one answer at most", async () => {
    const made = (await rows(twin, "grants")) - grants;
    const given = first.filter((one) => one.status === 200).length;
    assert.ok(made >= given && made <= codes.length, `${made} grants for ${given} answers`);
    for (const [index, { code, verifier }] of codes.entries()) {
      // Refused before the code was looked at, it may still have its one answer.
      const send = () => alone(twin, tokenRequest(client, codeForm(client, code, verifier)));
      const answers = [first[index], await send(), await send()];
      assert.ok(answers.filter((one) => one.status === 200).length <= 1, answers.map((one) => one.status).join(" "));
      assert.equal(answers[2].body.error, "invalid_grant", answers[2].text);
    }
    assert.ok((await rows(twin, "grants")) - grants <= codes.length);
  });
}

// --- Redis forgets -----------------------------------------------------------------------------------------------

/// Everything of before is sent again, to both processes.
async function redisForgets(twin, person, how, forget) {
  const { phone, browser } = await signedIn(twin, person);
  const captured = await capture(twin, person, phone, browser);
  const family = await native(twin, browser);
  const grants = await rows(twin, "grants");
  const decided = await rows(twin, "decisions");
  await forget();
  clock.start();
  for (const at of [0, 1]) {
    for (const { name, request, refused } of captured) {
      await check(`Redis ${how}: ${name} is refused by process ${at}`, async () => {
        const send = async () => clocked(twin, typeof request === "function" ? await request(at) : request, { at });
        // Who notices the loss may answer 503 first: what counts is the answer after it.
        let answer = await send();
        for (let tries = 0; answer.status === 503 && tries < 10; tries += 1) {
          await pause(200);
          answer = await send();
        }
        assert.ok(refused(answer), `${answer.status} ${answer.headers.location ?? answer.text.slice(0, 200)}`);
      });
    }
  }
  await check(`Redis ${how}: nothing was issued or decided`, async () => {
    assert.deepEqual([await rows(twin, "grants"), await rows(twin, "decisions")], [grants, decided]);
  });
  await check(`Redis ${how}: a DPoP client goes on at once with a new nonce`, async () => {
    for (const at of [0, 1]) {
      const send = (nonce) => {
        const dpop = proofFor(twin, family.key, nonce);
        return clocked(twin, tokenRequest(family.client, refreshForm(family.refresh_token), { dpop }), { at });
      };
      const first = await send(family.nonce);
      assert.equal(first.body.error, "use_dpop_nonce", first.text);
      const second = await send(first.headers["dpop-nonce"]);
      assert.equal(second.status, 200, second.text);
      Object.assign(family, { nonce: undefined, refresh_token: second.body.refresh_token });
    }
  });
  await check(`Redis ${how}: the phone goes on at once with a new nonce`, async () => {
    for (const at of [0, 1]) {
      const answer = await phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at });
      assert.equal(answer.status, 200, answer.text);
    }
  });
  await check(`Redis ${how}: the session is over, and a new sign-in works`, async () => {
    const { redirect } = await browser.open((await authorizeUrl(twin, undefined, { prompt: "none" })).url);
    assert.equal(redirect?.searchParams.get("error"), "login_required");
    await wholeSignIn(twin, person, phone);
  });
  await prompt(`Redis ${how}`);
}

// --- a process killed --------------------------------------------------------------------------------------------

async function processKilled(twin, person) {
  for (const victim of [0, 1]) {
    await check(`process ${victim} killed in the middle of a sign-in: the other finishes it`, async () => {
      await twin.codes(person);
      const phone = await Phone.enrol(twin.issuer, person);
      const login = await atNumber(twin, person);
      const approval = await waiting(phone);
      const assertion = await phone.assertion(approval);
      await twin.killReplica(victim);
      clock.start();
      const path = `/mobile/v1/approvals/${approval.id}/decision`;
      const decided = await phone.call("POST", path, { decision: "approve", number: login.page.number, assertion });
      assert.equal(decided.status, 200, JSON.stringify(decided.body));
      const { redirect } = await login.browser.open(login.page.resume);
      const form = codeForm(login.client, redirect?.searchParams.get("code"), login.verifier);
      const answer = await clocked(twin, tokenRequest(login.client, form), { at: 1 - victim });
      assert.equal(answer.status, 200, answer.text);
    });
    await prompt(`process ${victim} killed`);
    await twin.startReplica(victim);
  }
  await check("a process started again serves", async () => {
    for (const at of [0, 1]) assert.equal((await clocked(twin, { method: "GET", path: "/jwks" }, { at })).status, 200);
  });
}

// --- revocations -------------------------------------------------------------------------------------------------

async function revocations(twin, person) {
  const api = twin.clients.find((client) => client.resource_server);
  const slowest = new Map();
  const seen = async (what, at, refused) => {
    const began = Date.now();
    while (!(await refused())) {
      assert.ok(Date.now() - began <= SEEN, `${what}: still accepted by process ${at} after ${SEEN} ms`);
      await pause(25);
    }
    const took = Date.now() - began;
    slowest.set(what, Math.max(slowest.get(what) ?? 0, took));
  };
  const denied = (at, tokens) => ({
    userinfo: async () => (await alone(twin, userinfoRequest(tokens.access_token), { at })).status === 401,
    refresh: async () => ["invalid_grant", "invalid_client"].includes((await refresh(twin, tokens, { at })).body.error),
    introspection: async () => {
      const answer = await alone(twin, formRequest("/introspect", { token: tokens.access_token }, basic(api)), { at });
      assert.equal(answer.status, 200, answer.text);
      return answer.body.active === false;
    },
  });
  const all = async (what, at, tokens) => {
    const ways = denied(at, tokens);
    await Promise.all(Object.entries(ways).map(([way, refused]) => seen(`${what}, ${way}`, at, refused)));
  };
  const fresh = async (tokens) => {
    for (const at of [0, 1]) {
      for (const [way, refused] of Object.entries(denied(at, tokens))) assert.ok(!(await refused()), `${way} works before`);
    }
  };
  const silent = (browser, at) => async () => {
    const { url } = await authorizeUrl(twin, undefined, { prompt: "none" });
    const { pathname, search } = new URL(url);
    const headers = { cookie: browser.cookieHeader() };
    const answer = await alone(twin, { method: "GET", path: pathname + search, headers }, { at });
    return new URL(answer.headers.location).searchParams.get("error") === "login_required";
  };
  let { phone, browser } = await signedIn(twin, person);
  const anew = async () => {
    browser = new Browser(twin.issuer);
    await codeFor(twin, browser, twin.client("client_secret_basic"), { person, phone });
  };

  for (const [here, there] of [[0, 1], [1, 0]]) {
    await check(`a token revoked at process ${here} is dead at process ${there} within 5 s, with its family`, async () => {
      const tokens = await confidential(twin, browser);
      await fresh(tokens);
      const wish = formRequest("/revoke", { token: tokens.refresh_token }, basic(tokens.client));
      const answer = await alone(twin, wish, { at: here });
      assert.equal(answer.status, 200, answer.text);
      await all("token revoked", there, tokens);
    });
    await check(`a session logged out at process ${here} is over at process ${there} within 5 s, with its tokens`, async () => {
      const tokens = await confidential(twin, browser);
      await fresh(tokens);
      const query = new URLSearchParams({ id_token_hint: tokens.id_token });
      const old = browser.copy();
      const load = { method: "GET", path: `/end_session?${query}`, headers: { cookie: browser.cookieHeader() } };
      const answer = await alone(twin, load, { at: here });
      assert.ok(answer.status < 400 && !answer.text.includes('name="ticket"'), `asked: ${answer.status}`);
      await all("session logged out", there, tokens);
      await seen("session logged out, cookie", there, silent(old, there));
      await anew();
    });
    await check(`a phone revoked at process ${here} is dead at process ${there} within 5 s, with what it signed in`, async () => {
      const tokens = await confidential(twin, browser);
      await fresh(tokens);
      const answer = await phoneCall(twin, phone, "DELETE", `/mobile/v1/devices/${phone.device.id}`, undefined, { at: here });
      assert.equal(answer.status, 204, answer.text);
      await all("phone revoked", there, tokens);
      const own = () => phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at: there });
      await seen("phone revoked, its own call", there, async () => (await own()).body.error === "invalid_device");
      await seen("phone revoked, cookie", there, silent(browser, there));
      await twin.codes(person);
      phone = await Phone.enrol(twin.issuer, person);
      await anew();
    });
  }
  await check("a person locked by command is locked at both processes within 5 s", async () => {
    const tokens = await confidential(twin, browser);
    await fresh(tokens);
    await twin.command("persons", "lock", person.national_id);
    await Promise.all([0, 1].map((at) => all("person locked", at, tokens)));
    for (const at of [0, 1]) await seen("person locked, cookie", at, silent(browser, at));
    await twin.unlock(person);
    await anew();
  });
  await check("a client disabled by command is disabled at both processes within 5 s", async () => {
    const uri = `${twin.service}/callback`;
    const words = ["--client-id", "brief", "--name", "Brief", "--redirect-uri", uri, "--scope", "openid offline_access"];
    const client = { ...(await twin.command("clients", "add", "--json", ...words)), redirect_uris: [uri] };
    const tokens = await confidential(twin, browser, client);
    await twin.command("clients", "disable", "brief");
    await Promise.all([0, 1].map((at) => all("client disabled", at, tokens)));
  });
  console.log(`      longest until seen: ${[...slowest].map(([what, took]) => `${what} ${took} ms`).join(", ")}`);
}

// --- answers -----------------------------------------------------------------------------------------------------

/// 503, when to come back, and a reason for programs.
function unavailable(answer) {
  clock.add(answer.took);
  assert.equal(answer.status, 503, answer.text.slice(0, 200));
  assert.match(answer.headers["retry-after"] ?? "", /^\d+$/, "Retry-After");
  assert.equal(answer.body.error, "temporarily_unavailable");
}

/// 503, when to come back, and a sentence in the person's language.
async function unavailablePage(response, words) {
  const html = await response.text();
  assert.equal(response.status, 503, html.slice(0, 100));
  assert.match(response.headers.get("retry-after") ?? "", /^\d+$/, "Retry-After");
  for (const word of Object.values(words)) assert.ok(html.includes(word), word);
  assert.doesNotMatch(html, /<output id="number">/);
}

/// Both processes serve again: how long that took.
async function recovered(twin, phone) {
  const took = await until("recovery", async () => {
    for (const at of [0, 1]) {
      const answer = await phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at });
      const { pathname, search } = new URL((await authorizeUrl(twin)).url);
      const page = await alone(twin, { method: "GET", path: pathname + search }, { at });
      if (answer.status !== 200 || page.status !== 303) return false;
    }
    return true;
  }, RECOVERY);
  console.log(`      both processes serve again after ${took} ms`);
}

const rows = (twin, table) => twin.postgres.number(`SELECT count(*) FROM ${table}`);
const decisions = (twin, { id }) => twin.postgres.number(`SELECT count(*) FROM decisions WHERE approval = '${id}'`);

// --- times -------------------------------------------------------------------------------------------------------

/// The longest request since `start`: all of `fetch`, and what is added.
const clock = {
  longest: 0,
  start() {
    this.longest = 0;
  },
  add(took) {
    this.longest = Math.max(this.longest, took);
  },
  async of(send) {
    const began = Date.now();
    const answer = await send().catch((error) => ({ error }));
    return { answer, took: Date.now() - began };
  },
};

const plainFetch = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  const began = Date.now();
  try {
    const headers = { [SOURCE]: source(), ...options?.headers };
    return await plainFetch(address, { ...options, headers });
  } finally {
    // A poll of the page may wait when nothing is down.
    if (!String(address).includes("/status")) clock.add(Date.now() - began);
  }
};
let sources = 0;
const source = () => `198.19.${(sources += 1) >> 8}.${sources & 255}`;

async function clocked(twin, request, options) {
  const answer = await alone(twin, request, options);
  clock.add(answer.took);
  return answer;
}

async function prompt(fault) {
  await check(`${fault}: no request took longer than 5 s`, () => {
    console.log(`      longest request: ${clock.longest} ms`);
    assert.ok(clock.longest < PROMPT, `${clock.longest} ms`);
  });
}

await suite(everything, () => Twin.start({ codes: 6, durable: true }));
