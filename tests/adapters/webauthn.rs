//! The `WebAuthn` relying party: good ceremonies, and each field wrong by itself.

use std::collections::BTreeMap;

use sceau::adapter::webauthn::WebauthnAuthenticator;
use sceau::base::{base64url, sha256};
use sceau::device::{AttestationFormat, VerifiedAssertion};
use sceau::jose::PrivateKey;
use sceau::ports::{Authenticator, AuthenticatorError, RegistrationRequest, VerifiedRegistration};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::lab::{
    APP_ORIGIN, AT, Assertion, BE, BS, CHALLENGE, ED, ORIGIN, RP_ID, Registration, Signer, UP, UV, key, text,
};

const USER: Uuid = Uuid::from_u128(42);

pub(super) fn relying_party(roots: &str) -> WebauthnAuthenticator {
    let origin = Url::parse(ORIGIN).unwrap();
    let app = Url::parse(APP_ORIGIN).unwrap();
    WebauthnAuthenticator::new(RP_ID, &origin, &[app], roots.as_bytes(), "Example").unwrap()
}

pub(super) fn register(
    relying_party: &WebauthnAuthenticator,
    response: &Value,
) -> Result<VerifiedRegistration, AuthenticatorError> {
    let request = RegistrationRequest {
        user_handle: USER,
        display_name: "Somebody",
        challenge: CHALLENGE,
        exclude: vec![b"known".to_vec()],
    };
    let ceremony = relying_party.begin_registration(&request).unwrap();
    relying_party.finish_registration(&ceremony.state, response)
}

pub(super) fn reason<T>(outcome: Result<T, AuthenticatorError>) -> &'static str {
    match outcome {
        Ok(_) => "accepted",
        Err(AuthenticatorError::Refused(reason)) => reason,
        Err(AuthenticatorError::State(text)) => panic!("state: {text}"),
    }
}

struct Enrolled {
    relying_party: WebauthnAuthenticator,
    credential: String,
    key: PrivateKey,
    id: Vec<u8>,
}

fn enrolled(count: u32) -> Enrolled {
    let relying_party = relying_party("");
    let registration = Registration { count, ..Registration::good() };
    let verified = register(&relying_party, &registration.json()).unwrap();
    Enrolled { relying_party, credential: verified.credential, key: registration.key, id: registration.id }
}

impl Enrolled {
    fn assert(&self, response: &Value) -> Result<VerifiedAssertion, AuthenticatorError> {
        let ceremony = self.relying_party.begin_assertion(&self.credential, CHALLENGE).unwrap();
        self.relying_party.finish_assertion(&ceremony.state, response)
    }
}

#[test]
fn the_crate_is_the_one_whose_state_is_edited() {
    let manifest = include_str!("../../Cargo.toml");
    assert!(
        manifest.contains("webauthn-rs = { version = \"=0.6.2\""),
        "read state.rs again, then change this"
    );
    assert!(manifest.contains("webauthn-rs-proto = \"=0.6.2\""));
    let relying_party = relying_party("");
    let request = RegistrationRequest {
        user_handle: USER,
        display_name: "Somebody",
        challenge: CHALLENGE,
        exclude: vec![b"known".to_vec()],
    };
    let registration = relying_party.begin_registration(&request).unwrap();
    let state: Value = serde_json::from_str(&registration.state).unwrap();
    let members: Vec<_> = state["webauthn"]["rs"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "allow_synchronised_authenticators",
            "authenticator_attachment",
            "challenge",
            "credential_algorithms",
            "exclude_credentials",
            "extensions",
            "policy",
            "require_resident_key"
        ]
    );
    assert_eq!(state["webauthn"]["rs"]["challenge"], base64url(CHALLENGE));
    assert_eq!(state["webauthn"]["rs"]["credential_algorithms"], json!(["ES256"]));
    assert_eq!(state["webauthn"]["rs"]["policy"], "required");

    let assertion = relying_party.begin_assertion(&enrolled(1).credential, CHALLENGE).unwrap();
    let state: Value = serde_json::from_str(&assertion.state).unwrap();
    let members: Vec<_> = state["webauthn"]["ast"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["allow_backup_eligible_upgrade", "appid", "challenge", "credentials", "policy"]);
    assert_eq!(state["webauthn"]["ast"]["challenge"], base64url(CHALLENGE));
    assert_eq!(state["webauthn"]["ast"]["allow_backup_eligible_upgrade"], false);
    assert_eq!(state["webauthn"]["ast"]["credentials"][0]["counter"], 0);
}

