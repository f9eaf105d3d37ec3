// Three processes behind HAProxy under steady load, each replaced twice: no request may fail. Then what must fail does: a
// process killed instead of stopped. Then one process with few places and ten times as many connections.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request as plainRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Phone } from "../interop/_phone.mjs";
import { check, report } from "../interop/_sceau.mjs";
import { authorizeForm, basic, codeForm, formRequest, refreshForm, tokenRequest, userinfoRequest } from "../interop/_wire.mjs";
import { HaProxy } from "./_haproxy.mjs";
import { SOURCE } from "./_proxy.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { atNumber, signedIn, waiting } from "./_steps.mjs";

const PROCESSES = 3;
const ROUNDS = 2;
const PLACES = 8;
const CONNECTIONS = PLACES * 2 * 10; // places, as many in the queue, ten times
const MACHINE = { grant_type: "client_credentials" };

// --- every request counts ----------------------------------------------------------------------------------------

const tally = {
  begin() {
    Object.assign(this, { requests: 0, polls: 0, logins: 0, failures: [] });
  },
  fail(what) {
    this.failures.push(what);
  },
};
tally.begin();

const plainFetch = globalThis.fetch;
let sources = 0;
globalThis.fetch = async (address, options = {}) => {
  const { pathname, port } = new URL(String(address));
  if (Number(port) !== issuerPort) return plainFetch(address, options);
  const isPoll = pathname.endsWith("/status");
  const headers = { [SOURCE]: `198.18.${((sources += 1) >> 8) & 255}.${sources & 255}`, ...options.headers };
  tally.requests += 1;
  tally.polls += isPoll ? 1 : 0;
  try {
    const answer = await plainFetch(address, { ...options, headers, signal: AbortSignal.timeout(isPoll ? 30_000 : 15_000) });
    if (answer.status >= 500) tally.fail(`${answer.status} ${pathname}`);
    return answer;
  } catch (error) {
    tally.fail(`${error.cause?.code ?? error.name} ${pathname}`);
    throw error;
  }
};
let issuerPort = 0;

async function send(twin, { path, ...request }) {
  const answer = await fetch(twin.issuer + path, { ...request, body: request.body || undefined });
  const text = await answer.text();
  return { status: answer.status, body: text.startsWith("{") ? JSON.parse(text) : {} };
}

// --- the load ----------------------------------------------------------------------------------------------------

/// Runs `step` again and again, `pause` ms apart, until `load.over`; what it throws has failed.
async function again(load, pause, name, step) {
  while (!load.over) {
    const before = tally.failures.length;
    try {
      await step();
    } catch (error) {
      // A request that failed is counted already.
      if (tally.failures.length === before && !load.over) tally.fail(`${name}: ${error.message}`);
    }
    await sleep(pause);
  }
}

