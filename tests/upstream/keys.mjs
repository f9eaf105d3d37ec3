// Signing keys of the twin. oidc-provider holds all of a pool (so that a hint signed by any of them is known) and signs
// with the first; the key set published, and what is signed after a rotation, are decided here.
import { createHash, generateKeyPairSync } from "node:crypto";

const POOL = { ES256: 12, RS256: 3 };

export class Keys {
  #pools = new Map();
  #unpublished = new Map();

  constructor(algorithms) {
    for (const alg of algorithms) {
      const keys = Array.from({ length: POOL[alg] }, () => generate(alg));
      this.#pools.set(alg, { keys, current: 0, oldest: 0 });
      this.#unpublished.set(alg, generate(alg));
    }
  }

  /// For oidc-provider's configuration.
  jwks() {
    const all = [...this.#pools.values()].flatMap(({ keys }) => keys);
    const jwk = ({ alg, kid, privateKey }) => ({ ...privateKey.export({ format: "jwk" }), alg, kid, use: "sig" });
    return { keys: all.map(jwk) };
  }

  current(alg) {
    const { keys, current } = this.#pools.get(alg);
    return keys[current];
  }

  unpublished(alg) {
    return this.#unpublished.get(alg);
  }

  /// False while oidc-provider's own choice is the key in use.
  rotated(alg) {
    return this.#pools.get(alg).current > 0;
  }

  isPublished(kid) {
    return [...this.#pools.values()].some(({ keys, current, oldest }) =>
      keys.slice(oldest, current + 1).some((key) => key.kid === kid));
  }

  /// A new key signs; the former ones stay in the key set only if `keepOld`.
  rotate(alg, { keepOld = false } = {}) {
    const pool = this.#pools.get(alg);
    if (pool.current + 1 >= pool.keys.length) throw new Error(`no ${alg} key is left to rotate to: start another twin`);
    pool.current += 1;
    if (!keepOld) pool.oldest = pool.current;
  }

  algorithms() {
    return [...this.#pools.keys()];
  }
}

function generate(alg) {
  const pair = alg === "ES256"
    ? generateKeyPairSync("ec", { namedCurve: "P-256" })
    : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const point = pair.publicKey.export({ type: "spki", format: "der" });
  const kid = createHash("sha256").update(point).digest("hex").slice(0, 16);
  return { alg, kid, ...pair };
}