#[test]
fn options_carry_our_challenge_and_offer_es256_only() {
    let relying_party = relying_party("");
    let request = RegistrationRequest {
        user_handle: USER,
        display_name: "Somebody",
        challenge: CHALLENGE,
        exclude: vec![b"known".to_vec()],
    };
    let options = relying_party.begin_registration(&request).unwrap().options;
    assert_eq!(options["challenge"], base64url(CHALLENGE));
    assert_eq!(options["rp"], json!({ "id": RP_ID, "name": "Example" }));
    assert_eq!(options["user"]["id"], base64url(USER.as_bytes()));
    assert_eq!(options["pubKeyCredParams"], json!([{ "type": "public-key", "alg": -7 }]));
    assert_eq!(options["attestation"], "direct");
    assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
    assert_eq!(options["excludeCredentials"][0]["id"], base64url("known"));
    let phone = enrolled(1);
    let options = relying_party.begin_assertion(&phone.credential, CHALLENGE).unwrap().options;
    assert_eq!(options["challenge"], base64url(CHALLENGE));
    assert_eq!(options["rpId"], RP_ID);
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"][0]["id"], base64url(&phone.id));
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
}

#[test]
fn s8_2_self_attestation_is_verified_and_named() {
    let registration = Registration::good();
    let verified = register(&relying_party(""), &registration.json()).unwrap();
    assert_eq!(verified.facts.format, AttestationFormat::PackedSelf);
    assert!(!verified.facts.chain_trusted);
    assert!(verified.facts.user_verified);
    assert!(!verified.facts.backup_eligible && !verified.facts.backup_state);
    assert_eq!(verified.credential_id, registration.id);
    assert_eq!(verified.sign_count, 1);
    assert_eq!(verified.credential_key, serde_cbor_2::to_vec(&Cbor::Map(registration.cose.clone())).unwrap());
}

#[test]
fn s8_7_none_is_a_fact_for_the_policy() {
    let registration =
        Registration { format: String::from("none"), signer: Signer::Nobody, ..Registration::good() };
    let verified = register(&relying_party(""), &registration.json()).unwrap();
    assert_eq!(verified.facts.format, AttestationFormat::None);
    assert!(!verified.facts.chain_trusted);
}

#[test]
fn s7_1_backup_flags_are_facts_when_they_agree() {
    for (flags, state) in [(BE, false), (BE | BS, true)] {
        let registration = Registration { flags: UP | UV | AT | flags, ..Registration::good() };
        let facts = register(&relying_party(""), &registration.json()).unwrap().facts;
        assert!(facts.backup_eligible);
        assert_eq!(facts.backup_state, state);
    }
}

#[test]
fn s7_1_extensions_nobody_asked_for_change_nothing() {
    let output = BTreeMap::from([(text("credProtect"), Cbor::Integer(3))]);
    let registration = Registration {
        flags: UP | UV | AT | ED,
        behind_data: serde_cbor_2::to_vec(&Cbor::Map(output)).unwrap(),
        ..Registration::good()
    };
    let verified = register(&relying_party(""), &registration.json()).unwrap();
    assert_eq!(verified.facts.format, AttestationFormat::PackedSelf);
}

#[test]
fn s5_8_1_the_application_s_origin_is_accepted_when_listed() {
    let mut registration = Registration::good();
    registration.client.insert(String::from("origin"), json!(APP_ORIGIN));
    assert_eq!(reason(register(&relying_party(""), &registration.json())), "accepted");
}

