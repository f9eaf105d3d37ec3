// PostgreSQL and Redis as docs/operations.md sets them up: the SQL of that file, word for word, gives one role that owns
// the schema and one that serves; TLS with a certificate that is verified; the Redis user of that file; a whole day of
// calls under those rights; and what these users may not do.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import * as oidc from "openid-client";
import { Browser, CommandLinePhone, check, report, sceau } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { refused, register, signedIn, userinfoStatus } from "./_service.mjs";

const DOCUMENT = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const [MAKE_ROLES, GIVE_RIGHTS] = [...DOCUMENT.matchAll(/^```sql\n([^]*?)^```$/gm)].map(([, sql]) => sql);
const REDIS_USERS = DOCUMENT.match(/^(user default off\nuser sceau .*\n)/m)[1];
const PORT = 20_000 + (process.pid % 20_000);
const REDIS_PORT = PORT + 1;
const PATIENT = {
  reference: "o-1", family_name: "Essai", given_names: ["Ode"], sex: "female", birth_date: "1980-01-02", birth_place: "75112",
  birth_country: "99100", ins_status: "validated",
};
const AS_POSTGRES = process.getuid() === 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : [];

const folder = mkdtempSync(join(tmpdir(), "sceau-pg-"));
let postgres;
let redis;
let server;
try {
  await everything();
} finally {
  await server?.stop();
  postgres?.kill("SIGQUIT");
  await postgres?.ended;
  redis?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
report();

async function everything() {
  await startPostgres();
  startRedis();
  writeFileSync(join(folder, "owner.password"), "CHANGE-ME-OWNER", { mode: 0o600 });
  writeFileSync(join(folder, "run.password"), "CHANGE-ME-RUN", { mode: 0o600 });
  writeFileSync(join(folder, "redis.password"), "CHANGE-ME-REDIS", { mode: 0o600 });
  writeFileSync(join(folder, "kek"), Buffer.alloc(32, 7).toString("base64url"), { mode: 0o600 });
  const [owner, run, stranger] = [await configured("owner", "ca.pem"), await configured("run", "ca.pem"), await configured("run", "other.pem")];
  server = run;
  await check("the settings of two replicas are understood", async () => {
    const [, toml] = DOCUMENT.match(/^```toml\n([^]*?)^```$/m);
    const file = join(folder, "two.toml");
    const here = { "/run/credentials/sceau.service/sql-password": "run.password", "/run/credentials/sceau.service/": "", "/etc/sceau/db-ca.pem": "ca.pem" };
    writeFileSync(file, Object.entries(here).reduce((text, [from, to]) => text.replaceAll(from, `${folder}/${to}`), toml));
    const answer = await sceau("config", "check", file);
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, /postgres:\/\/sceau_run@db\.example\.fr:5432\/sceau/);
  });
  await check("the SQL before the first migration runs", () => psql("postgres", MAKE_ROLES));
  await check("a certificate of another authority is refused", async () => {
    const answer = await sceau("migrate", ...stranger.target);
    assert.notEqual(answer.status, 0);
    assert.match(answer.stderr, /certificate|UnknownIssuer/i);
  });
  await check("the role that serves cannot make the schema", async () => {
    assert.notEqual((await sceau("migrate", ...run.target)).status, 0);
  });
  await check("the role that owns the schema migrates, over verified TLS", async () => {
    const answer = await sceau("migrate", ...owner.target);
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, /went from version 0/);
  });
  await check("the SQL after each migration runs, twice too", () => {
    psql("sceau", GIVE_RIGHTS);
    psql("sceau", GIVE_RIGHTS);
  });
  await check("no table of the schema is forgotten", () => {
    const forgotten = "SELECT 'forgotten: ' || relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace "
      + "AND NOT has_table_privilege('sceau_run', oid, 'SELECT');";
    assert.doesNotMatch(psql("sceau", forgotten), /forgotten/);
  });
  await check("with these rights alone: import, serve, sign in, refresh, revoke, commands, audit", aDay);
  await check("the doctor, under the rights of this file, finds only that this PostgreSQL does not wait for its disk", async () => {
    const { status, body, stderr } = await sceau("doctor", ...server.target, "--json");
    const wrong = body.filter(({ verdict }) => verdict === "wrong");
    assert.deepEqual(wrong.map(({ check }) => check), ["commits"], `${stderr}${JSON.stringify(wrong)}`);
    assert.match(wrong[0].sentence, /set fsync and full_page_writes to on/);
    assert.equal(status, 1);
    const of = (name) => body.find(({ check, verdict }) => check === name && verdict === "ok");
    for (const name of ["database", "clock", "partitions", "connections", "redis"]) assert.ok(of(name), `${name}: ${JSON.stringify(body)}`);
  });
  await notAllowed();
  await stop(owner, stranger);
}

