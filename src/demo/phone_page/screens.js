// The document of the phone: finding, making and showing its parts.

import { Refusal } from "./authenticator.js";
import { Answer } from "./issuer.js";
import { has, say, tag } from "./texts.js";

const SCREENS = ["activation", "home", "approval", "result", "devices"];

export const at = (id) => document.getElementById(id);

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export const element = (kind, text, properties = {}) =>
  Object.assign(document.createElement(kind), { textContent: text, ...properties });

/** Shows one screen, and takes the reader to its heading. */
export const show = (name) => {
  document.body.dataset.screen = name;
  for (const id of SCREENS) at(id).hidden = id !== name;
  at("tabs").hidden = !["home", "devices"].includes(name);
  for (const tab of ["home", "devices"]) at(`tab-${tab}`).setAttribute("aria-current", tab === name ? "page" : "false");
  at(`${name}-title`).focus({ preventScroll: true });
  document.querySelector("main").scrollTo(0, 0);
};

export const screen = () => document.body.dataset.screen;

/** The line at the top: what was done, or what went wrong. */
export const tell = (id, values) => {
  at("status").textContent = id ? say(id, values) : "";
};

/** The text that says why something failed. */
export const reasonOf = (error) => {
  if (error instanceof Refusal) return error.reason;
  return error instanceof Answer && has(error.code) ? error.code : "unavailable";
};

/** The text of a request, as it is signed. */
export const drawText = (text) => {
  const { service, purpose, origin, at: time, details, approval } = text;
  const rows = Object.entries({ service, purpose, origin, at: localTime(time) });
  rows.push(...details.map((line) => ["details", line]), ["approval", approval]);
  at("text").replaceChildren(...rows.flatMap(([name, value]) => [element("dt", say(name)), element("dd", value, { className: name })]));
};

/** What is signed stays in sight beside the reader's own clock. */
const localTime = (text) => {
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) return text;
  return `${moment.toLocaleString(tag(), { dateStyle: "long", timeStyle: "short" })} (${text})`;
};

/** How a request ended. */
export const drawResult = (result) => {
  if (!result) return;
  at("result").dataset.outcome = result;
  at("mark").textContent = result === "approved" ? "✓" : "✕";
  at("result-title").textContent = say(result);
  at("result-text").textContent = say(`${result}_text`);
  tell(result);
};
