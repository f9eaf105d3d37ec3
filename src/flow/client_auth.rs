//! Client authentication (RFC 6749 2.3, OpenID Connect Core 9). The only maker of [`AuthenticatedClient`].

use std::sync::Arc;
use std::time::Duration;

use crate::audit::{AuditEvent, EventKind};
use crate::base::{ClientId, Secret, TokenHash, UnixTime};
use crate::oauth::{
    AssertionPolicy, Client, ClientAuthMethod, ErrorCode, LoadLimit, OAuthError, RawParams, claimed_client,
    validate_assertion,
};
use crate::ports::{ReplayKind, Sighting, ThrottleRule};

use super::{FlowError, Origin, Provider};

/// A client assertion lives so long at most: its replay memory stays small (`security.md` 4.4).
const ASSERTION_LIFETIME: Duration = Duration::from_mins(5);
/// Failures of client authentication per source.
const FAILURES: ThrottleRule =
    ThrottleRule { name: "client_auth_failures", limit: 100, window: Duration::from_mins(1) };

/// Credentials as a request presented them, at most one kind.
#[derive(Debug)]
pub enum PresentedCredentials {
    /// HTTP Basic (RFC 6749 2.3.1).
    Basic {
        /// Client identifier.
        client_id: String,
        /// Secret.
        secret: Secret,
    },
    /// Form parameters (RFC 6749 2.3.1).
    Post {
        /// Client identifier.
        client_id: String,
        /// Secret.
        secret: Secret,
    },
    /// A signed assertion (RFC 7523 2.2).
    Assertion {
        /// `client_id` parameter, which must agree with the assertion (RFC 7521 4.2).
        client_id: Option<String>,
        /// The assertion.
        assertion: Secret,
    },
    /// Only `client_id`: a public client.
    Public {
        /// Client identifier.
        client_id: String,
    },
}

impl PresentedCredentials {
    const fn method(&self) -> ClientAuthMethod {
        match self {
            Self::Basic { .. } => ClientAuthMethod::SecretBasic,
            Self::Post { .. } => ClientAuthMethod::SecretPost,
            Self::Assertion { .. } => ClientAuthMethod::PrivateKeyJwt,
            Self::Public { .. } => ClientAuthMethod::None,
        }
    }

    fn claimed_id(&self) -> Result<ClientId, &'static str> {
        let id = match self {
            Self::Basic { client_id, .. } | Self::Post { client_id, .. } | Self::Public { client_id } => {
                client_id
            }
            Self::Assertion { client_id, assertion } => {
                let claimed = claimed_client(assertion.expose()).map_err(|_| "assertion_malformed")?;
                // RFC 7521 4.2
                if client_id.as_ref().is_some_and(|id| id != claimed.as_str()) {
                    return Err("client_id_differs");
                }
                return Ok(claimed);
            }
        };
        id.parse().map_err(|_| "client_id_malformed")
    }
}

/// A client that has authenticated as registered, and is enabled.
pub struct AuthenticatedClient(Arc<Client>);

impl AuthenticatedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// The client, taken.
    #[must_use]
    pub fn into_client(self) -> Arc<Client> {
        self.0
    }
}

impl Provider {
    /// Authenticates a client by the one method it is registered with. Every refusal is the same `invalid_client`;
    /// the audit log has the reason.
    pub(crate) async fn authenticate_client(
        &self,
        credentials: PresentedCredentials,
        origin: &Origin,
        now: UnixTime,
    ) -> Result<AuthenticatedClient, FlowError> {
        match self.check_credentials(&credentials, now).await? {
            Ok(client) => {
                self.keep_pace(&client, origin, now)?;
                Ok(AuthenticatedClient(client))
            }
            Err(refused) => {
                // What is drawn from 256 bits is not guessed: the limit keeps the audit log from being filled.
                if !self.ports.throttle.hit(FAILURES, &origin.source(), now).await? {
                    let code = ErrorCode::TemporarilyUnavailable;
                    return Err(FlowError::protocol(code, "too many failed attempts"));
                }
                self.ports.audit.append(&refused).await?;
                let error = OAuthError::new(ErrorCode::InvalidClient, "client authentication failed");
                Err(error.with_internal(refused.reason).into())
            }
        }
    }

