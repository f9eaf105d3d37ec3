//! The pages: headers, texts in both languages, nothing from elsewhere, nothing inline, hostile names.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use sceau::flow::OfferedProvider;
use sceau::http::respond::{EmailPage, ErrorTitle, IdentifyNotice, Page, PageFrame, assets};
use sceau::identity::EmailFault;
use sceau::interaction::Locale;
use tower::ServiceExt;

const HOSTILE: &str = "<script>alert('1')</script>\" onload=\"x";

fn frame(locale: Locale) -> PageFrame {
    let switch_url = Some("/interaction/0197/number?lang=en".to_owned());
    PageFrame { locale, form_targets: vec!["https://service.example/callback?x=1".to_owned()], switch_url }
}

fn identify(service: &str, notice: Option<IdentifyNotice>) -> Page {
    Page::Identify {
        service: service.to_owned(),
        action: "/interaction/0197/identify".to_owned(),
        qr_action: "/interaction/i/qr".into(),
        cancel_action: "/interaction/0197/cancel".to_owned(),
        csrf: "csrf-value".to_owned(),
        notice,
        providers: Vec::new(),
        federate_action: "/interaction/0197/federate".to_owned(),
        phone: true,
    }
}

fn number(number: Option<&str>) -> Page {
    Page::Number {
        service: "Dossier Médical Partagé".to_owned(),
        number: number.map(str::to_owned),
        expires_in: 90,
        status_url: "/interaction/0197/status".to_owned(),
        resume_url: "/interaction/0197/resume".to_owned(),
        cancel_action: "/interaction/0197/cancel".to_owned(),
        csrf: "csrf-value".to_owned(),
    }
}

fn consent(service: &str) -> Page {
    Page::Consent {
        service: service.to_owned(),
        scopes: ["openid", "scope_all", "email", "x.unknown"].map(str::to_owned).to_vec(),
        identity: "Camille Arnoux".to_owned(),
        on_behalf_of: None,
        action: "/interaction/0197/consent".to_owned(),
        csrf: "csrf-value".to_owned(),
    }
}

fn logout(service: Option<&str>) -> Page {
    Page::Logout {
        service: service.map(str::to_owned),
        action: "/end_session".to_owned(),
        ticket: "sealed-request".to_owned(),
        csrf: "csrf-value".to_owned(),
    }
}

fn error(title: ErrorTitle) -> Page {
    let detail = Some("redirect_uri is not registered");
    Page::Error { title, reference: "7KQ2-M4XD".to_owned(), detail, again: None }
}

fn form_post(value: &str) -> Page {
    let fields = vec![("code".to_owned(), value.to_owned()), ("submit".to_owned(), "1".to_owned())];
    Page::FormPost { action: "https://service.example:8443/callback".to_owned(), fields }
}

