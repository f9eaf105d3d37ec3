//! The whole journey, played by programs: a person, her browser, her phone and a service, over HTTP and nothing else.

mod browser;
mod developer;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value};

use super::clients::KEY_CLIENT;
use super::{DemoPerson, Showcase};
use crate::phone::{Attestation, HttpTransport, Phone, Surroundings};
use browser::Browser;
use developer::{Developer, Login};

/// One step that was played.
pub struct Step {
    /// What happened, in French.
    pub french: String,
    /// The same in English.
    pub english: String,
    /// What could be seen.
    pub seen: Vec<String>,
}

impl Step {
    fn new(french: impl Into<String>, english: impl Into<String>) -> Self {
        Self { french: french.into(), english: english.into(), seen: Vec::new() }
    }

    fn seen(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.seen.extend(lines);
        self
    }
}

/// Plays enrolment and login against a demonstration that is serving, and tells each step.
///
/// # Errors
/// The first step that failed.
pub async fn play(showcase: &Showcase, tell: &(dyn Fn(&Step) + Send + Sync)) -> anyhow::Result<()> {
    let persons = showcase.desk.persons();
    let person = persons.first().context("the directory is empty")?;
    let folder = tempfile::tempdir().context("a folder for the phone")?;
    let mut phone = new_phone(showcase, &folder.path().join("phone.json"))?;
    enrol(&mut phone, person, tell).await.context("activating the phone")?;

    let developer = Developer::new(showcase, KEY_CLIENT)?;
    let login = developer.push().await.context("the service pushes its request")?;
    tell(
        &Step::new(
            "Le service dépose sa demande de connexion, sans passer par le navigateur.",
            "The service pushes its login request, not through the browser.",
        )
        .seen([
            format!("POST {}/par", showcase.addresses.issuer),
            format!("request_uri = {}", login.request_uri),
        ]),
    );
    let mut browser = Browser::new(&showcase.addresses.issuer_url()?)?;
    let page = identify(&mut browser, &developer, &login, person, tell).await.context("the sign-in page")?;
    approve(&mut phone, &page, tell).await.context("approving on the phone")?;

    let back = browser.redirect(&page.address).await.context("going back to the service")?;
    tell(
        &Step::new(
            "Le navigateur revient au service avec un code à usage unique.",
            "The browser goes back to the service with a single-use code.",
        )
        .seen([hide_code(back.as_str())]),
    );
    let claims = developer.redeem(&back, &login).await.context("exchanging the code")?;
    tell(
        &Step::new(
            "Le service échange le code et vérifie le jeton d’identité : signature ES256, émetteur, nonce.",
            "The service exchanges the code and verifies the ID token: ES256 signature, issuer, nonce.",
        )
        .seen(pretty(&claims.id_token)),
    );
    tell(
        &Step::new(
            "Le service lit qui est la personne, et son identité de secteur (champs vides omis).",
            "The service reads who the person is, and her sector identity (empty members left out).",
        )
        .seen(pretty(&without_empty(claims.userinfo))),
    );
    Ok(())
}

fn new_phone(showcase: &Showcase, path: &std::path::Path) -> anyhow::Result<Phone> {
    let server = showcase.addresses.issuer_url()?;
    let transport = HttpTransport::new(&server)?;
    Ok(Phone::create(path, &server, Surroundings::over(std::sync::Arc::new(transport)))?)
}

async fn enrol(
    phone: &mut Phone,
    person: &DemoPerson,
    tell: &(dyn Fn(&Step) + Send + Sync),
) -> anyhow::Result<()> {
    let codes = &person.codes;
    let (email, sms) = (codes.email.expose(), codes.phone.expose());
    let device = phone.enrol(person.national_id.expose(), email, sms, &Attestation::SelfSigned).await?;
    tell(
        &Step::new(
            format!("{} active son téléphone avec les deux codes reçus.", person.name),
            format!("{} activates a phone with the two codes received.", person.name),
        )
        .seen([
            format!("e-mail {email}, téléphone/phone {sms}"),
            format!("appareil/device {} ({}, {})", device.serial, device.model, device.acr),
        ]),
    );
    Ok(())
}

/// The page that shows the number.
struct NumberPage {
    address: String,
    number: String,
}

async fn identify(
    browser: &mut Browser,
    developer: &Developer<'_>,
    login: &Login,
    person: &DemoPerson,
    tell: &(dyn Fn(&Step) + Send + Sync),
) -> anyhow::Result<NumberPage> {
    let address = browser.redirect(&developer.authorization_address(login)).await?.path().to_owned();
    let form = browser.page(&address).await?;
    let csrf = browser::between(&form, "name=\"csrf\" value=\"", "\"").context("no form")?;
    let fields = [("csrf", csrf.as_str()), ("identifier", person.national_id.expose())];
    browser.submit(&format!("{address}/identify"), &fields).await?;
    tell(
        &Step::new(
            "Dans le navigateur, la personne donne son identifiant national : rien d’autre, aucun mot de passe.",
            "In the browser, the person gives the national identifier: nothing else, no password.",
        )
        .seen([String::from(person.national_id.expose())]),
    );
    let page = browser.page(&address).await?;
    let number = browser::between(&page, "<output id=\"number\">", "<").context("no number on the page")?;
    let said = "La page montre un nombre, à taper sur le téléphone.";
    tell(&Step::new(said, "The page shows a number, to be typed on the phone.").seen([number.clone()]));
    Ok(NumberPage { address, number })
}

async fn approve(
    phone: &mut Phone,
    page: &NumberPage,
    tell: &(dyn Fn(&Step) + Send + Sync),
) -> anyhow::Result<()> {
    let decided = phone.approve(None, Some(&page.number)).await?;
    ensure!(decided.status == "approved", "the decision is {}", decided.status);
    let text = decided.text;
    tell(
        &Step::new(
            "Le téléphone montre qui demande et d’où ; la personne tape le nombre, le téléphone signe.",
            "The phone shows who asks and from where; the person types the number, the phone signs.",
        )
        .seen([format!("{} – {} – {} – {}", text.service, text.purpose, text.origin, text.at)]),
    );
    Ok(())
}

/// Most members about a place of work are empty.
fn without_empty(claims: Map<String, Value>) -> Map<String, Value> {
    let kept = claims.into_iter().filter(|(_, value)| value != "");
    kept.map(|(name, value)| (name, deeply(value))).collect()
}

fn deeply(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(without_empty(members)),
        Value::Array(items) => items.into_iter().map(deeply).collect(),
        other => other,
    }
}

fn pretty(claims: &Map<String, Value>) -> Vec<String> {
    serde_json::to_string_pretty(claims).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The code is spent a moment later, but people paste terminals.
fn hide_code(address: &str) -> String {
    match browser::between(address, "code=", "&") {
        Some(code) => address.replace(&code, "…"),
        None => address.to_owned(),
    }
}
