// Two `sceau serve` over one Redis and one PostgreSQL, behind a proxy that alternates: with the interface of `Demo`, so
// that every suite runs on either. Everything is in a temporary folder and on free ports.
import { spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BINARY, sceau } from "../interop/_sceau.mjs";
import { Proxy, SOURCE } from "./_proxy.mjs";
import { Postgres, Redis, freePort, until } from "./_servers.mjs";
import { listen, phonePage, sampleService } from "./_service.mjs";

const EXTRACT = new URL("../../src/demo/sample_extract.txt", import.meta.url).pathname;
const DEVELOPER_SCOPE = "openid profile scope_all rpps identity offline_access";
const NATIONAL_ID = 2, FAMILY_NAME = 3, GIVEN_NAMES = 4, TELEPHONE = 10, EMAIL = 11;

process.once("SIGTERM", () => process.exit(143));
process.once("SIGINT", () => process.exit(130));

export class Twin {
  /// `standby`: PostgreSQL has a synchronous one. `lines` may be a function of the folder.
  /// `codes`: how many persons get activation codes at once; `log`: SCEAU_LOG; `durable`: PostgreSQL waits for the disk;
  /// `mobile`, `tokens`: more lines of those tables of settings; `lines`: more tables; `token`: the hardware token of the
  /// signing keys; `policy`: the text of their policy; `processes`: how many; `front`: the proxy before them; `limits`: lines
  /// of [http.limits]; `redis`: starts another Redis than one server, in a folder.
  static async start({ codes = 3, log = "json,warn", durable = false, standby = false, token, policy, processes = 2, front = Proxy, redis = Redis.start, ...more } = {}) {
    const twin = new Twin();
    twin.folder = mkdtempSync(join(tmpdir(), "sceau-twin-"));
    Object.assign(twin, { token, policy, log: [], logLevel: log, replicas: [], helpers: [], sources: 0 });
    twin.more = { mobile: [], tokens: [], lines: [], limits: [], ...more };
    process.once("exit", () => twin.#abandon());
    try {
      await twin.#prepare({ codes, durable, standby, processes, front, redis });
    } catch (error) {
      await twin.stop();
      throw error;
    }
    return twin;
  }

  async #prepare({ codes, durable, standby, processes, front, redis }) {
    [this.redis, this.postgres, this.proxy] = await Promise.all([
      redis(this.folder), Postgres.start(this.folder, { durable }), front.listen(),
    ]);
    if (standby) this.standby = await Postgres.standby(this.postgres, this.folder);
    this.issuer = `http://localhost:${this.proxy.port}`;
    const service = await listen(sampleService(this.issuer, () => this.service, () => this.clients[0]));
    const phone = await listen(phonePage(this.issuer, () => this.persons));
    this.helpers.push(service.server, phone.server);
    Object.assign(this, { service: service.address, phone: phone.address });
    this.#settings();
    await this.command("migrate");
    await this.command("directory", "import", EXTRACT);
    this.clients = [];
    for (const client of clients(this.service)) this.clients.push(await this.#register(client));
    this.persons = persons();
    await Promise.all(Array.from({ length: processes }, (_, index) => this.startReplica(index)));
    await this.proxy.begin?.(this.folder, this.replicas);
    await Promise.all(this.persons.slice(0, codes).map((person) => this.codes(person)));
  }

  #settings() {
    this.settings = join(this.folder, "sceau.toml");
    const folders = [this.postgres, this.standby].filter(Boolean).map(({ folder }) => encodeURIComponent(folder));
    const sql = `postgres://sceau@${folders.join(",")}/sceau`;
    this.kek = randomBytes(32).toString("base64url");
    writeFileSync(join(this.folder, "kek"), this.kek, { mode: 0o600 });
    const keys = [...(this.token?.lines ?? [])];
    if (this.policy) {
      writeFileSync(join(this.folder, "policy.toml"), this.policy);
      keys.push(`policy_file = "${this.folder}/policy.toml"`);
    }
    writeFileSync(this.settings, [
      `issuer = "${this.issuer}"`,
      "[http]", 'trusted_proxies = ["127.0.0.1"]',
      "[http.limits]", ...this.more.limits,
      "[storage]", `sql = "${sql}"`, `redis = "${this.redis.url}"`, ...(this.redis.lines ?? []),
      "[keys]", `kek_file = "${this.folder}/kek"`, ...keys,
      "[tokens]", 'activation = "1h"', ...this.more.tokens,
      "[mobile]", "allow_self_attestation = true", `activation_codes_file = "${this.folder}/codes.jsonl"`,
      `allowed_origins = ["${this.phone}"]`, ...this.more.mobile,
      ...(typeof this.more.lines === "function" ? this.more.lines(this.folder) : this.more.lines), "",
    ].join("\n"), { mode: 0o600 });
  }

