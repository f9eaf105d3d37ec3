//! The hub's decision: every row of the table in `src/interaction/next_step.rs`, and what no situation may give.

use proptest::prelude::*;
use sceau::base::{PersonId, UnixTime};
use sceau::identity::{
    Acr, AssurancePolicy, AssuranceTerms, AuthMode, AuthenticationProof, Way, parse_acr_values,
};
use sceau::interaction::{
    ApprovalProgress, ConsentProgress, NextStep, Refusal, RepresentationProgress, Situation, decide,
};
use sceau::oauth::{AuthorizationRequest, ResponseMode, ScopeSet};
use sceau::oidc::{AuthenticationRequest, ClaimsRequest, Prompts};
use uuid::Uuid;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const OPENED: UnixTime = UnixTime::from_secs(1_799_999_900);
const POLICY: AssurancePolicy = AssurancePolicy { ceiling: Acr::Eidas2 };

fn person(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

fn proof(number: u128, acr: Acr, auth_time: UnixTime) -> AuthenticationProof {
    AuthenticationProof {
        person: person(number),
        device: None,
        auth_time,
        amr: Vec::new(),
        terms: AssuranceTerms {
            enrolment: acr,
            enrolment_reason: String::from("test"),
            authenticator: acr,
            authenticator_reason: String::from("test"),
            way: Way::TypedNumber,
        },
        auth_mode: AuthMode::Mobile,
    }
}

/// The hint of a request, when it has one, and whom it names, when it names somebody here.
#[derive(Clone, Copy, Debug)]
enum Hint {
    Absent,
    Nobody,
    Person(u128),
}

/// A situation that owns what it is made of.
#[derive(Clone, Debug)]
struct Case {
    prompt: &'static str,
    max_age: Option<u64>,
    acr_values: &'static str,
    claims: &'static str,
    session: Option<AuthenticationProof>,
    fresh: Option<AuthenticationProof>,
    approval: ApprovalProgress,
    hinted: Hint,
    lacks_email: bool,
    representation: RepresentationProgress,
    consent: ConsentProgress,
    refusal: Option<Refusal>,
    minimum: Option<Acr>,
    upstreams: Option<Acr>,
}

impl Case {
    /// Nothing is known and nothing asked.
    fn new() -> Self {
        Self {
            prompt: "",
            max_age: None,
            acr_values: "",
            claims: "{}",
            session: None,
            fresh: None,
            approval: ApprovalProgress::None,
            hinted: Hint::Absent,
            lacks_email: false,
            representation: RepresentationProgress::NotNeeded,
            consent: ConsentProgress::NotNeeded,
            refusal: None,
            minimum: None,
            upstreams: None,
        }
    }

    /// A session of a minute before the request.
    fn signed_in() -> Self {
        Self { session: Some(proof(1, Acr::Eidas1, UnixTime::from_secs(OPENED.secs() - 60))), ..Self::new() }
    }

    /// A proof made for this request.
    fn proved() -> Self {
        Self { fresh: Some(proof(1, Acr::Eidas1, NOW)), ..Self::new() }
    }

    fn decide(&self) -> NextStep {
        let request = AuthenticationRequest {
            oauth: AuthorizationRequest {
                client_id: "c1".parse().unwrap(),
                redirect_uri: String::from("https://c1.example/cb"),
                redirect_uri_sent: true,
                scope: ScopeSet::parse("openid").unwrap(),
                state: None,
                response_mode: ResponseMode::default(),
                code_challenge: None,
                dpop_jkt: None,
            },
            nonce: None,
            prompt: Prompts::parse(self.prompt).unwrap(),
            max_age: self.max_age,
            acr_values: (!self.acr_values.is_empty()).then(|| self.acr_values.to_owned()),
            claims: ClaimsRequest::parse(self.claims).unwrap(),
            login_hint: None,
            ui_locales: Vec::new(),
            id_token_hint: None,
        };
        decide(&Situation {
            minimum: self.minimum,
            request: &request,
            opened: OPENED,
            session: self.session.as_ref(),
            fresh: self.fresh.as_ref(),
            approval: self.approval,
            hinted: match self.hinted {
                Hint::Absent => None,
                Hint::Nobody => Some(None),
                Hint::Person(number) => Some(Some(person(number))),
            },
            lacks_email: self.lacks_email,
            representation: self.representation,
            consent: self.consent,
            refusal: self.refusal,
            upstreams: self.upstreams,
            policy: &POLICY,
            now: NOW,
        })
    }
}

/// The step in one word.
fn word(step: &NextStep) -> &'static str {
    match step {
        NextStep::Identify { expired: true } => "identify again",
        NextStep::Identify { expired: false } => "identify",
        NextStep::Approve => "approve",
        NextStep::Email => "email",
        NextStep::Represent => "represent",
        NextStep::Consent => "consent",
        NextStep::Issue { renew: true, .. } => "issue anew",
        NextStep::Issue { renew: false, .. } => "issue",
        NextStep::Refuse { code, .. } => code.as_str(),
    }
}

