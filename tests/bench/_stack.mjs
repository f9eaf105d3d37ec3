// The servers of a measurement: Redis, PostgreSQL, `sceau serve` and node-oidc-provider, each on its core. This
// program and whatever it starts is on the client's core; the two providers alone are put on the other one.
import { execFile, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { promisify } from "node:util";
import { BINARY, sceau } from "../interop/_sceau.mjs";
import { Postgres, Redis, until } from "../twin/_servers.mjs";

const run = promisify(execFile);
const SERVER_CORE = "0";
const EXTRACT = new URL("../../src/demo/sample_extract.txt", import.meta.url).pathname;
const PEER = new URL("peer/", import.meta.url).pathname;
const LOAD = process.env.SCEAU_BENCH_LOAD;
const REDIRECT = "https://client.example/cb";
const NATIVE_REDIRECT = "http://127.0.0.1/callback";
const SCOPE = "openid scope_all offline_access";
/// It asks those who use a native client each time: its public client has the redirect of a browser.
const PEER_USUAL = { scope: "openid offline_access", native: REDIRECT };

process.once("SIGTERM", () => process.exit(143));
process.once("SIGINT", () => process.exit(130));

export class Stack {
  /// `phones`: how many persons have one.
  static async start({ phones = 300, log = "json,warn" } = {}) {
    const stack = new Stack();
    stack.folder = mkdtempSync(join(tmpdir(), "sceau-bench-"));
    stack.log = log;
    process.once("exit", () => stack.#abandon());
    try {
      await stack.#prepare(phones);
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  async #prepare(phones) {
    this.redis = await Redis.start(this.folder);
    await this.redis.command("CONFIG", "SET", "appendonly", "no");
    this.redisPid = Number(/process_id:(\d+)/.exec(await this.redis.command("INFO", "server"))[1]);
    this.postgres = await Postgres.start(this.folder, { durable: true, memory: "512MB" });
    [this.postgresPid] = readFileSync(join(this.postgres.folder, "data/postmaster.pid"), "latin1").split("\n").map(Number);
    [this.port, this.adminPort] = [await freePort(), await freePort()];
    [this.secondPort, this.secondAdminPort] = [await freePort(), await freePort()];
    this.issuer = `http://localhost:${this.port}`;
    this.codes = join(this.folder, "codes.jsonl");
    await this.#settings();
    await this.command("migrate");
    const persons = this.#directory(phones);
    await this.command("directory", "import", join(this.folder, "extract.txt"));
    await this.#clients();
    await this.startServer();
    this.phones = join(this.folder, "phones.jsonl");
    await load("enrol", "--issuer", this.issuer, "--persons", persons, "--codes", this.codes, "--phones", this.phones);
  }

  /// Everything is on. Lifetimes are long enough for 100 000 tokens, limits by source too high to be reached.
  async #settings() {
    this.settings = join(this.folder, "sceau.toml");
    writeFileSync(join(this.folder, "kek"), randomBytes(32).toString("base64url"), { mode: 0o600 });
    const lines = (limits, [port, adminPort] = [this.port, this.adminPort]) => [
      `issuer = "${this.issuer}"`,
      "[http]", `listen = "127.0.0.1:${port}"`, `admin_listen = "127.0.0.1:${adminPort}"`,
      'trusted_proxies = ["127.0.0.1"]', "[http.limits]", ...limits,
      "[storage]", `sql = "${this.postgres.url}"`, `redis = "${this.redis.url}"`,
      "[keys]", `kek_file = "${this.folder}/kek"`,
      "[tokens]", 'activation = "1h"', 'access_token = "600s"', 'approval = "120s"',
      "[mobile]", "allow_self_attestation = true", `activation_codes_file = "${this.codes}"`, "codes_per_hour = 1000000",
      "[approval]", "live = 10",
      "[audit]", `checkpoint_files = ["${this.folder}/checkpoints"]`, "",
    ].join("\n");
    writeFileSync(this.settings, lines([]), { mode: 0o600 });
    const checked = await sceau("config", "check", this.settings);
    const found = checked.stdout.split("\n").map((line) => /^http\.limits\.(\w*(?:source|rate)\w*) = \d+$/.exec(line)?.[1]);
    this.raised = found.filter(Boolean);
    const limits = this.raised.map((name) => `${name} = 100000`);
    writeFileSync(this.settings, lines(limits), { mode: 0o600 });
    this.secondSettings = join(this.folder, "second.toml");
    writeFileSync(this.secondSettings, lines(limits, [this.secondPort, this.secondAdminPort]), { mode: 0o600 });
  }

  /// Invented persons with contacts; the file that enrolment reads.
  #directory(count) {
    const [head, sample] = readFileSync(EXTRACT, "utf8").split("\n");
    const persons = Array.from({ length: count }, (_, index) => person(index));
    const line = ({ rpps, name, email, telephone }) => {
      const fields = sample.split("|");
      Object.assign(fields, { 1: rpps, 2: `8${rpps}`, 3: name, 10: telephone, 11: email });
      return fields.join("|");
    };
    writeFileSync(join(this.folder, "extract.txt"), [head, ...persons.map(line), ""].join("\n"));
    const list = join(this.folder, "persons.txt");
    writeFileSync(list, persons.map(({ rpps, email, telephone }) => `8${rpps}|${email}|${telephone}`).join("\n"));
    return list;
  }

  async #clients() {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { d: _, ...open } = privateKey.export({ format: "jwk" });
    this.jwks = join(this.folder, "client.jwks");
    this.clientKey = join(this.folder, "client.pem");
    writeFileSync(this.jwks, JSON.stringify({ keys: [{ ...open, kid: "bench", alg: "ES256", use: "sig" }] }));
    writeFileSync(this.clientKey, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    const grants = ["authorization_code", "refresh_token", "client_credentials"].flatMap((grant) => ["--grant", grant]);
    const usual = ["--scope", SCOPE, "--redirect-uri", REDIRECT, ...grants];
    const add = (id, ...words) => this.command("clients", "add", "--json", "--client-id", id, "--name", id, ...words);
    this.secret = (await add("bench-basic", ...usual)).client_secret;
    await add("bench-jwt", ...usual, "--auth", "private_key_jwt", "--jwks", this.jwks);
    await add("bench-native", "--scope", SCOPE, "--redirect-uri", NATIVE_REDIRECT, "--auth", "none");
  }

  /// `sceau WORDS --config …`, which must succeed; its JSON answer when it has one.
  async command(...words) {
    const answer = await sceau(...words, "--config", this.settings);
    if (answer.status !== 0) throw new Error(`sceau ${words.join(" ")} ended with ${answer.status}: ${answer.stderr}`);
    return answer.body ?? answer.stdout;
  }

  /// Starts the provider; how many milliseconds until its first 200.
  async startServer() {
    const began = performance.now();
    this.server = this.#spawn(BINARY, ["serve", "--config", this.settings], { SCEAU_LOG: this.log });
    return this.#first200(this.server, `http://127.0.0.1:${this.port}/.well-known/openid-configuration`, began);
  }

  stopServer() {
    return ended(this.server);
  }

  /// Another process of the provider, on the same core, Redis and PostgreSQL.
  async startSecond() {
    const began = performance.now();
    this.second = this.#spawn(BINARY, ["serve", "--config", this.secondSettings], { SCEAU_LOG: this.log });
    await this.#first200(this.second, `http://127.0.0.1:${this.secondPort}/.well-known/openid-configuration`, began);
  }

  stopSecond() {
    return ended(this.second);
  }

  /// node-oidc-provider on the same Redis.
  async startPeer() {
    this.peerPort ??= await freePort();
    this.peerIssuer = `http://127.0.0.1:${this.peerPort}`;
    const own = join(PEER, "node_modules/node/bin/node");
    const env = {
      NODE_ENV: "production", PORT: String(this.peerPort), ADAPTER: "redis", REDIS: this.redis.socket,
      JWKS: this.jwks, SECRET: this.secret,
    };
    const began = performance.now();
    this.peer = this.#spawn(existsSync(own) ? own : process.execPath, [join(PEER, "server.mjs")], env);
    return this.#first200(this.peer, `${this.peerIssuer}/.well-known/openid-configuration`, began);
  }

  stopPeer() {
    return ended(this.peer);
  }

  /// The bare server, when it was built.
  async startFloor() {
    const program = process.env.SCEAU_BENCH_FLOOR;
    if (!program) return;
    const port = await freePort();
    this.floorIssuer = `http://127.0.0.1:${port}`;
    const own = await (await fetch(`${this.issuer}/.well-known/openid-configuration`)).text();
    const discovery = join(this.folder, "floor.json");
    writeFileSync(discovery, own.replaceAll(this.issuer, this.floorIssuer));
    this.floorTokens = join(this.folder, "tokens-floor");
    writeFileSync(this.floorTokens, Array.from({ length: 100_000 }, (_, at) => `tok${at}`).join("\n"));
    this.floor = this.#spawn(program, [String(port), this.redis.url, discovery, this.jwks], {});
    await this.#first200(this.floor, `${this.floorIssuer}/.well-known/openid-configuration`, performance.now());
  }

  #spawn(program, words, env) {
    const child = spawn("taskset", ["-c", SERVER_CORE, program, ...words], {
      stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env },
    });
    child.said = "";
    child.stderr.on("data", (part) => { child.said = (child.said + part).slice(-4000); });
    child.gone = new Promise((resolve) => child.once("exit", resolve));
    return child;
  }

  async #first200(child, address, began) {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`a server ended with ${child.exitCode}: ${child.said}`);
      const answer = await fetch(address).catch(() => undefined);
      if (answer?.status === 200) {
        await answer.text();
        return performance.now() - began;
      }
      if (performance.now() - began > 30_000) throw new Error(`${address}: no 200 within 30 s`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /// Load on the provider; what `load` reports, with what server, Redis and PostgreSQL used.
  measure(op, client, ...words) {
    const all = ["--issuer", this.issuer, ...this.client(client), ...this.#watch(this.server), ...words];
    return load(op, ...all, "--watch", `postgres:${this.postgresPid}`);
  }

  /// The same load on both processes: half of the connections each, phones at the other one than their browsers.
  measureBoth(op, client, ...words) {
    const both = [this.port, this.secondPort].flatMap((port) => ["--connect", `127.0.0.1:${port}`]);
    return this.measure(op, client, ...both, "--watch", `second:${this.second.pid}`, ...words);
  }

  measurePeer(op, client, ...words) {
    return load(op, "--issuer", this.peerIssuer, ...this.client(client, PEER_USUAL), ...this.#watch(this.peer), ...words);
  }

  measureFloor(op, client, ...words) {
    return load(op, "--issuer", this.floorIssuer, ...this.client(client), ...this.#watch(this.floor), ...words);
  }

  #watch(child) {
    return ["--watch", `server:${child.pid}`, "--watch", `redis:${this.redisPid}`];
  }

  client(name, { scope, native } = { scope: SCOPE, native: NATIVE_REDIRECT }) {
    const proof = {
      basic: ["--client-secret", this.secret, "--redirect-uri", REDIRECT],
      jwt: ["--client-key", this.clientKey, "--kid", "bench", "--redirect-uri", REDIRECT],
      native: ["--bound", "--redirect-uri", native],
    }[name];
    return ["--client-id", `bench-${name}`, "--scope", scope, ...proof];
  }

  /// Lets PostgreSQL and Redis have the server's core too, while `body` makes what nobody measures.
  async onAllCores(body) {
    const move = async (cores) => {
      for (const pid of [this.postgresPid, this.redisPid]) await run("taskset", ["-a", "-p", "-c", cores, String(pid)]);
    };
    await move("0,1");
    try {
      await body();
    } finally {
      await move("1");
    }
  }

  /// MiB that a process has in memory.
  memory(child) {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "latin1"))[1]) / 1024;
  }

  /// What Redis holds for one signed-in browser, in bytes, over many.
  async bytesPerSession() {
    const keys = (await this.redis.command("KEYS", "*{session:*")).slice(0, 500);
    let sum = 0;
    for (const key of keys) sum += Number(await this.redis.command("MEMORY", "USAGE", key));
    return sum / keys.length;
  }

  /// What runs where, for a report.
  async conditions() {
    const text = async (...words) => (await run(words[0], words.slice(1)).catch(() => ({ stdout: "?" }))).stdout.trim();
    const cpu = /model name\s*: (.*)/.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "?";
    const postgres = (await this.postgres.query("SHOW server_version"))[0][0];
    const redis = /redis_version:(\S+)/.exec(await this.redis.command("INFO", "server"))[1];
    const raised = this.raised.length > 0 ? `, on and set too high to be reached: ${this.raised.join(", ")}` : "";
    return {
      commit: await text("git", "describe", "--always", "--dirty", "--abbrev=9"),
      machine: `${cpu}, ${(await text("nproc", "--all"))} cores, ${await text("uname", "-sr")}`,
      busy: `load average ${loadavg().map((load) => load.toFixed(1)).join(", ")} at the end: more than 2 or 3 is other people's work, and inflates every figure`,
      servers: `PostgreSQL ${postgres} (fsync on), Redis ${redis}, both on sockets, on the client's core`,
      settings: `plain HTTP on loopback, audit log, replay protection, metrics and limits on${raised}; access tokens 600 s`,
    };
  }

  async stop() {
    await Promise.all([this.server, this.second, this.peer, this.floor].filter(Boolean).map(ended));
    await Promise.all([this.redis?.kill(), this.postgres?.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #abandon() {
    for (const child of [this.server, this.second, this.peer, this.floor]) child?.kill("SIGKILL");
    this.redis?.watch?.stdin.end();
    this.postgres?.keeper?.stdin.end();
    // What the servers still write while they end stays behind; the million rows do not.
    try {
      rmSync(this.folder, { recursive: true, force: true });
    } catch {
      // The temporary folder is cleared by others too.
    }
  }
}

/// One run of the load generator.
export async function load(...words) {
  const { stdout } = await run(LOAD, words.map(String), { timeout: 700_000, maxBuffer: 1 << 24 }).catch((error) => {
    throw new Error(`load ${words[0]}: ${error.stderr || error.message}`);
  });
  return JSON.parse(stdout);
}

async function ended(child) {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  const forced = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await child.gone;
  clearTimeout(forced);
}

/// Person `index`, with an RPPS number whose key is right.
function person(index) {
  const digits = `9971${String(index).padStart(6, "0")}`;
  const doubled = [...digits].reverse().map((digit, place) => (place % 2 === 0 ? Number(digit) * 2 : Number(digit)));
  const sum = doubled.reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  const letters = [...String(index)].map((digit) => "ABCDEFGHIJ"[digit]).join("");
  return {
    rpps: `${digits}${(10 - (sum % 10)) % 10}`,
    name: `MESURE${letters}`,
    email: `mesure${index}@example.org`,
    telephone: `01991${String(index).padStart(5, "0")}`,
  };
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

export { until };
