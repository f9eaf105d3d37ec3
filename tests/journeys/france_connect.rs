//! A hub like FranceConnect+ above this provider: encrypted answers, claims it accepts, one use of each token.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sceau::base::{PersonId, Sid, TokenHash, UnixTime};
use sceau::flow::text_lines;
use sceau::identity::{
    Acr, AssuranceTerms, AuthMode, AuthenticationProof, HubRefusal, PatientClaim, Person, ReleasePolicy, Way,
    hub_refusal,
};
use sceau::jose::{CompactJwe, DecryptionKey, EncryptionKey, JwkSet, KeyManagement, Unverified};
use sceau::oauth::{ClientAuthMethod, GrantType, Profile, ResponseProtection, ScopeSet};
use sceau::ports::{ClientKeys, PortError, PortResult, Session};
use serde_json::{Map, Value, json};

use crate::support::{
    CAMILLE, Harness, ISSUER, PageBrowser, SESSION, Service, csrf, identities, registration,
};

const ALG: KeyManagement = KeyManagement::EcdhEs;
const IDENTITIES: &str = include_str!("../data/identities.json");

/// The keys of the hub, in its own hands; none while it is out of order.
#[derive(Clone, Default)]
struct HubKeys(Arc<Mutex<Option<Arc<DecryptionKey>>>>);

impl HubKeys {
    fn rotate(&self) {
        *self.0.lock().unwrap() = Some(Arc::new(DecryptionKey::generate(ALG).unwrap()));
    }

    fn fail(&self) {
        *self.0.lock().unwrap() = None;
    }

    /// What is inside `token`, which must be for the key in use.
    fn open(&self, token: &str) -> String {
        let key = self.0.lock().unwrap().clone().unwrap();
        let sealed = CompactJwe::parse(token, 32 * 1024).unwrap();
        assert!(sealed.header().is_nested());
        assert_eq!(sealed.header().kid.as_deref(), key.public().kid());
        String::from_utf8(sealed.decrypt(&key).unwrap().to_vec()).unwrap()
    }
}

#[async_trait]
impl ClientKeys for HubKeys {
    async fn encryption_key(&self, jwks_uri: &str, alg: KeyManagement) -> PortResult<EncryptionKey> {
        assert_eq!((jwks_uri, alg), ("https://hub.example/keys", ALG));
        let key = self.0.lock().unwrap().clone();
        key.map(|key| key.public().clone()).ok_or_else(|| PortError::Unavailable(String::from("no key")))
    }
}

async fn hub() -> (Harness, HubKeys) {
    let keys = HubKeys::default();
    keys.rotate();
    let of_hub = keys.clone();
    let harness =
        Harness::over(|_| (), move |ports| sceau::ports::Ports { client_keys: Arc::new(of_hub), ..ports });
    let harness = harness.await;
    let lines: Vec<Value> = serde_json::from_str(IDENTITIES).unwrap();
    let lines: Vec<String> = lines.iter().map(|entry| entry["patient"].to_string()).collect();
    let text = lines.join("\n");
    let report = harness.provider.import_patients(&mut text_lines(&text), &mut |_| ()).await.unwrap();
    assert_eq!(report.rejected, 0);
    (harness, keys)
}

async fn service(harness: &Harness) -> Service<'_> {
    let mut new = registration("hub", Profile::FranceConnect, ClientAuthMethod::SecretPost);
    new.grant_types = vec![GrantType::AuthorizationCode];
    new.scope = ScopeSet::parse("openid profile email preferred_username birthplace birthcountry").unwrap();
    let policy = ReleasePolicy::for_france_connect();
    new.release =
        PatientClaim::ALL.into_iter().filter(|claim| policy.allows(*claim)).collect::<BTreeSet<_>>();
    new.responses = ResponseProtection::encrypted(String::from("https://hub.example/keys"), ALG);
    Service::register(harness, new).await
}

