// The audit log as a security team meets it: `sceau serve` with checkpoints in a file, a folder and a collector over
// TLS; sign-ins; then search, export and verification, and an intruder who rewrites the database file.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { BINARY, Browser, CommandLinePhone, check, report, sceau } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { register, signedIn } from "./_service.mjs";

const NUMBER = "899700000013";
/// An intruder who knows the schema leaves no trace inside.
const CUT = `DELETE FROM audit_checkpoints; DELETE FROM audit_payloads; DELETE FROM audit_log; DELETE FROM audit_lanes;
  DELETE FROM audit_events; UPDATE audit_tree SET size = 0, peaks = x''`;
const folder = mkdtempSync(join(tmpdir(), "sceau-audit-"));
const [notes, objects] = [join(folder, "checkpoints"), join(folder, "objects")];
const collector = { lines: [] };
let server;

try {
  await everything();
} finally {
  await server?.stop();
  collector.listener?.close();
  rmSync(folder, { recursive: true, force: true });
}
report();

async function everything() {
  mkdirSync(objects);
  await listen();
  server = await Server.configure({
    lines: [
      "[audit]", `checkpoint_files = ["${notes}"]`, `checkpoint_folders = ["${objects}"]`,
      `syslog = "tls://localhost:${collector.port}"`, `syslog_ca_file = "${folder}/collector.crt"`,
    ],
  });
  server.database = join(server.folder, "sceau.sqlite");
  await check("before the first checkpoint there is no key to keep, and a sentence", async () => {
    await sceau("clients", "list", ...server.target);
    const answer = await audit("keys");
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /no checkpoint has been signed yet/);
  });
  await server.begin();
  const person = await day();
  await check("a checkpoint leaves within seconds to the file, the folder and the collector", async () => {
    const carried = () => collector.lines.filter((line) => / audit\.checkpoint - .* note=/.test(line)).length;
    await until(() => existsSync(notes) && readdirSync(objects).length > 0 && carried() > 0, 30);
    const note = readFileSync(notes, "utf8");
    assert.match(note, /^localhost:\d+\/audit\n\d+\n[A-Za-z0-9+/]{43}=\nat \d{13}\n\n— localhost:\d+\/audit [A-Za-z0-9+/=]+\n\n/);
  });
  const metrics = await (await fetch(`${server.admin}/metrics`)).text();
  await check("the length and the lag of the log are metrics, and no job fails", () => {
    assert.match(metrics, /^sceau_audit_entries [1-9]/m);
    assert.match(metrics, /^sceau_audit_lag_seconds 0/m);
    assert.doesNotMatch(metrics, /^sceau_job_failures_total\{[^}]*\} [1-9]/m);
  });
  await searching(person);
  await exporting();
  // What was added last is within a checkpoint.
  await covered();
  await stopped();
  // The one in use, and its successor.
  const keys = (await audit("keys")).stdout.trim().split("\n").flatMap((key) => ["--key", key]);
  await verifying(keys);
  await tampering(keys);
}

async function day() {
  const redirect = "https://day.example.fr/callback";
  const added = await register(server.target, "--name", "Day", "--redirect-uri", redirect, "--profile", "psc");
  const client = { ...added, redirect_uris: [redirect], token_endpoint_auth_method: "client_secret_basic" };
  const person = await server.person(NUMBER);
  const phone = await CommandLinePhone.enrol(server, person);
  const world = { demo: server, person, phone, browser: new Browser(server.issuer) };
  await signedIn(world, client);
  await signedIn({ ...world, browser: new Browser(server.issuer) }, client);
  return (await sceau("persons", "show", ...server.target, NUMBER, "--json")).body.id;
}

