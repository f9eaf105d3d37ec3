//! Registration of clients by an operator, under the names of RFC 7591 2.

use std::collections::BTreeSet;

use crate::audit::EventKind;
use crate::base::{ClientId, EntropyExt, Secret};
use crate::identity::{PatientClaim, ReleasePolicy};
use crate::jose::{Algorithm, JwkSet};
use crate::oauth::{
    Client, ClientAuthMethod, ConsentPolicy, ErrorCode, GrantType, OAuthError, Profile, REPRESENTATION,
    RedirectUri, ResponseProtection, ResponsesError, ScopeSet, is_loopback, key_address,
};

use super::account_client::is_account;
use super::{FlowError, Provider};

/// A client to register.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Identifier; drawn when absent.
    pub client_id: Option<ClientId>,
    /// Name shown to persons.
    pub name: String,
    /// Profile.
    pub profile: Profile,
    /// Authentication method.
    pub auth: ClientAuthMethod,
    /// Public keys, for `private_key_jwt`.
    pub jwks: Option<JwkSet>,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Post-logout redirect URIs.
    pub post_logout_redirect_uris: Vec<String>,
    /// Scope.
    pub scope: ScopeSet,
    /// Sector, when the redirect URIs have more than one host (OpenID Connect Core 8.1).
    pub sector: Option<String>,
    /// Algorithm of its ID tokens.
    pub id_token_alg: Algorithm,
    /// Persons are asked for consent. They are in any case by native clients (RFC 8252 8.6) and by those that may learn of
    /// patients; not by a hub, which asks for itself.
    pub ask_consent: bool,
    /// Grants it may use.
    pub grant_types: Vec<GrantType>,
    /// It is a protected resource, which introspects the access tokens it is given.
    pub resource_server: bool,
    /// The claims about patients that it may get.
    pub release: BTreeSet<PatientClaim>,
    /// How its answers are signed and encrypted.
    pub responses: ResponseProtection,
    /// It may ask for whom a patient acts.
    pub representation: bool,
}

/// A client registered, with the only copy of its secret.
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret: shown once, kept as a keyed hash.
    pub secret: Option<Secret>,
}

impl Provider {
    /// Registers a client, or replaces one of the same identifier.
    pub async fn register_client(&self, new: NewClient) -> Result<Registered, FlowError> {
        let now = self.now();
        if new.client_id.as_ref().is_some_and(is_account) {
            return Err(FlowError::protocol(ErrorCode::InvalidRequest, "this client_id is our own"));
        }
        let native = new.auth == ClientAuthMethod::None;
        let consent = consent_policy(&new);
        let redirect_uris = new
            .redirect_uris
            .iter()
            .map(|text| RedirectUri::parse(text, native))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| refused(&error))?;
        let secret = new.auth.uses_secret().then(|| self.ports.entropy.token());
        let sector = sector(&new, &redirect_uris)?;
        let client = Client {
            client_id: match new.client_id {
                Some(id) => id,
                None => self.draw_client_id()?,
            },
            name: new.name,
            profile: new.profile,
            auth: new.auth,
            secret_hash: secret.as_ref().map(|secret| self.client_secret_hash(secret)),
            jwks: new.jwks,
            redirect_uris,
            post_logout_redirect_uris: new.post_logout_redirect_uris,
            grant_types: new.grant_types,
            scopes: new.scope,
            sector,
            id_token_alg: new.id_token_alg,
            dpop_bound_access_tokens: native || new.profile.requires_sender_constraint(),
            consent,
            resource_server: new.resource_server,
            release: release_policy(&new.release, new.representation)?,
            responses: new.responses,
            enabled: true,
        };
        client.validate().map_err(|error| refused(&error))?;
        self.check_hub(&client)?;
        let event = self.succeeded(EventKind::ClientRegistered, "by_operator", now);
        self.ports.clients.upsert(&client, &event.with_client(client.client_id.clone())).await?;
        self.clients.forget(&client.client_id);
        Ok(Registered { client, secret })
    }

    /// What the metadata alone cannot tell: where this installation may fetch keys, and which claims a hub accepts.
    fn check_hub(&self, client: &Client) -> Result<(), FlowError> {
        let loopback = is_loopback(&self.policy.issuer);
        let address = client.responses.jwks_uri.as_deref();
        if address.is_some_and(|uri| key_address(uri, loopback).is_none()) {
            return Err(refused(&ResponsesError::Address).into());
        }
        let accepted = ReleasePolicy::for_france_connect();
        let refusable = |name: &str| !PatientClaim::named(name).is_some_and(|claim| accepted.allows(claim));
        if client.profile == Profile::FranceConnect && client.release.iter().any(refusable) {
            let error = OAuthError::new(ErrorCode::InvalidRequest, "client metadata refused");
            return Err(error.with_internal("release has a claim that the hub refuses").into());
        }
        Ok(())
    }

    fn draw_client_id(&self) -> Result<ClientId, FlowError> {
        let drawn = format!("c-{}", crate::base::base64url(self.ports.entropy.bytes::<12>()));
        drawn.parse().map_err(|_| FlowError::protocol(ErrorCode::ServerError, "no client identifier"))
    }
}

/// The sector of its subjects (OpenID Connect Core 8.1); a client that asks for no person has none.
fn sector(new: &NewClient, redirect_uris: &[RedirectUri]) -> Result<String, OAuthError> {
    let sector = new.sector.clone().or_else(|| Client::sector_of(redirect_uris));
    match sector {
        Some(sector) => Ok(sector),
        None if redirect_uris.is_empty() => Ok(String::new()),
        None => {
            Err(OAuthError::new(ErrorCode::InvalidRequest, "redirect URIs of several hosts need a sector"))
        }
    }
}

/// Whether persons are asked (OpenID Connect Core 3.1.2.4): what is released of a patient is released with their agreement.
fn consent_policy(new: &NewClient) -> ConsentPolicy {
    let native = new.auth == ClientAuthMethod::None;
    let learns = !new.release.is_empty() || new.representation;
    let asks_for_itself = new.profile == Profile::FranceConnect;
    if new.ask_consent || native || (learns && !asks_for_itself) {
        ConsentPolicy::Ask
    } else {
        ConsentPolicy::Implicit
    }
}

/// The release policy as the client's record keeps it.
fn release_policy(claims: &BTreeSet<PatientClaim>, representation: bool) -> Result<ScopeSet, OAuthError> {
    let mut names: Vec<&str> = claims.iter().map(|claim| claim.as_str()).collect();
    names.extend(representation.then_some(REPRESENTATION));
    Ok(ScopeSet::parse(&names.join(" "))?)
}

fn refused(error: &dyn std::error::Error) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, "client metadata refused").with_internal(error.to_string())
}
