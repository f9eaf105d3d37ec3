//! Whose account a verified login of another provider opens, and what is done about it (`OpenID Connect Core` 5.7; the
//! rules are in `federation::decide_link`).
//!
//! A link is made in one transaction: by traits to an account that nobody held, or after the phone has approved a text
//! that says so. Who loses a race decides again on what the winner left.

use crate::audit::{AuditEvent, EventKind};
use crate::base::{LinkId, UnixTime};
use crate::device::{Channel, Content, DeviceStatus};
use crate::federation::{
    Candidate, ExistingLink, LinkFacts, LinkRefusal, LinkVerdict, Standing, UpstreamKey, UpstreamProvider,
    decide_link, federated_level,
};
use crate::identity::{
    Acr, AssuranceTerms, AuthMode, AuthenticationProof, Identity, Person, PersonStatus, Pivot, Way,
};
use crate::interaction::{Interaction, PendingLink, Step, required_acr};
use crate::ports::{Link, LinkOutcome, LinkedBy, PortError, PortResult};

use super::federated::{Fault, Login};
use super::identify::Asked;
use super::{BrowserState, Provider, SetbackSentence, TurnError};

/// Races lost before support is called for.
const TRIES: usize = 4;

impl Provider {
    /// Takes a login into its interaction: as its proof, or as something the phone must confirm.
    pub(super) async fn settle_login(
        &self,
        (version, interaction): (u64, &mut Interaction),
        login: &Login<'_>,
        browser: &BrowserState,
    ) -> Result<(), Fault> {
        // Before the link is looked for: what removes it later ends what begins now.
        let began = self.now();
        let verdict = self.whose(interaction, login).await?;
        let (LinkVerdict::Known(id) | LinkVerdict::FirstLink(id) | LinkVerdict::ProveBothSides(id, _)) =
            verdict
        else {
            return Err(Fault::Refused("no_account", SetbackSentence::NoAccount));
        };
        let person = self.ports.persons.find(id).await?.ok_or(closed("deactivated"))?;
        let now = self.now();
        let has_phone = person.professional().is_some() && self.has_phone(&person, now).await?;
        let links = matches!(verdict, LinkVerdict::ProveBothSides(..));
        // attacks.md A-169: another provider never replaces a professional's phone.
        if links || (has_phone && required_acr(&interaction.request) > Some(Acr::Eidas1)) {
            self.ask_phone(interaction, login, (&person, links), browser).await?;
        } else {
            if !self.ports.links.stands(&login.identity.key, person.id).await? {
                return Err(Fault::Refused("link_removed", SetbackSentence::NoAccount));
            }
            interaction.proof = Some(proof(login, &person, has_phone, began));
            interaction.pending_link = None;
            interaction.step = Step::Identify;
        }
        interaction.upstream = Some(login.session.clone());
        if !self.ports.interactions.advance(version, interaction).await? {
            return Err(TurnError::Gone.into());
        }
        let event = self
            .about(interaction, login.provider, EventKind::UpstreamAnswer, Ok(verdict.reason()), now)
            .with_person(person.id);
        let level = login.identity.acr.map_or("none", Acr::as_str);
        self.ports.audit.append(&event.with_acr(level)).await?;
        Ok(())
    }

    /// Decides, and makes a first link; as often as another login was faster.
    async fn whose(&self, interaction: &Interaction, login: &Login<'_>) -> Result<LinkVerdict, Fault> {
        for _ in 0..TRIES {
            let facts = self.link_facts(login).await?;
            let verdict = decide_link(&login.identity, login.requested, &facts);
            match verdict {
                LinkVerdict::Refused(refusal) => {
                    return Err(Fault::Refused(refusal.as_str(), sentence_of(refusal)));
                }
                LinkVerdict::Known(_) | LinkVerdict::ProveBothSides(..) => return Ok(verdict),
                LinkVerdict::FirstLink(person) => {
                    let now = self.now();
                    let link = Link {
                        id: LinkId::random(&*self.ports.entropy),
                        person,
                        provider: login.provider.id.clone(),
                        key: login.identity.key.clone(),
                        pivot: login.identity.pivot.clone(),
                        linked_at: now,
                        by: LinkedBy::FirstMatch,
                    };
                    let linked = Ok("first_match");
                    let event = self
                        .about(interaction, login.provider, EventKind::UpstreamLinked, linked, now)
                        .with_person(person);
                    let until = now.plus(self.policy.lifetimes.cooling);
                    if self.ports.links.link_first(&link, until, &event).await? == LinkOutcome::Linked {
                        self.announce_link(&link, login.provider, now).await?;
                        return Ok(verdict);
                    }
                }
            }
        }
        Err(Fault::Refused("link_contested", SetbackSentence::AskSupport))
    }

