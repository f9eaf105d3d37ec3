//! The browser and system of a `User-Agent` (RFC 9110 10.1.5), in words of ours.
//!
//! The text is shown on a phone beside the question whether to approve: nothing that the sender wrote gets there.

/// `Firefox · Linux`: at most 40 characters of `A-Z a-z 0-9 space . / · ( ) -`.
#[must_use]
pub fn short_agent(user_agent: &str) -> String {
    match (named(user_agent, BROWSERS), named(user_agent, SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} · {system}"),
        (Some(only), None) | (None, Some(only)) => String::from(only),
        (None, None) => String::from(UNKNOWN),
    }
}

fn named(user_agent: &str, names: &[(&str, &'static str)]) -> Option<&'static str> {
    names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|&(_, name)| name)
}

const UNKNOWN: &str = "-";

/// In order: most browsers also carry the marks of those below them.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];