/// A browser in which `person` has signed in at `acr`.
async fn signed_in(harness: &Harness, person: PersonId, acr: Acr) -> PageBrowser {
    let now = harness.provider.now();
    let terms = AssuranceTerms {
        enrolment: acr,
        enrolment_reason: String::from("test"),
        authenticator: acr,
        authenticator_reason: String::from("test"),
        way: Way::TypedNumber,
    };
    let amr = vec![String::from("pop"), String::from("mfa")];
    let proof =
        AuthenticationProof { person, device: None, auth_time: now, amr, terms, auth_mode: AuthMode::Mobile };
    let end: UnixTime = now.plus(Duration::from_hours(1));
    let sid = Sid::random(&*harness.provider.ports.entropy);
    let session = Session {
        sid,
        person,
        proof,
        created: now,
        absolute_end: end,
        idle_end: end,
        upstream: None,
        begun_for: None,
    };
    let cookie = sceau::base::EntropyExt::token(&*harness.provider.ports.entropy);
    harness.provider.ports.sessions.insert(&TokenHash::of(cookie.expose()), &session).await.unwrap();
    let mut browser = harness.page_browser();
    browser.cookies.insert(SESSION.to_owned(), cookie.expose().to_owned());
    browser
}

fn asked(service: &Service<'_>) -> crate::support::Ask {
    let scope = "openid profile email preferred_username birthplace birthcountry";
    service.ask().with("scope", scope).with("acr_values", "eidas2")
}

/// What FranceConnect validates of an identity, and of which it refuses any other member.
fn judged(claims: &Map<String, Value>) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(format!("{name} is missing"));
    let accepted = [
        "sub",
        "given_name",
        "family_name",
        "birthdate",
        "gender",
        "birthplace",
        "birthcountry",
        "email",
        "preferred_username",
        "iss",
        "aud",
    ];
    if let Some(other) = claims.keys().find(|name| !accepted.contains(&name.as_str())) {
        return Err(format!("{other} is not whitelisted"));
    }
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let date: Vec<&str> = text("birthdate")?.split('-').collect();
    let france = text("birthcountry")? == "99100";
    let place = text("birthplace")?;
    let commune = place.replacen("2A", "20", 1).replacen("2B", "20", 1);
    for (name, holds) in [
        ("sub", !text("sub")?.is_empty() && text("sub")?.is_ascii()),
        ("given_name", (1..=256).contains(&text("given_name")?.chars().count())),
        ("family_name", (1..=256).contains(&text("family_name")?.chars().count())),
        ("birthdate", date.len() == 3 && digits(date[0], 4) && digits(date[1], 2) && digits(date[2], 2)),
        ("gender", ["male", "female", "unspecified"].contains(&text("gender")?)),
        ("birthplace", if france { digits(&commune, 5) } else { place.is_empty() }),
        ("birthcountry", digits(text("birthcountry")?, 5)),
        ("email", text("email")?.split('@').count() == 2),
    ] {
        if !holds {
            return Err(format!("{name} is not valid"));
        }
    }
    Ok(())
}

async fn verified(harness: &Harness, token: &str) -> Map<String, Value> {
    let published = JwkSet::parse(&harness.get("/jwks").await.json()).unwrap();
    let unverified = Unverified::parse(token, 8192).unwrap();
    let header = unverified.header().clone();
    assert_eq!(header.alg.as_str(), "ES256");
    let key = published.find(header.kid.as_deref(), header.alg).unwrap();
    unverified.verify(&key.key, &[header.alg]).unwrap().claims
}

#[tokio::test]
async fn every_identity_is_one_that_the_hub_accepts_once_it_has_an_address() {
    let (harness, keys) = hub().await;
    let service = service(&harness).await;
    let (mut told, mut asked_for) = (0, 0);
    for identity in identities().into_iter().filter(|identity| !identity.patient.deceased) {
        let person =
            harness.provider.ports.patients.find(&identity.patient.reference).await.unwrap().unwrap();
        let mut browser = signed_in(&harness, person.id, Acr::Eidas2).await;
        let mut email = identity.patient.email.clone();
        let answer = if hub_refusal(&person).is_some() {
            assert_eq!(
                (hub_refusal(&person), &email),
                (Some(HubRefusal::NoEmail), &None),
                "{}",
                identity.case
            );
            let tab = browser.open(&asked(&service).url()).await;
            email = Some(String::from("typed@declared.example"));
            asked_for += 1;
            browser.submit(&tab, "email", &[("email", "typed@declared.example")]).await.to_client()
        } else {
            browser.answered(&asked(&service).url()).await
        };
        keys.rotate();
        let tokens = service.redeem(answer.code()).await;
        assert_eq!(tokens.json()["expires_in"], 60);
        assert_eq!(tokens.json().get("refresh_token"), None);
        let id_token = verified(&harness, &keys.open(&tokens.text_of("id_token"))).await;
        assert_eq!((&id_token["acr"], &id_token["nonce"]), (&json!("eidas2"), &json!("nonce-of-the-client")));
        keys.rotate();
        let userinfo = service.userinfo(&tokens.text_of("access_token")).await;
        assert_eq!((userinfo.status, userinfo.header("content-type")), (200, "application/jwt"));
        let claims = verified(&harness, &keys.open(&userinfo.text)).await;
        assert_eq!(judged(&claims), Ok(()), "{}", identity.case);
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("hub")));
        assert_eq!(claims["sub"], id_token["sub"]);
        assert_eq!(claims["email"].as_str(), email.as_deref());
        told += 1;
    }
    assert!(told > asked_for && asked_for > 0, "{told} {asked_for}");
}

