// What a second process costs the first: the same load on one `sceau serve` and on two over the same Redis and PostgreSQL.
//
// The machine has a core for providers and one for all else, so two processes cannot be shown to answer twice as much. What
// can be shown is that an operation costs their processors no more: then each of them, on a core of its own, answers what
// one alone does, as long as the stores keep up. What they cost an operation is told beside.
import { ENDPOINTS } from "./_goals.mjs";
import { Pairs, withFewTokens } from "./_pairs.mjs";
import { median, range, show, Table, times, us } from "./_table.mjs";

const MEASURED = ["code", "refresh-public", "introspect-person"].map((wanted) => ENDPOINTS.find(({ id }) => id === wanted));
/// Two processes on a core each are to answer so many times what one does.
const TIMES = 1.9;

export async function two(stack, options) {
  await stack.startSecond();
  const table = new Table(
    "Two processes on one Redis and PostgreSQL: processor time of an operation",
    [
      "operation", "one process, µs", "two, µs", "ratio", "min..max", "goal", "that is, requests", "goal", "by the second",
      "PostgreSQL µs, one", "two", "Redis µs, one", "two", "verdict",
    ],
    [
      "µs: processor time of all server processes for one operation. The two share one core here, each with as many connections",
      "as the one has alone: what they take from each other there is counted against them. Requests: derived, not measured:",
      `2 ÷ ratio, what two processes on a core each answer of what one does (goal ${TIMES}×), if PostgreSQL and Redis keep up;`,
      "their columns are what the same operation costs them.",
    ],
  );
  const pairs = new Pairs(stack, withFewTokens(options));
  let right = true;
  for (const endpoint of MEASURED) {
    const runs = await pairs.oneAndTwo(endpoint);
    const cost = (run) => run.server.us_per_op + (run.second?.us_per_op ?? 0);
    const of = (at, read) => median(runs.map((pair) => read(pair[at])));
    const ratios = runs.map(([one, both]) => cost(both) / cost(one));
    const wrong = runs.flat().filter((run) => run.errors > 0 || run.ok === 0);
    for (const { first_error: error } of wrong.slice(0, 1)) console.log(`\n${endpoint.name}: the first wrong answer\n${error}`);
    right &&= wrong.length === 0;
    const isVoid = wrong.length > 0;
    const reached = isVoid ? NaN : 2 / median(ratios);
    const [ratio, spread] = isVoid ? ["–", "–"] : [times(median(ratios)), range(ratios)];
    table.add(
      endpoint.name, us(of(0, cost)), us(of(1, cost)), ratio, spread, `≤ ${times(2 / TIMES)}`,
      times(reached), `≥ ${times(TIMES)}`, `${show(100 * of(1, (run) => run.second.us_per_op / cost(run)))} %`,
      ...["postgres", "redis"].flatMap((store) => [0, 1].map((at) => us(of(at, (run) => run[store].us_per_op)))),
      isVoid ? "VOID" : reached >= TIMES ? "met" : "missed",
    );
  }
  await stack.stopSecond();
  return { tables: [table], right };
}
