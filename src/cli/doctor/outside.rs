//! The public address, asked as the machine of a service would.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{CACHE_CONTROL, DATE, SERVER, STRICT_TRANSPORT_SECURITY};
use serde_json::Value;
use url::Url;

use super::probe::{Answer, Prober, reason};
use super::{Diagnosis, certificate};
use crate::base::{Clock as _, SystemClock, UnixTime};

/// Which issuer is asked, and where.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) issuer: &'a str,
    /// An address without a slash at its end.
    pub(super) at: &'a str,
    pub(super) authorities: Option<&'a Path>,
}

/// Signing keys that `/jwks` must show, by `kid`.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    pub(super) active: Vec<String>,
    pub(super) standby: Vec<String>,
}

/// Services allow clocks less than a minute.
const SKEW: Duration = Duration::from_secs(10);
/// No page of ours has this address.
const NOWHERE: &str = "/doctor-asks-for-a-page-that-is-not-there";

/// Discovery first: where nothing answers, that is all there is to say. Then the rest, all at once.
pub(super) async fn examine(place: &Place<'_>, expected: &Expected) -> Vec<Diagnosis> {
    let prober = match Prober::new(place.authorities) {
        Ok(prober) => prober,
        Err(error) => return vec![Diagnosis::wrong("outside", format!("nothing can be asked: {error:#}"))],
    };
    let asked = SystemClock.now();
    let url = format!("{}/.well-known/openid-configuration", place.at);
    let answer = match prober.get(&url).await {
        Ok(answer) => answer,
        Err(error) => return vec![unreached(place, &reason(&error))],
    };
    let mut told = Vec::new();
    told.extend(transport(place, &answer));
    told.extend(skew(&answer, asked, SystemClock.now()));
    told.extend(discovery(place, &answer));
    let (jwks, metrics, ready, nowhere, authorize) = tokio::join!(
        get(&prober, place, "/jwks"),
        get(&prober, place, "/metrics"),
        get(&prober, place, "/health/ready"),
        get(&prober, place, NOWHERE),
        get(&prober, place, "/authorize"),
    );
    told.extend(match jwks {
        Ok(answer) => keys(&answer, expected),
        Err(lost) => vec![lost],
    });
    told.push(admin(metrics, ready));
    told.push(nowhere.map_or_else(|lost| lost, |answer| version(&answer)));
    told.push(authorize.map_or_else(|lost| lost, |answer| error_page(&answer)));
    told
}

async fn get(prober: &Prober, place: &Place<'_>, path: &str) -> Result<Answer, Diagnosis> {
    prober.get(&format!("{}{path}", place.at)).await.map_err(|error| {
        let sentence =
            format!("{path} does not answer ({}), though discovery does: look at the proxy", reason(&error));
        Diagnosis::wrong("outside", sentence)
    })
}

fn unreached(place: &Place<'_>, why: &str) -> Diagnosis {
    let sentence = format!(
        "{} cannot be asked from here ({why}): nobody can sign in by it; look at its name in DNS, the certificate, the proxy and whether `serve` runs",
        place.at
    );
    Diagnosis::wrong("outside", sentence)
}

/// TLS, and that browsers are told to use nothing else.
fn transport(place: &Place<'_>, answer: &Answer) -> Vec<Diagnosis> {
    if !place.at.starts_with("https://") {
        let is_local = Url::parse(place.at).is_ok_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        });
        let told = if is_local {
            Diagnosis::ok("tls", "plain HTTP on this machine alone, as for trying out")
        } else {
            Diagnosis::wrong(
                "tls",
                "plain HTTP: everybody on the way reads codes and tokens; ask, and serve, by https",
            )
        };
        return vec![told];
    }
    let mut told = vec![match &answer.certificate {
        Some(der) => certificate::left("certificate", der),
        None => Diagnosis::warn("certificate", "it could not be looked at"),
    }];
    told.push(if answer.header(&STRICT_TRANSPORT_SECURITY).contains("max-age=") {
        Diagnosis::ok("hsts", "browsers are told to come by https alone")
    } else {
        Diagnosis::warn("hsts", "no Strict-Transport-Security arrives: a browser can be led to plain HTTP; the proxy must pass the header on")
    });
    told
}

fn skew(answer: &Answer, asked: UnixTime, answered: UnixTime) -> Option<Diagnosis> {
    let there = jiff::fmt::rfc2822::DateTimeParser::new().parse_zoned(answer.header(&DATE)).ok()?;
    let there = UnixTime::from_secs(there.timestamp().as_second());
    // The header has no fraction.
    let apart = asked.since(there).max(there.since(answered));
    Some(if apart < SKEW {
        Diagnosis::ok("date", "the clock there agrees with that of this machine")
    } else {
        let sentence = format!(
            "the clock there is {} s from that of this machine: services refuse tokens that seem to come from the future or to be over; run NTP on both",
            apart.as_secs()
        );
        Diagnosis::wrong("date", sentence)
    })
}

