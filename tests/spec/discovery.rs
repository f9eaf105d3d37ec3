//! Twin of `src/oidc/discovery.rs`.

use sceau::jose::Algorithm;
use sceau::oauth::{ClientAuthMethod, GrantType};
use sceau::oidc::{ProviderFeatures, metadata};
use serde_json::{Value, json};

fn features() -> ProviderFeatures {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    ProviderFeatures {
        claims: Vec::new(),
        issuer: "https://id.example/sceau".to_owned(),
        id_token_algorithms: vec![Algorithm::Es256, Algorithm::Rs256],
        acr_values: owned(&["eidas1", "eidas2"]),
        scopes: owned(&["openid", "profile", "rpps", "scope_all", "offline_access"]),
        grant_types: vec![
            GrantType::AuthorizationCode,
            GrantType::RefreshToken,
            GrantType::ClientCredentials,
        ],
        auth_methods: vec![
            ClientAuthMethod::SecretBasic,
            ClientAuthMethod::SecretPost,
            ClientAuthMethod::PrivateKeyJwt,
            ClientAuthMethod::None,
        ],
        par_required: false,
        service_documentation: None,
    }
}

#[test]
fn s3_metadata_of_everything_enabled() {
    insta::assert_json_snapshot!(metadata(&features()));
}

#[test]
fn s3_issuer_is_the_string_given() {
    let document = metadata(&features());
    assert_eq!(document["issuer"], "https://id.example/sceau");
    for name in ["authorization", "token", "userinfo", "pushed_authorization_request"] {
        let endpoint = document[format!("{name}_endpoint")].as_str().unwrap();
        assert!(endpoint.starts_with("https://id.example/sceau/"), "{endpoint}");
    }
}

#[test]
fn s3_only_what_is_enabled_is_announced() {
    let document = metadata(&ProviderFeatures {
        id_token_algorithms: vec![Algorithm::Es256],
        acr_values: Vec::new(),
        grant_types: vec![GrantType::AuthorizationCode],
        auth_methods: vec![ClientAuthMethod::SecretBasic],
        par_required: true,
        service_documentation: Some("https://id.example/doc".to_owned()),
        ..features()
    });
    assert_eq!(document["id_token_signing_alg_values_supported"], json!(["ES256"]));
    assert_eq!(document["acr_values_supported"], json!([]));
    assert_eq!(document["grant_types_supported"], json!(["authorization_code"]));
    assert_eq!(document["token_endpoint_auth_methods_supported"], json!(["client_secret_basic"]));
    assert_eq!(document["token_endpoint_auth_signing_alg_values_supported"], Value::Null);
    assert_eq!(document["require_pushed_authorization_requests"], json!(true));
    assert_eq!(document["service_documentation"], "https://id.example/doc");
}

#[test]
fn s3_no_weak_method_is_announced() {
    let text = metadata(&features()).to_string();
    for weak in ["plain", "implicit", "password", "HS256", "fragment", "id_token token"] {
        assert!(!text.contains(weak), "{weak}");
    }
}

#[test]
fn s3_sector_claims_are_announced_once() {
    let document = metadata(&features());
    let claims: Vec<&str> =
        document["claims_supported"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["sub", "SubjectNameID", "SubjectRefPro", "otherIds", "Palier_Authentification"] {
        assert_eq!(claims.iter().filter(|one| **one == name).count(), 1, "{name}");
    }
    let narrow = metadata(&ProviderFeatures { scopes: vec!["openid".to_owned()], ..features() });
    let claims = narrow["claims_supported"].as_array().unwrap();
    assert!(claims.contains(&json!("sub")));
    assert!(!claims.contains(&json!("SubjectNameID")));
}
