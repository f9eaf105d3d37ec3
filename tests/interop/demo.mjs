// `sceau demo` as the README shows it: the journey in the terminal, the JSON line, the kept data, the help; and in Chromium a
// patient who comes by "FranceConnect (simulé)", enrols a phone, comes by that phone, signs out. SCEAU_SCREENSHOTS=DIR
// keeps pictures.
//
// Needs SCEAU_BINARY and Chromium (CHROMIUM, /usr/bin/chromium by default).
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Demo, check, report, sceau } from "./_sceau.mjs";

const PATIENCE = 20_000;
const SIZES = [[390, 844], [1280, 800]];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"];
/// Who comes at each size, by the button of the page.
const PATIENTS = { 390: ["demo-1", "Solène Marie Garnier"], 1280: ["demo-3", "Ange Mariani"] };

await check("the journey plays in the terminal, and shows the tokens", async () => {
  const answer = await sceau("demo", "--play");
  assert.equal(answer.status, 0, answer.stderr);
  for (const word of ["SubjectNameID", "auth_time", "at_hash", "eidas1"]) assert.ok(answer.stdout.includes(word), word);
});
await check("the JSON line has what a developer needs; the data folder stays", async () => {
  const demo = await Demo.start();
  try {
    const methods = demo.clients.map((client) => client.token_endpoint_auth_method);
    for (const method of ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]) {
      assert.ok(methods.includes(method), method);
    }
    assert.ok(demo.persons.length > 20);
    for (const person of demo.persons) {
      assert.match(person.activation_codes.email, /^\d{8}$/);
      assert.notEqual(person.activation_codes.email, person.activation_codes.phone);
    }
    for (const address of [demo.issuer, demo.service, demo.phone, demo.franceconnect]) {
      assert.equal(new URL(address).hostname, "localhost");
    }
    assert.equal((await fetch(demo.service)).status, 200);
    assert.equal((await fetch(demo.phone)).status, 200);
    assert.ok(existsSync(`${demo.data}/sceau.sqlite`));
  } finally {
    await demo.stop();
  }
});
await check("each command explains itself, and a wrong one ends with 64", async () => {
  for (const command of ["serve", "migrate", "config", "clients", "devices", "persons", "directory", "audit", "demo", "phone"]) {
    const answer = await sceau(command, "--help");
    assert.equal(answer.status, 0, command);
    assert.match(answer.stdout, /Usage: sceau/);
  }
  assert.equal((await sceau("nonsense")).status, 64);
  assert.equal((await sceau("clients", "add")).status, 64);
});
await inChromium();
report();

// --- a patient, in Chromium --------------------------------------------------------------------------------------

async function inChromium() {
  const demo = await Demo.start();
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  try {
    for (const [width, height] of SIZES) {
      const size = { width, height };
      await check(`a patient comes by FranceConnect (simulé), ${width} wide`, () => byFranceConnect(browser, demo, size));
    }
    const size = { width: 390, height: 844 };
    await check("who cancels there comes back to the page", () => cancelled(browser, demo, size));
    await check("in English, and in the dark", () => otherwise(browser, demo, size));
  } finally {
    await browser.close();
    await demo.stop();
  }
}

/// Service, provider above, consent, tokens; then a phone, sign-in by it alone, and logout.
async function byFranceConnect(browser, demo, size) {
  const [reference, name] = PATIENTS[size.width];
  const page = await visitor(browser, size);
  await page.goto(demo.service);
  await shot(page, "service", size);
  await page.click("#patient-login");
  await page.waitForSelector('button[name="provider"]');
  await shot(page, "identify", size);
  await page.click('button[name="provider"][value="franceconnect"]');
  await page.waitForSelector("#identite");
  assert.equal(new URL(page.url()).origin, demo.franceconnect);
  assert.match(await page.textContent("header"), /FranceConnect \(simulé\)\s+données inventées/);
  await shot(page, "choice", size);
  await page.click(`button[value="${reference}"]`);
  await page.waitForSelector('button[name="decision"][value="allow"]');
  await shot(page, "consent", size);
  await page.click('button[value="allow"]');
  await page.waitForSelector("#signed-in");
  assert.equal(await page.textContent("#name"), name);
  assert.equal(await page.textContent("#acr"), "eidas2");
  await shot(page, "signed-in", size);
  await page.click("#tokens summary");
  const claims = JSON.parse(await page.textContent("#id-token"));
  assert.deepEqual([claims.acr, claims.amr], ["eidas2", ["fc", "pop", "mfa", "pin"]]);
  const told = JSON.parse(await page.textContent("#userinfo"));
  assert.ok(told.given_name_array.length > 0 && told.birthcountry === "99100", JSON.stringify(told));
  await shot(page, "tokens", size);
  const phone = await enrolled(browser, demo, page, size);
  await byPhone(browser, demo, phone, size, name);
  await signedOut(demo, page, size);
  await Promise.all([page, phone].map((one) => one.context().close()));
}

