// The links of one's own account in Chromium: a provider like FranceConnect above `sceau serve`, linked by the phone and a
// sign-in there, refused, taken back; and a service that was allowed to know the person.
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { IDENTITIES, startTwin } from "../upstream/twin.mjs";
import { Phone } from "./_phone.mjs";
import { check } from "./_sceau.mjs";
import { Server } from "./_server.mjs";
import { begin, configuration, register } from "./_service.mjs";

const SECRET = "un secret de plus de trente-deux caracteres";
const SIZES = [[390, 844], [1280, 900]];
const PERSON = "899700000013";
const [OWN, OTHER] = IDENTITIES;

/// Runs the checks in `browser`; `shot(page, name)` keeps a picture, `fits(page, what)` refuses a page that scrolls sideways.
export async function links({ browser, person = PERSON, shot, fits }) {
  const world = { browser, person, shot, fits };
  try {
    await prepare(world);
    for (const size of SIZES) await check(`links of the account, ${size[0]} wide`, () => inOneWidth(world, size));
    await check("links of the account without JavaScript, in English", () => plain(world));
  } finally {
    world.service?.close();
    await world.server?.stop();
    await world.twin?.stop();
  }
}

async function prepare(world) {
  world.twin = await startTwin({ flavour: "low" });
  const server = await Server.configure({ lines: [
    "[[upstream]]", 'id = "fc"', 'preset = "franceconnect"', `issuer = "${world.twin.issuer}"`,
    'client_id = "sceau"', 'client_secret_file = "UPSTREAM_SECRET"',
    "[[upstream]]", 'id = "plus"', 'preset = "franceconnect+"', 'issuer = "http://127.0.0.1:9"',
    'client_id = "sceau"', 'client_secret_file = "UPSTREAM_SECRET"',
  ] });
  world.server = server;
  const secret = join(server.folder, "upstream.secret");
  writeFileSync(secret, SECRET, { mode: 0o600 });
  writeFileSync(server.settings, readFileSync(server.settings, "utf8").replaceAll("UPSTREAM_SECRET", secret));
  await server.begin();
  await world.twin.register({
    client_id: "sceau", client_secret: SECRET, redirect_uris: [`${server.issuer}/federation/fc/callback`],
    post_logout_redirect_uris: [`${server.issuer}/federation/fc/logged_out`], jwks_uri: `${server.issuer}/jwks`,
  });
  world.service = createServer((_, answer) => answer.end("Bienvenue")).listen(0, "127.0.0.1");
  await once(world.service, "listening");
  world.callback = `http://127.0.0.1:${world.service.address().port}/callback`;
  const words = ["--name", "Dossier du patient", "--redirect-uri", world.callback, "--scope", "openid profile rpps", "--ask-consent"];
  world.client = { ...(await register(server.target, ...words)), redirect_uris: [world.callback] };
  world.config = await configuration(server, world.client);
  world.phone = await Phone.enrol(server.issuer, await server.person(world.person));
}

async function inOneWidth(world, [width, height]) {
  const { shot, fits } = world;
  const context = await world.browser.newContext({ locale: "fr-FR", viewport: { width, height } });
  const page = await context.newPage();
  await signedIn(world, page);
  await allow(world, page);
  await page.goto(`${world.server.issuer}/account`);
  await fits(page, "account page");
  await shot(page, `links-${width}-1-account`);
  await page.click('a[href="/account/links"]');
  await page.waitForSelector("#consents");
  await fits(page, "page of links");
  await shot(page, `links-${width}-2-nothing-linked`);
  equal(await page.locator('button[name="provider"]').count(), 1, "the phone attests itself: no FranceConnect+");

  // Given up there: a page with a way back, and nothing changed.
  await page.click('button[value="fc"]');
  await page.click("#abandon button");
  await page.waitForSelector("#reference");
  await fits(page, "page of a setback");
  await shot(page, `links-${width}-3-given-up`);
  await page.click('a[href="/account/links"]');
  await linked(page, OWN.id);
  await fits(page, "page of links, linked");
  await shot(page, `links-${width}-4-linked`);

  // A shared computer: the sign-in made there is ended, and the session here goes on.
  await page.click('form[action="/account/links/sign-out"] button');
  await page.waitForURL(/done=signed-out/);
  equal(await page.locator('form[action="/account/links/sign-out"]').count(), 0, "sign-in there");
  equal(await page.locator('form[action^="/account/links/"][action$="/revoke"]').count(), 1, "links, signed out there");
  await fits(page, "page of links, signed out there");
  await shot(page, `links-${width}-4-signed-out-there`);

  await page.click('form[action="/account/consents/revoke"] button');
  await page.waitForSelector(".done");
  equal(await page.locator('form[action="/account/consents/revoke"]').count(), 0, "consents");
  await page.click('form[action^="/account/links/"][action$="/revoke"] button');
  await page.waitForSelector("#unlinked");
  await fits(page, "page of the end of a link");
  await shot(page, `links-${width}-5-unlinked`);
  await page.click("a.primary");
  await page.waitForSelector("input[name=identifier]");
  await context.close();
}

async function plain(world) {
  const context = await world.browser.newContext({ locale: "en-GB", viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
  const page = await context.newPage();
  await signedIn(world, page);
  await page.goto(`${world.server.issuer}/account/links`);
  await linked(page, OTHER.id);
  equal(await page.locator("h1").textContent(), "Linked accounts and allowed services", "heading");
  await world.shot(page, "links-en-plain");
  await page.click('form[action^="/account/links/"][action$="/revoke"] button');
  await page.waitForSelector("#unlinked");
  await context.close();
}

/// Signs in to the account with the number and the phone.
async function signedIn(world, page) {
  await page.goto(`${world.server.issuer}/account`);
  await page.fill("input[name=identifier]", world.person);
  await page.click('form:has(input[name="identifier"]) button');
  await page.waitForSelector("#number");
  await world.phone.answer({ number: (await page.textContent("#number")).trim() });
  // Without JavaScript the page comes again by itself.
  await page.waitForSelector("#phones", { timeout: 30_000 });
}

/// A service asks, and is allowed.
async function allow(world, page) {
  const flow = await begin(world.config, world.client, { parameters: { scope: "openid profile rpps" } });
  await page.goto(flow.url.href);
  await page.click('button[name="decision"][value="allow"]');
  await page.waitForURL((url) => url.href.startsWith(world.callback));
}

/// From the page of links to the provider and back.
async function linked(page, identity) {
  await page.click('button[value="fc"]');
  await page.selectOption('#identite select[name="identity"]', identity);
  await page.click("#identite button");
  await page.click("#consentement button", { timeout: 5_000 }).catch(() => {});
  await page.waitForSelector(".done");
  equal(await page.locator('form[action^="/account/links/"][action$="/revoke"]').count(), 1, "links");
}

function equal(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}
