//! An approval is approved only by the right person, with the right number, in time, within its tries.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use sceau::approval::{
    Approval, ApprovalRequest, ApprovalText, Claim, Judged, MAX_TRIES, Number, NumberSource, Recipient,
};
use sceau::base::{ApprovalId, PersonId, SeededEntropy, UnixTime};
use sceau::identity::{Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};

const OPENED: UnixTime = UnixTime::from_secs(1_800_000_000);
const LIFE: Duration = Duration::from_secs(90);

#[derive(Clone, Debug)]
struct Attempt {
    typed: Option<String>,
    person: u64,
    after: u64,
}

proptest! {
    #[test]
    fn approval_never_reaches_approved_otherwise(
        number in "[0-9]{2}",
        asked in proptest::option::of(0..2_u64),
        attempts in proptest::collection::vec(attempt(), 1..12),
    ) {
        let mut approval = Approval::open(request(&number, asked));
        let mut wrong = 0_u8;
        for attempt in attempts {
            let now = OPENED.plus(Duration::from_secs(attempt.after));
            let late = Duration::from_secs(attempt.after) >= LIFE;
            let theirs = asked == Some(attempt.person);
            let right = attempt.typed.as_deref() == Some(number.as_str());
            match approval.approve(attempt.typed.as_deref(), proof(attempt.person, now), now) {
                Judged::Approved(_) => {
                    prop_assert!(!late && theirs && right && wrong < MAX_TRIES);
                    return Ok(());
                }
                Judged::Locked(_) => {
                    prop_assert_eq!(wrong + 1, MAX_TRIES);
                    prop_assert!(!late && theirs && !right);
                    return Ok(());
                }
                Judged::Expired(_) => {
                    prop_assert!(late);
                    return Ok(());
                }
                Judged::OtherPerson(left) => {
                    prop_assert!(!theirs);
                    prop_assert_eq!(left.state().tries, wrong);
                    approval = left;
                }
                Judged::WrongNumber(left) => {
                    wrong += 1;
                    prop_assert!(!right);
                    prop_assert_eq!(left.state().tries, wrong);
                    approval = left;
                }
            }
        }
    }

    #[test]
    fn a_number_drawn_is_never_one_taken(seed: u64, taken in proptest::collection::vec("[0-9]{2}", 0..900)) {
        let taken: Vec<_> = taken.iter().map(|text| Number::parse(text).unwrap()).collect();
        if let Some(number) = Number::draw(&SeededEntropy::new(seed), &taken) {
            prop_assert!(!taken.contains(&number));
        } else {
            let distinct: BTreeSet<_> = taken.iter().map(Number::expose).collect();
            prop_assert_eq!(distinct.len(), 100);
        }
    }

    #[test]
    fn parse_accepts_exactly_two_ascii_digits(text in "\\PC{0,4}|[0-9]{0,4}") {
        let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(Number::parse(&text).map(|number| number.expose().to_owned()), two.then_some(text));
    }
}

fn attempt() -> impl Strategy<Value = Attempt> {
    (proptest::option::of("[0-9]{2}|[0-9]{0,3}"), 0..2_u64, 0..100_u64)
        .prop_map(|(typed, person, after)| Attempt { typed, person, after })
}

fn person(seed: u64) -> PersonId {
    PersonId::random(&SeededEntropy::new(seed))
}

fn request(number: &str, asked: Option<u64>) -> ApprovalRequest {
    let id = ApprovalId::random(&SeededEntropy::new(1));
    ApprovalRequest {
        id,
        recipient: Recipient::from_bytes([3; 32]),
        person: asked.map(person),
        client: "dossier".parse().unwrap(),
        interaction: None,
        text: ApprovalText {
            service: String::new(),
            purpose: String::new(),
            origin: String::new(),
            at: String::new(),
            details: Vec::new(),
            approval: id,
        },
        claim: Claim::default(),
        number: NumberSource::Ours(Number::parse(number).unwrap()),
        created: OPENED,
        deadline: OPENED.plus(LIFE),
    }
}

fn proof(seed: u64, now: UnixTime) -> AuthenticationProof {
    AuthenticationProof {
        person: person(seed),
        device: None,
        auth_time: now,
        amr: Vec::new(),
        terms: AssuranceTerms {
            enrolment: Acr::Eidas1,
            enrolment_reason: String::from("test"),
            authenticator: Acr::Eidas1,
            authenticator_reason: String::from("test"),
            way: Way::TypedNumber,
        },
        auth_mode: AuthMode::Mobile,
    }
}