function expect(answer, what) {
  if (answer.status !== 200) throw new Error(`${what} ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/// A whole sign-in by a phone, and its tokens.
async function signIn(twin, { person, phone }) {
  const login = await atNumber(twin, person);
  const decided = await phone.approve(await waiting(phone), login.page.number);
  expect(decided, "decision");
  const { redirect } = await login.browser.open(login.page.resume);
  const tokens = await send(twin, tokenRequest(login.client, codeForm(login.client, redirect.searchParams.get("code"), login.verifier)));
  tally.logins += 1;
  return expect(tokens, "code");
}

/// Tokens by the session of a browser.
async function tokensOf(twin, { browser }, client) {
  const verifier = randomBytes(32).toString("base64url");
  const { redirect } = await browser.signIn(`${twin.issuer}/authorize?${new URLSearchParams(authorizeForm(client, verifier))}`);
  return expect(await send(twin, tokenRequest(client, codeForm(client, redirect.searchParams.get("code"), verifier))), "code");
}

async function startLoad(twin, people, pages) {
  const load = { over: false };
  const client = twin.client("client_secret_basic");
  const api = twin.clients.find(({ client_id: id }) => id === "demo-api");
  let held = await tokensOf(twin, people[0], client);
  let machine = expect(await send(twin, tokenRequest(api, MACHINE)), "machine").access_token;
  const running = [
    ...people.map((one) => again(load, 900, "sign-in", () => signIn(twin, one))),
    again(load, 100, "machine", async () => (machine = expect(await send(twin, tokenRequest(api, MACHINE)), "machine").access_token)),
    again(load, 100, "introspection", async () => {
      const told = expect(await send(twin, formRequest("/introspect", { token: machine }, basic(api))), "introspection");
      assert.equal(told.active, true);
    }),
    again(load, 100, "userinfo", async () => expect(await send(twin, userinfoRequest(held.access_token)), "userinfo")),
    again(load, 300, "refresh", async () => {
      held = { ...held, ...expect(await send(twin, tokenRequest(client, refreshForm(held.refresh_token))), "refresh") };
    }),
    again(load, 50, "jwks", async () => expect(await send(twin, { method: "GET", path: "/jwks" }), "jwks")),
    ...pages.map((person) => again(load, 100, "page", () => waitAtPage(twin, load, person))),
  ];
  return {
    async end() {
      load.over = true;
      await Promise.all(running);
    },
  };
}

/// A page that waits for a phone which never answers.
async function waitAtPage(twin, load, person) {
  const { browser, page } = await atNumber(twin, person);
  const address = page.statusUrl.replaceAll("&amp;", "&");
  for (let told = "waiting"; told === "waiting" && !load.over; ) {
    const answer = await browser.get(address);
    ({ status: told } = await answer.json());
  }
}

// --- replacing processes -----------------------------------------------------------------------------------------

async function replace(twin, index) {
  const { child, ended, admin } = twin.replicas[index];
  child.kill("SIGTERM");
  await until("readiness says no", async () => (await plainFetch(`http://127.0.0.1:${admin}/health/ready`)).status === 503, 2000);
  assert.equal((await plainFetch(`http://127.0.0.1:${admin}/health/live`)).status, 200);
  await ended;
  assert.equal(child.exitCode, 0, "every request under way was answered");
  await twin.startAgain(index);
  assert.equal((await plainFetch(`http://127.0.0.1:${admin}/health/started`)).status, 200);
  // The proxy looks twice a second.
  await sleep(1200);
}

function told() {
  const kinds = new Map();
  for (const one of tally.failures) {
    const kind = one.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "{id}").split("\n")[0];
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const failures = [...kinds].map(([kind, count]) => `${count} x ${kind}`).join(", ") || "none";
  console.log(`      ${tally.requests} requests (${tally.logins} sign-ins, ${tally.polls} polls of waiting pages), failed: ${failures}`);
}

async function rolling(twin) {
  const people = [];
  for (const person of twin.persons.slice(0, 4)) people.push(await signedIn(twin, person));
  const pages = twin.persons.slice(4, 7);
  for (const person of pages) await Phone.enrol(twin.issuer, person);
  tally.begin();
  let load = await startLoad(twin, people, pages);
  await check(`${PROCESSES} processes replaced ${ROUNDS} times each under load: no request fails`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let index = 0; index < PROCESSES; index += 1) await replace(twin, index);
    }
    await load.end();
    told();
    assert.deepEqual(tally.failures, []);
    assert.ok(tally.requests > 500 && tally.logins >= 10 && tally.polls >= 6, "the load was there");
  });
  await check("the check can fail: a process killed instead of stopped loses requests", async () => {
    tally.begin();
    load = await startLoad(twin, people, pages);
    await sleep(2000);
    await twin.killReplica(0);
    await sleep(1000);
    await load.end();
    await twin.startAgain(0);
    told();
    assert.ok(tally.failures.length > 0);
  });
}

// --- overload ----------------------------------------------------------------------------------------------------

