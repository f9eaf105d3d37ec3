// Every measurement once and briefly: the harness works and the answers under load are right. Speed has no part in it.
import { check, report } from "../interop/_sceau.mjs";
import { ENDPOINTS, LOGIN } from "./_goals.mjs";
import { judge, Pairs } from "./_pairs.mjs";
import { Stack } from "./_stack.mjs";

const BRIEF = { secs: 1, warmup: 0.2, pairs: 1, conns: 8, tokens: 500 };

export async function smoke() {
  const stack = await Stack.start({ phones: 20 });
  try {
    await stack.startPeer();
    const pairs = new Pairs(stack, BRIEF);
    for (const endpoint of [...ENDPOINTS, LOGIN]) {
      await check(endpoint.name, async () => {
        const judged = judge(await pairs.run(endpoint));
        if (judged.isVoid) throw new Error(`${judged.errors} wrong answers: ${judged.firstError}`);
        const { own, peer } = judged;
        console.log(`      ${own[0].ok} answers, ${peer[0] ? `${peer[0].ok} of the peer` : "no peer"}`);
      });
    }
    await stack.startSecond();
    await check("the same by two processes", async () => {
      const code = ENDPOINTS.find(({ id }) => id === "code");
      const [[, both]] = await pairs.oneAndTwo(code);
      if (both.errors > 0 || both.ok === 0) throw new Error(`${both.errors} wrong answers: ${both.first_error}`);
      if (!(both.second.us_per_op > 0)) throw new Error("the second process answered nothing");
      console.log(`      ${both.ok} answers of both`);
    });
    await check("what a session takes in Redis is known", async () => {
      const bytes = await stack.bytesPerSession();
      if (!(bytes > 0)) throw new Error(`${bytes}`);
    });
  } finally {
    await stack.stop();
  }
  report();
}
