// Signs in on the demonstration with `sceau phone`, and writes the evidence bundle of that approval to the file named.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { BINARY, Browser, CommandLinePhone, Demo } from "../interop/_sceau.mjs";

const demo = await Demo.start();
try {
  const [person] = demo.persons;
  const phone = await CommandLinePhone.enrol(demo, person);
  let approval;
  const holder = {
    async answer({ number }) {
      [approval] = await phone.pending();
      await phone.answer({ number });
    },
  };
  const client = demo.client("client_secret_basic");
  const query = new URLSearchParams({
    client_id: client.client_id, redirect_uri: client.redirect_uris[0], response_type: "code", scope: "openid",
  });
  const browser = new Browser(demo.issuer);
  const { redirect } = await browser.signIn(`${demo.issuer}/authorize?${query}`, person.national_id, holder);
  if (!redirect?.searchParams.has("code")) throw new Error(`no code: ${redirect}`);
  writeFileSync(process.argv[2], execFileSync(BINARY, ["audit", "evidence", approval.id, "--data", demo.data]));
} finally {
  await demo.stop();
}
