// SoftHSM as the hardware token of the signing keys, behind a module that can fail as tokens do.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PIN = "73914826";
const FAULTS = new URL("token_faults.c", import.meta.url).pathname;

export class SoftToken {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "sceau-token-"));
    process.once("exit", () => rmSync(this.folder, { recursive: true, force: true }));
    const tokens = join(this.folder, "tokens");
    const settings = join(this.folder, "softhsm2.conf");
    mkdirSync(tokens);
    writeFileSync(settings, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
    this.module = join(this.folder, "token.so");
    execFileSync("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", this.module, FAULTS, "-ldl"]);
    this.pinFile = join(this.folder, "pin");
    this.pin(PIN);
    // The servers that this process starts inherit them.
    this.env = { SOFTHSM2_CONF: settings, REAL_MODULE: softhsm(), TOKEN_FAULT: join(this.folder, "fault"), TOKEN_LOGINS: join(this.folder, "logins") };
    Object.assign(process.env, this.env);
    this.util("--init-token", "--free", "--label", "sceau", "--so-pin", "12345678", "--pin", PIN);
  }

  util(...words) {
    return execFileSync("softhsm2-util", words, { encoding: "utf8" });
  }

  /// The settings of a server that uses it.
  get lines() {
    return [
      "[keys.pkcs11]", `module = "${this.module}"`, 'token = "sceau"', `pin_file = "${this.pinFile}"`,
      "sessions = 4", 'timeout = "2s"',
    ];
  }

  /// The word of a fault, or none: see `token_faults.c`.
  fault(word = "") {
    writeFileSync(this.env.TOKEN_FAULT, word);
  }

  /// What the file of the PIN says; the right one when not given.
  pin(text = PIN) {
    writeFileSync(this.pinFile, `${text}\n`, { mode: 0o600 });
  }

  /// How often a PIN was tried since the last time it was asked.
  logins() {
    const tried = existsSync(this.env.TOKEN_LOGINS) ? readFileSync(this.env.TOKEN_LOGINS, "utf8").length : 0;
    rmSync(this.env.TOKEN_LOGINS, { force: true });
    return tried;
  }

  /// Takes the token away for real, or puts it back.
  remove() {
    renameSync(join(this.folder, "tokens"), join(this.folder, "away"));
  }

  putBack() {
    renameSync(join(this.folder, "away"), join(this.folder, "tokens"));
  }

  /// How many objects the token holds (a key pair is two), counted without our code.
  objects() {
    return readdirSync(join(this.folder, "tokens"), { recursive: true }).filter((name) => name.endsWith(".object") && !name.endsWith("token.object")).length;
  }
}

function softhsm() {
  const places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so"];
  const found = places.find(existsSync);
  if (!found) throw new Error("SoftHSM is not installed: Debian's package softhsm2");
  return found;
}