async function searching(person) {
  const lines = async (...words) => {
    const answer = await audit("search", "--json", ...words);
    assert.equal(answer.status, 0, answer.stderr);
    return answer.stdout.trim().split("\n").map((line) => JSON.parse(line));
  };
  await check("records are found by person, client, kind, time and identifier", async () => {
    const enrolled = await lines("--kind", "device.enrolled");
    assert.equal(enrolled.length, 1);
    const id = enrolled[0].person;
    assert.ok((await lines("--person", id)).length > 5);
    assert.ok((await lines("--kind", "tokens")).every((record) => record.kind.startsWith("tokens.")));
    assert.deepEqual(await lines("--id", enrolled[0].id), enrolled);
    const today = new Date().toISOString().slice(0, 10);
    assert.ok((await lines("--from", today, "--kind", "device.enrolled")).length === 1);
    assert.equal((await audit("search", "--to", "2020-01-01")).status, 2);
    if (person) assert.equal(id, person);
  });
  await check("no personal value is shown, nor the hash of one, until it is asked for, which is recorded first", async () => {
    await sceau("persons", "lock", ...server.target, NUMBER);
    const unlock = await sceau("persons", "unlock", ...server.target, NUMBER, "--offline", "--second-officer", "A. Second");
    assert.equal(unlock.status, 0, unlock.stderr);
    const all = await audit("search");
    assert.equal(all.status, 0, all.stderr);
    assert.doesNotMatch(all.stdout, /personal|Second/);
    const before = (await audit("search", "--kind", "administrator.action")).stdout.split("records_revealed").length;
    const shown = await lines("--reveal");
    const revealed = shown.filter((record) => record.personal);
    const after = (await audit("search", "--kind", "administrator.action")).stdout.split("records_revealed").length;
    assert.equal(revealed.at(-1).personal.second_officer, "A. Second");
    assert.equal(after - before, revealed.length);
  });
  await check("a wrong kind and a wrong time are answered with what may be written", async () => {
    assert.match((await audit("search", "--kind", "tokn.issued")).stderr, /there are: .*tokens\.issued/);
    const time = await audit("search", "--from", "yesterday");
    assert.equal(time.status, 64);
    assert.match(time.stderr, /2026-11-22T08:00:00Z/);
  });
}

async function exporting() {
  const first = join(folder, "log.jsonl");
  await check("the log is exported as JSON lines, and goes on where it ended", async () => {
    const position = join(folder, "position");
    const answer = await audit("export", "--to", first, "--position", position);
    assert.equal(answer.status, 0, answer.stderr);
    const written = readFileSync(first, "utf8").trim().split("\n").map((line) => JSON.parse(line));
    written.forEach((entry, index) => assert.equal(entry.index, index));
    assert.equal(Number(readFileSync(position, "utf8")), written.length);
    await sceau("persons", "show", ...server.target, NUMBER);
    await until(async () => (await audit("export", "--to", first, "--position", position)).status === 0
      && readFileSync(first, "utf8").trim().split("\n").length > written.length, 20);
    const again = readFileSync(first, "utf8").trim().split("\n").map((line) => JSON.parse(line).index);
    assert.deepEqual(again, again.map((_, index) => index));
  });
  await check("from an index, to standard output, leaves recomputed by a stranger", async () => {
    const { createHash } = await import("node:crypto");
    const out = (await audit("export", "--from", "3")).stdout.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(out[0].index, 3);
    for (const { leaf, record } of out) {
      // Sorted members, strings only: the canonical record.
      const canonical = JSON.stringify(Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))));
      assert.equal(createHash("sha256").update("\0").update(canonical).digest("base64url"), leaf);
    }
  });
  await check("a collector gets CEF over TLS, in order and whole", async () => {
    const seen = collector.lines.length;
    const answer = await audit(
      "export", "--format", "cef", "--to", `syslog+tls://localhost:${collector.port}`, "--ca", join(folder, "collector.crt"),
    );
    assert.equal(answer.status, 0, answer.stderr);
    const total = Number(answer.stdout.match(/up to index (\d+)/)[1]);
    const cef = () => collector.lines.slice(seen).filter((line) => line.includes(" - CEF:0|"));
    await until(() => cef().length >= total, 10);
    const events = cef().map(parseCef);
    assert.deepEqual(events.map((event) => Number(event.cn1)), events.map((_, index) => index));
    const enrolled = events.find((event) => event.kind === "device.enrolled");
    assert.equal(enrolled.outcome, "success");
    assert.ok(enrolled.suid && enrolled.deviceExternalId && Math.abs(Number(enrolled.rt) - Date.now()) < 600_000);
  });
  await check("--follow sends what is added, and outlives a collector that goes away", async () => {
    const total = Number((await audit("export", "--to", join(folder, "all"))).stdout.match(/up to index (\d+)/)[1]);
    const to = ["--to", `syslog+tls://localhost:${collector.port}`, "--ca", join(folder, "collector.crt")];
    const words = ["audit", "export", ...server.target, "--follow", "--format", "cef", "--from", String(total), ...to];
    const following = spawn(BINARY, words, { stdio: "ignore" });
    const seen = collector.lines.length;
    const cef = () => collector.lines.slice(seen).filter((line) => line.includes(" - CEF:0|")).map(parseCef);
    try {
      await sceau("persons", "show", ...server.target, NUMBER);
      await until(() => cef().length === 1, 20);
      await new Promise((resolve) => collector.listener.close(resolve));
      await sceau("persons", "show", ...server.target, NUMBER);
      await pause(3000);
      assert.equal(cef().length, 1);
      await listen(collector.port);
      await until(() => cef().length >= 2, 20);
      assert.deepEqual(cef().map((event) => Number(event.cn1)), [total, total + 1]);
    } finally {
      following.kill();
    }
  });
  await check("a collector of another authority, or without one, is refused with a sentence", async () => {
    certificate("other");
    const to = `syslog+tls://localhost:${collector.port}`;
    const other = await audit("export", "--to", to, "--ca", join(folder, "other.crt"));
    assert.equal(other.status, 1);
    assert.match(other.stderr, /syslog: .*certificate/i);
    assert.match((await audit("export", "--to", to)).stderr, /--ca is needed/);
  });
}

