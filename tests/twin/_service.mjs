// What a demonstration has beside the provider, for the browser's suite: a sample service (openid-client) and the page of
// the demonstration phone, served from the sources.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import * as oidc from "../interop/_openid_client.mjs";

const PHONE = new URL("../../src/demo/phone_page/", import.meta.url);
const SEAL = new URL("../../src/http/assets/seal.svg", import.meta.url);
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8" };

export async function listen(handle) {
  const server = createServer((request, response) => {
    Promise.resolve(handle(request, response)).catch((error) => response.writeHead(500).end(String(error)));
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return { server, address: `http://localhost:${server.address().port}` };
}

/// The page of the phone of `issuer`.
export function phonePage(issuer, persons) {
  return (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const send = (type, text) => response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(text);
    if (pathname === "/") {
      const html = readFileSync(new URL("index.html", PHONE), "utf8");
      return send(TYPES[".html"], html.replaceAll("{{issuer}}", issuer));
    }
    if (pathname === "/demo/persons.json") return send("application/json", JSON.stringify(persons()));
    if (pathname === "/seal.svg") return send(TYPES[".svg"], readFileSync(SEAL));
    if (!/^\/[a-z]+\.(js|css)$/.test(pathname)) return response.writeHead(404).end();
    return send(TYPES[extname(pathname)], readFileSync(new URL(`.${pathname}`, PHONE)));
  };
}

/// A service that signs persons in; `client` is filled in once it is registered.
export function sampleService(issuer, address, client) {
  const waiting = new Map();
  const show = (response, inner) => {
    const headers = { "content-type": TYPES[".html"], "cache-control": "no-store" };
    response.writeHead(200, headers).end(`<!doctype html><title>Service</title><link rel="icon" href="data:,">${inner}`);
  };
  const configuration = () =>
    oidc.discovery(new URL(issuer), client().client_id, undefined, oidc.ClientSecretBasic(client().client_secret), {
      execute: [oidc.allowInsecureRequests],
    });
  const begin = async (request, response) => {
    const [verifier, state] = [oidc.randomPKCECodeVerifier(), oidc.randomState()];
    const cookie = randomUUID();
    waiting.set(cookie, { verifier, state });
    const location = oidc.buildAuthorizationUrl(await configuration(), {
      redirect_uri: `${address()}/callback`, scope: "openid scope_all", state,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
    });
    const headers = { location: location.href, "set-cookie": `service=${cookie}; HttpOnly; SameSite=Lax; Path=/` };
    response.writeHead(303, headers).end();
  };
  const finish = async (request, response) => {
    const cookie = /service=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1];
    const { verifier, state } = waiting.get(cookie) ?? {};
    waiting.delete(cookie);
    const config = await configuration();
    try {
      const checks = { pkceCodeVerifier: verifier, expectedState: state };
      const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, address()), checks);
      const person = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
      show(response, `<section id="signed-in">${person.SubjectNameID}</section>`);
    } catch (error) {
      show(response, `<p id="login-error">${error.error ?? error.code ?? error.name}</p>`);
    }
  };
  return (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/login") return begin(request, response);
    if (pathname === "/callback") return finish(request, response);
    return show(response, '<a id="login" href="/login">Se connecter</a>');
  };
}
