// The issuer's address: a reverse proxy that sends every request to the other process than the one before it. A process
// that cannot be reached is passed over, as a balancer would.
import { createServer, request } from "node:http";

/// Names a source of its own in X-Forwarded-For: limits by source must not stop a suite.
export const SOURCE = "x-test-source";
const USUAL_SOURCE = "192.0.2.1";

export class Proxy {
  static async listen() {
    const proxy = new Proxy();
    Object.assign(proxy, { ports: [], served: [], only: undefined, turn: 0 });
    proxy.server = createServer((incoming, outgoing) => proxy.#pass(incoming, outgoing));
    proxy.server.keepAliveTimeout = 60_000;
    await new Promise((resolve, reject) => {
      proxy.server.once("error", reject);
      proxy.server.listen(0, "localhost", resolve);
    });
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async #pass(incoming, outgoing) {
    const parts = [];
    for await (const part of incoming) parts.push(part);
    const body = Buffer.concat(parts);
    const first = this.only ?? this.turn;
    if (this.only === undefined) this.turn = (this.turn + 1) % this.ports.length;
    const order = this.only === undefined ? this.ports.map((_, index) => (first + index) % this.ports.length) : [first];
    for (const index of order) {
      const outcome = await this.#send(index, incoming, body, outgoing);
      if (outcome !== "unreachable") return;
    }
    outgoing.writeHead(502).end("no process answers");
  }

  #send(index, incoming, body, outgoing) {
    const { [SOURCE]: source = USUAL_SOURCE, connection: _, ...headers } = incoming.headers;
    headers["x-forwarded-for"] = source;
    const options = { host: "127.0.0.1", port: this.ports[index], method: incoming.method, path: incoming.url, headers };
    return new Promise((resolve) => {
      const onward = request({ ...options, agent: false });
      let connected = false;
      onward.on("socket", (socket) => socket.once("connect", () => (connected = true)));
      onward.on("response", (answer) => {
        this.served[index] = (this.served[index] ?? 0) + 1;
        const { connection: __, "keep-alive": ___, ...kept } = answer.headers;
        outgoing.writeHead(answer.statusCode, kept);
        answer.pipe(outgoing);
        answer.on("error", () => outgoing.destroy());
        resolve("answered");
      });
      onward.on("error", () => {
        if (!connected) return resolve("unreachable");
        if (!outgoing.headersSent) outgoing.writeHead(502).end("the process is gone");
        else outgoing.destroy();
        return resolve("lost");
      });
      outgoing.on("close", () => onward.destroy());
      onward.end(body);
    });
  }
}
