//! The states of an approval.

use std::time::Duration;

use sceau::approval::{
    Approval, ApprovalRequest, ApprovalText, Claim, Judged, MAX_TRIES, Number, NumberSource, Pending,
    Recipient, StoredApproval,
};
use sceau::base::{ApprovalId, DeviceId, PersonId, SeededEntropy, UnixTime};
use sceau::identity::{Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

#[test]
fn the_right_number_in_time_approves_with_the_proof() {
    let Judged::Approved(approved) = opened().approve(Some("47"), proof(), NOW) else { panic!() };
    assert_eq!(approved.state().proof, proof());
    assert_eq!(approved.state().at, NOW);
}

#[test]
fn the_third_wrong_number_locks() {
    let mut approval = opened();
    for tries in 1..MAX_TRIES {
        let Judged::WrongNumber(left) = approval.approve(Some("74"), proof(), NOW) else { panic!() };
        assert_eq!(left.state().tries, tries);
        approval = left;
    }
    assert!(matches!(approval.approve(Some("74"), proof(), NOW), Judged::Locked(_)));
}

#[test]
fn the_right_number_on_the_last_try_approves() {
    let mut approval = opened();
    for _ in 1..MAX_TRIES {
        let Judged::WrongNumber(left) = approval.approve(Some("74"), proof(), NOW) else { panic!() };
        approval = left;
    }
    assert!(matches!(approval.approve(Some("47"), proof(), NOW), Judged::Approved(_)));
}

#[test]
fn a_missing_number_is_a_wrong_one_for_every_source() {
    for source in [NumberSource::Ours, NumberSource::Client, NumberSource::Returned] {
        let mut request = request();
        request.number = source(Number::parse("47").unwrap());
        let Judged::WrongNumber(left) = Approval::open(request).approve(None, proof(), NOW) else { panic!() };
        assert_eq!(left.state().tries, 1);
    }
}

#[test]
fn without_a_number_a_remote_request_reaches_eidas1_at_most() {
    let mut confirmed = request();
    confirmed.number = NumberSource::None;
    let reached = |way| {
        let mut proof = proof();
        proof.terms.way = way;
        let judged = Approval::open(confirmed.clone()).approve(None, proof, NOW);
        let Judged::Approved(approved) = judged else { panic!() };
        let terms = &approved.state().proof.terms;
        (terms.authenticator, terms.authenticator_reason.clone())
    };
    assert_eq!(reached(Way::TypedNumber), (Acr::Eidas1, String::from("no_number")));
    assert_eq!(reached(Way::SamePhoneLink), (Acr::Eidas2, String::from("attested_model")));
}

#[test]
fn at_its_deadline_an_approval_is_expired_whatever_is_typed() {
    let late = request().deadline;
    assert!(matches!(opened().approve(Some("47"), proof(), late), Judged::Expired(_)));
    assert!(matches!(opened().approve(Some("74"), proof(), late), Judged::Expired(_)));
    assert!(opened().deny(late, false).is_err());
    let last = UnixTime::from_millis(late.millis() - 1);
    assert!(matches!(opened().approve(Some("47"), proof(), last), Judged::Approved(_)));
}

#[test]
fn only_the_person_asked_can_answer_and_others_do_not_use_up_tries() {
    let other = AuthenticationProof { person: PersonId::random(&SeededEntropy::new(9)), ..proof() };
    for typed in ["47", "74"] {
        let Judged::OtherPerson(left) = opened().approve(Some(typed), other.clone(), NOW) else { panic!() };
        assert_eq!(left.state().tries, 0);
    }
    let nobody = Approval::open(ApprovalRequest { person: None, ..request() });
    assert!(matches!(nobody.approve(Some("47"), proof(), NOW), Judged::OtherPerson(_)));
}

#[test]
fn a_denial_says_whether_it_is_reported() {
    let denied = opened().deny(NOW, true).unwrap();
    assert_eq!((denied.state().at, denied.state().reported), (NOW, true));
}

#[test]
fn a_stored_pending_approval_is_seen_expired_from_its_deadline() {
    let deadline = request().deadline;
    let stored = StoredApproval::Pending(opened());
    assert!(matches!(stored.clone().seen_at(NOW), StoredApproval::Pending(_)));
    assert!(matches!(stored.seen_at(deadline), StoredApproval::Expired(_)));
    let denied = StoredApproval::Denied(opened().deny(NOW, false).unwrap());
    assert_eq!(denied.clone().seen_at(deadline), denied);
}

#[test]
fn every_state_survives_storage() {
    let Judged::Expired(expired) = opened().approve(None, proof(), request().deadline) else { panic!() };
    let locked = (1..MAX_TRIES).fold(opened(), |approval, _| {
        let Judged::WrongNumber(left) = approval.approve(None, proof(), NOW) else { panic!() };
        left
    });
    let states = [
        StoredApproval::Pending(opened()),
        opened().approve(Some("47"), proof(), NOW).into(),
        opened().approve(Some("74"), proof(), NOW).into(),
        locked.approve(None, proof(), NOW).into(),
        StoredApproval::Denied(opened().deny(NOW, true).unwrap()),
        StoredApproval::Expired(expired),
    ];
    for state in states {
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<StoredApproval>(&stored).unwrap(), state);
        assert_eq!(state.request(), &request());
    }
}

#[test]
fn recipient_and_number_are_not_printed() {
    let printed = format!("{:?}", opened());
    assert!(!printed.contains("47\"") && !printed.contains(&request().recipient.to_string()));
}

fn opened() -> Approval<Pending> {
    Approval::open(request())
}

fn request() -> ApprovalRequest {
    let id = ApprovalId::random(&SeededEntropy::new(1));
    ApprovalRequest {
        id,
        recipient: Recipient::from_bytes([3; 32]),
        person: Some(proof().person),
        client: "dossier".parse().unwrap(),
        interaction: None,
        text: ApprovalText {
            service: String::from("Dossier"),
            purpose: String::from("Sign in"),
            origin: String::from("Firefox"),
            at: NOW.rfc3339(),
            details: Vec::new(),
            approval: id,
        },
        claim: Claim::default(),
        number: NumberSource::Ours(Number::parse("47").unwrap()),
        created: NOW,
        deadline: NOW.plus(Duration::from_secs(90)),
    }
}

fn proof() -> AuthenticationProof {
    AuthenticationProof {
        person: PersonId::random(&SeededEntropy::new(2)),
        device: Some(DeviceId::random(&SeededEntropy::new(3))),
        auth_time: NOW,
        amr: vec![String::from("hwk")],
        terms: AssuranceTerms {
            enrolment: Acr::Eidas2,
            enrolment_reason: String::from("contact_codes"),
            authenticator: Acr::Eidas2,
            authenticator_reason: String::from("attested_model"),
            way: Way::TypedNumber,
        },
        auth_mode: AuthMode::Mobile,
    }
}
