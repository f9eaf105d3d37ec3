//! The closed catalogue of what is audited.
//!
//! OWASP ASVS 5.0 16.2 and 16.3 (which events are logged). A kind that is not here is not written.

/// What happened. Every decision, success and refusal, has one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// An authorization request was accepted or refused (RFC 6749 4.1.1).
    AuthorizationRequest,
    /// A pushed authorization request was accepted or refused (RFC 9126 2).
    PushedRequest,
    /// A backchannel authentication request was accepted or refused (CIBA Core 7).
    BackchannelRequest,
    /// A browser began an interaction.
    InteractionOpened,
    /// An interaction was cancelled by its browser or ran out.
    InteractionAbandoned,
    /// Someone typed an identifier.
    Identification,
    /// A request for approval was made for a phone.
    ApprovalOpened,
    /// A phone's approval was accepted or refused by this provider.
    ApprovalDecision,
    /// The professional refused on the phone.
    ApprovalRefused,
    /// The professional said that the request was not theirs.
    ApprovalReported,
    /// A request for approval ran out without a decision.
    ApprovalExpired,
    /// The professional stopped or allowed notifications.
    NotificationsBlocked,
    /// A session began.
    SessionStarted,
    /// A session ended, by logout, revocation or time.
    SessionEnded,
    /// A relying party was told of a logout, or could not be.
    BackchannelLogout,
    /// Someone said for whom they act, or may not act any more.
    Representation,
    /// The professional decided on a client's scopes.
    Consent,
    /// An authorization code was issued.
    CodeIssued,
    /// An authorization code was presented again (RFC 6749 4.1.2).
    CodeReplay,
    /// Tokens were issued from a code or an approval, or refused.
    TokensIssued,
    /// A refresh token was used or refused (RFC 6749 6).
    TokensRefreshed,
    /// A used refresh token was presented again (RFC 9700 4.14.2).
    TokenReplay,
    /// A token or family was revoked (RFC 7009 2).
    TokensRevoked,
    /// A client authenticated or failed to.
    ClientAuthentication,
    /// A client was registered or changed.
    ClientRegistered,
    /// A client was disabled or enabled again.
    ClientDisabled,
    /// A phone authenticated its own request or failed to.
    DeviceAuthentication,
    /// Activation codes were sent, or refused.
    EnrolmentCodes,
    /// An enrolment began, or its codes were refused.
    EnrolmentStarted,
    /// A phone's credential was registered or refused.
    DeviceEnrolled,
    /// A person was told of a new phone, or could not be.
    DeviceAnnounced,
    /// A phone was revoked.
    DeviceRevoked,
    /// A person was locked or unlocked by an officer.
    PersonLocked,
    /// A person left the directory or came back.
    PersonDeactivated,
    /// Two accounts of one person became one.
    PersonMerged,
    /// A person typed an e-mail address for a service that wants one.
    EmailDeclared,
    /// The browser was sent to another identity provider.
    UpstreamRequest,
    /// Another identity provider's answer was accepted or refused.
    UpstreamAnswer,
    /// An account was linked to one of another identity provider, or could not be.
    UpstreamLinked,
    /// A person was told of a link, or could not be.
    UpstreamLinkAnnounced,
    /// The browser was sent to another identity provider to sign out, or could not be.
    UpstreamLogout,
    /// A link to an account of another identity provider was removed.
    UpstreamUnlinked,
    /// Patients were created or updated from a file.
    PatientsImport,
    /// An extract of the directory was staged, applied or refused.
    DirectoryImport,
    /// A signing key was made and published.
    KeyStaged,
    /// A signing key began to sign.
    KeyActivated,
    /// A signing key ceased to sign.
    KeyRetired,
    /// A signing key was withdrawn at once.
    KeyRevoked,
    /// Stored values and private keys were sealed anew under the keys in use.
    KeysResealed,
    /// The evidence of an approval was exported.
    EvidenceExported,
    /// Personal values were erased at the end of their retention.
    RecordsErased,
    /// The chain was verified, or found broken.
    RecordsVerified,
    /// Log lines were dropped under load.
    LogLinesDropped,
    /// The service started with a configuration, or refused it.
    ConfigurationLoaded,
    /// An officer used the administration interface.
    AdministratorAction,
    /// A backup of the database was put back: everything older was ended.
    DatabaseRestored,
}