/// One request on a connection of `agent`, whatever becomes of it.
function once({ port }, { method, path, headers = {}, body = "" }, agent, source = "192.0.2.77", localAddress) {
  return new Promise((resolve) => {
    const length = method === "GET" ? {} : { "content-length": Buffer.byteLength(body) };
    const all = { ...headers, ...length, "x-forwarded-for": source };
    const outgoing = plainRequest({ host: "127.0.0.1", port, method, path, headers: all, agent, localAddress }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve({ status: answer.statusCode, again: answer.headers["retry-after"] }));
      answer.on("error", (error) => resolve({ status: 0, error }));
    });
    outgoing.setTimeout(20_000, () => outgoing.destroy(new Error("no answer")));
    outgoing.on("error", (error) => resolve({ status: 0, error }));
    outgoing.end(body);
  });
}

const memory = ({ child }) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))[1]) / 1024;
const KEYS = { method: "GET", path: "/jwks" };
const LIVE = { method: "GET", path: "/health/live" };

async function overload(twin) {
  await stopped(twin, 0);
  await twin.startAgain(0, { SCEAU__HTTP__LIMITS__MAX_REQUESTS: PLACES, SCEAU__HTTP__LIMITS__MAX_QUEUE: PLACES });
  const replica = twin.replicas[0];
  const machine = tokenRequest(twin.clients.find(({ client_id: id }) => id === "demo-api"), MACHINE);
  await check(`${CONNECTIONS} connections on ${PLACES} places: refused with Retry-After, /jwks is answered, memory is bounded`, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    const [counts, seen] = [new Map(), { keys: [], live: [], wrong: [] }];
    assert.equal((await once(replica, machine, agent)).status, 200);
    const before = memory(replica);
    const end = Date.now() + 5000;
    const pushing = Array.from({ length: CONNECTIONS }, async () => {
      while (Date.now() < end) {
        const answer = await once(replica, machine, agent);
        counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
        if (![200, 429, 503].includes(answer.status)) seen.wrong.push(answer.error?.message ?? answer.status);
        if (answer.status === 503 && !["1", "2"].includes(answer.again)) seen.wrong.push(`503 with ${answer.again}`);
      }
    });
    const looking = (async () => {
      while (Date.now() < end) {
        seen.keys.push((await once(replica, KEYS)).status);
        seen.live.push((await once({ port: replica.admin }, LIVE)).status);
        await sleep(100);
      }
    })();
    await Promise.all([...pushing, looking]);
    agent.destroy();
    const after = memory(replica);
    console.log(`      answers: ${[...counts].map(([status, count]) => `${count} x ${status}`).join(", ")}; /jwks ${seen.keys.length} x 200; memory ${before.toFixed(0)} -> ${after.toFixed(0)} MiB`);
    assert.deepEqual(seen.wrong, []);
    assert.ok(counts.get(503) > 0 && counts.get(200) > 0, "some are served, some refused");
    assert.ok(seen.keys.length > 0 && seen.keys.every((status) => status === 200), `/jwks: ${seen.keys}`);
    assert.ok(seen.live.every((status) => status === 200), `/health/live: ${seen.live}`);
    assert.ok(after - before < 100, `${before} -> ${after} MiB`);
  });
  await check("recovered within 30 s, and what was refused is counted", async () => {
    const took = await until("served again", async () => {
      for (let index = 0; index < 5; index += 1) if ((await once(replica, machine)).status !== 200) return false;
      return true;
    });
    console.log(`      recovered in ${took} ms`);
    const text = await (await plainFetch(`http://127.0.0.1:${replica.admin}/metrics`)).text();
    assert.match(text, /sceau_http_shed_total\{class="short"\} [1-9]/);
    assert.doesNotMatch(text, /sceau_http_shed_total\{class="keys"\}/);
  });
}

