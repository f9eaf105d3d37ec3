// The activation form: the fictitious persons that fill it, what was typed, what this phone says of itself.

import { at, element } from "./screens.js";
import { say } from "./texts.js";

const names = new Map();

/** Whose phone this is, as far as this page knows: the options of the enrolment name nobody. */
export const ownerOf = (nationalId) => names.get(nationalId) ?? nationalId;

/** The persons of the demonstration; a click fills the form. */
export const showPersons = async () => {
  const answer = await fetch("/demo/persons.json").catch(() => undefined);
  const persons = answer?.ok ? await answer.json() : [];
  at("persons").hidden = persons.length === 0;
  const rows = persons.map((person) => {
    names.set(person.national_id, person.name ?? person.national_id);
    const button = element("button", "", { type: "button" });
    button.append(element("strong", person.name ?? ""), element("span", person.national_id));
    button.addEventListener("click", () => fill(person));
    const row = element("li", "");
    row.append(button);
    return row;
  });
  at("person-list").replaceChildren(...rows);
};

const fill = ({ national_id, activation_codes }) => {
  at("national-id").value = national_id;
  at("code-email").value = activation_codes.email;
  at("code-phone").value = activation_codes.phone;
  at("activate").focus();
};

/** What was typed, without spaces. */
export const typed = (id) => at(id).value.replace(/\s/g, "");

/** How this phone is called in the list of phones. */
export const description = () => {
  const [, browser = "Web", version = ""] = /(Firefox|Edg|Chrome|Safari)\/(\d+)/.exec(navigator.userAgent) ?? [];
  const operating_system = (navigator.userAgentData?.platform || navigator.platform || "Web").slice(0, 40);
  return { name: say("title"), model: `${browser} ${version}`.trim(), operating_system, app_version: "1.0" };
};
