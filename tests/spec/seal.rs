use sceau::base::SeededEntropy;
use sceau::jose::{SealContext, SealError, Sealer, hmac_sha256, verify_hmac_sha256};

const CONTEXT: SealContext<'static> =
    SealContext { kind: "grant.subject", name: b"grant-1", clear: b"v1 open" };

fn sealer() -> Sealer {
    Sealer::new(7, &[1; 32])
}

fn sealed() -> Vec<u8> {
    sealer().seal(&SeededEntropy::new(1), &CONTEXT, b"1 84 12 76 451 089 46")
}

#[test]
fn a_sealed_value_opens_in_its_context() {
    assert_eq!(sealer().open(&CONTEXT, &sealed()), Ok(b"1 84 12 76 451 089 46".to_vec()));
}

#[test]
fn an_empty_value_can_be_sealed() {
    let sealed = sealer().seal(&SeededEntropy::new(1), &CONTEXT, b"");
    assert_eq!(sealer().open(&CONTEXT, &sealed), Ok(Vec::new()));
}

#[test]
fn layout_is_version_key_id_salt_nonce_ciphertext_tag() {
    let sealed = sealed();
    assert_eq!(sealed[..5], [1, 0, 0, 0, 7]);
    assert_eq!(sealed.len(), 1 + 4 + 16 + 12 + 21 + 16);
}

#[test]
fn the_same_value_never_looks_the_same() {
    let entropy = SeededEntropy::new(1);
    let twice = [sealer().seal(&entropy, &CONTEXT, b"x"), sealer().seal(&entropy, &CONTEXT, b"x")];
    assert_ne!(twice[0], twice[1]);
}

#[test]
fn any_other_context_is_refused() {
    let others = [
        SealContext { kind: "grant.name", ..CONTEXT },
        SealContext { name: b"grant-2", ..CONTEXT },
        SealContext { clear: b"v2 open", ..CONTEXT },
        SealContext { clear: b"", ..CONTEXT },
        SealContext { name: b"grant-1v", clear: b"1 open", ..CONTEXT },
        SealContext { name: b"grant-", clear: b"1v1 open", ..CONTEXT },
        SealContext { kind: "grant.subjectgrant-1", name: b"", ..CONTEXT },
    ];
    for other in others {
        assert_eq!(sealer().open(&other, &sealed()), Err(SealError::Refused), "{other:?}");
    }
}

#[test]
fn every_altered_byte_is_refused() {
    for at in 0..sealed().len() {
        let mut altered = sealed();
        altered[at] ^= 1;
        let expected = match at {
            0 => SealError::UnknownVersion,
            1..=4 => SealError::UnknownKey,
            _ => SealError::Refused,
        };
        assert_eq!(sealer().open(&CONTEXT, &altered), Err(expected), "byte {at}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let whole = sealed();
    for end in 0..whole.len() {
        let expected = if end < 33 { SealError::Malformed } else { SealError::Refused };
        assert_eq!(sealer().open(&CONTEXT, &whole[..end]), Err(expected), "{end} bytes");
    }
}

#[test]
fn a_value_under_the_previous_master_still_opens() {
    let rotated = Sealer::new(8, &[2; 32]).with_previous(7, &[1; 32]);
    assert!(rotated.open(&CONTEXT, &sealed()).is_ok());
    let fresh = rotated.seal(&SeededEntropy::new(2), &CONTEXT, b"x");
    assert_eq!(fresh[1..5], [0, 0, 0, 8]);
    assert_eq!(sealer().open(&CONTEXT, &fresh), Err(SealError::UnknownKey));
}

#[test]
fn the_right_id_with_another_master_is_refused() {
    assert_eq!(Sealer::new(7, &[9; 32]).open(&CONTEXT, &sealed()), Err(SealError::Refused));
}

#[test]
fn masters_of_one_id_are_each_tried_and_none_opens_what_another_id_names() {
    let two = Sealer::new(7, &[9; 32]).with_previous(7, &[1; 32]);
    assert!(two.open(&CONTEXT, &sealed()).is_ok());
    assert_eq!(
        Sealer::new(8, &[9; 32]).with_previous(9, &[1; 32]).open(&CONTEXT, &sealed()),
        Err(SealError::UnknownKey)
    );
}

#[test]
fn a_key_learned_later_opens_for_every_clone_and_seals_once_told() {
    let first = sealer();
    let clone = first.clone();
    let hash = first.mac("device", &[b"a"]);
    assert!(!first.seal_under(8), "not held yet");
    first.learn(8, &[2; 32]);
    assert!(clone.knows(8));
    assert_eq!(clone.seal(&SeededEntropy::new(2), &CONTEXT, b"x")[1..5], [0, 0, 0, 7]);
    assert!(clone.seal_under(8));
    let fresh = first.seal(&SeededEntropy::new(2), &CONTEXT, b"x");
    assert_eq!((Sealer::key_id(&fresh), first.current_id()), (Some(8), 8));
    assert!(fresh.starts_with(&first.current_prefix()));
    assert!(first.open(&CONTEXT, &sealed()).is_ok(), "what was sealed before");
    assert_eq!(first.mac("device", &[b"a"]), hash, "hashes stay");
    // Another master does not take the place of a key that is held.
    first.learn(7, &[9; 32]);
    assert!(first.open(&CONTEXT, &sealed()).is_ok());
    // And back.
    assert!(first.seal_under(7) && first.knows(8));
    assert!(first.open(&CONTEXT, &fresh).is_ok());
    // A sealer made apart knows nothing of it.
    assert!(!sealer().knows(8));
}

#[test]
fn a_value_of_another_key_id_cannot_be_relabelled() {
    // Two slots with the same master: the identifier is authenticated all the same.
    let both = Sealer::new(8, &[1; 32]).with_previous(7, &[1; 32]);
    let mut relabelled = sealed();
    relabelled[4] = 8;
    assert_eq!(both.open(&CONTEXT, &relabelled), Err(SealError::Refused));
}

#[test]
fn mac_depends_on_master_label_and_framing_and_not_on_previous_masters() {
    let mac = sealer().mac("device", &[b"a", b"bc"]);
    assert_eq!(sealer().with_previous(6, &[5; 32]).mac("device", &[b"a", b"bc"]), mac);
    let others = [
        sealer().mac("person", &[b"a", b"bc"]),
        sealer().mac("device", &[b"ab", b"c"]),
        sealer().mac("device", &[b"abc"]),
        sealer().mac("device", &[b"a", b"bc", b""]),
        Sealer::new(7, &[2; 32]).mac("device", &[b"a", b"bc"]),
    ];
    for other in others {
        assert_ne!(other, mac);
    }
}

#[test]
fn hmac_frames_its_parts_and_verifies() {
    let tag = hmac_sha256(b"key", &[b"ab", b""]);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"key");
    let input = b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0";
    assert_eq!(aws_lc_rs::hmac::sign(&key, input).as_ref(), tag);
    assert!(verify_hmac_sha256(b"key", &[b"ab", b""], &tag));
    for (key, parts, tag) in [
        (b"yek", [b"ab".as_slice(), b""], tag.as_slice()),
        (b"key", [b"a", b"b"], &tag),
        (b"key", [b"ab", b""], &tag[..31]),
        (b"key", [b"ab", b""], b""),
    ] {
        assert!(!verify_hmac_sha256(key, &parts, tag));
    }
}

#[test]
fn debug_shows_no_key() {
    assert_eq!(format!("{:?}", sealer()), "Sealer(7, [redacted])");
}