async function verifying(keys) {
  await check("the log verifies, and without outside checkpoints says what cannot be excluded", async () => {
    const answer = await audit("verify");
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, /every leaf and chain intact/);
    assert.match(answer.stdout, /Without checkpoints kept elsewhere, truncation and rollback cannot be excluded\./);
  });
  for (const [name, path] of [["file", notes], ["folder", objects], ["lines of the collector", join(folder, "siem.log")]]) {
    await check(`with the checkpoints of the ${name} and a key kept elsewhere, they are excluded`, async () => {
      writeFileSync(join(folder, "siem.log"), collector.lines.join("\n"));
      const answer = await audit("verify", "--checkpoints", path, ...keys, "--json");
      assert.equal(answer.status, 0, answer.stderr);
      assert.equal(answer.body.truncation_excluded, true);
      assert.equal(answer.body.truncation_excluded_up_to, answer.body.entries);
      assert.equal(answer.body.keys_from_database, false);
    });
  }
  await check("the keys of the database are not enough, and it says so", async () => {
    const answer = await audit("verify", "--checkpoints", notes);
    assert.match(answer.stdout, /came from the database itself.*give --key/);
  });
  await check("a checkpoint changed by one character is not believed, one cut short is told and left out", async () => {
    const text = readFileSync(notes, "utf8");
    const forged = join(folder, "forged");
    writeFileSync(forged, text.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`));
    const answer = await audit("verify", "--checkpoints", forged, ...keys);
    assert.equal(answer.status, 2);
    assert.match(answer.stderr, /forged, line 1: the checkpoint cannot be believed: the signature is wrong/);
    writeFileSync(forged, `${text}${text.slice(0, 40)}`);
    const cut = await audit("verify", "--checkpoints", forged, ...keys);
    assert.equal(cut.status, 0, cut.stderr);
    assert.match(cut.stderr, /not a whole checkpoint; left out/);
  });
}

async function tampering(keys) {
  const copy = join(folder, "yesterday");
  copyFileSync(server.database, copy);
  const table = [
    ["a flipped byte", "UPDATE audit_events SET record = CAST(replace(CAST(record AS text), 'operator', 'operatos') AS blob) WHERE kind = 'administrator.action'",
      /log index \d+, lane [0-9a-f-]{36}, record \d+, id [0-9a-f-]{36}: the record was altered/],
    ["a deleted row", "DELETE FROM audit_events WHERE kind = 'device.enrolled'", /log index \d+, lane .*: the record was taken away/],
    ["reordered rows", "UPDATE audit_log SET log_index = -5 WHERE log_index = 5; UPDATE audit_log SET log_index = 5 WHERE log_index = 6; UPDATE audit_log SET log_index = 6 WHERE log_index = -5",
      /log index 5, lane/],
  ];
  for (const [name, sql, words] of table) {
    await check(`${name} is found and named`, async () => {
      rewrite(sql);
      const answer = await audit("verify", "--checkpoints", notes, ...keys);
      assert.equal(answer.status, 2, answer.stdout);
      assert.match(answer.stderr, words);
      copyFileSync(copy, server.database);
    });
  }
  await check("a tail cut off everywhere is found by outside checkpoints alone", async () => {
    rewrite(CUT);
    const inside = await audit("verify");
    assert.equal(inside.status, 0, inside.stderr);
    assert.match(inside.stdout, /truncation and rollback cannot be excluded/);
    const answer = await audit("verify", "--checkpoints", notes, ...keys, "--json");
    assert.equal(answer.status, 2);
    assert.equal(answer.body.index, 0);
    assert.match(answer.stderr, /checkpoints, line \d+: the log ends after 0 entries.*were cut off, or an old copy was put back/);
    copyFileSync(copy, server.database);
  });
  const outside = join(folder, "outside");
  await check("a copy put back does not serve while checkpoints here remember more", async () => {
    await server.resume();
    await sceau("persons", "show", ...server.target, NUMBER);
    await covered();
    await stopped();
    copyFileSync(notes, outside);
    copyFileSync(copy, server.database);
    const refused = await sceau("serve", ...server.target);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /the database is older than what was seen of it: .*run `sceau restore` once/);
  });
  await check("a copy put back that goes on, with nothing here to remember, is found from where it parted", async () => {
    rmSync(notes);
    for (const name of readdirSync(objects)) rmSync(join(objects, name));
    await server.resume();
    for (let times = 0; times < 3; times += 1) await sceau("persons", "show", ...server.target, NUMBER);
    await covered();
    await stopped();
    const inside = await audit("verify");
    assert.equal(inside.status, 0, inside.stderr);
    const answer = await audit("verify", "--checkpoints", outside, ...keys);
    assert.equal(answer.status, 2, answer.stdout);
    assert.match(answer.stderr, /outside, line \d+: entries \d+ to \d+ are not those of the checkpoint of .*: the log was rewritten, or has two heads/);
    const alone = await audit("verify", "--checkpoints", notes, ...keys);
    assert.equal(alone.status, 0, alone.stderr);
  });
}

function rewrite(sql) {
  const program = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.executescript(sys.argv[2]); file.commit(); file.close()";
  execFileSync("python3", ["-B", "-c", program, server.database, sql]);
}

function audit(command, ...words) {
  return sceau("audit", command, ...server.target, ...words);
}

/// Until each place outside has a checkpoint of as many entries as the log, and the log goes no further.
async function covered() {
  const entries = async () => (await audit("verify", "--json")).body;
  await until(async () => {
    const { entries: size, waiting } = await entries();
    const last = (text) => Number(text.split("\n").filter((line) => /^\d+$/.test(line)).at(-1));
    const object = readFileSync(join(objects, readdirSync(objects).sort().at(-1)), "utf8");
    const sent = collector.lines.findLast((line) => line.includes(" audit.checkpoint - "));
    return waiting === 0 && last(readFileSync(notes, "utf8")) === size && last(object) === size && sent.includes(` size=${size} `);
  }, 40);
}

async function stopped() {
  server.process.kill("SIGTERM");
  await server.ended;
}

async function until(holds, seconds) {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; ) {
    if (await holds()) return;
    await pause(200);
  }
  assert.fail(`not within ${seconds} s`);
}

// --- the collector -----------------------------------------------------------------------------------------------

function certificate(name) {
  execFileSync("openssl", [
    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
    "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
    "-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`),
  ], { stdio: "ignore" });
}

