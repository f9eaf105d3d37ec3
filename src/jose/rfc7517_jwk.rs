//! Public keys as JSON (RFC 7517 4 and 5; RFC 7518 6; RFC 8037 2).
//!
//! Reads and writes EC P-256, RSA and OKP Ed25519 public keys. Private and symmetric keys are refused wherever they
//! appear: one that was published is no secret any more. Certificates (`x5c`, `x5u`, `x5t`) are not looked at.

use std::collections::HashSet;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{Algorithm, KeyError, PublicKey};
use crate::base::{base64url, from_base64url};

/// Keys that one set may hold.
const MAX_KEYS: usize = 100;
/// Length of a key identifier, in bytes.
const MAX_KID: usize = 128;
/// Members of private keys (RFC 7518 6.2.2, 6.3.2) and of symmetric ones (6.4.1).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// What a key is for (RFC 7517 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// Signatures.
    Sig,
    /// Encryption.
    Enc,
}

/// A public key with its description (RFC 7517 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    /// The key.
    pub key: PublicKey,
    /// Its identifier, 1 to 128 bytes without control characters.
    pub kid: Option<String>,
    /// The signature algorithm it is limited to. The `alg` of an encryption key is not kept.
    pub alg: Option<Algorithm>,
    /// Its use, from `use` or from `key_ops`.
    pub key_use: Option<KeyUse>,
}

/// A set of public keys (RFC 7517 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    /// The keys, whose identifiers differ.
    pub keys: Vec<Jwk>,
}

/// Why a key or a set is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// This member is absent, of the wrong type or contradicts another.
    #[error("malformed JWK member {0}")]
    Malformed(&'static str),
    /// This member has a value not supported here.
    #[error("unsupported JWK member {0}")]
    Unsupported(&'static str),
    /// A private or symmetric key.
    #[error("private key material in a JWK")]
    Private,
    /// The key itself is bad.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Two keys of the set share an identifier (RFC 7517 4.5).
    #[error("duplicate kid in a JWK set")]
    DuplicateKid,
    /// More than 100 keys.
    #[error("too many keys in a JWK set")]
    TooMany,
}

impl From<PublicKey> for Jwk {
    /// The key alone, as in a `DPoP` proof.
    fn from(key: PublicKey) -> Self {
        Self { key, kid: None, alg: None, key_use: None }
    }
}

impl Jwk {
    /// Reads a public key. Duplicate members were refused when `json` was read from text.
    ///
    /// # Errors
    /// [`JwkError`] for the first member that does not hold.
    pub fn parse(json: &Value) -> Result<Self, JwkError> {
        let members = json.as_object().ok_or(JwkError::Malformed("jwk"))?;
        if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(JwkError::Private);
        }
        let key = parse_key(members)?;
        let kid = parse_kid(members.get("kid")).map_err(|()| JwkError::Malformed("kid"))?;
        let key_use = parse_use(members)?;
        let alg = parse_alg(members, &key, key_use)?;
        Ok(Self { key, kid, alg, key_use })
    }

    /// The key as JSON, without anything private.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        for (name, value) in self.key.required_members() {
            members.insert(name.to_owned(), Value::String(value));
        }
        if let Some(kid) = &self.kid {
            members.insert("kid".to_owned(), json!(kid));
        }
        if let Some(alg) = self.alg {
            members.insert("alg".to_owned(), json!(alg.as_str()));
        }
        if let Some(key_use) = self.key_use {
            let name = if key_use == KeyUse::Sig { "sig" } else { "enc" };
            members.insert("use".to_owned(), json!(name));
        }
        Value::Object(members)
    }

    /// Whether the key may verify a signature of `alg` (RFC 8725 3.1).
    #[must_use]
    pub fn suits(&self, alg: Algorithm) -> bool {
        self.key_use != Some(KeyUse::Enc)
            && self.alg.is_none_or(|own| own == alg)
            && self.key.algorithms().contains(&alg)
    }
}

impl JwkSet {
    /// Reads a set. A key of a type, curve, algorithm, use or RSA size not supported here is left out (RFC 7517 5).
    ///
    /// # Errors
    /// [`JwkError`] for a malformed key, a private one, two keys of one identifier or more than 100 keys.
    pub fn parse(json: &Value) -> Result<Self, JwkError> {
        let items = json.get("keys").and_then(Value::as_array).ok_or(JwkError::Malformed("keys"))?;
        if items.len() > MAX_KEYS {
            return Err(JwkError::TooMany);
        }
        let mut keys = Vec::new();
        for item in items {
            match Jwk::parse(item) {
                Ok(key) => keys.push(key),
                Err(JwkError::Unsupported(_) | JwkError::Key(KeyError::WeakRsa)) => {}
                Err(other) => return Err(other),
            }
        }
        let mut seen = HashSet::new();
        if keys.iter().filter_map(|key: &Jwk| key.kid.as_deref()).any(|kid| !seen.insert(kid)) {
            return Err(JwkError::DuplicateKid);
        }
        Ok(Self { keys })
    }

