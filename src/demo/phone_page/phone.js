// The screens of the demonstration phone: activation, requests, decision, result, phones.

import { description, ownerOf, showPersons, typed } from "./activation.js";
import * as authenticator from "./authenticator.js";
import { Answer, call, codeOf } from "./issuer.js";
import * as store from "./store.js";
import { at, drawResult, drawText, element, pause, reasonOf, screen, show, tell } from "./screens.js";
import { has, say, switchLanguage, tag, translate } from "./texts.js";

const POLL = 2000;
const GESTURE = 700;

let phone; // the enrolment, as stored
let pending = [];
let open; // the approval on screen: { id, answer, numberRequired }
let busy = false;
const answered = new Set(); // approvals that a late list may still hold
let result; // what the result screen says

/** One thing at a time; what fails is told, and a phone that is no longer known starts again. */
const doing = async (work, failed = (reason) => tell(reason)) => {
  if (busy) return;
  busy = true;
  document.body.toggleAttribute("data-busy", true);
  try {
    await work();
  } catch (error) {
    if (error instanceof Answer && error.code === "invalid_device") await startAgain("invalid_device");
    else await failed(reasonOf(error), error);
  } finally {
    busy = false;
    at("touch").hidden = true;
    document.body.toggleAttribute("data-busy", false);
  }
};

const startAgain = async (reason) => {
  await store.forget();
  phone = undefined;
  pending = [];
  show("activation");
  tell(reason);
};

// --- activation -----------------------------------------------------------------------------------------------

const activate = () => {
  const proof = { type: "contact_codes", email: typed("code-email"), phone: typed("code-phone") };
  return enrol({ national_id: typed("national-id"), proof }, ownerOf(typed("national-id")));
};

/** The ticket says whose phone this becomes; this page is not told. */
const activateByTicket = () => {
  const ticket = codeOf(typed("ticket"), "/e#");
  if (!ticket) return tell("other_code");
  return enrol({ proof: { type: "ticket", ticket } }, "");
};

const enrol = async (start, owner) => {
  tell("activating");
  const requestKey = await authenticator.newKey();
  const approvalKey = await authenticator.newKey();
  const started = await call(requestKey, "POST", "/enrolments", start);
  await authenticator.checkEnrolmentChallenge(started, requestKey);
  const rpId = started.options.rp.id;
  const credential = await authenticator.createCredential(approvalKey, { challenge: started.options.challenge, rpId });
  const path = `/enrolments/${encodeURIComponent(started.enrolment_id)}/credential`;
  const { device } = await call(requestKey, "POST", path, { credential, device: description() });
  phone = { requestKey, approvalKey, rpId, credentialId: credential.id, counter: 0, owner, device };
  await store.save(phone);
  for (const form of ["activation-form", "ticket-form"]) at(form).reset();
  goHome();
  tell("activated");
};

/** A code read off a page of the issuer: no request can wait twice, so that asking again changes nothing. */
const claim = async () => {
  const id = codeOf(typed("code"), "/q/");
  if (!id) return tell("other_code");
  const approval = await call(phone.requestKey, "POST", `/approvals/${encodeURIComponent(id)}/claim`, {});
  at("claim-form").reset();
  pending = [...pending.filter((one) => one.id !== approval.id), approval];
  await openApproval(approval);
};

const askCodes = async () => {
  if (!typed("national-id")) return tell("codes_need_id");
  await call(undefined, "POST", "/enrolments/codes", { national_id: typed("national-id") });
  tell("codes_sent");
};

// --- requests -------------------------------------------------------------------------------------------------

const goHome = () => {
  open = undefined;
  at("owner").textContent = phone.owner;
  tell();
  drawPending(true);
  show("home");
};

const remaining = ({ expires_at }) => say("expires", { seconds: Math.max(0, Math.round(expires_at - Date.now() / 1000)) });

const drawPending = (anew) => {
  const rows = [...at("pending").children];
  const same = rows.map((row) => row.dataset.id).join() === pending.map(({ id }) => id).join();
  at("none").hidden = pending.length > 0;
  if (same && !anew) pending.forEach((approval, index) => (rows[index].querySelector("small").textContent = remaining(approval)));
  else at("pending").replaceChildren(...pending.map(card));
};

const card = (approval) => {
  const row = element("li", "", { className: "approval" });
  row.dataset.id = approval.id;
  const button = element("button", "", { type: "button" });
  const { service, purpose, origin } = approval.text;
  const lines = [element("strong", service), element("span", purpose), element("span", origin)];
  button.append(...lines, element("small", remaining(approval)), element("em", say("see")));
  button.addEventListener("click", () => doing(() => openApproval(approval), openingFailed));
  row.append(button);
  return row;
};

/** Reading the requests waits for nobody: what the person does meanwhile wins. */
const refresh = async () => {
  const { approvals } = await call(phone.requestKey, "GET", "/approvals");
  if (busy || !phone) return;
  pending = approvals.filter(({ id }) => !answered.has(id));
  if (at("status").textContent === say("unavailable")) tell();
  if (screen() === "home") drawPending();
  else if (screen() === "approval" && !pending.some(({ id }) => id === open.id)) finish("ended");
};

const poll = async () => {
  for (;;) {
    if (phone && !busy && ["home", "approval"].includes(screen())) {
      await refresh().catch((error) => (error.code === "invalid_device" ? startAgain(error.code) : tell("unavailable")));
    }
    await pause(POLL);
  }
};

// --- decision -------------------------------------------------------------------------------------------------