impl EventKind {
    /// The whole catalogue, in order.
    pub const ALL: [Self; 56] = [
        Self::AuthorizationRequest,
        Self::PushedRequest,
        Self::BackchannelRequest,
        Self::InteractionOpened,
        Self::InteractionAbandoned,
        Self::Identification,
        Self::ApprovalOpened,
        Self::ApprovalDecision,
        Self::ApprovalRefused,
        Self::ApprovalReported,
        Self::ApprovalExpired,
        Self::NotificationsBlocked,
        Self::SessionStarted,
        Self::SessionEnded,
        Self::BackchannelLogout,
        Self::Representation,
        Self::Consent,
        Self::CodeIssued,
        Self::CodeReplay,
        Self::TokensIssued,
        Self::TokensRefreshed,
        Self::TokenReplay,
        Self::TokensRevoked,
        Self::ClientAuthentication,
        Self::ClientRegistered,
        Self::ClientDisabled,
        Self::DeviceAuthentication,
        Self::EnrolmentCodes,
        Self::EnrolmentStarted,
        Self::DeviceEnrolled,
        Self::DeviceAnnounced,
        Self::DeviceRevoked,
        Self::PersonLocked,
        Self::PersonDeactivated,
        Self::PersonMerged,
        Self::EmailDeclared,
        Self::UpstreamRequest,
        Self::UpstreamAnswer,
        Self::UpstreamLinked,
        Self::UpstreamLinkAnnounced,
        Self::UpstreamLogout,
        Self::UpstreamUnlinked,
        Self::PatientsImport,
        Self::DirectoryImport,
        Self::KeyStaged,
        Self::KeyActivated,
        Self::KeyRetired,
        Self::KeyRevoked,
        Self::KeysResealed,
        Self::EvidenceExported,
        Self::RecordsErased,
        Self::RecordsVerified,
        Self::LogLinesDropped,
        Self::ConfigurationLoaded,
        Self::AdministratorAction,
        Self::DatabaseRestored,
    ];

    /// The kind as written: subject, dot, what happened.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationRequest => "authorization.request",
            Self::PushedRequest => "authorization.pushed",
            Self::BackchannelRequest => "authorization.backchannel",
            Self::InteractionOpened => "interaction.opened",
            Self::InteractionAbandoned => "interaction.abandoned",
            Self::Identification => "interaction.identification",
            Self::ApprovalOpened => "approval.opened",
            Self::ApprovalDecision => "approval.decision",
            Self::ApprovalRefused => "approval.refused",
            Self::ApprovalReported => "approval.reported",
            Self::ApprovalExpired => "approval.expired",
            Self::NotificationsBlocked => "approval.notifications",
            Self::SessionStarted => "session.started",
            Self::SessionEnded => "session.ended",
            Self::BackchannelLogout => "session.backchannel_logout",
            Self::Representation => "representation.decision",
            Self::Consent => "consent.decision",
            Self::CodeIssued => "code.issued",
            Self::CodeReplay => "code.replay",
            Self::TokensIssued => "tokens.issued",
            Self::TokensRefreshed => "tokens.refreshed",
            Self::TokenReplay => "tokens.replay",
            Self::TokensRevoked => "tokens.revoked",
            Self::ClientAuthentication => "client.authentication",
            Self::ClientRegistered => "client.registered",
            Self::ClientDisabled => "client.disabled",
            Self::DeviceAuthentication => "device.authentication",
            Self::EnrolmentCodes => "enrolment.codes",
            Self::EnrolmentStarted => "enrolment.started",
            Self::DeviceEnrolled => "device.enrolled",
            Self::DeviceAnnounced => "device.announced",
            Self::DeviceRevoked => "device.revoked",
            Self::PersonLocked => "person.locked",
            Self::PersonDeactivated => "person.deactivated",
            Self::PersonMerged => "person.merged",
            Self::EmailDeclared => "person.email_declared",
            Self::UpstreamRequest => "federation.request",
            Self::UpstreamAnswer => "federation.answer",
            Self::UpstreamLinked => "federation.linked",
            Self::UpstreamLinkAnnounced => "federation.link_announced",
            Self::UpstreamLogout => "federation.logout",
            Self::UpstreamUnlinked => "federation.unlinked",
            Self::PatientsImport => "patients.import",
            Self::DirectoryImport => "directory.import",
            Self::KeyStaged => "key.staged",
            Self::KeyActivated => "key.activated",
            Self::KeyRetired => "key.retired",
            Self::KeyRevoked => "key.revoked",
            Self::KeysResealed => "key.resealed",
            Self::EvidenceExported => "evidence.exported",
            Self::RecordsErased => "audit.erased",
            Self::RecordsVerified => "audit.verified",
            Self::LogLinesDropped => "log.dropped",
            Self::ConfigurationLoaded => "configuration.loaded",
            Self::AdministratorAction => "administrator.action",
            Self::DatabaseRestored => "database.restored",
        }
    }

    /// The kind written as `text`; none when it is not in the catalogue.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
