//! The provider's signing keys (RFC 7517 5; `OpenID Connect Core` 10.1.1) and signatures made with them.
//!
//! A set is read whole or not at all: a private or symmetric key in it, two keys of one name or more than 100 refuse
//! it, and the last good one stays. An unknown key or a bad signature reads it once more, at most once a minute.

use std::sync::{Arc, Mutex, PoisonError};

use super::connection::{Connection, FRESH, PAUSE};
use super::discovery::Metadata;
use super::fetch::{CAPS, JSON, MAX_BODY};
use crate::base::UnixTime;
use crate::jose::{JwkSet, JwsError, Unverified, Verified, parse_strict};
use crate::ports::{UpstreamError, UpstreamRefusal};

/// The last good set.
#[derive(Default)]
pub(super) struct KeyCache(Mutex<Held>);

#[derive(Default)]
struct Held {
    good: Option<(Arc<JwkSet>, UnixTime)>,
    tried_at: Option<UnixTime>,
    /// When a token last made us read it again.
    asked_at: Option<UnixTime>,
}

impl Connection {
    /// The token, if the provider signed it with an algorithm that was agreed (RFC 8725 3.1).
    pub(super) async fn verify(&self, token: &str, metadata: &Metadata) -> Result<Verified, UpstreamError> {
        let unverified = Unverified::parse(token, MAX_BODY).map_err(|error| match error {
            JwsError::UnknownAlgorithm => UpstreamRefusal::Algorithm,
            _ => UpstreamRefusal::Malformed,
        })?;
        if !self.provider.signature_algorithms.contains(&unverified.header().alg) {
            return Err(UpstreamRefusal::Algorithm.into());
        }
        let known = self.known_keys(metadata).await?;
        let refusal = match self.verify_under(&known, unverified.clone()) {
            Ok(verified) => return Ok(verified),
            Err(refusal) => refusal,
        };
        match self.keys_again(metadata).await {
            Some(keys) => Ok(self.verify_under(&keys, unverified)?),
            None => Err(refusal.into()),
        }
    }

    fn verify_under(&self, keys: &JwkSet, token: Unverified) -> Result<Verified, UpstreamRefusal> {
        let header = token.header();
        let key = keys.find(header.kid.as_deref(), header.alg).ok_or(UpstreamRefusal::UnknownKey)?;
        token.verify(&key.key, &self.provider.signature_algorithms).map_err(|_| UpstreamRefusal::Signature)
    }

    async fn known_keys(&self, metadata: &Metadata) -> Result<Arc<JwkSet>, UpstreamError> {
        let now = self.now();
        let good = {
            let mut held = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
            let tried_lately = held.tried_at.is_some_and(|at| now.since(at) < PAUSE);
            if let Some((good, at)) = &held.good
                && (now.since(*at) < FRESH || tried_lately)
            {
                return Ok(Arc::clone(good));
            }
            held.tried_at = Some(now);
            held.good.as_ref().map(|(good, _)| Arc::clone(good))
        };
        match (self.read_keys(metadata).await, good) {
            (Ok(keys), _) => Ok(keys),
            (Err(error), Some(good)) => {
                tracing::warn!(reason = %error, "keys of an identity provider could not be read again");
                Ok(good)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The set once more, because a token does not fit it; none when it was read for that less than a minute ago, or
    /// cannot be read.
    async fn keys_again(&self, metadata: &Metadata) -> Option<Arc<JwkSet>> {
        let now = self.now();
        {
            let mut held = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
            if held.asked_at.is_some_and(|at| now.since(at) < PAUSE) {
                return None;
            }
            held.asked_at = Some(now);
        }
        let read = self.read_keys(metadata).await;
        read.inspect_err(|error| tracing::warn!(reason = %error, "keys of an identity provider are refused"))
            .ok()
    }

    async fn read_keys(&self, metadata: &Metadata) -> Result<Arc<JwkSet>, UpstreamError> {
        let reply = self.heard(self.http.get(&metadata.jwks, JWK_SET, None).await)?;
        let body = reply.body_of(&[JSON, "application/jwk-set+json"])?;
        let json = parse_strict(body, CAPS).map_err(|_| UpstreamRefusal::KeySet)?;
        let keys = Arc::new(JwkSet::parse(&json).map_err(|_| UpstreamRefusal::KeySet)?);
        let mut held = self.keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.good = Some((Arc::clone(&keys), self.now()));
        Ok(keys)
    }
}

/// RFC 7517 8.5.2
pub(super) const JWK_SET: &str = "application/jwk-set+json, application/json";
