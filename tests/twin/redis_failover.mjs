// A sign-in while Redis fails over: a primary behind sentinels killed, stalled, or replaced by a replica that lacks what was
// acknowledged; a master of a cluster killed; and, over TLS with a user, PostgreSQL restarted. Two processes, never started
// again: whatever they answer meanwhile is right or a clear refusal, and nothing is issued twice.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Browser, check, report } from "../interop/_sceau.mjs";
import {
  alone, assertionForm, authorizeForm, basic, boundUserinfo, clientAssertion, codeFor, codeForm, formRequest, jsonRequest,
  proofFor, proved, refreshForm, tokenRequest,
} from "../interop/_wire.mjs";
import { capture } from "./_capture.mjs";
import { SOURCE } from "./_proxy.mjs";
import { Cluster, Encrypted, Sentinels } from "./_redis_groups.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { atNumber, authorizeUrl, native, phoneCall, signedIn, waiting, wholeSignIn } from "./_steps.mjs";

const LONGEST = 3000; // of any request
const RECOVERY = Number(process.env.SCEAU_TEST_RECOVERY ?? 15_000);
const REPLICATED = 150; // a replica has what was written, when nothing stalls it

async function behindSentinels(twin) {
  const [one, two] = twin.persons;
  const killed = async () => (await twin.redis.primary()).kill();
  // First: what it captures is signed by clients whose assertions are refused for a while after a failover.
  await part("a replica that lacks acknowledged writes is promoted", () => lostWrites(twin, one));
  const known = await signedIn(twin, two);
  for (const [point, journey] of Object.entries(points(twin, known))) {
    await part(`primary killed ${point}`, () => midLogin(twin, `primary killed ${point}`, journey, killed));
    await twin.redis.heal();
  }
  await part("a primary stalled", () => stalled(twin, known));
  await part("a primary without its replicas", () => guarded(twin, known));
}

async function inCluster(twin) {
  const known = await signedIn(twin, twin.persons[0]);
  const journeys = points(twin, known);
  const killed = async () => (await twin.redis.replicated()).kill();
  for (const point of ["before the code", "between code and token"]) {
    await part(`master killed ${point}`, () => midLogin(twin, `master killed ${point}`, journeys[point], killed));
  }
  await part("replays in a cluster", () => replaysInCluster(twin, known));
}

async function overTls(twin) {
  const known = await signedIn(twin, twin.persons[0]);
  const restart = async () => {
    await twin.postgres.kill();
    await twin.postgres.start();
  };
  const journeys = points(twin, known);
  for (const point of ["during the approval", "between code and token"]) {
    const name = `TLS: PostgreSQL restarted ${point}`;
    await part(name, () => midLogin(twin, name, journeys[point], restart, { anew: false }));
  }
  await part("full memory", () => fullMemory(twin, known));
}

// --- a sign-in with something lost in its middle -------------------------------------------------------------------

/// Each gives what was begun, and the rest of it, which must work once the stores are there again.
function points(twin, { person, phone, browser }) {
  const begin = async () => ({ person, phone, browser, login: await atNumber(twin, person) });
  const redeem = async ({ client, verifier }, code) => {
    const answer = await alone(twin, tokenRequest(client, codeForm(client, code, verifier)));
    assert.equal(answer.status, 200, answer.text);
    assert.ok(answer.body.id_token, "an ID token");
  };
  const codeOf = async (login) => {
    const { redirect, page } = await login.browser.open(login.page.resume);
    const code = redirect?.searchParams.get("code");
    assert.ok(code, page?.summary() ?? String(redirect));
    return code;
  };
  return {
    "before the code": async () => {
      const begun = await begin();
      const { login } = begun;
      const rest = async () => {
        const { page } = await login.browser.open(login.page.resume);
        assert.equal(page?.number, login.page.number, "the page shows its number again");
        const decided = await phone.approve(await waiting(phone), page.number);
        assert.equal(decided.status, 200, JSON.stringify(decided.body));
        await redeem(login, await codeOf(login));
      };
      return { ...begun, rest };
    },
    "during the approval": async () => {
      const begun = await begin();
      const { login } = begun;
      const approval = await waiting(phone);
      const assertion = await phone.assertion(approval);
      const rest = async () => {
        const body = { decision: "approve", number: login.page.number, assertion };
        const decided = await phone.call("POST", `/mobile/v1/approvals/${approval.id}/decision`, body);
        assert.equal(decided.status, 200, JSON.stringify(decided.body));
        await redeem(login, await codeOf(login));
      };
      return { ...begun, rest };
    },
    "between code and token": async () => {
      const begun = await begin();
      const { login } = begun;
      const decided = await phone.approve(await waiting(phone), login.page.number);
      assert.equal(decided.status, 200, JSON.stringify(decided.body));
      const code = await codeOf(login);
      return { ...begun, rest: () => redeem(login, code) };
    },
  };
}

