// Redis as several servers, or one that is spoken to as in production: a primary behind sentinels, a cluster, TLS with a
// user. Each has the interface of `Redis`, as far as the rig needs it.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { commandAt, freePort, until, watched } from "./_servers.mjs";

const run = promisify(execFile);
const SCEAU = "user sceau on >cache-secret ~sceau:* &sceau:* +@all -@dangerous +info"; // as docs/operations.md has it
const NODE_TIMEOUT = 1000;
// With 1 s a slow machine's sentinels take a server just promoted for dead, and fail over once more.
const DOWN_AFTER = 2000;
const HIGHEST = 55_000; // a node of a cluster listens 10 000 higher too

/// One server with a socket for operators.
class Server {
  static async start(folder, name, port, options) {
    const server = new Server();
    Object.assign(server, { folder: join(folder, name), socket: join(folder, `${name}.sock`), name, port, options });
    mkdirSync(server.folder);
    await server.start();
    return server;
  }

  async start(...more) {
    const words = [
      "redis-server", "--port", String(this.port), "--bind", "127.0.0.1", "--unixsocket", this.socket, "--dir", this.folder,
      "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0",
      "--daemonize", "no", ...this.options, ...more,
    ];
    Object.assign(this, watched(words), { gone: false });
    await until(`${this.name} answers`, async () => (await this.command("PING")) === "PONG");
    this.pid = Number((await this.info("process_id")));
  }

  command(...words) {
    return commandAt(this.socket, words);
  }

  async info(name) {
    return new RegExp(`^${name}:(.*)\\r$`, "m").exec(await this.command("INFO"))?.[1];
  }

  async role() {
    return this.gone ? "gone" : (await this.command("ROLE"))[0];
  }

  /// SIGKILL.
  async kill() {
    this.gone = true;
    this.watch.stdin.end();
    await this.ended;
  }

  /// It answers nobody, and its connections stand.
  async stalled(body) {
    process.kill(this.pid, "SIGSTOP");
    this.gone = true;
    try {
      return await body();
    } finally {
      process.kill(this.pid, "SIGCONT");
      this.gone = false;
    }
  }
}

class Group {
  /// Servers of a start that fails are ended.
  static async start(folder) {
    const group = new this();
    Object.assign(group, { servers: [], watchers: [] });
    try {
      await group.begin(folder);
    } catch (error) {
      group.abandon();
      throw error;
    }
    return group;
  }

  /// The servers that take writes.
  async primaries() {
    const roles = await Promise.all(this.servers.map((server) => server.role().catch(() => "gone")));
    return this.servers.filter((_, index) => roles[index] === "master");
  }

  /// One of them that has a replica.
  async replicated() {
    for (const server of await this.primaries()) {
      if (Number(await server.info("connected_slaves")) > 0) return server;
    }
    throw new Error("no primary has a replica");
  }

  async kill() {
    await Promise.all([...this.servers, ...this.watchers].map((one) => {
      one.watch.stdin.end();
      return one.ended;
    }));
  }

  abandon() {
    for (const one of [...this.servers, ...this.watchers]) one.watch?.stdin.end();
  }
}

/// A primary, two replicas and three sentinels, with users and passwords everywhere.
export class Sentinels extends Group {
  async begin(folder) {
    const users = join(folder, "users.acl");
    writeFileSync(users, [
      "user default on nopass ~* &* +@all", SCEAU, "user replica on >replica-secret +psync +replconf +ping",
      "user sentinel on >watch-secret allchannels +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info"
        + " +client|setname +client|kill +script|kill",
    ].join("\n") + "\n");
    const options = ["--aclfile", users, "--masteruser", "replica", "--masterauth", "replica-secret"];
    const ports = [await freePort(), await freePort(), await freePort()];
    const start = (port, index, more) => Server.start(folder, `redis-${index}`, port, [...options, ...more]);
    this.servers.push(await start(ports[0], 0, []));
    const replica = ["--replicaof", "127.0.0.1", String(ports[0])];
    this.servers.push(...(await Promise.all([1, 2].map((index) => start(ports[index], index, replica)))));
    for (const server of this.servers) server.options = options;
    await this.synchronous();
    await this.#sentinels(folder, ports[0]);
    writeFileSync(join(folder, "redis.password"), "cache-secret\n", { mode: 0o600 });
    writeFileSync(join(folder, "sentinel.password"), "sentinel-secret\n", { mode: 0o600 });
    this.lines = [
      `redis_password_file = "${folder}/redis.password"`, `redis_sentinel_password_file = "${folder}/sentinel.password"`,
    ];
  }

  get url() {
    const all = this.ports.map((port) => `127.0.0.1:${port}`).join(",");
    return `redis+sentinel://sceau@${all}/mymaster/0?sentinel_user=sceau`;
  }

