// `sceau serve` in a folder of its own, with the sample directory, phones that attest themselves (loopback) and
// activation codes in a file: for suites that need settings which the demonstration does not have.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { BINARY, sceau } from "./_sceau.mjs";

const run = promisify(execFile);
const AUDITED = `import sqlite3, sys
for (record,) in sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute("SELECT record FROM audit_events ORDER BY at, sequence"):
    print(record.decode())`;
const EXTRACT = new URL("../../src/demo/sample_extract.txt", import.meta.url).pathname;

export class Server {
  /// Starts a server; `lines` are more lines of settings, tables of their own.
  static async start(...lines) {
    const server = await Server.configure({ lines });
    await server.begin();
    return server;
  }

  /// A folder with settings; `storage` are the lines of that table, by default an SQLite file of the folder, and `mobile`
  /// more lines of that one.
  static async configure({ storage, mobile = [], lines = [] }) {
    const server = new Server();
    const [port, admin] = [await freePort(), await freePort()];
    const folder = mkdtempSync(join(tmpdir(), "sceau-server-"));
    Object.assign(server, { folder, issuer: `http://localhost:${port}`, admin: `http://127.0.0.1:${admin}` });
    server.settings = join(folder, "sceau.toml");
    server.target = ["--config", server.settings];
    writeFileSync(server.settings, [
      `issuer = "${server.issuer}"`,
      "[http]", `listen = "127.0.0.1:${port}"`, `admin_listen = "127.0.0.1:${admin}"`,
      "[storage]", ...(storage ?? [`sql = "sqlite://${folder}/sceau.sqlite"`]),
      "[mobile]", "allow_self_attestation = true", `activation_codes_file = "${folder}/codes.jsonl"`, ...mobile,
      ...lines, "",
    ].join("\n"));
    return server;
  }

  /// Imports the directory and serves.
  async begin() {
    const imported = await sceau("directory", "import", ...this.target, EXTRACT);
    if (imported.status !== 0) throw new Error(`directory import: ${imported.stderr}`);
    process.once("exit", () => this.process?.kill("SIGKILL"));
    await this.resume();
  }

  /// Serves; what is durable is as it was left.
  async resume() {
    this.process = spawn(BINARY, ["serve", ...this.target], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, SCEAU_LOG: "json,error" },
    });
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    await this.#ready();
  }

  /// A new process, which remembers nothing that is not durable.
  async restart() {
    this.process.kill("SIGKILL");
    await this.ended;
    await this.resume();
  }

  /// The events of the audit log, oldest first: what `sceau audit verify` reads, as records.
  async audited() {
    const { stdout } = await run("python3", ["-c", AUDITED, `${this.folder}/sceau.sqlite`], { maxBuffer: 1 << 28 });
    return stdout.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  async #ready() {
    for (let tries = 0; tries < 300 && this.process.exitCode === null; tries += 1) {
      const answer = await fetch(`${this.admin}/health/ready`).catch(() => undefined);
      if (answer?.status === 200) return;
      await pause(100);
    }
    throw new Error("sceau serve does not become ready");
  }

  /// The person of the directory, with two codes just sent.
  async person(national_id) {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ national_id });
    const asked = await fetch(`${this.issuer}/mobile/v1/enrolments/codes`, { method: "POST", headers, body });
    if (asked.status !== 202) throw new Error(`codes were refused with ${asked.status}`);
    for (let tries = 0; tries < 50; tries += 1) {
      const sent = read(`${this.folder}/codes.jsonl`).split("\n").filter(Boolean).map((line) => JSON.parse(line));
      const last = (channel) => sent.findLast((message) => message.channel === channel)?.code;
      if (sent.length > 0 && sent.length % 2 === 0) {
        return { national_id, activation_codes: { email: last("email"), phone: last("phone") } };
      }
      await pause(100);
    }
    throw new Error("no codes were sent");
  }

  async stop() {
    if (this.process?.exitCode === null) {
      this.process.kill("SIGTERM");
      await this.ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
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
