//! Codes and refresh tokens that cross with a second use or a revocation.

use sceau::base::{Secret, TokenHash};
use sceau::flow::{
    BrowserState, ClientCall, FlowError, Identified, PresentedCredentials, PresentedProof, Screen, Turn,
};
use sceau::oauth::{NonceClass, PresentedToken, Profile, RawParams, TokenResponse};
use sceau::ports::{CutoffScope, FenceKind};

use super::review::{SERVICE, csrf, event, from, location, opened, params, registered, revoke};
use crate::support::{CAMILLE, Harness, REDIRECT_URI};

fn no_proof(path: &str) -> PresentedProof {
    let (method, path) = (String::from("POST"), path.to_owned());
    PresentedProof { headers: Vec::new(), method, path, class: NonceClass::AuthorizationServer }
}

async fn token(
    harness: &Harness,
    secret: &Secret,
    fields: &[(&str, &str)],
) -> Result<TokenResponse, FlowError> {
    let pairs = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let call = ClientCall {
        params: RawParams::from_pairs(pairs),
        credentials: PresentedCredentials::Basic { client_id: SERVICE.to_owned(), secret: secret.clone() },
        proof: no_proof("/token"),
        origin: from("192.0.2.80"),
    };
    harness.provider.token(call).await
}

/// Camille signs in: the secret of the service and a code for it.
async fn code(harness: &Harness) -> (Secret, String) {
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let secret = registered(harness, |new| new.profile = Profile::Psc).await.unwrap();
    let (id, browser) = opened(harness, &params(&[]), BrowserState::default()).await;
    let form = csrf(&harness.provider.resume(id, &browser).await.unwrap());
    let typed = (CAMILLE, form.as_str());
    let identified = harness.provider.identify(id, &browser, typed, &from("192.0.2.44")).await.unwrap();
    assert_eq!(identified, Identified::Accepted);
    let turn = harness.provider.resume(id, &browser).await.unwrap();
    let Turn::Page { screen: Screen::Number { number: Some(number), .. }, .. } = turn else {
        panic!("no number")
    };
    phone.approve(None, Some(number.expose())).await.unwrap();
    let location = location(harness.provider.resume(id, &browser).await.unwrap());
    let (_, query) = location.split_once('?').unwrap();
    let code = RawParams::parse(query.as_bytes()).unwrap().get("code").unwrap().unwrap().to_owned();
    (secret, code)
}

fn redemption(code: &str) -> [(&str, &str); 3] {
    [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT_URI)]
}

#[tokio::test]
async fn a_second_use_that_overtakes_the_first_ends_what_it_gave() {
    let harness = Harness::new().await;
    let (secret, code) = code(&harness).await;
    // Another request with the code found it taken, before the one that took it has committed.
    let issuance = &harness.provider.ports.issuance;
    let hash = TokenHash::of(&code);
    issuance.replayed(FenceKind::Code, &hash, &SERVICE.parse().unwrap(), &event("second use")).await.unwrap();
    let tokens = token(&harness, &secret, &redemption(&code)).await.unwrap();
    let presented = PresentedToken::parse(&format!("Bearer {}", tokens.access_token.expose())).unwrap();
    assert!(harness.provider.userinfo(&presented, &no_proof("/userinfo")).await.is_err());
    let refresh = tokens.refresh_token.unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
    assert!(token(&harness, &secret, &fields).await.is_err());
}

#[tokio::test]
async fn a_refresh_after_a_revocation_is_refused_with_one_row() {
    let harness = Harness::new().await;
    let (secret, code) = code(&harness).await;
    let tokens = token(&harness, &secret, &redemption(&code)).await.unwrap();
    revoke(&harness, CutoffScope::Person(harness.person(CAMILLE).await)).await;
    let refresh = tokens.refresh_token.unwrap();
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose())];
    let refused = token(&harness, &secret, &fields).await.unwrap_err().into_oauth();
    assert_eq!(refused.code.as_str(), "invalid_grant");
    assert_eq!(harness.audited("tokens.refreshed person_inactive").await, 1);
    let wider = [("scope", "openid profile")];
    let fields: Vec<_> = fields.into_iter().chain(wider).collect();
    assert!(token(&harness, &secret, &fields).await.is_err());
}