type Mutation<T> = (&'static str, fn(&mut T), &'static str);

fn client_mutations() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        ("challenge", json!(base64url([8; 32])), "challenge"),
        ("challenge", json!(""), "challenge"),
        ("challenge", json!(base64url(&CHALLENGE[..31])), "challenge"),
        ("origin", json!("https://evil-example.org"), "origin"),
        ("origin", json!("https://sub.example.org"), "origin"),
        ("origin", json!("https://example.org."), "origin"),
        ("origin", json!("https://example.org:8443"), "origin"),
        ("origin", json!("https://example.org:443"), "origin"),
        ("origin", json!("https://example.org/"), "origin"),
        ("origin", json!("https://EXAMPLE.org"), "origin"),
        ("origin", json!("https://user@example.org"), "origin"),
        ("origin", json!("https://xn--exmple-cua.org"), "origin"),
        ("origin", json!("https://ex\u{e4}mple.org"), "origin"),
        ("origin", json!("http://example.org"), "origin"),
        ("origin", json!("null"), "origin"),
        ("origin", json!("android:apk-key-hash:ZM9yIHRoZSB0ZXN0cyBvbmx5"), "origin"),
        ("origin", json!([ORIGIN]), "origin"),
        ("origin", Value::Null, "origin"),
        ("crossOrigin", json!(true), "cross_origin"),
        ("crossOrigin", json!("false"), "cross_origin"),
        ("topOrigin", json!(ORIGIN), "top_origin"),
        ("topOrigin", Value::Null, "top_origin"),
    ]
}

#[test]
fn s7_1_each_wrong_field_of_the_client_data_is_refused() {
    let relying_party = relying_party("");
    for (member, value, expected) in client_mutations() {
        let mut registration = Registration::good();
        registration.client.insert(String::from(member), value.clone());
        assert_eq!(reason(register(&relying_party, &registration.json())), expected, "{member}: {value}");
    }
    let mut registration = Registration::good();
    registration.client.insert(String::from("type"), json!("webauthn.get"));
    assert_eq!(reason(register(&relying_party, &registration.json())), "client_data_type");
}

#[test]
fn s7_1_each_wrong_field_of_a_registration_is_refused() {
    let table: Vec<Mutation<Registration>> = vec![
        ("RP ID hash", |r| r.rp_id = String::from("example.com"), "rp_id"),
        ("UP", |r| r.flags = UV | AT, "user_not_present"),
        ("UV", |r| r.flags = UP | AT, "user_not_verified"),
        ("BS without BE", |r| r.flags |= BS, "backup_flags"),
        ("no credential data", |r| r.flags = UP | UV, "authenticator_data"),
        ("bytes behind", |r| r.behind_data = vec![0], "authenticator_data"),
        ("extensions announced only", |r| r.flags |= ED, "authenticator_data"),
        ("signature bit", |r| r.flip_signature = true, "attestation_signature"),
        ("other key", |r| r.key = key(), "attestation_signature"),
        ("statement alg", |r| r.alg = -8, "attestation_statement"),
        ("unknown format", |r| r.format = String::from("fido-u3f"), "attestation_format"),
        ("none with statement", |r| r.format = String::from("none"), "attestation_statement"),
        ("packed without statement", |r| r.signer = Signer::Nobody, "attestation_statement"),
        (
            "ecdaaKeyId",
            |r| r.more_statement = BTreeMap::from([(text("ecdaaKeyId"), Cbor::Bytes(vec![1]))]),
            "attestation_statement",
        ),
    ];
    judge_registrations(table);
}

