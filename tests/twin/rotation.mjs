// Signing keys replaced under load, on two processes: ten scheduled rotations of a shortened policy while people sign in
// and tokens are renewed, every token verified when it comes and again when it ends by services that keep /jwks in the
// ways of common libraries. Then the emergency: how long each process still accepts what the lost key signed.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { jose } from "../interop/_packages.mjs";
import { check, suite } from "../interop/_sceau.mjs";
import { alone, basic, formRequest, tokenRequest, userinfoRequest } from "../interop/_wire.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { confidential, refresh, signedIn, wholeSignIn } from "./_steps.mjs";

const ROTATIONS = 10;
const LIFE = 12; // of tokens, in seconds
// `keys/policy.toml`, shortened: 600 s of /jwks become 2 s, the lead of 26 h becomes 8 s.
const POLICY = `
algorithms = ["ES256"]
lead = "8s"
jwks_max_age = "2s"
poll = "1s"
skew = "1s"
rotation = "9s"
retirement = "14s"
longest_token_life = "${LIFE}s"
verify_one_in = 1
`;
const SAFE = 5; // seconds

// --- services that verify ----------------------------------------------------------------------------------------

/// A copy of /jwks that lasts `life` ms; `refetch`: an unknown kid fetches it again, at most once in so many ms.
class Copy {
  constructor(twin, name, life, refetch) {
    Object.assign(this, { url: `${twin.issuer}/jwks`, name, life, refetch, fetched: 0, at: -Infinity });
  }

  async key(header, token) {
    if (!(Date.now() - this.at < this.life)) await this.#fetch();
    try {
      return await this.set(header, token);
    } catch (error) {
      if (error.code !== "ERR_JWKS_NO_MATCHING_KEY" || !(Date.now() - this.at >= this.refetch)) throw error;
      await this.#fetch();
      return this.set(header, token);
    }
  }

  async #fetch() {
    this.under_way ??= this.#take().finally(() => (this.under_way = undefined));
    await this.under_way;
  }

  async #take() {
    const answer = await fetch(this.url);
    const allowed = Number(/max-age=(\d+)/.exec(answer.headers.get("cache-control"))[1]);
    this.set = jose.createLocalJWKSet(await answer.json());
    // `life` undefined: as long as the answer allows.
    Object.assign(this, { at: Date.now(), life: this.life ?? allowed * 1000, fetched: this.fetched + 1 });
  }
}

/// The library itself: 600 s, again on an unknown kid, 30 s apart.
function panva(twin) {
  const copy = { name: "jose", fetched: 0 };
  const counting = (...request) => {
    copy.fetched += 1;
    return fetch(...request);
  };
  const options = { cacheMaxAge: 2000, cooldownDuration: 100, [jose.customFetch]: counting };
  copy.key = jose.createRemoteJWKSet(new URL(`${twin.issuer}/jwks`), options);
  return copy;
}

const services = (twin) => [
  panva(twin),
  new Copy(twin, "Nimbus (5 min)", 1000, 100),
  new Copy(twin, "Cache-Control, and never before", undefined, Infinity),
  new Copy(twin, "once in 24 h, and never before", 6000, Infinity),
];

// --- load --------------------------------------------------------------------------------------------------------

class Load {
  constructor(twin) {
    Object.assign(this, { twin, services: services(twin), later: [], failures: [], unanswered: [] });
    Object.assign(this, { kids: new Map(), counts: { "sign-ins by phone": 0, "by session": 0, refreshes: 0, verified: 0 } });
  }

