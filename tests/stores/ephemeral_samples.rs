//! One good value of each kind, with a recognisable text wherever a text fits.

use sceau::approval::{
    Approval, ApprovalRequest, ApprovalText, Claim, Number, NumberSource, Recipient, StoredApproval,
};
use sceau::base::{
    ApprovalId, DeviceId, EnrolmentId, EntropyExt as _, GrantId, InteractionId, PersonId, Sid, TokenHash,
    UnixTime,
};
use sceau::device::{ActivationCodes, ActivationMode, PendingEnrolment};
use sceau::federation::{FederationTicket, ProviderId, Purpose, Question, SignInTicket};
use sceau::identity::UpstreamSession;
use sceau::identity::{Acr, AssuranceTerms, AuthMode, AuthenticationProof, Way};
use sceau::interaction::{Interaction, Locale, Step};
use sceau::jose::Thumbprint;
use sceau::oauth::{AuthorizationRequest, CodeBinding, ResponseMode, ScopeSet};
use sceau::oidc::{AuthenticationRequest, ClaimsRequest, Prompts};
use sceau::ports::{AccessTokenRecord, Ceremony, CodePayload, EnrolmentTicket, PushedRequest, Session};

use super::ephemeral::{Kit, MINUTE};

/// What must not be found at rest.
pub(super) const NEEDLE: &str = "needle";

pub(super) fn token(kit: &Kit) -> TokenHash {
    TokenHash::of(kit.entropy.token().expose())
}

pub(super) fn code(kit: &Kit, deadline: UnixTime) -> CodePayload {
    CodePayload {
        binding: CodeBinding {
            client_id: "needle-client".parse().unwrap(),
            redirect_uri: String::from("https://needle.example/callback"),
            redirect_uri_sent: true,
            code_challenge: None,
            dpop_jkt: Some(Thumbprint::from_bytes([7; 32])),
        },
        grant: GrantId::random(&*kit.entropy),
        person: PersonId::random(&*kit.entropy),
        on_behalf_of: None,
        sid: Sid::random(&*kit.entropy),
        session_end: kit.now().plus(MINUTE * 60),
        scope: scope(),
        claims: ClaimsRequest::default(),
        nonce: Some(String::from("needle-nonce")),
        proof: proof(kit, PersonId::random(&*kit.entropy)),
        issued_at: kit.now(),
        consented_at: None,
        deadline,
    }
}

pub(super) fn pushed(deadline: UnixTime) -> PushedRequest {
    PushedRequest {
        finished_by: None,
        client: "needle-client".parse().unwrap(),
        parameters: String::from("login_hint=needle-899700000001"),
        deadline,
        kept_until: deadline.plus(MINUTE),
    }
}

pub(super) fn ceremony(kit: &Kit, deadline: UnixTime) -> Ceremony {
    Ceremony {
        approval: ApprovalId::random(&*kit.entropy),
        device: DeviceId::random(&*kit.entropy),
        challenge: kit.entropy.bytes(),
        random: kit.entropy.bytes(),
        state: String::from("needle-state"),
        deadline,
    }
}

pub(super) fn enrolment(kit: &Kit, deadline: UnixTime) -> PendingEnrolment {
    PendingEnrolment {
        id: EnrolmentId::random(&*kit.entropy),
        person: Some(PersonId::random(&*kit.entropy)),
        jkt: Thumbprint::from_bytes([7; 32]),
        server_challenge: kit.entropy.bytes(),
        ceremony: String::from("needle-state"),
        codes: None,
        codes_deadline: None,
        activation_mode: ActivationMode::ContactCodes,
        enrolment: Acr::Eidas2,
        deadline,
    }
}

pub(super) fn enrolment_ticket(kit: &Kit, deadline: UnixTime) -> EnrolmentTicket {
    EnrolmentTicket {
        proof: proof(kit, PersonId::random(&*kit.entropy)),
        sid: Sid::random(&*kit.entropy),
        mode: ActivationMode::Federation,
        deadline,
    }
}

/// An approval of a QR code that nobody has claimed.
pub(super) fn unclaimed(kit: &Kit, number: &str) -> StoredApproval {
    let mut request = approval(kit, recipient(kit), number).request().clone();
    (request.person, request.claim) = (None, Claim::Open);
    StoredApproval::Pending(Approval::open(request))
}

pub(super) fn activation(kit: &Kit, deadline: Option<UnixTime>) -> ActivationCodes {
    let person = PersonId::random(&*kit.entropy);
    ActivationCodes { person, email: token(kit), phone: token(kit), tries: 0, deadline }
}

pub(super) fn interaction(kit: &Kit, deadline: UnixTime) -> Interaction {
    Interaction {
        id: InteractionId::random(&*kit.entropy),
        request: AuthenticationRequest {
            oauth: AuthorizationRequest {
                client_id: "needle-client".parse().unwrap(),
                redirect_uri: String::from("https://needle.example/callback"),
                redirect_uri_sent: true,
                scope: scope(),
                state: Some(String::from("needle-state")),
                response_mode: ResponseMode::Query,
                code_challenge: None,
                dpop_jkt: None,
            },
            nonce: Some(String::from("needle-nonce")),
            prompt: Prompts::default(),
            max_age: None,
            acr_values: None,
            claims: ClaimsRequest::default(),
            login_hint: Some(sceau::base::Secret::new(String::from("needle-899700000001"))),
            ui_locales: vec![],
            id_token_hint: None,
        },
        pushed: None,
        browser: token(kit),
        locale: Locale::Fr,
        opened: kit.now(),
        deadline,
        step: Step::Identify,
        proof: None,
        acting: None,
        consented: None,
        consented_at: None,
        refusal: None,
        pending_link: Some(sceau::interaction::PendingLink {
            approval: ApprovalId::random(&*kit.entropy),
            person: PersonId::random(&*kit.entropy),
            provider: String::from("needle-provider"),
            issuer: String::from("https://needle.example"),
            subject: sceau::base::Secret::new(String::from("needle-subject")),
            pivot: None,
        }),
        upstream: Some(upstream()),
    }
}