/// A ticket of the account makes a blank phone page this patient's.
async function enrolled(browser, demo, page, size) {
  const account = await page.context().newPage();
  await account.goto(new URL("/account", demo.issuer).href);
  await shot(account, "account", size);
  await account.click('a[href="/account/phones/new"]');
  const ticket = (await account.textContent("#ticket")).trim();
  await shot(account, "ticket", size);
  const phone = await visitor(browser, size);
  await phone.goto(`${demo.phone}/?phone=patient`);
  await phone.fill("#ticket", ticket);
  await shot(phone, "phone-ticket", size);
  await phone.click("#activate-ticket");
  await phone.waitForSelector("#home:not([hidden])");
  await account.close();
  return phone;
}

/// Another browser, the QR code, and the same person.
async function byPhone(browser, demo, phone, size, name) {
  const page = await visitor(browser, size);
  await page.goto(demo.service);
  await page.click("#patient-login");
  await page.click("form.other button");
  await phone.fill("#code", (await page.textContent("#qr-text")).trim());
  await phone.click("#claim");
  await phone.waitForSelector("#approval:not([hidden])");
  await phone.fill("#number", (await page.textContent("#number")).trim());
  await shot(phone, "phone-number", size);
  await phone.click("#approve");
  await phone.waitForSelector('#result[data-outcome="approved"]');
  await page.waitForSelector("#signed-in");
  assert.equal(await page.textContent("#name"), name);
  assert.equal(await page.textContent("#acr"), "eidas1");
  await page.context().close();
}

async function signedOut(demo, page, size) {
  const passed = [];
  page.on("request", (request) => passed.push(new URL(request.url()).origin));
  await page.click("#logout");
  await page.waitForSelector("#patient-login");
  assert.ok(passed.includes(demo.issuer) && passed.includes(demo.franceconnect), passed.join(", "));
  await page.goto(new URL("/account", demo.issuer).href);
  await page.waitForSelector('button[name="provider"]');
  await shot(page, "signed-out", size);
}

async function cancelled(browser, demo, size) {
  const page = await atChoice(browser, demo, size, "fr");
  await page.click("button.cancel");
  await page.waitForSelector('a[href^="/interaction/"]');
  await shot(page, "cancelled", size);
  await page.click('a[href^="/interaction/"]');
  await page.waitForSelector('button[name="provider"]');
  await page.goto(`${demo.franceconnect}/api/v2/authorize?client_id=sceau-demonstration&redirect_uri=http://localhost:9/`);
  assert.equal(await page.textContent("#error-code"), "Y04C013C");
  await shot(page, "refused", size);
  await page.context().close();
}

async function otherwise(browser, demo, size) {
  const page = await atChoice(browser, demo, size, "en", "dark");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.match(await page.textContent("main"), /This is not FranceConnect/);
  await shot(page, "choice-dark", size);
  await page.context().close();
}

async function atChoice(browser, demo, size, locale, colorScheme) {
  const page = await visitor(browser, size, { locale, colorScheme });
  await page.goto(demo.service);
  await page.click("#patient-login");
  await page.click('button[name="provider"]');
  await page.waitForSelector("#identite");
  return page;
}

async function visitor(browser, viewport, more = {}) {
  const context = await browser.newContext({ locale: "fr-FR", viewport, ...more });
  context.setDefaultTimeout(PATIENCE);
  return context.newPage();
}

async function shot(page, name, { width }) {
  const widths = () => [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  const [scrollWidth, clientWidth] = await page.evaluate(widths);
  assert.ok(scrollWidth <= clientWidth, `${name}: ${scrollWidth} wide in ${clientWidth}`);
  const folder = process.env.SCEAU_SCREENSHOTS;
  if (folder) await page.screenshot({ path: join(folder, `demo-${name}-${width}.png`), fullPage: true });
}
