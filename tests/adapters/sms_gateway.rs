//! Short messages through a gateway over a real socket.

use std::time::Duration;

use sceau::adapter::sms_gateway::{GatewayError, GatewaySettings, SmsGateway};
use sceau::base::Secret;
use sceau::device::Channel;
use sceau::ports::{Carrier as _, CarrierError};

use super::smtp_sender::code;
use crate::support::{Reaction, SmsServer};

async fn carry(settings: &GatewaySettings, contact: &str) -> Result<(), CarrierError> {
    SmsGateway::new(settings).unwrap().carry(&code(Channel::Phone, contact)).await
}

#[tokio::test]
async fn a_code_is_one_request_with_its_reference() {
    let server = SmsServer::open().await;
    carry(&server.settings(), "01 99.00-00 01").await.unwrap();
    let asked = server.taken().await;
    assert_eq!(asked["to"], "0199000001");
    assert_eq!(asked["reference"], code(Channel::Phone, "x").id.to_string());
    assert_eq!(asked["authorization"], "Bearer gateway-token");
    let text = asked["text"].as_str().unwrap();
    for word in ["35014823", "10 min", "2e des 2 codes", "Never give it to anyone"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    assert!(text.find("Code SMS") < text.find("SMS code"));
    assert_eq!(asked.as_object().unwrap().len(), 4, "nothing else is told");
}

#[tokio::test]
async fn what_is_no_number_is_refused() {
    let server = SmsServer::open().await;
    for contact in [
        "",
        "+",
        "112",
        "0199000001\r\n",
        "tel:0199000001",
        "0199000001,0199000002",
        "0123456789012345",
        "++33199",
    ] {
        let never = CarrierError::Permanent { reason: "contact_not_a_number" };
        assert_eq!(carry(&server.settings(), contact).await, Err(never), "{contact:?}");
    }
    assert!(server.asked().is_empty());
    carry(&server.settings(), "+33 (0)1 99 00 00 01").await.unwrap();
}

#[tokio::test]
async fn the_gateway_s_answer_says_whether_to_try_again() {
    let temporary = |reason| Err(CarrierError::Temporary { reason, after: None });
    let asks = temporary("gateway_asks_to_wait");
    let (other, never) =
        (temporary("gateway_answers_otherwise"), Err(CarrierError::Permanent { reason: "gateway_refuses" }));
    let after = Some(Duration::from_secs(7));
    let table = [
        (Reaction::Status(200), Ok(())),
        (Reaction::Status(201), Ok(())),
        (Reaction::Status(202), Ok(())),
        (Reaction::Status(204), never),
        (Reaction::Status(400), never),
        (Reaction::Redirect, never),
        (Reaction::Status(401), temporary("gateway_refuses_authentication")),
        (Reaction::Status(408), asks),
        (Reaction::Status(500), asks),
        (Reaction::Status(503), asks),
        (Reaction::TooMany("7"), Err(CarrierError::Temporary { reason: "gateway_asks_to_wait", after })),
        (Reaction::TooMany("soon"), asks),
        (Reaction::Page, other),
        (Reaction::OtherReference, other),
        (Reaction::Endless, other),
        (Reaction::Silence, temporary("timeout")),
    ];
    let server = SmsServer::open().await;
    for (reaction, expected) in table {
        server.react(reaction);
        assert_eq!(carry(&server.settings(), "0199000001").await, expected, "{reaction:?}");
    }
    assert_eq!(server.asked().len(), table.len(), "no redirect is followed");
    let gone = server.settings();
    drop(server);
    assert_eq!(carry(&gone, "0199000001").await, temporary("gateway_not_reached"));
}

#[tokio::test]
async fn a_token_that_could_write_a_header_is_refused() {
    let server = SmsServer::open().await;
    let token = Secret::new(String::from("a\r\nX: b"));
    let refused = SmsGateway::new(&GatewaySettings { token, ..server.settings() });
    assert!(matches!(refused, Err(GatewayError::Token)));
}
