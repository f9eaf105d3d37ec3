//! Which accounts at other providers a person may link to their own, and in which session (`security.md` D12).

use super::account_client::is_account;
use super::ticket::FRESH;
use super::{AccountVisit, Provider};
use crate::base::UnixTime;
use crate::federation::{Preset, UpstreamProvider, federated_level, vouches_for};
use crate::identity::{Person, Way};
use crate::ports::{Link, Session};

/// A provider whose account may be linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkOffer {
    /// Its name in addresses.
    pub id: String,
    /// Its name for persons.
    pub name: String,
    /// Where the browser goes, for the page's form targets.
    pub origin: String,
    /// Whether this sign-in is sure enough to vouch for what the provider may say later.
    pub vouched: bool,
}

/// Why a session links nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkingRefusal {
    /// Another provider answered for the person, not their phone.
    NotByPhone,
    /// The sign-in is older than twenty minutes, or was made for another service.
    TooOld,
}

impl LinkingRefusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotByPhone => "link_needs_phone",
            Self::TooOld => "link_sign_in_too_old",
        }
    }
}

impl Provider {
    /// The providers that the person has no link to, in the order of the settings.
    pub(super) fn link_offers(&self, visit: &AccountVisit, links: &[Link]) -> Vec<LinkOffer> {
        let unlinked = |provider: &&UpstreamProvider| links.iter().all(|link| link.provider != provider.id);
        let possible = |provider: &&UpstreamProvider| may_open(provider, &visit.person);
        let providers = self.ports.upstream.providers().into_iter().filter(unlinked).filter(possible);
        providers.map(|provider| self.link_offer(visit, provider)).collect()
    }

    fn link_offer(&self, visit: &AccountVisit, provider: &UpstreamProvider) -> LinkOffer {
        let traits_compared = visit.person.patient().is_some();
        let ceiling = provider.ceiling();
        let reachable = federated_level(Some(ceiling), ceiling, !traits_compared);
        let reachable = reachable.min(self.policy.assurance.ceiling);
        LinkOffer {
            id: provider.id.as_str().to_owned(),
            name: provider.name.clone(),
            origin: provider.issuer.clone(),
            vouched: vouches_for(self.worth(&visit.session.proof), reachable, traits_compared),
        }
    }
}

/// Whether a session may link accounts: whoever finds one open must not add a way in of their own.
pub(super) fn may_link(session: &Session, now: UnixTime) -> Result<(), LinkingRefusal> {
    match session.proof.terms.way {
        Way::Federation => Err(LinkingRefusal::NotByPhone),
        // A sign-in by phone can be relayed: made for the account, its text said that accounts may be linked.
        Way::TypedNumber | Way::Qr | Way::SamePhoneLink => {
            let fresh = now.since(session.proof.auth_time) < FRESH;
            let here = session.begun_for.as_ref().is_some_and(is_account);
            (fresh && here).then_some(()).ok_or(LinkingRefusal::TooOld)
        }
    }
}

/// Whether a sign-in there can ever open this person's account: of a patient the traits are compared each time, and a
/// provider of agents gives none.
fn may_open(provider: &UpstreamProvider, person: &Person) -> bool {
    person.patient().is_none() || provider.preset != Preset::ProConnect
}
