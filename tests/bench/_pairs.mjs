// Paired runs: A B A B, what is compared is always measured within the same seconds.
import { join } from "node:path";
import { median, range, show, Table, times, us } from "./_table.mjs";

/// A client above this share of its core measures itself.
const CLIENT_BOUND = 0.85;
/// A server below this share of its core was not at its limit.
const SATURATED = 0.85;
const RESOURCE = "https://api.example/jwt";
/// How long minted tokens are used; they live 600 s.
const FRESH = 300_000;

/// Where the number of distinct tokens is not what is measured: making them takes longer than reading them.
const FEW_TOKENS = 20_000;

export const withFewTokens = (options) => ({ ...options, tokens: Math.min(options.tokens, FEW_TOKENS) });

/// The runs of one endpoint on both providers.
export class Pairs {
  constructor(stack, options) {
    Object.assign(this, { stack, options, minted: new Map() });
  }

  async run(endpoint) {
    const tokens = endpoint.tokens ? await this.#tokens(endpoint.tokens) : undefined;
    const [own, peer, floor] = [[], [], []];
    for (let pair = 0; pair < this.options.pairs; pair += 1) {
      own.push(await this.#own(endpoint, tokens?.own));
      if (!endpoint.alone) peer.push(await this.#peer(endpoint, tokens?.peer));
      if (endpoint.floor && this.stack.floor) floor.push(await this.#floor(endpoint));
    }
    return { endpoint, own, peer, floor };
  }

  #floor(endpoint) {
    const words = [...this.#usual(endpoint), ...(endpoint.tokens ? ["--tokens", this.stack.floorTokens] : [])];
    return this.stack.measureFloor(endpoint.op, endpoint.client ?? "basic", ...words);
  }

  /// The same endpoint here and on `other`, in turns: runs in pairs. No other provider takes part.
  async beside(other, endpoint) {
    const runs = [];
    const tokens = endpoint.tokens ? [await this.#tokens(endpoint.tokens), await other.#tokens(endpoint.tokens)] : [];
    for (let pair = 0; pair < this.options.pairs; pair += 1) {
      runs.push([await this.#own(endpoint, tokens[0]?.own), await other.#own(endpoint, tokens[1]?.own)]);
    }
    return runs;
  }

  /// By one process and by two, each with as many connections, in turns.
  async oneAndTwo(endpoint) {
    const runs = [];
    const tokens = endpoint.tokens ? await this.#tokens(endpoint.tokens) : undefined;
    for (let pair = 0; pair < this.options.pairs; pair += 1) {
      runs.push([await this.#own(endpoint, tokens?.own), await this.#both(endpoint, tokens?.own)]);
    }
    return runs;
  }

  #own(endpoint, tokens) {
    return this.stack.measure(endpoint.op, endpoint.client ?? "basic", ...this.#ownWords(endpoint, tokens));
  }

  #both(endpoint, tokens) {
    const conns = ["--conns", 2 * this.options.conns];
    return this.stack.measureBoth(endpoint.op, endpoint.client ?? "basic", ...this.#ownWords(endpoint, tokens), ...conns);
  }

  #ownWords(endpoint, tokens) {
    const phones = endpoint.phones ? ["--phones", this.stack.phones, "--forwarded"] : [];
    return [...this.#usual(endpoint), ...(tokens ? ["--tokens", tokens] : []), ...phones];
  }

  #peer(endpoint, tokens) {
    const words = [...this.#usual(endpoint), ...(tokens ? ["--tokens", tokens] : [])];
    // Its default token is opaque; a resource makes it a JWT, as ours always is.
    if (endpoint.resource) words.push("--resource", RESOURCE);
    return this.stack.measurePeer(endpoint.peerOp ?? endpoint.op, endpoint.client ?? "basic", ...words);
  }

  #usual(endpoint) {
    const { secs, conns, warmup } = this.options;
    const scope = endpoint.noScope ? ["--scope", ""] : [];
    return ["--secs", secs, "--conns", conns, "--warmup", warmup, ...scope, ...(endpoint.more ?? [])];
  }

  /// Files of distinct access tokens of both providers, of clients or of persons.
  async #tokens(kind) {
    const kept = this.minted.get(kind);
    if (kept && Date.now() - kept.at < FRESH) return kept;
    const { folder, phones } = this.stack;
    const [own, peer] = [join(folder, `tokens-${kind}`), join(folder, `tokens-${kind}-peer`)];
    const count = ["--count", this.options.tokens, "--warmup", 0, "--conns", this.options.conns];
    if (kind === "client") {
      await this.stack.measure("cc", "basic", "--scope", "", ...count, "--save", own);
      if (this.stack.peer) await this.stack.measurePeer("cc", "basic", "--scope", "", ...count, "--save", peer);
    } else {
      await this.stack.measure("refresh", "basic", ...count, "--save", own, "--phones", phones, "--forwarded");
      if (this.stack.peer) await this.stack.measurePeer("refresh", "basic", ...count, "--save", peer);
    }
    const minted = { own, peer, at: Date.now() };
    this.minted.set(kind, minted);
    return minted;
  }
}

/// What a set of pairs says: medians, ratios, and why a figure does not count.
export function judge({ endpoint, own, peer, floor }) {
  const all = [...own, ...peer, ...floor];
  const cpu = (run) => run.server.us_per_op;
  const through = (others, read) => others.map((other, at) => read(other) / read(own[at]));
  const ratios = through(peer, cpu);
  const perSecond = through(peer, (run) => 1 / run.per_second);
  const measured = {
    us: median(own.map(cpu)), ratio: median(ratios), floor: median(through(floor, cpu)),
  };
  const misses = [
    endpoint.us !== undefined && !(measured.us <= endpoint.us) && "µs",
    ratios.length > 0 && endpoint.ratio !== undefined && !(measured.ratio >= endpoint.ratio) && "ratio",
    floor.length > 0 && !(measured.floor >= endpoint.floor) && "floor",
  ].filter(Boolean);
  const errors = all.reduce((sum, run) => sum + run.errors, 0);
  const isVoid = errors > 0 || all.some((run) => run.ok === 0);
  const reached = misses.length === 0 ? "met" : `missed: ${misses.join(", ")}`;
  return {
    endpoint, own, peer, floor, measured, ratios, perSecond, errors, isVoid,
    bound: all.some((run) => run.client.cpu > CLIENT_BOUND),
    starved: own.some((run) => run.server.cpu < SATURATED),
    verdict: isVoid ? `VOID: ${errors} errors` : endpoint.us === undefined ? "no goal" : reached,
    firstError: all.find((run) => run.errors > 0 || run.ok === 0)?.first_error,
  };
}

const over = (runs, read) => (runs.length > 0 ? median(runs.map(read)) : NaN);

/// What an operation costs, beside the bare server and node-oidc-provider.
export function costs(title, judged) {
  const table = new Table(
    title,
    ["endpoint", "µs", "goal", "floor µs", "floor", "goal", "peer µs", "ratio", "min..max", "goal", "verdict"],
    [
      "µs: processor time of the server's process for one operation. Floor: that of a bare server through ours; ratio: that of",
      "node-oidc-provider through ours. Both pair by pair, within the same seconds; the verdict is on these.",
    ],
  );
  for (const { endpoint, own, peer, floor, measured, ratios, isVoid, verdict } of judged) {
    const cpu = (runs) => us(over(runs, (run) => run.server.us_per_op));
    const none = isVoid || ratios.length === 0;
    table.add(
      endpoint.name, cpu(own), endpoint.us ? `≤ ${endpoint.us}` : "–", cpu(floor), show(isVoid ? NaN : measured.floor, 2),
      endpoint.floor ? `≥ ${endpoint.floor}` : "–", cpu(peer), none ? "–" : times(measured.ratio), none ? "–" : range(ratios),
      endpoint.ratio ? `≥ ${endpoint.ratio}×` : "–", verdict,
    );
  }
  return table;
}

/// Throughput and delay, which other work on the machine changes.
export function speeds(title, judged) {
  const table = new Table(
    title,
    ["endpoint", "req/s", "peer req/s", "ratio", "p50 µs", "p99 µs", "goal", "peer p99 µs", "server's core", "client's core", ""],
    [
      `A ratio of requests is given when the client used at most ${CLIENT_BOUND * 100} % of its core. A server below ${SATURATED * 100} % of`,
      "its own waited for the other core, where Redis and PostgreSQL are, or did not get its core for itself.",
    ],
  );
  for (const one of judged) {
    const { endpoint, own, peer } = one;
    const marks = [one.isVoid && "VOID", one.bound && "client-bound", one.starved && "not saturated"].filter(Boolean);
    const share = (name) => `${show(100 * over(own, (run) => run[name].cpu))} %`;
    table.add(
      endpoint.name, show(over(own, (run) => run.per_second)), show(over(peer, (run) => run.per_second)),
      one.isVoid || one.bound || peer.length === 0 ? "–" : times(median(one.perSecond)),
      show(over(own, (run) => run.p50_us)), show(over(own, (run) => run.p99_us)), endpoint.p99 ? `≤ ${endpoint.p99}` : "–",
      show(over(peer, (run) => run.p99_us)), share("server"), share("client"), marks.join(", "),
    );
  }
  return table;
}
