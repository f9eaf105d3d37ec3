//! [`ClientKeys`]: the sets at the `jwks_uri` of clients (RFC 7517 5, RFC 7591 2), with their rotation followed.
//!
//! A set serves as long as its `max-age` says, ten minutes at most, and is read again at most once a minute. It is read
//! whole or not at all; the last good one stays for a day. The host's addresses are looked up once, judged, and those
//! are called: never one of the inside, never by a redirection or a proxy.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::Value;
use url::Url;

use super::BridgeError;
use super::connection::{FRESH, PAUSE};
use super::fetch::{CAPS, Fetcher, JSON};
use super::keys::JWK_SET;
use crate::base::{Clock, UnixTime};
use crate::jose::{EncryptionKey, JwkSet, KeyManagement, parse_strict};
use crate::oauth::{is_public, key_address};
use crate::ports::{ClientKeys, PortError, PortResult, UpstreamError, UpstreamOutage, UpstreamRefusal};

/// The key sets of clients.
pub struct ClientKeySets {
    http: Fetcher,
    loopback: bool,
    clock: Arc<dyn Clock>,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Held>>>>,
}

#[derive(Default)]
struct Held {
    good: Option<Good>,
    tried_at: Option<UnixTime>,
}

struct Good {
    keys: Vec<Value>,
    read_at: UnixTime,
    fresh: Duration,
}

impl ClientKeySets {
    /// Key sets of public hosts; with `loopback` those of this machine too, for a provider that is on it alone.
    ///
    /// # Errors
    /// [`BridgeError`] if HTTP cannot be set up.
    pub fn new(loopback: bool, clock: Arc<dyn Clock>) -> Result<Self, BridgeError> {
        let http = Fetcher::guarded(Guarded { loopback })?;
        Ok(Self { http, loopback, clock, known: Mutex::default() })
    }

    fn held(&self, uri: &str) -> Arc<tokio::sync::Mutex<Held>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(uri.to_owned()).or_default())
    }

    async fn refresh(&self, uri: &str, held: &mut Held, now: UnixTime) {
        let fresh = held.good.as_ref().is_some_and(|good| now.since(good.read_at) < good.fresh);
        if fresh || held.tried_at.is_some_and(|at| now.since(at) < PAUSE) {
            return;
        }
        held.tried_at = Some(now);
        let read = tokio::time::timeout(PATIENCE, self.read(uri)).await;
        match read.unwrap_or_else(|_| Err(UpstreamOutage::TimedOut.into())) {
            Ok((keys, fresh)) => held.good = Some(Good { keys, read_at: now, fresh }),
            Err(error) => tracing::warn!(reason = %error, "the keys of a client could not be read"),
        }
    }

    async fn read(&self, uri: &str) -> Result<(Vec<Value>, Duration), UpstreamError> {
        let url: Url = key_address(uri, self.loopback).ok_or(UpstreamRefusal::KeySet)?;
        let reply = self.http.get(&url, JWK_SET, None).await?;
        let body = reply.body_of(&[JSON, "application/jwk-set+json"])?;
        let json = parse_strict(body, CAPS).map_err(|_| UpstreamRefusal::KeySet)?;
        // Refuses private and symmetric keys, two keys of one name, and more than 100.
        JwkSet::parse(&json).map_err(|_| UpstreamRefusal::KeySet)?;
        let keys = json.get("keys").and_then(Value::as_array).cloned().ok_or(UpstreamRefusal::KeySet)?;
        Ok((keys, reply.max_age.unwrap_or(FRESH).clamp(PAUSE, FRESH)))
    }
}

#[async_trait]
impl ClientKeys for ClientKeySets {
    async fn encryption_key(&self, jwks_uri: &str, alg: KeyManagement) -> PortResult<EncryptionKey> {
        let held = self.held(jwks_uri);
        let mut held = held.lock().await;
        let now = self.clock.now();
        self.refresh(jwks_uri, &mut held, now).await;
        let good = held.good.as_ref().filter(|good| now.since(good.read_at) < KEPT);
        let key = good.and_then(|good| chosen(&good.keys, alg));
        key.ok_or_else(|| PortError::Unavailable(String::from("no encryption key of the client is known")))
    }
}

/// The first key meant for encryption with `alg`, else the first that can serve (RFC 7517 4.2).
fn chosen(keys: &[Value], alg: KeyManagement) -> Option<EncryptionKey> {
    let meant = |key: &&Value| key.get("use").is_some_and(|name| name == "enc");
    let parse = |key: &Value| EncryptionKey::parse(key, alg).ok();
    keys.iter().filter(meant).find_map(parse).or_else(|| keys.iter().find_map(parse))
}

/// Looks a host up and gives its addresses if all of them may be called; the caller connects to these.
struct Guarded {
    loopback: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let loopback = self.loopback;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = |ip: IpAddr| is_public(ip) || (loopback && ip.to_canonical().is_loopback());
            if found.is_empty() || !found.iter().all(|address| allowed(address.ip())) {
                return Err(InsideError.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the host has an address that is not of the public internet")]
struct InsideError;

const PATIENCE: Duration = Duration::from_secs(5);
/// How long a set serves that cannot be read again.
const KEPT: Duration = Duration::from_hours(24);