async function aDay() {
  await server.begin();
  const redirect = "https://day.example.fr/callback";
  const added = await register(server.target, "--name", "Day", "--redirect-uri", redirect, "--ask-consent", "--profile", "psc");
  const client = { ...added, redirect_uris: [redirect], token_endpoint_auth_method: "client_secret_basic" };
  const person = await server.person("899700000013");
  const phone = await CommandLinePhone.enrol(server, person);
  const world = { demo: server, person, phone, browser: new Browser(server.issuer) };
  const { config, tokens } = await signedIn(world, client);
  assert.equal(await userinfoStatus(server, tokens.access_token), 200);
  assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).id_token);
  await oidc.tokenRevocation(config, tokens.refresh_token);
  await refused("invalid_grant", oidc.refreshTokenGrant(config, tokens.refresh_token));
  const second = await signedIn(world, client);
  await world.browser.open(oidc.buildEndSessionUrl(config, { id_token_hint: second.tokens.id_token }));
  assert.deepEqual(await oidc.tokenIntrospection(config, second.tokens.access_token), { active: false });
  const [device] = (await sceau("devices", "list", ...server.target, "--person", person.national_id, "--json")).body;
  const patients = join(server.folder, "patients.jsonl");
  writeFileSync(patients, `${JSON.stringify(PATIENT)}\n`);
  for (const words of [
    ["patients", "import", ...server.target, patients],
    ["persons", "show", ...server.target, "--reference", PATIENT.reference],
    ["devices", "revoke", ...server.target, device.device],
    ["persons", "lock", ...server.target, person.national_id],
    ["persons", "unlock", ...server.target, person.national_id, "--offline", "--second-officer", "A. Second"],
    ["clients", "disable", ...server.target, client.client_id],
    ["audit", "verify", ...server.target],
  ]) {
    const answer = await sceau(...words);
    assert.equal(answer.status, 0, `${words.slice(0, 2)}: ${answer.stderr}`);
  }
  // The jobs that purge and rotate have their turn.
  await pause(2000);
  const metrics = await (await fetch(`${server.admin}/metrics`)).text();
  assert.deepEqual(metrics.match(/^sceau_job_failures_total\{[^}]*\} [1-9].*/gm), null, server.log?.slice?.(-5).join("\n"));
}

async function notAllowed() {
  const refusals = [
    "UPDATE audit_events SET kind = 'x'",
    "DELETE FROM audit_events",
    "TRUNCATE audit_events",
    "UPDATE audit_log SET leaf_hash = ''",
    "DELETE FROM audit_log",
    "UPDATE audit_checkpoints SET size = 0",
    "DELETE FROM audit_checkpoints",
    "UPDATE audit_payloads SET sealed = ''",
    "DELETE FROM cutoffs",
    "DELETE FROM persons",
    "UPDATE issuances SET kid = 'x'",
    "UPDATE decisions SET decided_at = 0",
    "CREATE TABLE more (id int)",
    "ALTER TABLE clients ADD COLUMN more int",
    "DELETE FROM _sqlx_migrations",
    "UPDATE schema_support SET compatible_from = 0",
    "DELETE FROM single_use",
    "TRUNCATE single_use_default",
    "DROP TABLE issuances_default",
    "ALTER TABLE single_use DETACH PARTITION single_use_default",
  ];
  for (const words of [["CONFIG", "GET", "*"], ["FLUSHALL"], ["KEYS", "*"], ["ACL", "LIST"], ["GET", "other:key"]]) {
    await check(`the Redis user may not: ${words.join(" ")}`, () => {
      const call = ["-p", String(REDIS_PORT), "--user", "sceau", "--pass", "CHANGE-ME-REDIS", "--no-auth-warning", ...words];
      assert.match(execFileSync("redis-cli", call, { encoding: "utf8" }), /NOPERM/);
    });
  }
  for (const sql of refusals) {
    await check(`the role that serves may not: ${sql}`, () => {
      assert.throws(() => psql("sceau", `SET ROLE sceau_run;\n${sql};`), /permission denied|must be owner/);
    });
  }
}