async function midLogin(twin, name, journey, fault, { anew = true } = {}) {
  const { person, phone, browser, login, rest } = await journey();
  const family = await native(twin, browser);
  const grants = await count(twin, "grants");
  const before = await generation(twin, family);
  await pause(REPLICATED);
  const watch = new Watch(twin, { phone, login, family });
  const began = Date.now();
  watch.begin();
  await fault();
  const took = await recovered(twin, phone, began);
  await watch.end();
  watch.tell(name, took);
  await check(`${name}: both processes serve again within ${RECOVERY / 1000} s`, () => assert.ok(took <= RECOVERY, `${took} ms`));
  await watch.checks(name);
  await check(`${name}: the sign-in is finished`, rest);
  if (anew) {
    await check(`${name}: a new generation began`, async () => {
      assert.notEqual(await generation(twin, family), before);
    });
  }
  await check(`${name}: a new sign-in works, one grant for each`, async () => {
    await wholeSignIn(twin, person, phone);
    assert.equal(await count(twin, "grants"), grants + 2);
  });
}

// --- writes that were acknowledged and lost ------------------------------------------------------------------------

async function lostWrites(twin, person) {
  const { phone, browser } = await signedIn(twin, person);
  const { redis } = twin;
  // Replicated before the stall, used after it: the new primary has them as if they had not been used.
  const client = twin.client("client_secret_basic");
  const early = await codeFor(twin, browser, client);
  const family = await native(twin, browser);
  const login = await atNumber(twin, person);
  const approval = await waiting(phone);
  const assertion = await phone.assertion(approval);
  const session = browser.copy();
  await pause(REPLICATED);
  await redis.stallReplicas();

  const redeem = tokenRequest(client, codeForm(client, early.code, early.verifier));
  assert.equal((await alone(twin, redeem)).status, 200, "the code is good");
  const used = await rotatedTwice(twin, family);
  const path = `/mobile/v1/approvals/${approval.id}/decision`;
  const decide = () => jsonRequest("POST", path, { decision: "approve", number: login.page.number, assertion }, { dpop: phone.proof("POST", path) });
  const decided = decide();
  assert.equal((await alone(twin, decided)).status, 200, "the decision is taken");
  const captured = await capture(twin, person, phone, browser);
  const { id_token } = (await alone(twin, tokenRequest(client, codeForm(client, ...Object.values(await codeFor(twin, session, client)))))).body;
  const query = new URLSearchParams({ id_token_hint: id_token });
  const out = { method: "GET", path: `/end_session?${query}`, headers: { cookie: session.cookieHeader() } };
  assert.ok((await alone(twin, out)).status < 400, "logged out");

  const [grants, decisions] = [await count(twin, "grants"), await count(twin, "decisions")];
  const began = Date.now();
  const watch = new Watch(twin, { phone, login });
  watch.begin();
  await (await redis.primary()).kill();
  const took = await recovered(twin, phone, began);
  await watch.end();
  watch.tell("writes lost", took);
  await watch.checks("writes lost");

  const badGrant = (answer) => answer.status === 400 && answer.body.error === "invalid_grant";
  const over = (answer) => answer.status >= 400 && answer.status < 500;
  const fresh = (form) => async (at) => {
    const known = (await alone(twin, tokenRequest(family.client, form, { dpop: proofFor(twin, family.key) }), { at })).headers["dpop-nonce"];
    return tokenRequest(family.client, form, { dpop: proofFor(twin, family.key, known) });
  };
  const renewed = async (at) => {
    await phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at });
    return decide();
  };
  const more = [
    { name: "a code of before the stall, used after it", request: redeem, refused: badGrant },
    { name: "a decision on a challenge of before the stall, used after it", request: decided, refused: over },
    { name: "that decision with a new proof", request: renewed, refused: (answer) => over(answer) && answer.status !== 401 },
    { name: "the proof of a rotation", request: used.request, refused: (answer) => answer.status === 400 && /invalid_dpop_proof|use_dpop_nonce/.test(answer.body.error) },
    { name: "a refresh token rotated away", request: fresh(refreshForm(used.first)), refused: badGrant },
  ];
  for (const at of [0, 1]) {
    for (const { name, request, refused } of [...captured, ...more]) {
      await check(`writes lost: ${name} is refused by process ${at}`, async () => {
        const answer = await settled(twin, request, at);
        assert.ok(refused(answer), `${answer.status} ${answer.headers.location ?? answer.text.slice(0, 200)}`);
      });
    }
  }
  await check("writes lost: a session logged out stays so", async () => {
    const { redirect } = await session.open((await authorizeUrl(twin, undefined, { prompt: "none" })).url);
    assert.equal(redirect?.searchParams.get("error"), "login_required");
  });
  await check("writes lost: nothing was issued or decided", async () => {
    assert.deepEqual([await count(twin, "grants"), await count(twin, "decisions")], [grants, decisions]);
  });
  await redis.heal();
  await check("writes lost: a new sign-in works", async () => {
    // Requests that were decided after the stall are listed again: they cannot be decided again.
    const { code, verifier } = await codeFor(twin, new Browser(twin.issuer), client, { person, phone });
    assert.equal((await alone(twin, tokenRequest(client, codeForm(client, code, verifier)))).status, 200);
  });
}

