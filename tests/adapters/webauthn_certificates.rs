//! Certified attestation: the leaf's requirements (8.2.1) and the path to a root of ours.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, date_time_ymd};
use sceau::adapter::webauthn::{WebauthnAuthenticator, WebauthnSetupError, is_test_root};
use sceau::base::{TestClock, UnixTime};
use sceau::device::AttestationFormat;
use sceau::phone::TestRoot;
use serde_cbor_2::Value as Cbor;
use url::Url;
use uuid::Uuid;

use super::lab::{
    AAGUID, Certificate, ORIGIN, RP_ID, Registration, Signer, aaguid_extension, key, subject, text,
};
use super::webauthn::{reason, register};

/// 2026-05-28.
const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

fn relying_party(roots: &str) -> WebauthnAuthenticator {
    super::webauthn::relying_party(roots).with_clock(Arc::new(TestClock::at(NOW)))
}

fn trusted(roots: &str, registration: &Registration) -> bool {
    let facts = register(&relying_party(roots), &registration.json()).unwrap().facts;
    assert_eq!(facts.format, AttestationFormat::PackedBasic { aaguid: AAGUID });
    facts.chain_trusted
}

fn nothing(_: &mut CertificateParams) {}

#[test]
fn s8_2_a_chain_under_a_listed_root_is_trusted() {
    let root = Certificate::root("Maker root", nothing);
    assert!(trusted(&root.pem, &Registration::certified(&root.leaf(nothing), &[])));
    let between = root.authority("Maker issuing", nothing);
    assert!(trusted(&root.pem, &Registration::certified(&between.leaf(nothing), &[&between])));
    // The intermediate may itself be the anchor.
    assert!(trusted(&between.pem, &Registration::certified(&between.leaf(nothing), &[])));
}

#[test]
fn s8_2_every_root_of_the_right_name_is_tried() {
    let (old, root) = (Certificate::root("Maker root", nothing), Certificate::root("Maker root", nothing));
    let both = [old.pem.as_str(), root.pem.as_str()].concat();
    for issuer in [&old, &root] {
        assert!(trusted(&both, &Registration::certified(&issuer.leaf(nothing), &[])));
    }
}

#[test]
fn s7_1_a_chain_to_no_root_of_ours_is_untrusted() {
    let root = Certificate::root("Maker root", nothing);
    let other = Certificate::root("Another root", nothing);
    let same_name = Certificate::root("Maker root", nothing);
    for roots in [String::new(), other.pem.clone(), same_name.pem.clone()] {
        assert!(!trusted(&roots, &Registration::certified(&root.leaf(nothing), &[])));
    }
    // The unknown root itself, brought along.
    assert!(!trusted(&other.pem, &Registration::certified(&root.leaf(nothing), &[&root])));
}

#[test]
fn rfc5280_6_1_a_leaf_is_no_authority() {
    let root = Certificate::root("Maker root", nothing);
    let leaf = root.leaf(nothing);
    let under_leaf = leaf.leaf(nothing);
    assert!(!trusted(&root.pem, &Registration::certified(&under_leaf, &[&leaf])));
}

#[test]
fn rfc5280_4_2_1_9_the_path_length_holds() {
    let root = Certificate::root("Maker root", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    assert!(trusted(&root.pem, &Registration::certified(&root.leaf(nothing), &[])));
    let between = root.authority("Maker issuing", nothing);
    assert!(!trusted(&root.pem, &Registration::certified(&between.leaf(nothing), &[&between])));
}

#[test]
fn rfc5280_6_1_each_broken_link_ends_the_path() {
    let root = Certificate::root("Maker root", nothing);
    let no_signing = root.authority("Maker issuing", |params| params.key_usages.clear());
    assert!(!trusted(&root.pem, &Registration::certified(&no_signing.leaf(nothing), &[&no_signing])));
    let between = root.authority("Maker issuing", nothing);
    let namesake = root.authority("Maker issuing", nothing);
    assert!(!trusted(&root.pem, &Registration::certified(&between.leaf(nothing), &[&namesake])));
    let mut forged = root.authority("Maker issuing", nothing);
    *forged.der.last_mut().unwrap() ^= 1;
    assert!(!trusted(&root.pem, &Registration::certified(&forged.leaf(nothing), &[&forged])));
    let critical = root.leaf(|params| {
        let mut unknown = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 32473, 9], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions.push(unknown);
    });
    assert!(!trusted(&root.pem, &Registration::certified(&critical, &[])));
}

#[test]
fn rfc5280_4_1_2_5_dates_hold_everywhere() {
    let past = |params: &mut CertificateParams| params.not_after = date_time_ymd(2026, 1, 1);
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(2027, 1, 1);
    let root = Certificate::root("Maker root", nothing);
    assert!(!trusted(&root.pem, &Registration::certified(&root.leaf(past), &[])));
    assert!(!trusted(&root.pem, &Registration::certified(&root.leaf(future), &[])));
    let expired = root.authority("Maker issuing", past);
    assert!(!trusted(&root.pem, &Registration::certified(&expired.leaf(nothing), &[&expired])));
    let old_root = Certificate::root("Old root", past);
    assert!(!trusted(&old_root.pem, &Registration::certified(&old_root.leaf(nothing), &[])));
}

