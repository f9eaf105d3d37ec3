//! The relying party, by the library that many services use: discovery (OpenID Connect Discovery 4), code flow with
//! PKCE, `state` and `nonce` (Core 3.1, RFC 7636), ID token under the published keys (Core 3.1.3.7), userinfo (5.3).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LanguageTag, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
    UserInfoClaims,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::{Secret, UnixTime};
use crate::demo::Addresses;
use crate::interaction::Locale;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of an answer of the provider.
const MAX_ANSWER: usize = 256 * 1024;

/// The library's client once the provider's metadata are known.
type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// What the service knows about itself and its provider.
pub(super) struct RelyingParty {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: ClientSecret,
    redirect_uri: RedirectUrl,
    http: reqwest::Client,
}

/// A login under way: what the answer must match.
pub(super) struct Pending {
    state: CsrfToken,
    nonce: Nonce,
    verifier: Secret,
}

impl Pending {
    /// The value that the answer must repeat.
    pub(super) fn state(&self) -> &str {
        self.state.secret()
    }
}

/// Who is signed in, as the provider says.
#[derive(Clone)]
pub(super) struct SignedIn {
    /// Given names and family name.
    pub(super) name: String,
    /// `acr` of the ID token.
    pub(super) acr: String,
    /// When the person approved.
    pub(super) auth_time: Option<UnixTime>,
    /// `SubjectNameID`: the national identifier.
    pub(super) subject_name_id: String,
    /// `sub`: the person for this service alone.
    pub(super) subject: String,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    /// The answer is to no question of this browser.
    #[error("an answer to no question of ours")]
    NotAsked,
    /// The provider said no.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// The provider did not answer, or not as the specification says.
    #[error("{0}: {1}")]
    Unusable(&'static str, String),
}

impl LoginError {
    /// The code shown: the provider's, or one of ours.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::NotAsked => "unexpected_answer",
            Self::Refused(code) => code,
            Self::Unusable(..) => "provider_unusable",
        }
    }
}

/// The claim of the sector that the service reads beside the standard ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct SectorClaims {
    #[serde(rename = "SubjectNameID", default)]
    subject_name_id: String,
}

impl AdditionalClaims for SectorClaims {}

impl RelyingParty {
    /// The relying party called `client_id`.
    pub(super) fn new(addresses: &Addresses, client_id: &str, secret: &Secret) -> anyhow::Result<Self> {
        // Following redirects would let an answer name another address to call.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("setting up HTTP")?;
        Ok(Self {
            issuer: IssuerUrl::new(addresses.issuer.clone())?,
            client_id: ClientId::new(client_id.to_owned()),
            secret: ClientSecret::new(secret.expose().to_owned()),
            redirect_uri: RedirectUrl::new(format!("{}/callback", addresses.service))?,
            http,
        })
    }

    /// The issuer that answers must name.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Where to send the browser, and what the answer must match.
    pub(super) async fn begin(&self, locale: Locale) -> Result<(Url, Arc<Pending>), LoginError> {
        let client = self.discover().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (address, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new(String::from("scope_all")))
            .add_ui_locale(LanguageTag::new(locale.as_str().to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let verifier = Secret::new(verifier.into_secret());
        Ok((address, Arc::new(Pending { state, nonce, verifier })))
    }

    /// Exchanges the code, verifies the ID token, asks who it is.
    pub(super) async fn finish(&self, code: String, pending: &Pending) -> Result<SignedIn, LoginError> {
        let client = self.discover().await?;
        let http = self.http();
        let tokens = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| unusable("no token endpoint", &error))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.expose().to_owned()))
            .request_async(&http)
            .await
            .map_err(|error| unusable("token endpoint", &error))?;
        let claims = verify(&client, &tokens, &pending.nonce)?;
        let request = client
            .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))
            .map_err(|error| unusable("no userinfo endpoint", &error))?;
        let userinfo: UserInfoClaims<SectorClaims, CoreGenderClaim> =
            request.request_async(&http).await.map_err(|error| unusable("userinfo endpoint", &error))?;
        let given = userinfo.given_name().and_then(|name| name.get(None)).map(|name| name.as_str());
        let family = userinfo.family_name().and_then(|name| name.get(None)).map(|name| name.as_str());
        Ok(SignedIn {
            name: [given, family].into_iter().flatten().collect::<Vec<_>>().join(" "),
            acr: claims.auth_context_ref().map(|acr| acr.to_string()).unwrap_or_default(),
            auth_time: claims.auth_time().map(|at| UnixTime::from_secs(at.timestamp())),
            subject_name_id: userinfo.additional_claims().subject_name_id.clone(),
            subject: claims.subject().to_string(),
        })
    }

    /// Metadata and keys, read anew: keys change.
    async fn discover(&self) -> Result<Client, LoginError> {
        let http = self.http();
        let metadata = CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await;
        let metadata = metadata.map_err(|error| unusable("discovery", &error))?;
        let secret = Some(self.secret.clone());
        let client = CoreClient::from_provider_metadata(metadata, self.client_id.clone(), secret);
        Ok(client.set_redirect_uri(self.redirect_uri.clone()))
    }

    /// The library's calls over our HTTP client.
    fn http(&self) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, CallError>> + use<> {
        let client = self.http.clone();
        move |request| call(client.clone(), request).boxed()
    }
}

/// The claims of the ID token, once everything about it was checked.
fn verify(
    client: &Client,
    tokens: &CoreTokenResponse,
    nonce: &Nonce,
) -> Result<CoreIdTokenClaims, LoginError> {
    let wrong = |what| LoginError::Unusable("ID token", String::from(what));
    let token = tokens.id_token().ok_or_else(|| wrong("there is none"))?;
    let verifier = client.id_token_verifier().set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256]);
    let claims = token.claims(&verifier, nonce).map_err(|error| unusable("ID token", &error))?;
    // OpenID Connect Core 3.1.3.8
    if let Some(expected) = claims.access_token_hash() {
        let algorithm = token.signing_alg().map_err(|error| unusable("ID token", &error))?;
        let key = token.signing_key(&verifier).map_err(|error| unusable("ID token", &error))?;
        let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if &actual.map_err(|error| unusable("ID token", &error))? != expected {
            return Err(wrong("it belongs to another access token"));
        }
    }
    Ok(claims.clone())
}

/// Why a call of the provider gave nothing.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    #[error(transparent)]
    Message(#[from] http::Error),
    #[error("the answer is too long")]
    TooLong,
}

async fn call(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, CallError> {
    let mut answer = client.execute(request.try_into()?).await?;
    let mut response = http::Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(body)?)
}

/// The error with its causes: the library puts the useful part last.
fn unusable(what: &'static str, error: &dyn std::error::Error) -> LoginError {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        said = format!("{said}: {inner}");
        cause = inner.source();
    }
    LoginError::Unusable(what, said)
}