/// The first token, and a request that has been answered.
async function rotatedTwice(twin, family) {
  const first = family.refresh_token;
  const dpop = proofFor(twin, family.key, family.nonce);
  const request = tokenRequest(family.client, refreshForm(first), { dpop });
  const answer = await alone(twin, request);
  assert.equal(answer.status, 200, answer.text);
  const next = await proved(twin, family.client, family.key, refreshForm(answer.body.refresh_token), answer.headers["dpop-nonce"]);
  assert.equal(next.status, 200, next.text);
  return { first, request };
}

// --- a primary that does not know it is none any more --------------------------------------------------------------

async function stalled(twin, { person, phone, browser }) {
  const family = await native(twin, browser);
  const signer = twin.client("private_key_jwt");
  const old = await twin.redis.primary();
  const watch = new Watch(twin, { phone, family });
  const began = Date.now();
  watch.begin();
  const took = await old.stalled(() => recovered(twin, phone, began));
  // It is awake again, and says for a moment that it is a primary.
  const pushed = formRequest("/par", { ...authorizeForm(signer, "v".repeat(43)), ...assertionForm(clientAssertion(twin, signer)) });
  const answers = [];
  for (let tries = 0; tries < 20; tries += 1) {
    answers.push(await alone(twin, pushed, { at: tries % 2 }));
    await pause(50);
  }
  await watch.end();
  watch.tell("primary stalled", took);
  await watch.checks("primary stalled");
  await check("primary stalled: an assertion is taken once, whatever the old primary says", () => {
    assert.ok(answers.filter(({ status }) => status === 201).length <= 1, answers.map(({ status }) => status).join(" "));
  });
  await check("primary stalled: a new sign-in works", () => wholeSignIn(twin, person, phone));
  await until("the old primary is a replica", async () => (await old.role()) === "slave");
  await twin.redis.synchronous();
}