    async fn link_facts(&self, login: &Login<'_>) -> PortResult<LinkFacts> {
        // The accounts first: a link made between the two readings is then seen as the link that it is, and not as
        // one of somebody else on an account of the same traits.
        let found = match &login.identity.pivot {
            Some(pivot) => self.ports.links.candidates(pivot).await?,
            None => Vec::new(),
        };
        if let Some(link) = self.ports.links.find(&login.identity.key).await? {
            let person = self.ports.persons.find(link.person).await?;
            let existing = ExistingLink {
                key: link.key,
                person: link.person,
                pivot: match person.as_ref().map(|person| &person.identity) {
                    Some(Identity::Patient(patient)) => Some(patient.pivot.clone()),
                    Some(Identity::Professional(_)) | None => link.pivot,
                },
                standing: person.map_or(Standing::Deactivated, |person| standing(person.status)),
            };
            return Ok(LinkFacts { existing: Some(existing), candidates: Vec::new() });
        }
        let candidates = found.into_iter().filter_map(|found| {
            Some(Candidate {
                person: found.person.id,
                pivot: pivot_of(&found.person)?,
                standing: standing(found.person.status),
                has_device: found.has_device,
                has_link: found.has_link,
                // Only phones and links begin sessions: who never had one has none.
                has_session: false,
            })
        });
        Ok(LinkFacts { existing: None, candidates: candidates.collect() })
    }

    /// Asks the person's phone, for the link too when `links`.
    async fn ask_phone(
        &self,
        interaction: &mut Interaction,
        login: &Login<'_>,
        (person, links): (&Person, bool),
        browser: &BrowserState,
    ) -> Result<(), Fault> {
        let now = self.now();
        let mut devices = self.ports.devices.list(person.id).await?;
        devices.retain(|device| device.status == DeviceStatus::Active && now < device.valid_until);
        if devices.is_empty() {
            return Err(Fault::Refused("no_phone", SetbackSentence::NoPhone));
        }
        let client = self.client_of(interaction).await?;
        let recipient = self.recipient_of(person);
        let limits = self.places(browser.known.as_ref(), &recipient, now);
        let linking = links.then_some(login.provider.name.as_str());
        let asked = Asked { interaction, client: &client, origin: &browser.origin, linking };
        let opened = self.open_approval(asked, (recipient, limits), Some(person.clone()), now).await?;
        let approval = opened.ok_or(Fault::Refused("too_many_waiting", SetbackSentence::TooMany))?;
        interaction.step = Step::Approve { approval };
        interaction.proof = None;
        interaction.pending_link = links.then(|| PendingLink {
            approval,
            person: person.id,
            provider: login.provider.id.as_str().to_owned(),
            issuer: login.identity.key.issuer().to_owned(),
            subject: login.identity.key.subject().clone(),
            pivot: login.identity.pivot.clone(),
        });
        let event = self
            .succeeded(EventKind::ApprovalOpened, if links { "linking" } else { "phone_expected" }, now)
            .with_client(client.client_id.clone())
            .with_transaction(approval.to_string());
        self.ports.audit.append(&event).await?;
        self.notify(recipient, &devices, now).await?;
        Ok(())
    }