#[tokio::test]
async fn an_access_token_serves_once_and_not_without_the_key_of_the_hub() {
    let (harness, keys) = hub().await;
    let service = service(&harness).await;
    let identity = identities().into_iter().find(|one| one.patient.email.is_some()).unwrap();
    let person = harness.provider.ports.patients.find(&identity.patient.reference).await.unwrap().unwrap();
    let mut browser = signed_in(&harness, person.id, Acr::Eidas2).await;
    let code = browser.answered(&asked(&service).url()).await.code().to_owned();
    keys.fail();
    let refused = service.token(&service.redemption(&code)).await;
    assert_eq!(refused.error(), (503, String::from("temporarily_unavailable")));
    keys.rotate();
    // The code was not spent.
    let token = service.redeem(&code).await.text_of("access_token");
    keys.fail();
    assert_eq!(service.userinfo(&token).await.status, 503);
    keys.rotate();
    let (one, other) = tokio::join!(service.userinfo(&token), service.userinfo(&token));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(service.userinfo(&token).await.error(), (401, String::from("invalid_token")));
    // A minute, whatever is configured for the others.
    let code = browser.answered(&asked(&service).url()).await.code().to_owned();
    let token = service.redeem(&code).await.text_of("access_token");
    harness.clock.advance(Duration::from_secs(61));
    assert_eq!(service.userinfo(&token).await.status, 401);
}

#[tokio::test]
async fn a_professional_or_a_low_level_is_refused_with_the_reason() {
    let (harness, _keys) = hub().await;
    let service = service(&harness).await;
    let professional = harness.person(CAMILLE).await;
    let mut browser = signed_in(&harness, professional, Acr::Eidas2).await;
    let answer = browser.answered(&asked(&service).url()).await;
    assert_eq!(answer.error(), "access_denied");
    assert!(answer.get("error_description").contains("professional"));
    let identity = identities().into_iter().find(|one| one.patient.email.is_some()).unwrap();
    let person = harness.provider.ports.patients.find(&identity.patient.reference).await.unwrap().unwrap();
    let mut browser = signed_in(&harness, person.id, Acr::Eidas2).await;
    let answer = browser.answered(&asked(&service).with("acr_values", "eidas3").url()).await;
    assert_eq!(answer.error(), "unmet_authentication_requirements");
    // A session below eidas2 does not do, even if nothing is asked.
    let mut browser = signed_in(&harness, person.id, Acr::Eidas1).await;
    let silent = asked(&service).without("acr_values").with("prompt", "none");
    assert_eq!(browser.answered(&silent.url()).await.error(), "login_required");
}

/// A patient of whom no directory tells an address, and a browser in which they have signed in.
async fn without_email(harness: &Harness) -> (Person, PageBrowser) {
    let identity =
        identities().into_iter().find(|one| one.patient.email.is_none() && !one.patient.deceased).unwrap();
    let person = harness.provider.ports.patients.find(&identity.patient.reference).await.unwrap().unwrap();
    let browser = signed_in(harness, person.id, Acr::Eidas2).await;
    (person, browser)
}