  async #sentinels(folder, primary) {
    const users = join(folder, "sentinels.acl");
    writeFileSync(users, [
      "user default off", "user peer on >peer-secret allchannels +@all",
      "user sceau on >sentinel-secret resetkeys resetchannels -@all +hello +auth"
        + " +sentinel|get-master-addr-by-name +sentinel|master",
    ].join("\n") + "\n");
    this.ports = [await freePort(), await freePort(), await freePort()];
    this.watchers = this.ports.map((port, index) => {
      const own = join(folder, `sentinel-${index}`);
      mkdirSync(own);
      const file = join(own, "sentinel.conf");
      writeFileSync(file, [
        `port ${port}`, "bind 127.0.0.1", `dir ${own}`, `aclfile ${users}`,
        `sentinel monitor mymaster 127.0.0.1 ${primary} 2`,
        "sentinel auth-user mymaster sentinel", "sentinel auth-pass mymaster watch-secret",
        `sentinel down-after-milliseconds mymaster ${DOWN_AFTER}`, "sentinel failover-timeout mymaster 5000",
        "sentinel parallel-syncs mymaster 2", "sentinel sentinel-user peer", "sentinel sentinel-pass peer-secret",
      ].join("\n") + "\n");
      return watched(["redis-server", file, "--sentinel"]);
    });
    await this.#agreed();
  }

  /// The sentinels know each other, the replicas and one primary, which is what it says itself; none is at a failover.
  async #agreed() {
    await until("the sentinels agree", async () => {
      const [primary, ...others] = await this.primaries();
      if (!primary || others.length > 0) return false;
      const states = await Promise.all(this.ports.map((port) => this.ask(port, "SENTINEL", "MASTER", "mymaster")));
      const replicas = await Promise.all(this.ports.map((port) => this.ask(port, "SENTINEL", "REPLICAS", "mymaster")));
      return replicas.every((all) => !all.some((line) => /s_down/.test(line))) && states.every((fields) => {
        const fact = (name) => fields[fields.indexOf(name) + 1];
        return fact("port") === String(primary.port) && fact("num-other-sentinels") === "2" && fact("num-slaves") === "2"
          && fact("flags") === "master";
      });
    });
  }

  /// One command to the sentinel at `port`.
  async ask(port, ...words) {
    const answers = await run("redis-cli", ["-p", String(port), "--user", "peer", "--pass", "peer-secret", "--no-auth-warning", ...words]);
    return answers.stdout.trim().split("\n");
  }

  async primary() {
    return (await this.primaries())[0];
  }

  /// Every replica has all that the primary has written.
  async synchronous() {
    await until("replicas", async () => {
      const info = await (await this.primary()).command("INFO", "replication");
      return (info.match(/state=online/g) ?? []).length === this.servers.length - 1;
    });
  }

  /// From here on no write reaches a replica, and all are acknowledged.
  async stallReplicas() {
    const primary = await this.primary();
    await primary.command("ACL", "SETUSER", "replica", "off");
    await primary.command("CLIENT", "KILL", "TYPE", "replica");
    await until("replicas are cut off", async () => (await primary.info("connected_slaves")) === "0");
  }

  /// Those that are gone come back as replicas of whoever is the primary.
  async heal() {
    const primary = await this.primary();
    const gone = this.servers.filter((server) => server.gone);
    await Promise.all(gone.map((server) => server.start("--replicaof", "127.0.0.1", String(primary.port))));
    await this.synchronous();
    await this.#agreed();
  }
}

/// Three masters, each with a replica.
export class Cluster extends Group {
  async begin(folder) {
    const options = ["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", String(NODE_TIMEOUT)];
    const starting = [0, 1, 2, 3, 4, 5].map(async (index) => Server.start(folder, `node-${index}`, await lowPort(), options));
    this.servers = await Promise.all(starting);
    const nodes = this.servers.map(({ port }) => `127.0.0.1:${port}`);
    await run("redis-cli", ["--cluster", "create", ...nodes, "--cluster-replicas", "1", "--cluster-yes"]);
    await until("the cluster serves", async () => {
      const infos = await Promise.all(this.servers.map((server) => server.command("CLUSTER", "INFO")));
      const links = await Promise.all(this.servers.map((server) => server.command("INFO", "replication")));
      const synchronous = links.every((info) => /role:master/.test(info) || /master_link_status:up/.test(info));
      return synchronous && infos.every((info) => /cluster_state:ok/.test(info) && /cluster_known_nodes:6/.test(info));
    });
  }

  /// Two nodes are told; the others are found.
  get url() {
    return `redis+cluster://127.0.0.1:${this.servers[0].port},127.0.0.1:${this.servers[4].port}`;
  }
}

/// One server over TLS, with a user of its own.
export class Encrypted extends Group {
  async begin(folder) {
    const openssl = (...words) => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=ca");
    openssl("req", ...key, "-keyout", "redis.key", "-out", "redis.csr", "-subj", "/CN=redis");
    writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost");
    openssl("x509", "-req", "-in", "redis.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "redis.pem", "-days", "2", "-extfile", "names");
    const users = join(folder, "users.acl");
    writeFileSync(users, `user default on nopass ~* &* +@all\n${SCEAU}\n`);
    writeFileSync(join(folder, "redis.password"), "cache-secret\n", { mode: 0o600 });
    this.port = await freePort();
    const options = [
      "--tls-port", String(this.port), "--tls-cert-file", `${folder}/redis.pem`, "--tls-key-file", `${folder}/redis.key`,
      "--tls-ca-cert-file", `${folder}/ca.pem`, "--tls-auth-clients", "no", "--aclfile", users,
    ];
    this.servers = [await Server.start(folder, "redis-tls", 0, options)];
    this.lines = [`redis_password_file = "${folder}/redis.password"`, `redis_ca_file = "${folder}/ca.pem"`];
  }

  get url() {
    return `rediss://sceau@localhost:${this.port}/0`;
  }
}

async function lowPort() {
  for (;;) {
    const port = await freePort();
    if (port < HIGHEST) return port;
  }
}
