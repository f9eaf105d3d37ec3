//! For whom a person acts: asked on a page each time, never remembered (RFC 8693 4.1, OpenID Connect Core 3.1.2.6).

use std::collections::HashMap;

use crate::audit::EventKind;
use crate::base::{InteractionId, PersonId, UnixTime};
use crate::identity::{AuthenticationProof, GuardianKind, OnBehalf, Patient, Person};
use crate::interaction::{Acting, Interaction, RepresentationProgress, Step};
use crate::oauth::{Client, ErrorCode, REPRESENTATION};
use crate::oidc::AuthenticationRequest;
use crate::ports::{PortResult, Versioned};

use super::parties::tie;
use super::{BrowserState, FlowError, OfferedPerson, Provider, Screen, TurnError};

/// Whom a person may choose.
struct Offer {
    oneself: bool,
    others: Vec<(Person, GuardianKind)>,
}

impl Provider {
    /// Whether the person of `proof` has to say for whom they act, and whether what they said is true.
    pub(super) async fn representation_progress(
        &self,
        interaction: &Interaction,
        client: &Client,
        proof: Option<&AuthenticationProof>,
        now: UnixTime,
    ) -> Result<RepresentationProgress, FlowError> {
        let Some(proof) = proof else { return Ok(RepresentationProgress::NotNeeded) };
        let Some(actor) = self.ports.persons.find(proof.person).await? else {
            return Ok(RepresentationProgress::NotNeeded);
        };
        if let Some(acting) = interaction.acting(proof.person) {
            let Err(reason) = self.parties(client, (actor, acting.on_behalf_of.as_ref()), now).await? else {
                return Ok(RepresentationProgress::Chosen);
            };
            let represented = acting.on_behalf_of.map(|behalf| behalf.person);
            self.refuse_choice(interaction, (proof.person, represented), reason, now).await?;
            return Ok(RepresentationProgress::Ended);
        }
        if !interaction.request.oauth.scope.contains(REPRESENTATION) {
            return Ok(RepresentationProgress::NotNeeded);
        }
        let offer = self.offer(&interaction.request, client, &actor, now).await?;
        Ok(match (offer.others.is_empty(), offer.oneself) {
            (false, _) => RepresentationProgress::Missing,
            // The page was shown: nobody goes on as themself without saying so.
            (true, true) if interaction.step == (Step::Represent { person: actor.id }) => {
                RepresentationProgress::Missing
            }
            (true, true) => RepresentationProgress::NotNeeded,
            // The hint names somebody for whom the person may not act any more.
            (true, false) => RepresentationProgress::Ended,
        })
    }

    /// The person said for whom they act: `self`, or the identifier of somebody offered.
    pub async fn represent(
        &self,
        id: InteractionId,
        browser: &BrowserState,
        (who, csrf): (&str, &str),
    ) -> Result<(), TurnError> {
        let now = self.now();
        let Versioned { version, value: mut interaction } =
            self.form_interaction(id, browser, csrf, now).await?;
        let Step::Represent { person } = interaction.step else { return Err(TurnError::Gone) };
        let session = self.current_session(browser.session.as_ref(), now).await?;
        let proof = interaction.proof.clone().or_else(|| session.map(|session| session.proof));
        // Somebody else signed in since: what follows asks again.
        if proof.is_none_or(|proof| proof.person != person) {
            return Ok(());
        }
        let client = self.client_of(&interaction).await?;
        let Some(actor) = self.ports.persons.find(person).await? else { return Err(TurnError::Gone) };
        let on_behalf_of = match self.judge_choice(&interaction.request, (&client, &actor), who, now).await? {
            Ok(on_behalf_of) => on_behalf_of,
            Err((reason, named)) => {
                self.refuse_choice(&interaction, (person, named), reason, now).await?;
                return Err(
                    FlowError::protocol(ErrorCode::AccessDenied, "you may not act for this person").into()
                );
            }
        };
        interaction.acting = Some(Acting { person, on_behalf_of });
        // A consent is for one choice.
        interaction.consented = None;
        interaction.consented_at = None;
        if !self.ports.interactions.advance(version, &interaction).await? {
            return Err(TurnError::Gone);
        }
        let chosen = on_behalf_of.map_or("oneself", |behalf| behalf.kind.as_str());
        let event = self
            .succeeded(EventKind::Representation, chosen, now)
            .with_person(person)
            .with_on_behalf_of(on_behalf_of.map(|behalf| behalf.person))
            .with_client(client.client_id.clone())
            .with_transaction(id.to_string());
        Ok(self.ports.audit.append(&event).await?)
    }