fn discovery(place: &Place<'_>, answer: &Answer) -> Vec<Diagnosis> {
    const CHECK: &str = "discovery";
    let document = answer.json().filter(|_| answer.status == 200);
    let Some(document) = document else {
        let sentence = format!(
            "/.well-known/openid-configuration answers {} and no document: services cannot begin; does the proxy pass this path on to `serve`?",
            answer.status
        );
        return vec![Diagnosis::wrong(CHECK, sentence)];
    };
    let named = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    // OpenID Connect Discovery 1.0 4.3: byte for byte.
    if named != place.issuer {
        let sentence = format!(
            "it names the issuer {named:?}, and {:?} is expected: services refuse every token; either the address leads to another server, or `issuer` in the settings is not the public address",
            place.issuer
        );
        return vec![Diagnosis::wrong(CHECK, sentence)];
    }
    let mut told = Vec::new();
    let away = away(&document, place.issuer);
    told.push(if away.is_empty() {
        Diagnosis::ok(CHECK, "it names the issuer, and every endpoint is below it")
    } else {
        let sentence = format!(
            "{} lead away from the issuer: services would send codes and secrets there",
            away.join(", ")
        );
        Diagnosis::wrong(CHECK, sentence)
    });
    told.extend(cached(CHECK, answer));
    told
}

/// Members whose URL is not on the issuer.
fn away(document: &Value, issuer: &str) -> Vec<String> {
    let origin = |text: &str| Url::parse(text).map(|url| url.origin()).ok();
    let ours = origin(issuer);
    let named = document.as_object().into_iter().flatten();
    let urls = named.filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri");
    urls.filter(|(_, url)| url.as_str().and_then(origin) != ours).map(|(name, _)| name.clone()).collect()
}

fn cached(check: &'static str, answer: &Answer) -> Option<Diagnosis> {
    let told = answer.header(&CACHE_CONTROL);
    (!told.contains("max-age=")).then(|| {
        let sentence = "no Cache-Control: max-age arrives: services ask far too often or keep it far too long, and a new key is known late; the proxy must pass the header on";
        Diagnosis::warn(check, sentence)
    })
}

fn keys(answer: &Answer, expected: &Expected) -> Vec<Diagnosis> {
    const CHECK: &str = "jwks";
    let document = answer.json().filter(|_| answer.status == 200);
    let shown = document.as_ref().and_then(|document| document.get("keys")?.as_array());
    let Some(shown) = shown else {
        let sentence =
            format!("/jwks answers {} and no keys: services cannot verify any token", answer.status);
        return vec![Diagnosis::wrong(CHECK, sentence)];
    };
    let lacks = |kids: &[String]| {
        let has = |kid: &str| shown.iter().any(|key| key.get("kid").and_then(Value::as_str) == Some(kid));
        kids.iter().find(|kid| !has(kid)).cloned()
    };
    let mut told = vec![if let Some(kid) = lacks(&expected.active) {
        let sentence = format!(
            "/jwks lacks {kid}, which signs now: services refuse every new token; the address leads to a server with another database, or a cache on the way is too old"
        );
        Diagnosis::wrong(CHECK, sentence)
    } else if let Some(kid) = lacks(&expected.standby) {
        let sentence = format!(
            "/jwks lacks the standby {kid}: it could not take over at once; made in the last minute that is usual, else a cache on the way is too old"
        );
        Diagnosis::warn(CHECK, sentence)
    } else if shown.is_empty() {
        Diagnosis::wrong(CHECK, "/jwks has no key: services cannot verify any token; `sceau keys status`")
    } else if expected.active.is_empty() {
        Diagnosis::ok(CHECK, format!("/jwks shows {} keys", shown.len()))
    } else {
        Diagnosis::ok(CHECK, format!("/jwks shows {} keys, with those that sign", shown.len()))
    }];
    told.extend(cached(CHECK, answer));
    told
}

/// What is for operators alone.
fn admin(metrics: Result<Answer, Diagnosis>, ready: Result<Answer, Diagnosis>) -> Diagnosis {
    const CHECK: &str = "operator's paths";
    let shows_metrics = metrics.is_ok_and(|answer| answer.status == 200 && answer.body.contains("sceau_"));
    let shows_ready = ready.is_ok_and(|answer| answer.json().is_some_and(|json| json.get("ready").is_some()));
    let path = match (shows_metrics, shows_ready) {
        (true, true) => "/metrics and /health/ready answer",
        (true, false) => "/metrics answers",
        (false, true) => "/health/ready answers",
        (false, false) => return Diagnosis::ok(CHECK, "/metrics and /health/ready are not to be had here"),
    };
    let sentence = format!(
        "{path} at the public address: anybody can watch how many people sign in and what fails; the proxy must lead to http.listen alone, never to http.admin_listen"
    );
    Diagnosis::wrong(CHECK, sentence)
}

fn version(answer: &Answer) -> Diagnosis {
    const CHECK: &str = "unknown path";
    let server = answer.header(&SERVER);
    if answer.status >= 500 {
        return Diagnosis::wrong(
            CHECK,
            format!("it is answered {}: look at the log of the proxy and of `serve`", answer.status),
        );
    }
    if server.contains(|letter: char| letter.is_ascii_digit()) {
        let sentence = format!(
            "the header Server tells a version ({server:?}): it says which known holes to try; have the proxy leave it out"
        );
        return Diagnosis::warn(CHECK, sentence);
    }
    if answer.body.contains(concat!("sceau ", env!("CARGO_PKG_VERSION"))) {
        return Diagnosis::warn(
            CHECK,
            "the page tells the version of this program: it says which known holes to try",
        );
    }
    Diagnosis::ok(CHECK, "it tells no version")
}

fn error_page(answer: &Answer) -> Diagnosis {
    const CHECK: &str = "sign-in page";
    if (400..500).contains(&answer.status) {
        return Diagnosis::ok(CHECK, "a request without parameters is refused with a page");
    }
    let sentence = format!(
        "/authorize without parameters answers {}, and 400 is expected: people who come to sign in meet an error; does the proxy pass this path on, and what does the log of `serve` say?",
        answer.status
    );
    Diagnosis::wrong(CHECK, sentence)
}