#[test]
fn s8_2_1_each_wrong_field_of_the_leaf_is_refused() {
    type Change = fn(&mut CertificateParams);
    let table: Vec<(&str, Change, &str)> = vec![
        ("unit", |p| p.distinguished_name = subject(Some("FR"), "Authenticator"), "attestation_certificate"),
        (
            "no country",
            |p| p.distinguished_name = subject(None, "Authenticator Attestation"),
            "attestation_certificate",
        ),
        ("no basic constraints", |p| p.is_ca = IsCa::NoCa, "attestation_certificate"),
        ("an authority", |p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), "attestation_certificate"),
        (
            "another model",
            |p| p.custom_extensions = vec![aaguid_extension(Uuid::nil())],
            "attestation_aaguid",
        ),
        ("no model", |p| p.custom_extensions.clear(), "attestation_aaguid"),
        ("model twice", |p| p.custom_extensions.push(aaguid_extension(AAGUID)), "attestation_aaguid"),
        ("critical model", |p| p.custom_extensions[0].set_criticality(true), "attestation_aaguid"),
        (
            "model unwrapped",
            |p| {
                let oid = [1, 3, 6, 1, 4, 1, 45724, 1, 1, 4];
                p.custom_extensions =
                    vec![CustomExtension::from_oid_content(&oid, AAGUID.as_bytes().to_vec())];
            },
            "attestation_aaguid",
        ),
    ];
    let root = Certificate::root("Maker root", nothing);
    for (name, change, expected) in table {
        let registration = Registration::certified(&root.leaf(change), &[]);
        assert_eq!(reason(register(&relying_party(&root.pem), &registration.json())), expected, "{name}");
    }
}

#[test]
fn s8_2_1_only_version_3() {
    let root = Certificate::root("Maker root", nothing);
    let mut leaf = root.leaf(nothing);
    let at = leaf.der.windows(5).position(|bytes| bytes == [0xA0, 3, 2, 1, 2]).unwrap();
    leaf.der[at + 4] = 1;
    let registration = Registration::certified(&leaf, &[]);
    assert_eq!(reason(register(&relying_party(&root.pem), &registration.json())), "attestation_certificate");
}

#[test]
fn s8_2_each_wrong_field_of_a_certified_statement_is_refused() {
    type Change = fn(&mut Registration);
    let table: Vec<(&str, Change, &str)> = vec![
        ("signature bit", |r| r.flip_signature = true, "attestation_signature"),
        ("signed by another key", |r| swap_key(r), "attestation_signature"),
        ("alg", |r| r.alg = -257, "attestation_statement"),
        ("empty chain", |r| swap_chain(r, Vec::new()), "attestation_certificate"),
        ("not a certificate", |r| swap_chain(r, vec![vec![0x30, 0]]), "attestation_certificate"),
        ("AAGUID of another model", |r| r.aaguid = Uuid::nil(), "attestation_aaguid"),
        (
            "member more",
            |r| {
                r.more_statement.insert(text("ver"), Cbor::Integer(2));
            },
            "attestation_statement",
        ),
    ];
    let root = Certificate::root("Maker root", nothing);
    for (name, change, expected) in table {
        let mut registration = Registration::certified(&root.leaf(nothing), &[]);
        change(&mut registration);
        assert_eq!(reason(register(&relying_party(&root.pem), &registration.json())), expected, "{name}");
    }
}

#[test]
fn roots_that_may_not_issue_are_no_roots() {
    let root = Certificate::root("Maker root", nothing);
    let leaf = root.leaf(nothing);
    let origin = Url::parse(ORIGIN).unwrap();
    for pem in [leaf.pem.as_str(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let setup = WebauthnAuthenticator::new(RP_ID, &origin, &[], pem.as_bytes(), "Example");
        assert!(matches!(setup, Err(WebauthnSetupError::Root(_))));
    }
}

#[test]
fn s5_1_3_the_rp_id_belongs_to_the_origin() {
    let setup = |rp_id: &str, origin: &str| {
        WebauthnAuthenticator::new(rp_id, &Url::parse(origin).unwrap(), &[], b"", "Example")
    };
    assert!(setup("example.org", "https://login.example.org").is_ok());
    for (rp_id, origin) in
        [("example.org", "https://example.com"), ("example.org", "https://evilexample.org")]
    {
        assert!(matches!(setup(rp_id, origin), Err(WebauthnSetupError::RpId)));
    }
}

#[test]
fn a_throw_away_root_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.pem");
    let made = TestRoot::load_or_make(&path).unwrap();
    let read = TestRoot::load_or_make(&path).unwrap();
    assert_eq!(made.certificate(), read.certificate());
    assert!(is_test_root(made.certificate()));
    assert!(!is_test_root(&Certificate::root("Maker root", nothing).der));
    assert!(!is_test_root(b"no certificate"));
    let pem = std::fs::read_to_string(&path).unwrap();
    assert!(relying_party(&pem).trusts_test_root());
    assert!(!relying_party(&Certificate::root("Maker root", nothing).pem).trusts_test_root());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

fn swap_key(registration: &mut Registration) {
    if let Signer::Certified { key: signer, .. } = &mut registration.signer {
        *signer = key();
    }
}

fn swap_chain(registration: &mut Registration, with: Vec<Vec<u8>>) {
    if let Signer::Certified { chain, .. } = &mut registration.signer {
        *chain = with;
    }
}