    pub(super) async fn represent_screen(
        &self,
        interaction: &Interaction,
        client: &Client,
        proof: &AuthenticationProof,
        now: UnixTime,
    ) -> Result<Screen, TurnError> {
        let Some(actor) = self.ports.persons.find(proof.person).await? else { return Err(TurnError::Gone) };
        let offer = self.offer(&interaction.request, client, &actor, now).await?;
        Ok(Screen::Represent {
            service: client.name.clone(),
            identity: actor.spoken_name(),
            oneself: offer.oneself,
            others: labelled(
                offer.others.iter().filter_map(|(person, _)| Some((person.id, person.patient()?))),
            ),
        })
    }

    /// What `who` means, judged at this instant; else the machine reason, and who was named.
    async fn judge_choice(
        &self,
        request: &AuthenticationRequest,
        (client, actor): (&Client, &Person),
        who: &str,
        now: UnixTime,
    ) -> Result<Result<Option<OnBehalf>, (&'static str, Option<PersonId>)>, FlowError> {
        let offer = self.offer(request, client, actor, now).await?;
        if who == ONESELF {
            return Ok(if offer.oneself { Ok(None) } else { Err(("not_offered", None)) });
        }
        let Ok(id) = who.parse::<PersonId>() else { return Ok(Err(("malformed", None))) };
        if let Some((person, kind)) = offer.others.iter().find(|(person, _)| person.id == id) {
            return Ok(Ok(Some(OnBehalf { person: person.id, kind: *kind, since: now })));
        }
        let Some(person) = self.ports.persons.find(id).await? else { return Ok(Err(("not_found", None))) };
        Ok(Err((tie(actor, &person, now).err().unwrap_or("not_offered"), Some(id))))
    }

    /// Whom `actor` may choose now. An `id_token_hint` names whom the answer must be about (OpenID Connect Core 3.1.2.2).
    async fn offer(
        &self,
        request: &AuthenticationRequest,
        client: &Client,
        actor: &Person,
        now: UnixTime,
    ) -> Result<Offer, FlowError> {
        let hinted = request.id_token_hint.as_ref().and_then(|hint| self.hinted_subject(hint, client));
        let fits = |person: &Person| {
            hinted.as_ref().is_none_or(|hinted| self.subject_for(client, person) == hinted.sub)
        };
        let mut others = Vec::new();
        if let Some(patient) = actor.patient() {
            for person in self.ports.patients.represented_by(&patient.reference).await? {
                if let Ok(kind) = tie(actor, &person, now)
                    && fits(&person)
                {
                    others.push((person, kind));
                }
            }
        }
        Ok(Offer { oneself: fits(actor), others })
    }

    async fn refuse_choice(
        &self,
        interaction: &Interaction,
        (person, named): (PersonId, Option<PersonId>),
        reason: &'static str,
        now: UnixTime,
    ) -> PortResult<()> {
        let event = self
            .refused(EventKind::Representation, reason, now)
            .with_person(person)
            .with_on_behalf_of(named)
            .with_client(interaction.request.oauth.client_id.clone())
            .with_transaction(interaction.id.to_string());
        self.ports.audit.append(&event).await
    }
}

/// First name and year of birth; the whole name where two would read alike.
fn labelled<'a>(others: impl Iterator<Item = (PersonId, &'a Patient)> + Clone) -> Vec<OfferedPerson> {
    let mut alike: HashMap<(&str, i16), u8> = HashMap::new();
    for (_, patient) in others.clone() {
        let count = alike.entry(short(patient)).or_default();
        *count = count.saturating_add(1);
    }
    let offered = others.map(|(id, patient)| {
        let (name, birth_year) = short(patient);
        let alone = alike.get(&(name, birth_year)).is_none_or(|count| *count < 2);
        let name = if alone { name.to_owned() } else { patient.spoken_name() };
        OfferedPerson { id, name, birth_year }
    });
    offered.collect()
}

fn short(patient: &Patient) -> (&str, i16) {
    let traits = patient.pivot.expose();
    let first = traits.given_names.first().map_or("", String::as_str);
    (patient.used_given_name.as_deref().unwrap_or(first), traits.birth_date.year())
}

/// The value by which a person chooses themself.
const ONESELF: &str = "self";
