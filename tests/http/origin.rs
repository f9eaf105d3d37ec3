//! Where a request comes from, as far as it can be believed (`A-196`).

use axum::http::{HeaderMap, HeaderValue};
use sceau::http::Network;
use sceau::http::extract::{client_address, short_agent};

fn source(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
    let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for line in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
    }
    client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
}

#[test]
fn a_client_that_comes_directly_cannot_name_another_address() {
    assert_eq!(source(&[], "203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
    assert_eq!(source(&["10.0.0.1"], "203.0.113.7", &["10.0.0.1"]), "203.0.113.7");
}

#[test]
fn a_trusted_proxy_names_its_client() {
    assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
    assert_eq!(source(&["10.0.0.1"], "::ffff:10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
    assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &[]), "10.0.0.1");
    assert_eq!(source(&["10.0.0.0/8"], "10.1.2.3", &["203.0.113.7, 10.9.9.9"]), "203.0.113.7");
}

#[test]
fn what_the_client_wrote_before_the_proxy_is_not_believed() {
    let trusted = ["10.0.0.1", "10.0.0.2"];
    assert_eq!(source(&trusted, "10.0.0.1", &["198.51.100.1, 203.0.113.7"]), "203.0.113.7");
    assert_eq!(source(&trusted, "10.0.0.1", &["198.51.100.1", "203.0.113.7"]), "203.0.113.7");
    assert_eq!(source(&trusted, "10.0.0.1", &["198.51.100.1, 203.0.113.7,10.0.0.2"]), "203.0.113.7");
    // A client that pretends to be the inner proxy hides nothing but itself.
    assert_eq!(source(&trusted, "10.0.0.1", &["10.0.0.2, 203.0.113.7"]), "203.0.113.7");
}

#[test]
fn an_entry_that_is_no_address_ends_the_reading() {
    for garbage in ["", "unknown", "203.0.113.7.", "_hidden", "203.0.113.7;10.0.0.2", "\"203.0.113.7\""] {
        let line = format!("198.51.100.1, {garbage}");
        assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &[&line]), "10.0.0.1", "{garbage}");
    }
    let trusted = ["10.0.0.1", "10.0.0.2"];
    assert_eq!(source(&trusted, "10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"]), "10.0.0.2");
}

#[test]
fn ports_and_both_families_are_read() {
    assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &["203.0.113.7:51234"]), "203.0.113.7");
    assert_eq!(source(&["fd00::1"], "fd00::1", &["[2001:db8::7]:51234"]), "2001:db8::7");
    assert_eq!(source(&["fd00::1"], "fd00::1", &["2001:db8::7"]), "2001:db8::7");
    assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
}

#[test]
fn an_endless_list_is_not_read_to_its_end() {
    let line = vec!["10.0.0.1"; 1000].join(",");
    assert_eq!(source(&["10.0.0.1"], "10.0.0.1", &[&format!("203.0.113.7,{line}")]), "10.0.0.1");
}

#[test]
fn the_agent_is_told_in_words_of_ours() {
    let table = [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
             Safari/537.36 Edg/140.0.0.0",
            "Edge · Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari · iOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile \
             Safari/537.36",
            "Chrome · Android",
        ),
        ("curl/8.5.0", "curl"),
        ("", "-"),
        ("Votre banque vous demande d'accepter", "-"),
        ("Firefox/1 \u{202e} ARS : tapez 47", "Firefox"),
    ];
    for (user_agent, told) in table {
        assert_eq!(short_agent(user_agent), told, "{user_agent}");
        assert!(told.chars().count() <= 40);
    }
}