/// RFC 5425 4.3: counts bytes, and keeps the messages of each connection in order.
async function listen(port = 0) {
  if (port === 0) certificate("collector");
  const read = (end) => readFileSync(join(folder, `collector.${end}`));
  collector.listener = tls.createServer({ key: read("key"), cert: read("crt") }, (socket) => {
    let rest = Buffer.alloc(0);
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (;;) {
        const space = rest.indexOf(" ");
        if (space < 0) return;
        const length = Number(rest.subarray(0, space));
        assert.ok(Number.isInteger(length) && length > 0);
        if (rest.length < space + 1 + length) return;
        collector.lines.push(rest.subarray(space + 1, space + 1 + length).toString("utf8"));
        rest = rest.subarray(space + 1 + length);
      }
    });
    socket.on("error", () => {});
  });
  collector.listener.on("tlsClientError", () => {});
  await new Promise((resolve) => collector.listener.listen(port, "localhost", resolve));
  collector.port = collector.listener.address().port;
}

/// A line of CEF within its message of syslog, as a collector takes it apart.
function parseCef(message) {
  const header = message.match(/^<1(?:09|10)>1 \S+Z \S+ sceau \d+ (\S+) - CEF:0\|sceau\|sceau\|([^|]+)\|([^|]+)\|([^|]+)\|(\d+)\|(.*)$/);
  assert.ok(header, message);
  const [, msgid, , kind, , severity, extension] = header;
  assert.equal(msgid, kind);
  const event = { kind, severity: Number(severity) };
  for (const [, key, value] of extension.matchAll(/([A-Za-z0-9]+)=((?:\\.|[^\\=])*)(?= [A-Za-z0-9]+=|$)/g)) {
    event[key] = value.replaceAll(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped));
  }
  return event;
}
