//! RFC 9700 4.1.3, RFC 8252 7 and 8.3, RFC 6749 3.1.2.

use proptest::prelude::*;
use sceau::oauth::{RedirectUri, RedirectUriError};

const REGISTERED: &str = "https://rp.example/cb";

/// A-001: nothing but the registered text is the registered text.
const IMPOSTORS: [&str; 33] = [
    "https://rp.example@evil.example/cb",
    "https://user@rp.example/cb",
    "https://rp.example.evil.example/cb",
    "https://evil.example/rp.example/cb",
    "//rp.example/cb",
    "//evil.example/cb",
    "https:/rp.example/cb",
    "https:\\\\rp.example\\cb",
    "https://rp.example\\@evil.example/cb",
    "https://rp.example/cb/",
    "https://rp.example/cb/../x",
    "https://rp.example/x/../cb",
    "https://rp.example/x/%2e%2e/cb",
    "https://rp.example/..;/cb",
    "https://rp.example/%63b",
    "https://rp.example/%2563b",
    "https://rp.example//cb",
    "https://rp.example/CB",
    "https://RP.example/cb",
    "HTTPS://rp.example/cb",
    "https://rp.example./cb",
    "https://rp.example:443/cb",
    "https://rp.example:8443/cb",
    "https://rр.example/cb",
    "https://rp.example/cb?x=1",
    "https://rp.example/cb?",
    "https://rp.example/cb#f",
    "https://rp.example/cb#",
    " https://rp.example/cb",
    "https://rp.example/cb\n",
    "https://rp.example/\tcb",
    "javascript:alert(1)",
    "data:text/html,x",
];

fn registered(text: &str, native: bool) -> RedirectUri {
    RedirectUri::parse(text, native).unwrap()
}

#[test]
fn rfc9700_s4_1_3_only_the_same_text_matches() {
    let uri = registered(REGISTERED, false);
    assert!(uri.matches(REGISTERED, false));
    for impostor in IMPOSTORS {
        assert!(!uri.matches(impostor, false), "{impostor:?}");
        assert!(!uri.matches(impostor, true), "{impostor:?}");
    }
    assert!(!uri.matches(&format!("{REGISTERED}{}", "a".repeat(8192)), true));
}

#[test]
fn rfc8252_s7_3_a_native_loopback_address_has_any_port() {
    for host in ["127.0.0.1", "[::1]"] {
        for port in ["", ":51004"] {
            let uri = registered(&format!("http://{host}{port}/cb?a=b"), true);
            for requested in ["", ":1", ":80", ":51004", ":65535"] {
                assert!(uri.matches(&format!("http://{host}{requested}/cb?a=b"), true), "{host}{requested}");
            }
        }
    }
}

#[test]
fn rfc8252_s7_3_nothing_but_the_port_may_differ() {
    let uri = registered("http://127.0.0.1/cb", true);
    let requests = [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:80/cb/",
        "http://127.0.0.1:80/cb?x=1",
        "http://127.0.0.1:80/cb#f",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://127.0.0.1@evil.example/cb",
        "http://127.0.0.2:80/cb",
        "http://localhost:80/cb",
        "http://[::1]:80/cb",
        "https://127.0.0.1:80/cb",
        "HTTP://127.0.0.1:80/cb",
    ];
    for requested in requests {
        assert!(!uri.matches(requested, true), "{requested}");
    }
}

#[test]
fn rfc8252_s7_3_the_port_is_fixed_for_a_confidential_client_and_for_localhost() {
    assert!(!registered("http://127.0.0.1:8080/cb", false).matches("http://127.0.0.1:8081/cb", false));
    let localhost = registered("http://localhost:8080/cb", true);
    assert!(localhost.matches("http://localhost:8080/cb", true));
    assert!(!localhost.matches("http://localhost:8081/cb", true));
}

#[test]
fn rfc8252_s7_1_private_use_schemes_match_exactly() {
    let uri = registered("fr.example.app:/cb", true);
    assert!(uri.matches("fr.example.app:/cb", true));
    assert!(!uri.matches("fr.example.App:/cb", true));
    assert!(!uri.matches("fr.example.app:/cb/", true));
}

#[test]
fn what_may_be_registered() {
    for text in
        [REGISTERED, "https://rp.example", "https://rp.example:8443/a?b=c", "http://localhost:3000/cb"]
    {
        assert_eq!(registered(text, false).as_str(), text);
    }
    for text in ["fr.example.app:/cb", "fr.example.app://login", "http://[::1]/cb", "http://127.0.0.1/cb"] {
        assert_eq!(registered(text, true).as_str(), text);
    }
}