    /// Who has not authenticated cannot spend what another may; the identifier of a public client is known to all, so
    /// that each source spends its own.
    fn keep_pace(&self, client: &Client, origin: &Origin, now: UnixTime) -> Result<(), FlowError> {
        let Some(pace) = &self.client_pace else { return Ok(()) };
        let source = (client.auth == ClientAuthMethod::None).then(|| origin.source());
        let micros = u64::try_from(now.millis()).unwrap_or_default().saturating_mul(1000);
        pace.admit((client.client_id.as_str(), source), micros).map_err(|wait| {
            OAuthError::over(LoadLimit::Client, "too many requests of this client")
                .with_retry_after(wait)
                .into()
        })
    }

    async fn check_credentials(
        &self,
        credentials: &PresentedCredentials,
        now: UnixTime,
    ) -> Result<Result<Arc<Client>, AuditEvent>, FlowError> {
        let refuse = |reason| Ok(Err(self.refused(EventKind::ClientAuthentication, reason, now)));
        let id = match credentials.claimed_id() {
            Ok(id) => id,
            Err(reason) => return refuse(reason),
        };
        let found = self.registered_client(&id).await?;
        // An unknown client costs the same hash as a known one.
        let presented = match credentials {
            PresentedCredentials::Basic { secret, .. } | PresentedCredentials::Post { secret, .. } => {
                Some(self.client_secret_hash(secret))
            }
            _ => None,
        };
        let Some(client) = found else { return refuse("client_unknown") };
        let refuse = |reason| {
            Ok(Err(self.refused(EventKind::ClientAuthentication, reason, now).with_client(id.clone())))
        };
        if !client.enabled {
            return refuse("client_disabled");
        }
        if client.auth != credentials.method() {
            return refuse("method_not_registered");
        }
        match (credentials, presented, &client.secret_hash) {
            (PresentedCredentials::Assertion { assertion, .. }, ..) => {
                match self.check_assertion(assertion, &client, now).await? {
                    Ok(()) => Ok(Ok(client)),
                    Err(reason) => refuse(reason),
                }
            }
            (PresentedCredentials::Public { .. }, ..) => Ok(Ok(client)),
            (_, Some(presented), Some(registered)) if presented.matches(registered) => Ok(Ok(client)),
            _ => refuse("secret_wrong"),
        }
    }

    async fn check_assertion(
        &self,
        assertion: &Secret,
        client: &Client,
        now: UnixTime,
    ) -> Result<Result<(), &'static str>, FlowError> {
        let Some(keys) = &client.jwks else { return Ok(Err("client_without_keys")) };
        let policy = AssertionPolicy {
            issuer: &self.policy.issuer,
            leeway: self.policy.lifetimes.skew,
            max_lifetime: ASSERTION_LIFETIME,
        };
        let accepted = match validate_assertion(assertion.expose(), &client.client_id, keys, &policy, now) {
            Ok(accepted) => accepted,
            Err(error) => return Ok(Err(error.as_str())),
        };
        // RFC 7523 3: the memory outlives `exp` by the leeway that accepts it.
        let until = accepted.expires.plus(self.policy.lifetimes.skew);
        let kind = ReplayKind::ClientAssertion { made: accepted.made };
        match self.ports.replay.first_seen(kind, &accepted.jti_hash, until, now).await? {
            Sighting::First => Ok(Ok(())),
            Sighting::Again => Ok(Err("assertion_replayed")),
            Sighting::Forgotten => self.refuse_forgotten(now).await,
        }
    }

    /// An assertion made before the memory began. In the second in which it began nobody can make a better one: that
    /// is no fault of the client's.
    async fn refuse_forgotten(&self, now: UnixTime) -> Result<Result<(), &'static str>, FlowError> {
        let begun = self.ports.replay.generation().await?.complete_since;
        if now.secs() <= begun.secs() {
            return Err(FlowError::protocol(
                ErrorCode::TemporarilyUnavailable,
                "try again with a new assertion",
            ));
        }
        Ok(Err("assertion_before_store_loss"))
    }

    /// The keyed hash under which a client secret is stored. Secrets are drawn here with 256 bits: no slow hash is needed.
    pub(crate) fn client_secret_hash(&self, secret: &Secret) -> TokenHash {
        TokenHash::from_bytes(self.storage.mac("client_secret", &[secret.expose().as_bytes()]))
    }

    /// The enabled client that an authorization request names (RFC 6749 4.1.1). Unknown and disabled look alike.
    pub(crate) async fn requesting_client(&self, params: &RawParams) -> Result<Arc<Client>, FlowError> {
        let unknown = || FlowError::protocol(ErrorCode::InvalidRequest, "client_id is missing or unknown");
        let id: ClientId = params.require("client_id")?.parse().map_err(|_| unknown())?;
        let client = self.browser_client(&id).await?;
        client.filter(|client| client.enabled).ok_or_else(unknown)
    }
}
