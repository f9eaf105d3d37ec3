//! What the commands about keys say: what will happen, when, and what was done.

use std::time::Duration;

use serde_json::{Value, json};

use crate::base::UnixTime;
use crate::flow::Revoked;
use crate::keyring::{KeyRecord, KeyState, Purpose, Takeover, Withdrawal};

pub(super) fn revoked_words(keys: &[KeyRecord], withdrawn: &Withdrawal, now: UnixTime) -> Vec<String> {
    let key = &withdrawn.revoked;
    let was = keys.iter().find(|other| other.kid == key.kid).map_or(now, since);
    let (of, algorithm, state) = (key.purpose.as_str(), &key.algorithm, withdrawn.was.as_str());
    let mut told =
        vec![format!("{} ({of} {algorithm}, {state} since {was}) is revoked now, for good:", key.kid)];
    if key.purpose == Purpose::Sign {
        told.push(String::from(
            "- it leaves /jwks, and every process refuses what it signed, whatever its date, within 5 s;",
        ));
        told.push(String::from(
            "- services that verify signatures alone believe it until their copy of /jwks is over: tell them;",
        ));
    }
    match (&withdrawn.successor, withdrawn.signs_from) {
        (Some((_, next)), Some(from)) if from <= now => {
            told.push(format!("- {}, published since {}, signs at once;", next.kid, next.staged_at));
        }
        (successor, Some(from)) => {
            let next = successor.as_ref().map_or("a key made now", |(_, next)| next.kid.as_str());
            let wait = spoken(from.since(now));
            told.push(format!(
                "- NOTHING IS SIGNED for {wait}: {next} signs from {from} on, when no copy of /jwks lacks it; until then sign-ins and refreshes are answered 503;"
            ));
        }
        (Some((_, next)), None) => told.push(format!("- {} is put in use;", next.kid)),
        (None, None) => {}
    }
    told.push(String::from("- another standby is made and published."));
    told
}

pub(super) fn session_words(since: Option<UnixTime>) -> String {
    since.map_or_else(
        || String::from("No session ends; with --since TIME those end in which it signed something from then on."),
        |since| {
            format!("Sessions in which it signed something since {since} end, with their refresh tokens: people sign in again.")
        },
    )
}

pub(super) fn revoked_json(kid: &str, done: &Revoked) -> Value {
    json!({
        "revoked": kid,
        "changed": done.changed,
        "active": done.successor,
        "standby": done.standby,
        "signs_from": done.signs_from.map(UnixTime::rfc3339),
        "sessions_ended": done.sessions,
    })
}

pub(super) fn revoked_lines(kid: &str, done: &Revoked) -> Vec<String> {
    let none = || String::from("none");
    vec![
        format!("revoked  {kid}{}", if done.changed { "" } else { " (it was already)" }),
        format!("active   {}", done.successor.clone().unwrap_or_else(none)),
        format!("standby  {}", done.standby.clone().unwrap_or_else(none)),
        format!("sessions {} ended", done.sessions),
    ]
}

pub(super) fn taken_over(takeover: &Takeover, gone: UnixTime) -> Vec<String> {
    let next = &takeover.next;
    let of = format!("{} {}", next.purpose.as_str(), next.algorithm);
    let mut told =
        vec![format!("{} ({of}, published since {}) is put in use now.", next.kid, next.staged_at)];
    if let Some(old) = &takeover.demoted {
        told.push(format!(
            "{} is taken out of use now, stays published until {gone}, and what it signed stays good.",
            old.kid
        ));
    }
    told.push(String::from("Another standby is made and published."));
    told
}

/// Since when it is in its state.
pub(super) fn since(key: &KeyRecord) -> UnixTime {
    let reached = match key.state {
        KeyState::Staged => None,
        KeyState::Active => key.activated_at,
        KeyState::Retiring => key.retired_at,
        KeyState::Gone => key.gone_at,
        KeyState::Revoked => key.revoked_at,
    };
    reached.unwrap_or(key.staged_at)
}

/// A duration in its two largest units.
pub(super) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}
