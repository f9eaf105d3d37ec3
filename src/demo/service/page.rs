//! The page of the sample service: invitation, failure, or who is signed in.

use askama::Template;

use super::sessions::Session;
use super::signed_in::SignedIn;
use super::words::Words;
use crate::base::UnixTime;
use crate::interaction::Locale;

#[derive(Template)]
#[template(path = "service.html", config = ".askama.toml")]
struct View<'a> {
    w: &'static Words,
    person: Option<Shown<'a>>,
    error: Option<&'a str>,
    denied: bool,
    phone_page: String,
    account: &'a str,
}

/// Who is signed in, as shown.
struct Shown<'a> {
    signed_in: &'a SignedIn,
    /// For machines, RFC 3339.
    at: String,
    /// The same for people.
    since: String,
}

/// The page for `session`.
pub(super) fn page(
    session: &Session,
    locale: Locale,
    (phone_page, account): (&str, &str),
) -> askama::Result<String> {
    let error = session.error.as_deref();
    let person = session.person.as_deref().map(|signed_in| {
        let at = signed_in.auth_time.map(UnixTime::rfc3339).unwrap_or_default();
        let since = at.replace('T', " ").replace('Z', " UTC");
        Shown { signed_in, at, since }
    });
    // One browser plays several phones.
    let is_patient = session.person.as_deref().is_some_and(SignedIn::is_patient);
    let phone_page = format!("{phone_page}{}", if is_patient { PATIENT_PHONE } else { "" });
    let denied = error == Some("access_denied");
    View { w: Words::of(locale), person, error, denied, phone_page, account }.render()
}

/// The phone of a patient on the phone page, beside that of a professional.
const PATIENT_PHONE: &str = "/?phone=patient";
