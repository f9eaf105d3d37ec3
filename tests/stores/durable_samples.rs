//! A client, a professional with a phone, and what is issued to them.

use std::time::Duration;

use sceau::base::{
    ApprovalId, ClientId, DeviceId, EntropyExt as _, FamilyId, GrantId, OsEntropy, PersonId, RunId, Sid,
    TokenHash, UnixTime,
};
use sceau::device::{ActivationMode, Device, DeviceFacts, DeviceStatus};
use sceau::identity::{
    AMR_PHONE, Acr, AssuranceTerms, AuthMode, AuthenticationProof, Identity, NationalId, Person,
    PersonStatus, Professional, Way,
};
use sceau::jose::{Algorithm, Thumbprint};
use sceau::oauth::{Client, ClientAuthMethod, ConsentPolicy, GrantType, Profile, RedirectUri, ScopeSet};
use sceau::oidc::ClaimsRequest;
use sceau::ports::{
    BindOutcome, BindPlan, Decision, DirectoryBatch, DirectoryChange, Evidence, Fence, FenceKind, FenceLife,
    Grant, IssuanceRecord, IssuePlan, KeepPlan, NewFamily, RotatePlan, RunClaim, RunNumbers, RunState,
};

use super::durable::{START, World, granted, refused};

pub(super) const NATIONAL_ID: &str = "899700000012";
pub(super) const NONCE: &str = "nonce-of-the-request";

pub(super) fn later(seconds: u64) -> UnixTime {
    START.plus(Duration::from_secs(seconds))
}

pub(super) fn client_id() -> ClientId {
    "dossier-pharmaceutique".parse().unwrap()
}

pub(super) fn client() -> Client {
    Client {
        client_id: client_id(),
        name: String::from("Dossier pharmaceutique"),
        profile: Profile::Oidc,
        auth: ClientAuthMethod::SecretBasic,
        secret_hash: Some(TokenHash::of("a secret of the client")),
        jwks: None,
        redirect_uris: vec![RedirectUri::parse("https://dp.example/cb", false).unwrap()],
        post_logout_redirect_uris: Vec::new(),
        grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        scopes: ScopeSet::parse("openid scope_all").unwrap(),
        sector: String::from("dp.example"),
        id_token_alg: Algorithm::Es256,
        dpop_bound_access_tokens: false,
        consent: ConsentPolicy::Implicit,
        resource_server: false,
        release: ScopeSet::default(),
        responses: sceau::oauth::ResponseProtection::default(),
        enabled: true,
    }
}

pub(super) fn person(national_id: &str) -> Person {
    Person {
        id: PersonId::random(&OsEntropy),
        subject_seed: OsEntropy.bytes(),
        identity: Identity::Professional(Box::new(Professional {
            national_id: NationalId::parse(national_id).unwrap(),
            family_name: String::from("MERCIER-LACOMBE"),
            given_names: vec![String::from("Apolline")],
            other_ids: Vec::new(),
            civility: String::from("MME"),
            exercises: Vec::new(),
            email: Some(String::from("apolline@cabinet.example")),
            phone: Some(String::from("+33600000042")),
        })),
        status: PersonStatus::Active,
        cooling_until: None,
        declared_email: None,
    }
}

