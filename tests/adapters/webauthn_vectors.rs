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

fn vectors() -> Option<Value> {
    #[expect(clippy::disallowed_methods, reason = "where the shared data lies is the environment's")]
    let folder = std::env::var("SCEAU_SHARED").unwrap_or_else(|_| String::from("../shared"));
    let path = PathBuf::from(folder).join("data/webauthn-l3-vectors.json");
    let text = std::fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

fn bytes(vector: &Value, pointer: &str) -> Vec<u8> {
    let hex = vector.pointer(pointer).and_then(Value::as_str).unwrap();
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn outcome(relying_party: &WebauthnAuthenticator, vector: &Value) -> String {
    let request = RegistrationRequest {
        user_handle: Uuid::from_u128(1),
        display_name: "Somebody",
        challenge: bytes(vector, "/registration/challenge").try_into().unwrap(),
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
    let challenge = bytes(vector, "/authentication/challenge").try_into().unwrap();
    let ceremony = relying_party.begin_assertion(&registered.credential, challenge).unwrap();
    let response = json!({ "id": id, "rawId": id, "type": "public-key", "response": {
        "clientDataJSON": base64url(bytes(vector, "/authentication/clientDataJSON")),
        "authenticatorData": base64url(bytes(vector, "/authentication/authenticatorData")),
        "signature": base64url(bytes(vector, "/authentication/signature")),
    }});
    let asserted = reason(relying_party.finish_assertion(&ceremony.state, &response));
    format!("{:?} trusted={} then {asserted}", registered.facts.format, registered.facts.chain_trusted)
}

#[test]
fn w3c_vectors_are_judged_by_these_rules() {
    let Some(file) = vectors() else {
        // No data beside the project: nothing to compare with.
        return;
    };
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
    assert_eq!(judged, Vec::<String>::new());
}
