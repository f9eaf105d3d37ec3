//! The sections of identity providers above us.

use sceau::cli::config::check;
use sceau::config::ConfigError;
use sceau::federation::{AssertionAudience, Encryption, UpstreamAuth};
use sceau::jose::KeyManagement;

use super::{TestStrings, file};

const PLUS: &str = r#"
[[upstream]]
id = "plus"
preset = "franceconnect+"
environment = "integration"
client_id = "client-1"
client_secret_file = "secret"
"#;

fn settings(sections: &str) -> TestStrings {
    file(&format!("issuer = \"https://id.example.fr\"\n{sections}")).with_file("secret", "0123456789\n")
}

fn documents(sections: &str) -> Result<Vec<sceau::federation::UpstreamProvider>, ConfigError> {
    let strings = settings(sections);
    Ok(strings.load()?.documents(&strings, |_| false)?.upstreams)
}

#[test]
fn a_preset_needs_four_settings() {
    let upstreams = documents(PLUS).unwrap();
    let [plus] = upstreams.as_slice() else { panic!("{upstreams:?}") };
    assert_eq!(plus.issuer, "https://auth.integ01.dev-franceconnect.fr/api/v2");
    let UpstreamAuth::ClientSecretPost(secret) = &plus.auth else { panic!("{plus:?}") };
    assert_eq!(secret.expose(), "0123456789");
    assert!(!format!("{plus:?}").contains("0123456789"));
    assert!(documents("").unwrap().is_empty());
}

#[test]
fn a_custom_provider_says_everything() {
    let upstreams = documents(
        r#"
[[upstream]]
id = "other"
preset = "custom"
name = "Autre"
issuer = "http://localhost:4000"
client_id = "client-2"
client_auth = "private_key_jwt"
assertion_audience = "issuer"
acr_values = ["high"]
signature_algorithms = ["PS256"]
"#,
    );
    // PS256 is not accepted from upstreams.
    assert_eq!(upstreams.unwrap_err().setting(), Some("upstream.signature_algorithms"));
    let upstreams = documents(
        r#"
[[upstream]]
id = "other"
preset = "custom"
name = "Autre"
issuer = "http://localhost:4000"
client_id = "client-2"
client_auth = "private_key_jwt"
assertion_audience = "issuer"
encryption = ["RSA-OAEP-256"]
userinfo = "jwt"
timeout = "3s"
"#,
    );
    let other = upstreams.unwrap().remove(0);
    assert_eq!(other.auth, UpstreamAuth::PrivateKeyJwt(AssertionAudience::Issuer));
    assert_eq!(other.encryption, Encryption::Required(vec![KeyManagement::RsaOaep256]));
    assert_eq!(other.timeout.as_secs(), 3);
}

#[test]
fn each_bad_section_is_named() {
    let table = [
        ("id = \"plus\"", "", "upstream.id"),
        ("id = \"plus\"", "id = \"Plus\"", "upstream.id"),
        ("client_id = \"client-1\"", "", "upstream.client_id"),
        ("preset = \"franceconnect+\"", "", "upstream.preset"),
        ("client_secret_file = \"secret\"", "", "upstream.client_auth"),
        ("client_id", "client_auth = \"private_key_jwt\"\nclient_id", "upstream.client_auth"),
        (
            "environment = \"integration\"",
            "environment = \"integration\"\nissuer = \"https://a.example\"",
            "upstream.environment",
        ),
        ("client_id", "encryption = [\"RSA1_5\"]\nclient_id", "upstream.encryption"),
        ("client_id", "encryption = [\"dir\"]\nclient_id", "upstream.encryption"),
        ("client_id", "signature_algorithms = [\"HS256\"]\nclient_id", "upstream.signature_algorithms"),
        ("client_id", "acr_values = [\"eidas1\"]\nclient_id", "upstream.acr_values"),
        ("client_id", "timeout = \"11s\"\nclient_id", "upstream.timeout"),
        ("client_id", "scopes = [\"email\"]\nclient_id", "upstream.scopes"),
        ("\"secret\"", "\"absent\"", "upstream.client_secret_file"),
        ("\"secret\"", "\"empty\"", "upstream.client_secret_file"),
        ("\"secret\"", "\"lines\"", "upstream.client_secret_file"),
    ];
    for (good, bad, setting) in table {
        assert!(PLUS.contains(good));
        let strings =
            settings(&PLUS.replacen(good, bad, 1)).with_file("empty", "\n").with_file("lines", "a\nb\n");
        let error = strings.load().and_then(|config| config.documents(&strings, |_| false)).unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{bad}: {error}");
    }
    for bad in ["preset = \"google\"", "client_secret = \"in the open\"", "environment = \"test\""] {
        let error = settings(&PLUS.replacen("preset = \"franceconnect+\"", bad, 1)).load().unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable(_)), "{bad}");
    }
}

#[test]
fn two_sections_neither_share_a_name_nor_an_issuer() {
    let twice = format!("{PLUS}{PLUS}");
    assert_eq!(settings(&twice).load().unwrap_err().setting(), Some("upstream.id"));
    let renamed = format!("{PLUS}{}", PLUS.replace("\"plus\"", "\"plus-2\""));
    assert_eq!(settings(&renamed).load().unwrap_err().setting(), Some("upstream.issuer"));
    let low = PLUS.replace("\"plus\"", "\"low\"").replace("franceconnect+", "franceconnect");
    assert!(settings(&format!("{PLUS}{low}")).load().is_ok());
}

#[test]
fn the_check_says_what_was_understood_without_the_secret() {
    let lines = check(Some(std::path::Path::new("sceau.toml")), &settings(PLUS), |_| false).unwrap();
    let line = lines.iter().find(|line| line.starts_with("upstream = ")).unwrap();
    for part in [
        "plus (franceconnect+)",
        "auth.integ01.dev-franceconnect.fr",
        "eidas2 eidas3",
        "ES256",
        "encrypted with ECDH-ES",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!lines.join("").contains("0123456789"));
}