/// `min-replicas-to-write`: cut off from its replicas it takes nothing, and says so.
async function guarded(twin, { person, phone }) {
  const primary = await twin.redis.primary();
  await primary.command("CONFIG", "SET", "min-replicas-to-write", "1");
  await twin.redis.stallReplicas();
  await check("a primary without its replicas: what is written is refused clearly, at both processes", async () => {
    for (const at of [0, 1]) {
      const client = twin.client("client_secret_basic");
      const answer = await alone(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client)), { at });
      assert.deepEqual([answer.status, answer.body.error], [503, "temporarily_unavailable"], answer.text);
      assert.match(answer.headers["retry-after"] ?? "", /^\d+$/);
    }
  });
  await primary.command("ACL", "SETUSER", "replica", "on");
  await twin.redis.synchronous();
  await check("a primary with its replicas again: a sign-in works", () => wholeSignIn(twin, person, phone));
}

async function replaysInCluster(twin, { person, phone, browser }) {
  const app = await native(twin, browser);
  const asked = await alone(twin, boundUserinfo(twin, app.key, app.access_token));
  const proofs = [0, 1, 2, 3, 4, 5].map(() => boundUserinfo(twin, app.key, app.access_token, asked.headers["dpop-nonce"]));
  for (const proof of proofs) assert.equal((await alone(twin, proof)).status, 200);
  await pause(REPLICATED);
  const master = await twin.redis.replicated();
  const began = Date.now();
  await master.kill();
  const took = await recovered(twin, phone, began);
  console.log(`      another master killed: both processes serve again after ${took} ms`);
  for (const at of [0, 1]) {
    await check(`another master killed: used proofs are refused by process ${at}, whichever shard has them`, async () => {
      for (const proof of proofs) assert.equal((await settled(twin, proof, at)).status, 401);
    });
  }
  await check("another master killed: a new sign-in works", () => wholeSignIn(twin, person, phone));
}

// --- full memory ---------------------------------------------------------------------------------------------------

