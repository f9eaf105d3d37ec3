//! The files of the senders: their secrets and their authorities.

use std::path::Path;

use zeroize::Zeroizing;

use crate::base::Secret;

use super::documents::{certificates, read};
use super::error::refuse_if;
use super::{ConfigError, Senders, Strings};

/// What the files of the senders hold.
#[derive(Clone, Debug)]
pub struct SenderDocuments {
    /// The password of the mail relay.
    pub smtp_password: Option<Secret>,
    /// The authorities of the mail relay, PEM.
    pub smtp_authorities: Option<String>,
    /// The bearer token of the SMS gateway.
    pub sms_token: Secret,
    /// The authorities of the SMS gateway, PEM.
    pub sms_authorities: Option<String>,
}

impl SenderDocuments {
    pub(super) fn read(senders: &Senders, strings: &dyn Strings) -> Result<Self, ConfigError> {
        let (smtp, sms) = (&senders.smtp, &senders.sms);
        let password = smtp.login.as_ref();
        let password =
            password.map(|(_, path)| secret("mobile.smtp.password_file", path, strings)).transpose()?;
        Ok(Self {
            smtp_password: password,
            smtp_authorities: authorities("mobile.smtp.ca_file", smtp.ca_file.as_deref(), strings)?,
            sms_token: secret("mobile.sms.token_file", &sms.token_file, strings)?,
            sms_authorities: authorities("mobile.sms.ca_file", sms.ca_file.as_deref(), strings)?,
        })
    }
}

/// One line, of what a header may hold.
fn secret(setting: &'static str, path: &Path, strings: &dyn Strings) -> Result<Secret, ConfigError> {
    let text = Zeroizing::new(read(setting, path, strings)?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    refuse_if(line.is_empty() || line.chars().any(char::is_control), setting, "does not hold one line")?;
    Ok(Secret::new(line.to_owned()))
}

fn authorities(
    setting: &'static str,
    path: Option<&Path>,
    strings: &dyn Strings,
) -> Result<Option<String>, ConfigError> {
    let Some(path) = path else { return Ok(None) };
    let pem = read(setting, path, strings)?;
    refuse_if(certificates(&pem).is_none(), setting, "holds no certificate in PEM")?;
    Ok(Some(pem))
}
