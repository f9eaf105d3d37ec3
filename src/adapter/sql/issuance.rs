//! The durable gate: fence, standing, grant, family, issuance record and audit in one transaction.

use async_trait::async_trait;
use uuid::Uuid;

use super::fence;
use super::gate::Passing;
use super::group_commit::GroupCommit;
use super::kept::Kept;
use super::revocation::end_grant;
use super::rivals::insisting;
use super::row::{corrupt, stored};
use super::standing::{consent_withdrawn, hold_artefact, hold_session, refusal};
use super::statements::{
    FAMILY_ALIVE, FAMILY_ALIVE_LOCKED, FAMILY_GRANT, FAMILY_INSERT, FAMILY_ROTATE, FENCE_FIRST_GRANT,
    FENCE_REPLAYED, GRANT_ALIVE, GRANT_ALIVE_LOCKED, GRANT_DEVICE, GRANT_INSERT, ISSUANCE_INSERT,
    SESSION_SHARE,
};
use super::store::Store;
use super::write::Write;
use crate::audit::AuditEvent;
use crate::base::{ClientId, DeviceId, FamilyId, GrantId, TokenHash};
use crate::ports::{
    Fence, FenceKind, Grant, Issuance, IssuanceRecord, IssueOutcome, IssuePlan, KeepPlan, NewFamily,
    PortError, PortResult, RefusedBy, RotateOutcome, RotatePlan,
};

pub(super) struct SqlIssuance {
    pub(super) store: Store,
    pub(super) groups: GroupCommit,
}

#[async_trait]
impl Issuance for SqlIssuance {
    async fn issue(
        &self,
        plan: &IssuePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<IssueOutcome> {
        if self.store.db.is_shared() {
            let passing = Passing::issue(plan, self.store.seal_grant(&plan.grant)?);
            if self.groups.pass(passing, granted).await? {
                return Ok(IssueOutcome::Issued);
            }
        }
        let mut write = self.store.write().await?;
        hold_artefact(&mut write, &plan.fence.hash).await?;
        if !fence::burn(&mut write, &plan.fence, Some(plan.grant.id)).await? {
            let first = first_grant(&mut write, &plan.fence).await?;
            write.refuse(refused, fence::replayed_reason(plan.fence.kind)).await?;
            return Ok(IssueOutcome::Replayed(first));
        }
        hold_session(&mut write, plan.grant.sid, SESSION_SHARE).await?;
        let by = match refusal(&mut write, &plan.grant).await? {
            None if consent_withdrawn(&mut write, plan).await? => Some(RefusedBy::Consent),
            by => by,
        };
        if let Some(by) = by {
            // Only the fence has been written: it stays burnt.
            write.commit_saying(refused, by.as_str()).await?;
            return Ok(IssueOutcome::Refused(by));
        }
        self.insert_grant(&mut write, &plan.grant).await?;
        if let Some(family) = &plan.family {
            insert_family(&mut write, plan.grant.id, family).await?;
        }
        record(&mut write, &plan.record, &plan.grant, plan.family.as_ref().map(|family| family.id)).await?;
        let again = fence::presented_before(&mut write, &plan.fence, &plan.grant.client).await?;
        if again {
            end_grant(&mut write, plan.grant.id, granted.at).await?;
        }
        write.commit(granted).await?;
        Ok(if again { IssueOutcome::IssuedAndEnded } else { IssueOutcome::Issued })
    }

    async fn replayed(
        &self,
        kind: FenceKind,
        hash: &TokenHash,
        client: &ClientId,
        event: &AuditEvent,
    ) -> PortResult<Option<GrantId>> {
        insisting(|| self.try_replayed(kind, hash, client, event)).await
    }

    async fn rotate(
        &self,
        plan: &RotatePlan,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        let passing = || Ok::<_, PortError>(Passing::rotate(plan, stored(plan.generation)?));
        if self.store.db.is_shared() && self.groups.pass(passing()?, granted).await? {
            return Ok(RotateOutcome::Rotated);
        }
        let mut write = self.store.write().await?;
        if let Some(by) = family_refusal(&mut write, &plan.grant, plan.family).await? {
            write.commit_saying(refused, by.as_str()).await?;
            return Ok(RotateOutcome::Refused(by));
        }
        if !advance(&mut write, plan).await? {
            return Ok(RotateOutcome::Overtaken);
        }
        record(&mut write, &plan.record, &plan.grant, Some(plan.family)).await?;
        write.commit(granted).await?;
        Ok(RotateOutcome::Rotated)
    }

    async fn keep(&self, plan: KeepPlan, granted: &AuditEvent, refused: AuditEvent) -> PortResult<bool> {
        self.groups.keep(Kept::new(plan, refused), granted).await
    }

    async fn repeat(
        &self,
        grant: &Grant,
        family: Option<FamilyId>,
        issuance: &IssuanceRecord,
        granted: &AuditEvent,
        refused: &AuditEvent,
    ) -> PortResult<RotateOutcome> {
        let mut write = self.store.write().await?;
        let refusal = match family {
            Some(family) => family_refusal(&mut write, grant, family).await?,
            None => grant_refusal(&mut write, grant).await?,
        };
        if let Some(by) = refusal {
            write.commit_saying(refused, by.as_str()).await?;
            return Ok(RotateOutcome::Refused(by));
        }
        record(&mut write, issuance, grant, family).await?;
        write.commit(granted).await?;
        Ok(RotateOutcome::Rotated)
    }

    async fn end_family(&self, family: FamilyId, event: &AuditEvent) -> PortResult<()> {
        insisting(|| self.try_end_family(family, event)).await
    }

    async fn device_of(&self, grant: GrantId) -> PortResult<Option<DeviceId>> {
        let device: Option<Option<Uuid>> = on!(self.store.db.reader(), |c| sqlx::query_scalar(GRANT_DEVICE)
            .bind(grant.uuid())
            .fetch_optional(c))?;
        Ok(device.flatten().map(DeviceId::from_uuid))
    }
}

impl SqlIssuance {
    async fn try_end_family(&self, family: FamilyId, event: &AuditEvent) -> PortResult<()> {
        let mut write = self.store.write().await?;
        let grant: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(FAMILY_GRANT)
            .bind(family.uuid())
            .fetch_optional(c))?;
        if let Some(grant) = grant {
            end_grant(&mut write, GrantId::from_uuid(grant), event.at).await?;
        }
        write.commit(event).await
    }

