//! Twin of `src/oauth/rfc9449_nonce.rs`.

use std::time::Duration;

use sceau::base::UnixTime;
use sceau::oauth::{NonceClass, NonceIssuer};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

#[test]
fn s8_nonce_is_accepted_in_its_bucket_and_the_next() {
    let issuer = NonceIssuer::new([1; 32], 7);
    let nonce = issuer.issue(NOW);
    for (seconds, accepted) in [(0, true), (29, true), (30, true), (59, true), (60, false), (3600, false)] {
        assert_eq!(issuer.check(&nonce, NOW.plus(Duration::from_secs(seconds))), accepted, "{seconds}");
    }
    assert!(!issuer.check(&nonce, NOW.minus(Duration::from_secs(1))), "from the future");
}

#[test]
fn s8_nonce_of_any_replica_with_the_key_is_accepted() {
    let nonce = NonceIssuer::new([1; 32], 7).issue(NOW);
    let cases = [
        ("other replica", NonceIssuer::new([1; 32], 7), true),
        ("after a key change", NonceIssuer::new([2; 32], 7).with_other_key([1; 32]), true),
        ("other key", NonceIssuer::new([2; 32], 7), false),
        ("later store generation", NonceIssuer::new([1; 32], 8), false),
        ("earlier store generation", NonceIssuer::new([1; 32], 7).with_generation(6), false),
        ("resource endpoints", NonceIssuer::new([1; 32], 7).for_class(NonceClass::Resource), false),
        ("phone endpoints", NonceIssuer::new([1; 32], 7).for_class(NonceClass::Phone), false),
    ];
    for (name, issuer, accepted) in cases {
        assert_eq!(issuer.check(&nonce, NOW), accepted, "{name}");
    }
}

#[test]
fn s8_forged_nonces_are_refused() {
    let issuer = NonceIssuer::new([1; 32], 7);
    let nonce = issuer.issue(NOW);
    let mut flipped = nonce.clone().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    let flipped = String::from_utf8(flipped).unwrap();
    for forged in ["", "nonce", &nonce[1..], &format!("{nonce}AA"), &format!("{nonce}="), &flipped] {
        assert!(!issuer.check(forged, NOW), "{forged}");
    }
}

#[test]
fn s8_1_nonce_has_only_legal_characters() {
    let nonce = NonceIssuer::new([1; 32], 7).issue(NOW);
    assert!(nonce.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
}

#[test]
fn nonce_key_is_not_shown() {
    let shown = format!("{:?}", NonceIssuer::new([213; 32], 7));
    assert!(!shown.contains("213"), "{shown}");
}
