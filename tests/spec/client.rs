//! RFC 7591 2, RFC 9700, RFC 8252 and the table of client profiles. Its clients serve the other tests too.

use sceau::base::TokenHash;
use sceau::jose::{Algorithm, Jwk, JwkSet, PrivateKey};
use sceau::oauth::{
    Client, ClientAuthMethod, ClientMetadataError, ConsentPolicy, ErrorCode, GrantType, OAuthError, Profile,
    RedirectUri, RedirectUriError, ScopeSet,
};

/// A service with a secret.
pub(crate) fn confidential() -> Client {
    Client {
        client_id: "rp-1".parse().unwrap(),
        name: "Dossier de soins".to_owned(),
        profile: Profile::Oidc,
        auth: ClientAuthMethod::SecretBasic,
        secret_hash: Some(TokenHash::of("secret")),
        jwks: None,
        redirect_uris: vec![RedirectUri::parse("https://rp.example/cb", false).unwrap()],
        post_logout_redirect_uris: vec!["https://rp.example/bye".to_owned()],
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: ScopeSet::parse("openid profile offline_access").unwrap(),
        sector: "rp.example".to_owned(),
        id_token_alg: Algorithm::Es256,
        dpop_bound_access_tokens: false,
        consent: ConsentPolicy::Implicit,
        resource_server: false,
        release: ScopeSet::default(),
        enabled: true,
    }
}

/// A native application.
pub(crate) fn native() -> Client {
    Client {
        auth: ClientAuthMethod::None,
        secret_hash: None,
        redirect_uris: vec![RedirectUri::parse("http://127.0.0.1/cb", true).unwrap()],
        post_logout_redirect_uris: Vec::new(),
        dpop_bound_access_tokens: true,
        consent: ConsentPolicy::Ask,
        ..confidential()
    }
}

/// A service of the FAPI 2.0 profile.
pub(crate) fn fapi() -> Client {
    let key = PrivateKey::generate(Algorithm::Es256).unwrap();
    Client {
        profile: Profile::Fapi2,
        auth: ClientAuthMethod::PrivateKeyJwt,
        secret_hash: None,
        jwks: Some(JwkSet { keys: vec![Jwk::from(key.public().clone())] }),
        dpop_bound_access_tokens: true,
        ..confidential()
    }
}

/// `client` with one field changed.
pub(crate) fn with(mut client: Client, change: impl FnOnce(&mut Client)) -> Client {
    change(&mut client);
    client
}

fn uris(texts: &[&str]) -> Vec<RedirectUri> {
    texts.iter().map(|text| RedirectUri::parse(text, true).unwrap()).collect()
}

#[test]
fn the_good_clients_are_good() {
    assert_eq!(confidential().validate(), Ok(()));
    assert_eq!(native().validate(), Ok(()));
    assert_eq!(fapi().validate(), Ok(()));
    assert_eq!(with(confidential(), |c| c.profile = Profile::Psc).validate(), Ok(()));
    let machine = with(confidential(), |c| {
        c.grant_types = vec![GrantType::ClientCredentials];
        c.redirect_uris.clear();
        c.sector.clear();
    });
    assert_eq!(machine.validate(), Ok(()));
}

#[test]
fn a_bad_client_is_refused_with_its_reason() {
    use ClientMetadataError as E;
    type Change = fn(&mut Client);
    let table: [(Change, E); 15] = [
        (|c| c.name = " ".to_owned(), E::Name),
        (|c| c.name = "a\nb".to_owned(), E::Name),
        (|c| c.name = "a".repeat(201), E::Name),
        (|c| c.profile = Profile::Fapi2, E::AuthMethod),
        (|c| c.secret_hash = None, E::Secret),
        (|c| c.auth = ClientAuthMethod::PrivateKeyJwt, E::Secret),
        (|c| c.jwks = Some(JwkSet { keys: Vec::new() }), E::Keys),
        (|c| c.grant_types.clear(), E::GrantTypes),
        (|c| c.grant_types = vec![GrantType::RefreshToken], E::GrantTypes),
        (|c| c.scopes = ScopeSet::parse("profile").unwrap(), E::Scope),
        (|c| c.redirect_uris.clear(), E::RedirectUriCount),
        (|c| c.redirect_uris = uris(&["fr.example.app:/cb"]), E::RedirectUri(RedirectUriError::Scheme)),
        (
            |c| c.post_logout_redirect_uris = vec!["http://rp.example/".to_owned()],
            E::PostLogoutRedirectUri(RedirectUriError::Http),
        ),
        (|c| c.sector = "https://rp.example".to_owned(), E::Sector),
        (|c| c.id_token_alg = Algorithm::Ps256, E::IdTokenAlgorithm),
    ];
    for (change, reason) in table {
        assert_eq!(with(confidential(), change).validate(), Err(reason));
    }
}

#[test]
fn rfc8252_s8_6_a_public_client_asks_the_person() {
    let client = with(native(), |c| c.consent = ConsentPolicy::Implicit);
    assert_eq!(client.validate(), Err(ClientMetadataError::Consent));
}

#[test]
fn rfc9449_s5_a_public_client_refreshes_with_a_bound_token() {
    let client = with(native(), |c| c.dpop_bound_access_tokens = false);
    assert_eq!(client.validate(), Err(ClientMetadataError::SenderConstraint));
    let client = with(client, |c| c.grant_types = vec![GrantType::AuthorizationCode]);
    assert_eq!(client.validate(), Ok(()));
}