/// Every page by name.
fn pages() -> Vec<(&'static str, Page)> {
    vec![
        ("identify", identify("Dossier Médical Partagé", None)),
        ("identify-eleven", identify("Pharmacie du Port", Some(IdentifyNotice::ElevenDigits))),
        ("identify-malformed", identify("Pharmacie du Port", Some(IdentifyNotice::Malformed))),
        ("identify-expired", identify("Pharmacie du Port", Some(IdentifyNotice::Expired))),
        ("identify-too-many", identify("Pharmacie du Port", Some(IdentifyNotice::TooMany))),
        ("number", number(Some("07"))),
        ("number-none", number(None)),
        ("consent", consent("Dossier Médical Partagé")),
        ("logout", logout(Some("Pharmacie du Port"))),
        ("logout-unnamed", logout(None)),
        ("logged-out", Page::LoggedOut { ended: true, detail: None }),
        ("logged-out-nowhere", Page::LoggedOut { ended: true, detail: Some("not registered") }),
        ("logged-in", Page::LoggedOut { ended: false, detail: None }),
        ("error-invalid", error(ErrorTitle::InvalidRequest)),
        ("error-expired", error(ErrorTitle::Expired)),
        ("error-other-browser", error(ErrorTitle::OtherBrowser)),
        ("error-unavailable", error(ErrorTitle::Unavailable)),
        ("error-too-many", error(ErrorTitle::TooMany { seconds: 30 })),
        ("error-not-found", error(ErrorTitle::NotFound)),
        ("form-post", form_post("SplxlOBeZQQYbYS6WxSbIA")),
    ]
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn html(page: Page, locale: Locale) -> String {
    text(page.respond(&frame(locale), StatusCode::OK)).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap().to_str().unwrap()
}

#[test]
fn every_page_carries_the_headers_of_rfc_9700() {
    for (name, page) in pages() {
        let response = page.respond(&frame(Locale::En), StatusCode::BAD_REQUEST);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{name}");
        let policy = header(&response, "content-security-policy");
        for directive in
            ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self';"]
        {
            assert!(policy.contains(directive), "{name}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{name}");
        assert_eq!(header(&response, "x-frame-options"), "DENY", "{name}");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer", "{name}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{name}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{name}");
        assert_eq!(header(&response, "cross-origin-opener-policy"), "same-origin", "{name}");
        assert_eq!(header(&response, "content-language"), "en", "{name}");
        assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8", "{name}");
    }
}

fn form_action(page: Page, targets: &[&str]) -> String {
    let form_targets = targets.iter().map(|&target| target.to_owned()).collect();
    let frame = PageFrame { locale: Locale::Fr, form_targets, switch_url: None };
    let response = page.respond(&frame, StatusCode::OK);
    let policy = header(&response, "content-security-policy");
    policy.rsplit("; ").next().unwrap().to_owned()
}

#[test]
fn form_action_names_the_origin_of_the_redirect_and_nothing_else() {
    let table = [
        ("https://service.example/cb?a=b", "form-action 'self' https://service.example"),
        ("http://127.0.0.1:4711/cb", "form-action 'self' http://127.0.0.1:4711"),
        ("http://[::1]:4711/cb", "form-action 'self' http://[::1]:4711"),
        ("com.example.app:/cb", "form-action 'self' com.example.app:"),
        ("https://a.example;script-src *", "form-action 'self'"),
        ("https://*.example/cb", "form-action 'self'"),
        ("javascript:alert(1)", "form-action 'self'"),
        ("not a url", "form-action 'self'"),
    ];
    for (target, expected) in table {
        assert_eq!(form_action(identify("S", None), &[target]), expected);
    }
    assert_eq!(form_action(form_post("c"), &[]), "form-action 'self' https://service.example:8443");
}

#[tokio::test]
async fn pages_have_nothing_inline_and_nothing_from_elsewhere() {
    for (name, page) in pages() {
        let html = html(page, Locale::Fr).await;
        let lower = html.to_lowercase();
        for forbidden in
            ["style=", "<style", " onload", " onclick", "javascript:", "src=\"http", "href=\"http", "//cdn"]
        {
            assert!(!lower.contains(forbidden), "{name} holds {forbidden}");
        }
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/"), "{name}: {script}");
        }
    }
}

#[tokio::test]
async fn every_form_of_ours_carries_the_anti_forgery_value() {
    for (name, page) in pages().into_iter().filter(|(name, _)| *name != "form-post") {
        let html = html(page, Locale::Fr).await;
        for form in html.split("<form").skip(1) {
            assert!(form.contains("<input type=\"hidden\" name=\"csrf\" value=\"csrf-value\">"), "{name}");
            assert!(form.contains("method=\"post\""), "{name}");
        }
    }
}

#[tokio::test]
async fn names_that_come_from_outside_stay_text() {
    for page in [identify(HOSTILE, None), consent(HOSTILE), form_post(HOSTILE), logout(Some(HOSTILE))] {
        let html = html(page, Locale::Fr).await;
        assert!(!html.contains("<script>"), "{html}");
        assert!(!html.contains("\" onload"), "{html}");
        assert!(html.contains("&#60;script&#62;"), "{html}");
    }
}

#[tokio::test]
async fn every_text_exists_in_both_languages_and_no_isolating_mark_is_shown() {
    for locale in [Locale::Fr, Locale::En] {
        for (name, page) in pages() {
            let html = html(page, locale).await;
            assert!(
                html.starts_with(&format!("<!doctype html>\n<html lang=\"{}\">", locale.as_str())),
                "{name}"
            );
            assert!(!html.contains("Unknown localization"), "{name}: {html}");
            assert!(!html.contains(['\u{2068}', '\u{2069}']), "{name}");
        }
    }
    assert_eq!(identifiers(FRENCH), identifiers(ENGLISH));
}

const FRENCH: &str = include_str!("../../src/http/locales/fr/pages.ftl");
const ENGLISH: &str = include_str!("../../src/http/locales/en/pages.ftl");

fn identifiers(source: &str) -> BTreeSet<&str> {
    source
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" ="))
        .map(|(id, _)| id)
        .collect()
}

#[tokio::test]
async fn the_number_is_shown_whole_and_the_page_works_without_scripts() {
    let html = html(number(Some("07")), Locale::Fr).await;
    assert!(html.contains("<output id=\"number\">07</output>"), "{html}");
    assert!(html.contains(
        "<noscript><meta http-equiv=\"refresh\" content=\"3;url=/interaction/0197/resume\"></noscript>"
    ));
    assert!(html.contains(">1:30</time>"));
    assert!(html.contains("role=\"status\""));
}

#[tokio::test]
async fn without_a_number_none_is_spoken_of() {
    let html = html(number(None), Locale::Fr).await;
    assert!(!html.contains("id=\"number\""));
    assert!(!html.contains("Tapez-y"));
    assert!(html.contains("Vous n’avez rien demandé"));
}

#[tokio::test]
async fn an_identifier_of_eleven_digits_is_explained() {
    let html = html(identify("S", Some(IdentifyNotice::ElevenDigits)), Locale::Fr).await;
    assert!(html.contains("ajoutez un 8 devant votre numéro RPPS"));
    assert!(html.contains("aria-describedby=\"hint notice\" aria-invalid=\"true\""), "{html}");
    assert!(html.contains("role=\"alert\""));
}

