// The national directory imported into PostgreSQL while two processes serve: people sign in meanwhile, the import keeps
// little in memory, a second one changes nothing, a cut file deactivates nobody, and who has left is out within seconds.
// SCEAU_EXTRACT_LINES is the size of the extract (40000).
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, closeSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BINARY, check, ended, suite } from "../interop/_sceau.mjs";
import { alone, userinfoRequest } from "../interop/_wire.mjs";
import { Twin } from "./_rig.mjs";
import { confidential, refresh, signedIn, wholeSignIn } from "./_steps.mjs";

const LINES = Number(process.env.SCEAU_EXTRACT_LINES ?? 40_000);
const PERSONS = Math.floor((LINES * 3) / 5);
const MEMORY = 300 * 1024; // KiB
const SIGN_IN = 5000; // ms, for all requests of one sign-in together
const PACE = 1200; // ms between sign-ins: fewer than one source may try
const SAMPLE = "src/demo/sample_extract.txt";

async function everything(twin) {
  const file = join(twin.folder, "extract.txt");
  extract(file);
  console.log(`      ${LINES} lines, ${Math.round(statSync(file).size / 1e6)} MB`);
  const people = [];
  for (const person of twin.persons.slice(0, 3)) people.push(await signedIn(twin, person));

  await check("an import of more than the share allowed is refused, and changes nothing", async () => {
    const refused = await run(twin, file);
    assert.equal(refused.status, 2, refused.stderr);
    assert.equal(await stored(twin), sample().length);
  });
  await check("the import, while people sign in", async () => {
    const [done, logins] = await beside(twin, people, () => run(twin, file, "--allow-share", "100"));
    told("first import", done, logins);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(changes(done), [PERSONS, 0, 0]);
    assert.equal(await stored(twin), PERSONS + sample().length);
  });
  await check("a second import changes nothing", async () => {
    const [done, logins] = await beside(twin, people, () => run(twin, file));
    told("second import", done, logins);
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(changes(done), [0, 0, 0]);
  });
  await check("a file cut in the middle of a line deactivates nobody", async () => {
    const cut = join(twin.folder, "cut.txt");
    into(cut, "head", "-c", String(Math.floor(statSync(file).size * 0.97)), file);
    const done = await run(twin, cut, "--allow-share", "100");
    // The line that was cut is named, and its person stays.
    assert.deepEqual([done.status, JSON.parse(done.stdout).file], [2, "no_last_line_end"], done.stderr);
    const [created, updated, deactivated] = changes(done);
    assert.deepEqual([created, deactivated], [0, 0]);
    // Those who have lost one of several lines are changed, and the whole file mends them.
    assert.deepEqual(changes(await run(twin, file)), [0, updated, 0]);
    await wholeSignIn(twin, people[0].person, people[0].phone);
  });
  await check("who has left the directory is out at both processes within five seconds", async () => {
    const [{ person, phone, browser }, stays] = people;
    const tokens = await confidential(twin, browser);
    const without = join(twin.folder, "without.txt");
    into(without, "grep", "-v", "-F", person.national_id, file);
    const done = await run(twin, without);
    assert.deepEqual([done.status, ...changes(done)], [0, 0, 0, 1], done.stderr);
    for (const at of [0, 1]) {
      await ended(twin, async () => (await alone(twin, userinfoRequest(tokens.access_token), { at })).status === 401);
      assert.equal((await refresh(twin, tokens, { at })).body.error, "invalid_grant");
    }
    await assert.rejects(wholeSignIn(twin, person, phone), "the phone of who has left answers no request");
    await wholeSignIn(twin, stays.person, stays.phone);
  });
  await check("who comes back signs in with the phone of before", async () => {
    const done = await run(twin, file);
    assert.deepEqual([done.status, ...changes(done)], [0, 0, 1, 0], done.stderr);
    await wholeSignIn(twin, people[0].person, people[0].phone);
  });
  await check("the audit log is whole", () => twin.command("audit", "verify"));
}

/// The generated extract, then the lines of the sample, so that those who sign in stay in it.
function extract(file) {
  into(file, "python3", "tests/directory/extract.py", String(LINES), "711", SAMPLE);
  appendFileSync(file, `${readFileSync(SAMPLE, "utf8").split("\n").slice(1).join("\n").trimEnd()}\n`);
}

/// The output of a command as a file: an extract may be larger than a string.
function into(file, command, ...words) {
  const out = openSync(file, "w");
  execFileSync(command, words, { stdio: ["ignore", out, "inherit"] });
  closeSync(out);
}

function sample() {
  const lines = readFileSync(SAMPLE, "utf8").trimEnd().split("\n").slice(1);
  return [...new Set(lines.map((line) => line.split("|")[2]))];
}

/// `sceau directory import`, with its peak of resident memory in KiB and its duration in seconds.
async function run(twin, file, ...more) {
  const words = ["directory", "import", "--config", twin.settings, "--json", ...more, file];
  const child = spawn(BINARY, words, { stdio: ["ignore", "pipe", "pipe"] });
  const began = Date.now();
  const done = { stdout: "", stderr: "", peak: 0 };
  child.stdout.on("data", (text) => (done.stdout += text));
  child.stderr.on("data", (text) => (done.stderr += text));
  const watch = setInterval(() => {
    try {
      const seen = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"));
      done.peak = Math.max(done.peak, Number(seen?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
  }, 20);
  done.status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(watch);
  done.seconds = (Date.now() - began) / 1000;
  return done;
}

/// People sign in, one after the other, until `work` is done: its outcome, and how long each sign-in took.
async function beside(twin, people, work) {
  const working = { over: false };
  const done = work().finally(() => (working.over = true));
  const logins = [];
  for (let turn = 0; !working.over || logins.length < 3; turn += 1) {
    const { person, phone } = people[turn % people.length];
    const began = Date.now();
    await wholeSignIn(twin, person, phone);
    logins.push(Date.now() - began);
    await pause(PACE);
  }
  return [await done, logins];
}

function told(what, done, logins) {
  const slowest = Math.max(...logins);
  console.log(`      ${what}: ${done.seconds.toFixed(0)} s, peak ${done.peak} KiB; ${logins.length} sign-ins, slowest ${slowest} ms`);
  assert.ok(done.peak > 0 && done.peak < MEMORY, `${done.peak} KiB`);
  assert.ok(slowest < SIGN_IN, `${slowest} ms`);
}

function changes({ stdout }) {
  const { created, updated, deactivated } = JSON.parse(stdout);
  return [created, updated, deactivated];
}

const stored = (twin) => twin.postgres.number("SELECT count(*) FROM persons");

await suite(everything, () => Twin.start({ durable: true }));
