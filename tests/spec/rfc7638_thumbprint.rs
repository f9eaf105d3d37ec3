use sceau::jose::{Jwk, Thumbprint, ThumbprintError};
use serde_json::{Value, json};

fn thumbprint(jwk: &Value) -> String {
    Jwk::parse(jwk).unwrap().key.thumbprint().to_string()
}

#[test]
fn s3_1_example_rsa_key() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3\
        oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu\
        6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
        pJzKnqDKgw";
    let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    assert_eq!(thumbprint(&jwk), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn rfc8037_a3_example_ed25519_key() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert_eq!(thumbprint(&jwk), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc9449_6_1_example_p256_key() {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
    });
    assert_eq!(thumbprint(&jwk), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}

#[test]
fn s3_2_optional_members_do_not_count() {
    let bare = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let mut described = bare.clone();
    described["kid"] = json!("one");
    described["use"] = json!("sig");
    described["alg"] = json!("EdDSA");
    assert_eq!(thumbprint(&bare), thumbprint(&described));
}

#[test]
fn text_form_is_43_strict_characters() {
    let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    let parsed: Thumbprint = text.parse().unwrap();
    assert_eq!(parsed.to_string(), text);
    assert_eq!(Thumbprint::from_bytes(*parsed.as_bytes()), parsed);
    assert_eq!(serde_json::from_value::<Thumbprint>(json!(text)).unwrap(), parsed);
    assert_eq!(serde_json::to_value(parsed).unwrap(), json!(text));
    let malformed = [
        String::new(),
        format!("{text}="),
        format!("{text}A"),
        text[..42].to_owned(),
        text.replace('-', "+"),
        text.replace("9Xs", "9Xt"), // stray trailing bits
        format!(" {text}"),
    ];
    for other in malformed {
        assert_eq!(other.parse::<Thumbprint>(), Err(ThumbprintError), "{other}");
    }
}
