//! Linking from one's own account: the table at the top of `src/federation/account_link.rs`, one fact changed in each line.

use sceau::base::{PersonId, Secret, SeededEntropy};
use sceau::federation::{
    AccountLinkVerdict, AccountSide, UpstreamIdentity, UpstreamKey, decide_account_link, federated_level,
    vouches_for,
};
use sceau::identity::{Acr, Pivot};

use crate::support::identity;

fn person(seed: u64) -> PersonId {
    PersonId::random(&SeededEntropy::new(seed))
}

fn pivot(reference: &str) -> Pivot {
    identity(reference).patient.pivot
}

fn reason(change: impl FnOnce(&mut UpstreamIdentity, &mut AccountSide)) -> &'static str {
    let mut upstream = UpstreamIdentity {
        key: UpstreamKey::new(String::from("https://fc.example"), Secret::new(String::from("sub"))),
        acr: Some(Acr::Eidas1),
        amr: Vec::new(),
        auth_time: None,
        pivot: Some(pivot("p-01")),
        agent: None,
        email: None,
        used_family_name: None,
    };
    let mut side = AccountSide { person: person(1), traits: Some(pivot("p-01")), holder: None };
    change(&mut upstream, &mut side);
    match decide_account_link(&upstream, Some(Acr::Eidas1), &side) {
        AccountLinkVerdict::Link => "link",
        AccountLinkVerdict::Already => "already",
        AccountLinkVerdict::Refused(refusal) => refusal.as_str(),
    }
}

#[test]
fn each_fact_has_its_verdict() {
    assert_eq!(reason(|_, _| ()), "link");
    assert_eq!(reason(|upstream, _| upstream.acr = None), "level_too_low");
    assert_eq!(reason(|_, side| side.holder = Some(person(1))), "already");
    assert_eq!(reason(|_, side| side.holder = Some(person(2))), "taken");
    assert_eq!(reason(|upstream, _| upstream.pivot = None), "no_pivot");
    assert_eq!(reason(|upstream, _| upstream.pivot = Some(pivot("p-02"))), "traits_differ");
    // A professional has no traits here.
    assert_eq!(reason(|_, side| side.traits = None), "link");
    assert_eq!(reason(|upstream, side| (upstream.pivot, side.traits) = (None, None)), "link");
    // Whose it is comes before what it says.
    let both = |upstream: &mut UpstreamIdentity, side: &mut AccountSide| {
        (upstream.pivot, side.holder) = (Some(pivot("p-02")), Some(person(2)));
    };
    assert_eq!(reason(both), "taken");
}

#[test]
fn a_phone_vouches_up_to_its_own_level() {
    assert!(vouches_for(Some(Acr::Eidas1), Acr::Eidas1, false));
    assert!(vouches_for(Some(Acr::Eidas2), Acr::Eidas1, false));
    assert!(!vouches_for(Some(Acr::Eidas1), Acr::Eidas2, false));
    assert!(!vouches_for(None, Acr::Eidas1, false));
    assert!(vouches_for(Some(Acr::Eidas1), Acr::Eidas2, true));
}

#[test]
fn a_sign_in_is_worth_what_was_agreed_and_vouched_for() {
    for (said, ceiling, vouched_by_phone, worth) in [
        (None, Acr::Eidas3, false, Acr::Eidas1),
        (Some(Acr::Eidas3), Acr::Eidas3, false, Acr::Eidas3),
        (Some(Acr::Eidas3), Acr::Eidas3, true, Acr::Eidas2),
        (Some(Acr::Eidas2), Acr::Eidas1, true, Acr::Eidas1),
        (Some(Acr::Eidas3), Acr::Eidas2, false, Acr::Eidas2),
        (Some(Acr::Eidas1), Acr::Eidas3, true, Acr::Eidas1),
    ] {
        assert_eq!(federated_level(said, ceiling, vouched_by_phone), worth, "{said:?} {ceiling:?}");
    }
}
