//! The authentication request (`OpenID Connect Core` 3.1.2.1, 5.5; RFC 7636 4.3), written by `openidconnect`.

use std::borrow::Cow;

use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreJsonWebKeySet};
use openidconnect::{
    AuthUrl, AuthenticationContextClass, ClientId, CsrfToken, IssuerUrl, LanguageTag, Nonce, RedirectUrl,
    Scope,
};
use url::Url;

use super::discovery::Metadata;
use crate::base::{base64url, sha256};
use crate::federation::UpstreamProvider;
use crate::ports::{UpstreamRefusal, UpstreamRequest};

pub(super) fn authorization_url(
    provider: &UpstreamProvider,
    metadata: &Metadata,
    request: &UpstreamRequest,
) -> Result<Url, UpstreamRefusal> {
    let acr_values = if request.acr_values.is_empty() { &provider.acr_values } else { &request.acr_values };
    if !acr_values.iter().all(|value| provider.acr_values.contains(value)) {
        return Err(UpstreamRefusal::AcrNotAgreed);
    }
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| UpstreamRefusal::MetadataIssuer)?;
    let redirect =
        RedirectUrl::new(request.redirect_uri.clone()).map_err(|_| UpstreamRefusal::UnknownProvider)?;
    let id = ClientId::new(provider.client_id.clone());
    let client = CoreClient::new(id, issuer, CoreJsonWebKeySet::new(Vec::new()))
        .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()));
    let state = CsrfToken::new(request.state.expose().to_owned());
    let nonce = Nonce::new(request.nonce.expose().to_owned());
    let mut ask = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || state, move || nonce)
        .set_redirect_uri(Cow::Owned(redirect))
        // RFC 7636 4.2; the library's own way panics at a verifier of another length than it likes.
        .add_extra_param("code_challenge", base64url(sha256(&[request.code_verifier.expose().as_bytes()])))
        .add_extra_param("code_challenge_method", "S256");
    // `openid` is the library's own.
    for scope in provider.scopes.iter().filter(|scope| *scope != "openid") {
        ask = ask.add_scope(Scope::new(scope.clone()));
    }
    for value in acr_values {
        ask = ask.add_auth_context_value(AuthenticationContextClass::new(value.clone()));
    }
    if request.login {
        ask = ask.add_prompt(CoreAuthPrompt::Login);
    }
    if let Some(locale) = &request.ui_locale {
        ask = ask.add_ui_locale(LanguageTag::new(locale.clone()));
    }
    // FranceConnect tells `amr` to those who ask for it thus; a new sign-in must say when it was (5.5.1).
    match (provider.asks_amr, request.login) {
        (true, true) => ask = ask.add_extra_param("claims", AMR_AND_TIME),
        (true, false) => ask = ask.add_extra_param("claims", AMR),
        (false, true) => ask = ask.add_extra_param("claims", TIME),
        (false, false) => {}
    }
    let (url, _, _) = ask.url();
    Ok(url)
}

const AMR: &str = r#"{"id_token":{"amr":{"essential":true}}}"#;
const TIME: &str = r#"{"id_token":{"auth_time":{"essential":true}}}"#;
const AMR_AND_TIME: &str = r#"{"id_token":{"amr":{"essential":true},"auth_time":{"essential":true}}}"#;
