//! The relying party, by the library that many services use: discovery (OpenID Connect Discovery 4), code flow with
//! PKCE, `state` and `nonce` (Core 3.1, RFC 7636), ID token under the published keys (Core 3.1.3.7), userinfo (5.3), logout at
//! the provider (RP-Initiated Logout 2).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdTokenClaims, CoreJwsSigningAlgorithm,
    CoreTokenResponse,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndSessionUrl, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, LanguageTag, LogoutRequest, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _, UserInfoClaims,
};
use url::Url;

use super::signed_in::{MoreClaims, SignedIn};
use crate::base::Secret;
use crate::demo::{Addresses, DemoClient, Proof};
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
    home: PostLogoutRedirectUrl,
    scopes: &'static [&'static str],
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

impl RelyingParty {
    /// The relying party that is `client`, and asks for `scopes` beside `openid`.
    pub(super) fn new(
        addresses: &Addresses,
        client: &DemoClient,
        scopes: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        let Proof::Secret(secret) = &client.proof else { anyhow::bail!("the service has no secret") };
        let redirect_uri = client.redirect_uris.first().context("the service has no address")?;
        // Following redirects would let an answer name another address to call.
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("setting up HTTP")?;
        Ok(Self {
            issuer: IssuerUrl::new(addresses.issuer.clone())?,
            client_id: ClientId::new(client.client_id.clone()),
            secret: ClientSecret::new(secret.expose().to_owned()),
            redirect_uri: RedirectUrl::new(redirect_uri.clone())?,
            home: PostLogoutRedirectUrl::new(format!("{}/", addresses.service))?,
            scopes,
            http,
        })
    }

    /// The issuer that answers must name.
    pub(super) fn issuer(&self) -> &str {
        self.issuer.as_str()
    }

    /// Where to send the browser, and what the answer must match.
    pub(super) async fn begin(&self, locale: Locale) -> Result<(Url, Arc<Pending>), LoginError> {
        let (client, _) = self.discover().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let (address, state, nonce) = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(self.scopes.iter().map(|&scope| Scope::new(scope.to_owned())))
            .add_ui_locale(LanguageTag::new(locale.as_str().to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let verifier = Secret::new(verifier.into_secret());
        Ok((address, Arc::new(Pending { state, nonce, verifier })))
    }

    /// Exchanges the code, verifies the ID token, asks who it is.
    pub(super) async fn finish(&self, code: String, pending: &Pending) -> Result<SignedIn, LoginError> {
        let (client, _) = self.discover().await?;
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
        let userinfo: UserInfoClaims<MoreClaims, CoreGenderClaim> =
            request.request_async(&http).await.map_err(|error| unusable("userinfo endpoint", &error))?;
        let id_token = tokens.id_token().map(ToString::to_string).unwrap_or_default();
        Ok(SignedIn::of(&claims, &userinfo, Secret::new(id_token)))
    }

    /// Where the browser ends its session at the provider, and comes back from (RP-Initiated Logout 2).
    pub(super) async fn farewell(&self, person: &SignedIn) -> Result<Url, LoginError> {
        let (_, end_session) = self.discover().await?;
        let mut request = LogoutRequest::from(end_session);
        request =
            request.set_client_id(self.client_id.clone()).set_post_logout_redirect_uri(self.home.clone());
        let mut url = request.http_get_url();
        url.query_pairs_mut().append_pair("id_token_hint", person.id_token.expose());
        Ok(url)
    }

    /// Metadata and keys, read anew: keys change.
    async fn discover(&self) -> Result<(Client, EndSessionUrl), LoginError> {
        let http = self.http();
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http).await;
        let metadata = metadata.map_err(|error| unusable("discovery", &error))?;
        let end_session = metadata.additional_metadata().end_session_endpoint.clone();
        let end_session =
            end_session.ok_or_else(|| LoginError::Unusable("discovery", String::from("no logout")))?;
        let secret = Some(self.secret.clone());
        let client = CoreClient::from_provider_metadata(metadata, self.client_id.clone(), secret);
        Ok((client.set_redirect_uri(self.redirect_uri.clone()), end_session))
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