#[test]
fn what_may_not_be_registered_and_why() {
    let long = format!("https://rp.example/{}", "a".repeat(2048));
    let table = [
        (long.as_str(), RedirectUriError::TooLong),
        ("", RedirectUriError::NotNormal),
        ("/cb", RedirectUriError::NotNormal),
        ("//rp.example/cb", RedirectUriError::NotNormal),
        ("https:rp.example/cb", RedirectUriError::NotNormal),
        ("https://RP.example/cb", RedirectUriError::NotNormal),
        ("https://rp.example:443/cb", RedirectUriError::NotNormal),
        ("https://rp.example/a/../cb", RedirectUriError::NotNormal),
        ("https://rp.example/%2e%2e/cb", RedirectUriError::NotNormal),
        ("https://rp.example\\cb", RedirectUriError::NotNormal),
        ("https://rp.example/c\tb", RedirectUriError::NotNormal),
        ("https://bücher.example/cb", RedirectUriError::NotNormal),
        ("https://0x7f.1/cb", RedirectUriError::NotNormal),
        ("https://rp.example/cb#f", RedirectUriError::Fragment),
        ("https://rp.example/cb#", RedirectUriError::Fragment),
        ("https://u@rp.example/cb", RedirectUriError::UserInfo),
        ("https://@rp.example/cb", RedirectUriError::UserInfo),
        ("https://u:p@rp.example/cb", RedirectUriError::UserInfo),
        ("https://rp.example./cb", RedirectUriError::Host),
        ("http://rp.example/cb", RedirectUriError::Http),
        ("http://127.0.0.2/cb", RedirectUriError::Http),
        ("javascript:alert(1)", RedirectUriError::Scheme),
        ("data:text/html,x", RedirectUriError::Scheme),
        ("myapp:/cb", RedirectUriError::Scheme),
        ("https://rp.example/cb?code=x", RedirectUriError::ResponseParameter),
        ("https://rp.example/cb?a=b&%73tate=x", RedirectUriError::ResponseParameter),
        ("https://rp.example/cb?iss", RedirectUriError::ResponseParameter),
        ("https://rp.example/cb?error_description=x", RedirectUriError::ResponseParameter),
    ];
    for (text, reason) in table {
        assert_eq!(RedirectUri::parse(text, true), Err(reason), "{text}");
    }
    assert_eq!(RedirectUri::parse("fr.example.app:/cb", false), Err(RedirectUriError::Scheme));
}

#[test]
fn serialised_as_its_text_and_judged_when_read() {
    let uri = registered(REGISTERED, false);
    let json = serde_json::to_string(&uri).unwrap();
    assert_eq!(serde_json::from_str::<RedirectUri>(&json).unwrap(), uri);
    assert!(serde_json::from_str::<RedirectUri>(r#""http://rp.example/cb""#).is_err());
}

proptest! {
    #[test]
    fn matching_is_never_looser_than_equality(
        requested in "(https|http)://(rp\\.example|127\\.0\\.0\\.1|localhost)(:8080|:[0-9]{0,6})?(/cb|/|/cb/|/cb\\?x=1|@evil)?",
        native in any::<bool>(),
    ) {
        for text in [REGISTERED, "http://localhost:8080/cb", "http://127.0.0.1:8080/cb"] {
            let loopback_port = native
                && text.starts_with("http://127.0.0.1")
                && without_port(&requested) == "http://127.0.0.1/cb";
            let matches = registered(text, native).matches(&requested, native);
            prop_assert!(!matches || requested == text || loopback_port);
        }
    }

    #[test]
    fn a_confidential_client_matches_by_equality(requested in "\\PC{0,60}") {
        let uri = registered("http://127.0.0.1:8080/cb", false);
        prop_assert_eq!(uri.matches(&requested, false), requested == uri.as_str());
    }

    #[test]
    fn any_port_of_the_loopback_interface_matches(port in 1u16..) {
        let requested = format!("http://127.0.0.1:{port}/cb");
        prop_assert!(registered("http://127.0.0.1/cb", true).matches(&requested, true));
    }
}

fn without_port(uri: &str) -> String {
    let (head, tail) = uri.split_at("http://127.0.0.1".len().min(uri.len()));
    let port: String = tail.chars().skip(1).take_while(char::is_ascii_digit).collect();
    format!("{head}{}", tail.strip_prefix(&format!(":{port}")).unwrap_or(tail))
}
