//! The provider's metadata (`OpenID Connect Discovery` 3, 4.3; RFC 9207 3), kept while they cannot be read again.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use url::Url;

use super::connection::{Connection, FRESH, PAUSE};
use super::fetch::{JSON, text};
use crate::base::UnixTime;
use crate::federation::{UpstreamProvider, is_callable};
use crate::ports::{UpstreamError, UpstreamRefusal};

/// Where things are.
pub(super) struct Metadata {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) userinfo: Url,
    pub(super) jwks: Url,
    pub(super) end_session: Option<Url>,
    /// Whether its callbacks say `iss` (RFC 9207 3).
    pub(super) names_itself: bool,
}

/// The last good metadata.
#[derive(Default)]
pub(super) struct MetadataCache(Mutex<Held>);

#[derive(Default)]
struct Held {
    good: Option<(Arc<Metadata>, UnixTime)>,
    tried_at: Option<UnixTime>,
}

impl Connection {
    /// The metadata, read again after ten minutes, at most once a minute; the last good ones if that fails.
    pub(super) async fn known_metadata(&self) -> Result<Arc<Metadata>, UpstreamError> {
        let good = match self.metadata.look(self.now()) {
            Look::Serves(metadata) => return Ok(metadata),
            Look::Due(good) => good,
        };
        match (self.read_metadata().await, good) {
            (Ok(metadata), _) => Ok(metadata),
            (Err(error), Some(good)) => {
                tracing::warn!(reason = %error, "metadata of an identity provider could not be read again");
                Ok(good)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// The metadata as they are now.
    pub(super) async fn read_metadata(&self) -> Result<Arc<Metadata>, UpstreamError> {
        let url =
            Url::parse(&self.provider.discovery_url()).map_err(|_| UpstreamRefusal::MetadataEndpoint)?;
        let reply = self.heard(self.http.get(&url, JSON, None).await)?;
        reply.body_of(&[JSON])?;
        let members = reply.object().ok_or(UpstreamRefusal::Metadata)?;
        let metadata = Arc::new(Metadata::parse(&members, &self.provider)?);
        let mut held = self.metadata.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.good = Some((Arc::clone(&metadata), self.now()));
        Ok(metadata)
    }
}

enum Look {
    Serves(Arc<Metadata>),
    Due(Option<Arc<Metadata>>),
}

impl MetadataCache {
    fn look(&self, now: UnixTime) -> Look {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tried_lately = held.tried_at.is_some_and(|at| now.since(at) < PAUSE);
        let look = match &held.good {
            Some((good, at)) if now.since(*at) < FRESH || tried_lately => Look::Serves(Arc::clone(good)),
            good => Look::Due(good.as_ref().map(|(good, _)| Arc::clone(good))),
        };
        if matches!(look, Look::Due(_)) {
            held.tried_at = Some(now);
        }
        look
    }
}

impl Metadata {
    fn parse(members: &Map<String, Value>, provider: &UpstreamProvider) -> Result<Self, UpstreamRefusal> {
        // OpenID Connect Discovery 4.3: byte for byte.
        if text(members, "issuer") != Some(provider.issuer.as_str()) {
            return Err(UpstreamRefusal::MetadataIssuer);
        }
        let home = Url::parse(&provider.issuer).map_err(|_| UpstreamRefusal::MetadataIssuer)?;
        let endpoint = |name: &str| match text(members, name) {
            None => Ok(None),
            Some(url) => {
                let url = Url::parse(url).map_err(|_| UpstreamRefusal::MetadataEndpoint)?;
                // The operator trusts the issuer's origin; nothing makes us call another.
                let is_home = url.origin() == home.origin() && is_callable(&url);
                if is_home { Ok(Some(url)) } else { Err(UpstreamRefusal::MetadataEndpoint) }
            }
        };
        let required = |name: &str| endpoint(name)?.ok_or(UpstreamRefusal::Metadata);
        Ok(Self {
            authorization: required("authorization_endpoint")?,
            token: required("token_endpoint")?,
            userinfo: required("userinfo_endpoint")?,
            jwks: required("jwks_uri")?,
            end_session: endpoint("end_session_endpoint")?,
            names_itself: members.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }
}
