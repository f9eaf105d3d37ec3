// Signing in by QR code, and the pages of one's own account, in Chromium against the running binary. The code is read
// from its drawing by a reader of its own. Screenshots go to
// SCEAU_SCREENSHOTS, by default tests/interop/out/.
//
// Needs SCEAU_BINARY and Chromium (CHROMIUM, /usr/bin/chromium by default).

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { links } from "./_links.mjs";
import { fits, readCode } from "./_page.mjs";
import { check, suite } from "./_sceau.mjs";

const PATIENCE = 20_000;
const OUT = process.env.SCEAU_SCREENSHOTS ?? fileURLToPath(new URL("out/", import.meta.url));
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } };
const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

let demo;
let browser;

const everything = async (started) => {
  demo = started;
  mkdirSync(OUT, { recursive: true });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  try {
    // A phone claims ten codes a minute: sign-ins and account have one each.
    const [phone, own] = [await context({}), await context({})];
    for (const [index, one] of [phone, own].entries()) await check(`activation ${index + 1}`, () => activate(one, demo.persons[index]));
    for (const locale of ["fr", "en"]) {
      for (const size of Object.keys(SIZES)) {
        for (const javaScriptEnabled of [true, false]) {
          const name = `QR ${locale} ${size}${javaScriptEnabled ? "" : " without JavaScript"}`;
          await check(name, () => signIn({ name, phone, locale, size, javaScriptEnabled }));
        }
      }
    }
    await check("the phone refuses codes that are not of this server, unknown or used", () => wrongCodes(own));
    for (const size of Object.keys(SIZES)) await check(`account ${size}`, () => account(own, size));
    await check("an unknown ticket enrols nothing", unknownTicket);
    await check("the address of a code does nothing in a browser", addresses);
    await check("a phone is removed from the account", () => remove(own));
    await links({ browser, shot, fits });
  } finally {
    await browser.close();
  }
};

// --- journeys ----------------------------------------------------------------------------------------------------

const activate = async (phone, person) => {
  const page = await phone.newPage();
  await page.goto(demo.phone);
  await page.fill("#national-id", person.national_id);
  await page.fill("#code-email", person.activation_codes.email);
  await page.fill("#code-phone", person.activation_codes.phone);
  await page.click("#activate");
  await page.waitForSelector("#home:not([hidden])");
  await shot(page, "qr-phone-home");
};

const signIn = async ({ name, phone, locale, size, javaScriptEnabled }) => {
  const login = await context({ locale, size, javaScriptEnabled });
  const page = await login.newPage();
  await page.goto(demo.service);
  await page.click("#login");
  await throughQr(page, phone, name.replaceAll(" ", "-"));
  await page.waitForSelector("#signed-in, button[value=allow]");
  if ((await page.locator("button[value=allow]").count()) > 0) await page.click("button[value=allow]");
  await page.waitForSelector("#signed-in");
  await login.close();
};

/** From the identifier page to the end of the number page, by the code alone. */
const throughQr = async (page, phone, label) => {
  await page.waitForSelector("input[name=identifier]");
  await fits(page, "identifier page");
  await page.click("form.other button");
  await page.waitForSelector(".code svg");
  await fits(page, "QR page");
  await shot(page, `${label}-1-code`);
  equal(await page.locator("#number").count(), 0, "numbers before the claim");
  const said = await readCode(page);
  equal(said, (await page.textContent("#qr-text")).trim(), "what the code says");
  const [device] = phone.pages();
  await device.fill("#code", said);
  await device.click("#claim");
  await device.waitForSelector("#approval:not([hidden])");
  // The page goes on by itself, with or without JavaScript.
  await page.waitForSelector("#number");
  await shot(page, `${label}-2-number`);
  await device.fill("#number", (await page.textContent("#number")).trim());
  await shot(device, `${label}-3-phone`);
  await device.click("#approve");
  await device.waitForSelector('#result:not([hidden])[data-outcome="approved"]');
  await device.click("#done");
  return said;
};

const wrongCodes = async (phone) => {
  const [device] = phone.pages();
  for (const bad of ["https://evil.example/q/0197c9a2-0000-7000-8000-000000000000", "0197c9a2-0000-7000-8000-000000000000"]) {
    await device.fill("#code", bad);
    await device.click("#claim");
    await device.waitForFunction(() => document.getElementById("status").textContent !== "");
    if (await device.isVisible("#approval")) throw new Error(`${bad} opened a request`);
    await shot(device, "qr-phone-refused");
    await device.reload();
    await device.waitForSelector("#home:not([hidden])");
  }
};

const account = async (phone, size) => {
  const visitor = await context({ size });
  const page = await visitor.newPage();
  await page.goto(new URL("/account", demo.issuer).href);
  await throughQr(page, phone, `account-${size}`);
  await page.waitForSelector("#phones");
  equal(new URL(page.url()).search, "", "query after the way back");
  equal(await page.locator(".things li").count(), 1, "phones");
  await fits(page, "account page");
  await shot(page, `account-${size}-4-phones`);
  await page.goto(new URL("/account/phones/new", demo.issuer).href);
  // The phone of the demonstration attests itself: eidas1 vouches for no other phone.
  await page.waitForSelector(".notice");
  equal(await page.locator("#ticket").count(), 0, "tickets");
  await fits(page, "page of a new phone");
  await shot(page, `account-${size}-5-new-phone`);
  await visitor.close();
};

const unknownTicket = async () => {
  const visitor = await context({ size: "phone" });
  const page = await visitor.newPage();
  await page.goto(demo.phone);
  await page.fill("#ticket", "A".repeat(43));
  await page.click("#activate-ticket");
  await page.waitForFunction(() => /inconnu, utilisé ou expiré/.test(document.getElementById("status").textContent));
  await shot(page, "phone-unknown-ticket");
  await visitor.close();
};

const addresses = async () => {
  const visitor = await context({ size: "phone" });
  const page = await visitor.newPage();
  for (const path of ["/q/0197c9a2-0000-7000-8000-000000000000", "/e#ticket"]) {
    const answer = await page.goto(new URL(path, demo.issuer).href);
    equal(answer?.status() ?? 200, 200, path);
    await page.waitForSelector("main.card h1");
    equal(await page.locator("form").count(), 0, "forms");
    await page.goto("about:blank");
  }
  await visitor.close();
};

const remove = async (phone) => {
  const visitor = await context({});
  const page = await visitor.newPage();
  await page.goto(new URL("/account", demo.issuer).href);
  await throughQr(page, phone, "account-remove");
  await page.waitForSelector("#phones");
  await page.click(".things form button");
  // It was the phone of this very session: the person signs in again.
  await page.waitForSelector("input[name=identifier]");
  const [device] = phone.pages();
  await device.waitForSelector("#activation:not([hidden])");
  await visitor.close();
};

// --- machinery ---------------------------------------------------------------------------------------------------

const context = async ({ locale = "fr", size = "desktop", javaScriptEnabled = true }) => {
  const opened = await browser.newContext({ locale, viewport: SIZES[size], javaScriptEnabled });
  opened.setDefaultTimeout(PATIENCE);
  return opened;
};

const shot = (page, name) => page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true });

const equal = (actual, expected, what) => {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
};

await suite(everything);
