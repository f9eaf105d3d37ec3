//! Browser sessions: begun by an authentication, named by a cookie that changes at each one.

use crate::audit::EventKind;
use crate::base::{ClientId, EntropyExt, Secret, Sid, TokenHash, UnixTime};
use crate::identity::{AuthenticationProof, UpstreamSession};
use crate::interaction::Interaction;
use crate::ports::{Cutoff, CutoffScope, PortResult, Session};

use super::{Provider, Subject};

/// A session begun: its cookie is the only thing that opens it.
pub struct StartedSession {
    /// Cookie value, 256 random bits.
    pub cookie: Secret,
    /// The session.
    pub session: Session,
}

impl Provider {
    /// The session behind a cookie, when it is in time and nothing it depends on was revoked. Its idle end moves.
    pub(crate) async fn current_session(
        &self,
        cookie: Option<&Secret>,
        now: UnixTime,
    ) -> PortResult<Option<Session>> {
        let Some(cookie) = cookie else { return Ok(None) };
        let hash = TokenHash::of(cookie.expose());
        let Some(session) = self.ports.sessions.load(&hash, now).await? else { return Ok(None) };
        let stands = self.proof_stands(&session.proof, Some(session.sid), now).await?;
        // A clock that went back would make it live longer (`security.md` 4.4, C).
        let begun = now.plus(self.policy.lifetimes.skew) >= session.created;
        if !stands || !begun {
            self.ports.sessions.remove(&hash).await?;
            return Ok(None);
        }
        self.ports.sessions.touch(&hash, now.plus(self.policy.lifetimes.session_idle), now).await?;
        Ok(Some(session))
    }

    /// Whether nothing that an authentication depends on was revoked since.
    pub(super) async fn proof_stands(
        &self,
        proof: &AuthenticationProof,
        sid: Option<Sid>,
        now: UnixTime,
    ) -> PortResult<bool> {
        let subject = Subject { person: Some(proof.person), device: proof.device, sid, ..Subject::default() };
        let verdict = self.cutoffs.check(&*self.ports.revocation, subject, proof.auth_time, now).await?;
        Ok(verdict.is_ok())
    }

    /// Forgets an authentication whose person or phone was revoked before the interaction ended.
    pub(crate) async fn drop_cut_proof(
        &self,
        interaction: &mut Interaction,
        now: UnixTime,
    ) -> PortResult<()> {
        if let Some(proof) = &interaction.proof
            && !self.proof_stands(proof, None, now).await?
        {
            interaction.proof = None;
        }
        Ok(())
    }

    /// Begins a session on a fresh proof. The cookie is new (no fixation); the same person keeps the `sid`, another
    /// person's session in this browser ends. Whoever gives the cookie audits it and forgets the old session.
    pub(crate) async fn start_session(
        &self,
        old: Option<&Session>,
        (proof, upstream, client): (&AuthenticationProof, Option<&UpstreamSession>, &ClientId),
        now: UnixTime,
    ) -> PortResult<StartedSession> {
        let mut sid = Sid::random(&*self.ports.entropy);
        if let Some(session) = old {
            if session.person == proof.person {
                sid = session.sid;
            } else {
                self.end_session(session, now).await?;
            }
        }
        let cookie = self.ports.entropy.token();
        let session = Session {
            sid,
            person: proof.person,
            proof: proof.clone(),
            upstream: upstream.cloned(),
            begun_for: Some(client.clone()),
            created: now,
            absolute_end: now.plus(self.policy.lifetimes.session),
            idle_end: now.plus(self.policy.lifetimes.session_idle),
        };
        self.ports.sessions.insert(&TokenHash::of(cookie.expose()), &session).await?;
        Ok(StartedSession { cookie, session })
    }

    async fn end_session(&self, session: &Session, now: UnixTime) -> PortResult<()> {
        let cutoff = Cutoff { scope: CutoffScope::Session(session.sid), at: now };
        let event =
            self.succeeded(EventKind::SessionEnded, "another_person", now).with_person(session.person);
        self.ports.revocation.revoke(&cutoff, &event).await?;
        self.cutoffs.note(&cutoff);
        Ok(())
    }
}
