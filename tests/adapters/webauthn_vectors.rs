//! The test vectors of the specification, read from `$SCEAU_SHARED` or `../shared` when they are there.

use std::path::PathBuf;

use base64::Engine as _;
use sceau::adapter::webauthn::WebauthnAuthenticator;
use sceau::base::base64url;
use sceau::ports::{Authenticator, RegistrationRequest};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::webauthn::reason;

/// The vectors, or nothing (said aloud) where they are not at hand.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn vectors() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("SCEAU_SHARED").map(PathBuf::from);
    let found = std::iter::once(beside)
        .chain(named)
        .map(|shared| shared.join("data/webauthn-l3-vectors.json"))
        .find(|path| path.exists());
    let Some(path) = found else {
        eprintln!("skipped: the WebAuthn vectors are not here; name their place in SCEAU_SHARED");
        return None;
    };
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn bytes(vector: &Value, pointer: &str) -> Vec<u8> {
    let hex = vector.pointer(pointer).and_then(Value::as_str).unwrap();
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Our challenges have 32 bytes; some vectors have longer ones.
fn challenge(vector: &Value, pointer: &str) -> Result<[u8; 32], String> {
    bytes(vector, pointer).try_into().map_err(|other: Vec<u8>| format!("challenge of {} bytes", other.len()))
}

fn outcome(relying_party: &WebauthnAuthenticator, vector: &Value) -> String {
    let challenge_at_registration = match challenge(vector, "/registration/challenge") {
        Ok(challenge) => challenge,
        Err(other) => return other,
    };
    let request = RegistrationRequest {
        user_handle: Uuid::from_u128(1),
        display_name: "Somebody",
        challenge: challenge_at_registration,
        exclude: Vec::new(),
    };
    let ceremony = relying_party.begin_registration(&request).unwrap();
    let id = base64url(bytes(vector, "/registration/credential_id"));
    let response = json!({ "id": id, "rawId": id, "type": "public-key", "response": {
        "clientDataJSON": base64url(bytes(vector, "/registration/clientDataJSON")),
        "attestationObject": base64url(bytes(vector, "/registration/attestationObject")),
    }});
    let registered = match relying_party.finish_registration(&ceremony.state, &response) {
        Ok(registered) => registered,
        refused => return reason(refused).to_owned(),
    };
    let named = format!("{:?} trusted={}", registered.facts.format, registered.facts.chain_trusted);
    let challenge = match challenge(vector, "/authentication/challenge") {
        Ok(challenge) => challenge,
        Err(other) => return format!("{named} then {other}"),
    };
    let ceremony = relying_party.begin_assertion(&registered.credential, challenge).unwrap();
    let response = json!({ "id": id, "rawId": id, "type": "public-key", "response": {
        "clientDataJSON": base64url(bytes(vector, "/authentication/clientDataJSON")),
        "authenticatorData": base64url(bytes(vector, "/authentication/authenticatorData")),
        "signature": base64url(bytes(vector, "/authentication/signature")),
    }});
    let asserted = reason(relying_party.finish_assertion(&ceremony.state, &response));
    format!("{named} then {asserted}")
}

#[test]
fn w3c_vectors_are_judged_by_these_rules() {
    let Some(file) = vectors() else { return };
    let root = base64::engine::general_purpose::STANDARD
        .encode(bytes(&file, "/attestation_root/attestation_ca_cert"));
    let pem = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
    let origin = Url::parse("https://example.org").unwrap();
    let relying_party =
        WebauthnAuthenticator::new("example.org", &origin, &[], pem.as_bytes(), "Vectors").unwrap();
    let judged: Vec<String> = file["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vector| format!("{}: {}", vector["id"].as_str().unwrap(), outcome(&relying_party, vector)))
        .collect();
    // Stricter than the specification on purpose: user verification, ES256 only, a model in every certificate
    // (signature and statement of `packed-es256` are verified before that), challenges of 32 bytes.
    assert_eq!(
        judged,
        [
            "none-es256: user_not_verified",
            "packed-self-es256: PackedSelf trusted=false then user_not_verified",
            "none-es256-long-credential-id: user_not_verified",
            "packed-es256: attestation_aaguid",
            "packed-es384: attestation_aaguid",
            "packed-es512: challenge of 128 bytes",
            "packed-rs256: attestation_aaguid",
            "packed-eddsa: attestation_aaguid",
            "packed-ed448: attestation_aaguid",
            "tpm-es256: credential_key",
            "android-key-es256: attestation_statement",
            "apple-es256: user_not_verified",
            "fido-u2f-es256: user_not_verified",
        ]
    );
}