/// What ends something works; what begins something is refused; what must be counted or remembered is, or nothing is done.
async function fullMemory(twin, { person, phone, browser }) {
  const client = twin.client("client_secret_basic");
  const session = await codeFor(twin, browser, client);
  const login = await atNumber(twin, person);
  const tokens = (await alone(twin, tokenRequest(client, codeForm(client, ...Object.values(await codeFor(twin, browser, client)))))).body;
  const app = await native(twin, browser);
  const [server] = twin.redis.servers;
  await server.command("CONFIG", "SET", "maxmemory", "1");
  const unavailable = (answer) => {
    assert.deepEqual([answer.status, answer.body.error], [503, "temporarily_unavailable"], answer.text);
    assert.match(answer.headers["retry-after"] ?? "", /^\d+$/);
  };
  await check("full memory: a code is redeemed, and its token is good", async () => {
    const answer = await alone(twin, tokenRequest(client, codeForm(client, session.code, session.verifier)));
    assert.equal(answer.status, 200, answer.text);
    const asked = await alone(twin, { method: "GET", path: "/userinfo", headers: { authorization: `Bearer ${answer.body.access_token}` } });
    assert.equal(asked.status, 200, asked.text);
  });
  await check("full memory: a token is revoked, at both processes within 5 s", async () => {
    const wish = formRequest("/revoke", { token: tokens.refresh_token }, basic(client));
    assert.equal((await alone(twin, wish)).status, 200);
    for (const at of [0, 1]) {
      await until("revoked", async () => {
        const headers = { authorization: `Bearer ${tokens.access_token}` };
        return (await alone(twin, { method: "GET", path: "/userinfo", headers }, { at })).status === 401;
      }, 5000);
    }
  });
  await check("full memory: a new sign-in is refused clearly", async () => {
    for (const at of [0, 1]) {
      const { pathname, search } = new URL((await authorizeUrl(twin)).url);
      const answer = await alone(twin, { method: "GET", path: pathname + search }, { at });
      assert.equal(new URL(answer.headers.location).searchParams.get("error"), "temporarily_unavailable", answer.text);
      unavailable(await alone(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client)), { at }));
    }
  });
  await check("full memory: a proof that cannot be remembered is not taken", async () => {
    const asked = await alone(twin, boundUserinfo(twin, app.key, app.access_token));
    unavailable(await alone(twin, boundUserinfo(twin, app.key, app.access_token, asked.headers["dpop-nonce"])));
    unavailable(await phoneCall(twin, phone, "GET", "/mobile/v1/approvals"));
  });
  await check("full memory: a person signs out", async () => {
    const query = new URLSearchParams({ id_token_hint: tokens.id_token });
    const out = { method: "GET", path: `/end_session?${query}`, headers: { cookie: browser.cookieHeader() } };
    const answer = await alone(twin, out);
    assert.ok(answer.status < 400, `${answer.status} ${answer.text.slice(0, 200)}`);
  });
  await server.command("CONFIG", "SET", "maxmemory", "0");
  await check("memory again: the session is over, and the sign-in that waited is finished", async () => {
    const { redirect } = await browser.open((await authorizeUrl(twin, undefined, { prompt: "none" })).url);
    assert.equal(redirect?.searchParams.get("error"), "login_required");
    const decided = await phone.approve(await waiting(phone), login.page.number);
    assert.equal(decided.status, 200, JSON.stringify(decided.body));
    const { redirect: answer } = await login.browser.open(login.page.resume);
    assert.ok(answer?.searchParams.get("code"));
  });
}

// --- what is answered meanwhile ------------------------------------------------------------------------------------

/// Asks both processes again and again while something is broken, and keeps what was neither right nor a clear refusal.
class Watch {
  constructor(twin, { phone, login, family }) {
    Object.assign(this, { twin, running: true, bad: [], seen: new Map(), longest: 0 });
    const client = twin.client("client_secret_basic");
    this.asked = {
      "a page": async (at) => {
        const { pathname, search } = new URL((await authorizeUrl(twin)).url);
        return alone(twin, { method: "GET", path: pathname + search }, { at });
      },
      "a pushed request": (at) => alone(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client)), { at }),
      "the keys": (at) => alone(twin, { method: "GET", path: "/jwks" }, { at }),
      "a false code": (at) => alone(twin, tokenRequest(client, codeForm(client, "x", "v".repeat(43))), { at }),
    };
    if (phone) this.asked["a phone"] = (at) => phoneCall(twin, copyOf(phone), "GET", "/mobile/v1/approvals", undefined, { at });
    if (family) this.asked["a bound userinfo"] = (at) => alone(twin, boundUserinfo(twin, family.key, family.access_token, family.nonce), { at });
    if (login) {
      const headers = { cookie: login.browser.cookieHeader() };
      this.asked["the waiting page"] = (at) => alone(twin, { method: "GET", path: login.page.resume, headers }, { at });
    }
  }

  begin() {
    const each = ([name, ask]) => [0, 1].map((at) => this.#loop(name, ask, at));
    this.loops = Promise.all(Object.entries(this.asked).flatMap(each));
  }

  async #loop(name, ask, at) {
    while (this.running) {
      const began = Date.now();
      const answer = await ask(at).catch((error) => ({ status: 0, text: error.message, headers: {} }));
      const took = Date.now() - began;
      this.longest = Math.max(this.longest, took);
      const kind = `${answer.status}`;
      this.seen.set(kind, (this.seen.get(kind) ?? 0) + 1);
      const clear = answer.status === 503 ? /^\d+$/.test(answer.headers["retry-after"] ?? "") : answer.status > 0 && answer.status < 500;
      if (!clear || took > LONGEST) this.bad.push(`${name} at ${at}: ${answer.status} after ${took} ms ${answer.text?.slice(0, 120)}`);
      await pause(120);
    }
  }

  async end() {
    this.running = false;
    await this.loops;
  }

  tell(name, took) {
    const told = [...this.seen].sort().map(([kind, times]) => `${times} × ${kind}`).join(", ");
    console.log(`      ${name}: both processes serve again after ${took} ms; longest request ${this.longest} ms; answers ${told}`);
  }

  async checks(name) {
    await check(`${name}: every answer was right or a clear refusal, within 3 s`, () => assert.deepEqual(this.bad, []));
  }
}