#[test]
fn s7_1_a_registration_of_another_credential_or_other_bytes_is_refused() {
    let table: Vec<Mutation<Registration>> = vec![
        ("id and rawId", |r| r.id = b"another".to_vec(), "credential_id"),
        ("rawId and attested id", |r| r.attested_id = b"another".to_vec(), "credential_id"),
        (
            "id of 1024 bytes",
            |r| {
                r.id = vec![9; 1024];
                r.raw_id = vec![9; 1024];
                r.attested_id = vec![9; 1024];
            },
            "credential_id",
        ),
        (
            "empty id",
            |r| {
                r.id.clear();
                r.raw_id.clear();
                r.attested_id.clear();
            },
            "credential_id",
        ),
        (
            "an id that is excluded",
            |r| {
                r.id = b"known".to_vec();
                r.raw_id = b"known".to_vec();
                r.attested_id = b"known".to_vec();
            },
            "algorithm_or_excluded",
        ),
        ("credential type", |r| r.kind = String::from("password"), "credential_type"),
        ("hash of the client data", |r| r.late_client = Some(spaced(&r.client)), "attestation_signature"),
        ("client data twice a member", |r| r.late_client = Some(doubled(&r.client)), "client_data"),
        ("client data with a byte order mark", |r| r.late_client = Some(marked(&r.client)), "client_data"),
        ("client data not an object", |r| r.late_client = Some(b"[]".to_vec()), "origin"),
        ("alg of the key", |r| set(r, 3, Cbor::Integer(-47)), "credential_key"),
        ("curve of the key", |r| set(r, -1, Cbor::Integer(2)), "credential_key"),
        ("point off the curve", |r| set(r, -3, Cbor::Bytes(vec![1; 32])), "credential_key"),
        ("short coordinate", |r| set(r, -2, Cbor::Bytes(vec![1; 31])), "credential_key"),
        ("private part in the key", |r| set(r, -4, Cbor::Bytes(vec![1; 32])), "credential_key"),
    ];
    judge_registrations(table);
}

fn judge_registrations(table: Vec<Mutation<Registration>>) {
    let relying_party = relying_party("");
    for (name, mutate, expected) in table {
        let mut registration = Registration::good();
        mutate(&mut registration);
        assert_eq!(reason(register(&relying_party, &registration.json())), expected, "{name}");
    }
}

#[test]
fn s7_1_a_key_never_offered_is_refused_without_attestation_too() {
    let table: Vec<Mutation<Registration>> = vec![
        ("ES256K", |r| set(r, 3, Cbor::Integer(-47)), "credential_key"),
        ("RS1", |r| set(r, 3, Cbor::Integer(-65535)), "credential_key"),
        ("off the curve", |r| set(r, -3, Cbor::Bytes(vec![1; 32])), "credential_key"),
    ];
    for (name, mutate, expected) in table {
        let mut registration =
            Registration { format: String::from("none"), signer: Signer::Nobody, ..Registration::good() };
        mutate(&mut registration);
        assert_eq!(reason(register(&relying_party(""), &registration.json())), expected, "{name}");
    }
}