async function rates(twin) {
  await stopped(twin, 1);
  await twin.startAgain(1, {
    SCEAU__HTTP__LIMITS__SOURCE_RATE: 50, SCEAU__HTTP__LIMITS__CLIENT_RATE: 5, SCEAU__HTTP__LIMITS__MAX_CONNECTIONS_PER_SOURCE: 3,
  });
  const replica = twin.replicas[1];
  const api = twin.clients.find(({ client_id: id }) => id === "demo-api");
  const other = twin.client("client_secret_basic");
  await check("a client that comes too often waits, and another does not", async () => {
    const many = (client) => Promise.all(Array.from({ length: 30 }, (_, index) => once(replica, formRequest("/introspect", { token: "x" }, basic(client)), undefined, `192.0.2.${index}`)));
    const answers = await many(api);
    assert.ok(answers.some(({ status }) => status === 200), "some are served");
    const refused = answers.filter(({ status }) => status === 429);
    assert.ok(refused.length > 0 && refused.every(({ again: after }) => Number(after) >= 1), "429 with Retry-After");
    const free = await once(replica, formRequest("/introspect", { token: "x" }, basic(other)));
    assert.notEqual(free.status, 429);
    await until("the client is served again", async () => (await once(replica, formRequest("/introspect", { token: "x" }, basic(api)))).status === 200, 5000);
  });
  await check("a source that comes too often waits, but for /jwks, and another source does not", async () => {
    const flood = await Promise.all(Array.from({ length: 200 }, () => once(replica, { method: "GET", path: "/userinfo" }, undefined, "203.0.113.9")));
    const refused = flood.filter(({ status }) => status === 429);
    assert.ok(refused.length > 0 && refused.every(({ again: after }) => Number(after) >= 1), "429 with Retry-After");
    assert.equal((await once(replica, KEYS, undefined, "203.0.113.9")).status, 200);
    assert.equal((await once(replica, { method: "GET", path: "/userinfo" }, undefined, "203.0.113.10")).status, 401);
  });
  await check("a source has so many connections; a trusted proxy as many as it likes", async () => {
    const agents = Array.from({ length: 5 }, () => new Agent({ keepAlive: true }));
    const from = async (address) => {
      const statuses = [];
      for (const agent of agents) statuses.push((await once(replica, KEYS, agent, undefined, address)).status);
      return statuses;
    };
    assert.deepEqual(await from("127.0.0.2"), [200, 200, 200, 0, 0]);
    for (const agent of agents) agent.destroy();
    assert.deepEqual(await from("127.0.0.1"), [200, 200, 200, 200, 200]);
    for (const agent of agents) agent.destroy();
  });
}

async function impatience(twin) {
  await check("told twice to stop, a process ends at once", async () => {
    const { child, ended, admin } = twin.replicas[2];
    child.kill("SIGTERM");
    await until("readiness says no", async () => (await plainFetch(`http://127.0.0.1:${admin}/health/ready`)).status === 503, 2000);
    const began = Date.now();
    child.kill("SIGTERM");
    await ended;
    assert.ok(Date.now() - began < 1000, `${Date.now() - began} ms`);
    assert.equal(child.exitCode, 1);
  });
}

async function stopped(twin, index) {
  const { child, ended } = twin.replicas[index];
  child.kill("SIGTERM");
  await ended;
}

// -----------------------------------------------------------------------------------------------------------------

const began = Date.now();
// HAProxy asks twice a second: 2 s are enough for it to notice.
const twin = await Twin.start({
  codes: 7, processes: PROCESSES, front: HaProxy, lines: ["[approval]", "live = 10"],
  limits: [`drain_notice = "${process.env.SCEAU_TEST_NOTICE ?? "2s"}"`, "source_rate = 0"],
});
issuerPort = Number(new URL(twin.issuer).port);
try {
  for (const part of [rolling, overload, rates, impatience]) await part(twin);
} catch (error) {
  await check("the suite itself", () => Promise.reject(error));
} finally {
  await twin.stop();
}
if (process.env.SCEAU_TEST_LOG) console.log(twin.log.slice(-200).join("\n"));
console.log(`      ${((Date.now() - began) / 1000).toFixed(0)} s`);
report();
