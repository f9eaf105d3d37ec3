// Real servers for the suites: Redis and PostgreSQL on sockets in a temporary folder, to be killed and started again.
// Each is watched by a shell that ends it when its input closes: with this process, however that ends.
import { execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const MEBIBYTES = 64 * 1024 * 1024;
const WATCH = '"$@" </dev/null >/dev/null 2>&1 & server=$!; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server; exit 0';
const KEEPER = `"$1/postgres" -D "$2/data" -k "$2" -h "" -c fsync="$3" -c max_connections=200 -c shared_buffers="$4" \\
  </dev/null >>"$2/log" 2>&1 & server=$!; cat >/dev/null; kill -QUIT $server 2>/dev/null; wait $server; exit 0`;

export class Redis {
  /// A server that keeps its data in an append-only file.
  static async start(folder) {
    const redis = new Redis();
    redis.folder = join(folder, "redis");
    redis.socket = join(folder, "r.sock");
    mkdirSync(redis.folder);
    await redis.start();
    return redis;
  }

  get url() {
    return `redis+unix://${this.socket}`;
  }

  async start() {
    const words = [
      "redis-server", "--port", "0", "--unixsocket", this.socket, "--dir", this.folder, "--save", "",
      "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--daemonize", "no",
    ];
    Object.assign(this, watched(words));
    // The socket of a killed server is still there; and a server that loads its file answers LOADING.
    await until("Redis answers", async () => (await this.command("PING")) === "PONG");
  }

  /// SIGKILL.
  async kill() {
    this.watch?.stdin.end();
    await this.ended;
  }

  abandon() {
    this.watch?.stdin.end();
  }

  /// What is in the file is gone, as after a start elsewhere.
  async startEmpty() {
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder);
    await this.start();
  }

  /// One command as an operator; its answer, bytes as latin1.
  command(...words) {
    return commandAt(this.socket, words);
  }

  /// Every key with its type and its value.
  async everything() {
    const reading = {
      string: (key) => ["GET", key],
      hash: (key) => ["HGETALL", key],
      set: (key) => ["SMEMBERS", key],
      list: (key) => ["LRANGE", key, "0", "-1"],
      zset: (key) => ["ZRANGE", key, "0", "-1", "WITHSCORES"],
      stream: (key) => ["XRANGE", key, "-", "+"],
    };
    const found = [];
    for (const key of await this.command("KEYS", "*")) {
      const type = await this.command("TYPE", key);
      if (type === "none") continue;
      if (!reading[type]) throw new Error(`a ${type} in Redis: how is it read?`);
      found.push({ key, type, value: [await this.command(...reading[type](key))].flat(3).map(String) });
    }
    return found;
  }
}

/// A program, killed when the pipe to its shell is closed.
export function watched(words) {
  const watch = spawn("sh", ["-c", WATCH, "sh", ...words], { stdio: ["pipe", "ignore", "ignore"] });
  return { watch, ended: new Promise((resolve) => watch.once("exit", resolve)) };
}

/// One command to the Redis at a socket; its answer, bytes as latin1.
export function commandAt(path, words) {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text += part;
      const read = reply(text, 0);
      if (read) socket.end(() => resolve(read.value));
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("Redis closed the connection")));
    const parts = words.map((word) => `$${Buffer.byteLength(word, "latin1")}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${parts.join("")}`, "latin1");
  });
}

/// RESP2: a whole reply from `at`, or nothing while it is not all there.
function reply(text, at) {
  const end = text.indexOf("\r\n", at);
  if (end < 0) return undefined;
  const [kind, line, next] = [text[at], text.slice(at + 1, end), end + 2];
  if (kind === "+" || kind === "-") return { value: line, next };
  if (kind === ":") return { value: Number(line), next };
  const length = Number(line);
  if (length < 0) return { value: "", next };
  if (kind === "$") {
    const behind = next + length + 2;
    return text.length < behind ? undefined : { value: text.slice(next, next + length), next: behind };
  }
  const value = [];
  let position = next;
  for (let index = 0; index < length; index += 1) {
    const read = reply(text, position);
    if (!read) return undefined;
    value.push(read.value);
    position = read.next;
  }
  return { value, next: position };
}

export class Postgres {
  /// A cluster of its own, with a database and a role called `sceau`; `durable` waits for the disk at each commit,
  /// `memory` is what it keeps pages in.
  static async start(folder, { durable = false, memory = "32MB" } = {}) {
    const postgres = new Postgres();
    Object.assign(postgres, { folder: join(folder, "postgres"), bin: programs(), fsync: durable ? "on" : "off", memory });
    mkdirSync(postgres.folder);
    chmodSync(folder, 0o755); // the owner of the cluster must reach it
    if (process.getuid() === 0) execFileSync("chown", ["postgres", postgres.folder]);
    const [program, ...words] = owned(join(postgres.bin, "initdb"));
    const options = ["-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"];
    await run(program, [...words, "-D", join(postgres.folder, "data"), ...options], { cwd: "/" });
    await postgres.start();
    await postgres.query("CREATE ROLE sceau LOGIN", "postgres");
    await postgres.query("CREATE DATABASE sceau OWNER sceau", "postgres");
    return postgres;
  }