const EIDAS3: &str = r#"{"id_token":{"acr":{"essential":true,"values":["eidas3"]}}}"#;
const EIDAS2: &str = r#"{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}"#;
const UNKNOWN: &str = r#"{"id_token":{"acr":{"essential":true,"values":["urn:x"]}}}"#;
const WISH: &str = r#"{"id_token":{"acr":{"values":["eidas3"]}}}"#;

#[test]
fn rows_1_and_2_the_person_said_no() {
    use ApprovalProgress as A;
    for case in [Case::new(), Case::signed_in(), Case::proved()] {
        for refusal in [Refusal::Cancelled, Refusal::Consent] {
            for approval in [A::None, A::Waiting, A::Denied, A::Locked, A::Expired] {
                let case = Case { refusal: Some(refusal), approval, acr_values: "eidas3", ..case.clone() };
                assert_eq!(word(&case.decide()), "access_denied", "{case:?}");
            }
        }
        for approval in [A::Denied, A::Locked] {
            let case = Case { approval, acr_values: "eidas3", ..case.clone() };
            assert_eq!(word(&case.decide()), "access_denied", "{case:?}");
        }
    }
}

#[test]
fn rows_3_to_8_and_14_to_16() {
    use ApprovalProgress as A;
    use ConsentProgress as C;
    let (new, session, proved) = (Case::new, Case::signed_in, Case::proved);
    let late = |at| Some(proof(1, Acr::Eidas1, at));
    let table = [
        (3, Case { acr_values: "eidas3", ..proved() }, "unmet_authentication_requirements"),
        (3, Case { claims: EIDAS3, approval: A::Waiting, ..new() }, "unmet_authentication_requirements"),
        (3, Case { claims: UNKNOWN, prompt: "none", ..new() }, "unmet_authentication_requirements"),
        (3, Case { acr_values: "eidas1", claims: EIDAS3, ..session() }, "unmet_authentication_requirements"),
        (4, Case { approval: A::Waiting, ..new() }, "approve"),
        (4, Case { approval: A::Waiting, ..session() }, "approve"),
        (4, Case { approval: A::Waiting, acr_values: "eidas2", ..new() }, "approve"),
        (5, Case { hinted: Hint::Person(2), ..proved() }, "login_required"),
        (5, Case { hinted: Hint::Nobody, ..proved() }, "login_required"),
        (6, Case { acr_values: "eidas2", ..proved() }, "unmet_authentication_requirements"),
        (6, Case { claims: EIDAS2, ..proved() }, "unmet_authentication_requirements"),
        (7, Case { prompt: "none", ..new() }, "login_required"),
        (7, Case { prompt: "none", acr_values: "eidas2", ..session() }, "login_required"),
        (7, Case { prompt: "none", max_age: Some(159), ..session() }, "login_required"),
        (7, Case { prompt: "none", hinted: Hint::Person(2), ..session() }, "login_required"),
        (7, Case { prompt: "none", hinted: Hint::Nobody, ..session() }, "login_required"),
        (8, new(), "identify"),
        (8, Case { approval: A::Expired, ..new() }, "identify again"),
        (8, Case { prompt: "login", ..session() }, "identify"),
        (8, Case { prompt: "select_account", ..session() }, "identify"),
        (8, Case { prompt: "login consent", consent: C::Given, ..session() }, "identify"),
        (8, Case { max_age: Some(159), ..session() }, "identify"),
        (8, Case { max_age: Some(0), session: late(OPENED), ..new() }, "identify"),
        (8, Case { prompt: "login", session: late(OPENED), ..new() }, "identify"),
        (8, Case { acr_values: "eidas2", ..session() }, "identify"),
        (8, Case { hinted: Hint::Person(2), ..session() }, "identify"),
        (14, Case { prompt: "none", consent: C::Missing, ..session() }, "consent_required"),
        (15, Case { consent: C::Missing, ..session() }, "consent"),
        (15, Case { consent: C::Missing, prompt: "login", ..proved() }, "consent"),
        (16, session(), "issue"),
        (16, proved(), "issue anew"),
        (16, Case { prompt: "none", ..session() }, "issue"),
        (16, Case { max_age: Some(160), ..session() }, "issue"),
        (16, Case { max_age: Some(0), prompt: "login", ..proved() }, "issue anew"),
        (16, Case { prompt: "login", session: late(NOW), ..new() }, "issue"),
        (16, Case { max_age: Some(0), session: late(NOW), ..new() }, "issue"),
        (16, Case { acr_values: "eidas3 eidas1", ..session() }, "issue"),
        (16, Case { acr_values: "urn:x", claims: WISH, ..session() }, "issue"),
        (16, Case { hinted: Hint::Person(1), consent: C::Given, ..session() }, "issue"),
        (16, Case { approval: A::Expired, ..session() }, "issue"),
    ];
    for (row, case, expected) in table {
        assert_eq!(word(&case.decide()), expected, "row {row}: {case:?}");
    }
}

