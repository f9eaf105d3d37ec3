//! What the tests of the review share.

use sceau::audit::{AuditEvent, Decision, EventKind};
use sceau::base::{AuditId, OsEntropy, Secret};
use sceau::flow::{Begun, BrowserState, NewClient, Origin, Turn};
use sceau::jose::Algorithm;
use sceau::oauth::{AuthorizationResponse, ClientAuthMethod, GrantType, Profile, RawParams, ScopeSet};
use sceau::ports::{Cutoff, CutoffScope};

use crate::support::{Harness, REDIRECT_URI, START};

pub(super) const SERVICE: &str = "service-under-review";

pub(super) fn event(reason: &'static str) -> AuditEvent {
    let id = AuditId::ordered(&OsEntropy, START);
    AuditEvent::new(id, START, EventKind::AdministratorAction, Decision::Success, reason)
}

pub(super) async fn revoke(harness: &Harness, scope: CutoffScope) {
    let cutoff = Cutoff { scope, at: harness.provider.now() };
    assert!(harness.provider.ports.revocation.revoke(&cutoff, &event("revoked")).await.unwrap());
    harness.provider.cutoffs.note(&cutoff);
}

pub(super) fn from(address: &str) -> Origin {
    Origin { address: address.to_owned(), agent: String::from("Firefox · Linux") }
}

/// A service, as `change` makes it, with its secret.
pub(super) async fn registered(harness: &Harness, change: impl FnOnce(&mut NewClient)) -> Option<Secret> {
    let mut new = NewClient {
        client_id: Some(SERVICE.parse().unwrap()),
        name: String::from("Service"),
        profile: Profile::Oidc,
        auth: ClientAuthMethod::SecretBasic,
        jwks: None,
        redirect_uris: vec![REDIRECT_URI.to_owned()],
        post_logout_redirect_uris: Vec::new(),
        scope: ScopeSet::parse("openid").unwrap(),
        sector: None,
        id_token_alg: Algorithm::Es256,
        ask_consent: false,
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        resource_server: false,
        release: std::collections::BTreeSet::new(),
        responses: sceau::oauth::ResponseProtection::default(),
        representation: false,
    };
    change(&mut new);
    harness.provider.register_client(new).await.unwrap().secret
}

pub(super) fn params(more: &[(&str, &str)]) -> RawParams {
    let usual = [
        ("client_id", SERVICE),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT_URI),
        ("scope", "openid"),
    ];
    RawParams::from_pairs(
        usual.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

/// Opens an interaction; the state is that of its browser.
pub(super) async fn opened(
    harness: &Harness,
    params: &RawParams,
    browser: BrowserState,
) -> (sceau::base::InteractionId, BrowserState) {
    let Begun::Opened(opened) = harness.provider.begin(params, &browser).await.unwrap() else {
        panic!("answered at once")
    };
    (opened.id, BrowserState { interaction: Some(opened.cookie), ..browser })
}

/// The token of the page's forms.
pub(super) fn csrf(turn: &Turn) -> String {
    let Turn::Page { csrf, .. } = turn else { panic!("no page") };
    csrf.clone()
}

/// The address of the answer to the client.
pub(super) fn location(turn: Turn) -> String {
    let Turn::Answer(answer) = turn else { panic!("no answer") };
    let AuthorizationResponse::Redirect(location) = answer.response else { panic!("no redirect") };
    location
}
