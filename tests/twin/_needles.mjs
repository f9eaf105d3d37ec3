// What must not be found, in every form it could be written in; and the search.

const SHORTEST = 6; // bytes, for the encoded forms: below that they occur by chance
const DECODED = 20;

/// The values to look for: each with what it is.
export class Needles {
  constructor() {
    this.values = new Map();
    this.numbers = new Set();
  }

  add(what, ...values) {
    for (const value of values) if (typeof value === "string" && value.length > 2) this.values.set(value, what);
  }

  /// A token: whole, and its parts that are random or personal.
  token(what, token) {
    if (typeof token !== "string") return;
    this.add(what, token);
    const parts = token.split(".");
    // A JWS; an address has dots too, and `org` stands everywhere.
    if (parts.length === 3 && parts.every((part) => /^[\w-]{16,}$/.test(part))) this.add(`${what} (payload or signature)`, parts[1], parts[2]);
  }

  /// Two digits occur everywhere by chance: they are looked for where a number would stand.
  number(text) {
    if (/^\d\d$/.test(text)) this.numbers.add(text);
  }

  /// Every place of `haystacks` (name → text, bytes as latin1) where one of them is: `what in place as form`.
  search(haystacks) {
    const found = new Set();
    for (const [place, text] of Object.entries(haystacks)) {
      const lower = text.toLowerCase();
      for (const [value, what] of this.values) {
        for (const { form, word, exact } of forms(value)) {
          const folded = form === "plain" && lower.includes(word.toLowerCase());
          if (exact ? standsAlone(text, word) : folded || text.includes(word)) found.add(`${what} in ${place} as ${form}`);
        }
      }
      for (const number of this.numbers) if (numberIn(text, number)) found.add(`a number in ${place}`);
    }
    return [...found];
  }
}

function* forms(value) {
  const bytes = Buffer.from(value);
  // Eight digits can stand inside longer runs of hexadecimal by chance.
  yield { form: "plain", word: bytes.toString("latin1"), exact: /^\d{1,9}$/.test(value) };
  if (bytes.length < SHORTEST) return;
  yield { form: "hexadecimal", word: bytes.toString("hex") };
  yield { form: "hexadecimal", word: bytes.toString("hex").toUpperCase() };
  const escaped = encodeURIComponent(value);
  if (escaped !== value) yield { form: "URL", word: escaped };
  const json = JSON.stringify(value).slice(1, -1);
  if (json !== value) yield { form: "JSON", word: json };
  for (const alphabet of ["base64", "base64url"]) {
    for (const word of inside(bytes, alphabet)) yield { form: alphabet, word };
  }
  // What is random was random bytes before it was text.
  if (!/^[\w-]+$/.test(value)) return;
  const decoded = Buffer.from(value, "base64url");
  if (decoded.length < DECODED) return;
  yield { form: "bytes", word: decoded.toString("latin1") };
  yield { form: "bytes in hexadecimal", word: decoded.toString("hex") };
}

/// The characters that do not depend on what stands before and behind, for the three places in a group.
function inside(bytes, alphabet) {
  return [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString(alphabet).replace(/=+$/, "");
    const last = (before + bytes.length) % 3 === 0 ? text.length : text.length - 1;
    return text.slice([0, 2, 3][before], last);
  });
}

function standsAlone(text, word) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!/[0-9a-f]/i.test(text[at - 1] ?? "") && !/[0-9a-f]/i.test(text[at + word.length] ?? "")) return true;
  }
  return false;
}

/// After the word `number`; as the whole of a quoted value; as the whole of a value of Redis in its file. Two digits that
/// count something have a name that says so.
function numberIn(text, number) {
  const named = `number[^\\w$]{0,6}${number}(?!\\d)`; // not the length of what follows in Redis's file
  const quoted = `(?<!"seq":|"count\\.[a-z]+":|le=|'(?:count|entries)'\\n)["']${number}["']`;
  const stored = `(?<!(?:count|entries)\\r\\n)\\$2\\r\\n${number}\\r\\n`;
  return new RegExp(`${named}|${quoted}|${stored}`, "i").test(text);
}