#[test]
fn rows_9_and_10_the_client_wants_an_address() {
    use ConsentProgress as C;
    let (session, proved) = (Case::signed_in, Case::proved);
    let table = [
        (9, Case { prompt: "none", lacks_email: true, ..session() }, "interaction_required"),
        (
            9,
            Case { prompt: "none", lacks_email: true, consent: C::Missing, ..session() },
            "interaction_required",
        ),
        (10, Case { lacks_email: true, ..session() }, "email"),
        (10, Case { lacks_email: true, ..proved() }, "email"),
        (10, Case { lacks_email: true, consent: C::Missing, ..session() }, "email"),
        (
            6,
            Case { lacks_email: true, acr_values: "eidas2", ..proved() },
            "unmet_authentication_requirements",
        ),
    ];
    for (row, case, expected) in table {
        assert_eq!(word(&case.decide()), expected, "row {row}: {case:?}");
    }
}

#[test]
fn rows_11_to_13_for_whom_the_person_acts() {
    use ConsentProgress as C;
    use RepresentationProgress as R;
    let (new, session, proved) = (Case::new, Case::signed_in, Case::proved);
    let table = [
        (11, Case { prompt: "none", representation: R::Missing, ..session() }, "interaction_required"),
        (
            11,
            Case { prompt: "none", representation: R::Missing, consent: C::Missing, ..session() },
            "interaction_required",
        ),
        (12, Case { representation: R::Missing, ..session() }, "represent"),
        (12, Case { representation: R::Missing, consent: C::Missing, ..proved() }, "represent"),
        (13, Case { representation: R::Ended, ..session() }, "access_denied"),
        (
            13,
            Case { representation: R::Ended, consent: C::Given, prompt: "none", ..proved() },
            "access_denied",
        ),
        (8, Case { representation: R::Missing, ..new() }, "identify"),
        (15, Case { representation: R::Chosen, consent: C::Missing, ..session() }, "consent"),
        (16, Case { representation: R::Chosen, consent: C::Given, ..session() }, "issue"),
    ];
    for (row, case, expected) in table {
        assert_eq!(word(&case.decide()), expected, "row {row}: {case:?}");
    }
}

#[test]
fn a_proof_whose_terms_have_no_reason_is_none() {
    let mut case = Case::signed_in();
    case.session.as_mut().unwrap().terms.authenticator_reason.clear();
    assert_eq!(word(&case.decide()), "identify");
    let mut case = Case::proved();
    case.fresh.as_mut().unwrap().terms.enrolment_reason.clear();
    assert_eq!(case.decide(), Case { acr_values: "eidas2", ..Case::proved() }.decide());
}

fn any_proof() -> impl Strategy<Value = Option<AuthenticationProof>> {
    let acr = prop::sample::select(vec![Acr::Eidas1, Acr::Eidas2, Acr::Eidas3]);
    let some = (1_u128..3, acr, -500_i64..=100)
        .prop_map(|(who, acr, at)| proof(who, acr, UnixTime::from_secs(OPENED.secs() + at)));
    prop::option::of(some)
}

