//! The senders of the demonstration.

use std::sync::{Arc, Mutex};

use sceau::adapter::log_push::LogPush;
use sceau::adapter::log_sender::LogSender;
use sceau::base::{DeviceId, PersonId, Secret, SeededEntropy};
use sceau::ports::{Channel, CodeSender, PortError, Push};

#[tokio::test]
async fn codes_reach_the_chosen_sink_and_contacts_nobody() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let sender = LogSender::new(Box::new(move |person, channel, code: &Secret| {
        sink.lock().unwrap().push((person, channel, code.expose().to_owned()));
    }));
    let person = PersonId::random(&SeededEntropy::new(1));
    for (channel, code) in [(Channel::Email, "123456"), (Channel::Phone, "654321")] {
        sender.send(person, channel, &secret("a@b.example"), &secret(code)).await.unwrap();
    }
    let expected =
        [(person, Channel::Email, String::from("123456")), (person, Channel::Phone, String::from("654321"))];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn without_a_sink_no_code_is_sent() {
    let person = PersonId::random(&SeededEntropy::new(1));
    let answer =
        LogSender::default().send(person, Channel::Email, &secret("a@b.example"), &secret("123456")).await;
    assert!(matches!(answer, Err(PortError::Unavailable(_))));
}

#[tokio::test]
async fn a_push_is_only_noted() {
    LogPush.notify(DeviceId::random(&SeededEntropy::new(1))).await;
}

fn secret(text: &str) -> Secret {
    Secret::new(String::from(text))
}
