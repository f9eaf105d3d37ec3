// What oidc-provider keeps (https://github.com/panva/node-oidc-provider, `adapter`): one map per twin, with deadlines.

export class Memory {
  #records = new Map();

  /// The `adapter` of oidc-provider's configuration.
  adapter() {
    return (model) => ({
      upsert: async (id, payload, seconds) => this.#put(`${model}:${id}`, payload, seconds),
      find: async (id) => this.#get(`${model}:${id}`),
      findByUid: async (uid) => this.#first(model, "uid", uid),
      findByUserCode: async (code) => this.#first(model, "userCode", code),
      consume: async (id) => {
        const payload = this.#get(`${model}:${id}`);
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void this.#records.delete(`${model}:${id}`),
      revokeByGrantId: async (grant) => {
        for (const [key, { payload }] of this.#records) if (payload.grantId === grant) this.#records.delete(key);
      },
    });
  }

  client(metadata) {
    this.#put(`Client:${metadata.client_id}`, metadata);
  }

  /// As if the code had been redeemed.
  consumeCode(code) {
    const payload = this.#get(`AuthorizationCode:${code}`);
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  #put(key, payload, seconds) {
    this.#records.set(key, { payload, end: seconds ? Date.now() + seconds * 1000 : Infinity });
  }

  #get(key) {
    const record = this.#records.get(key);
    return record && record.end > Date.now() ? record.payload : undefined;
  }

  #first(model, member, value) {
    const all = [...this.#records].filter(([key]) => key.startsWith(`${model}:`));
    return all.find(([, { payload, end }]) => payload[member] === value && end > Date.now())?.[1].payload;
  }
}
