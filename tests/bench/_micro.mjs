// The hot pieces, measured by a program that links the provider.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Table, times, us } from "./_table.mjs";

const run = promisify(execFile);

export async function micro(stack) {
  const words = stack ? [stack.redis.url] : [];
  const { stdout } = await run(process.env.SCEAU_BENCH_MICRO, words, { timeout: 120_000 });
  const table = new Table("Hot pieces, one core", ["", "µs", "floor µs", "of the floor"], [
    "Floor: the bare library doing the unavoidable part alone (aws-lc-rs with a parsed key; GET of a string on one connection).",
  ]);
  for (const line of stdout.trim().split("\n")) {
    const { what, us: own, floor } = JSON.parse(line);
    table.add(what, us(own), floor ? us(floor) : "–", floor ? times(own / floor) : "–");
  }
  return { tables: [table], right: true };
}