  /// A synchronous standby of `primary`, which from now on waits for it at each commit.
  static async standby(primary, folder) {
    const standby = new Postgres();
    Object.assign(standby, { folder: join(folder, "standby"), bin: primary.bin, fsync: primary.fsync, memory: primary.memory });
    mkdirSync(standby.folder);
    if (process.getuid() === 0) execFileSync("chown", ["postgres", standby.folder]);
    await primary.copied(join(standby.folder, "data"), "-R", "-d", "application_name=standby");
    await standby.start();
    await primary.query("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "postgres");
    await primary.query("SELECT pg_reload_conf()", "postgres");
    return standby;
  }

  get url() {
    return `postgres://sceau@${encodeURIComponent(this.folder)}/sceau`;
  }

  /// A copy of the cluster as it is now.
  async copied(to, ...options) {
    const [program, ...words] = owned(join(this.bin, "pg_basebackup"));
    if (process.getuid() === 0) execFileSync("install", ["-d", "-o", "postgres", "-m", "700", to]);
    await run(program, [...words, "-h", this.folder, "-U", "postgres", "-D", to, "-X", "stream", "-c", "fast", "--no-sync", ...options], { cwd: "/" });
  }

  /// The copy takes the place of the cluster.
  async putBack(from) {
    await this.kill();
    const data = join(this.folder, "data");
    rmSync(data, { recursive: true, force: true });
    execFileSync("cp", ["-a", from, data]);
    await this.start();
  }

  async start() {
    const [program, ...words] = owned("/bin/sh");
    const all = [...words, "-c", KEEPER, "keeper", this.bin, this.folder, this.fsync, this.memory];
    this.keeper = spawn(program, all, { cwd: "/", stdio: ["pipe", "ignore", "ignore"] });
    this.ended = new Promise((resolve) => this.keeper.once("exit", resolve));
    await until("PostgreSQL answers", () => run(join(this.bin, "pg_isready"), ["-q", "-h", this.folder]).then(() => true));
  }

  /// SIGKILL to the postmaster and to every process it has.
  async kill() {
    const [pid] = readFileSync(join(this.folder, "data/postmaster.pid"), "latin1").split("\n");
    const all = [Number(pid), ...childrenOf(Number(pid))];
    for (const one of all) signal(one, "SIGKILL");
    await until("PostgreSQL is gone", () => all.every((one) => !existsSync(`/proc/${one}`) || isZombie(one)));
    this.keeper.stdin.end();
    await this.ended;
  }

  async stop() {
    this.keeper?.stdin.end();
    await this.ended;
  }

  /// Rows of tab-separated columns.
  async query(text, database = "sceau") {
    const words = ["-X", "-q", "-A", "-t", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", this.folder, "-U", "postgres"];
    const { stdout } = await run("psql", [...words, "-d", database, "-c", text], { maxBuffer: MEBIBYTES, cwd: "/" });
    return stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
  }

  async number(text) {
    return Number((await this.query(text))[0][0]);
  }

  async dump() {
    const words = ["--inserts", "-h", this.folder, "-U", "postgres", "-d", "sceau"];
    return (await run(join(this.bin, "pg_dump"), words, { maxBuffer: MEBIBYTES, cwd: "/" })).stdout;
  }
}

/// PostgreSQL refuses to run as root.
const owned = (program) => (process.getuid() === 0 ? ["runuser", "-u", "postgres", "--", program] : [program]);

/// The newest programs of Debian's layout.
function programs() {
  const root = "/usr/lib/postgresql";
  const all = existsSync(root) ? readdirSync(root).map((version) => join(root, version, "bin")) : [];
  const found = all.filter((bin) => existsSync(join(bin, "initdb"))).sort().at(-1);
  if (!found) throw new Error("PostgreSQL is not here: install the Debian package `postgresql`, as tests/run does");
  return found;
}

const stat = (pid) => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state, parent: Number(parent) };
  } catch {
    return {};
  }
};
const isZombie = (pid) => [undefined, "Z", "X"].includes(stat(pid).state);
const childrenOf = (pid) => readdirSync("/proc").filter((name) => /^\d+$/.test(name) && stat(name).parent === pid).map(Number);

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/// Waits until `test` is true; what it throws counts as not yet.
export async function until(what, test, patience = 30_000) {
  const began = Date.now();
  for (;;) {
    let reason = "not yet";
    try {
      if (await test()) return Date.now() - began;
    } catch (error) {
      reason = error.message;
    }
    if (Date.now() - began > patience) throw new Error(`${what}: not within ${patience} ms (${reason})`);
    await pause(25);
  }
}

/// A port that nobody had a moment ago.
export function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