  async start() {
    const [by_session, by_phone] = [await signedIn(this.twin, this.twin.persons[0]), await signedIn(this.twin, this.twin.persons[1])];
    let grant = await confidential(this.twin, by_session.browser);
    this.running = true;
    this.loops = [
      this.#again("by session", 300, async () => this.#seen(await confidential(this.twin, by_session.browser))),
      this.#again("sign-ins by phone", 8000, async () => {
        this.#seen(await wholeSignIn(this.twin, by_phone.person, by_phone.phone));
      }),
      this.#again("refreshes", 200, async () => {
        const answer = await refresh(this.twin, grant);
        assert.equal(answer.status, 200, answer.text);
        grant = { ...grant, ...answer.body };
        this.#seen(answer.body);
      }),
    ];
    return by_phone;
  }

  async stop() {
    this.running = false;
    await Promise.all(this.loops);
    await Promise.all(this.later);
  }

  async #again(what, pause, body) {
    while (this.running) {
      try {
        await body();
        this.counts[what] += 1;
      } catch (error) {
        this.unanswered.push(`${what}: ${error.message.slice(0, 200)}`);
      }
      await sleep(pause);
    }
  }

  #seen({ access_token, id_token }) {
    for (const token of [access_token, id_token]) {
      const { kid } = jose.decodeProtectedHeader(token);
      const { exp } = jose.decodeJwt(token);
      this.kids.set(kid, (this.kids.get(kid) ?? 0) + 1);
      const last = new Date(exp * 1000 - 1);
      this.later.push(this.#verify(token, "at receipt", new Date()));
      this.later.push(sleep(last - Date.now()).then(() => this.#verify(token, "at the end of its life", last)));
    }
  }

  async #verify(token, when, currentDate) {
    await Promise.all(this.services.map(async (service) => {
      try {
        const key = (header, jws) => service.key(header, jws);
        await jose.jwtVerify(token, key, { issuer: this.twin.issuer, currentDate });
        this.counts.verified += 1;
      } catch (error) {
        this.failures.push(`${service.name} ${when}: ${error.message} (${jose.decodeProtectedHeader(token).kid})`);
      }
    }));
  }
}

async function rotations(twin) {
  const load = new Load(twin);
  const world = await load.start();
  const began = Date.now();
  await check(`${ROTATIONS} rotations while people sign in`, async () => {
    // One more than the rotations: the first key.
    const turned = () => load.kids.size > ROTATIONS;
    while (!turned() && Date.now() - began < ROTATIONS * 13_000) await sleep(200);
    await load.stop();
    const [many, seconds] = [load.kids.size, Math.round((Date.now() - began) / 1000)];
    console.log(`      ${many} keys signed in ${seconds} s: ${[...load.kids.values()].join(", ")} tokens`);
    assert.ok(turned(), `${many} keys signed`);
    const rows = await twin.audited();
    assert.ok(rows.get("key.activated/success/policy") >= ROTATIONS, JSON.stringify([...rows]));
  });
  // Also those planned with a key that the other process took out of use before it signed.
  await check("every sign-in and every refresh was answered", async () => {
    console.log(`      ${Object.entries(load.counts).map(([name, count]) => `${count} ${name}`).join(", ")}`);
    const rows = [...await twin.audited()].filter(([row]) => row.endsWith("/success/key_replaced"));
    console.log(`      planned again with the new key: ${rows.map(([row, count]) => `${count} ${row.split("/")[0]}`).join(", ") || "none"}`);
    assert.equal(load.unanswered.length, 0, load.unanswered.join("\n"));
    for (const [name, least] of [["by session", 100], ["refreshes", 100], ["sign-ins by phone", 5]]) {
      assert.ok(load.counts[name] >= least, `${load.counts[name]} ${name}`);
    }
  });
  await check("every token verified with every copy of /jwks, at receipt and at the end of its life", () => {
    console.log(`      copies fetched: ${load.services.map(({ name, fetched }) => `${name}: ${fetched}`).join("; ")}`);
    assert.equal(load.failures.length, 0, [...new Set(load.failures)].slice(0, 5).join("\n"));
    const [of_jose, , , strict] = load.services;
    assert.ok(strict.fetched >= ROTATIONS && strict.fetched < of_jose.fetched, "the copies had different lives");
  });
  return world;
}

// --- emergency ---------------------------------------------------------------------------------------------------

const kidOf = (token) => jose.decodeProtectedHeader(token).kid;
const told = (time) => time.toISOString().replace(/\.\d+Z$/, "Z");
const introspection = (client, token) => formRequest("/introspect", { token }, basic(client));

