//! The software phone against a small server made of our own rules: what it signs, and what it refuses to sign.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use sceau::adapter::webauthn::WebauthnAuthenticator;
use sceau::approval::{ApprovalText, challenge, enrolment_challenge};
use sceau::base::{TestClock, UnixTime, base64url};
use sceau::device::AttestationFormat;
use sceau::jose::Thumbprint;
use sceau::oauth::{DpopExpectation, validate_proof};
use sceau::phone::{
    Attestation, Call, Faults, Phone, PhoneError, Refusal, Reply, SOFTWARE_PHONE_AAGUID, Surroundings,
    TestRoot, Transport, TransportError,
};
use sceau::ports::{Authenticator, RegistrationRequest};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::webauthn::reason;

const SERVER: &str = "https://example.org";
const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);
const APPROVAL: &str = "0197a3c2-0000-7000-8000-000000000001";
const RANDOM: [u8; 32] = [3; 32];
const SERVER_CHALLENGE: [u8; 32] = [5; 32];

/// What the server does to the phone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trick {
    Honest,
    OtherEnrolmentChallenge,
    ForeignRelyingParty,
    OtherText,
    HiddenMember,
    OtherChallenge,
}

#[derive(Default)]
struct Seen {
    calls: Vec<String>,
    nonces_missing: usize,
    jkt: Option<Thumbprint>,
    ceremony: String,
    credential: String,
    format: Option<AttestationFormat>,
    trusted: bool,
    counters: Vec<u32>,
    reasons: Vec<&'static str>,
}

struct Server {
    relying_party: WebauthnAuthenticator,
    trick: Trick,
    seen: Mutex<Seen>,
}

fn text() -> ApprovalText {
    ApprovalText {
        service: String::from("Logiciel de cabinet"),
        purpose: String::from("Se connecter"),
        origin: String::from("Firefox, Lyon"),
        at: String::from("10:42"),
        details: vec![String::from("Dossier d\u{2019}\u{e9}quipe")],
        approval: APPROVAL.parse().unwrap(),
    }
}

impl Server {
    fn answer(&self, call: &Call) -> (u16, Value) {
        let mut seen = self.seen.lock().unwrap();
        seen.calls.push(format!("{} {}", call.method, call.path));
        if call.path == "/mobile/v1/enrolments/codes" {
            assert!(call.dpop.is_none());
            return (202, json!({}));
        }
        let url = format!("{SERVER}{}", call.path);
        let expect = DpopExpectation {
            method: call.method.as_str(),
            uri: &url,
            now: NOW,
            window: Duration::from_mins(1),
            access_token: None,
        };
        let proof = validate_proof(&[call.dpop.as_deref().unwrap()], &expect).unwrap();
        if proof.nonce.as_deref() != Some("nonce-1") {
            seen.nonces_missing += 1;
            return (401, json!({ "error": "use_dpop_nonce" }));
        }
        let body = call.body.clone().unwrap_or(Value::Null);
        let jkt = *seen.jkt.get_or_insert(proof.jkt);
        assert_eq!(jkt, proof.jkt, "one request key");
        let path = call.path.strip_prefix("/mobile/v1").unwrap();
        match (&call.method, path) {
            (&Method::POST, "/enrolments") => self.start(&mut seen),
            (&Method::POST, "/enrolments/e-1/credential") => self.finish(&mut seen, &body),
            (&Method::GET, "/approvals") => (
                200,
                json!({ "approvals": [{
                    "id": APPROVAL, "text": text().to_json(), "expires_at": NOW.secs() + 90, "number_required": true,
                }]}),
            ),
            (&Method::POST, path) if path.ends_with("/challenge") => self.challenge(&mut seen),
            (&Method::POST, path) if path.ends_with("/decision") => self.decide(&mut seen, &body),
            (&Method::GET, "/devices") => (200, json!({ "devices": [device()] })),
            (&Method::DELETE, "/devices/d-1") => (204, Value::Null),
            _ => (404, json!({ "error": "not_found" })),
        }
    }

