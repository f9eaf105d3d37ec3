//! Twin of `src/oidc/core_userinfo.rs`.

use std::collections::BTreeMap;

use sceau::jose::Algorithm;
use sceau::oauth::{Client, ClientAuthMethod, ConsentPolicy, GrantType, Profile, ScopeSet};
use sceau::oidc::{CLAIM_SCOPES, ClaimSpec, released_claims, requested_claims};
use serde_json::json;

fn client(profile: Profile, registered: &str) -> Client {
    Client {
        client_id: "c1".parse().unwrap(),
        name: "Service".to_owned(),
        profile,
        auth: ClientAuthMethod::SecretBasic,
        secret_hash: None,
        jwks: None,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        grant_types: vec![GrantType::AuthorizationCode],
        scopes: ScopeSet::parse(registered).unwrap(),
        sector: "service.example".to_owned(),
        id_token_alg: Algorithm::Es256,
        dpop_bound_access_tokens: false,
        consent: ConsentPolicy::Ask,
        resource_server: false,
        release: ScopeSet::default(),
        enabled: true,
    }
}

fn released(client: &Client, scope: &str, requested: &[&str]) -> Vec<&'static str> {
    let requested: BTreeMap<_, _> =
        requested.iter().map(|name| ((*name).to_owned(), ClaimSpec::default())).collect();
    released_claims(client, &ScopeSet::parse(scope).unwrap(), &requested).names().collect()
}

#[test]
fn s5_4_each_scope_releases_its_claims() {
    let client = client(Profile::Oidc, "openid profile rpps identity scope_all");
    let identity = ["SubjectNameID", "otherIds", "preferred_username", "sub"];
    assert_eq!(released(&client, "openid", &[]), ["sub"]);
    assert_eq!(
        released(&client, "openid profile", &[]),
        ["family_name", "given_name", "preferred_username", "sub"]
    );
    assert_eq!(released(&client, "openid rpps", &[]), identity);
    assert_eq!(released(&client, "openid identity", &[]), identity);
    assert_eq!(released(&client, "openid eidas1 unknown", &[]), ["sub"]);
}

#[test]
fn s5_4_scope_all_releases_every_sector_claim() {
    let client = client(Profile::Oidc, "openid scope_all");
    let all = released(&client, "openid scope_all", &[]);
    assert_eq!(all.len(), CLAIM_SCOPES.len() + 1);
    for name in ["SubjectNameID", "SubjectRefPro", "SubjectRole", "Secteur_Activite", "authMode", "sub"] {
        assert!(all.contains(&name), "{name}");
    }
}

#[test]
fn s5_4_psc_client_gets_every_sector_claim_whatever_it_asks() {
    let all = released(&client(Profile::Oidc, "openid scope_all"), "openid scope_all", &[]);
    assert_eq!(released(&client(Profile::Psc, "openid"), "openid", &[]), all);
}

#[test]
fn s5_5_claim_asked_by_name_needs_a_registered_scope() {
    let narrow = client(Profile::Oidc, "openid rpps");
    let broad = client(Profile::Oidc, "openid scope_all");
    assert_eq!(released(&narrow, "openid", &["SubjectNameID"]), ["SubjectNameID", "sub"]);
    assert_eq!(released(&narrow, "openid", &["SubjectRefPro", "given_name"]), ["sub"]);
    assert_eq!(released(&broad, "openid", &["SubjectRefPro"]), ["SubjectRefPro", "sub"]);
    assert_eq!(released(&broad, "openid", &["email", "subjectnameid", "", "password_hash"]), ["sub"]);
}

#[test]
fn s5_3_2_filter_keeps_what_is_released_and_sub() {
    let client = client(Profile::Oidc, "openid rpps");
    let scope = ScopeSet::parse("openid rpps").unwrap();
    let released = released_claims(&client, &scope, &BTreeMap::new());
    let claims = json!({
        "sub": "s", "SubjectNameID": "899700427885", "family_name": "DOC0042788", "internal": "x",
    });
    let kept = released.filter(claims.as_object().unwrap().clone());
    assert_eq!(json!(kept), json!({ "sub": "s", "SubjectNameID": "899700427885" }));
}

#[test]
fn s5_4_id_token_gets_only_what_was_named() {
    let named = BTreeMap::from([
        ("SubjectNameID".to_owned(), ClaimSpec::default()),
        ("acr".to_owned(), ClaimSpec::default()),
        ("family_name".to_owned(), ClaimSpec::default()),
    ]);
    let given = |client: &Client, wanted| requested_claims(client, wanted).names().collect::<Vec<_>>();
    assert_eq!(given(&client(Profile::Oidc, "openid rpps"), &named), ["SubjectNameID"]);
    assert_eq!(given(&client(Profile::Psc, "openid"), &named), ["SubjectNameID", "family_name"]);
    assert!(given(&client(Profile::Psc, "openid scope_all"), &BTreeMap::new()).is_empty());
}
