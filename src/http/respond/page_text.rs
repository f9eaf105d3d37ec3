//! The texts of the pages in French and English (Project Fluent), compiled in.

use std::borrow::Cow;
use std::collections::HashMap;

use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::loader::{LanguageIdentifier, langid};
use fluent_templates::{Loader, static_loader};

use crate::base::UnixTime;
use crate::interaction::Locale;

static_loader! {
    static TEXTS = {
        locales: "./src/http/locales",
        fallback_language: "fr",
        // Isolating marks would come between the reader and a name, and be copied with it.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

static FRENCH: LanguageIdentifier = langid!("fr");
static ENGLISH: LanguageIdentifier = langid!("en");

/// The texts of one language.
#[derive(Clone, Copy)]
pub(super) struct Texts(Locale);

impl Texts {
    pub(super) const fn new(locale: Locale) -> Self {
        Self(locale)
    }

    /// The text called `id`.
    pub(super) fn say(self, id: &str) -> String {
        TEXTS.lookup(self.language(), id)
    }

    /// The text called `id`, where `value` takes the place of `name`.
    pub(super) fn with(self, id: &str, name: &'static str, value: &str) -> String {
        let arguments = HashMap::from([(Cow::Borrowed(name), FluentValue::from(value))]);
        TEXTS.lookup_with_args(self.language(), id, &arguments)
    }

    /// The same with two names.
    pub(super) fn with_both(self, id: &str, names: [&'static str; 2], values: [&str; 2]) -> String {
        let pairs = names.into_iter().zip(values);
        let arguments: HashMap<_, _> =
            pairs.map(|(name, value)| (Cow::Borrowed(name), FluentValue::from(value))).collect();
        TEXTS.lookup_with_args(self.language(), id, &arguments)
    }

    /// What a scope gives access to, or its own name when nobody has described it. With `others`, what is not the
    /// reader's own is said so.
    pub(super) fn scope(self, scope: &str, others: bool) -> String {
        let said = others.then(|| TEXTS.try_lookup(self.language(), &format!("other-{scope}"))).flatten();
        if let Some(said) = said {
            return said;
        }
        TEXTS.try_lookup(self.language(), &format!("scope-{scope}")).unwrap_or_else(|| scope.to_owned())
    }

    /// The date of `at` in words, as of UTC.
    pub(super) fn day(self, at: UnixTime) -> String {
        let written = at.rfc3339();
        let mut parts = written.split(['-', 'T']);
        let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
            return written;
        };
        let day = if day == "01" { self.say("day-first") } else { day.trim_start_matches('0').to_owned() };
        format!("{day} {} {year}", self.say(&format!("month-{month}")))
    }

    /// A time to wait in words: seconds, or minutes, rounded up.
    pub(super) fn duration(self, seconds: u64) -> String {
        let (unit, count) = if seconds < 2 * MINUTE && seconds != MINUTE {
            ("second", seconds)
        } else {
            ("minute", seconds.div_ceil(MINUTE))
        };
        if count == 1 {
            return self.say(&format!("wait-{unit}"));
        }
        self.with(&format!("wait-{unit}s"), "count", &count.to_string())
    }

    /// BCP 47 tag of this language.
    pub(super) const fn tag(self) -> &'static str {
        self.0.as_str()
    }

    /// BCP 47 tag of the other language.
    pub(super) const fn other_tag(self) -> &'static str {
        match self.0 {
            Locale::Fr => Locale::En.as_str(),
            Locale::En => Locale::Fr.as_str(),
        }
    }

    fn language(self) -> &'static LanguageIdentifier {
        match self.0 {
            Locale::Fr => &FRENCH,
            Locale::En => &ENGLISH,
        }
    }
}

const MINUTE: u64 = 60;
