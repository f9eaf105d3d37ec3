// Every journey of one process, over two that take turns: the suites of tests/interop against the twin stack.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const SUITES = ["openid_client.mjs", "browser.mjs", "patient.mjs"];
const env = { ...process.env, SCEAU_TEST_STACK: "twin" };
let [passed, failed] = [0, 0];

for (const suite of SUITES) {
  console.log(`== ${suite}`);
  const { status, last } = await run(fileURLToPath(new URL(`../interop/${suite}`, import.meta.url)));
  const [, good, bad] = /^(\d+) passed, (\d+) failed$/.exec(last) ?? [];
  passed += Number(good ?? 0);
  failed += Number(bad ?? 0);
  // A suite that does not say how it ended has failed; so has one whose count and status disagree.
  if (good === undefined || (status === 0) !== (bad === "0")) failed += 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function run(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "inherit"], env });
    process.once("exit", () => child.kill());
    let last = "";
    createInterface({ input: child.stdout }).on("line", (line) => {
      console.log(line);
      last = line;
    });
    child.once("close", (status) => resolve({ status, last }));
  });
}