pub(super) fn device(person: PersonId) -> Device {
    Device {
        id: DeviceId::random(&OsEntropy),
        person,
        credential_id: OsEntropy.bytes::<32>().to_vec(),
        credential: String::from(r#"{"cred":"opaque-credential-of-the-phone"}"#),
        credential_key: vec![4; 77],
        jkt: Thumbprint::from_bytes(OsEntropy.bytes()),
        sign_count: 5,
        facts: DeviceFacts {
            name: String::from("Téléphone d'Apolline"),
            model: String::from("Model"),
            operating_system: String::from("Android 16"),
            app_version: String::from("1.0"),
        },
        created: START,
        valid_until: later(86_400),
        activation_mode: ActivationMode::ContactCodes,
        enrolment: Acr::Eidas2,
        enrolment_reason: String::from("contact_codes"),
        evidence: Acr::Eidas1,
        evidence_reason: String::from("self_attestation"),
        serial: String::from("serial-of-the-phone"),
        status: DeviceStatus::Active,
    }
}

pub(super) fn bind_plan(device: &Device) -> BindPlan {
    BindPlan { device: device.clone(), fences: vec![fence(FenceKind::Activation)], cap: 3 }
}

pub(super) fn life() -> FenceLife {
    FenceLife { expires: later(60), until: later(120) }
}

pub(super) fn fence(kind: FenceKind) -> Fence {
    Fence { kind, hash: TokenHash::from_bytes(OsEntropy.bytes()), life: life() }
}

/// A claim on a run of its own.
pub(super) fn claim() -> RunClaim {
    RunClaim { run: RunId::random(&OsEntropy), owner: RunId::random(&OsEntropy).uuid() }
}

/// Stores a person as an import does.
pub(super) async fn import(world: &World, person: &Person) {
    let (directory, claim) = (&world.stores.directory, claim());
    assert!(directory.begin(claim, &granted()).await.unwrap());
    let changes = vec![DirectoryChange::Create(Box::new(person.clone()), [1; 32])];
    let batch = DirectoryBatch { changes, upto: [9; 32], numbers: RunNumbers::default() };
    directory.apply(claim, &batch).await.unwrap();
    directory.advance(claim, RunState::Applied, &batch.numbers, &granted()).await.unwrap();
}

/// A client, a person and their phone, stored.
pub(super) struct Cast {
    pub(super) person: Person,
    pub(super) device: Device,
}

pub(super) async fn cast(world: &World) -> Cast {
    world.stores.clients.upsert(&client(), &granted()).await.unwrap();
    let person = person(NATIONAL_ID);
    import(world, &person).await;
    let device = device(person.id);
    let bound = world.stores.devices.bind(&bind_plan(&device), &granted(), &refused()).await.unwrap();
    assert_eq!(bound, BindOutcome::Bound);
    Cast { person, device }
}

impl Cast {
    pub(super) fn proof(&self) -> AuthenticationProof {
        AuthenticationProof {
            person: self.person.id,
            device: Some(self.device.id),
            auth_time: START,
            amr: AMR_PHONE.map(str::to_owned).to_vec(),
            terms: AssuranceTerms {
                enrolment: Acr::Eidas2,
                enrolment_reason: String::from("contact_codes"),
                authenticator: Acr::Eidas1,
                authenticator_reason: String::from("self_attestation"),
                way: Way::TypedNumber,
            },
            auth_mode: AuthMode::Mobile,
        }
    }

    pub(super) fn grant(&self) -> Grant {
        Grant {
            id: GrantId::random(&OsEntropy),
            person: self.person.id,
            on_behalf_of: None,
            client: client_id(),
            sid: Sid::random(&OsEntropy),
            scope: ScopeSet::parse("openid").unwrap(),
            claims: ClaimsRequest::default(),
            nonce: Some(NONCE.to_owned()),
            proof: self.proof(),
            created: START,
        }
    }

    pub(super) fn issue_plan(&self) -> IssuePlan {
        IssuePlan {
            fence: fence(FenceKind::Code),
            grant: self.grant(),
            family: Some(NewFamily {
                id: FamilyId::random(&OsEntropy),
                current: TokenHash::of("first"),
                current_sealed: b"sealed first".to_vec(),
                jkt: Some(self.device.jkt),
                absolute_expiry: later(3600),
                idle_expiry: later(600),
            }),
            record: record(),
            agreed: START,
        }
    }

    pub(super) fn decision(&self) -> Decision {
        let approval = ApprovalId::random(&OsEntropy);
        Decision {
            approval,
            life: life(),
            challenge: TokenHash::from_bytes(OsEntropy.bytes()),
            device: self.device.id,
            sign_count: 6,
            proof: self.proof(),
            evidence: Evidence {
                approval,
                text: b"{\"service\":\"text-shown-on-the-phone\"}".to_vec(),
                random: vec![3; 32],
                client_data_json: b"{}".to_vec(),
                authenticator_data: vec![1; 37],
                signature: vec![2; 70],
                credential_key: self.device.credential_key.clone(),
                rp_id: String::from("sceau.example"),
                decided_at: later(10),
            },
        }
    }
}

pub(super) fn record() -> IssuanceRecord {
    IssuanceRecord {
        jti: OsEntropy.token().expose().to_owned(),
        kid: String::from("kid-1"),
        at: START,
        kept_until: later(3600),
    }
}

/// A refresh that keeps the token of a family just begun.
pub(super) fn keep_plan(issued: &IssuePlan) -> KeepPlan {
    KeepPlan {
        family: issued.family.as_ref().unwrap().id,
        grant: issued.grant.id,
        person: issued.grant.person,
        client: issued.grant.client.clone(),
        sid: issued.grant.sid,
        idle_expiry: later(900),
        record: record(),
    }
}

/// The rotation of a family just begun.
pub(super) fn rotate_plan(issued: &IssuePlan, next: &str) -> RotatePlan {
    RotatePlan {
        family: issued.family.as_ref().unwrap().id,
        grant: issued.grant.clone(),
        generation: 0,
        presented: TokenHash::of("first"),
        next: (TokenHash::of(next), next.as_bytes().to_vec()),
        idle_expiry: later(900),
        record: record(),
    }
}