    async fn try_replayed(
        &self,
        kind: FenceKind,
        hash: &TokenHash,
        client: &ClientId,
        event: &AuditEvent,
    ) -> PortResult<Option<GrantId>> {
        let mut write = self.store.write().await?;
        hold_artefact(&mut write, hash).await?;
        let used: Option<(Option<Uuid>, Option<String>)> =
            on!(write.connection(), |c| sqlx::query_as(FENCE_REPLAYED)
                .bind(kind.as_str())
                .bind(hash.as_bytes().as_slice())
                .fetch_optional(c))?;
        let Some((grant, owner)) = used else {
            // Its first use may be on its way here: it will find that there was a second one.
            fence::note_presented(&mut write, kind, hash, client).await?;
            write.commit_saying(event, fence::unknown_reason(kind)).await?;
            return Ok(None);
        };
        // Another client that presents the artefact ends nothing: that would be a lever.
        let own = grant.filter(|_| owner.as_deref() == Some(client.as_str())).map(GrantId::from_uuid);
        if let Some(grant) = own {
            end_grant(&mut write, grant, event.at).await?;
        }
        write.commit_saying(event, fence::replayed_reason(kind)).await?;
        Ok(own)
    }

    async fn insert_grant(&self, write: &mut Write<'_>, grant: &Grant) -> PortResult<()> {
        on!(write.connection(), |c| sqlx::query_as::<_, ()>(GRANT_INSERT)
            .bind(grant.id.uuid())
            .bind(grant.person.uuid())
            .bind(grant.client.as_str())
            .bind(grant.sid.uuid())
            .bind(grant.proof.device.map(DeviceId::uuid))
            .bind(grant.created.millis())
            .bind(self.store.seal_grant(grant)?)
            .bind(grant.on_behalf_of.map(|behalf| behalf.person.uuid()))
            .fetch_optional(c))?;
        Ok(())
    }
}