/// A patient, who has no number, is not sent past the other ways by the cursor.
#[tokio::test]
async fn the_number_takes_the_cursor_where_it_is_the_only_way_or_was_typed_wrongly() {
    let wrong = IdentifyNotice::Malformed;
    for (others, notice, focused) in
        [(false, None, true), (true, None, false), (true, Some(wrong), true), (false, Some(wrong), true)]
    {
        let mut page = identify("S", notice);
        if let Page::Identify { providers, .. } = &mut page
            && others
        {
            let [id, name, origin] = ["fc", "FranceConnect", "https://fc.example"].map(str::to_owned);
            providers.push(OfferedProvider { id, name, origin });
        }
        let html = html(page, Locale::Fr).await;
        assert_eq!(html.contains("required autofocus"), focused, "{others} {notice:?}: {html}");
    }
}

#[tokio::test]
async fn consent_shows_service_scopes_and_how_long() {
    let html = html(consent("Dossier Médical Partagé"), Locale::En).await;
    assert!(html.contains("Dossier Médical Partagé asks to know"));
    assert!(html.contains("<li>Your e-mail address</li>"));
    assert!(html.contains("<li>x.unknown</li>"));
    assert!(html.contains("until you withdraw it"));
    assert!(html.contains("name=\"decision\" value=\"allow\""));
    assert!(html.contains("name=\"decision\" value=\"deny\""));
}

#[tokio::test]
async fn assets_are_typed_cacheable_and_not_sniffed() {
    let router: Router = assets();
    let types = [
        ("style.css", "text/css; charset=utf-8"),
        ("number.js", "text/javascript; charset=utf-8"),
        ("submit.js", "text/javascript; charset=utf-8"),
        ("seal.svg", "image/svg+xml"),
        ("stamp.svg", "image/svg+xml"),
    ];
    for (name, content_type) in types {
        let request = Request::get(format!("/assets/{name}")).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{name}");
        assert_eq!(header(&response, "content-type"), content_type, "{name}");
        assert_eq!(header(&response, "cache-control"), "public, max-age=3600", "{name}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{name}");
        assert!(!text(response).await.is_empty(), "{name}");
    }
}

/// Writes every page below the target folder, for a look in a browser.
#[tokio::test]
async fn pages_are_written_for_a_look() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    for locale in [Locale::Fr, Locale::En] {
        for (name, page) in pages() {
            let file = folder.join(format!("{name}.{}.html", locale.as_str()));
            std::fs::write(file, html(page, locale).await).unwrap();
        }
    }
}

fn email(refused: Option<(EmailFault, &str)>) -> EmailPage {
    EmailPage {
        service: String::from(HOSTILE),
        refused: refused.map(|(fault, typed)| (fault, typed.to_owned())),
        address: "/interaction/0197".to_owned(),
        csrf: "csrf-value".to_owned(),
    }
}

#[tokio::test]
async fn an_address_is_asked_for_and_what_is_wrong_with_it_is_said() {
    let faults = [
        (EmailFault::Empty, "Saisissez une adresse", "Type an e-mail"),
        (EmailFault::TooLong, "trop longue", "too long"),
        (EmailFault::NoAt, "un seul @", "a single @"),
        (EmailFault::Characters, "ni espace, ni accent", "no space, no accent"),
        (EmailFault::Domain, "nom de domaine", "a domain name"),
    ];
    for (fault, french, english) in faults {
        for (locale, said) in [(Locale::Fr, french), (Locale::En, english)] {
            let response = email(Some((fault, HOSTILE))).respond(&frame(locale));
            let policy = header(&response, "content-security-policy").to_owned();
            assert!(policy.contains("form-action 'self' https://service.example"), "{policy}");
            let html = text(response).await;
            assert!(html.contains(said) && html.contains("role=\"alert\""), "{html}");
            assert!(html.contains("aria-invalid=\"true\""));
            assert!(!html.contains("<script") && !html.contains(" onload=\"x"), "{html}");
            assert_eq!(html.matches("name=\"csrf\" value=\"csrf-value\"").count(), 2);
            assert!(html.contains("/interaction/0197/email") && html.contains("/interaction/0197/cancel"));
        }
    }
    let html = text(email(None).respond(&frame(Locale::Fr))).await;
    assert!(!html.contains("role=\"alert\"") && !html.contains("aria-invalid"), "{html}");
    assert!(html.contains("Elle ne sert ni à vous connecter"), "{html}");
}

#[tokio::test]
async fn how_long_to_wait_is_said_in_words_and_never_too_short() {
    for (seconds, french, english) in [
        (1, "une seconde", "a second"),
        (2, "2 secondes", "2 seconds"),
        (60, "une minute", "a minute"),
        (61, "61 secondes", "61 seconds"),
        (120, "2 minutes", "2 minutes"),
        (121, "3 minutes", "3 minutes"),
    ] {
        for (locale, words) in
            [(Locale::Fr, format!("Patientez {french},")), (Locale::En, format!("Wait {english},"))]
        {
            let page = html(error(ErrorTitle::TooMany { seconds }), locale).await;
            assert!(page.contains(&words), "{seconds}: {page}");
        }
    }
}