const openApproval = async (approval) => {
  open = { id: approval.id, numberRequired: approval.number_required };
  await newChallenge();
  drawText(open.answer.text);
  at("number-part").hidden = !open.numberRequired;
  at("number").value = "";
  at("problem").textContent = "";
  tell();
  show("approval");
  if (open.numberRequired) at("number").focus();
};

/** A challenge serves once; the text that is shown is the one it commits to. */
const newChallenge = async () => {
  const answer = await call(phone.requestKey, "POST", `/approvals/${encodeURIComponent(open.id)}/challenge`, {});
  await authenticator.checkApprovalChallenge(answer, open.id);
  const { rpId, allowCredentials } = answer.options;
  const ours = allowCredentials.some(({ id }) => id === phone.credentialId);
  const changed = open.answer && authenticator.canonical(open.answer.text) !== authenticator.canonical(answer.text);
  if (rpId !== phone.rpId || !ours || changed) throw new authenticator.Refusal("challenge_differs");
  open.answer = answer;
};

const decide = (decision) => call(phone.requestKey, "POST", `/approvals/${encodeURIComponent(open.id)}/decision`, decision);

const approve = async () => {
  const number = at("number").value;
  if (open.numberRequired && !/^[0-9]{2}$/.test(number)) return problem("number_format");
  at("problem").textContent = "";
  at("touch").hidden = false;
  await pause(GESTURE);
  const { challenge, rpId } = open.answer.options;
  const { credentialId } = phone;
  const counter = await store.nextCounter();
  const assertion = await authenticator.assert(phone.approvalKey, { challenge, rpId, credentialId, counter });
  await decide({ decision: "approve", ...(open.numberRequired && { number }), assertion });
  finish("approved");
};

const refuse = async (reported) => {
  await decide({ decision: "deny", reported });
  finish(reported ? "reported" : "denied");
};

const problem = (id, values) => {
  at("problem").textContent = say(id, values);
  at("number").value = "";
  if (open.numberRequired) at("number").focus();
};

const openingFailed = (reason, error) => {
  if (!isOver(error)) tell(reason);
};

/** Whatever failed may have used the challenge up: the next try has its own. */
const decisionFailed = async (reason, error) => {
  if (isOver(error)) return;
  problem(reason, { tries: error.body?.tries_left });
  await newChallenge().catch((cause) => isOver(cause) || problem(reasonOf(cause)));
};

const isOver = ({ code, body }) => {
  if (code === "wrong_number" && body.tries_left > 0) return false;
  if (!["wrong_number", "approval_ended", "approval_not_found"].includes(code)) return false;
  const status = code === "wrong_number" ? "locked" : body.status;
  finish(has(`ended_${status}`) ? `ended_${status}` : "ended");
  return true;
};

const finish = (outcome) => {
  answered.add(open.id);
  pending = pending.filter(({ id }) => !answered.has(id));
  result = outcome;
  drawResult(result);
  show("result");
};

// --- phones ---------------------------------------------------------------------------------------------------

const openDevices = async () => {
  const { devices } = await call(phone.requestKey, "GET", "/devices");
  tell();
  at("device-list").replaceChildren(...devices.map(deviceRow));
  show("devices");
};

const deviceRow = (device) => {
  const row = element("li", "", { className: "device" });
  row.dataset.status = device.status;
  const until = new Date(device.valid_until * 1000).toLocaleDateString(tag(), { dateStyle: "long" });
  const name = element("strong", device.current ? `${device.name} (${say("current")})` : device.name);
  const serial = `${say("serial")} ${device.serial} · ${device.acr}`;
  row.append(name, element("span", `${device.model}, ${device.operating_system}`), element("span", serial));
  const ended = has(`status_${device.status}`);
  row.append(element("span", ended ? say(`status_${device.status}`) : `${say("valid_until")} ${until}`));
  if (!ended) row.append(revokeButton(device));
  return row;
};

const revokeButton = (device) => {
  const button = element("button", say("revoke"), { type: "button", className: "second wax revoke" });
  button.addEventListener("click", () => {
    if (button.dataset.sure) return doing(() => revoke(device));
    button.dataset.sure = "yes";
    button.textContent = say("revoke_sure");
  });
  return button;
};

const revoke = async (device) => {
  await call(phone.requestKey, "DELETE", `/devices/${encodeURIComponent(device.id)}`);
  if (device.current) return startAgain("revoked");
  await openDevices();
  tell("revoked");
};

// --- start ----------------------------------------------------------------------------------------------------

const on = (id, event, work, failed) =>
  at(id).addEventListener(event, (happening) => {
    happening.preventDefault();
    doing(work, failed);
  });

const start = async () => {
  translate();
  at("language").addEventListener("click", () => {
    switchLanguage();
    translate();
    if (screen() === "home") drawPending(true);
    if (screen() === "approval") drawText(open.answer.text);
    if (screen() === "result") drawResult(result);
    else tell();
    if (screen() === "devices") doing(openDevices);
  });
  if (!globalThis.crypto?.subtle) return tell("insecure");
  on("activation-form", "submit", activate);
  on("ticket-form", "submit", activateByTicket);
  on("claim-form", "submit", claim);
  on("codes", "click", askCodes);
  on("decision", "submit", approve, decisionFailed);
  on("deny", "click", () => refuse(false), decisionFailed);
  on("report", "click", () => refuse(true), decisionFailed);
  on("tab-devices", "click", openDevices);
  for (const id of ["back", "done", "tab-home"]) at(id).addEventListener("click", goHome);
  phone = await store.load();
  if (phone) goHome();
  else show("activation");
  await showPersons();
  poll();
};

start();
