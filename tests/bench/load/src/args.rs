//! The command line: `--name value`, and flags.

use std::collections::BTreeMap;
use std::process::exit;

pub const HELP: &str = "load: closed-loop load on one endpoint of an OpenID Connect provider, on loopback
  load OP --issuer URL [options]       prints one JSON object
  load enrol --issuer URL --persons FILE --codes FILE --phones FILE
                                       enrols a phone for each line `identifier|email|telephone`

OP
  discovery, jwks                      the document
  cc                                   client credentials; with --client-key, assertions signed beforehand
  introspect, userinfo                 each request another of --tokens FILE
  code                                 authorization code with PKCE, then token; keeps its session with --sso
  login                                the same from nothing, with a phone that approves, then userinfo
  refresh                              the refresh grant of one login for each connection
  userinfo-bound                       userinfo with a token bound to a key, one of each connection
  poll                                 the status of a login page that waits, answered at once as three wait already

  --conns N (50)   --secs T (5)   --warmup T (1)
  --count N --save FILE                ends after N operations, and keeps their access tokens
  --client-id ID   --client-secret S | --client-key FILE.pem [--kid KID]
  --redirect-uri U   --scope S   --resource R   --bound (tokens bound to a key, RFC 9449)
  --sso            --phones FILE       phones that `enrol` made, dealt out to the connections
  --forwarded                          another X-Forwarded-For at each login, and another one for its phone
  --connect HOST:PORT                  where the provider is; may be repeated: the connections alternate
  --presign N (20000 for each second)  --tokens FILE (one a line)
  --watch NAME:PID                     tells the use of the processor by this process and its children; may be repeated";

const FLAGS: [&str; 4] = ["sso", "bound", "forwarded", "verbose"];

#[derive(Default)]
pub struct Args {
    pub op: String,
    values: BTreeMap<String, Vec<String>>,
}

impl Args {
    pub fn read() -> Self {
        let mut args = Self::default();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let Some(name) = word.strip_prefix("--") else {
                args.op = word;
                continue;
            };
            if name == "help" {
                println!("{HELP}");
                exit(0);
            }
            let value = if FLAGS.contains(&name) { Some("1".to_owned()) } else { words.next() };
            let value = value.unwrap_or_else(|| die(&format!("--{name} needs a value")));
            args.values.entry(name.to_owned()).or_default().push(value);
        }
        if args.op.is_empty() {
            die(HELP);
        }
        args
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.last().map(String::as_str)
    }

    pub fn required(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| die(&format!("--{name} is needed")))
    }

    pub fn or(&self, name: &str, usual: &str) -> String {
        self.get(name).unwrap_or(usual).to_owned()
    }

    pub fn number(&self, name: &str, usual: f64) -> f64 {
        let read = |text: &str| text.parse().unwrap_or_else(|_| die(&format!("--{name}: no number")));
        self.get(name).map_or(usual, read)
    }

    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

pub fn die(message: &str) -> ! {
    eprintln!("load: {message}");
    exit(1)
}
