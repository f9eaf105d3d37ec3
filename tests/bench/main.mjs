// tests/bench/run: what is measured, in which order, and where it is written.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Stack } from "./_stack.mjs";
import { logins, processes, ratio } from "./_suites.mjs";
import { growth } from "./_growth.mjs";
import { two } from "./_two.mjs";
import { micro } from "./_micro.mjs";
import { smoke } from "./_smoke.mjs";

const HELP = `tests/bench/run WHAT [options]

  ratio     each endpoint beside node-oidc-provider on the same Redis, in pairs of runs
  logins    full phone logins, with the shares of PostgreSQL and Redis
  two       what an operation costs two processes on one Redis and PostgreSQL, against one
  micro     the hot pieces, with the physical floor beside
  growth    the same with 10^3 and with 10^6 sessions, persons, devices and grants
  process   memory, start, size
  all       all of these
  smoke     each once, for a second: fails on a wrong answer, says nothing of speed

  --secs T (3)      each run           --pairs N (3)     runs of each
  --conns N (50)    connections        --phones N (300)  enrolled phones
  --warmup T (1)    before each run    --tokens N (100000)  distinct tokens for introspection and userinfo
  --ops A,B         of ratio: discovery, jwks, cc, cc-jwt, introspect, introspect-person, userinfo,
                    userinfo-bound, refresh, refresh-public, code, poll
  --filler N (1000000)  of growth
  --markdown FILE   writes the tables there as well, between the marks for figures if it has them (docs/performance.md)

The provider runs on core 0, everything else on core 1. Needs redis-server, PostgreSQL, Node and taskset. It builds what is
missing and takes what SCEAU_BINARY names instead of building the provider. Exit 1 when an answer was wrong; a missed
goal is printed, and is no failure.`;

const [BEGIN, END] = ["<!-- figures -->", "<!-- end of figures -->"];
const SUITES = { ratio, logins, two, process: processes, micro, growth };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: "boolean" }, markdown: { type: "string" }, ops: { type: "string", default: "" },
    ...Object.fromEntries(["secs", "pairs", "conns", "phones", "warmup", "tokens", "filler"].map((name) => [name, { type: "string" }])),
  },
});
const [what] = positionals;
if (values.help || !what) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const number = (name, usual) => Number(values[name] ?? usual);
const options = {
  secs: number("secs", 3), pairs: number("pairs", 3), conns: number("conns", 50), warmup: number("warmup", 1),
  tokens: number("tokens", 100_000), phones: number("phones", 300), filler: number("filler", 1_000_000),
  ops: values.ops.split(",").filter(Boolean),
  progress: (table) => console.log(table.toText()),
};

if (what === "smoke") await smoke();
else if (what === "all") await report(Object.keys(SUITES));
else if (SUITES[what]) await report([what]);
else {
  console.error(`${what}: no such measurement\n\n${HELP}`);
  process.exit(2);
}

async function report(names) {
  const needsStack = names.some((name) => name !== "micro");
  const stack = needsStack ? await Stack.start({ phones: options.phones }) : undefined;
  const tables = [];
  let right = true;
  try {
    await stack?.startPeer();
    for (const name of names) {
      const outcome = await SUITES[name](stack, options);
      tables.push(...outcome.tables);
      right &&= outcome.right;
    }
    for (const table of tables) console.log(table.toText());
    const conditions = stack && (await stack.conditions());
    console.log(`\n${JSON.stringify(conditions)}`);
    if (values.markdown) write(values.markdown, markdown(tables, conditions));
  } finally {
    await stack?.stop();
  }
  process.exitCode = right ? 0 : 1;
}

/// Between the two marks of a document that has them, else the whole file.
function write(file, text) {
  const old = existsSync(file) ? readFileSync(file, "utf8") : "";
  const [begin, end] = [old.indexOf(BEGIN), old.indexOf(END)];
  const between = begin >= 0 && end > begin;
  writeFileSync(file, between ? `${old.slice(0, begin + BEGIN.length)}\n\n${text}\n${old.slice(end)}` : text);
}

function markdown(tables, conditions = {}) {
  const command = `tests/bench/run ${process.argv.slice(2).join(" ")}`;
  const { secs, pairs, conns } = options;
  const lines = Object.entries(conditions).map(([name, value]) => `- ${name}: ${value}`);
  lines.push(`- runs: ${pairs} pairs of ${secs} s, ${conns} connections kept alive; medians; provider on one core, the rest on the other`);
  return [`Measured by \`${command}\`, ${new Date().toISOString().slice(0, 10)}.`, "", ...lines, "", ...tables.map((table) => table.toMarkdown())].join("\n");
}
