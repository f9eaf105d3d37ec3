//! `WebAuthn L3` 7.1: what attestations are worth.

use sceau::device::{AttestationFacts, AttestationFormat, AttestationPolicy, AttestationRefusal, assess};
use sceau::identity::Acr;
use uuid::Uuid;

const LISTED: Uuid = Uuid::from_u128(0xaa);

#[test]
fn a_listed_model_with_a_trusted_chain_is_eidas2() {
    assert_eq!(assess(&facts(), &policy()), Ok((Acr::Eidas2, "attested_model")));
}

#[test]
fn self_attestation_is_eidas1_where_allowed_and_refused_elsewhere() {
    let own = AttestationFacts { format: AttestationFormat::PackedSelf, chain_trusted: false, ..facts() };
    let demo = AttestationPolicy { allow_self: true, ..AttestationPolicy::default() };
    assert_eq!(assess(&own, &demo), Ok((Acr::Eidas1, "self_attestation")));
    assert_eq!(assess(&own, &AttestationPolicy::default()), Err(AttestationRefusal::SelfAttested));
}

#[test]
fn one_wrong_fact_refuses() {
    type Change = fn(&mut AttestationFacts);
    let table: [(&str, Change); 10] = [
        ("not_device_bound", |facts| facts.backup_eligible = true),
        ("not_device_bound", |facts| facts.backup_state = true),
        ("user_not_verified", |facts| facts.user_verified = false),
        ("attestation_untrusted", |facts| facts.chain_trusted = false),
        ("model_not_listed", |facts| facts.format = AttestationFormat::PackedBasic { aaguid: Uuid::nil() }),
        ("not_attested", |facts| facts.format = AttestationFormat::None),
        ("attestation_format", |facts| facts.format = AttestationFormat::AndroidKey {}),
        ("attestation_format", |facts| facts.format = AttestationFormat::Apple),
        ("attestation_format", |facts| facts.format = AttestationFormat::Tpm),
        ("attestation_format", |facts| facts.format = AttestationFormat::Other(String::from("fido-u2f"))),
    ];
    for (index, (reason, change)) in table.into_iter().enumerate() {
        let mut facts = facts();
        change(&mut facts);
        let policy = AttestationPolicy { allow_self: true, ..policy() };
        let refused = assess(&facts, &policy).map_err(AttestationRefusal::as_str);
        assert_eq!(refused.unwrap_err(), reason, "row {index}");
    }
}

#[test]
fn a_key_that_can_be_copied_is_refused_whatever_its_format() {
    for format in [AttestationFormat::PackedSelf, AttestationFormat::None, AttestationFormat::Apple] {
        let copied = AttestationFacts { format, backup_eligible: true, ..facts() };
        let demo = AttestationPolicy { allow_self: true, ..policy() };
        assert_eq!(assess(&copied, &demo), Err(AttestationRefusal::NotDeviceBound));
    }
}

fn facts() -> AttestationFacts {
    AttestationFacts {
        format: AttestationFormat::PackedBasic { aaguid: LISTED },
        chain_trusted: true,
        backup_eligible: false,
        backup_state: false,
        user_verified: true,
    }
}

fn policy() -> AttestationPolicy {
    AttestationPolicy { allow_self: false, aaguids: vec![LISTED] }
}
