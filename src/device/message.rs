//! What a person is told about their phones and links, in words: activation codes, that a phone was enrolled, that the
//! account was linked.
//!
//! Order of 4 April 2022 (two codes over two channels), NIST SP 800-63B-4 4.1 (notice of a new authenticator). French,
//! then English; never a name or an identity number, and no word that came from outside.

use std::time::Duration;

use crate::base::{Secret, UnixTime};

/// A channel of the directory over which a person is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The e-mail address recorded in the directory.
    Email,
    /// The telephone number recorded in the directory.
    Phone,
}

impl Channel {
    /// The channel as written in logs, files and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One of the two activation codes: which one is told by the channel.
    Code {
        /// The code.
        code: Secret,
        /// How long it lives from the request on; none in the demonstration.
        life: Option<Duration>,
    },
    /// A phone was enrolled.
    NewDevice {
        /// The serial that we gave it; nothing that the phone says of itself.
        serial: String,
        /// When.
        at: UnixTime,
    },
    /// The account was linked to one of another identity provider.
    NewLink {
        /// The provider's name, from our settings.
        provider: String,
        /// When.
        at: UnixTime,
    },
}

impl Content {
    /// The text of an e-mail.
    #[must_use]
    pub fn letter(&self) -> Secret {
        let text = match self {
            Self::Code { code, life } => letter_of_code(code.expose(), *life),
            Self::NewDevice { serial, at } => format!(
                "Bonjour,\n\nUn téléphone a été activé à votre nom.\nNuméro de série : {serial}\nDate : {at}\n\n\
                 Si ce n'est pas vous, révoquez-le depuis un autre de vos téléphones ou prévenez l'assistance sans attendre.\n\n\
                 --\n\nHello,\n\nA phone was activated in your name.\nSerial number: {serial}\nDate: {at}\n\n\
                 If it was not you, revoke it from another of your phones or tell support at once.\n"
            ),
            Self::NewLink { provider, at } => format!(
                "Bonjour,\n\nVotre compte a été relié à {provider} : on peut maintenant y entrer par {provider}.\nDate : {at}\n\n\
                 Si ce n'est pas vous, prévenez l'assistance sans attendre.\n\n\
                 --\n\nHello,\n\nYour account was linked to {provider}: it can now be entered through {provider}.\nDate: {at}\n\n\
                 If it was not you, tell support at once.\n"
            ),
        };
        Secret::new(text)
    }

    /// The text of a short message.
    #[must_use]
    pub fn short(&self) -> Secret {
        let text = match self {
            Self::Code { code, life } => short_code(code.expose(), *life),
            Self::NewDevice { serial, at } => format!(
                "Un téléphone ({serial}) a été activé à votre nom le {at}. Ce n'est pas vous ? Révoquez-le ou prévenez l'assistance.\n\
                 A phone ({serial}) was activated in your name on {at}. Not you? Revoke it or tell support."
            ),
            Self::NewLink { provider, at } => format!(
                "Votre compte a été relié à {provider} le {at}. Ce n'est pas vous ? Prévenez l'assistance.\n\
                 Your account was linked to {provider} on {at}. Not you? Tell support."
            ),
        };
        Secret::new(text)
    }
}

fn letter_of_code(code: &str, life: Option<Duration>) -> String {
    let french = life
        .map_or_else(String::new, |life| format!("Il est valable {} à partir de la demande.\n", span(life)));
    let english =
        life.map_or_else(String::new, |life| format!("It lives {} from the request on.\n", span(life)));
    format!(
        "Bonjour,\n\nVotre code reçu par e-mail, le premier des deux codes qui activent votre téléphone :\n\n    {code}\n\n\
         {french}Le second code vous est envoyé par SMS.\n\
         Ne donnez jamais ce code à personne, ni par téléphone ni par message, même à l'assistance : il s'écrit dans \
         l'application et nulle part ailleurs.\nSi vous n'avez rien demandé, ne faites rien.\n\n\
         --\n\nHello,\n\nYour e-mail code, the first of the two codes that activate your phone:\n\n    {code}\n\n\
         {english}The second code comes by SMS.\n\
         Never give this code to anyone, neither by telephone nor by message, not even to support: it is typed in the \
         application and nowhere else.\nIf you have not asked for it, do nothing.\n"
    )
}

fn short_code(code: &str, life: Option<Duration>) -> String {
    let french = life.map_or_else(String::new, |life| format!(" Valable {}.", span(life)));
    let english = life.map_or_else(String::new, |life| format!(" Lives {}.", span(life)));
    format!(
        "Code SMS (2e des 2 codes) pour activer votre téléphone : {code}.{french} Ne le donnez jamais à personne, même à l'assistance.\n\
         SMS code (2nd of 2) to activate your phone: {code}.{english} Never give it to anyone, not even to support."
    )
}

/// The same in both languages.
fn span(life: Duration) -> String {
    let seconds = life.as_secs();
    if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") }
}
