//! Signing out at the provider that signed the person in (RP-Initiated Logout 2, 3), and back from there.

use crate::audit::EventKind;
use crate::base::{Secret, TokenHash, UnixTime};
use crate::federation::{FederationTicket, Purpose, UpstreamProvider};
use crate::identity::{AuthMode, UpstreamSession};
use crate::oauth::RawParams;
use crate::oidc::LogoutReturn;
use crate::ports::{PortError, PortResult, Session, UpstreamError, UpstreamLogout};

use super::federate::hex_secret;
use super::{AccountVisit, Origin, Provider, TurnError};

/// Another provider, where the browser is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedInThere {
    /// Its name for persons.
    pub name: String,
    /// Where the browser goes, for the page's form targets.
    pub origin: String,
}

impl Provider {
    /// The way back of a logout, by way of the provider where the session began. One that does not answer is left out:
    /// the logout here is done.
    pub(super) async fn by_way_of_upstream(
        &self,
        session: Option<&Session>,
        way_back: LogoutReturn,
        now: UnixTime,
    ) -> PortResult<LogoutReturn> {
        let upstream = session.and_then(|session| session.upstream.as_ref());
        let Some((upstream, provider)) = upstream.zip(self.provider_of(upstream)) else {
            return Ok(way_back);
        };
        let state = hex_secret(&*self.ports.entropy);
        let logout = UpstreamLogout {
            provider: provider.id.clone(),
            id_token_hint: upstream.id_token_hint.clone(),
            state: state.clone(),
            post_logout_redirect_uri: self.federation_address(provider, "logged_out"),
        };
        let (next, outcome) = match self.ports.upstream.logout_url(&logout).await {
            Ok(Some(url)) => {
                self.keep_way_back(&state, provider, &way_back, now).await?;
                (LogoutReturn::Redirect(url.into()), Ok("sent"))
            }
            Ok(None) => (way_back, Err("no_such_place")),
            Err(UpstreamError::Unavailable(outage)) => (way_back, Err(outage.as_str())),
            Err(UpstreamError::Refused(refusal)) => (way_back, Err(refusal.as_str())),
        };
        let event = match outcome {
            Ok(reason) => self.succeeded(EventKind::UpstreamLogout, reason, now),
            Err(reason) => self.refused(EventKind::UpstreamLogout, reason, now),
        };
        let event = session.map_or(event.clone(), |session| event.with_person(session.person));
        self.ports.audit.append(&event.with_actor(provider.id.as_str())).await?;
        Ok(next)
    }

    /// The sign-in at another provider that ends with the session of `visit`, which began by the phone.
    pub(super) async fn keep_upstream(
        &self,
        visit: &AccountVisit,
        upstream: Option<&UpstreamSession>,
    ) -> PortResult<()> {
        // As it is now: the answer of the other provider took its time. One that is gone, or replaced, stays so; one
        // that is ended this instant, by its cut-off.
        let Some(session) = self.ports.sessions.load(&visit.cookie, self.now()).await? else { return Ok(()) };
        let session = Session { upstream: upstream.cloned(), ..session };
        self.ports.sessions.remove(&visit.cookie).await?;
        match self.ports.sessions.insert(&visit.cookie, &session).await {
            // Another tab of this browser was as fast.
            Err(PortError::Conflict) => Ok(()),
            done => done,
        }
    }

    /// The provider at which a person who signed in by phone is signed in too, since they linked their account there.
    pub(super) fn signed_in_there(&self, session: &Session) -> Option<SignedInThere> {
        let upstream = session.upstream.as_ref().filter(|_| session.proof.auth_mode != AuthMode::Federation);
        self.provider_of(upstream)
            .map(|provider| SignedInThere { name: provider.name.clone(), origin: provider.issuer.clone() })
    }

    /// `POST /account/links/sign-out`: ends the sign-in there, and nothing here. None when it cannot be ended from here.
    pub async fn sign_out_there(
        &self,
        visit: &AccountVisit,
        (csrf, page): (&str, &str),
    ) -> Result<Option<LogoutReturn>, TurnError> {
        self.check_account_form(visit, csrf).await?;
        let way_back = LogoutReturn::Redirect(page.to_owned());
        let next = self.by_way_of_upstream(Some(&visit.session), way_back.clone(), self.now()).await?;
        if next == way_back {
            return Ok(None);
        }
        self.keep_upstream(visit, None).await?;
        Ok(Some(next))
    }

    /// Where a logout of this session goes first, for the form targets of the page that asks.
    pub(super) fn upstream_origin(&self, session: Option<&Session>) -> Option<String> {
        let upstream = session.and_then(|session| session.upstream.as_ref());
        self.provider_of(upstream).map(|provider| provider.issuer.clone())
    }

    /// `GET /federation/{provider}/logged_out`: the browser is back; where it goes on.
    pub async fn signed_out_there(
        &self,
        provider: &str,
        params: &RawParams,
        origin: &Origin,
    ) -> Result<LogoutReturn, TurnError> {
        // RP-Initiated Logout 3: the state is ours, and used once.
        let ticket = self.take_ticket(provider, params, origin).await?;
        match ticket.map(|(ticket, _)| ticket.purpose) {
            Some(Purpose::SignOut { way_back }) => {
                Ok(way_back.map_or(LogoutReturn::Stay, LogoutReturn::Redirect))
            }
            Some(Purpose::SignIn(_) | Purpose::Link(_)) | None => Err(TurnError::Gone),
        }
    }

    async fn keep_way_back(
        &self,
        state: &Secret,
        provider: &UpstreamProvider,
        way_back: &LogoutReturn,
        now: UnixTime,
    ) -> PortResult<()> {
        let way_back = match way_back {
            LogoutReturn::Redirect(location) => Some(location.clone()),
            LogoutReturn::Stay | LogoutReturn::Refused => None,
        };
        let ticket = FederationTicket {
            purpose: Purpose::SignOut { way_back },
            provider: provider.id.clone(),
            deadline: now.plus(self.policy.lifetimes.federation),
        };
        self.ports.one_shot.put_federation(&TokenHash::of(state.expose()), &ticket).await
    }

    fn provider_of(&self, upstream: Option<&UpstreamSession>) -> Option<&UpstreamProvider> {
        let providers = self.ports.upstream.providers();
        providers.into_iter().find(|known| upstream.is_some_and(|held| held.provider == known.id.as_str()))
    }
}
