//! [`OneShot`]: a value is one string, given to one caller by GETDEL.

use async_trait::async_trait;

use super::RedisStore;
use crate::adapter::ephemeral::{Place, activation_head, pushed_head};
use crate::adapter::sealed_value::{Head, SealedValue};
use crate::base::{ApprovalId, DeviceId, EnrolmentId, InteractionId, PersonId, TokenHash, UnixTime};
use crate::device::{ActivationCodes, PendingEnrolment};
use crate::federation::FederationTicket;
use crate::ports::{Ceremony, CodePayload, EnrolmentTicket, OneShot, PortError, PortResult, PushedRequest};

#[async_trait]
impl OneShot for RedisStore {
    async fn put_code(&self, code: &TokenHash, payload: &CodePayload) -> PortResult<()> {
        self.put_whole(&Place::code(code), Head::whole(payload.deadline), payload).await
    }

    async fn take_code(&self, code: &TokenHash, now: UnixTime) -> PortResult<Option<CodePayload>> {
        self.take_whole(&Place::code(code), now).await
    }

    async fn put_pushed(&self, uri: &TokenHash, request: &PushedRequest) -> PortResult<()> {
        self.put_whole(&Place::pushed(uri), pushed_head(request), request).await
    }

    async fn load_pushed(&self, uri: &TokenHash, now: UnixTime) -> PortResult<Option<PushedRequest>> {
        let stored = self.load_whole::<PushedRequest>(&Place::pushed(uri), now).await?;
        Ok(stored.filter(|request| now < request.deadline && request.finished_by.is_none()))
    }

    async fn finish_pushed(&self, uri: &TokenHash, by: InteractionId, now: UnixTime) -> PortResult<bool> {
        let place = Place::pushed(uri);
        let Some(read) = self.read_whole(&place).await? else { return Ok(false) };
        let current = SealedValue::from_bytes(&read)?;
        if current.head.is_dead(now) {
            return Ok(false);
        }
        let request: PushedRequest = self.seal.open_shared(&place, &current).await?;
        if let Some(finished_by) = request.finished_by {
            return Ok(finished_by == by);
        }
        let finished = PushedRequest { finished_by: Some(by), ..request };
        // It changes once: who was faster has finished it, unless that was this interaction's own other tab, which
        // then has the answer.
        self.exchange_whole(&place, read, pushed_head(&finished), &finished).await
    }

    async fn put_ceremony(&self, ceremony: &Ceremony) -> PortResult<()> {
        let place = Place::ceremony(ceremony.approval, ceremony.device);
        self.put_whole(&place, Head::whole(ceremony.deadline), ceremony).await
    }

    async fn take_ceremony(
        &self,
        approval: ApprovalId,
        device: DeviceId,
        now: UnixTime,
    ) -> PortResult<Option<Ceremony>> {
        self.take_whole(&Place::ceremony(approval, device), now).await
    }

    async fn put_enrolment(&self, enrolment: &PendingEnrolment) -> PortResult<()> {
        self.put_whole(&Place::enrolment(enrolment.id), Head::whole(enrolment.deadline), enrolment).await
    }

    async fn take_enrolment(&self, id: EnrolmentId, now: UnixTime) -> PortResult<Option<PendingEnrolment>> {
        self.take_whole(&Place::enrolment(id), now).await
    }

    async fn put_enrolment_ticket(&self, hash: &TokenHash, ticket: &EnrolmentTicket) -> PortResult<()> {
        self.put_whole(&Place::enrolment_ticket(hash), Head::whole(ticket.deadline), ticket).await
    }

    async fn take_enrolment_ticket(
        &self,
        hash: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<EnrolmentTicket>> {
        self.take_whole(&Place::enrolment_ticket(hash), now).await
    }

    async fn put_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        self.put_whole(&Place::activation(codes.person), activation_head(codes), codes).await
    }

    async fn put_back_activation(&self, codes: &ActivationCodes) -> PortResult<()> {
        match self.insert_whole(&Place::activation(codes.person), activation_head(codes), codes).await {
            Err(PortError::Conflict) => Ok(()),
            kept => kept,
        }
    }

    async fn take_activation(&self, person: PersonId, now: UnixTime) -> PortResult<Option<ActivationCodes>> {
        self.take_whole(&Place::activation(person), now).await
    }

    async fn put_federation(&self, state: &TokenHash, ticket: &FederationTicket) -> PortResult<()> {
        self.put_whole(&Place::federation(state), Head::whole(ticket.deadline), ticket).await
    }

    async fn take_federation(
        &self,
        state: &TokenHash,
        now: UnixTime,
    ) -> PortResult<Option<FederationTicket>> {
        self.take_whole(&Place::federation(state), now).await
    }
}
