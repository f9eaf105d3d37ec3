//! Twin of `src/oauth/client_responses.rs`, and what the profile of a hub needs of it.

use sceau::jose::{Algorithm, KeyManagement};
use sceau::oauth::{
    Client, ClientAuthMethod, ClientMetadataError, GrantType, Profile, ResponseProtection, ResponsesError,
    ScopeSet, key_address,
};

use super::client::{confidential, with};

fn hub() -> Client {
    with(confidential(), |c| {
        c.profile = Profile::FranceConnect;
        c.grant_types = vec![GrantType::AuthorizationCode];
        c.scopes = ScopeSet::parse("openid profile email birthplace birthcountry").unwrap();
        c.responses =
            ResponseProtection::encrypted("https://hub.example/keys".to_owned(), KeyManagement::EcdhEs);
    })
}

#[test]
fn registration_s2_a_hub_is_good_and_each_fault_has_its_reason() {
    use ClientMetadataError as E;
    type Change = fn(&mut Client);
    assert_eq!(hub().validate(), Ok(()));
    let table: [(Change, E); 11] = [
        (|c| c.auth = ClientAuthMethod::None, E::AuthMethod),
        (|c| c.grant_types.push(GrantType::RefreshToken), E::GrantTypes),
        (|c| c.scopes = ScopeSet::parse("openid offline_access").unwrap(), E::Scope),
        (|c| c.id_token_alg = Algorithm::Rs256, E::IdTokenAlgorithm),
        (|c| c.responses = ResponseProtection::default(), E::Responses(ResponsesError::Required)),
        (|c| c.responses.jwks_uri = None, E::Responses(ResponsesError::Keys)),
        (
            |c| c.responses.jwks_uri = Some("https://10.0.0.1/".to_owned()),
            E::Responses(ResponsesError::Address),
        ),
        (|c| c.responses.id_token_encrypted_response_enc = None, E::Responses(ResponsesError::Encryption)),
        (|c| c.responses.userinfo_encrypted_response_alg = None, E::Responses(ResponsesError::Encryption)),
        (
            |c| c.responses.userinfo_signed_response_alg = None,
            E::Responses(ResponsesError::UserinfoSignature),
        ),
        (
            |c| c.responses.userinfo_signed_response_alg = Some(Algorithm::Rs256),
            E::Responses(ResponsesError::UserinfoSignature),
        ),
    ];
    for (change, reason) in table {
        assert_eq!(with(hub(), change).validate(), Err(reason));
    }
}

#[test]
fn registration_s2_serialised_with_the_registered_names() {
    let json = serde_json::to_value(hub()).unwrap();
    assert_eq!(json["jwks_uri"], "https://hub.example/keys");
    assert_eq!(json["id_token_encrypted_response_alg"], "ECDH-ES");
    assert_eq!(json["userinfo_encrypted_response_enc"], "A256GCM");
    assert_eq!(serde_json::from_value::<Client>(json).unwrap(), hub());
}

#[test]
fn rfc7591_s2_a_key_address_is_public_or_of_this_machine() {
    for (uri, public, here) in [
        ("https://hub.example/keys", true, true),
        ("https://hub.example:8443/keys?v=1", true, true),
        ("http://localhost:4000/keys", false, true),
        ("https://[::ffff:127.0.0.1]/keys", false, true),
        ("http://0x7f000001/keys", false, true),
        ("http://hub.example/keys", false, false),
        ("https://localhost./keys", false, false),
        ("https://169.254.169.254/latest", false, false),
        ("https://192.168.1.1/", false, false),
        ("https://100.64.0.1/", false, false),
        ("https://[fd00::1]/", false, false),
        ("https://[64:ff9b::a00:1]/", false, false),
        ("https://a@hub.example/keys", false, false),
        ("https://hub.example/keys#k", false, false),
        ("https://intranet/keys", false, false),
        ("file:///etc/passwd", false, false),
        ("gopher://hub.example/", false, false),
        ("data:application/json,{}", false, false),
    ] {
        assert_eq!(key_address(uri, false).is_some(), public, "{uri}");
        assert_eq!(key_address(uri, true).is_some(), here, "{uri}");
    }
}
