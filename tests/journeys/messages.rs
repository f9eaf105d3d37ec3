//! Codes and notices over the network: a provider with the real queue, a mail relay and an SMS gateway.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sceau::adapter::message_queue::{Carriers, MessageQueue, Pace};
use sceau::adapter::sms_gateway::SmsGateway;
use sceau::adapter::smtp_sender::SmtpSender;
use sceau::app::Deliveries;
use sceau::device::{Channel, Content};
use sceau::phone::Attestation;
use sceau::ports::Ports;
use sceau::telemetry::{LogSettings, Metrics};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{CAMILLE, Caller, Greeting, HUGO, Harness, MailServer, NOBODY, Reaction, SmsServer};

const LONG: Duration = Duration::from_secs(20);

/// A provider whose messages go to `relay` and `gateway`.
async fn connected(relay: &MailServer, gateway: &SmsServer, pace: Pace) -> (Harness, Deliveries) {
    let carriers = Carriers {
        email: Arc::new(SmtpSender::new(&relay.settings()).unwrap()),
        phone: Arc::new(SmsGateway::new(&gateway.settings()).unwrap()),
    };
    let mut worker = None;
    let wrap = |ports: Ports| {
        let (queue, made) = MessageQueue::new(carriers, pace, ports.clock.clone());
        worker = Some(made);
        Ports { code_sender: Arc::new(queue), ..ports }
    };
    let harness = Harness::over(|_| (), wrap).await;
    let deliveries = Deliveries::start(worker.unwrap(), harness.provider.clone());
    (harness, deliveries)
}

fn quick() -> Pace {
    Pace { first_pause: Duration::from_millis(1), ..Pace::default() }
}

/// The eight digits of a text.
fn digits(text: &str) -> String {
    let word = text.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 8);
    word.unwrap().to_owned()
}

/// The text of a mail, without its headers.
fn body(mail: &str) -> String {
    mail.split_once("\n\n").unwrap().1.replace("=\n", "")
}

async fn ask(harness: &Harness, national_id: &str) -> u16 {
    let caller = Caller::stranger(harness);
    let asked = caller.post("/mobile/v1/enrolments/codes", json!({ "national_id": national_id }));
    tokio::time::timeout(LONG, asked).await.unwrap().status
}

#[tokio::test]
async fn the_codes_of_both_servers_enrol_a_phone_and_both_hear_of_it() {
    let metrics = Metrics::install().unwrap();
    let (relay, gateway) = (MailServer::open(Greeting::StartTls).await, SmsServer::open().await);
    relay.answer("451 later");
    gateway.react(Reaction::Status(500));
    let (harness, deliveries) = connected(&relay, &gateway, quick()).await;
    let mut phone = harness.phone("camille");
    phone.request_codes(CAMILLE).await.unwrap();
    let mail = tokio::time::timeout(LONG, relay.taken()).await.unwrap();
    let sms = tokio::time::timeout(LONG, gateway.taken()).await.unwrap();
    assert!(mail.contains("RCPT TO:<camille.verdier@example.org>"));
    assert_eq!(sms["to"], "0199000001");
    let references: Vec<_> = gateway.asked().iter().map(|asked| asked["reference"].clone()).collect();
    assert_eq!(references.len(), 2);
    assert_eq!(references[0], references[1], "the same at every try");
    let (email, by_phone) = (digits(&body(&mail)), digits(sms["text"].as_str().unwrap()));
    assert_ne!(email, by_phone);
    let device = phone.enrol(CAMILLE, &email, &by_phone, &Attestation::SelfSigned).await.unwrap();

    let mail = tokio::time::timeout(LONG, relay.taken()).await.unwrap();
    let sms = tokio::time::timeout(LONG, gateway.taken()).await.unwrap();
    for text in [&body(&mail), sms["text"].as_str().unwrap()] {
        assert!(text.contains(&device.serial), "{text}");
        assert!(text.contains("à votre nom") || text.contains("=C3=A0 votre nom"), "{text}");
        assert!(text.contains("in your name"), "{text}");
        for private in [CAMILLE, "VERDIER", "Camille", &email, &by_phone] {
            assert!(!text.contains(private), "{text}");
        }
    }
    assert!(deliveries.stop(LONG).await);
    assert_eq!(harness.audited("enrolment.codes queued").await, 1);
    assert_eq!(harness.audited("device.announced queued").await, 1);
    let metrics = metrics.render();
    for channel in ["email", "phone"] {
        let sent = format!("sceau_messages_total{{channel=\"{channel}\",outcome=\"sent\"}}");
        assert!(metrics.contains(&sent), "{metrics}");
    }
}