/// The claims of `token` an hour earlier, under its kid, signed by somebody else.
function forged(token) {
  const claims = jose.decodeJwt(token);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${encode(jose.decodeProtectedHeader(token))}.${encode({ ...claims, iat: claims.iat - 3600, jti: "forged" })}`;
  const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/// The key that signs, once its standby could take over: five seconds after the standby was published.
async function settled(twin) {
  const active = async () => {
    const { keys } = await twin.command("keys", "status", "--json");
    return keys.find((key) => key.use === "sign" && key.state === "active");
  };
  const { kid: before } = await active();
  let key;
  await until("another key signs", async () => (key = await active()).kid !== before);
  await sleep(Math.max(0, Date.parse(key.activated_at) + 5000 - Date.now()));
  return key.kid;
}

/// Asks each process again and again; when each said yes for the last time.
class Watch {
  constructor(twin, probes) {
    this.last = twin.entries.map(() => ({}));
    this.running = true;
    const loops = twin.entries.flatMap((_, at) => Object.entries(probes).map(([name, probe]) => this.#loop(at, name, probe)));
    this.done = Promise.all(loops);
  }

  async #loop(at, name, probe) {
    while (this.running) {
      if (await probe(at)) this.last[at][name] = Date.now();
      await sleep(80);
    }
  }

  async stop() {
    this.running = false;
    await this.done;
  }
}

async function emergency(twin, { person, phone }) {
  const [service, api] = [twin.client("client_secret_basic"), twin.clients.find(({ client_id }) => client_id === "demo-api")];
  const { browser } = await signedIn(twin, twin.persons[2]);
  const kid = await settled(twin);
  const since = new Date(Date.now() - 1000);
  const { access_token: token } = await confidential(twin, browser);
  const machine = (await alone(twin, tokenRequest(api, { grant_type: "client_credentials" }))).body.access_token;
  const forgery = forged(token);
  assert.deepEqual([kidOf(token), kidOf(machine), kidOf(forgery)], [kid, kid, kid]);

  const userinfo = (of) => async (at) => (await alone(twin, userinfoRequest(of), { at })).status === 200;
  const active = (client, of) => async (at) => (await alone(twin, introspection(client, of), { at })).body.active === true;
  const published = async (at) => (await alone(twin, { method: "GET", path: "/jwks" }, { at })).body.keys.some((key) => key.kid === kid);
  const probes = {
    userinfo: userinfo(token), introspection: active(service, token), "introspection of a machine's": active(api, machine), "/jwks": published,
  };
  const refused = async () => {
    for (const at of [0, 1]) assert.deepEqual([await userinfo(forgery)(at), await active(service, forgery)(at)], [false, false]);
  };
  await check("a forged token that names the key and an older time is refused by both processes", refused);

  const watch = new Watch(twin, probes);
  await sleep(400);
  const began = Date.now();
  const done = await twin.command("keys", "revoke", kid, "--since", told(since), "--officer", "A. Martin", "--yes", "--json");
  const took = Date.now() - began;
  await sleep(6000);
  await watch.stop();
  const seconds = watch.last.map((last) => Object.fromEntries(Object.entries(last).map(([name, at]) => [name, (at - began) / 1000])));
  await check(`each process refuses what a revoked key signed within ${SAFE} s`, () => {
    console.log(`      the command took ${took / 1000} s; from its start to the last acceptance:`);
    seconds.forEach((process, at) => console.log(`      process ${at}: ${JSON.stringify(process)}`));
    assert.ok(jose.decodeJwt(token).exp * 1000 > Date.now(), "the token would have ended by itself");
    for (const process of seconds) {
      assert.deepEqual(Object.keys(process).sort(), Object.keys(probes).sort(), "accepted before");
      for (const [name, second] of Object.entries(process)) assert.ok(second < SAFE, `${name}: ${second} s`);
    }
  });
  await check("the key has left /jwks of both processes, which show the same standby and signer", async () => {
    const sets = await Promise.all([0, 1].map(async (at) => (await alone(twin, { method: "GET", path: "/jwks" }, { at })).body.keys));
    for (const keys of sets) {
      const kids = keys.map((key) => key.kid);
      assert.ok(!kids.includes(kid) && kids.includes(done.active) && kids.includes(done.standby), kids.join(" "));
    }
  });
  await check("the session of the lost key is over, and a new sign-in is signed by the standby", async () => {
    assert.ok(done.sessions_ended >= 1, JSON.stringify(done));
    const tokens = await wholeSignIn(twin, person, phone);
    assert.deepEqual([kidOf(tokens.access_token), kidOf(tokens.id_token)], [done.active, done.active]);
    for (const at of [0, 1]) assert.ok(await userinfo(tokens.access_token)(at));
  });
  await check("the forged token is refused as before", refused);
}

async function everything(twin) {
  const world = await rotations(twin);
  await emergency(twin, world);
}

await suite(everything, () => Twin.start({ policy: POLICY, tokens: [`access_token = "${LIFE}s"`] }));
