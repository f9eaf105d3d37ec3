//! The journey of `sceau demo --play`, and what programs are told.

use std::sync::Mutex;
use std::time::Duration;

use p256::elliptic_curve::sec1::ToSec1Point as _;
use sceau::base::{base64url, from_base64url};
use sceau::demo::play;

use super::visited;

#[tokio::test]
async fn the_journey_is_played_to_its_end() {
    let seen = Mutex::new(Vec::new());
    visited(None, async |showcase| {
        play(&showcase, &|step| seen.lock().unwrap().push(step.seen.join("\n"))).await.unwrap();
    })
    .await;
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.len(), 8, "{seen:#?}");
    assert!(seen[5].contains("code=…"), "{}", seen[5]);
    assert!(
        seen[6].contains("\"acr\": \"eidas1\"") && seen[6].contains("\"aud\": \"demo-jwt\""),
        "{}",
        seen[6]
    );
    assert!(seen[7].contains("\"SubjectNameID\": \"899700000013\""), "{}", seen[7]);
}

#[tokio::test]
async fn codes_that_were_used_are_replaced() {
    visited(None, async |showcase| {
        let first = showcase.desk.persons();
        play(&showcase, &|_| ()).await.unwrap();
        let renewed = async {
            while showcase.desk.persons()[0].codes == first[0].codes {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), renewed).await.unwrap();
        // Nobody else's.
        assert_eq!(showcase.desk.persons()[1].codes, first[1].codes);
        // And they work: a second phone.
        play(&showcase, &|_| ()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn programs_get_addresses_clients_with_secrets_and_persons_with_codes() {
    let demo = super::started(None).await.unwrap();
    let json = demo.showcase.to_json().unwrap();
    let issuer = json["issuer"].as_str().unwrap();
    assert!(issuer.starts_with("http://localhost:") && json["service"] != json["phone"], "{issuer}");
    let methods: Vec<_> = json["clients"].as_array().unwrap().iter().map(method).collect();
    let expected = [
        ("dossier-patient", "client_secret_basic", true, false),
        ("espace-patient", "client_secret_basic", true, false),
        ("demo-basic", "client_secret_basic", true, false),
        ("demo-post", "client_secret_post", true, false),
        ("demo-jwt", "private_key_jwt", false, true),
        ("demo-native", "none", false, false),
    ];
    assert_eq!(methods, expected);
    let person = &json["persons"][0];
    assert_eq!(person["national_id"], "899700000013");
    let code = |channel: &str| person["activation_codes"][channel].as_str().unwrap().len();
    assert_eq!((code("email"), code("phone")), (8, 8));
}

fn method(client: &serde_json::Value) -> (&str, &str, bool, bool) {
    let has = |name: &str| client.get(name).is_some();
    let id = client["client_id"].as_str().unwrap();
    (id, client["token_endpoint_auth_method"].as_str().unwrap(), has("client_secret"), has("jwk"))
}

#[tokio::test]
async fn the_private_key_given_is_that_of_the_public_one() {
    let demo = super::started(None).await.unwrap();
    let jwk = demo.showcase.to_json().unwrap()["clients"][4]["jwk"].clone();
    let d = from_base64url(jwk["d"].as_str().unwrap()).unwrap();
    let point = p256::SecretKey::from_slice(&d).unwrap().public_key().to_sec1_point(false);
    assert_eq!(jwk["x"], base64url(point.x().unwrap()));
    assert_eq!(jwk["y"], base64url(point.y().unwrap()));
}