/// The same phone with a nonce of its own, so that loops do not take it from each other.
function copyOf(phone) {
  return Object.assign(Object.create(Object.getPrototypeOf(phone)), phone);
}

/// Both processes serve: milliseconds since `began`.
async function recovered(twin, phone, began) {
  await until("recovery", async () => {
    for (const at of [0, 1]) {
      const answer = await phoneCall(twin, copyOf(phone), "GET", "/mobile/v1/approvals", undefined, { at });
      const client = twin.client("client_secret_basic");
      const pushed = await alone(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client)), { at });
      if (answer.status !== 200 || pushed.status !== 201) return false;
    }
    return true;
  }, 2 * RECOVERY);
  return Date.now() - began;
}

/// The answer of process `at`; who notices a loss may answer 503 first.
async function settled(twin, request, at) {
  const send = async () => alone(twin, typeof request === "function" ? await request(at) : request, { at });
  let answer = await send();
  for (let tries = 0; answer.status === 503 && tries < 10; tries += 1) {
    await pause(200);
    answer = await send();
  }
  return answer;
}

/// What of a nonce is that of the generation: a nonce of another one is refused.
async function generation(twin, { client, key }) {
  const answer = await alone(twin, tokenRequest(client, refreshForm("x"), { dpop: proofFor(twin, key) }));
  return Buffer.from(answer.headers["dpop-nonce"], "base64url").subarray(0, GENERATION).toString("hex");
}
const GENERATION = 9;

const count = (twin, table) => twin.postgres.number(`SELECT count(*) FROM ${table}`);

// --- running -------------------------------------------------------------------------------------------------------

/// A part that breaks is a failure, and does not hide the others.
async function part(name, body) {
  let broken;
  const began = Date.now();
  await body().catch((error) => (broken = error));
  console.log(`      ${name}: ${((Date.now() - began) / 1000).toFixed(1)} s in all`);
  if (broken) await check(`${name}: to its end`, () => Promise.reject(broken));
}

const plainFetch = globalThis.fetch;
let sources = 0;
globalThis.fetch = (address, options) => {
  const source = `198.19.${(sources += 1) >> 8}.${sources & 255}`;
  return plainFetch(address, { ...options, headers: { [SOURCE]: source, ...options?.headers } });
};

const stacks = { Sentinel: [Sentinels, behindSentinels, 2], Cluster: [Cluster, inCluster, 1], TLS: [Encrypted, overTls, 1] };
const wanted = process.argv.slice(2);

async function stack(name) {
  if (wanted.length > 0 && !wanted.includes(name)) return;
  const [group, body, codes] = stacks[name];
  const began = Date.now();
  await part(name, async () => {
    const twin = await Twin.start({ codes, durable: name === "TLS", redis: (folder) => group.start(folder) });
    console.log(`== ${name}, ready after ${Date.now() - began} ms`);
    try {
      await body(twin);
      await check(`${name}: the audit log is whole`, () => twin.command("audit", "verify"));
    } finally {
      if (process.env.SCEAU_TEST_LOG) console.log(twin.log.join("\n"));
      await twin.stop();
    }
  });
}

// Mostly they wait: two at a time.
await Promise.all([stack("Sentinel"), stack("Cluster").then(() => stack("TLS"))]);
report();
