// The issuer's address as a real proxy serves it: HAProxy, with health checks on the listener of the
// operator, as docs/operations.md has it.
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { SOURCE } from "./_proxy.mjs";
import { until } from "./_servers.mjs";

const PROGRAM = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy"].find((path) => existsSync(path));
/// Ends the program with this process, however that ends.
const WATCH = '"$@" </dev/null >"$LOG" 2>&1 & server=$!; cat >/dev/null; kill -9 $server 2>/dev/null; wait $server; exit 0';

export class HaProxy {
  static async listen() {
    if (!PROGRAM) throw new Error("HAProxy is not here: install the Debian package `haproxy`, as tests/run does");
    return Object.assign(new HaProxy(), { port: await freePort(), ports: [] });
  }

  /// Begins to serve `replicas`, whose ports never change.
  async begin(folder, replicas) {
    const file = join(folder, "haproxy.cfg");
    const servers = replicas.map(({ port, admin }, index) => `  server s${index} 127.0.0.1:${port} port ${admin}`);
    writeFileSync(file, [
      "global", "  maxconn 4000",
      "defaults", "  mode http", "  timeout connect 2s", "  timeout client 60s", "  timeout server 60s",
      "frontend issuer", `  bind 127.0.0.1:${this.port}`,
      `  http-request set-header x-forwarded-for %[req.hdr(${SOURCE})] if { req.hdr(${SOURCE}) -m found }`,
      `  http-request set-header x-forwarded-for 192.0.2.1 unless { req.hdr(${SOURCE}) -m found }`,
      "  default_backend sceau",
      "backend sceau", "  balance roundrobin",
      "  option httpchk GET /health/ready", "  http-check expect status 200", "  timeout check 3s",
      "  default-server check inter 500ms fall 1 rise 1",
      "  option redispatch 1", "  retries 3", "  retry-on conn-failure",
      ...servers, "",
    ].join("\n"));
    const env = { ...process.env, LOG: join(folder, "haproxy.log") };
    this.watch = spawn("sh", ["-c", WATCH, "sh", PROGRAM, "-db", "-f", file], { stdio: ["pipe", "ignore", "ignore"], env });
    this.ended = new Promise((resolve) => this.watch.once("exit", resolve));
    await until("HAProxy serves", async () => (await fetch(`http://localhost:${this.port}/jwks`)).status === 200);
  }

  async stop() {
    this.watch?.stdin.end();
    await this.ended;
  }
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}
