//! The clients of the demonstration: the two doors of the sample service, and one per authentication method for who develops a
//! service. Registered anew at each start, with new secrets.

use std::collections::BTreeSet;

use anyhow::Context as _;
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};

use super::Addresses;
use crate::base::{Secret, base64url};
use crate::flow::{NewClient, Provider};
use crate::identity::claims_of_scopes;
use crate::jose::{Algorithm, Jwk, JwkSet, KeyUse, PrivateKey};
use crate::oauth::{ClientAuthMethod, GrantType, Profile, ScopeSet};

/// The client of the sample service for professionals.
pub(super) const SERVICE_CLIENT: &str = "dossier-patient";
/// The client of the sample service for patients, who are asked for their consent.
pub(super) const PATIENT_CLIENT: &str = "espace-patient";
/// The client that authenticates with a key.
pub(super) const KEY_CLIENT: &str = "demo-jwt";

const SERVICE_SCOPE: &str = "openid scope_all";
const PATIENT_SCOPE: &str = "openid identite_pivot ins email";
const DEVELOPER_SCOPE: &str = "openid profile scope_all rpps identity offline_access";

/// A client of the demonstration, with the only copy of what it authenticates with.
pub struct DemoClient {
    /// Identifier.
    pub client_id: String,
    /// Authentication method.
    pub auth: ClientAuthMethod,
    /// What it authenticates with.
    pub proof: Proof,
    /// Redirect URIs.
    pub redirect_uris: Vec<String>,
    /// Addresses after logout.
    pub post_logout_redirect_uris: Vec<String>,
}

/// What a client authenticates with.
pub enum Proof {
    /// A secret.
    Secret(Secret),
    /// A key, and its name in the registered set.
    Key {
        /// Key id.
        kid: String,
        /// The key.
        key: Box<PrivateKey>,
    },
    /// Nothing (RFC 8252): its tokens are bound to a key of its choice (RFC 9449).
    Nothing,
}

/// What tells one client from another.
struct Plan {
    client_id: &'static str,
    name: &'static str,
    auth: ClientAuthMethod,
    profile: Profile,
    scope: &'static str,
    redirect_uris: Vec<String>,
}

/// Registers all clients; the two doors of the sample service first.
pub(super) async fn register_all(
    provider: &Provider,
    addresses: &Addresses,
) -> anyhow::Result<Vec<DemoClient>> {
    let mut registered = Vec::new();
    for plan in plans(addresses) {
        registered.push(register(provider, plan, addresses).await?);
    }
    Ok(registered)
}

fn plans(addresses: &Addresses) -> Vec<Plan> {
    let callback = format!("{}/callback", addresses.service);
    let by_address = format!("http://127.0.0.1:{}/callback", addresses.service_port);
    let developer = |client_id, name, auth, profile, redirect_uris: &[String]| Plan {
        client_id,
        name,
        auth,
        profile,
        scope: DEVELOPER_SCOPE,
        redirect_uris: redirect_uris.to_vec(),
    };
    let door = |client_id, name, scope, callback| Plan {
        client_id,
        name,
        auth: ClientAuthMethod::SecretBasic,
        profile: Profile::Oidc,
        scope,
        redirect_uris: vec![callback],
    };
    let both = [callback.clone(), by_address];
    let native = [String::from("http://127.0.0.1/callback")];
    vec![
        door(SERVICE_CLIENT, "Dossier patient", SERVICE_SCOPE, callback),
        door(
            PATIENT_CLIENT,
            "Espace patient",
            PATIENT_SCOPE,
            format!("{}/patient/callback", addresses.service),
        ),
        developer("demo-basic", "Service A", ClientAuthMethod::SecretBasic, Profile::Psc, &both),
        developer("demo-post", "Service B", ClientAuthMethod::SecretPost, Profile::Oidc, &both),
        developer(KEY_CLIENT, "Service C", ClientAuthMethod::PrivateKeyJwt, Profile::Oidc, &both),
        developer("demo-native", "Application D", ClientAuthMethod::None, Profile::Oidc, &native),
    ]
}

async fn register(provider: &Provider, plan: Plan, addresses: &Addresses) -> anyhow::Result<DemoClient> {
    let mut proof = Proof::Nothing;
    let mut jwks = None;
    if plan.auth == ClientAuthMethod::PrivateKeyJwt {
        let (kid, key) = (String::from("demo-1"), PrivateKey::generate(Algorithm::Es256)?);
        let public = Jwk {
            key: key.public().clone(),
            kid: Some(kid.clone()),
            alg: Some(Algorithm::Es256),
            key_use: Some(KeyUse::Sig),
        };
        jwks = Some(JwkSet { keys: vec![public] });
        proof = Proof::Key { kid, key: Box::new(key) };
    }
    let is_for_patients = plan.client_id == PATIENT_CLIENT;
    let scope: ScopeSet = plan.scope.parse()?;
    let release = if is_for_patients { claims_of_scopes(&scope) } else { BTreeSet::new() };
    let is_native = plan.auth == ClientAuthMethod::None;
    let post_logout = if is_native { vec![] } else { vec![format!("{}/", addresses.service)] };
    let new = NewClient {
        client_id: Some(plan.client_id.parse()?),
        name: String::from(plan.name),
        profile: plan.profile,
        auth: plan.auth,
        jwks,
        redirect_uris: plan.redirect_uris.clone(),
        post_logout_redirect_uris: post_logout.clone(),
        scope,
        // Two spellings of one machine (OpenID Connect Core 8.1).
        sector: (!is_native).then(|| String::from("localhost")),
        id_token_alg: Algorithm::Es256,
        ask_consent: is_for_patients,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        resource_server: false,
        release,
        responses: crate::oauth::ResponseProtection::default(),
        representation: false,
    };
    let registered = provider.register_client(new).await;
    let registered = registered.with_context(|| format!("registering {}", plan.client_id))?;
    if let Some(secret) = registered.secret {
        proof = Proof::Secret(secret);
    }
    Ok(DemoClient {
        client_id: String::from(plan.client_id),
        auth: plan.auth,
        proof,
        redirect_uris: plan.redirect_uris,
        post_logout_redirect_uris: post_logout,
    })
}

impl DemoClient {
    /// The client as a developer needs it, with its secret or its private key.
    ///
    /// # Errors
    /// The key cannot be written as a JWK.
    pub fn to_json(&self) -> anyhow::Result<Value> {
        let mut json = json!({
            "client_id": self.client_id,
            "token_endpoint_auth_method": self.auth.as_str(),
            "redirect_uris": self.redirect_uris,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
        });
        let member = match &self.proof {
            Proof::Secret(secret) => Some(("client_secret", json!(secret.expose()))),
            Proof::Key { kid, key } => Some(("jwk", private_jwk(kid, key)?)),
            Proof::Nothing => None,
        };
        if let (Some(members), Some((name, value))) = (json.as_object_mut(), member) {
            members.insert(String::from(name), value);
        }
        Ok(json)
    }
}

/// A private P-256 key as a JWK (RFC 7518 6.2.2).
fn private_jwk(kid: &str, key: &PrivateKey) -> anyhow::Result<Value> {
    let public = Jwk {
        key: key.public().clone(),
        kid: Some(String::from(kid)),
        alg: Some(Algorithm::Es256),
        key_use: Some(KeyUse::Sig),
    };
    let secret = p256::SecretKey::from_pkcs8_der(key.to_pkcs8()).context("reading the key back")?;
    let mut jwk = public.to_json();
    if let Some(members) = jwk.as_object_mut() {
        members.insert(String::from("d"), json!(base64url(secret.to_bytes())));
    }
    Ok(jwk)
}