#[tokio::test]
async fn the_answer_comes_while_the_relay_still_thinks() {
    let (relay, gateway) = (MailServer::held(Greeting::Plain).await, SmsServer::open().await);
    let (harness, _deliveries) = connected(&relay, &gateway, quick()).await;
    assert_eq!(ask(&harness, CAMILLE).await, 202);
    tokio::time::timeout(LONG, relay.arrival()).await.unwrap();
    // The conversation is open, and others are answered all the same, known or not.
    assert_eq!(ask(&harness, HUGO).await, 202);
    assert_eq!(ask(&harness, NOBODY).await, 202);
    assert!(relay.accepted().is_empty());
    relay.release();
    for _ in 0..2 {
        tokio::time::timeout(LONG, relay.taken()).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_queue_does_not_tell_and_is_audited() {
    let (relay, gateway) = (MailServer::held(Greeting::Plain).await, SmsServer::open().await);
    let (harness, _deliveries) = connected(&relay, &gateway, Pace { places: 1, ..quick() }).await;
    for who in [CAMILLE, NOBODY] {
        assert_eq!(ask(&harness, who).await, 202);
    }
    assert_eq!(harness.audited("enrolment.codes not_sent").await, 1);
    assert_eq!(harness.audited("enrolment.codes queued").await, 0);
}

#[tokio::test]
async fn a_code_that_no_server_takes_is_audited() {
    let (relay, gateway) = (MailServer::open(Greeting::Plain).await, SmsServer::open().await);
    relay.answer("550 <camille.verdier@example.org> unknown");
    gateway.react(Reaction::TooMany("3600"));
    let (harness, deliveries) = connected(&relay, &gateway, quick()).await;
    assert_eq!(ask(&harness, CAMILLE).await, 202);
    tokio::time::timeout(LONG, relay.arrival()).await.unwrap();
    while gateway.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(deliveries.stop(LONG).await);
    assert_eq!(harness.audited("enrolment.codes queued").await, 1);
    assert_eq!(harness.audited("enrolment.codes email_not_delivered").await, 1);
    let phone = harness.audited("enrolment.codes phone_too_late").await;
    let stopped = harness.audited("enrolment.codes phone_stopped").await;
    assert_eq!(phone + stopped, 1);
}

#[tokio::test]
async fn codes_and_contacts_are_never_logged() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry()
        .with(LogSettings::parse(Some("debug")).filter().unwrap())
        .with(tracing_subscriber::fmt::layer().with_writer(lines.clone()));
    // Of one alone, tracing would ask the thread that meets a line first, of whatever test, whether it is wanted.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (relay, gateway) = (MailServer::open(Greeting::Plain).await, SmsServer::open().await);
    relay.answer("451 camille.verdier@example.org later");
    relay.answer("550 camille.verdier@example.org unknown");
    gateway.react(Reaction::Page);
    let (harness, deliveries) = connected(&relay, &gateway, quick()).await;
    assert_eq!(ask(&harness, CAMILLE).await, 202);
    for _ in 0..2 {
        tokio::time::timeout(LONG, relay.arrival()).await.unwrap();
    }
    let sms = tokio::time::timeout(LONG, gateway.taken()).await.unwrap();
    assert!(deliveries.stop(LONG).await);
    let log = lines.text();
    for word in ["relay_refuses", "relay_asks_to_wait", "gateway_answers_otherwise"] {
        assert!(log.contains(word), "{word} in {log}");
    }
    let code = digits(sms["text"].as_str().unwrap());
    for private in [code.as_str(), "camille", "0199000001", "gateway-token", CAMILLE] {
        assert!(!log.contains(private), "{private} in {log}");
    }
}

#[tokio::test]
async fn every_channel_hears_of_a_new_phone_and_a_broken_sender_does_not_undo_it() {
    let harness = Harness::new().await;
    let _phone = harness.enrolled("camille", CAMILLE).await;
    let notices = harness.outbox.notices();
    let told: Vec<_> = notices.iter().map(|notice| (notice.channel, notice.contact.expose())).collect();
    let contacts = [(Channel::Email, "camille.verdier@example.org"), (Channel::Phone, "0199000001")];
    assert_eq!(told, contacts);
    assert!(notices.iter().all(|notice| matches!(notice.content, Content::NewDevice { .. })));

    let mut phone = harness.phone("second");
    phone.request_codes(CAMILLE).await.unwrap();
    let (email, by_phone) = harness.codes(CAMILLE).await;
    harness.outbox.fail();
    phone.enrol(CAMILLE, &email, &by_phone, &Attestation::SelfSigned).await.unwrap();
    assert_eq!(harness.audited("device.announced queued").await, 1);
    assert_eq!(harness.audited("device.announced not_sent").await, 1);
}

/// A log in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