#[test]
fn ctap2_cbor_in_any_other_encoding_is_refused() {
    let good = Registration::good();
    let object = good.object();
    let entry = |name: &str, value: &[u8]| [&serde_cbor_2::to_vec(&text(name)).unwrap(), value].concat();
    let statement = serde_cbor_2::to_vec(&Cbor::Map(BTreeMap::new())).unwrap();
    let data = serde_cbor_2::to_vec(&Cbor::Bytes(good.data())).unwrap();
    let none = serde_cbor_2::to_vec(&text("none")).unwrap();
    let members = [entry("fmt", &none), entry("attStmt", &statement), entry("authData", &data)];
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("bytes behind", [object.clone(), vec![0]].concat()),
        ("cut", object[..object.len() - 1].to_vec()),
        ("empty", Vec::new()),
        ("indefinite map", [vec![0xBF], members.concat(), vec![0xFF]].concat()),
        ("duplicate key", [vec![0xA4], members.concat(), entry("authData", &data)].concat()),
        ("other order", [vec![0xA3], members[1].clone(), members[0].clone(), members[2].clone()].concat()),
        ("one member more", [vec![0xA4], members.concat(), entry("anything", &none)].concat()),
        ("long integer", [vec![0xB8, 0x03], members.concat()].concat()),
        ("4 GiB string", [vec![0xA1, 0x63], b"fmt".to_vec(), vec![0x7A, 0xFF, 0xFF, 0xFF, 0xFF]].concat()),
        ("4 G items", vec![0x9A, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("depth", vec![0x81; 10_000]),
        ("tag", [vec![0xC1], object.clone()].concat()),
        (
            "NaN",
            [vec![0xA3], members[0].clone(), entry("attStmt", &[0xF9, 0x7E, 0x00]), members[2].clone()]
                .concat(),
        ),
    ];
    for (name, object) in table {
        let registration = Registration { object: Some(object), ..Registration::good() };
        let expected = "authenticator_data";
        assert_eq!(reason(register(&relying_party(""), &registration.json())), expected, "{name}");
    }
}

#[test]
fn s7_2_a_good_assertion_gives_its_facts_and_its_evidence() {
    let phone = enrolled(1);
    let assertion = Assertion::good(&phone.id, USER);
    let verified = phone.assert(&assertion.json(&phone.key)).unwrap();
    assert_eq!(verified.credential_id, phone.id);
    assert!(verified.user_present && verified.user_verified);
    assert!(!verified.backup_eligible && !verified.backup_state && !verified.cross_origin);
    assert_eq!(verified.sign_count, 2);
    assert_eq!(verified.authenticator_data, assertion.data());
    let client: Value = serde_json::from_slice(&verified.client_data_json).unwrap();
    assert_eq!(client, Value::Object(assertion.client.clone()));
    let message = [verified.authenticator_data.as_slice(), &sha256(&[&verified.client_data_json])].concat();
    let signature = p256::ecdsa::Signature::from_der(&verified.signature).unwrap();
    phone.key.public().verify(phone.key.algorithm(), &message, &signature.to_bytes()).unwrap();
}

#[test]
fn s7_2_a_user_handle_is_not_needed() {
    let phone = enrolled(1);
    let assertion = Assertion { user_handle: Value::Null, ..Assertion::good(&phone.id, USER) };
    assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), "accepted");
}

#[test]
fn s7_2_each_wrong_field_of_the_client_data_is_refused() {
    let phone = enrolled(1);
    for (member, value, expected) in client_mutations() {
        let mut assertion = Assertion::good(&phone.id, USER);
        assertion.client.insert(String::from(member), value.clone());
        assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), expected, "{member}: {value}");
    }
    let mut assertion = Assertion::good(&phone.id, USER);
    assertion.client.insert(String::from("type"), json!("webauthn.create"));
    assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), "client_data_type");
}

#[test]
fn s7_2_each_wrong_field_of_an_assertion_is_refused() {
    let table: Vec<Mutation<Assertion>> = vec![
        ("RP ID hash", |a| a.rp_id = String::from("example.com"), "rp_id"),
        ("UP", |a| a.flags = UV, "user_not_present"),
        ("UV", |a| a.flags = UP, "user_not_verified"),
        ("BE appears", |a| a.flags |= BE, "backup_eligibility_changed"),
        ("BE and BS appear", |a| a.flags |= BE | BS, "backup_eligibility_changed"),
        ("BS alone", |a| a.flags |= BS, "backup_flags"),
        ("credential data announced", |a| a.flags |= AT, "authenticator_data"),
        ("bytes behind", |a| a.behind_data = vec![0], "authenticator_data"),
        ("signature bit", |a| a.flip_signature = true, "signature"),
        ("authenticator data bit", |a| a.late_data = Some(flipped(a.data())), "signature"),
        ("client data bit", |a| a.late_client = Some(spaced(&a.client)), "signature"),
        ("short authenticator data", |a| a.late_data = Some(vec![0; 36]), "authenticator_data"),
        ("id and rawId", |a| a.id = b"another".to_vec(), "credential_id"),
        (
            "id and rawId, bad signature",
            |a| {
                a.id = b"another".to_vec();
                a.flip_signature = true;
            },
            "credential_id",
        ),
        (
            "another credential",
            |a| {
                a.id = b"another".to_vec();
                a.raw_id = b"another".to_vec();
            },
            "other_credential",
        ),
        ("another user", |a| a.user_handle = json!(base64url(Uuid::from_u128(43).as_bytes())), "user_handle"),
        ("user handle not text", |a| a.user_handle = json!(42), "malformed_response"),
        ("credential type", |a| a.kind = String::from("password"), "credential_type"),
        ("counter below that of registration", |a| a.count = 4, "counter_stalled"),
    ];
    let phone = enrolled(5);
    for (name, mutate, expected) in table {
        let mut assertion = Assertion { count: 6, ..Assertion::good(&phone.id, USER) };
        mutate(&mut assertion);
        assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), expected, "{name}");
    }
}