    fn start(&self, seen: &mut Seen) -> (u16, Value) {
        let jkt = seen.jkt.unwrap();
        let server = if self.trick == Trick::OtherEnrolmentChallenge { [6; 32] } else { SERVER_CHALLENGE };
        let request = RegistrationRequest {
            user_handle: Uuid::from_u128(9),
            display_name: "Somebody",
            challenge: enrolment_challenge(&server, &jkt),
            exclude: Vec::new(),
        };
        let ceremony = self.relying_party.begin_registration(&request).unwrap();
        seen.ceremony = ceremony.state;
        let mut options = ceremony.options;
        if self.trick == Trick::ForeignRelyingParty {
            options["rp"]["id"] = json!("example.com");
        }
        let challenge = base64url(SERVER_CHALLENGE);
        (201, json!({ "enrolment_id": "e-1", "server_challenge": challenge, "options": options }))
    }

    fn finish(&self, seen: &mut Seen, body: &Value) -> (u16, Value) {
        match self.relying_party.finish_registration(&seen.ceremony, &body["credential"]) {
            Ok(verified) => {
                seen.credential = verified.credential;
                seen.format = Some(verified.facts.format);
                seen.trusted = verified.facts.chain_trusted;
                seen.counters.push(verified.sign_count);
                (201, json!({ "device": device() }))
            }
            refused => {
                seen.reasons.push(reason(refused));
                (400, json!({ "error": "invalid_attestation" }))
            }
        }
    }

    fn challenge(&self, seen: &mut Seen) -> (u16, Value) {
        let mut shown = text().to_json();
        match self.trick {
            Trick::OtherText => shown["service"] = json!("Another service"),
            Trick::HiddenMember => shown["hidden"] = json!("not shown"),
            _ => {}
        }
        let bytes = if self.trick == Trick::OtherChallenge { [4; 32] } else { RANDOM };
        let challenge = challenge(&text(), &bytes).unwrap();
        let ceremony = self.relying_party.begin_assertion(&seen.credential, challenge).unwrap();
        seen.ceremony = ceremony.state;
        (200, json!({ "random": base64url(RANDOM), "text": shown, "options": ceremony.options }))
    }

    fn decide(&self, seen: &mut Seen, body: &Value) -> (u16, Value) {
        if body["decision"] == "deny" {
            return (200, json!({ "status": "denied" }));
        }
        match self.relying_party.finish_assertion(&seen.ceremony, &body["assertion"]) {
            Ok(verified) => {
                let stalled = seen.counters.last().is_some_and(|last| verified.sign_count <= *last);
                seen.counters.push(verified.sign_count);
                if stalled {
                    return (400, json!({ "error": "invalid_assertion" }));
                }
            }
            refused => {
                seen.reasons.push(reason(refused));
                return (400, json!({ "error": "invalid_assertion" }));
            }
        }
        if body["number"] == "47" {
            (200, json!({ "status": "approved" }))
        } else {
            (400, json!({ "error": "wrong_number", "tries_left": 2 }))
        }
    }
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, call: Call) -> Result<Reply, TransportError> {
        let (status, body) = self.answer(&call);
        Ok(Reply { status, dpop_nonce: Some(String::from("nonce-1")), body })
    }
}

fn device() -> Value {
    json!({
        "id": "d-1", "name": "Software phone", "model": "m", "operating_system": "o", "app_version": "1",
        "serial": "S1", "created_at": 1, "valid_until": 2, "activation_mode": "contact_codes",
        "acr": "eidas1", "status": "active", "current": true,
    })
}

struct Bench {
    server: Arc<Server>,
    folder: tempfile::TempDir,
    phone: Phone,
}

