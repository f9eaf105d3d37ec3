//! Who acts and for whom (RFC 8693 4.1): true again at each use of what was granted on behalf of another.
//!
//! Who may act for whom is decided in `identity::representation`; the standing of both accounts is added here.

use serde_json::{Map, Value};

use crate::audit::EventKind;
use crate::base::UnixTime;
use crate::identity::{
    GuardianKind, OnBehalf, Person, PersonStatus, RepresentationRefusal, may_represent, on_behalf_claims,
};
use crate::oauth::Client;
use crate::ports::{Grant, PortResult};

use super::grant_code::invalid_grant;
use super::hub::as_told;
use super::{FlowError, Provider};

/// Whom tokens are about, and who acts.
pub(super) struct Parties {
    /// Who authenticated.
    pub(super) actor: Person,
    represented: Option<(Person, GuardianKind)>,
}

impl Parties {
    /// Whom the tokens are about.
    pub(super) fn about(&self) -> &Person {
        self.represented.as_ref().map_or(&self.actor, |(person, _)| person)
    }

    /// `claims` without a contact that is the actor's own: it is never told as that of the one acted for.
    pub(super) fn discreet(&self, mut claims: Map<String, Value>) -> Map<String, Value> {
        let own = self.actor.contacts().email;
        let told = claims.get("email").and_then(Value::as_str);
        let same = told.zip(own).is_some_and(|(told, own)| told.eq_ignore_ascii_case(&own));
        if self.represented.is_some() && same {
            claims.remove("email");
        }
        claims
    }
}

impl Provider {
    /// Who acts and for whom, when that is true at `now`; else the machine reason.
    pub(super) async fn parties(
        &self,
        client: &Client,
        (actor, on_behalf_of): (Person, Option<&OnBehalf>),
        now: UnixTime,
    ) -> PortResult<Result<Parties, &'static str>> {
        let actor = as_told(client, actor);
        let Some(behalf) = on_behalf_of else { return Ok(Ok(Parties { actor, represented: None })) };
        if !client.may_ask_representation() {
            return Ok(Err("client_not_permitted"));
        }
        let Some(person) = self.ports.persons.find(behalf.person).await? else { return Ok(Err("not_found")) };
        Ok(match tie(&actor, &person, now) {
            Ok(kind) if kind == behalf.kind => Ok(Parties { actor, represented: Some((person, kind)) }),
            // What was agreed to was another quality.
            Ok(_) => Err("another_quality"),
            Err(reason) => Err(reason),
        })
    }

    /// The same for a grant whose tokens are asked for; a refusal is recorded with both names.
    pub(super) async fn parties_of(
        &self,
        client: &Client,
        grant: &Grant,
        now: UnixTime,
    ) -> Result<Parties, FlowError> {
        let actor = self.ports.persons.find(grant.person).await?.ok_or_else(invalid_grant)?;
        match self.parties(client, (actor, grant.on_behalf_of.as_ref()), now).await? {
            Ok(parties) => Ok(parties),
            Err(reason) => {
                let event = self
                    .refused(EventKind::Representation, reason, now)
                    .with_person(grant.person)
                    .with_on_behalf_of(grant.on_behalf_of.map(|behalf| behalf.person))
                    .with_client(client.client_id.clone())
                    .with_transaction(grant.id.to_string());
                self.ports.audit.append(&event).await?;
                Err(invalid_grant())
            }
        }
    }

    /// The claims that say who acts; none when the person acts for themself.
    pub(super) fn acting_claims(&self, client: &Client, parties: &Parties) -> Map<String, Value> {
        let Some((_, kind)) = &parties.represented else { return Map::new() };
        on_behalf_claims(&self.subject_for(client, &parties.actor), *kind)
    }
}

/// In which quality `actor` may act for `person` at `now`, both being in good standing; else the machine reason.
pub(super) fn tie(actor: &Person, person: &Person, now: UnixTime) -> Result<GuardianKind, &'static str> {
    if actor.status != PersonStatus::Active {
        return Err("person_inactive");
    }
    if person.status != PersonStatus::Active {
        return Err("represented_inactive");
    }
    let (Some(guardian), Some(patient)) = (actor.patient(), person.patient()) else {
        return Err("no_patient");
    };
    may_represent(guardian, patient, now).map_err(RepresentationRefusal::as_str)
}
