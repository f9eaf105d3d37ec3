//! What the sample service says, in two languages.

use crate::interaction::Locale;

/// The texts of the page.
pub(super) struct Words {
    pub(super) tag: &'static str,
    pub(super) line: &'static str,
    pub(super) welcome: &'static str,
    pub(super) why: &'static str,
    pub(super) login: &'static str,
    pub(super) login_hint: &'static str,
    pub(super) patient: &'static str,
    pub(super) patient_why: &'static str,
    pub(super) patient_login: &'static str,
    pub(super) failed: &'static str,
    pub(super) failed_text: &'static str,
    pub(super) denied_text: &'static str,
    pub(super) code: &'static str,
    pub(super) hello: &'static str,
    pub(super) proven: &'static str,
    pub(super) told: &'static str,
    pub(super) national_id: &'static str,
    pub(super) birth: &'static str,
    pub(super) ins: &'static str,
    pub(super) level: &'static str,
    pub(super) since: &'static str,
    pub(super) at: &'static str,
    pub(super) subject: &'static str,
    pub(super) subject_note: &'static str,
    pub(super) next_time: &'static str,
    pub(super) tokens: &'static str,
    pub(super) id_token: &'static str,
    pub(super) userinfo: &'static str,
    pub(super) logout: &'static str,
    pub(super) about: &'static str,
    pub(super) about_text: &'static str,
    pub(super) phone_text: &'static str,
}

impl Words {
    /// The texts in `locale`.
    pub(super) const fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::Fr => &FRENCH,
            Locale::En => &ENGLISH,
        }
    }
}

const FRENCH: Words = Words {
    tag: "fr",
    line: "Centre de santé des Tilleuls (fictif)",
    welcome: "Les dossiers de vos patients",
    why: "Pour les ouvrir, ce service doit savoir qui vous êtes. Votre téléphone le prouve\u{a0}: ni carte, ni \
          lecteur, ni mot de passe.",
    login: "Se connecter avec mon téléphone",
    login_hint: "Vous irez sur la page de sceau, puis reviendrez ici.",
    patient: "Vous êtes patient\u{a0}?",
    patient_why: "Votre dossier s’ouvre avec FranceConnect (simulé), puis avec votre téléphone.",
    patient_login: "Ouvrir mon dossier",
    failed: "Vous n’êtes pas connecté",
    failed_text: "Le service d’identité n’a confirmé personne. Vous pouvez recommencer.",
    denied_text: "La demande a été refusée ou abandonnée. Vous pouvez recommencer.",
    code: "Code",
    hello: "Bonjour",
    proven: "Ce que votre téléphone a prouvé à ce service",
    told: "Ce que ce service a reçu, avec votre accord",
    national_id: "Identifiant national (SubjectNameID)",
    birth: "Naissance (birthdate, birthplace, birthcountry)",
    ins: "Identité nationale de santé (ins)",
    level: "Niveau de garantie (acr)",
    since: "Confirmé sur le téléphone (auth_time)",
    at: "Identité prouvée (auth_time)",
    subject: "Vous, pour ce service seulement (sub)",
    subject_note: "Un autre service reçoit une autre valeur.",
    next_time: "La prochaine fois, votre téléphone suffira\u{a0}: ajoutez-le sur la page de votre compte,",
    tokens: "Voir les jetons",
    id_token: "Jeton d’identité (ID token)",
    userinfo: "Réponse de userinfo",
    logout: "Se déconnecter",
    about: "Service d’exemple",
    about_text: "Rien ici n’est réel\u{a0}: ni le centre, ni les personnes. Seule la connexion l’est, telle qu’un \
                 vrai service la ferait.",
    phone_text: "Le téléphone de démonstration se trouve à l’adresse",
};

const ENGLISH: Words = Words {
    tag: "en",
    line: "Linden health centre (fictitious)",
    welcome: "Your patients’ records",
    why: "To open them, this service needs to know who you are. Your phone proves it: no card, no reader, no \
          password.",
    login: "Sign in with my phone",
    login_hint: "You will go to the sceau page, then come back here.",
    patient: "Are you a patient?",
    patient_why: "Your record opens with FranceConnect (simulé), then with your phone.",
    patient_login: "Open my record",
    failed: "You are not signed in",
    failed_text: "The identity service confirmed nobody. You may try again.",
    denied_text: "The request was refused or given up. You may try again.",
    code: "Code",
    hello: "Good day",
    proven: "What your phone proved to this service",
    told: "What this service received, with your consent",
    national_id: "National identifier (SubjectNameID)",
    birth: "Birth (birthdate, birthplace, birthcountry)",
    ins: "National health identity (ins)",
    level: "Level of assurance (acr)",
    since: "Confirmed on the phone (auth_time)",
    at: "Identity proved (auth_time)",
    subject: "You, for this service only (sub)",
    subject_note: "Another service receives another value.",
    next_time: "Next time your phone will do: add it on the page of your account,",
    tokens: "See the tokens",
    id_token: "ID token",
    userinfo: "Userinfo answer",
    logout: "Sign out",
    about: "Sample service",
    about_text: "Nothing here is real: neither the centre nor the people. Only the sign-in is, done as a real service \
                 would do it.",
    phone_text: "The demonstration phone is at",
};
