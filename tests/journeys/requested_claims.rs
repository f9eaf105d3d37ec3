//! What a request asks of the level and of the claims (OpenID Connect Core 3.1.2.1, 5.5).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{CAMILLE, Harness, PageBrowser, Service};

async fn signed_in(harness: &Harness, service: &Service<'_>, attested: bool) -> PageBrowser {
    let mut phone = if attested {
        harness.attested_phone("camille", CAMILLE).await
    } else {
        harness.enrolled("camille", CAMILLE).await
    };
    let mut browser = harness.page_browser();
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await.code();
    harness.clock.advance(Duration::from_secs(61));
    browser
}

fn essential(values: &Value) -> String {
    json!({ "id_token": { "acr": { "essential": true, "values": values } } }).to_string()
}

#[tokio::test]
async fn a_level_that_the_session_has_is_enough() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service, true).await;
    let lists = ["eidas2", "eidas1", "eidas3 eidas2", "eidas3 eidas1", "urn:unknown", "urn:unknown eidas2"];
    let asks = lists.map(|list| service.ask().with("acr_values", list));
    let claims = [json!(["eidas2"]), json!(["eidas3", "eidas1"]), json!([])];
    let claims = claims.map(|values| service.ask().with("claims", &essential(&values)));
    for ask in asks.iter().chain(&claims) {
        let answer = browser.answered(&ask.url()).await;
        let tokens = service.redeem(answer.code()).await;
        let said = service.verified(&tokens.text_of("id_token")).await;
        assert_eq!(said["acr"], "eidas2", "{}", ask.url());
    }
}

#[tokio::test]
async fn a_level_that_nobody_reaches_here_is_refused_at_once() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let claims = [json!(["eidas3"]), json!(["urn:unknown"])].map(|values| essential(&values));
    let mut asks =
        vec![service.ask().with("acr_values", "eidas3"), service.ask().with("acr_values", "eidas3 x")];
    asks.extend(claims.iter().map(|claims| service.ask().with("claims", claims)));
    for ask in asks {
        let (answer, rows) =
            harness.audited_during(async { harness.page_browser().answered(&ask.url()).await }).await;
        assert_eq!(answer.error(), "unmet_authentication_requirements", "{}", ask.url());
        assert_eq!(rows, ["authorization.request unmet_authentication_requirements"]);
    }
}

#[tokio::test]
async fn a_level_that_this_phone_does_not_reach_is_an_error_and_no_downgrade() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service, false).await;
    let essential = essential(&json!(["eidas2"]));
    for ask in [service.ask().with("acr_values", "eidas2"), service.ask().with("claims", &essential)] {
        // The session is too low: the person is asked, and the phone is as low.
        let none = browser.answered(&ask.clone().with("prompt", "none").url()).await;
        assert_eq!(none.error(), "login_required");
        let mut phone = harness.reopened("camille", harness.transport());
        let answer = browser.sign_in(&ask.url(), &mut phone, CAMILLE).await;
        assert_eq!(answer.error(), "unmet_authentication_requirements");
        harness.clock.advance(Duration::from_secs(61));
    }
    // A voluntary claim is a wish.
    let wish = json!({ "id_token": { "acr": { "values": ["eidas2"] } } }).to_string();
    browser.answered(&service.ask().with("claims", &wish).url()).await.code();
}

#[tokio::test]
async fn claims_are_given_where_asked_and_only_those_of_the_registration() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service, true).await;
    let asked = json!({
        "id_token": { "given_name": null, "SubjectRole": { "essential": true }, "iss": { "value": "x" } },
        "userinfo": { "SubjectNameID": null, "SubjectRefPro": null, "subject_seed": null },
    });
    let answer = browser.answered(&service.ask().with("claims", &asked.to_string()).url()).await;
    let tokens = service.redeem(answer.code()).await;
    let said = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!(said["given_name"], "Camille");
    assert!(!said.contains_key("SubjectRole"), "scope_all is not registered: {said:?}");
    let userinfo = service.userinfo(&tokens.text_of("access_token")).await.json();
    assert_eq!(userinfo, json!({ "sub": said["sub"], "SubjectNameID": CAMILLE }));
}

#[tokio::test]
async fn a_claims_parameter_that_is_not_one_is_refused() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let deep = format!("{}1{}", "{\"id_token\":".repeat(9), "}".repeat(9));
    let table = [
        "x",
        "[]",
        "{\"id_token\":1}",
        "{\"id_token\":{\"acr\":1}}",
        "{\"userinfo\":{},\"userinfo\":{}}",
        &deep,
    ];
    for claims in table {
        let answer = harness.page_browser().answered(&service.ask().with("claims", claims).url()).await;
        assert_eq!(answer.error(), "invalid_request", "{claims}");
    }
}

#[tokio::test]
async fn a_scope_gives_its_claims_and_nothing_else() {
    let harness = Harness::new().await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = signed_in(&harness, &service, true).await;
    let table: [(&str, &str, &[&str]); 4] = [
        ("openid", "openid", &["sub"]),
        ("profile openid", "openid profile", &["family_name", "given_name", "preferred_username", "sub"]),
        ("openid rpps", "openid rpps", &["SubjectNameID", "otherIds", "preferred_username", "sub"]),
        ("openid scope_all unknown", "openid", &["sub"]),
    ];
    for (asked, given, names) in table {
        let answer = browser.answered(&service.ask().with("scope", asked).url()).await;
        let tokens = service.redeem(answer.code()).await;
        assert_eq!(tokens.text_of("scope"), given);
        let userinfo = service.userinfo(&tokens.text_of("access_token")).await.json();
        let members: Vec<&String> = userinfo.as_object().unwrap().keys().collect();
        assert_eq!(members, names, "{asked}");
    }
}