/// Somebody's identifier, hashed.
pub(super) fn recipient(kit: &Kit) -> Recipient {
    Recipient::from_bytes(kit.entropy.bytes())
}

/// A pending approval that shows `number`, open for 90 seconds.
pub(super) fn approval(kit: &Kit, recipient: Recipient, number: &str) -> StoredApproval {
    let source = Number::parse(number).map_or(NumberSource::None, NumberSource::Ours);
    let id = ApprovalId::random(&*kit.entropy);
    StoredApproval::Pending(Approval::open(ApprovalRequest {
        id,
        recipient,
        person: Some(PersonId::random(&*kit.entropy)),
        client: "needle-client".parse().unwrap(),
        interaction: None,
        text: ApprovalText {
            service: String::from("needle service"),
            purpose: String::from("needle purpose"),
            origin: String::from("needle browser"),
            at: String::from("needle o'clock"),
            details: vec![],
            approval: id,
        },
        claim: Claim::default(),
        number: source,
        created: kit.now(),
        deadline: kit.now().plus(APPROVAL_LIFE),
    }))
}

pub(super) const APPROVAL_LIFE: std::time::Duration = std::time::Duration::from_secs(90);

/// The same approval, refused on the phone.
pub(super) fn denied(approval: &StoredApproval, now: UnixTime) -> StoredApproval {
    let StoredApproval::Pending(pending) = approval.clone() else { panic!("not pending") };
    StoredApproval::Denied(pending.deny(now, false).unwrap())
}

/// The same approval after one wrong number.
pub(super) fn mistyped(kit: &Kit, approval: &StoredApproval) -> StoredApproval {
    let StoredApproval::Pending(pending) = approval.clone() else { panic!("not pending") };
    let person = pending.request().person.unwrap();
    pending.approve(Some("--"), proof(kit, person), kit.now()).into()
}

pub(super) fn session(kit: &Kit, idle_end: UnixTime, absolute_end: UnixTime) -> Session {
    let person = PersonId::random(&*kit.entropy);
    Session {
        sid: Sid::random(&*kit.entropy),
        person,
        proof: proof(kit, person),
        upstream: Some(upstream()),
        begun_for: Some("needle-client".parse().unwrap()),
        created: kit.now(),
        absolute_end,
        idle_end,
    }
}

pub(super) fn record(kit: &Kit, expires_at: UnixTime) -> AccessTokenRecord {
    AccessTokenRecord {
        client: "needle-client".parse().unwrap(),
        person: Some(PersonId::random(&*kit.entropy)),
        on_behalf_of: None,
        device: None,
        sid: None,
        grant: None,
        family: None,
        subject: String::from("needle-subject"),
        scope: scope(),
        claims: ClaimsRequest::default(),
        audience: String::from("https://needle.example"),
        jti: String::from("needle-jti"),
        auth_time: Some(kit.now()),
        acr: Some(String::from("needle-acr")),
        nonce: Some(String::from("needle-nonce")),
        kid: String::from("needle-kid"),
        jkt: None,
        told: None,
        auth_mode: Some(AuthMode::Mobile),
        issued_at: kit.now(),
        expires_at,
    }
}

fn proof(kit: &Kit, person: PersonId) -> AuthenticationProof {
    AuthenticationProof {
        person,
        device: Some(DeviceId::random(&*kit.entropy)),
        auth_time: kit.now(),
        amr: vec![String::from("needle-amr")],
        terms: AssuranceTerms {
            enrolment: Acr::Eidas2,
            enrolment_reason: String::from("needle-reason"),
            authenticator: Acr::Eidas2,
            authenticator_reason: String::from("needle-reason"),
            way: Way::TypedNumber,
        },
        auth_mode: AuthMode::Mobile,
    }
}

fn scope() -> ScopeSet {
    ScopeSet::parse("openid needle").unwrap()
}

fn upstream() -> UpstreamSession {
    UpstreamSession {
        provider: String::from("needle-provider"),
        id_token_hint: sceau::base::Secret::new(String::from("needle-id-token")),
    }
}

pub(super) fn federation(kit: &Kit, deadline: UnixTime) -> FederationTicket {
    FederationTicket {
        purpose: Purpose::SignIn(SignInTicket {
            interaction: InteractionId::random(&*kit.entropy),
            question: Question {
                nonce: sceau::base::Secret::new(String::from("needle-nonce")),
                verifier: sceau::base::Secret::new(String::from("needle-verifier")),
                requested: Some(Acr::Eidas2),
                since: Some(deadline),
            },
        }),
        provider: ProviderId::parse("needle").unwrap(),
        deadline,
    }
}
