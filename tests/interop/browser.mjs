// A person, a browser and the demonstration phone, against the running binary.
//
// Needs SCEAU_BINARY and Chromium (CHROMIUM, /usr/bin/chromium by default). Screenshots go to tests/interop/out/.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { fits } from "./_page.mjs";
import { fairShare, start } from "./_sceau.mjs";

const PATIENCE = 20_000;
const OUT = fileURLToPath(new URL("out/", import.meta.url));
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let demo;
let browser;
let passed = 0;
let failed = 0;

const main = async () => {
  mkdirSync(OUT, { recursive: true });
  demo = await start();
  try {
    const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
    browser = await chromium.launch({ executablePath, args: FLAGS });
    await everything();
    if (demo.replicas) await check("each process served its share", () => fairShare(demo));
  } finally {
    await browser?.close();
    await demo.stop();
  }
};

const everything = async () => {
  if (demo.persons.length < 3) throw new Error(`three persons are needed, the demonstration has ${demo.persons.length}`);
  // One phone for one person serves several journeys; each journey that locks or floods has its own person.
  for (const [index, locale] of ["fr", "en"].entries()) {
    const person = demo.persons[index];
    const phone = await context({ locale });
    await check(`activation in ${locale}`, () => activate(phone, person, locale));
    for (const size of Object.keys(SIZES)) {
      for (const javaScriptEnabled of [true, false]) {
        const name = `sign-in ${locale} ${size}${javaScriptEnabled ? "" : " without JavaScript"}`;
        await check(name, () => signIn({ name, phone, person, locale, size, javaScriptEnabled }));
      }
    }
    await phone.close();
  }
  const person = demo.persons[2];
  const phone = await context({ locale: "fr" });
  await check("activation of a third person", () => activate(phone, person, "third"));
  await check("three wrong numbers end in access_denied", () => wrongNumbers(phone, person));
  await check("refusing on the phone ends in access_denied", () => refuse(phone, person));
  await phone.close();
  await check("cancelling on the page of the number ends in access_denied", () => cancel(person, true));
  await check("cancelling before the identifier ends in access_denied", () => cancel(person, false));
  await check("an identifier of eleven digits is explained", () => elevenDigits(person));
  await check("the other language is one click away", () => otherLanguage());
  await check("another browser gets an error page", () => otherBrowser(person));
};

// --- journeys ---------------------------------------------------------------------------------------------------

const activate = async (phone, person, label) => {
  const page = await phone.newPage();
  await page.goto(demo.phone);
  await page.fill("#national-id", person.national_id);
  await page.fill("#code-email", person.activation_codes.email);
  await page.fill("#code-phone", person.activation_codes.phone);
  await shot(page, `phone-activation-${label}`);
  await page.click("#activate");
  await page.waitForSelector("#home:not([hidden])");
  await shot(page, `phone-home-${label}`);
};

const signIn = async ({ name, phone, person, locale, size, javaScriptEnabled }) => {
  const login = await context({ locale, size, javaScriptEnabled });
  const page = await begin(login);
  equal(await page.getAttribute("html", "lang"), locale, "language of the page");
  const label = name.replaceAll(" ", "-");
  await fits(page, "identifier page");
  await shot(page, `${label}-1-identifier`);
  await identify(page, person);
  const number = await readNumber(page);
  await fits(page, "number page");
  await shot(page, `${label}-2-number`);
  await approve(phone, number, label);
  await arrive(page);
  await shot(page, `${label}-4-service`);
  await login.close();
};

const wrongNumbers = async (phone, person) => {
  const login = await context({});
  const page = await begin(login);
  await identify(page, person);
  const right = await readNumber(page);
  const device = await openApproval(phone);
  for (let turn = 1; turn <= 3; turn += 1) {
    const wrong = String((Number(right) + turn) % 100).padStart(2, "0");
    await device.fill("#number", wrong);
    await device.click("#approve");
    await device.waitForFunction(() => !document.body.hasAttribute("data-busy"));
    await shot(device, `phone-wrong-number-${turn}`);
  }
  await device.waitForSelector("#result:not([hidden])");
  await device.click("#done");
  await denied(page);
  await login.close();
};

const refuse = async (phone, person) => {
  const login = await context({});
  const page = await begin(login);
  await identify(page, person);
  await readNumber(page);
  const device = await openApproval(phone);
  await device.click("#report");
  await device.waitForSelector("#result:not([hidden])");
  await shot(device, "phone-reported");
  await device.click("#done");
  await denied(page);
  await login.close();
};

