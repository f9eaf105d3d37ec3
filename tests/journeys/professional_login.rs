//! A professional signs in on a service's page with a phone: from the first address to the identity.

use serde_json::{Value, json};

use crate::support::{CAMILLE, Harness, ISSUER, Received, SESSION, START, Service};

/// What Pro Santé Connect's userinfo says of the sample's first person.
fn camille(sub: &Value) -> Value {
    let practice = json!({
        "codeModeExercice": "L", "codeSecteurDactivite": "SA07", "codeSectionPharmacien": "", "codeRole": "",
        "codeGenreActivite": "", "numeroSiretSite": "", "numeroSirenSite": "", "numeroFinessSite": "",
        "numeroFinessetablissementJuridique": "", "identifiantTechniqueDeLaStructure": "R990101",
        "raisonSocialeSite": "CABINET DR VERDIER", "enseigneCommercialeSite": "",
        "complementDestinataire": "CABINET DR VERDIER", "complementPointGeographique": "", "numeroVoie": "2",
        "indiceRepetitionVoie": "", "codeTypeDeVoie": "R", "libelleVoie": "NOIRE", "mentionDistribution": "",
        "bureauCedex": "75009 PARIS", "codePostal": "75009", "codeCommune": "75109", "codePays": "99000",
        "telephone": "0199002001", "telephone2": "", "telecopie": "", "adresseEMail": "",
        "codeDepartement": "75", "ancienIdentifiantDeLaStructure": "",
        "autoriteDenregistrement": "CNOM/CNOM/CNOM"
    });
    let hospital = json!({
        "codeModeExercice": "S", "codeSecteurDactivite": "SA01", "codeSectionPharmacien": "", "codeRole": "",
        "codeGenreActivite": "", "numeroSiretSite": "", "numeroSirenSite": "", "numeroFinessSite": "0B0190011",
        "numeroFinessetablissementJuridique": "1B0060011", "identifiantTechniqueDeLaStructure": "F0B0190011",
        "raisonSocialeSite": "HOPITAL DES TILLEULS", "enseigneCommercialeSite": "",
        "complementDestinataire": "HOPITAL DES TILLEULS", "complementPointGeographique": "", "numeroVoie": "12",
        "indiceRepetitionVoie": "", "codeTypeDeVoie": "AV", "libelleVoie": "DES TILLEULS",
        "mentionDistribution": "", "bureauCedex": "75013 PARIS", "codePostal": "75013", "codeCommune": "75113",
        "codePays": "99000", "telephone": "0199001001", "telephone2": "", "telecopie": "", "adresseEMail": "",
        "codeDepartement": "75", "ancienIdentifiantDeLaStructure": "10B0190011",
        "autoriteDenregistrement": "CNOM/CNOM/ARS"
    });
    json!({
        "sub": sub,
        "SubjectNameID": CAMILLE,
        "preferred_username": CAMILLE,
        "given_name": "Camille",
        "family_name": "VERDIER",
        "otherIds": [{ "identifiant": CAMILLE, "origine": "RPPS", "qualite": 1 }],
        "authMode": "MOBILE",
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "UITVersion": "1.0",
        "Mode_Acces_Raison": "",
        "Acces_Regulation_Medicale": "FAUX",
        "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
        "SubjectRole": ["10^1.2.250.1.213.1.1.5.5"],
        "SubjectOrganization": "CABINET DR VERDIER",
        "SubjectOrganizationID": "R990101",
        "SubjectRefPro": {
            "codeCivilite": "MME",
            "exercices": [{
                "codeProfession": "10", "codeCategorieProfessionnelle": "C", "codeCiviliteDexercice": "DR",
                "nomDexercice": "VERDIER", "prenomDexercice": "Camille", "codeTypeSavoirFaire": "S",
                "codeSavoirFaire": "SM26", "activities": [practice, hospital]
            }]
        }
    })
}

#[tokio::test]
async fn from_the_page_to_the_sector_identity() {
    let harness = Harness::new().await;
    let mut phone = harness.attested_phone("camille", CAMILLE).await;
    let service = Service::psc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let ask = service.ask().with("scope", "openid scope_all").with("acr_values", "eidas1");
    let answer = browser.sign_in(&ask.url(), &mut phone, CAMILLE).await;
    assert_eq!(answer.address, service.redirect_uri());
    assert_eq!(answer.params.keys().collect::<Vec<_>>(), ["code", "iss", "state"]);
    assert_eq!((answer.get("iss"), answer.get("state")), (ISSUER, "état=1&2"));
    assert_eq!(answer.code().len(), 43);

    let tokens = service.redeem(answer.code()).await;
    let body = tokens.json();
    let members: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(
        members,
        [
            "access_token",
            "expires_in",
            "id_token",
            "refresh_expires_in",
            "refresh_token",
            "scope",
            "token_type"
        ]
    );
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(120)));
    assert_eq!(body["scope"], "openid scope_all");
    assert_eq!((tokens.header("cache-control"), tokens.header("pragma")), ("no-store", "no-cache"));

    let claims = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!(claims["nonce"], "nonce-of-the-client");
    assert_eq!((&claims["acr"], &claims["auth_time"]), (&json!("eidas2"), &json!(START.secs())));
    assert_eq!(claims["amr"], json!(["hwk", "pop", "user", "mfa"]));
    assert!(claims.contains_key("sid") && claims.contains_key("at_hash"), "{claims:?}");
    assert!(!claims.contains_key("SubjectNameID"), "{claims:?}");

    let userinfo = service.userinfo(&tokens.text_of("access_token")).await;
    let expected = camille(&claims["sub"]);
    assert_eq!(userinfo.json(), expected);
    assert_eq!(userinfo.text, expected.to_string());
    assert_eq!((userinfo.status, userinfo.header("cache-control")), (200, "no-store"));
    let rows = harness.audit().await;
    let expected = [
        "interaction.opened opened",
        "approval.opened opened",
        "approval.decision approved",
        "session.started authenticated",
        "code.issued authenticated",
        "tokens.issued code",
    ];
    assert_eq!(rows[rows.len() - expected.len()..], expected);
}

