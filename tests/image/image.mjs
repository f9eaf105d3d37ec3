// The image, checked without Docker: see tests/image/run.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BINARY, check, report } from "../interop/_sceau.mjs";
import { faults } from "./_dockerfile.mjs";

const TOP = new URL("../..", import.meta.url).pathname;
const USER = 65532;
const AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt";
const dockerfile = readFileSync(join(TOP, "Dockerfile"), "utf8");
const ignored = readFileSync(join(TOP, ".dockerignore"), "utf8");

await rules();
await running();
report();

// --- the text ----------------------------------------------------------------------------------------------------

async function rules() {
  const inputs = buildInputs();
  await check("the Dockerfile keeps every rule", () => {
    assert.deepEqual(faults(dockerfile, ignored, inputs), []);
    assert.deepEqual(inputs, [".askama.toml", "keys/policy.toml"]);
  });
  for (const [reason, from, to] of [
    ["1 stages", /FROM gcr.*\n/, ""],
    ["3 stages", /$/, "FROM scratch\n"],
    ["the first stage is not named builder", " AS builder", ""],
    ["the final image is not distroless cc", "gcr.io/distroless/cc-debian12:nonroot", "debian:bookworm"],
    ["the final image is not distroless cc", "cc-debian12:nonroot", "static-debian12:nonroot"],
    ["an image without tag", "rust:1.94-bookworm", "rust"],
    ["an image without tag", "rust:1.94-bookworm", "rust:latest"],
    ["ADD", "COPY src ./src", "ADD src ./src"],
    ["ADD", "COPY src", "ADD https://example.fr/x.tar /x\nCOPY src"],
    ["shell form", 'ENTRYPOINT ["/usr/local/bin/sceau"]', "ENTRYPOINT /usr/local/bin/sceau"],
    ["shell form", 'CMD ["serve"]', "CMD serve"],
    ["shell form", 'RUN ["mkdir"', 'RUN ["sh", "-c", "mkdir"'],
    ["shell form", /RUN \["cargo".*\n/, "RUN cargo build --locked\n"],
    ["SHELL", "USER", 'SHELL ["/bin/sh", "-c"]\nUSER'],
    ["a secret in ARG or ENV", "WORKDIR /build", "ARG DB_PASSWORD\nWORKDIR /build"],
    ["a secret in ARG or ENV", "WORKDIR /build", "ENV REGISTRY_TOKEN=abc\nWORKDIR /build"],
    ["a secret in the build", 'RUN ["mkdir"', 'RUN --mount=type=secret,id=x ["mkdir"'],
    ["a download", 'RUN ["mkdir"', 'RUN ["curl", "https://example.fr/x"]\nRUN ["mkdir"'],
    ["the whole folder is copied", "COPY src ./src", "COPY . ."],
    ["src is not copied", "COPY src ./src\n", ""],
    ["keys/policy.toml is not copied", "COPY keys ./keys\n", ""],
    [".askama.toml is not copied", " .askama.toml", ""],
    ["the build is not locked", '"--locked", ', ""],
    ["USER is not a number other than 0", "USER 65532:65532\n", ""],
    ["USER is not a number other than 0", "USER 65532:65532", "USER nonroot"],
    ["USER is not a number other than 0", "USER 65532:65532", "USER 0:0"],
    ["USER is not a number other than 0", /$/, "USER 0\n"],
    ["RUN in the final image", "USER", 'RUN ["/x"]\nUSER'],
    ["COPY from elsewhere", "COPY --from=builder --chown=65532", "COPY --chown=65532"],
    ["COPY of more than the binary and the data folder", "/build/target/release/sceau /usr", "/build/target /usr"],
    ["COPY of more than the binary and the data folder", "USER", "COPY --from=builder /build/keys /keys\nUSER"],
    ["the user could change the binary", "--chown=0:0 ", ""],
    ["the user could change the binary", "0555", "0777"],
    ["no binary", /COPY .*release\/sceau.*\n/, ""],
    ["EXPOSE is not the service alone", "EXPOSE 8443", "EXPOSE 8443 9090"],
    ["EXPOSE is not the service alone", "EXPOSE 8443\n", ""],
    ["ENTRYPOINT is not the binary", /ENTRYPOINT.*\n/, ""],
    ["no label licenses", /image\.licenses/, "image.other"],
  ]) {
    await check(`refused: ${reason} (${to.split("\n")[0] || `without ${JSON.stringify(String(from))}`})`, () => {
      const changed = dockerfile.replace(from, to);
      assert.notEqual(changed, dockerfile, "the mutation does nothing");
      assert.ok(faults(changed, ignored, inputs).includes(reason), String(faults(changed, ignored, inputs)));
    });
  }
  for (const [reason, from, to] of [
    [".dockerignore lets through what it does not name", /^\*\n/m, ""],
    [".dockerignore leaves out src", "!src\n", ""],
    [".dockerignore lets .git in", /$/, "!.git\n"],
    [".dockerignore lets *.kek in", "**/*.kek\n", ""],
  ]) {
    await check(`refused: ${reason}`, () => {
      const changed = ignored.replace(from, to);
      assert.notEqual(changed, ignored);
      assert.ok(faults(dockerfile, changed, inputs).includes(reason));
    });
  }
}

/// Files that the build reads outside `src`: the template settings, and what the sources include.
function buildInputs() {
  const found = new Set([".askama.toml"]);
  for (const name of readdirSync(join(TOP, "src"), { recursive: true }).filter((path) => path.endsWith(".rs"))) {
    const source = join(TOP, "src", name);
    for (const [, path] of readFileSync(source, "utf8").matchAll(/include_(?:str|bytes)!\(\s*"([^"]+)"/g)) {
      const input = relative(TOP, resolve(dirname(source), path));
      if (!input.startsWith("src/")) found.add(input);
    }
  }
  return [...found].sort();
}

// --- the binary in the folder of the image -----------------------------------------------------------------------

async function running() {
  const root = mkdtempSync(join(tmpdir(), "sceau-image-"));
  const data = mkdtempSync(join(tmpdir(), "sceau-image-data-"));
  try {
    chownSync(data, USER, USER);
    furnish(root);
    await commands(root, data);
    await serving(root, data);
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(data, { recursive: true, force: true });
  }
}

/// The binary, what `ldd` lists, the authorities, and empty folders.
function furnish(root) {
  const put = (from, to = from) => {
    mkdirSync(join(root, dirname(to)), { recursive: true });
    copyFileSync(from, join(root, to));
  };
  put(BINARY, "/usr/local/bin/sceau");
  chmodSync(join(root, "usr/local/bin/sceau"), 0o555);
  const linked = execFileSync("ldd", [BINARY], { encoding: "utf8" });
  for (const [, path] of linked.matchAll(/(\/\S+) \(0x/g)) put(path);
  put(AUTHORITIES);
  for (const folder of ["etc/sceau", "var/lib/sceau"]) mkdirSync(join(root, folder), { recursive: true });
  chmodSync(root, 0o755);
}

/// `sceau` as the image's user, its root read-only but for the data folder, no capability left.
function inside(root, data, words, options) {
  const script = `mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && mount --bind "$2" "$1/var/lib/sceau"
    root=$1; shift 2; exec chroot --userspec=${USER}:${USER} --groups= "$root" /usr/local/bin/sceau "$@"`;
  const all = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", root, data, ...words];
  return spawn("unshare", all, { env: { SCEAU_CONFIG: "/etc/sceau/sceau.toml", SCEAU_LOG: "json,info" }, ...options });
}

async function said(child) {
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  child.stderr.on("data", (part) => (text += part));
  const status = await new Promise((end) => child.once("close", end));
  return { status, text };
}

async function commands(root, data) {
  await check("sceau --version, with nothing but what ldd lists", async () => {
    const { status, text } = await said(inside(root, data, ["--version"]));
    assert.deepEqual([status, /^sceau \d/.test(text)], [0, true], text);
  });
  await check("sceau config example", async () => {
    const { status, text } = await said(inside(root, data, ["config", "example"]));
    assert.equal(status, 0, text);
    assert.match(text, /^issuer = /m);
  });
  await check("outside the data folder nothing can be written, by this user or on this mount", async () => {
    writeFileSync(join(root, "etc/sceau/sceau.toml"), settings(8443, 9090, "/var/lib/other.sqlite"));
    const { status, text } = await said(inside(root, data, ["clients", "list"]));
    assert.notEqual(status, 0);
    assert.match(text, /read-only|permission denied/i);
  });
}

async function serving(root, data) {
  const [port, admin] = [await freePort(), await freePort()];
  writeFileSync(join(root, "etc/sceau/sceau.toml"), settings(port, admin, "/var/lib/sceau/sceau.sqlite"));
  const child = inside(root, data, ["serve"], { stdio: ["ignore", "ignore", "inherit"] });
  child.ended = new Promise((end) => child.once("exit", end));
  try {
    await check("serve starts, discovery and readiness answer", async () => {
      const issuer = `http://localhost:${port}`;
      const found = await answer(child, `${issuer}/.well-known/openid-configuration`);
      assert.equal((await found.json()).issuer, issuer);
      assert.equal((await answer(child, `http://127.0.0.1:${admin}/health/ready`)).status, 200);
    });
    await check("it runs as the image's user, without capabilities, in a root it cannot write", () => {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      assert.match(status, new RegExp(`^Uid:\\s+${USER}\\s+${USER}\\s+${USER}\\s+${USER}$`, "m"));
      assert.match(status, /^CapEff:\s+0+$/m);
      const mounts = readFileSync(`/proc/${child.pid}/mountinfo`, "utf8").split("\n").map((line) => line.split(" "));
      assert.ok(mounts.some(([, , , , point, options]) => point === "/" && options.startsWith("ro")), "a read-only root");
      assert.deepEqual(readdirSync(data).filter((name) => name.endsWith(".sqlite") || name.endsWith(".kek")).sort(), ["sceau.sqlite", "sceau.sqlite.kek"]);
    });
    await check("SIGTERM ends it with 0", async () => {
      child.kill("SIGTERM");
      assert.equal(await child.ended, 0);
    });
  } finally {
    child.kill("SIGKILL");
    await child.ended;
  }
}

function settings(port, admin, file) {
  return [
    `issuer = "http://localhost:${port}"`,
    "[http]", `listen = "127.0.0.1:${port}"`, `admin_listen = "127.0.0.1:${admin}"`,
    "[storage]", `sql = "sqlite://${file}"`, "",
  ].join("\n");
}

async function answer(child, url) {
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    const got = await fetch(url).catch(() => undefined);
    if (got) return got;
    await pause(100);
  }
  throw new Error(`${url} does not answer`);
}

function freePort() {
  return new Promise((found) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => found(port));
    });
  });
}