    /// Makes the link that the phone has just approved, once.
    pub(super) async fn complete_link(
        &self,
        interaction: &mut Interaction,
        now: UnixTime,
    ) -> Result<(), PortError> {
        let (Some(pending), Some(proof)) = (&interaction.pending_link, &interaction.proof) else {
            return Ok(());
        };
        let approved = interaction.step == Step::Approve { approval: pending.approval }
            && proof.device.is_some()
            && proof.person == pending.person;
        let providers = self.ports.upstream.providers();
        let provider = providers.into_iter().find(|known| known.id.as_str() == pending.provider);
        let Some(provider) = provider.filter(|_| approved) else { return Ok(()) };
        let link = Link {
            id: LinkId::random(&*self.ports.entropy),
            person: pending.person,
            provider: provider.id.clone(),
            key: UpstreamKey::new(pending.issuer.clone(), pending.subject.clone()),
            pivot: pending.pivot.clone(),
            linked_at: now,
            by: LinkedBy::BothSides,
        };
        let about = |outcome| {
            self.about(interaction, provider, EventKind::UpstreamLinked, outcome, now)
                .with_person(link.person)
        };
        let reason = match self.ports.links.link_proved(&link, &about(Ok("both_sides"))).await? {
            LinkOutcome::Linked => {
                self.announce_link(&link, provider, now).await?;
                None
            }
            // Another tab of this browser, or an answer that was lost on the way: it is done.
            LinkOutcome::Taken => {
                let holder = self.ports.links.find(&link.key).await?.map(|link| link.person);
                (holder != Some(link.person)).then_some("taken")
            }
            LinkOutcome::Refused => Some("person_inactive"),
        };
        if let Some(reason) = reason {
            self.ports.audit.append(&about(Err(reason))).await?;
        }
        interaction.pending_link = None;
        Ok(())
    }

    async fn has_phone(&self, person: &Person, now: UnixTime) -> PortResult<bool> {
        let devices = self.ports.devices.list(person.id).await?;
        Ok(devices.iter().any(|device| device.status == DeviceStatus::Active && now < device.valid_until))
    }

    /// Tells the person of a link, on every known contact. A sender that fails does not undo the link.
    pub(super) async fn announce_link(
        &self,
        link: &Link,
        provider: &UpstreamProvider,
        now: UnixTime,
    ) -> PortResult<()> {
        let person = self.ports.persons.find(link.person).await?;
        let contacts = person.map(|person| person.contacts()).unwrap_or_default();
        let channels = [(Channel::Email, contacts.email), (Channel::Phone, contacts.phone)];
        let content = || Content::NewLink { provider: provider.name.clone(), at: now };
        let sent = self.tell(link.person, channels, content, now).await;
        let event: AuditEvent = match sent {
            Ok(reason) => self.succeeded(EventKind::UpstreamLinkAnnounced, reason, now),
            Err(reason) => self.refused(EventKind::UpstreamLinkAnnounced, reason, now),
        };
        self.ports.audit.append(&event.with_person(link.person).with_actor(provider.id.as_str())).await
    }
}

/// What the login proves here.
fn proof(login: &Login<'_>, person: &Person, phone_expected: bool, now: UnixTime) -> AuthenticationProof {
    // A professional is never linked by traits.
    let vouched_by_phone = person.professional().is_some();
    let upstream = federated_level(login.identity.acr, login.provider.ceiling(), vouched_by_phone);
    let (level, reason) =
        if phone_expected { (upstream.min(Acr::Eidas1), "phone_expected") } else { (upstream, "upstream") };
    AuthenticationProof {
        person: person.id,
        device: None,
        auth_time: now,
        amr: login.identity.amr.clone(),
        terms: AssuranceTerms {
            enrolment: level,
            enrolment_reason: reason.to_owned(),
            authenticator: level,
            authenticator_reason: reason.to_owned(),
            way: Way::Federation,
        },
        auth_mode: AuthMode::Federation,
    }
}

fn pivot_of(person: &Person) -> Option<Pivot> {
    person.patient().map(|patient| patient.pivot.clone())
}

const fn standing(status: PersonStatus) -> Standing {
    match status {
        PersonStatus::Active => Standing::Active,
        PersonStatus::Locked => Standing::Locked,
        PersonStatus::Deactivated => Standing::Deactivated,
    }
}

const fn closed(reason: &'static str) -> Fault {
    Fault::Refused(reason, SetbackSentence::AccountClosed)
}

const fn sentence_of(refusal: LinkRefusal) -> SetbackSentence {
    match refusal {
        LinkRefusal::LevelTooLow => SetbackSentence::LinkTooLow,
        LinkRefusal::NoPivot | LinkRefusal::NoAccount => SetbackSentence::NoAccount,
        LinkRefusal::PivotChanged | LinkRefusal::Ambiguous => SetbackSentence::AskSupport,
        LinkRefusal::Locked | LinkRefusal::Deactivated | LinkRefusal::Excluded | LinkRefusal::Deceased => {
            SetbackSentence::AccountClosed
        }
    }
}
