// What somebody who listened, or who kept it, could send again after Redis has lost its memory.
import assert from "node:assert/strict";
import {
  alone, assertionForm, authorizeForm, basic, boundUserinfo, clientAssertion, codeFor, codeForm, formRequest, jsonRequest,
  proofFor, refreshForm, tokenRequest,
} from "../interop/_wire.mjs";
import { atNumber, native, phoneCall, waiting } from "./_steps.mjs";

let assertionsCaptured = false;

/// What somebody who listened, or who kept it, could send again: with a test of the answer.
export async function capture(twin, person, phone, browser) {
  const captured = [];
  const keep = (name, request, refused) => captured.push({ name, request, refused });
  const error = (...names) => (answer) => answer.status >= 400 && answer.status < 500 && names.includes(answer.body.error);
  const page = (answer) => answer.status === 400 && !answer.headers.location;
  const stale = error("invalid_dpop_proof", "use_dpop_nonce");
  const used = async (request, status) => {
    const answer = await alone(twin, request);
    assert.equal(answer.status, status, answer.text);
    return request;
  };

  const app = await native(twin, browser);
  const proved = (form, path) => {
    const dpop = proofFor(twin, app.key, app.nonce, path);
    return formRequest(path, { ...form, client_id: app.client.client_id }, { dpop });
  };
  keep("a used DPoP proof at /token", await used(proved(refreshForm(app.refresh_token), "/token"), 200), stale);
  keep("an unused DPoP proof at /token", proved(refreshForm(app.refresh_token), "/token"), stale);
  keep("a used DPoP proof at /par", await used(proved(authorizeForm(app.client, "v".repeat(43)), "/par"), 201), stale);
  keep("an unused DPoP proof at /par", proved(authorizeForm(app.client, "v".repeat(43)), "/par"), stale);
  const asked = await alone(twin, boundUserinfo(twin, app.key, app.access_token));
  const userinfo = () => boundUserinfo(twin, app.key, app.access_token, asked.headers["dpop-nonce"]);
  const gone = error("invalid_dpop_proof", "use_dpop_nonce", "invalid_token");
  keep("a used DPoP proof at /userinfo", await used(userinfo(), 200), gone);
  keep("an unused DPoP proof at /userinfo", userinfo(), gone);
  await phone.pending();
  const path = "/mobile/v1/approvals";
  const call = () => ({ method: "GET", path, headers: { dpop: phone.proof("GET", path) } });
  keep("a used proof of a phone", await used(call(), 200), stale);
  keep("an unused proof of a phone", call(), stale);

  const signer = twin.client("private_key_jwt");
  const signed = () => assertionForm(clientAssertion(twin, signer));
  const pushed = formRequest("/par", { ...authorizeForm(signer, "v".repeat(43)), ...signed() });
  const answer = await alone(twin, pushed);
  keep("a client assertion at /par", pushed, error("invalid_client"));
  const atToken = formRequest("/token", { ...codeForm(signer, "x", "v".repeat(43)), ...signed() });
  const { body } = await alone(twin, atToken);
  keep("a client assertion at /token", atToken, error("invalid_client"));
  if (!assertionsCaptured) assert.deepEqual([answer.status, body.error], [201, "invalid_grant"], "used before");
  assertionsCaptured = true;

  const client = twin.client("client_secret_basic");
  const redeem = ({ code, verifier }) => tokenRequest(client, codeForm(client, code, verifier));
  keep("a used code", await used(redeem(await codeFor(twin, browser, client)), 200), error("invalid_grant"));
  keep("an unused code", redeem(await codeFor(twin, browser, client)), error("invalid_grant"));
  const load = async () => {
    const pushed = await alone(twin, formRequest("/par", authorizeForm(client, "v".repeat(43)), basic(client)));
    const query = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.body.request_uri });
    return { method: "GET", path: `/authorize?${query}`, headers: { cookie: browser.cookieHeader() } };
  };
  keep("a used request_uri", await used(await load(), 303), page);
  keep("an unused request_uri", await load(), page);

  const decide = async () => {
    const login = await atNumber(twin, person);
    const approval = await waiting(phone);
    const body = { decision: "approve", number: login.page.number, assertion: await phone.assertion(approval) };
    const path = `/mobile/v1/approvals/${approval.id}`;
    const send = () => jsonRequest("POST", `${path}/decision`, body, { dpop: phone.proof("POST", `${path}/decision`) });
    return { login, path, send };
  };
  const over = (answer) => answer.status >= 400 && answer.status < 500;
  const first = await decide();
  keep("a used decision of a phone", await used(first.send(), 200), over);
  const second = await decide();
  keep("an unused decision of a phone", second.send(), over);
  const dpop = phone.proof("POST", `${second.path}/challenge`);
  keep("a challenge for an approval of before", jsonRequest("POST", `${second.path}/challenge`, {}, { dpop }), over);
  // Signed anew, with a nonce of now: what is in it is as old.
  for (const [name, { send }] of [["a used decision with a new proof", first], ["an unused decision with a new proof", second]]) {
    keep(name, (at) => renewed(twin, phone, send, at), (answer) => over(answer) && answer.status !== 401);
  }
  const resume = { method: "GET", path: second.login.page.resume, headers: { cookie: second.login.browser.cookieHeader() } };
  keep("the page of an interaction", resume, page);
  return captured;
}

/// What a phone makes after it has been given a nonce of now.
async function renewed(twin, phone, make, at) {
  await phoneCall(twin, phone, "GET", "/mobile/v1/approvals", undefined, { at });
  return make();
}
