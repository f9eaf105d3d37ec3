// What the suites against the running binary share: the checks and their count, the demonstration as a child process,
// the phone's command line, and a small browser that keeps cookies and walks the login pages.
import { spawn, execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const NOTHING_PENDING = 3;
export const BINARY = process.env.SCEAU_BINARY ?? "sceau";

// --- checks ------------------------------------------------------------------------------------------------------

const count = { passed: 0, failed: 0 };

/// Runs one named check; a failure does not stop the others.
export async function check(name, body) {
  try {
    await body();
    count.passed += 1;
    console.log(`ok    ${name}`);
  } catch (error) {
    count.failed += 1;
    const cause = error.cause ? `\n      ${String(error.cause.stack ?? error.cause).split("\n").slice(0, 4).join("\n      ")}` : "";
    console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).split("\n").slice(0, 6).join("\n      ")}${cause}`);
  }
}

/// What a suite runs against: a demonstration, or with SCEAU_TEST_STACK=twin two processes over Redis and PostgreSQL,
/// or with `token` the same whose signing keys are on a hardware token.
export async function start() {
  const stack = process.env.SCEAU_TEST_STACK;
  if (stack !== "twin" && stack !== "token") return Demo.start();
  const { Twin } = await import("../twin/_rig.mjs");
  if (stack === "twin") return Twin.start();
  const { SoftToken } = await import("../twin/_token.mjs");
  return Twin.start({ token: new SoftToken() });
}

/// What has ended is refused at once by one process, and within five seconds by the others (design decision 15).
export async function ended(demo, refused) {
  const deadline = Date.now() + (demo.replicas ? 5000 : 0);
  for (;;) {
    if (await refused()) return;
    if (Date.now() >= deadline) throw new Error(demo.replicas ? "still accepted after five seconds" : "still accepted");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/// Each of the processes says that it has answered at least three tenths of the requests.
export async function fairShare(twin) {
  const counts = await twin.counts();
  const all = counts.reduce((sum, count) => sum + count, 0);
  console.log(`      requests answered by each process: ${counts.join(", ")}`);
  if (counts.length < 2 || counts.some((count) => count < all * 0.3)) throw new Error(`${counts.join(", ")} of ${all}`);
}

/// Runs a suite with a stack of its own, prints the count as the last line, and exits.
export async function suite(body, starting = start) {
  const demo = await starting();
  let broken;
  try {
    await body(demo);
    if (demo.replicas) await check("each process served its share", () => fairShare(demo));
  } catch (error) {
    broken = error;
  } finally {
    await demo.stop();
  }
  if (broken) {
    count.failed += 1;
    console.log(`FAIL  the suite itself\n      ${broken.stack ?? broken}`);
  }
  if (count.failed > 0 && process.env.SCEAU_TEST_LOG) console.log(demo.log.join("\n"));
  report();
}

/// Prints the count as the last line and decides the exit status.
export function report() {
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}

// --- the demonstration -------------------------------------------------------------------------------------------

export class Demo {
  /// Starts `sceau demo` on a free port with data of its own, and waits for the line that describes it.
  static async start() {
    const demo = new Demo();
    demo.folder = mkdtempSync(join(tmpdir(), "sceau-test-"));
    demo.data = join(demo.folder, "data");
    demo.log = [];
    demo.process = spawn(BINARY, ["demo", "--port", "0", "--json", "--data", demo.data], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    demo.ended = new Promise((resolve) => demo.process.once("exit", resolve));
    createInterface({ input: demo.process.stderr }).on("line", (line) => demo.log.push(line));
    process.once("exit", () => demo.process.kill("SIGKILL"));
    Object.assign(demo, JSON.parse(await demo.#firstLine()));
    return demo;
  }

  #firstLine() {
    return new Promise((resolve, reject) => {
      const give_up = (why) => reject(new Error(`sceau demo ${why}\n${this.log.slice(-20).join("\n")}`));
      const timer = setTimeout(() => give_up("said nothing for 60 s"), 60_000);
      this.process.once("error", (error) => give_up(`does not start: ${error.message}`));
      this.process.once("exit", (code) => give_up(`ended with ${code}`));
      createInterface({ input: this.process.stdout }).on("line", (line) => {
        if (!line.startsWith("{")) return;
        clearTimeout(timer);
        resolve(line);
      });
    });
  }

  async stop() {
    if (this.process.exitCode === null) {
      this.process.kill("SIGTERM");
      const timer = setTimeout(() => this.process.kill("SIGKILL"), 15_000);
      await this.ended;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /// A developer's client that authenticates with `method`: the last one, the first being that of the sample service.
  client(method) {
    const found = this.clients.findLast((client) => client.token_endpoint_auth_method === method);
    if (!found) throw new Error(`the demonstration has no client with ${method}`);
    return found;
  }
}

/// A root for phones that attest themselves under one: made by the first phone that asks for it, here one that a
/// demonstration does not trust and refuses.
export async function throwAwayRoot(path) {
  const demo = await Demo.start();
  try {
    const enrolment = CommandLinePhone.enrol(demo, demo.persons[0], "untrusted", "--attest-root", path);
    const refused = await enrolment.then(() => false, (error) => /ended with 2/.test(error.message));
    if (!refused) throw new Error("a chain under a root not trusted was not refused");
  } finally {
    await demo.stop();
  }
}

// --- the phone's command line ------------------------------------------------------------------------------------

/// `sceau phone …`: its exit status, and its answer when that is JSON.
export async function sceau(...words) {
  try {
    const { stdout, stderr } = await run(BINARY, words, { timeout: 60_000 });
    return { status: 0, body: json(stdout), stdout, stderr };
  } catch (error) {
    if (typeof error.code !== "number") throw error;
    return { status: error.code, body: json(error.stdout), stdout: error.stdout, stderr: error.stderr };
  }
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/// An enrolled phone driven through `sceau phone`.
export class CommandLinePhone {
  constructor(state) {
    this.state = state;
  }

  static async enrol(demo, person, name = "phone", ...options) {
    const state = join(demo.folder, `${name}.json`);
    const codes = person.activation_codes;
    const answer = await sceau(
      "phone", "enrol", "--server", demo.issuer, "--state", state, "--person", person.national_id,
      "--code-email", codes.email, "--code-phone", codes.phone, ...options,
    );
    if (answer.status !== 0) throw new Error(`enrol ended with ${answer.status}: ${answer.stdout}${answer.stderr}`);
    return new CommandLinePhone(state);
  }

  /// With the ticket of a page of the account, or the address of its code.
  static async enrolByTicket(issuer, folder, ticket, name = "phone", ...options) {
    const state = join(folder, `${name}.json`);
    const words = ["--server", issuer, "--state", state, "--ticket", ticket, "--name", name, "--json", ...options];
    const answer = await sceau("phone", "enrol", ...words);
    if (answer.status !== 0) throw new Error(`enrol ended with ${answer.status}: ${answer.stdout}${answer.stderr}`);
    return Object.assign(new CommandLinePhone(state), { device: answer.body.device });
  }

  /// Claims the request of a QR code.
  claim(address) {
    return sceau("phone", "claim", "--state", this.state, address, "--json");
  }

  async pending() {
    const answer = await sceau("phone", "pending", "--state", this.state, "--json");
    if (answer.status === NOTHING_PENDING) return [];
    if (answer.status !== 0) throw new Error(`pending ended with ${answer.status}: ${answer.stdout}${answer.stderr}`);
    return answer.body.approvals;
  }

  approve(number, ...options) {
    return sceau("phone", "approve", "--state", this.state, "--number", number, ...options);
  }

  deny(...options) {
    return sceau("phone", "deny", "--state", this.state, ...options);
  }

  /// For `Browser.signIn`: types the number that the page shows.
  async answer({ number }) {
    const { status, stdout, stderr } = await this.approve(number);
    if (status !== 0) throw new Error(`approve ended with ${status}: ${stdout}${stderr}`);
  }
}

// --- the browser -------------------------------------------------------------------------------------------------

/// Cookies of one host, redirects followed by hand, forms read from the page.
export class Browser {
  constructor(issuer) {
    this.issuer = issuer;
    this.cookies = new Map();
  }

  /// A browser with the same cookies.
  copy() {
    const other = new Browser(this.issuer);
    other.cookies = new Map(this.cookies);
    return other;
  }

  cookieHeader() {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  async request(url, options = {}) {
    const headers = { accept: "text/html", "accept-language": "fr", ...options.headers };
    if (this.cookies.size > 0) headers.cookie = this.cookieHeader();
    const response = await fetch(new URL(url, this.issuer), { redirect: "manual", ...options, headers });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return response;
  }

  get(url) {
    return this.request(url);
  }

  post(url, fields, headers = {}) {
    return this.request(url, { method: "POST", body: new URLSearchParams(fields), headers });
  }

  /// The page at the end of the redirects within the provider, or the redirect that leaves it.
  async follow(response) {
    for (let hops = 0; hops < 10; hops += 1) {
      if (response.status < 300 || response.status > 399) return { page: new Page(response, await response.text()) };
      const location = new URL(response.headers.get("location"), this.issuer);
      if (location.origin !== new URL(this.issuer).origin) return { redirect: location, response };
      if (this.isAnswer(location)) return { redirect: location, response };
      response = await this.get(location);
    }
    throw new Error("redirects without end");
  }

  /// The demonstration may keep its sample service on the origin of the provider.
  isAnswer(location) {
    return location.searchParams.has("iss") || location.searchParams.has("error");
  }

  open(url) {
    return this.get(url).then((response) => this.follow(response));
  }

  submit(page, action, fields = {}) {
    return this.post(action, { csrf: page.csrf, ...fields }).then((response) => this.follow(response));
  }

  /// Walks from an authorization URL to the answer to the client: `{ redirect }`, or `{ page }` (form_post, error).
  async signIn(url, identifier, phone) {
    let turn = await this.open(url);
    for (let steps = 0; steps < 6 && turn.page; steps += 1) {
      const page = turn.page;
      if (page.number !== undefined) {
        await phone.answer({ number: page.number, page });
        turn = await this.open(page.resume);
      } else if (page.asksIdentifier) {
        turn = await this.submit(page, page.action("/identify"), { identifier });
      } else if (page.asksConsent) {
        turn = await this.submit(page, page.action("/consent"), { decision: "allow" });
      } else {
        return turn;
      }
    }
    return turn;
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const gone = value === "" || attributes.some((attribute) => /^max-age=0$/i.test(attribute));
    if (gone) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

/// A page as far as the suites read it.
export class Page {
  constructor(response, html) {
    this.status = response.status;
    this.headers = response.headers;
    this.html = html;
    this.csrf = this.#first(/name="csrf" value="([^"]*)"/);
    this.number = this.#first(/<output id="number">([^<]*)<\/output>/);
    this.resume = this.#first(/data-resume="([^"]*)"/);
    this.statusUrl = this.#first(/data-status="([^"]*)"/);
    this.asksIdentifier = html.includes('name="identifier"');
    this.asksConsent = html.includes('name="decision"');
  }

  /// The action of the form whose address ends with `end`.
  action(end) {
    const all = [...this.html.matchAll(/<form[^>]* action="([^"]*)"/g)].map((found) => unescape(found[1]));
    const found = all.find((action) => action.endsWith(end));
    if (!found) throw new Error(`no form to ${end} in a page with ${all.join(", ") || "no form"}: ${this.summary()}`);
    return found;
  }

  /// Address and fields of a form_post page.
  formPost() {
    const action = this.#first(/<form id="form-post" method="post" action="([^"]*)"/);
    if (!action) throw new Error(`not a form_post page: ${this.summary()}`);
    const fields = [...this.html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
    return { action, fields: new URLSearchParams(fields.map(([, name, value]) => [unescape(name), unescape(value)])) };
  }

  summary() {
    const text = this.html.replace(/<style[\s\S]*?<\/style>|<[^>]*>/g, " ").replace(/\s+/g, " ");
    return `${this.status} ${text.trim().slice(0, 200)}`;
  }

  #first(pattern) {
    const found = this.html.match(pattern);
    return found ? unescape(found[1]) : undefined;
  }
}

function unescape(text) {
  const names = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&(amp|lt|gt|quot|apos);/g, (_, name) => names[name]);
}
