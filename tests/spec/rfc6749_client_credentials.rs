//! Twin of `src/oauth/rfc6749_client_credentials.rs`.

use sceau::oauth::{Client, ErrorCode, ScopeSet, client_scope};

use super::client::{confidential, with};

fn machine(registered: &str) -> Client {
    with(confidential(), |client| client.scopes = ScopeSet::parse(registered).unwrap())
}

fn granted(registered: &str, requested: Option<&str>) -> Result<String, ErrorCode> {
    let requested = requested.map(|text| ScopeSet::parse(text).unwrap());
    client_scope(&machine(registered), requested.as_ref())
        .map(|scope| scope.to_string())
        .map_err(|error| error.code)
}

#[test]
fn s4_4_2_without_a_scope_all_that_needs_no_person() {
    assert_eq!(granted("openid offline_access annuaire dmp", None).unwrap(), "annuaire dmp");
}

#[test]
fn s4_4_2_a_scope_is_granted_as_asked() {
    assert_eq!(granted("openid annuaire dmp", Some("dmp")).unwrap(), "dmp");
}

#[test]
fn s3_3_no_scope_beyond_the_registration_or_of_a_person() {
    let table = [
        ("annuaire", Some("dmp")),
        ("annuaire", Some("annuaire dmp")),
        ("openid annuaire", Some("openid")),
        ("openid annuaire", Some("annuaire openid")),
        ("offline_access annuaire", Some("offline_access")),
        ("openid", None),
        ("", None),
        ("annuaire", Some("")),
    ];
    for (registered, requested) in table {
        assert_eq!(granted(registered, requested), Err(ErrorCode::InvalidScope), "{requested:?}");
    }
}