async fn signs_in(harness: &Harness, service: &Service<'_>, url: &str) -> Received {
    let mut phone = harness.reopened("camille", harness.transport());
    let mut browser = harness.page_browser();
    let answer = if service.client.is_public() {
        browser.sign_in_and_allow(url, &mut phone, CAMILLE).await
    } else {
        browser.sign_in(url, &mut phone, CAMILLE).await
    };
    let tokens = service.redeem(answer.code()).await;
    let userinfo = service.userinfo(&tokens.text_of("access_token")).await;
    assert_eq!(userinfo.status, 200, "{}", userinfo.text);
    let claims = service.verified(&tokens.text_of("id_token")).await;
    assert_eq!(userinfo.json()["sub"], claims["sub"]);
    tokens
}

#[tokio::test]
async fn every_kind_of_client_gets_tokens_of_its_kind() {
    let harness = Harness::new().await;
    let _phone = harness.enrolled("camille", CAMILLE).await;
    let oidc = Service::oidc(&harness, "basic").await;
    let tokens = signs_in(&harness, &oidc, &oidc.ask().url()).await.json();
    assert_eq!((&tokens["token_type"], tokens.get("refresh_token")), (&json!("Bearer"), None));

    let psc = Service::psc(&harness, "psc").await;
    let tokens = signs_in(&harness, &psc, &psc.pushed(&psc.ask()).await).await.json();
    assert_eq!(tokens["token_type"], "Bearer");
    assert!(tokens["refresh_token"].is_string(), "{tokens}");

    let fapi2 = Service::fapi2(&harness, "fapi").await;
    let tokens = signs_in(&harness, &fapi2, &fapi2.pushed(&fapi2.ask()).await).await.json();
    assert_eq!(tokens["token_type"], "DPoP");

    let native = Service::native(&harness, "native").await;
    harness.clock.advance(std::time::Duration::from_secs(61));
    let tokens =
        signs_in(&harness, &native, &native.ask().with("scope", "openid offline_access").url()).await;
    assert_eq!(tokens.json()["token_type"], "DPoP");
    assert!(tokens.json()["refresh_token"].is_string());
}

#[tokio::test]
async fn the_session_cookie_is_new_at_each_authentication() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    browser.cookies.insert(SESSION.to_owned(), String::from("planted-by-an-attacker"));
    browser.sign_in(&service.ask().url(), &mut phone, CAMILLE).await;
    let first = browser.session();
    assert_eq!(first.len(), 43);
    harness.clock.advance(std::time::Duration::from_secs(1));
    browser.sign_in(&service.ask().with("prompt", "login").url(), &mut phone, CAMILLE).await;
    let second = browser.session();
    assert_ne!(first, second);
    // The old one is dead (`attacks.md` A-205).
    browser.cookies.insert(SESSION.to_owned(), first);
    assert_eq!(browser.answered(&service.ask().with("prompt", "none").url()).await.error(), "login_required");
    browser.cookies.insert(SESSION.to_owned(), second);
    browser.answered(&service.ask().with("prompt", "none").url()).await.code();
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_and_out_of_reach_of_scripts() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let service = Service::oidc(&harness, "dossier").await;
    let mut browser = harness.page_browser();
    let opened = browser.get(&service.ask().url()).await;
    let tab = opened.header("location").to_owned();
    let number = browser.identify(&tab, CAMILLE).await;
    phone.approve(None, Some(&number)).await.unwrap();
    let done = browser.get(&tab).await;
    let mut cookies = opened.cookies();
    cookies.extend(done.cookies());
    assert_eq!(cookies.len(), 4, "{cookies:?}");
    for cookie in &cookies {
        assert!(cookie.starts_with("__Host-sceau-"), "{cookie}");
        for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
    assert_eq!(browser.cookies.len(), 2, "only the session and the places of known persons are left");
}

#[tokio::test]
async fn a_person_known_in_another_sector_has_another_name() {
    let harness = Harness::new().await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let mut browser = harness.page_browser();
    let mut subjects = Vec::new();
    for id in ["one", "two"] {
        let service = Service::oidc(&harness, id).await;
        let url = service.ask().url();
        let answer = if subjects.is_empty() {
            browser.sign_in(&url, &mut phone, CAMILLE).await
        } else {
            browser.answered(&url).await
        };
        let tokens = service.redeem(answer.code()).await;
        let claims = service.verified(&tokens.text_of("id_token")).await;
        subjects.push((claims["sub"].clone(), claims["sid"].clone()));
    }
    assert_ne!(subjects[0].0, subjects[1].0);
    assert_eq!(subjects[0].1, subjects[1].1);
}
