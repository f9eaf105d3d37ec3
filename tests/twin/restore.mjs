// A backup of the database put back: what was revoked since is refused all the same (security EXP-20). Two processes over
// one Redis and one PostgreSQL, whose folder is copied, used on, and put back.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { check, sceau, suite } from "../interop/_sceau.mjs";
import { alone, codeFor, codeForm, tokenRequest, userinfoRequest } from "../interop/_wire.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { confidential, native, refresh, signedIn, wholeSignIn } from "./_steps.mjs";

const lines = (folder) => ["[audit]", `checkpoint_files = ["${folder}/checkpoints"]`];

async function everything(twin) {
  const [kept, revoked] = [await signedIn(twin, twin.persons[0]), await signedIn(twin, twin.persons[1])];
  const before = await confidential(twin, kept.browser);
  const family = await native(twin, kept.browser);
  // What is about to be ended by its owner, after the backup.
  const withdrawn = await confidential(twin, revoked.browser);
  await ordered(twin);
  const saved = join(twin.folder, "backup");
  await twin.postgres.copied(saved);
  const entries = await twin.postgres.number("SELECT size FROM audit_tree");

  const [device] = await twin.command("devices", "list", "--person", twin.persons[1].national_id, "--json");
  await twin.command("devices", "revoke", device.device);
  const later = await confidential(twin, kept.browser);
  const { code, verifier } = await codeFor(twin, kept.browser, later.client);
  const used = await alone(twin, tokenRequest(later.client, codeForm(later.client, code, verifier)));
  assert.equal(used.status, 200);
  await until("the revocation is seen", async () => (await userinfo(twin, withdrawn)) === 401);
  await ordered(twin);
  await until("a checkpoint left", () => newest(twin) > entries, 40_000);

  await check("processes that go on when a backup is put back under them accept nothing and sign nothing", async () => {
    await twin.postgres.putBack(saved);
    await until("both refuse", async () => (await statuses(twin, before)).every((status) => status === 503), 20_000);
    for (const { admin } of twin.replicas) {
      const ready = () => fetch(`http://127.0.0.1:${admin}/health/ready`);
      // A process may first say that the database it was connected to does not answer.
      await until("it says what to run", async () => /sceau restore/.test(await (await ready()).text()), 20_000);
      assert.equal((await ready()).status, 503);
    }
    assert.deepEqual(await statuses(twin, before), [503, 503]);
  });
  await stopped(twin);
  await check("serve refuses to start over it, with the command to run", async () => {
    const answer = await started(twin);
    assert.notEqual(answer.status, 0);
    assert.match(answer.stderr, /older than what was seen of it.*sceau restore/s);
  });
  await twin.redis.kill();
  await twin.redis.startEmpty();
  await check("without Redis's memory too: by the checkpoints kept outside", async () => {
    const answer = await started(twin);
    assert.notEqual(answer.status, 0);
    assert.match(answer.stderr, /older than what was seen of it.*sceau restore/s);
  });
  await check("sceau restore tells what is missing and what to do again", async () => {
    const words = ["restore", "--config", twin.settings, "--checkpoints", join(twin.folder, "checkpoints")];
    const unasked = await sceau(...words);
    assert.equal(unasked.status, 1);
    assert.match(unasked.stdout, /[1-9]\d* are missing, from 20.*everybody signs in again/s);
    assert.match(unasked.stderr, /nothing was changed: there is no terminal to ask on/);
    assert.equal((await twin.audited()).get("database.restored/success/everything_ended"), undefined);
    const answer = await sceau(...words, "--yes");
    assert.equal(answer.status, 0, answer.stderr);
    assert.match(answer.stdout, /Everybody signs in again/);
    assert.match(answer.stdout, /[1-9]\d* are missing, from 20/);
    assert.match(answer.stdout, /device\.revoked +sceau devices revoke ID/);
  });
  await Promise.all([twin.startReplica(0), twin.startReplica(1)]);
  await check("nothing that was issued before is accepted, revoked or not", async () => {
    for (const tokens of [before, later, withdrawn]) {
      for (const status of await statuses(twin, tokens)) assert.equal(status, 401);
      if (tokens.refresh_token) assert.equal((await refresh(twin, tokens)).status, 400);
    }
    assert.equal((await refresh(twin, family)).status, 400);
    const again = await alone(twin, tokenRequest(later.client, codeForm(later.client, code, verifier)));
    assert.equal(again.status, 400);
  });
  await check("the phone revoked since the backup is revoked again by the command that was told", async () => {
    await twin.command("devices", "revoke", device.device);
    const answer = await revoked.phone.call("GET", "/mobile/v1/approvals");
    assert.equal(answer.body?.error, "invalid_device", JSON.stringify(answer.body));
  });
  await check("the other person signs in with the phone as before", () => wholeSignIn(twin, twin.persons[0], kept.phone));
  await check("the audit log goes on, and says so", async () => {
    const rows = await twin.audited();
    assert.equal(rows.get("database.restored/success/everything_ended"), 1);
    await twin.command("audit", "verify");
  });
  await check("the next start is like any other", async () => {
    await stopped(twin);
    await Promise.all([twin.startReplica(0), twin.startReplica(1)]);
    for (let round = 0; round < 5; round += 1) assert.deepEqual(await statuses(twin, before), [401, 401]);
  });
}

const userinfo = async (twin, tokens, options) => (await alone(twin, userinfoRequest(tokens.access_token), options)).status;
const statuses = (twin, tokens) => Promise.all([0, 1].map((at) => userinfo(twin, tokens, { at })));

/// Every committed row is in the log.
const ordered = (twin) => until("the log is ordered", async () => {
  const waiting = "SELECT (SELECT count(*) FROM audit_events) - (SELECT size FROM audit_tree)";
  return (await twin.postgres.number(waiting)) === 0;
});

const newest = (twin) => {
  const text = readFileSync(join(twin.folder, "checkpoints"), "utf8");
  return Math.max(...[...text.matchAll(/^(\d+)$/gm)].map(([, number]) => Number(number)));
};

async function stopped(twin) {
  for (const { child } of twin.replicas) child.kill("SIGKILL");
  await Promise.all(twin.replicas.map(({ ended }) => ended));
}

/// `serve` that ought to end by itself.
async function started(twin) {
  const answer = await Promise.race([sceau("serve", "--config", twin.settings), pause(20_000)]);
  return answer ?? { status: 0, stderr: "it goes on" };
}

await suite(everything, async () => Twin.start({ codes: 2, lines }));