fn bench_with(trick: Trick, roots: &str) -> Bench {
    let origin = Url::parse(SERVER).unwrap();
    let relying_party =
        WebauthnAuthenticator::new("example.org", &origin, &[], roots.as_bytes(), "Example").unwrap();
    let relying_party = relying_party.with_clock(Arc::new(TestClock::at(NOW)));
    let server = Arc::new(Server { relying_party, trick, seen: Mutex::default() });
    let folder = tempfile::tempdir().unwrap();
    let phone = Phone::create(&folder.path().join("phone.json"), &origin, around(&server)).unwrap();
    Bench { server, folder, phone }
}

fn around(server: &Arc<Server>) -> Surroundings {
    let transport: Arc<dyn Transport> = Arc::<Server>::clone(server);
    Surroundings { clock: Arc::new(TestClock::at(NOW)), ..Surroundings::over(transport) }
}

impl Bench {
    async fn enrol(&mut self, attestation: &Attestation) -> Result<(), PhoneError> {
        self.phone.enrol("899700000012", "A", "B", attestation).await.map(|_| ())
    }
}

async fn enrolled(trick: Trick) -> Bench {
    let mut bench = bench_with(trick, "");
    bench.enrol(&Attestation::SelfSigned).await.unwrap();
    bench
}

fn refused(outcome: Result<impl std::fmt::Debug, PhoneError>) -> Refusal {
    match outcome {
        Err(PhoneError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn it_enrols_approves_and_survives_a_restart() {
    let bench = enrolled(Trick::Honest).await;
    assert_eq!(bench.phone.device_id(), Some("d-1"));
    let path = bench.folder.path().join("phone.json");
    let mut phone = Phone::open(&path, around(&bench.server)).unwrap();
    assert_eq!(phone.pending().await.unwrap()[0].text.service, "Logiciel de cabinet");
    let wrong = refused(phone.approve(None, Some("11")).await);
    assert_eq!((wrong.error.as_str(), wrong.tries_left), ("wrong_number", Some(2)));
    let decided = phone.approve(Some(APPROVAL), Some("47")).await.unwrap();
    assert_eq!((decided.id.as_str(), decided.status.as_str()), (APPROVAL, "approved"));
    assert_eq!(phone.deny(None, true).await.unwrap().status, "denied");
    assert_eq!(phone.devices().await.unwrap().len(), 1);
    phone.revoke("d-1").await.unwrap();
    let seen = bench.server.seen.lock().unwrap();
    assert_eq!(seen.counters, [1, 2, 3]);
    assert_eq!(seen.format, Some(AttestationFormat::PackedSelf));
    assert_eq!(seen.nonces_missing, 2, "one retry for each start of the phone");
}

#[tokio::test]
async fn every_attestation_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("root.pem");
    TestRoot::load_or_make(&path).unwrap();
    let roots = std::fs::read_to_string(&path).unwrap();
    let basic = AttestationFormat::PackedBasic { aaguid: SOFTWARE_PHONE_AAGUID };
    let table = [
        (Attestation::SelfSigned, AttestationFormat::PackedSelf, false),
        (Attestation::Root(path), basic.clone(), true),
        (Attestation::Root(folder.path().join("another.pem")), basic, false),
        (Attestation::None, AttestationFormat::None, false),
    ];
    for (attestation, format, trusted) in table {
        let mut bench = bench_with(Trick::Honest, &roots);
        bench.enrol(&attestation).await.unwrap();
        let seen = bench.server.seen.lock().unwrap();
        assert_eq!((seen.format.clone(), seen.trusted), (Some(format), trusted), "{attestation:?}");
    }
}

#[tokio::test]
async fn it_signs_only_what_it_shows() {
    for (trick, expected) in
        [(Trick::OtherEnrolmentChallenge, "enrolment"), (Trick::ForeignRelyingParty, "rp.id")]
    {
        let mut bench = bench_with(trick, "");
        let outcome = bench.enrol(&Attestation::SelfSigned).await;
        assert!(matches!(outcome, Err(PhoneError::NotWhatIsShown(what)) if what == expected));
        assert_eq!(bench.phone.device_id(), None);
    }
    for trick in [Trick::OtherText, Trick::HiddenMember, Trick::OtherChallenge] {
        let mut bench = enrolled(trick).await;
        let outcome = bench.phone.approve(None, Some("47")).await;
        assert!(matches!(outcome, Err(PhoneError::NotWhatIsShown(_) | PhoneError::Answer("/text"))));
        let seen = bench.server.seen.lock().unwrap();
        assert!(!seen.calls.iter().any(|call| call.ends_with("/decision")), "nothing was sent");
    }
}

fn faults() -> Vec<(Faults, &'static str)> {
    let none = Faults::default();
    vec![
        (Faults { backup_state: true, ..none }, "backup_flags"),
        (Faults { no_uv: true, ..none }, "user_not_verified"),
        (Faults { no_up: true, ..none }, "user_not_present"),
        (Faults { wrong_origin: true, ..none }, "origin"),
        (Faults { cross_origin: true, ..none }, "cross_origin"),
        (Faults { wrong_rp: true, ..none }, "rp_id"),
        (Faults { wrong_challenge: true, ..none }, "challenge"),
    ]
}

#[tokio::test]
async fn each_fault_is_seen_at_enrolment() {
    let tampered = (Faults { tamper_signature: true, ..Faults::default() }, "attestation_signature");
    for (fault, expected) in faults().into_iter().chain([tampered]) {
        let mut bench = bench_with(Trick::Honest, "");
        bench.phone.set_faults(fault);
        assert_eq!(refused(bench.enrol(&Attestation::SelfSigned).await).error, "invalid_attestation");
        assert_eq!(bench.server.seen.lock().unwrap().reasons, [expected]);
        // It may try again.
        bench.phone.set_faults(Faults::default());
        bench.enrol(&Attestation::SelfSigned).await.unwrap();
    }
}

#[tokio::test]
async fn each_fault_is_seen_at_approval() {
    let none = Faults::default();
    let more = [
        (Faults { tamper_signature: true, ..none }, "signature"),
        (Faults { backup_eligible: true, ..none }, "backup_eligibility_changed"),
    ];
    for (fault, expected) in faults().into_iter().chain(more) {
        let mut bench = enrolled(Trick::Honest).await;
        bench.phone.set_faults(fault);
        assert_eq!(refused(bench.phone.approve(None, Some("47")).await).error, "invalid_assertion");
        assert_eq!(bench.server.seen.lock().unwrap().reasons, [expected]);
        bench.phone.set_faults(none);
        assert_eq!(bench.phone.approve(None, Some("47")).await.unwrap().status, "approved");
    }
    let mut bench = enrolled(Trick::Honest).await;
    bench.phone.set_faults(Faults { stale_counter: true, ..none });
    assert_eq!(refused(bench.phone.approve(None, Some("47")).await).error, "invalid_assertion");
    assert_eq!(bench.server.seen.lock().unwrap().counters, [1, 1]);
}

#[tokio::test]
async fn its_file_is_private_and_never_overwritten() {
    let bench = bench_with(Trick::Honest, "");
    let path = bench.folder.path().join("phone.json");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = Phone::create(&path, &Url::parse(SERVER).unwrap(), around(&bench.server));
    assert!(matches!(again, Err(PhoneError::State(_))));
    assert_eq!(Phone::server_of(&path).unwrap().as_str(), "https://example.org/");
}

#[tokio::test]
async fn without_enrolment_nothing_is_asked_of_the_server() {
    let mut bench = bench_with(Trick::Honest, "");
    assert!(matches!(bench.phone.pending().await, Err(PhoneError::NotEnrolled)));
    assert!(matches!(bench.phone.devices().await, Err(PhoneError::NotEnrolled)));
    bench.phone.request_codes("899700000012").await.unwrap();
    assert_eq!(bench.server.seen.lock().unwrap().calls, ["POST /mobile/v1/enrolments/codes"]);
}