#[test]
fn s7_2_the_counter_is_a_fact_from_the_registration_on() {
    for (registered, signed) in [(0, 0), (0, 1), (5, 5), (5, 6), (1, u32::MAX)] {
        let phone = enrolled(registered);
        let assertion = Assertion { count: signed, ..Assertion::good(&phone.id, USER) };
        assert_eq!(phone.assert(&assertion.json(&phone.key)).unwrap().sign_count, signed);
    }
    let phone = enrolled(5);
    let assertion = Assertion { count: 0, ..Assertion::good(&phone.id, USER) };
    assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), "counter_stalled");
}

#[test]
fn s6_5_5_malformed_ecdsa_signatures_are_refused() {
    let phone = enrolled(1);
    let good = Assertion::good(&phone.id, USER);
    let der = good.signature(&phone.key);
    let fixed = p256::ecdsa::Signature::from_der(&der).unwrap();
    let (r, s) = (fixed.to_bytes()[..32].to_vec(), fixed.to_bytes()[32..].to_vec());
    let order = [
        0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA,
        0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
    ];
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("r = 0", integers(&[0], &s)),
        ("s = 0", integers(&r, &[0])),
        ("r = n", integers(&order, &s)),
        ("s = n", integers(&r, &order)),
        ("raw form", fixed.to_bytes().to_vec()),
        ("bytes behind", [der.clone(), vec![0]].concat()),
        ("padded integer", padded(&r, &s)),
        ("empty", Vec::new()),
    ];
    for (name, signature) in table {
        let assertion = Assertion { signature: Some(signature), ..Assertion::good(&phone.id, USER) };
        assert_eq!(reason(phone.assert(&assertion.json(&phone.key))), "signature", "{name}");
    }
}

fn set(registration: &mut Registration, label: i128, value: Cbor) {
    registration.cose.insert(Cbor::Integer(label), value);
}

fn spaced(client: &serde_json::Map<String, Value>) -> Vec<u8> {
    format!("{} ", Value::Object(client.clone())).into_bytes()
}

fn marked(client: &serde_json::Map<String, Value>) -> Vec<u8> {
    format!("\u{feff}{}", Value::Object(client.clone())).into_bytes()
}

fn doubled(client: &serde_json::Map<String, Value>) -> Vec<u8> {
    let json = Value::Object(client.clone()).to_string();
    format!("{},\"origin\":\"https://phish.example\"}}", &json[..json.len() - 1]).into_bytes()
}

fn flipped(mut data: Vec<u8>) -> Vec<u8> {
    *data.last_mut().unwrap() ^= 0x40;
    data
}

/// DER of two unsigned integers, minimal.
fn integers(r: &[u8], s: &[u8]) -> Vec<u8> {
    sequence(&[integer(r), integer(s)].concat())
}

/// DER with a zero too many.
fn padded(r: &[u8], s: &[u8]) -> Vec<u8> {
    let body = integer(r);
    let longer = [&[0x02, body[1] + 1, 0], &body[2..]].concat();
    sequence(&[longer, integer(s)].concat())
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let mut body = bytes[start..].to_vec();
    if body[0] >= 0x80 {
        body.insert(0, 0);
    }
    [vec![0x02, u8::try_from(body.len()).unwrap()], body].concat()
}

fn sequence(body: &[u8]) -> Vec<u8> {
    [&[0x30, u8::try_from(body.len()).unwrap()], body].concat()
}
