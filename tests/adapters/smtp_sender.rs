//! Mail through a relay over a real socket.

use sceau::adapter::smtp_sender::{SmtpSecurity, SmtpSender, SmtpSettings};
use sceau::base::{MessageId, PersonId, Secret, SeededEntropy};
use sceau::device::{Channel, Content};
use sceau::ports::{Carrier, CarrierError, Message};

use crate::support::{Greeting, MailServer, START};

pub(crate) const LIFE: std::time::Duration = std::time::Duration::from_mins(10);

pub(crate) fn code(channel: Channel, contact: &str) -> Message {
    Message {
        id: MessageId::random(&SeededEntropy::new(1)),
        person: PersonId::random(&SeededEntropy::new(2)),
        channel,
        contact: Secret::new(contact.to_owned()),
        content: Content::Code { code: Secret::new(String::from("35014823")), life: Some(LIFE) },
        deadline: START.plus(LIFE),
    }
}

async fn carry(settings: &SmtpSettings, contact: &str) -> Result<(), CarrierError> {
    SmtpSender::new(settings).unwrap().carry(&code(Channel::Email, contact)).await
}

#[tokio::test]
async fn a_code_is_one_plain_mail_in_french_and_english() {
    let relay = MailServer::open(Greeting::Plain).await;
    carry(&relay.settings(), "camille@example.org").await.unwrap();
    let mail = relay.taken().await;
    let (headers, body) = mail.split_once("\n\n").unwrap();
    for header in [
        "RCPT TO:<camille@example.org>",
        "From: sceau <noreply@id.example.fr>",
        "To: camille@example.org",
        "Content-Type: text/plain; charset=utf-8",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(headers.contains(header), "{header} in {headers}");
    }
    let id = code(Channel::Email, "x").id;
    assert!(headers.contains(&format!("Message-ID: <{id}@id.example.fr>")), "{headers}");
    assert!(!headers.contains("35014823"), "the code is in no header");
    // RFC 2045 6.7
    let body = body.replace("=\n", "");
    for word in
        ["35014823", "Bonjour", "Hello", "10 min", "Never give this code to anyone", "premier des deux codes"]
    {
        assert!(body.contains(word), "{word} in {body}");
    }
    assert!(body.find("Bonjour") < body.find("Hello"));
}

#[tokio::test]
async fn a_password_goes_over_tls_only_and_both_ways_of_tls_are_spoken() {
    for greeting in [Greeting::StartTls, Greeting::Tls] {
        let relay = MailServer::open(greeting).await;
        let login = Some((String::from("sceau"), Secret::new(String::from("hunter2"))));
        let settings = SmtpSettings { credentials: login, ..relay.settings() };
        carry(&settings, "camille@example.org").await.unwrap();
        assert_eq!(relay.logins(), ["sceau hunter2"], "{greeting:?}");
        assert_eq!(relay.accepted().len(), 1, "{greeting:?}");
    }
}

#[tokio::test]
async fn without_the_starttls_that_is_required_nothing_is_said() {
    let relay = MailServer::open(Greeting::Plain).await;
    let settings = SmtpSettings {
        host: String::from("localhost"),
        security: SmtpSecurity::StartTls,
        credentials: Some((String::from("sceau"), Secret::new(String::from("hunter2")))),
        ..relay.settings()
    };
    assert!(carry(&settings, "camille@example.org").await.is_err());
    assert!(relay.accepted().is_empty() && relay.logins().is_empty());
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    for greeting in [Greeting::StartTls, Greeting::Tls] {
        let (relay, other) = (MailServer::open(greeting).await, MailServer::open(greeting).await);
        for authorities in [None, Some(other.certificate.clone())] {
            let settings = SmtpSettings { authorities, ..relay.settings() };
            let refused = carry(&settings, "camille@example.org").await;
            assert!(matches!(refused, Err(CarrierError::Temporary { .. })), "{refused:?}");
        }
        assert!(relay.accepted().is_empty());
    }
}

#[tokio::test]
async fn an_address_that_could_write_a_header_is_refused() {
    let relay = MailServer::open(Greeting::Plain).await;
    for contact in [
        "camille@example.org\r\nBcc: thief@example.org",
        "camille@example.org\nBcc: thief@example.org",
        "camille@example.org\r",
        "\r\ncamille@example.org",
        "camille@example.org> <thief@example.org",
        "camille@example.org, thief@example.org",
        "\"a\r\n b\"@example.org",
        "camille\0@example.org",
        "camille",
        "",
    ] {
        let refused = carry(&relay.settings(), contact).await;
        let never = CarrierError::Permanent { reason: "contact_not_an_address" };
        assert_eq!(refused, Err(never), "{contact:?}");
    }
    assert!(relay.accepted().is_empty());
}

#[tokio::test]
async fn the_relay_s_answer_says_whether_to_try_again() {
    let temporary = |reason| Err(CarrierError::Temporary { reason, after: None });
    let table = [
        ("250 ok", Ok(())),
        ("451 later", temporary("relay_asks_to_wait")),
        ("535 who are you", temporary("relay_refuses_authentication")),
        ("550 <camille@example.org> unknown", Err(CarrierError::Permanent { reason: "relay_refuses" })),
        ("nonsense", temporary("relay_not_reached")),
    ];
    let relay = MailServer::open(Greeting::Plain).await;
    for (answer, expected) in table {
        relay.answer(answer);
        assert_eq!(carry(&relay.settings(), "camille@example.org").await, expected, "{answer}");
    }
    assert_eq!(relay.accepted().len(), 1);
    let gone = relay.settings();
    drop(relay);
    assert_eq!(carry(&gone, "camille@example.org").await, temporary("relay_not_reached"));
}
