// Paired runs: A B A B, what is compared is always measured within the same seconds.
import { join } from "node:path";
import { median, range, show, Table, times, us } from "./_table.mjs";

/// A client above this share of its core measures itself.
const CLIENT_BOUND = 0.85;
const RESOURCE = "https://api.example/jwt";
/// How long minted tokens are used; they live 600 s.
const FRESH = 300_000;

/// The runs of one endpoint on both providers.
export class Pairs {
  constructor(stack, options) {
    Object.assign(this, { stack, options, minted: new Map() });
  }

  async run(endpoint) {
    const tokens = endpoint.tokens ? await this.#tokens(endpoint.tokens) : undefined;
    const [own, peer] = [[], []];
    for (let pair = 0; pair < this.options.pairs; pair += 1) {
      own.push(await this.#own(endpoint, tokens?.own));
      if (!endpoint.alone) peer.push(await this.#peer(endpoint, tokens?.peer));
    }
    return { endpoint, own, peer };
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

  #own(endpoint, tokens) {
    const words = [...this.#usual(endpoint), ...(tokens ? ["--tokens", tokens] : [])];
    if (endpoint.phones) words.push("--phones", this.stack.phones, "--forwarded");
    return this.stack.measure(endpoint.op, endpoint.client ?? "basic", ...words);
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
export function judge({ endpoint, own, peer }) {
  const of = (runs, read) => median(runs.map(read));
  const cpu = (run) => run.server.us_per_op;
  const perCore = own.map((run, at) => peer[at] && cpu(peer[at]) / cpu(run)).filter(Boolean);
  const perSecond = own.map((run, at) => peer[at] && run.per_second / peer[at].per_second).filter(Boolean);
  const errors = [...own, ...peer].reduce((sum, run) => sum + run.errors, 0);
  const empty = [...own, ...peer].some((run) => run.ok === 0);
  const bound = [...own, ...peer].some((run) => run.client.cpu > CLIENT_BOUND);
  const starved = own.some((run) => run.server.cpu < 0.85);
  const measured = { us: of(own, cpu), p99: of(own, (run) => run.p99_us), ratio: median(perCore) };
  const misses = [
    endpoint.us !== undefined && !(measured.us <= endpoint.us) && "µs",
    endpoint.ratio !== undefined && peer.length > 0 && !(measured.ratio >= endpoint.ratio) && "ratio",
  ].filter(Boolean);
  const reached = misses.length === 0 ? "met" : `missed: ${misses.join(", ")}`;
  const verdict = errors > 0 || empty ? "VOID" : endpoint.us === undefined ? "no goal" : reached;
  return {
    endpoint, own, peer, errors, empty, bound, starved, perCore, perSecond, verdict, measured,
    firstError: [...own, ...peer].find((run) => run.errors > 0 || run.ok === 0)?.first_error,
  };
}

/// The comparison with node-oidc-provider.
export function comparison(title, judged) {
  const table = new Table(
    title,
    ["endpoint", "µs/op", "goal", "floor", "peer µs/op", "ratio", "(min..max)", "goal", "req/s", "peer req/s", "ratio", "p50 µs", "p99 µs", "goal", "verdict"],
    [
      "µs/op: processor time of the server's process for one operation; ratio: that of node-oidc-provider through ours, pair by pair.",
      "The verdict is on µs/op and this ratio. req/s are of these runs, on whatever else the machine did meanwhile.",
    ],
  );
  for (const one of judged) {
    const { endpoint, own, peer, measured } = one;
    const of = (runs, read) => (runs.length > 0 ? median(runs.map(read)) : NaN);
    const void_ = one.errors > 0 || one.empty;
    const marks = [one.bound && "client-bound", one.starved && "server not saturated"].filter(Boolean).join(", ");
    table.add(
      endpoint.name, us(measured.us), endpoint.us ?? "–", endpoint.floor ? show(endpoint.floor, 1) : "–",
      us(of(peer, (run) => run.server.us_per_op)), void_ ? "–" : times(measured.ratio),
      void_ || one.perCore.length === 0 ? "–" : range(one.perCore), endpoint.ratio ? `≥ ${endpoint.ratio}×` : "–",
      show(of(own, (run) => run.per_second)), show(of(peer, (run) => run.per_second)),
      void_ || one.bound ? "–" : times(median(one.perSecond)),
      show(of(own, (run) => run.p50_us)), show(measured.p99), endpoint.p99 ?? "–",
      void_ ? `VOID: ${one.errors} errors` : marks ? `${one.verdict} (${marks})` : one.verdict,
    );
  }
  return table;
}
