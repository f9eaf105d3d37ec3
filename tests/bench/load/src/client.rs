//! A client of the provider: how it authenticates, and the requests it makes.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::args::{Args, die};
use crate::clock::now;
use crate::http::{Fields, Host, authority_of, encoded, path_of};
use crate::keys::{Key, base64url, random_text};

/// Paths of the provider's endpoints, from its discovery document.
pub struct Endpoints {
    pub discovery: String,
    pub jwks: String,
    pub authorization: String,
    pub token: String,
    pub introspection: String,
    pub userinfo: String,
}

impl Endpoints {
    pub fn of(discovery: String, metadata: &Value) -> Self {
        let path = |name: &str| metadata[name].as_str().map(path_of).unwrap_or_default();
        Self {
            discovery,
            jwks: path("jwks_uri"),
            authorization: path("authorization_endpoint"),
            token: path("token_endpoint"),
            introspection: path("introspection_endpoint"),
            userinfo: path("userinfo_endpoint"),
        }
    }
}

enum Credentials {
    Secret(String),
    Key { key: Box<Key>, kid: String },
    Nothing,
}

pub struct Client {
    pub id: String,
    pub issuer: String,
    pub authority: String,
    pub endpoints: Endpoints,
    pub redirect_uri: String,
    pub scope: String,
    /// Whether tokens are bound to a key of each connection (RFC 9449).
    pub bound: bool,
    resource: Option<String>,
    credentials: Credentials,
}

impl Client {
    pub fn from_args(args: &Args, issuer: &str, endpoints: Endpoints) -> Rc<Self> {
        let credentials = match (args.get("client-key"), args.get("client-secret")) {
            (Some(file), _) => {
                let key = Box::new(Key::from_pkcs8(&read_pem(file)));
                Credentials::Key { key, kid: args.or("kid", "") }
            }
            (None, Some(secret)) => Credentials::Secret(secret.to_owned()),
            (None, None) => Credentials::Nothing,
        };
        Rc::new(Self {
            id: args.or("client-id", ""),
            issuer: issuer.to_owned(),
            authority: authority_of(issuer).unwrap_or_else(|| die("--issuer is not an absolute address")),
            endpoints,
            redirect_uri: args.or("redirect-uri", "https://client.example/cb"),
            scope: args.or("scope", ""),
            bound: args.has("bound"),
            resource: args.get("resource").map(str::to_owned),
            credentials,
        })
    }

    pub fn is_signing(&self) -> bool {
        matches!(self.credentials, Credentials::Key { .. })
    }

    pub fn host(&self) -> Host {
        Host { authority: self.authority.clone(), extra: String::new() }
    }

    /// Header and parameters that authenticate the client, once.
    pub fn authentication(&self) -> (String, Fields) {
        let named = Fields::of(&[("client_id", &self.id)]);
        match &self.credentials {
            Credentials::Secret(secret) => {
                let pair = STANDARD.encode(format!("{}:{}", encoded(&self.id), encoded(secret)));
                (format!("Authorization: Basic {pair}\r\n"), Fields::default())
            }
            Credentials::Key { key, kid } => {
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                let assertion = self.assertion(key, kid);
                (String::new(), named.with("client_assertion_type", kind).with("client_assertion", &assertion))
            }
            Credentials::Nothing => (String::new(), named),
        }
    }

    /// RFC 7523 3.
    fn assertion(&self, key: &Key, kid: &str) -> String {
        let (id, issuer, jti, iat) = (&self.id, &self.issuer, random_text(), now());
        let exp = iat + 240;
        let header = base64url(format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"JWT"}}"#));
        let claims = format!(r#"{{"iss":"{id}","sub":"{id}","aud":"{issuer}","jti":"{jti}","iat":{iat},"exp":{exp}}}"#);
        key.jws(&header, &claims)
    }

    /// A token request, with a proof when there is one.
    pub fn token_request(&self, host: &Host, fields: &[(&str, &str)], proof: &str) -> Vec<u8> {
        let (header, authentication) = self.authentication();
        let all = fields.iter().fold(authentication, |all, (name, value)| all.with(name, value));
        host.form(&self.endpoints.token, &format!("{header}{proof}"), &all)
    }

    pub fn credentials_request(&self) -> Vec<u8> {
        let mut fields = vec![("grant_type", "client_credentials")];
        if !self.scope.is_empty() {
            fields.push(("scope", &self.scope));
        }
        if let Some(resource) = &self.resource {
            fields.push(("resource", resource));
        }
        self.token_request(&self.host(), &fields, "")
    }

    pub fn introspection_request(&self, token: &str) -> Vec<u8> {
        let (header, fields) = self.authentication();
        self.host().form(&self.endpoints.introspection, &header, &fields.with("token", token))
    }

    pub fn userinfo_request(&self, host: &Host, token: &str) -> Vec<u8> {
        host.get(&self.endpoints.userinfo, &format!("Authorization: Bearer {token}\r\n"))
    }
}

fn read_pem(file: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| die(&format!("{file}: {error}")));
    let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).unwrap_or_else(|_| die(&format!("{file} is no PEM")))
}