    /// The set as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "keys": self.keys.iter().map(Jwk::to_json).collect::<Vec<_>>() })
    }

    /// The key named `kid` if it suits `alg`; without a name, the one key that suits it if there is exactly one.
    #[must_use]
    pub fn find(&self, kid: Option<&str>, alg: Algorithm) -> Option<&Jwk> {
        let mut suitable = self.keys.iter().filter(|key| key.suits(alg));
        if kid.is_some() {
            return suitable.find(|key| key.kid.as_deref() == kid);
        }
        let only = suitable.next()?;
        if suitable.next().is_none() { Some(only) } else { None }
    }
}

impl PublicKey {
    /// The members RFC 7638 3.2 requires, in lexicographic order.
    pub(super) fn required_members(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::P256(key) => {
                let (x, y) = key.coordinates();
                vec![
                    ("crv", "P-256".to_owned()),
                    ("kty", "EC".to_owned()),
                    ("x", base64url(x)),
                    ("y", base64url(y)),
                ]
            }
            Self::Rsa(key) => {
                vec![("e", base64url(key.e())), ("kty", "RSA".to_owned()), ("n", base64url(key.n()))]
            }
            Self::Ed25519(key) => {
                vec![
                    ("crv", "Ed25519".to_owned()),
                    ("kty", "OKP".to_owned()),
                    ("x", base64url(key.as_bytes())),
                ]
            }
        }
    }
}

/// A key identifier, absent or fit to be compared and logged.
pub(super) fn parse_kid(value: Option<&Value>) -> Result<Option<String>, ()> {
    let Some(value) = value else { return Ok(None) };
    let kid = value.as_str().ok_or(())?;
    if kid.is_empty() || kid.len() > MAX_KID || kid.chars().any(char::is_control) {
        return Err(());
    }
    Ok(Some(kid.to_owned()))
}

fn parse_key(members: &Map<String, Value>) -> Result<PublicKey, JwkError> {
    match text(members, "kty")? {
        "EC" if text(members, "crv")? == "P-256" => {
            Ok(PublicKey::p256(&fixed(members, "x")?, &fixed(members, "y")?)?) // RFC 7518 6.2.1
        }
        "OKP" if text(members, "crv")? == "Ed25519" => Ok(PublicKey::ed25519(fixed(members, "x")?)?), // RFC 8037 2
        "RSA" => Ok(PublicKey::rsa(&bytes(members, "n")?, &bytes(members, "e")?)?), // RFC 7518 6.3.1
        "EC" | "OKP" => Err(JwkError::Unsupported("crv")),
        "oct" => Err(JwkError::Private),
        _ => Err(JwkError::Unsupported("kty")),
    }
}

/// RFC 7517 4.2 and 4.3; the two must agree.
fn parse_use(members: &Map<String, Value>) -> Result<Option<KeyUse>, JwkError> {
    let by_use =
        match members.get("use").map(|value| value.as_str().ok_or(JwkError::Malformed("use"))).transpose()? {
            None => None,
            Some("sig") => Some(KeyUse::Sig),
            Some("enc") => Some(KeyUse::Enc),
            Some(_) => return Err(JwkError::Unsupported("use")),
        };
    let Some(ops) = members.get("key_ops") else { return Ok(by_use) };
    let ops = ops.as_array().ok_or(JwkError::Malformed("key_ops"))?;
    let by_ops = if ops.iter().any(|op| op == "verify") {
        KeyUse::Sig
    } else if ops
        .iter()
        .any(|op| ["encrypt", "wrapKey", "deriveKey", "deriveBits"].iter().any(|name| op == name))
    {
        KeyUse::Enc
    } else {
        return Err(JwkError::Unsupported("key_ops"));
    };
    if by_use.is_some_and(|by_use| by_use != by_ops) {
        Err(JwkError::Malformed("key_ops"))
    } else {
        Ok(Some(by_ops))
    }
}

/// RFC 7517 4.4; a signature algorithm must suit the key and its use.
fn parse_alg(
    members: &Map<String, Value>,
    key: &PublicKey,
    key_use: Option<KeyUse>,
) -> Result<Option<Algorithm>, JwkError> {
    let Some(value) = members.get("alg") else { return Ok(None) };
    let name = value.as_str().ok_or(JwkError::Malformed("alg"))?;
    match name.parse::<Algorithm>() {
        Ok(alg) if key.algorithms().contains(&alg) && key_use != Some(KeyUse::Enc) => Ok(Some(alg)),
        Ok(_) => Err(JwkError::Malformed("alg")),
        Err(_) if key_use == Some(KeyUse::Enc) => Ok(None),
        Err(_) => Err(JwkError::Unsupported("alg")),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwkError> {
    members.get(name).and_then(Value::as_str).ok_or(JwkError::Malformed(name))
}

fn bytes(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, JwkError> {
    from_base64url(text(members, name)?).map_err(|_| JwkError::Malformed(name))
}

fn fixed(members: &Map<String, Value>, name: &'static str) -> Result<[u8; 32], JwkError> {
    bytes(members, name)?.try_into().map_err(|_| JwkError::Malformed(name))
}

impl Serialize for Jwk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Jwk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
