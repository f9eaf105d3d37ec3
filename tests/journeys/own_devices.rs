//! A person looks after their phones.

use std::time::Duration;

use http::Method;
use sceau::phone::PhoneError;

use crate::support::{CAMILLE, Caller, HUGO, Harness};

#[tokio::test]
async fn the_list_shows_the_person_s_phones_and_which_one_asks() {
    let harness = Harness::new().await;
    let mut first = harness.enrolled("first", CAMILLE).await;
    harness.clock.advance(Duration::from_secs(1));
    let mut second = harness.enrolled("second", CAMILLE).await;
    let _other = harness.enrolled("other", HUGO).await;
    let listed = first.devices().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|device| (Some(device.id.as_str()), device.current)).collect();
    assert_eq!(shown, [(first.device_id(), true), (second.device_id(), false)]);
    let current: Vec<bool> = second.devices().await.unwrap().iter().map(|device| device.current).collect();
    assert_eq!(current, [false, true]);
}

#[tokio::test]
async fn a_revoked_phone_is_a_stranger() {
    let harness = Harness::new().await;
    let mut first = harness.enrolled("first", CAMILLE).await;
    let mut second = harness.enrolled("second", CAMILLE).await;
    let lost = second.device_id().unwrap().to_owned();
    first.revoke(&lost).await.unwrap();
    let refused = second.devices().await;
    assert!(
        matches!(&refused, Err(PhoneError::Refused(r)) if (r.status, &*r.error) == (401, "invalid_device")),
        "{refused:?}"
    );
    assert_eq!(first.devices().await.unwrap().len(), 1);
    assert_eq!(harness.audited("device.revoked by_person").await, 1);
    assert_eq!(harness.audited("device.authentication device_inactive").await, 1);
    // Again: there is no such phone any more.
    let again = first.revoke(&lost).await;
    assert!(matches!(&again, Err(PhoneError::Refused(r)) if r.error == "device_not_found"), "{again:?}");
}

#[tokio::test]
async fn a_phone_can_end_itself_and_make_room_for_another() {
    let harness = Harness::new().await;
    let mut first = harness.enrolled("first", CAMILLE).await;
    let _second = harness.enrolled("second", CAMILLE).await;
    let own = first.device_id().unwrap().to_owned();
    first.revoke(&own).await.unwrap();
    assert!(first.devices().await.is_err());
    let mut third = harness.enrolled("third", CAMILLE).await;
    assert_eq!(third.devices().await.unwrap().len(), 2);
}

#[tokio::test]
async fn another_person_s_phone_cannot_be_revoked() {
    let harness = Harness::new().await;
    let mut victim = harness.enrolled("victim", CAMILLE).await;
    let _attacker = harness.enrolled("attacker", HUGO).await;
    let attacker = Caller::with_key_of(&harness, &harness.path("attacker"));
    let foreign = format!("/mobile/v1/devices/{}", victim.device_id().unwrap());
    let reply = attacker.call(Method::DELETE, &foreign, None).await;
    let nobody = attacker.call(Method::DELETE, "/mobile/v1/devices/x", None).await;
    assert_eq!(reply.refusal(), (404, "device_not_found"));
    assert_eq!(reply.body, nobody.body);
    assert_eq!(victim.devices().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_without_a_phone_is_a_stranger() {
    let harness = Harness::new().await;
    let stranger = Caller::stranger(&harness);
    for path in ["/mobile/v1/devices", "/mobile/v1/approvals"] {
        let reply = stranger.get(path).await;
        assert_eq!(reply.refusal(), (401, "invalid_device"));
        assert!(reply.header("www-authenticate").unwrap().starts_with("DPoP "));
    }
}

#[tokio::test]
async fn a_phone_past_its_validity_is_a_stranger() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    harness.clock.advance(harness.provider.policy.lifetimes.device);
    let refused = phone.devices().await;
    assert!(matches!(&refused, Err(PhoneError::Refused(r)) if r.error == "invalid_device"), "{refused:?}");
}
