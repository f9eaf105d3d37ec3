// `sceau demo` as the README shows it: the journey in the terminal, the JSON line, the kept data, the help.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { Demo, check, report, sceau } from "./_sceau.mjs";

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
    for (const address of [demo.issuer, demo.service, demo.phone]) {
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
report();
