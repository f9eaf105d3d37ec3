//! [`OneShot`]: a value is removed under the lock of its key, so that one caller gets it.

use async_trait::async_trait;

use super::InProcess;
use super::shards::Change;
use crate::adapter::ephemeral::{Place, activation_head, pushed_head};
use crate::adapter::sealed_value::Head;
use crate::base::{ApprovalId, DeviceId, EnrolmentId, InteractionId, PersonId, TokenHash, UnixTime};
use crate::device::{ActivationCodes, PendingEnrolment};
use crate::federation::FederationTicket;
use crate::ports::{Ceremony, CodePayload, EnrolmentTicket, OneShot, PortError, PortResult, PushedRequest};

#[async_trait]
impl OneShot for InProcess {
    async fn put_code(&self, code: &TokenHash, payload: &CodePayload) -> PortResult<()> {
        self.put_value(&Place::code(code), Head::whole(payload.deadline), payload)
    }

    async fn take_code(&self, code: &TokenHash, now: UnixTime) -> PortResult<Option<CodePayload>> {
        self.take_value(&Place::code(code), now)
    }

    async fn put_pushed(&self, uri: &TokenHash, request: &PushedRequest) -> PortResult<()> {
        self.put_value(&Place::pushed(uri), pushed_head(request), request)
    }

    async fn load_pushed(&self, uri: &TokenHash, now: UnixTime) -> PortResult<Option<PushedRequest>> {
        let stored = self.load_value::<PushedRequest>(&Place::pushed(uri), now)?;
        let open = |request: &PushedRequest| now < request.deadline && request.finished_by.is_none();
        Ok(stored.map(|stored| stored.value).filter(open))
    }

    async fn finish_pushed(&self, uri: &TokenHash, by: InteractionId, now: UnixTime) -> PortResult<bool> {
        let place = Place::pushed(uri);
        self.values.decide(&place, now, |current| {
            let Some(current) = current else { return Ok((Change::Keep, false)) };
            let request: PushedRequest = self.seal.open(&place, current)?;
            if let Some(finished_by) = request.finished_by {
                return Ok((Change::Keep, finished_by == by));
            }
            let finished = PushedRequest { finished_by: Some(by), ..request };
            Ok((Change::Put(self.seal.seal(&place, pushed_head(&finished), &finished)?), true))
        })
    }

    async fn put_ceremony(&self, ceremony: &Ceremony) -> PortResult<()> {
        let place = Place::ceremony(ceremony.approval, ceremony.device);
        self.put_value(&place, Head::whole(ceremony.deadline), ceremony)
    }

    async fn take_ceremony(
        &self,
        approval: ApprovalId,
        device: DeviceId,
        now: UnixTime,
    ) -> PortResult<Option<Ceremony>> {
        self.take_value(&Place::ceremony(approval, device), now)
    }

    async fn put_enrolment(&self, enrolment: &PendingEnrolment) -> PortResult<()> {
        self.put_value(&Place::enrolment(enrolment.id), Head::whole(enrolment.deadline), enrolment)
    }

    async fn take_enrolment(&self, id: EnrolmentId, now: UnixTime) -> PortResult<Option<PendingEnrolment>> {
        self.take_value(&Place::enrolment(id), now)
    }

    async fn put_enrolment_ticket(&self, hash: &TokenHash, ticket: &EnrolmentTicket) -> PortResult<()> {
        self.put_value(&Place::enrolment_ticket(hash), Head::whole(ticket.deadline), ticket)
    }

    async fn take_enrolment_ticket(
        &self,
        hash: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<EnrolmentTicket>> {
        self.take_value(&Place::enrolment_ticket(hash), now)
    }

    async fn put_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        self.put_value(&Place::activation(codes.person), activation_head(codes), codes)
    }

    async fn put_back_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        match self.insert_value(&Place::activation(codes.person), activation_head(codes), codes) {
            Err(PortError::Conflict) => Ok(()),
            kept => kept,
        }
    }

    async fn take_activation(&self, person: PersonId, now: UnixTime) -> PortResult<Option<ActivationCodes>> {
        self.take_value(&Place::activation(person), now)
    }

    async fn put_federation(&self, state: &TokenHash, ticket: &FederationTicket) -> PortResult<()> {
        self.put_value(&Place::federation(state), Head::whole(ticket.deadline), ticket)
    }

    async fn take_federation(
        &self,
        state: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<FederationTicket>> {
        self.take_value(&Place::federation(state), now)
    }
}