const cancel = async (person, withNumber) => {
  const login = await context({});
  const page = await begin(login);
  if (withNumber) {
    await identify(page, person);
    await readNumber(page);
  }
  await page.click("form.leave button");
  await denied(page);
  await login.close();
};

const elevenDigits = async (person) => {
  const login = await context({ size: "phone" });
  const page = await begin(login);
  await page.fill("input[name=identifier]", person.national_id.slice(1));
  await page.click("button.primary");
  await page.waitForSelector("#notice");
  equal(await page.getAttribute("#identifier", "aria-invalid"), "true", "aria-invalid");
  await shot(page, "eleven-digits");
  await login.close();
};

const otherLanguage = async () => {
  const login = await context({ locale: "fr" });
  const page = await begin(login);
  await page.click("a.language");
  await page.waitForSelector('html[lang="en"]');
  await page.waitForSelector("input[name=identifier]");
  await login.close();
};

const otherBrowser = async (person) => {
  const login = await context({});
  const page = await begin(login);
  await identify(page, person);
  await readNumber(page);
  const thief = await context({});
  const stolen = await thief.newPage();
  const [address] = /^.*\/interaction\/[^/?]+/.exec(page.url());
  const answer = await stolen.goto(address);
  if (answer.status() < 400) throw new Error(`status ${answer.status()}`);
  await stolen.waitForSelector("main.card h1");
  equal(await stolen.locator("form").count(), 0, "forms on the error page");
  equal(await stolen.locator("#number").count(), 0, "numbers on the error page");
  await shot(stolen, "other-browser");
  await thief.close();
  await page.click("form.leave button");
  await denied(page);
  await login.close();
};

// --- steps ------------------------------------------------------------------------------------------------------

const begin = async (login) => {
  const page = await login.newPage();
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) report(`policy: ${message.text()}`);
  });
  await page.goto(demo.service);
  await page.click("#login");
  await page.waitForSelector("input[name=identifier]");
  return page;
};

const identify = async (page, person) => {
  await page.fill("input[name=identifier]", person.national_id);
  await page.click("button.primary");
};

const readNumber = async (page) => {
  const number = (await page.textContent("#number")).trim();
  if (!/^[0-9]{2}$/.test(number)) throw new Error(`not a number of two digits: ${JSON.stringify(number)}`);
  return number;
};

const openApproval = async (phone) => {
  const [device] = phone.pages();
  await device.click("#pending .approval");
  await device.waitForSelector("#number:visible");
  return device;
};

const approve = async (phone, number, label) => {
  const device = await openApproval(phone);
  await device.fill("#number", number);
  await shot(device, `${label}-3-phone`);
  await device.click("#approve");
  await device.waitForSelector('#result:not([hidden])[data-outcome="approved"]');
  await device.click("#done");
};

/** The service may have to be consented to, the first time. */
const arrive = async (page) => {
  await page.waitForSelector("#signed-in, button[value=allow]");
  if ((await page.locator("button[value=allow]").count()) > 0) {
    await shot(page, "consent");
    await page.click("button[value=allow]");
  }
  await page.waitForSelector("#signed-in");
};

const denied = async (page) => {
  const text = await page.textContent("#login-error");
  if (!text.includes("access_denied")) throw new Error(`the service shows ${JSON.stringify(text)}`);
};

const equal = (actual, expected, what) => {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
};

// --- machinery --------------------------------------------------------------------------------------------------

const context = async ({ locale = "fr", size = "desktop", javaScriptEnabled = true }) => {
  const opened = await browser.newContext({ locale, viewport: SIZES[size], javaScriptEnabled });
  opened.setDefaultTimeout(PATIENCE);
  return opened;
};

const shot = (page, name) => page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true });

const check = async (name, journey) => {
  const before = new Set(browser.contexts());
  try {
    await journey();
    passed += 1;
    report(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    report(`FAIL  ${name}: ${error.message}`);
    await Promise.all(browser.contexts().map((opened, index) => picture(opened, `failed-${failed}-${index}`)));
    const left = browser.contexts().filter((opened) => !before.has(opened));
    await Promise.all(left.map((opened) => opened.close()));
    await Promise.all(browser.contexts().map(backHome));
  }
};

const picture = (opened, name) =>
  Promise.all(opened.pages().map((page) => shot(page, name).catch(() => report(`no picture of ${page.url()}`))));

/** A phone left in the middle of a failed journey starts the next one from its first screen. */
const backHome = (phone) => Promise.all(phone.pages().map((page) => page.reload()));

const report = (line) => process.stdout.write(`${line}\n`);

try {
  await main();
} catch (error) {
  failed += 1;
  report(`FAIL  ${error.message}`);
}
report(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
