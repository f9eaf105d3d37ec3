//! Cut-offs that cannot be read (design decision 15): five seconds on, nothing is accepted or signed; all of it comes
//! back by itself.

use std::time::Duration;

use crate::support::{CAMILLE, Fails, Harness, Outage, Relier, machine, reliance, shown};

#[tokio::test]
async fn nothing_is_accepted_on_old_knowledge() {
    let outage = Outage::none();
    let harness = Harness::over(|_| (), |ports| outage.of(ports)).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let relier = Relier::register(&harness, reliance("dossier")).await;
    let robot = Relier::register(&harness, machine("robot", "registre")).await;
    let signed_in = relier.sign_in(&harness, &mut phone).await;
    let token = signed_in.token("access_token").to_owned();
    let mut refresh = signed_in.token("refresh_token").to_owned();
    let cookie = signed_in.cookie();
    let silent = format!(
        "/authorize?client_id={}&response_type=code&scope=openid&prompt=none&state=s&redirect_uri={}",
        relier.id, "https%3A%2F%2Fdossier.example%2Fretour"
    );
    for (outed, after, works) in [(false, 0, true), (true, 6, false), (true, 60, false), (false, 0, true)] {
        harness.clock.advance(Duration::from_secs(after));
        if outed {
            outage.begin(|_, name| (name == "revocation.changes_since").then_some(Fails::Before));
        } else {
            outage.end();
        }
        let expected = if works { 200 } else { 503 };
        let told = harness.userinfo(&format!("Bearer {token}"), None).await;
        assert_eq!(told.status, expected, "userinfo: {}", told.text);
        let told = relier.post(&harness, "/introspect", &[("token", &token)]).await;
        assert_eq!(told.status, expected, "introspect: {:?}", told.body);
        let told = relier.refresh(&harness, &refresh).await;
        assert_eq!(told.status, expected, "refresh: {:?}", told.body);
        if let Some(next) = told.body["refresh_token"].as_str() {
            next.clone_into(&mut refresh);
        }
        let told = robot.post(&harness, "/token", &[("grant_type", "client_credentials")]).await;
        assert_eq!(told.status, expected, "client credentials: {:?}", told.body);
        let answer = shown(&harness, &silent, &cookie).await.location.unwrap();
        assert_eq!(answer.contains("code="), works, "{answer}");
        assert_eq!(answer.contains("error=temporarily_unavailable"), !works, "{answer}");
    }
}
