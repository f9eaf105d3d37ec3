//! Its pages: the choice of a person, and refusals. Nothing of the state's own look is copied.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::people::Individual;
use super::{CLIENT_NAME, NAME, PREFIX};
use crate::identity::Acr;
use crate::interaction::Locale;

/// The texts.
struct Words {
    tag: &'static str,
    invented: &'static str,
    warning: &'static str,
    choose: &'static str,
    asks: &'static str,
    level: &'static str,
    born: &'static str,
    cancel: &'static str,
    failed: &'static str,
    failed_text: &'static str,
    code: &'static str,
}

const FRENCH: Words = Words {
    tag: "fr",
    invented: "données inventées",
    warning: "Ce n’est pas FranceConnect. Cette page tient son rôle sur cette machine\u{a0}: aucune personne ci-dessous \
              n’existe, et rien n’est vérifié.",
    choose: "Qui êtes-vous aujourd’hui\u{a0}?",
    asks: "vous demande de vous identifier",
    level: "niveau",
    born: "Naissance\u{a0}:",
    cancel: "Annuler et revenir",
    failed: "Une erreur est survenue",
    failed_text: "La demande reçue ne peut pas être suivie.",
    code: "Code d’erreur\u{a0}:",
};

const ENGLISH: Words = Words {
    tag: "en",
    invented: "invented data",
    warning: "This is not FranceConnect. This page plays its part on this machine: nobody below exists, and nothing is \
              verified.",
    choose: "Who are you today?",
    asks: "asks you to identify yourself",
    level: "level",
    born: "Born:",
    cancel: "Cancel and go back",
    failed: "An error occurred",
    failed_text: "The request received cannot be followed.",
    code: "Error code:",
};

impl Words {
    const fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Fr => &FRENCH,
            Locale::En => &ENGLISH,
        }
    }
}

#[derive(Template)]
#[template(path = "franceconnect.html", config = ".askama.toml")]
struct View<'a> {
    w: &'static Words,
    name: &'static str,
    prefix: &'static str,
    body: Body<'a>,
}

enum Body<'a> {
    Choice { id: &'a str, service: &'static str, acr: &'static str, people: Vec<Shown> },
    Failure { code: &'static str, meaning: &'static str },
}

/// Somebody, as the page has them.
struct Shown {
    reference: String,
    names: String,
    birth: String,
}

/// Asks who comes.
pub(super) fn choice_page(id: &str, people: &[Individual], acr: Acr, locale: Locale) -> Response {
    let shown = |person: &Individual| {
        let traits = person.traits();
        let names = format!("{} {}", traits.given_names.join(" "), traits.family_name);
        Shown { reference: person.reference.clone(), names, birth: traits.birth_date.to_string() }
    };
    let people = people.iter().map(shown).collect();
    let body = Body::Choice { id, service: CLIENT_NAME, acr: acr.as_str(), people };
    respond(StatusCode::OK, body, locale)
}

/// What is told to the person, and to nobody else.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// A parameter is missing or malformed.
    Malformed,
    /// Another client.
    UnknownClient,
    /// An address that was not registered.
    UnknownAddress,
    /// The page was answered, or is too old.
    Lost,
    /// Nobody has the name chosen.
    Nobody,
    /// A logout that is not of our client.
    Logout,
}

impl Failure {
    /// FranceConnect's code, and its meaning in French and in English.
    const fn words(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Self::Malformed => {
                ("Y030007", ["un paramètre manque ou est mal formé", "a parameter is missing or malformed"])
            }
            Self::UnknownClient => ("Y04EA6EF", ["service inconnu", "unknown service"]),
            Self::UnknownAddress => {
                ("Y04C013C", ["adresse de retour non enregistrée", "redirect_uri not registered"])
            }
            Self::Lost => {
                ("Y190001", ["cette page a expiré ou a déjà servi", "this page has expired or was answered"])
            }
            Self::Nobody => ("Y000400", ["personne ne porte ce nom", "nobody has this name"]),
            Self::Logout => ("100019", ["déconnexion refusée", "logout refused"]),
        }
    }
}

/// Tells a refusal to the person.
pub(super) fn error_page(failure: Failure, locale: Locale) -> Response {
    let (code, [french, english]) = failure.words();
    let meaning = match locale {
        Locale::Fr => french,
        Locale::En => english,
    };
    respond(StatusCode::BAD_REQUEST, Body::Failure { code, meaning }, locale)
}

fn respond(status: StatusCode, body: Body<'_>, locale: Locale) -> Response {
    let view = View { w: Words::of(locale), name: NAME, prefix: PREFIX, body };
    let Ok(html) = view.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (VARY, "accept-language"),
    ];
    (status, headers, html).into_response()
}

pub(super) async fn style() -> Response {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, include_str!("franceconnect.css")).into_response()
}

/// Chromium holds each step of a redirection after a form against `form-action`: from here through the provider to the
/// service, all on this machine.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self' http://localhost:* http://127.0.0.1:*; \
    base-uri 'none'; frame-ancestors 'none'";
