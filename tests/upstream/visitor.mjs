// A person with a browser at the twin: keeps cookies, chooses an identity, consents, and stops where the redirects
// leave the twin.

export class Visitor {
  #cookies = new Map();

  constructor(twin) {
    this.origin = new URL(twin.issuer ?? twin).origin;
  }

  /// From an authorization URL to the callback: a URL; or `{ status, html, code }` when a page refuses.
  async signIn(url, { identity = "ordinaire", acr = "", giveUp = false } = {}) {
    let turn = await this.open(url);
    for (let steps = 0; steps < 4 && !(turn instanceof URL); steps += 1) {
      const action = (id) => turn.html.match(new RegExp(`<form id="${id}"[^>]* action="([^"]*)"`))?.[1];
      if (giveUp && action("abandon")) turn = await this.send(action("abandon"), {});
      else if (action("identite")) turn = await this.send(action("identite"), { identity, acr });
      else if (action("consentement")) turn = await this.send(action("consentement"), {});
      else return turn;
    }
    return turn;
  }

  /// From a logout URL to the service's page, through the form of the twin.
  async logout(url) {
    const turn = await this.open(url);
    const form = turn.html?.match(/<form [^>]*action="([^"]*)"[\s\S]*?name="xsrf" value="([^"]*)"/);
    return form ? this.send(form[1], { xsrf: form[2], logout: "yes" }) : turn;
  }

  open(url) {
    return this.#follow(url, {});
  }

  send(url, fields) {
    return this.#follow(url, { method: "POST", body: new URLSearchParams(fields) });
  }

  async #follow(url, options) {
    let address = new URL(url, this.origin);
    let next = options;
    for (let hops = 0; hops < 8; hops += 1) {
      if (address.origin !== this.origin) return address;
      const headers = { accept: "text/html", cookie: [...this.#cookies].map((pair) => pair.join("=")).join("; ") };
      const response = await fetch(address, { redirect: "manual", ...next, headers });
      for (const line of response.headers.getSetCookie()) this.#keep(line);
      const location = response.headers.get("location");
      if (!location) return page(response, await response.text());
      address = new URL(location, address);
      next = {};
    }
    throw new Error("redirects without end");
  }

  #keep(line) {
    const [name, value] = line.split(";")[0].split(/=(.*)/s);
    if (value === "") this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}

function page(response, html) {
  return { status: response.status, html, code: html.match(/id="error-code">([^<]*)</)?.[1] };
}
