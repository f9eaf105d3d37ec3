// PostgreSQL with a synchronous standby (security EXP-06): the standby down, then the primary killed in the middle of
// sign-ins and the standby promoted. Nothing acknowledged is lost, nothing is redeemed twice.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { check, suite } from "../interop/_sceau.mjs";
import { alone, basic, codeFor, codeForm, formRequest, together, tokenRequest, userinfoRequest } from "../interop/_wire.mjs";
import { Twin } from "./_rig.mjs";
import { until } from "./_servers.mjs";
import { confidential, signedIn } from "./_steps.mjs";

const PROMPT = 5000;
const RECOVERY = 60_000;

async function everything(twin) {
  const { browser } = await signedIn(twin, twin.persons[0]);
  const client = twin.client("client_secret_basic");
  const [kept, other] = [await confidential(twin, browser), await confidential(twin, browser)];
  await check("a synchronous standby is there: serve does not warn", () => assert.doesNotMatch(twin.log.join(), /synchronous_standby_names/));
  await standbyDown(twin, browser, client);
  const seen = await primaryKilled(twin, browser, client, other);

  await check("no acknowledged token is missing, and no code gave two", async () => {
    assert.ok(seen.issued.length > 5, `${seen.issued.length} issued`);
    const list = seen.issued.map((jti) => `'${jti}'`).join(",");
    assert.equal(await twin.standby.number(`SELECT count(DISTINCT jti) FROM issuances WHERE jti IN (${list})`), seen.issued.length);
    assert.equal(seen.twice, 0);
    assert.equal(await twin.standby.number("SELECT count(*) FROM (SELECT hash FROM single_use WHERE kind = 'code' GROUP BY hash HAVING count(*) > 1) AS twice"), 0);
  });
  await check("acknowledged revocations hold, at both processes", async () => {
    assert.ok(seen.revoked.length > 0, "none");
    for (const tokens of seen.revoked) {
      for (const at of [0, 1]) assert.equal((await alone(twin, userinfoRequest(tokens.access_token), { at })).status, 401);
    }
    assert.equal((await alone(twin, userinfoRequest(kept.access_token))).status, 200);
  });
  await check("the old primary, back and alone, is not used: it was replaced", async () => {
    await twin.postgres.start();
    await pause(3000);
    const rows = await twin.standby.number("SELECT count(*) FROM issuances");
    for (let round = 0; round < 4; round += 1) assert.equal((await redeem(twin, await codeFor(twin, browser, client), client)).status, 200);
    assert.equal(await twin.standby.number("SELECT count(*) FROM issuances"), rows + 4);
  });
  await check("the audit log is whole", () => twin.command("audit", "verify"));
}

const redeem = (twin, { code, verifier }, client, options) => alone(twin, tokenRequest(client, codeForm(client, code, verifier)), options);

/// Commits wait for a standby that is not there.
async function standbyDown(twin, browser, client) {
  const fresh = await codeFor(twin, browser, client);
  const grants = await twin.postgres.number("SELECT count(*) FROM grants");
  await twin.standby.kill();
  await check("standby down: a redemption ends by itself with 503, and the code is spent", async () => {
    const answer = await redeem(twin, fresh, client);
    assert.equal(answer.status, 503, answer.text);
    assert.ok(answer.took < PROMPT, `${answer.took} ms`);
    assert.ok(answer.headers["retry-after"]);
  });
  await twin.standby.start();
  await check("standby again: both processes recover; the spent code gives nothing, and nothing is half done", async () => {
    const took = await until("tokens again", async () => (await redeem(twin, await codeFor(twin, browser, client), client)).status === 200, 20_000);
    console.log(`      recovered in ${took} ms`);
    assert.equal((await redeem(twin, fresh, client)).status, 400);
    // What waited was committed when the standby came back: whole, and nobody has its tokens.
    const parts = "SELECT count(*) FROM grants g WHERE NOT EXISTS (SELECT 1 FROM issuances i WHERE i.grant_id = g.id)";
    assert.equal(await twin.postgres.number(parts), 0);
    assert.ok(await twin.postgres.number("SELECT count(*) FROM grants") >= grants);
  });
}

/// Kill -9 under load, then the promotion.
async function primaryKilled(twin, browser, client, spare) {
  const seen = { issued: [], revoked: [], twice: 0, failed: 0 };
  let going = true;
  const pool = [];
  while (pool.length < 40) pool.push(await codeFor(twin, browser, client));
  const worker = async () => {
    while (going) {
      const one = pool.shift() ?? await codeFor(twin, browser, client).catch(() => undefined);
      if (!one) {
        await pause(50);
        continue;
      }
      const request = tokenRequest(client, codeForm(client, one.code, one.verifier));
      // Nobody has two answers.
      const answers = await together(twin, [request, request]).catch(() => []);
      const good = answers.filter(({ status }) => status === 200);
      if (good.length > 1) seen.twice += 1;
      if (good.length === 0) seen.failed += 1;
      for (const { status } of answers) assert.ok([200, 400, 503].includes(status), String(status));
      for (const { body } of good) seen.issued.push(jti(body.access_token));
    }
  };
  const tokens = [spare];
  for (let count = 0; count < 4; count += 1) tokens.push(await confidential(twin, browser));
  const revoker = async () => {
    while (going && tokens.length > 0) {
      const one = tokens.shift();
      const answer = await alone(twin, formRequest("/revoke", { token: one.refresh_token ?? one.access_token }, basic(client))).catch(() => ({}));
      if (answer.status === 200) seen.revoked.push(one);
      await pause(200);
    }
  };
  const load = Promise.all([worker(), worker(), worker(), revoker()]);
  await pause(1500);
  const before = seen.issued.length;
  await twin.postgres.kill();
  const killed = Date.now();
  await pause(1000);
  await twin.standby.query("SELECT pg_promote()", "postgres");
  // As the tool that promotes does: the new primary has no standby yet.
  await twin.standby.query("ALTER SYSTEM SET synchronous_standby_names = ''", "postgres");
  await twin.standby.query("SELECT pg_reload_conf()", "postgres");
  await check("the primary is killed and the standby promoted: tokens are issued again within 60 s", async () => {
    await until("tokens again", async () => {
      const answers = [];
      for (const at of [0, 1]) answers.push((await redeem(twin, await codeFor(twin, browser, client), client, { at })).status);
      return answers.every((status) => status === 200);
    }, RECOVERY);
    console.log(`      recovered ${Date.now() - killed} ms after the kill; ${before} issued before it, ${seen.failed} codes lost`);
  });
  going = false;
  await load;
  return seen;
}

const jti = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url")).jti;

await suite(everything, () => Twin.start({ codes: 1, durable: true, standby: true }));
