//! Activation codes, and what is remembered of an enrolment.

use sceau::base::{EnrolmentId, PersonId, Secret, SeededEntropy, TokenHash, UnixTime};
use sceau::device::{
    ActivationCodes, ActivationMode, CodesVerdict, EnrolmentProof, MAX_CODE_TRIES, PendingEnrolment,
};
use sceau::identity::Acr;
use sceau::jose::Thumbprint;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

#[test]
fn both_codes_are_needed() {
    assert_eq!(codes().judge("mail-code", "phone-code", NOW), CodesVerdict::Right);
    for (email, phone) in [
        ("mail-code", "wrong"),
        ("wrong", "phone-code"),
        ("phone-code", "mail-code"),
        ("mail-code", "mail-code"),
        ("", ""),
    ] {
        let one_more = ActivationCodes { tries: 1, ..codes() };
        assert_eq!(codes().judge(email, phone, NOW), CodesVerdict::Wrong(one_more), "{email} {phone}");
    }
}

#[test]
fn the_fifth_wrong_try_locks_even_for_the_right_codes() {
    let mut left = codes();
    for tries in 1..MAX_CODE_TRIES {
        let CodesVerdict::Wrong(next) = left.judge("a", "b", NOW) else { panic!() };
        assert_eq!(next.tries, tries);
        left = next;
    }
    assert_eq!(left.clone().judge("mail-code", "phone-code", NOW), CodesVerdict::Right);
    assert_eq!(left.judge("a", "b", NOW), CodesVerdict::Locked);
    let spent = ActivationCodes { tries: MAX_CODE_TRIES, ..codes() };
    assert_eq!(spent.judge("mail-code", "phone-code", NOW), CodesVerdict::Locked);
}

#[test]
fn one_code_on_both_channels_is_never_right() {
    let same = ActivationCodes { phone: TokenHash::of("mail-code"), ..codes() };
    assert!(matches!(same.judge("mail-code", "mail-code", NOW), CodesVerdict::Wrong(_)));
}

#[test]
fn codes_end_at_their_deadline_except_in_the_demonstration() {
    let late = ActivationCodes { deadline: Some(NOW), ..codes() };
    assert_eq!(late.judge("mail-code", "phone-code", NOW), CodesVerdict::Expired);
    let demo = ActivationCodes { deadline: None, ..codes() };
    assert_eq!(demo.judge("mail-code", "phone-code", UnixTime::from_millis(i64::MAX)), CodesVerdict::Right);
}

#[test]
fn the_proof_is_read_by_kind_and_not_printed() {
    let sent = r#"{"kind":"contact_codes","email":"mail-code","phone":"phone-code"}"#;
    let proof: EnrolmentProof = serde_json::from_str(sent).unwrap();
    let EnrolmentProof::ContactCodes { email, phone } = &proof else { panic!("{proof:?}") };
    assert_eq!((email.expose(), phone.expose()), ("mail-code", "phone-code"));
    assert!(!format!("{proof:?}").contains("code\""));
    let ticket: EnrolmentProof = serde_json::from_str(r#"{"kind":"ticket","ticket":"the-ticket"}"#).unwrap();
    assert_eq!(ticket, EnrolmentProof::Ticket { ticket: Secret::new(String::from("the-ticket")) });
    assert!(!format!("{ticket:?}").contains("the-ticket"));
    for bad in [
        r#"{"kind":"card","email":"a","phone":"b"}"#,
        r#"{"kind":"contact_codes","email":"a"}"#,
        r#"{"kind":"ticket"}"#,
        r#"{"kind":"ticket","ticket":"a","national_id":"b"}"#,
        r#"{"kind":"contact_codes","email":"a","phone":"b","person":"c"}"#,
    ] {
        assert!(serde_json::from_str::<EnrolmentProof>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_pending_enrolment_is_stored_whole_and_not_printed() {
    let pending = PendingEnrolment {
        id: EnrolmentId::random(&SeededEntropy::new(1)),
        person: None,
        jkt: Thumbprint::from_bytes([5; 32]),
        server_challenge: [6; 32],
        ceremony: String::from("opaque"),
        codes: Some(TokenHash::of("mail-code")),
        codes_deadline: None,
        activation_mode: ActivationMode::ContactCodes,
        enrolment: Acr::Eidas2,
        deadline: NOW,
    };
    let stored = serde_json::to_string(&pending).unwrap();
    assert_eq!(serde_json::from_str::<PendingEnrolment>(&stored).unwrap(), pending);
    assert!(!format!("{pending:?}").contains("opaque"));
}

fn codes() -> ActivationCodes {
    ActivationCodes {
        person: PersonId::random(&SeededEntropy::new(2)),
        email: TokenHash::of("mail-code"),
        phone: TokenHash::of("phone-code"),
        tries: 0,
        deadline: Some(UnixTime::from_millis(NOW.millis() + 1)),
    }
}