#[tokio::test]
async fn who_has_no_address_is_asked_once_told_what_is_wrong_with_it_and_nothing_is_verified() {
    let (harness, keys) = hub().await;
    let service = service(&harness).await;
    let (person, mut browser) = without_email(&harness).await;
    let silent = asked(&service).with("prompt", "none");
    assert_eq!(browser.answered(&silent.url()).await.error(), "interaction_required");
    let tab = browser.open(&asked(&service).url()).await;
    browser.get(&tab).await.assert_page(200, "Votre adresse électronique");
    browser.get(&format!("{tab}?ui_locales=en")).await.assert_page(200, "Your e-mail address");
    browser.get(&format!("{tab}?ui_locales=fr")).await;
    for (typed, said) in [("", "Saisissez"), ("camille", "un seul @"), ("camille@exemple", "nom de domaine")]
    {
        let page = browser.submit(&tab, "email", &[("email", typed)]).await;
        page.assert_page(200, said);
        assert!(page.text.contains(&format!("value=\"{typed}\"")), "what was typed can be corrected");
    }
    assert_eq!(harness.provider.ports.persons.find(person.id).await.unwrap().unwrap().declared_email, None);
    let (answer, rows) =
        harness.audited_during(browser.submit(&tab, "email", &[("email", " camille@exemple.fr ")])).await;
    assert!(rows.iter().any(|row| row.contains("person.email_declared")), "{rows:?}");
    assert!(!rows.iter().any(|row| row.contains("exemple.fr")), "{rows:?}");
    let tokens = service.redeem(answer.to_client().code()).await;
    let id_token = verified(&harness, &keys.open(&tokens.text_of("id_token"))).await;
    let userinfo = service.userinfo(&tokens.text_of("access_token")).await;
    let claims = verified(&harness, &keys.open(&userinfo.text)).await;
    assert_eq!(claims["email"], json!("camille@exemple.fr"));
    for told in [&id_token, &claims] {
        assert_eq!(told.get("email_verified"), None, "nobody verified it");
    }
    // No code of activation goes there.
    let kept = harness.provider.ports.persons.find(person.id).await.unwrap().unwrap();
    assert_eq!((kept.contacts().email, kept.declared_email.as_deref()), (None, Some("camille@exemple.fr")));
    // Not asked again, and the form of the page that is over changes nothing.
    browser.answered(&asked(&service).url()).await.code();
    let late = browser.post(&format!("{tab}/email"), &[("email", "other@exemple.fr"), ("csrf", "x")]).await;
    assert!(late.status >= 400, "{}", late.status);
    let after = harness.provider.ports.persons.find(person.id).await.unwrap().unwrap();
    assert_eq!(after.declared_email, kept.declared_email);
}

#[tokio::test]
async fn the_page_of_the_address_can_be_left_and_answers_its_own_browser_and_form_alone() {
    let (harness, _keys) = hub().await;
    let service = service(&harness).await;
    let (person, mut browser) = without_email(&harness).await;
    let typed = ("email", "camille@exemple.fr");
    let tab = browser.open(&asked(&service).url()).await;
    browser.get(&tab).await.assert_page(200, "Votre adresse électronique");
    let forged = browser.post(&format!("{tab}/email"), &[typed, ("csrf", "forged")]).await;
    forged.assert_page(400, "autre navigateur");
    let csrf = csrf(&browser.get(&tab).await.text);
    let mut thief = harness.page_browser();
    thief.post(&format!("{tab}/email"), &[typed, ("csrf", &csrf)]).await.assert_page(400, "autre navigateur");
    // Somebody else signs in in this browser before the form is sent: the address is not theirs.
    let other = identities().into_iter().find(|one| one.patient.email.is_some()).unwrap();
    let other = harness.provider.ports.patients.find(&other.patient.reference).await.unwrap().unwrap();
    let mine = browser.cookies.get(SESSION).unwrap().clone();
    let theirs = signed_in(&harness, other.id, Acr::Eidas2).await.cookies.remove(SESSION).unwrap();
    browser.cookies.insert(SESSION.to_owned(), theirs);
    browser.post(&format!("{tab}/email"), &[typed, ("csrf", &csrf)]).await;
    browser.cookies.insert(SESSION.to_owned(), mine);
    for id in [person.id, other.id] {
        let person = harness.provider.ports.persons.find(id).await.unwrap().unwrap();
        assert_eq!(person.declared_email, None);
    }
    let left = browser.submit(&tab, "cancel", &[]).await.to_client();
    assert_eq!(left.error(), "access_denied");
}
