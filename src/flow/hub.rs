//! What the profile of a hub of identity providers adds: whom it may be told of, at what level, and answers that are
//! signed, then encrypted to its own key (`OpenID` Connect Core 10.2, 16.14).

use serde_json::{Map, Value, json};

use crate::base::Secret;
use crate::identity::{Acr, AuthenticationProof, HubRefusal, Person, hub_refusal};
use crate::interaction::NextStep;
use crate::jose::{Algorithm, EncryptionKey, KeyManagement, encrypt};
use crate::oauth::{Client, ErrorCode, Profile};
use crate::ports::{PortError, PortResult};

use super::{FlowError, Provider};

/// An answer of the userinfo endpoint.
#[derive(Clone, Debug)]
pub enum UserinfoAnswer {
    /// Plain claims, a JSON object as it is written.
    Claims(String),
    /// `application/jwt` (OpenID Connect Core 5.3.2).
    Token(Secret),
}

/// The lowest level that a client of this profile takes.
pub(super) fn minimum_acr(client: &Client) -> Option<Acr> {
    (client.profile == Profile::FranceConnect).then_some(Acr::Eidas2)
}

/// `person` as `client` is told of them: a hub also of the address that they declared.
pub(super) fn as_told(client: &Client, person: Person) -> Person {
    if client.profile == Profile::FranceConnect { person.with_declared_email() } else { person }
}

impl Provider {
    /// Whether `client` wants an e-mail address that nobody knows of the person of `proof`.
    pub(super) async fn lacks_email(
        &self,
        client: &Client,
        proof: Option<&AuthenticationProof>,
    ) -> PortResult<bool> {
        let Some(proof) = proof.filter(|_| client.profile == Profile::FranceConnect) else {
            return Ok(false);
        };
        let person = self.ports.persons.find(proof.person).await?.map(Person::with_declared_email);
        Ok(person.as_ref().and_then(hub_refusal) == Some(HubRefusal::NoEmail))
    }

    /// `next`, unless it would tell a hub of a person that it cannot take.
    pub(super) async fn admitted(&self, client: &Client, next: NextStep) -> Result<NextStep, FlowError> {
        let NextStep::Issue { proof, .. } = &next else { return Ok(next) };
        if client.profile != Profile::FranceConnect {
            return Ok(next);
        }
        let person = self.ports.persons.find(proof.person).await?.map(|person| as_told(client, person));
        Ok(match person.as_ref().and_then(hub_refusal) {
            Some(refusal) => NextStep::Refuse { code: ErrorCode::AccessDenied, public: refusal.public() },
            None => next,
        })
    }

    /// The key to which the ID tokens of `client` are encrypted; none when they are not.
    pub(super) async fn id_token_key(&self, client: &Client) -> PortResult<Option<EncryptionKey>> {
        self.key_for(client, client.responses.id_token_encrypted_response_alg).await
    }

    /// The claims as `client` registered to get them.
    pub(super) async fn protected_userinfo(
        &self,
        client: &Client,
        mut claims: Map<String, Value>,
    ) -> Result<UserinfoAnswer, FlowError> {
        let responses = &client.responses;
        let Some(alg) = responses.userinfo_signed_response_alg else {
            return Ok(UserinfoAnswer::Claims(Value::Object(claims).to_string()));
        };
        let key = self.key_for(client, responses.userinfo_encrypted_response_alg).await?;
        // OpenID Connect Core 5.3.2
        claims.insert(String::from("iss"), json!(self.policy.issuer));
        claims.insert(String::from("aud"), json!(client.client_id.as_str()));
        let claims = Value::Object(claims);
        let sign = async |kid: &str| {
            let header = json!({ "alg": alg.as_str(), "typ": "JWT", "kid": kid });
            self.sign_jwt(&header, &claims, kid).await
        };
        let kid = self.planned_kid(alg.as_str()).await?;
        let token = match sign(&kid).await {
            // Replaced since it was planned. Nothing was committed for it.
            Err(PortError::Conflict) => sign(&self.planned_again(alg, &kid).await?).await?,
            signed => signed?,
        };
        Ok(UserinfoAnswer::Token(self.nested(token, key.as_ref())?))
    }

    /// `token` inside an encrypted one when there is a `key` (RFC 7519 5.2).
    pub(super) fn nested(&self, token: Secret, key: Option<&EncryptionKey>) -> PortResult<Secret> {
        let Some(key) = key else { return Ok(token) };
        let entropy = &*self.ports.entropy;
        let nested = encrypt(token.expose().as_bytes(), key, Some("JWT"), entropy);
        nested.map(Secret::new).map_err(|error| PortError::Unavailable(error.to_string()))
    }

    async fn key_for(
        &self,
        client: &Client,
        alg: Option<KeyManagement>,
    ) -> PortResult<Option<EncryptionKey>> {
        let Some(alg) = alg else { return Ok(None) };
        let Some(uri) = &client.responses.jwks_uri else {
            return Err(PortError::Unavailable(String::from("the client has no address of keys")));
        };
        Ok(Some(self.ports.client_keys.encryption_key(uri, alg).await?))
    }
}

/// What `UserInfo` answers can be signed with.
pub(super) const USERINFO_ALGORITHMS: &[Algorithm] = &[Algorithm::Es256];
