// The measurements. Each returns tables, and whether every answer was right.
import { statSync } from "node:fs";
import { ENDPOINTS, LOGIN, PROCESS, PUBLISHED } from "./_goals.mjs";
import { costs, judge, Pairs, speeds } from "./_pairs.mjs";
import { median, show, Table, times, us } from "./_table.mjs";

export async function ratio(stack, options) {
  await stack.startFloor();
  const pairs = new Pairs(stack, options);
  const chosen = ENDPOINTS.filter(({ id }) => options.ops.length === 0 || options.ops.includes(id));
  const judged = [];
  for (const endpoint of chosen) {
    judged.push(judge(await pairs.run(endpoint)));
    options.progress(costs(endpoint.name, judged.slice(-1)));
  }
  const tables = [
    costs("Endpoints: cost, beside a bare server and node-oidc-provider on the same Redis", judged),
    speeds("Endpoints: throughput and delay", judged),
  ];
  return outcome(tables, judged);
}

export async function logins(stack, options) {
  const judged = judge(await new Pairs(stack, options).run(LOGIN));
  const { own } = judged;
  const of = (read) => median(own.map(read));
  const shares = new Table(
    "Full phone logins",
    ["", "logins/s", "logins/s per core", "server µs", "PostgreSQL µs", "Redis µs", "client µs", "p50 ms", "p99 ms"],
    [
      "One login: authorize, two pages, the wait for the phone, list, challenge and decision with a proof each and a WebAuthn",
      "assertion, the page again, token, userinfo. PostgreSQL, Redis, browser and phones share the other core;",
      "logins/s per core: 10⁶ through the server's own processor time.",
    ],
  );
  shares.add(
    LOGIN.name, show(of((run) => run.per_second)), show(1e6 / judged.measured.us), us(judged.measured.us),
    us(of((run) => run.postgres.us_per_op)), us(of((run) => run.redis.us_per_op)), us(of((run) => run.client.us_per_op)),
    show(of((run) => run.p50_us / 1000), 1), show(of((run) => run.p99_us / 1000), 1),
  );
  const title = "Full phone login, beside the fresh login of node-oidc-provider, which checks no credential";
  return outcome([costs(title, [judged]), shares], [judged]);
}

function outcome(tables, judged) {
  const wrong = judged.filter((one) => one.isVoid);
  for (const one of wrong) console.log(`\n${one.endpoint.name}: the first wrong answer\n${one.firstError ?? "none came at all"}`);
  return { tables, right: wrong.length === 0 };
}

/// Memory, start, size; and what a session takes in Redis.
export async function processes(stack, options) {
  const table = new Table("Process", ["", "measured", "goal", "node-oidc-provider here", "published elsewhere", "verdict"], [
    "Published: Keycloak per pod; Rauthy 0.36 and node-oidc-provider as measured when the goals were set.",
  ]);
  const starts = { own: [], peer: [] };
  for (let turn = 0; turn < 10; turn += 1) {
    await stack.stopServer();
    starts.own.push(await stack.startServer());
    await stack.stopPeer();
    starts.peer.push(await stack.startPeer());
  }
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const idle = [stack.memory(stack.server), stack.memory(stack.peer)];
  const pairs = new Pairs(stack, { ...options, pairs: 1 });
  const runs = [await pairs.run(LOGIN), await pairs.run(ENDPOINTS.find(({ id }) => id === "refresh"))];
  const loaded = [stack.memory(stack.server), stack.memory(stack.peer)];
  const elsewhere = (what) => Object.entries(PUBLISHED[what]).map(([name, value]) => `${name} ${value}`).join(", ");
  const row = (name, own, peer, what) => {
    const goal = PROCESS[what];
    table.add(name, show(own, 1), `≤ ${goal}`, show(peer, 1), elsewhere(what), own <= goal ? `met (${times(peer / own)})` : "missed");
  };
  row("memory idle, MiB", idle[0], idle[1], "idle");
  row("memory after load, MiB", loaded[0], loaded[1], "loaded");
  row("start to first 200, warm, ms (median of 10)", median(starts.own), median(starts.peer), "start");
  const session = await stack.bytesPerSession();
  table.add("live session in Redis, bytes", show(session), `≤ ${PROCESS.session}`, "–", "–", session <= PROCESS.session ? "met" : "missed");
  const binary = statSync(process.env.SCEAU_BINARY).size;
  table.add("binary, release, MiB", show(binary / 2 ** 20, 1), "–", "–", "–", "–");
  return outcome([table], runs.map(judge));
}