fn any_case() -> impl Strategy<Value = Case> {
    use ApprovalProgress as A;
    use ConsentProgress as C;
    use RepresentationProgress as R;
    let asked = (
        prop::sample::select(vec!["", "none", "login", "consent", "select_account", "login consent"]),
        prop::option::of(0_u64..400),
        prop::sample::select(vec![
            "",
            "eidas1",
            "eidas2",
            "eidas3",
            "eidas3 eidas2",
            "urn:x",
            "urn:x eidas2",
        ]),
        prop::sample::select(vec!["{}", EIDAS2, EIDAS3, UNKNOWN, WISH]),
        prop::sample::select(vec![Hint::Absent, Hint::Nobody, Hint::Person(1), Hint::Person(2)]),
    );
    let known = (
        any_proof(),
        any_proof(),
        prop::sample::select(vec![A::None, A::Waiting, A::Denied, A::Locked, A::Expired]),
        any::<bool>(),
        prop::sample::select(vec![R::NotNeeded, R::Missing, R::Chosen, R::Ended]),
        prop::sample::select(vec![C::NotNeeded, C::Missing, C::Given]),
        prop::sample::select(vec![None, Some(Refusal::Cancelled), Some(Refusal::Consent)]),
    );
    (asked, known).prop_map(|((prompt, max_age, acr_values, claims, hinted), known)| {
        let (session, fresh, approval, lacks_email, representation, consent, refusal) = known;
        let upstreams = None;
        Case {
            prompt,
            max_age,
            acr_values,
            claims,
            session,
            fresh,
            approval,
            hinted,
            lacks_email,
            representation,
            consent,
            refusal,
            minimum: None,
            upstreams,
        }
    })
}

proptest! {
    #[test]
    fn a_code_needs_a_proof_that_meets_what_was_asked(case in any_case()) {
        let NextStep::Issue { proof, renew } = case.decide() else { return Ok(()) };
        let source = if renew { &case.fresh } else { &case.session };
        prop_assert_eq!(source.as_ref(), Some(&*proof));
        let acr = proof.terms.acr(&POLICY);
        prop_assert!(acr.is_some() && acr >= parse_acr_values(case.acr_values).floor);
        prop_assert!(case.claims != EIDAS2 || acr >= Some(Acr::Eidas2));
        prop_assert!(case.claims != EIDAS3 && case.claims != UNKNOWN);
        let may_answer = match case.hinted {
            Hint::Absent => true,
            Hint::Nobody => false,
            Hint::Person(number) => proof.person == person(number),
        };
        prop_assert!(may_answer);
        prop_assert!(!case.lacks_email);
        prop_assert!(case.refusal.is_none() && case.consent != ConsentProgress::Missing);
        let said = [RepresentationProgress::NotNeeded, RepresentationProgress::Chosen];
        prop_assert!(said.contains(&case.representation));
        let answered = [ApprovalProgress::None, ApprovalProgress::Expired];
        prop_assert!(answered.contains(&case.approval));
        let forced = case.prompt.contains("login") || case.prompt == "select_account";
        let forced = forced || case.max_age == Some(0);
        prop_assert!(!forced || renew || proof.auth_time > OPENED);
    }

    #[test]
    fn prompt_none_shows_no_page(case in any_case()) {
        let case = Case { prompt: "none", approval: ApprovalProgress::None, ..case };
        let silent = matches!(case.decide(), NextStep::Issue { .. } | NextStep::Refuse { .. });
        prop_assert!(silent);
    }

}

#[test]
fn another_provider_raises_what_can_be_reached_up_to_the_policy() {
    let asked = |upstreams, acr_values| word(&Case { acr_values, upstreams, ..Case::new() }.decide());
    assert_eq!(asked(None, "eidas3"), asked(Some(Acr::Eidas1), "eidas3"));
    assert_eq!(asked(Some(Acr::Eidas1), "eidas2"), "identify");
    let reached = if POLICY.ceiling == Acr::Eidas3 { "identify" } else { asked(None, "eidas3") };
    assert_eq!(asked(Some(Acr::Eidas3), "eidas3"), reached);
}
