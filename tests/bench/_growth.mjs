// Cost must not grow with what is stored: the same load on two providers, one with a thousand of everything, one with a
// million, in pairs of runs.
import { LOGIN } from "./_goals.mjs";
import { Pairs, withFewTokens } from "./_pairs.mjs";
import { Stack } from "./_stack.mjs";
import { median, range, show, Table, times, us } from "./_table.mjs";

const FEW = 1000;
/// More than the noise of these runs.
const GROWN = 1.1;
const MEASURED = [
  { id: "introspect-person", name: "introspection, token of a person", op: "introspect", tokens: "person" },
  { id: "userinfo", name: "userinfo", op: "userinfo", tokens: "person" },
  { id: "refresh", name: "refresh, confidential client", op: "refresh", phones: true },
  { id: "refresh-public", name: "refresh, public client, rotating", op: "refresh", client: "native", phones: true },
  { id: "code", name: "code + PKCE with session", op: "code", phones: true, more: ["--sso"] },
  LOGIN,
];

export async function growth(few, given) {
  const options = withFewTokens(given);
  const many = await Stack.start({ phones: options.phones });
  try {
    await fill(few, FEW);
    const took = await fill(many, options.filler);
    return await compare(few, many, options, took);
  } finally {
    await many.stop();
  }
}

async function compare(few, many, options, took) {
  const big = show(options.filler);
  const table = new Table(
    `Growth: ${FEW} and ${big} sessions, access tokens, persons, devices, grants, families, issuances, used codes`,
    ["operation", `server µs at ${FEW}`, `at ${big}`, "ratio", "(min..max)", `PostgreSQL µs at ${FEW}`, `at ${big}`, `Redis µs at ${FEW}`, `at ${big}`, "verdict"],
    [`Filled in ${show(took)} s by SQL and a script, with the shapes of real rows and random keys, and analysed. Flat: at most ${times(GROWN)}.`],
  );
  const [small, large] = [new Pairs(few, options), new Pairs(many, options)];
  let right = true;
  for (const endpoint of MEASURED) {
    const runs = await small.beside(large, endpoint);
    const of = (at, read) => median(runs.map((pair) => read(pair[at])));
    const ratios = runs.map(([one, other]) => other.server.us_per_op / one.server.us_per_op);
    const wrong = runs.flat().reduce((sum, run) => sum + run.errors + (run.ok === 0 ? 1 : 0), 0);
    right &&= wrong === 0;
    const both = (name) => [0, 1].map((at) => us(of(at, (run) => run[name].us_per_op)));
    table.add(
      endpoint.name, ...both("server"), times(median(ratios)), range(ratios), ...both("postgres"), ...both("redis"),
      wrong > 0 ? `VOID: ${wrong} errors` : median(ratios) <= GROWN ? "flat" : "grows",
    );
  }
  return { tables: [table], right };
}

/// Adds `count` of everything; how many seconds it took.
async function fill(stack, count) {
  const began = Date.now();
  // One login of each client, for rows to copy.
  for (const client of ["basic", "native"]) {
    await stack.measure("refresh", client, "--secs", 1, "--conns", 5, "--phones", stack.phones, "--forwarded");
  }
  await stack.onAllCores(() => Promise.all([fillRedis(stack, count), fillPostgres(stack, count)]));
  return (Date.now() - began) / 1000;
}

const COPY = `local value = redis.call('GET', KEYS[1])
for at = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('SET', ARGV[3] .. redis.sha1hex(at) .. '}', value, 'EX', 3600 + at % 3600)
end`;
const AT_ONCE = 20_000;

async function fillRedis(stack, count) {
  for (const kind of ["session", "at"]) {
    const [sample] = await stack.redis.command("KEYS", `*{${kind}:*`);
    if (!sample) throw new Error(`Redis holds no ${kind} to copy`);
    const head = sample.slice(0, sample.lastIndexOf(":") + 1);
    for (let from = 0; from < count; from += AT_ONCE) {
      const to = Math.min(from + AT_ONCE, count) - 1;
      await stack.redis.command("EVAL", COPY, "1", sample, String(from), String(to), head);
    }
  }
}

/// A column that is not named here is copied from a row that the provider has written.
const KEYS = {
  persons: { id: uuid("person"), national_index: hash("person"), record_digest: hash("digest"), kind: "'professional'" },
  devices: { id: uuid("device"), person: uuid("person"), credential_index: hash("credential"), jkt: hash("jkt") },
  grants: { id: uuid("grant"), person: uuid("person"), sid: uuid("sid"), device: uuid("device") },
  families: { id: uuid("family"), grant_id: uuid("grant"), current_hash: hash("token") },
  issuances: {
    jti: "md5('jti' || n)", person: uuid("person"), sid: uuid("sid"), grant_id: uuid("grant"), family: uuid("family"),
  },
  single_use: { hash: hash("code"), grant_id: uuid("grant") },
};

function uuid(what) {
  return `md5('${what}' || n)::uuid`;
}

function hash(what) {
  return `sha256(convert_to('${what}' || n, 'UTF8'))`;
}

async function fillPostgres(stack, count) {
  for (const [table, keys] of Object.entries(KEYS)) {
    const text = `SELECT column_name FROM information_schema.columns WHERE table_name = '${table}' AND table_schema = 'public'`;
    const columns = (await stack.postgres.query(text)).map(([name]) => name);
    const values = columns.map((column) => keys[column] ?? `sample."${column}"`);
    // Whole rows refer to each other already: what triggers would check again, a million times.
    await stack.postgres.query(`SET session_replication_role = replica;
      WITH sample AS MATERIALIZED (SELECT * FROM ${table} LIMIT 1)
      INSERT INTO ${table} (${columns.map((column) => `"${column}"`).join(", ")})
      SELECT ${values.join(", ")} FROM sample, generate_series(1, ${count}) AS n`);
  }
  for (const table of Object.keys(KEYS)) await stack.postgres.query(`VACUUM ANALYZE ${table}`);
}