async fn first_grant(write: &mut Write<'_>, fence: &Fence) -> PortResult<GrantId> {
    let grant: Option<Option<Uuid>> = on!(write.connection(), |c| sqlx::query_scalar(FENCE_FIRST_GRANT)
        .bind(fence.kind.as_str())
        .bind(fence.hash.as_bytes().as_slice())
        .fetch_optional(c))?;
    // Purged since the insert met it.
    let grant = grant.ok_or(PortError::Conflict)?;
    grant.map(GrantId::from_uuid).ok_or_else(|| corrupt("a fence of the gate names no grant"))
}

async fn insert_family(write: &mut Write<'_>, grant: GrantId, family: &NewFamily) -> PortResult<()> {
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(FAMILY_INSERT)
        .bind(family.id.uuid())
        .bind(grant.uuid())
        .bind(family.current.as_bytes().as_slice())
        .bind(family.current_sealed.as_slice())
        .bind(family.jkt.as_ref().map(|jkt| jkt.as_bytes().as_slice()))
        .bind(family.absolute_expiry.millis())
        .bind(family.idle_expiry.millis())
        .fetch_optional(c))?;
    Ok(())
}

async fn grant_refusal(write: &mut Write<'_>, grant: &Grant) -> PortResult<Option<RefusedBy>> {
    if let Some(by) = refusal(write, grant).await? {
        return Ok(Some(by));
    }
    let text = write.text(GRANT_ALIVE, GRANT_ALIVE_LOCKED);
    let alive: Option<Uuid> =
        on!(write.connection(), |c| sqlx::query_scalar(text).bind(grant.id.uuid()).fetch_optional(c))?;
    Ok(if alive.is_some() { None } else { Some(RefusedBy::Grant) })
}

async fn family_refusal(
    write: &mut Write<'_>,
    grant: &Grant,
    family: FamilyId,
) -> PortResult<Option<RefusedBy>> {
    if let Some(by) = refusal(write, grant).await? {
        return Ok(Some(by));
    }
    let text = write.text(FAMILY_ALIVE, FAMILY_ALIVE_LOCKED);
    let alive: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(text)
        .bind(family.uuid())
        .bind(grant.id.uuid())
        .fetch_optional(c))?;
    Ok(if alive.is_some() { None } else { Some(RefusedBy::Grant) })
}

/// The guarded update: false when the family is no longer as it was read.
async fn advance(write: &mut Write<'_>, plan: &RotatePlan) -> PortResult<bool> {
    let (family, generation) = (plan.family.uuid(), stored(plan.generation)?);
    let (presented, idle_expiry) = (plan.presented.as_bytes().as_slice(), plan.idle_expiry.millis());
    let (next, sealed) = &plan.next;
    let row: Option<Uuid> = on!(write.connection(), |c| sqlx::query_scalar(FAMILY_ROTATE)
        .bind(family)
        .bind(generation)
        .bind(presented)
        .bind(next.as_bytes().as_slice())
        .bind(sealed.as_slice())
        .bind(idle_expiry)
        .fetch_optional(c))?;
    Ok(row.is_some())
}

async fn record(
    write: &mut Write<'_>,
    issuance: &IssuanceRecord,
    grant: &Grant,
    family: Option<FamilyId>,
) -> PortResult<()> {
    on!(write.connection(), |c| sqlx::query_as::<_, ()>(ISSUANCE_INSERT)
        .bind(issuance.jti.as_str())
        .bind(issuance.kid.as_str())
        .bind(issuance.at.millis())
        .bind(grant.client.as_str())
        .bind(grant.person.uuid())
        .bind(grant.sid.uuid())
        .bind(grant.id.uuid())
        .bind(family.map(FamilyId::uuid))
        .bind(issuance.kept_until.millis())
        .fetch_optional(c))?;
    Ok(())
}
