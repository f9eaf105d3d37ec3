//! Who carries messages to persons: a mail relay and an SMS gateway, both or none. Their secrets are files.

use std::path::PathBuf;

use lettre::message::Mailbox;
use url::{Host, Url};

use super::ConfigError;
use super::error::refuse_if;
use super::raw::{RawMobile, RawSms, RawSmtp};
use super::storage::has_password;

/// Checked settings of both senders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Senders {
    /// E-mail.
    pub smtp: Smtp,
    /// Short messages.
    pub sms: Sms,
}

/// A mail relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: SmtpTls,
    /// User, with the file of the password.
    pub login: Option<(String, PathBuf)>,
    /// PEM of the authorities; none: the system's.
    pub ca_file: Option<PathBuf>,
    /// `From`.
    pub from: String,
    /// Subject of activation codes.
    pub subject: String,
    /// Subject of notices.
    pub notice_subject: String,
}

/// How the connection to a relay is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// After STARTTLS, or not at all.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not; on loopback only.
    None,
}

/// An SMS gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sms {
    /// Its address.
    pub url: Url,
    /// File of its bearer token.
    pub token_file: PathBuf,
    /// PEM of the authorities; none: the system's.
    pub ca_file: Option<PathBuf>,
}

impl SmtpTls {
    /// The word of the settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Implicit => "tls",
            Self::None => "none",
        }
    }

    fn check(text: Option<&str>) -> Result<Self, ConfigError> {
        let Some(text) = text else { return Ok(Self::StartTls) };
        let known = [Self::StartTls, Self::Implicit, Self::None].into_iter().find(|tls| tls.as_str() == text);
        known.ok_or_else(|| ConfigError::refused("mobile.smtp.tls", "must be starttls, tls or none"))
    }

    /// RFC 6409 3.1, RFC 8314 3.3, RFC 5321 4.5.4.2.
    const fn usual_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl Senders {
    pub(super) fn check(raw: &RawMobile) -> Result<Option<Self>, ConfigError> {
        let both =
            "missing: one activation code goes by e-mail and the other by SMS, and each needs its sender";
        let (smtp, sms) = match (&raw.smtp, &raw.sms) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(ConfigError::refused("mobile.sms", both)),
            (None, Some(_)) => return Err(ConfigError::refused("mobile.smtp", both)),
            (Some(smtp), Some(sms)) => (smtp, sms),
        };
        refuse_if(
            raw.activation_codes_file.is_some(),
            "mobile.activation_codes_file",
            "cannot stand beside mobile.smtp and mobile.sms: codes go to persons or to a file, not both",
        )?;
        Ok(Some(Self { smtp: Smtp::check(smtp)?, sms: Sms::check(sms)? }))
    }
}

impl Smtp {
    fn check(raw: &RawSmtp) -> Result<Self, ConfigError> {
        let host = raw.host.clone().unwrap_or_default();
        let parsed = Host::parse(&host).ok().filter(|host| !host.to_string().is_empty());
        let Some(parsed) = parsed else {
            return Err(ConfigError::refused(
                "mobile.smtp.host",
                "must be the name or address of a mail relay",
            ));
        };
        let tls = SmtpTls::check(raw.tls.as_deref())?;
        refuse_if(
            tls == SmtpTls::None && !is_loopback(&parsed),
            "mobile.smtp.tls",
            "none is for a relay on loopback: a code in clear can be read on its way",
        )?;
        let unused = tls == SmtpTls::None && raw.ca_file.is_some();
        refuse_if(unused, "mobile.smtp.ca_file", "means nothing without TLS")?;
        let from = raw.from.clone().unwrap_or_default();
        let plain = !from.chars().any(char::is_control) && from.parse::<Mailbox>().is_ok();
        refuse_if(
            !plain,
            "mobile.smtp.from",
            "must be an address, such as \"sceau <noreply@id.example.fr>\"",
        )?;
        let login = match (&raw.user, &raw.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => Some((user.clone(), file.clone())),
            (Some(_), None) => {
                return Err(ConfigError::refused(
                    "mobile.smtp.password_file",
                    "missing: mobile.smtp.user needs it",
                ));
            }
            (None, Some(_)) => {
                return Err(ConfigError::refused(
                    "mobile.smtp.user",
                    "missing: mobile.smtp.password_file needs it",
                ));
            }
        };
        let usual = (String::from(SUBJECT), String::from(NOTICE_SUBJECT));
        let smtp = Self {
            host: bare(&parsed),
            port: raw.port.unwrap_or(tls.usual_port()),
            tls,
            login,
            ca_file: raw.ca_file.clone(),
            from,
            subject: raw.subject.clone().unwrap_or(usual.0),
            notice_subject: raw.notice_subject.clone().unwrap_or(usual.1),
        };
        refuse_if(smtp.port == 0, "mobile.smtp.port", "must be between 1 and 65535")?;
        let bad = |subject: &str| {
            !(1..=100).contains(&subject.chars().count()) || subject.chars().any(char::is_control)
        };
        let reason = "must have between 1 and 100 characters, on one line";
        refuse_if(bad(&smtp.subject), "mobile.smtp.subject", reason)?;
        refuse_if(bad(&smtp.notice_subject), "mobile.smtp.notice_subject", reason)?;
        Ok(smtp)
    }
}

impl Sms {
    fn check(raw: &RawSms) -> Result<Self, ConfigError> {
        let text = raw.url.as_deref().unwrap_or_default();
        refuse_if(has_password(text), SMS_URL, "carries a password: use mobile.sms.token_file")?;
        let url = Url::parse(text).map_err(|_| ConfigError::refused(SMS_URL, "is not an address"))?;
        let loopback = url.host().is_some_and(|host| is_loopback(&host.to_owned()));
        let secure = url.scheme() == "https" || (url.scheme() == "http" && loopback);
        refuse_if(!secure, SMS_URL, "must be https: http is for a gateway on loopback")?;
        let bare = url.username().is_empty() && url.fragment().is_none();
        refuse_if(!bare, SMS_URL, "must have neither a user nor a fragment")?;
        let unused = url.scheme() == "http" && raw.ca_file.is_some();
        refuse_if(unused, "mobile.sms.ca_file", "is for https only")?;
        let Some(token_file) = raw.token_file.clone() else {
            return Err(ConfigError::refused(
                "mobile.sms.token_file",
                "missing: the bearer token of the gateway",
            ));
        };
        Ok(Self { url, token_file, ca_file: raw.ca_file.clone() })
    }
}

/// An address without the brackets of a URL.
fn bare(host: &Host<String>) -> String {
    match host {
        Host::Ipv6(address) => address.to_string(),
        Host::Ipv4(_) | Host::Domain(_) => host.to_string(),
    }
}

fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

const SMS_URL: &str = "mobile.sms.url";
const SUBJECT: &str = "Activation de votre téléphone / Activating your phone";
const NOTICE_SUBJECT: &str = "Nouveau téléphone / New phone";