  /// Where commands find the stores.
  get target() {
    return ["--config", this.settings];
  }

  /// `sceau WORDS --config …`, which must succeed; its JSON answer when it has one.
  async command(...words) {
    const answer = await sceau(...words, "--config", this.settings);
    if (answer.status !== 0) throw new Error(`sceau ${words.join(" ")} ended with ${answer.status}: ${answer.stderr}`);
    return answer.body ?? answer.stdout;
  }

  async #register({ id, name, auth, profile, scope, redirect_uris, post_logout = [], sector, more = [] }) {
    const words = ["--client-id", id, "--name", name, "--auth", auth, "--profile", profile, "--scope", scope];
    for (const uri of redirect_uris) words.push("--redirect-uri", uri);
    for (const uri of post_logout) words.push("--post-logout-redirect-uri", uri);
    if (sector) words.push("--sector", sector);
    let jwk;
    if (auth === "private_key_jwt") {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      jwk = { ...privateKey.export({ format: "jwk" }), kid: `${id}-1`, alg: "ES256", use: "sig" };
      const { d: _, ...open } = jwk;
      const file = join(this.folder, `${id}.jwks`);
      writeFileSync(file, JSON.stringify({ keys: [open] }));
      words.push("--jwks", file);
    }
    const added = await this.command("clients", "add", "--json", ...words, ...more);
    return { ...added, jwk, redirect_uris, post_logout_redirect_uris: post_logout };
  }

  /// Starts process `index`, on free ports of its own or on `ports`; `settings`: more of its environment.
  async startReplica(index, { ports, settings = {} } = {}) {
    for (let tries = 0; ; tries += 1) {
      const [port, admin] = ports ?? [await freePort(), await freePort()];
      const env = {
        ...process.env,
        SCEAU_LOG: this.logLevel,
        SCEAU__HTTP__LISTEN: `127.0.0.1:${port}`,
        SCEAU__HTTP__ADMIN_LISTEN: `127.0.0.1:${admin}`,
        ...settings,
      };
      const child = spawn(BINARY, ["serve", "--config", this.settings], { stdio: ["ignore", "ignore", "pipe"], env });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      const file = createWriteStream(join(this.folder, `log-${index}`), { flags: "a" });
      createInterface({ input: child.stderr }).on("line", (line) => {
        file.write(`${line}\n`);
        this.log.push(`${index}: ${line}`);
        if (this.log.length > 2000) this.log.splice(0, 1000);
      });
      this.replicas[index] = { child, ended, port, admin };
      const ready = async () => {
        if (child.exitCode !== null) return true;
        return (await fetch(`http://127.0.0.1:${admin}/health/ready`)).status === 200;
      };
      await until(`process ${index} is ready`, ready);
      if (child.exitCode === null) {
        this.proxy.ports[index] = port;
        return;
      }
      // Somebody else may have taken the port in between.
      if (tries === 2) throw new Error(`sceau serve ended with ${child.exitCode}\n${this.log.slice(-10).join("\n")}`);
    }
  }

  /// Starts process `index` again where it was.
  startAgain(index, settings) {
    const { port, admin } = this.replicas[index];
    return this.startReplica(index, { ports: [port, admin], settings });
  }

  /// SIGKILL to process `index`.
  async killReplica(index) {
    const { child, ended } = this.replicas[index];
    child.kill("SIGKILL");
    await ended;
  }

  /// Where requests go that choose their process: host and port of each.
  get entries() {
    return this.proxy.ports.map((port) => ({ hostname: "127.0.0.1", port }));
  }

  /// Requests each process says it has answered, by route when `route` is given.
  async counts(route) {
    return Promise.all(this.replicas.map(async ({ admin }) => {
      const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
      const lines = text.split("\n").filter((line) => line.startsWith("sceau_http_requests_total{"));
      const wanted = lines.filter((line) => !route || line.includes(`route="${route}"`));
      return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    }));
  }

  async metrics() {
    const texts = this.replicas.map(async ({ admin }) => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text());
    return (await Promise.all(texts)).join("\n");
  }

  /// All requests to process `index` while `body` runs.
  async onlyAt(index, body) {
    this.proxy.only = index;
    try {
      return await body();
    } finally {
      this.proxy.only = undefined;
    }
  }

  /// An address that no limit by source has seen yet.
  freshSource() {
    this.sources += 1;
    return `198.18.${this.sources >> 8}.${this.sources & 255}`;
  }

  /// New activation codes of `person`, asked for as a phone does, read where they are sent.
  async codes(person) {
    const answer = await fetch(`${this.issuer}/mobile/v1/enrolments/codes`, {
      method: "POST",
      headers: { "content-type": "application/json", [SOURCE]: this.freshSource() },
      body: JSON.stringify({ national_id: person.national_id }),
    });
    if (answer.status !== 202) throw new Error(`asking for codes: ${answer.status} ${await answer.text()}`);
    const sent = readFileSync(join(this.folder, "codes.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    const to = (contact) => sent.findLast((message) => message.to === contact)?.code;
    person.activation_codes = { email: to(person.email), phone: to(person.telephone) };
    if (!person.activation_codes.email || !person.activation_codes.phone) throw new Error("no codes were sent");
    return person.activation_codes;
  }

  /// Unlocks a person: two officers, by design.
  unlock({ national_id }) {
    return this.command("persons", "unlock", "--offline", "--second-officer", "Essai", national_id);
  }

  /// A developer's client that authenticates with `method`: the last one, the first being that of the sample service.
  client(method) {
    const found = this.clients.findLast((client) => client.token_endpoint_auth_method === method && !client.resource_server);
    if (!found) throw new Error(`no client with ${method}`);
    return found;
  }

  /// Decisions in the audit log: how many of each `kind/decision/reason`.
  async audited() {
    const text = `SELECT kind, convert_from(record, 'UTF8')::jsonb ->> 'decision',
      coalesce(convert_from(record, 'UTF8')::jsonb ->> 'reason', ''), count(*) FROM audit_events GROUP BY 1, 2, 3`;
    const rows = await this.postgres.query(text.replace(/\s+/g, " "));
    return new Map(rows.map(([kind, decision, reason, count]) => [`${kind}/${decision}/${reason}`, Number(count)]));
  }

  async stop() {
    for (const server of this.helpers) {
      server.closeAllConnections();
      server.close();
    }
    for (const { child } of this.replicas) child.kill("SIGTERM");
    const forced = setTimeout(() => this.replicas.forEach(({ child }) => child.kill("SIGKILL")), 8000);
    await Promise.all(this.replicas.map(({ ended }) => ended));
    clearTimeout(forced);
    await Promise.all([this.proxy?.stop(), this.redis?.kill(), this.postgres?.stop(), this.standby?.stop()]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /// The suite ends without having stopped: what is left ends with it.
  #abandon() {
    for (const { child } of this.replicas) child.kill("SIGKILL");
    this.redis?.abandon();
    this.postgres?.keeper?.stdin.end();
    this.standby?.keeper?.stdin.end();
  }
}

/// Those of a demonstration, and a resource server.
function clients(service) {
  const [callback, by_address] = [`${service}/callback`, `${service.replace("localhost", "127.0.0.1")}/callback`];
  const redirect_uris = [callback, by_address];
  const developer = { scope: DEVELOPER_SCOPE, redirect_uris, post_logout: [`${service}/`], sector: "localhost" };
  return [
    {
      id: "dossier-patient", name: "Dossier patient", auth: "client_secret_basic", profile: "oidc", ...developer,
      scope: "openid scope_all", redirect_uris: [callback],
    },
    { id: "demo-basic", name: "Service A", auth: "client_secret_basic", profile: "psc", ...developer },
    { id: "demo-post", name: "Service B", auth: "client_secret_post", profile: "oidc", ...developer },
    { id: "demo-jwt", name: "Service C", auth: "private_key_jwt", profile: "oidc", ...developer },
    {
      id: "demo-native", name: "Application D", auth: "none", profile: "oidc", scope: DEVELOPER_SCOPE,
      redirect_uris: ["http://127.0.0.1/callback"],
    },
    {
      id: "demo-api", name: "Interface E", auth: "client_secret_basic", profile: "oidc", scope: DEVELOPER_SCOPE,
      redirect_uris: [], more: ["--resource-server", "--grant", "client_credentials"],
    },
  ];
}

/// The persons of the sample whom codes can reach.
function persons() {
  const seen = new Map();
  for (const line of readFileSync(EXTRACT, "utf8").split("\n").slice(1)) {
    const fields = line.split("|");
    if (!fields[TELEPHONE] || !fields[EMAIL] || seen.has(fields[NATIONAL_ID])) continue;
    seen.set(fields[NATIONAL_ID], {
      national_id: fields[NATIONAL_ID],
      name: `${fields[GIVEN_NAMES].split("'").filter(Boolean).join(" ")} ${fields[FAMILY_NAME]}`,
      family_name: fields[FAMILY_NAME],
      email: fields[EMAIL],
      telephone: fields[TELEPHONE],
      activation_codes: { email: "", phone: "" },
    });
  }
  return [...seen.values()];
}