// --- pieces ------------------------------------------------------------------------------------------------------

function configured(role, authority) {
  const sql = `postgres://sceau_${role}@${hostname()}:${PORT}/sceau?sslrootcert=${folder}/${authority}`;
  const storage = [
    `sql = "${sql}"`, `sql_password_file = "${folder}/${role}.password"`,
    `redis = "redis://sceau@127.0.0.1:${REDIS_PORT}/0"`, `redis_password_file = "${folder}/redis.password"`,
  ];
  return Server.configure({ storage, lines: ["[keys]", `kek_file = "${folder}/kek"`] });
}

async function stop(...configurations) {
  for (const one of configurations) await one.stop();
}

async function startPostgres() {
  const versions = readdirSync("/usr/lib/postgresql").sort((a, b) => a - b);
  const bin = `/usr/lib/postgresql/${versions.at(-1)}/bin`;
  chmodSync(folder, 0o755);
  certificates();
  if (AS_POSTGRES.length > 0) execFileSync("chown", ["-R", "postgres", folder]);
  const owner = ([program, ...words]) => [...AS_POSTGRES, program, ...words];
  const call = (words) => execFileSync(words[0], words.slice(1), { cwd: "/", stdio: "pipe" });
  call(owner([`${bin}/initdb`, "-D", `${folder}/data`, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C.UTF-8"]));
  writeFileSync(`${folder}/data/pg_hba.conf`, "local all all trust\nhostssl all all all scram-sha-256\n");
  const settings = [
    "listen_addresses=*", "ssl=on", `ssl_cert_file=${folder}/server.pem`, `ssl_key_file=${folder}/server.key`,
    `unix_socket_directories=${folder}`, `port=${PORT}`, "fsync=off",
  ];
  const words = owner([`${bin}/postgres`, "-D", `${folder}/data`, ...settings.flatMap((one) => ["-c", one])]);
  postgres = spawn(words[0], words.slice(1), { cwd: "/", stdio: "ignore" });
  postgres.ended = new Promise((resolve) => postgres.once("exit", resolve));
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      return psql("postgres", "SELECT 1;");
    } catch {
      await pause(100);
    }
  }
  throw new Error("PostgreSQL does not start");
}

function startRedis() {
  writeFileSync(join(folder, "users.acl"), REDIS_USERS);
  const settings = { port: REDIS_PORT, bind: "127.0.0.1", save: "", "maxmemory-policy": "noeviction", aclfile: `${folder}/users.acl`, dir: folder };
  redis = spawn("redis-server", Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]), { stdio: "ignore" });
}

/// An authority, the server's certificate under it in the name of this machine, and another authority.
function certificates() {
  const openssl = (...words) => execFileSync("openssl", words, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  for (const name of ["ca", "other"]) {
    openssl("req", "-x509", ...key, "-keyout", `${name}.key`, "-out", `${name}.pem`, "-days", "2", "-subj", `/CN=${name}`);
  }
  openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server");
  writeFileSync(join(folder, "names"), `subjectAltName=DNS:${hostname()}\n`);
  openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "names");
  chmodSync(join(folder, "server.key"), 0o600);
}

function psql(database, sql) {
  const words = ["-h", folder, "-p", String(PORT), "-U", "postgres", "-d", database, "-qX", "-v", "ON_ERROR_STOP=1", "-f", "-"];
  return execFileSync("psql", words, { input: sql, stdio: ["pipe", "pipe", "pipe"], encoding: "utf8" });
}
