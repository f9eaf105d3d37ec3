//! The senders of the demonstration.

use std::sync::{Arc, Mutex};

use sceau::adapter::log_push::LogPush;
use sceau::adapter::log_sender::LogSender;
use sceau::base::{DeviceId, MessageId, PersonId, Secret, SeededEntropy};
use sceau::device::Content;
use sceau::ports::{Channel, CodeSender, Message, PortError, Push};

use crate::support::START;

#[tokio::test]
async fn messages_reach_the_chosen_sink() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let sender = LogSender::new(Box::new(move |message: &Message| {
        let Content::Code { code, .. } = &message.content else { panic!("a code was sent") };
        sink.lock().unwrap().push((message.channel, code.expose().to_owned()));
    }));
    for (channel, code) in [(Channel::Email, "123456"), (Channel::Phone, "654321")] {
        sender.send(message(channel, code)).await.unwrap();
    }
    let expected = [(Channel::Email, String::from("123456")), (Channel::Phone, String::from("654321"))];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn without_a_sink_no_code_is_sent() {
    let answer = LogSender::default().send(message(Channel::Email, "123456")).await;
    assert!(matches!(answer, Err(PortError::Unavailable(_))));
}

#[tokio::test]
async fn a_push_is_only_noted() {
    LogPush.notify(DeviceId::random(&SeededEntropy::new(1))).await;
}

fn message(channel: Channel, code: &str) -> Message {
    Message {
        id: MessageId::random(&SeededEntropy::new(1)),
        person: PersonId::random(&SeededEntropy::new(2)),
        channel,
        contact: Secret::new(String::from("a@b.example")),
        content: Content::Code { code: Secret::new(String::from(code)), life: None },
        deadline: START,
    }
}