#[test]
fn rfc6749_s4_4_a_public_client_has_no_client_credentials() {
    let client = with(native(), |c| c.grant_types.push(GrantType::ClientCredentials));
    assert_eq!(client.validate(), Err(ClientMetadataError::GrantTypes));
}

#[test]
fn fapi2_s5_3_2_bound_tokens_https_and_strong_algorithms() {
    use ClientMetadataError as E;
    let unbound = with(fapi(), |c| c.dpop_bound_access_tokens = false);
    assert_eq!(unbound.validate(), Err(E::SenderConstraint));
    let loopback = with(fapi(), |c| c.redirect_uris = uris(&["http://localhost:3000/cb"]));
    assert_eq!(loopback.validate(), Err(E::RedirectUri(RedirectUriError::Http)));
    let rs256 = with(fapi(), |c| c.id_token_alg = Algorithm::Rs256);
    assert_eq!(rs256.validate(), Err(E::IdTokenAlgorithm));
    let keyless = with(fapi(), |c| c.jwks = None);
    assert_eq!(keyless.validate(), Err(E::Keys));
}

#[test]
fn the_profile_table_is_as_designed() {
    let row = |profile: Profile| {
        let auth: Vec<&str> = ClientAuthMethod::ALL
            .into_iter()
            .filter(|&method| profile.allows_auth(method))
            .map(ClientAuthMethod::as_str)
            .collect();
        let algorithms: Vec<&str> = profile.id_token_algorithms().iter().map(|alg| alg.as_str()).collect();
        format!(
            "{profile}: par {} pkce {} bound {} auth {} alg {}",
            profile.requires_par(),
            profile.requires_pkce_for(ClientAuthMethod::PrivateKeyJwt),
            profile.requires_sender_constraint(),
            auth.join(" "),
            algorithms.join(" "),
        )
    };
    insta::assert_snapshot!(Profile::ALL.map(row).join("\n"));
}

#[test]
fn rfc7591_s2_serialised_with_the_registered_names() {
    let client = confidential();
    let json = serde_json::to_value(&client).unwrap();
    assert_eq!(json["client_name"], "Dossier de soins");
    assert_eq!(json["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(json["grant_types"], serde_json::json!(["authorization_code", "refresh_token"]));
    assert_eq!(json["id_token_signed_response_alg"], "ES256");
    assert_eq!(json["scope"], "offline_access openid profile");
    assert_eq!(serde_json::from_value::<Client>(json).unwrap(), client);
    let fapi = fapi();
    assert_eq!(serde_json::from_str::<Client>(&serde_json::to_string(&fapi).unwrap()).unwrap(), fapi);
}

#[test]
fn names_are_read_as_they_are_printed() {
    for method in ClientAuthMethod::ALL {
        assert_eq!(method.as_str().parse(), Ok(method));
        assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
    }
    for grant in GrantType::ALL {
        assert_eq!(grant.as_str().parse(), Ok(grant));
        assert_eq!(serde_json::to_value(grant).unwrap(), grant.as_str());
    }
    for profile in Profile::ALL {
        assert_eq!(profile.as_str().parse(), Ok(profile));
        assert_eq!(serde_json::to_value(profile).unwrap(), profile.as_str());
    }
    assert!("password".parse::<GrantType>().is_err());
}

#[test]
fn the_secret_is_not_shown_by_debug() {
    let text = format!("{:?}", confidential());
    assert!(!text.contains(&TokenHash::of("secret").to_string()));
}

#[test]
fn oidc_s8_1_the_sector_is_the_one_host() {
    let sector = |texts: &[&str]| Client::sector_of(&uris(texts));
    assert_eq!(sector(&["https://rp.example/a", "https://rp.example:8443/b"]).as_deref(), Some("rp.example"));
    assert_eq!(sector(&["https://rp.example/a", "https://other.example/b"]), None);
    assert_eq!(sector(&["https://rp.example/a", "fr.example.app:/cb"]), None);
    assert_eq!(sector(&[]), None);
}

#[test]
fn refresh_tokens_follow_the_profile() {
    let plain = ScopeSet::parse("openid").unwrap();
    let offline = ScopeSet::parse("openid offline_access").unwrap();
    assert!(!confidential().wants_refresh(&plain));
    assert!(confidential().wants_refresh(&offline));
    assert!(with(confidential(), |c| c.profile = Profile::Psc).wants_refresh(&plain));
    let codes_only = with(confidential(), |c| c.grant_types = vec![GrantType::AuthorizationCode]);
    assert!(!codes_only.wants_refresh(&offline));
    assert!(native().rotates_refresh() && !confidential().rotates_refresh());
}

#[test]
fn rfc9700_s2_1_1_who_needs_pkce() {
    assert!(native().pkce_required() && fapi().pkce_required() && !confidential().pkce_required());
}

#[test]
fn rfc8252_s7_3_only_a_native_client_chooses_its_port() {
    assert!(native().redirect_uri("http://127.0.0.1:5004/cb").is_some());
    let service = with(confidential(), |c| c.redirect_uris = uris(&["http://127.0.0.1:3000/cb"]));
    assert!(service.redirect_uri("http://127.0.0.1:3000/cb").is_some());
    assert!(service.redirect_uri("http://127.0.0.1:5004/cb").is_none());
}

#[test]
fn rfc7591_s3_2_2_refusals_have_their_code() {
    let code = |error: ClientMetadataError| OAuthError::from(error).code;
    assert_eq!(code(ClientMetadataError::RedirectUri(RedirectUriError::Http)), ErrorCode::InvalidRedirectUri);
    assert_eq!(code(ClientMetadataError::Name), ErrorCode::InvalidRequest);
}
