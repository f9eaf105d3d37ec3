//! A [`Carrier`] over SMTP (RFC 5321), with TLS by STARTTLS (RFC 3207) or from the first byte (RFC 8314 3.3).
//!
//! One connection per message. Plain text in UTF-8, marked as automatic (RFC 3834 5); the code is never in a header.
//! No pool, no DKIM: the relay signs.

use std::time::Duration;

use async_trait::async_trait;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use crate::base::Secret;
use crate::device::Content;
use crate::ports::{Carrier, CarrierError, Message};

/// How a relay is reached and what stands in the headers.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Host name or address, which the certificate must bear.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub security: SmtpSecurity,
    /// User and password.
    pub credentials: Option<(String, Secret)>,
    /// PEM of the authorities of the relay's certificate; none: the system's.
    pub authorities: Option<String>,
    /// `From`, as written in a header.
    pub from: String,
    /// Subject of activation codes.
    pub subject: String,
    /// Subject of notices.
    pub notice_subject: String,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// After STARTTLS, or not at all.
    StartTls,
    /// From the first byte.
    Implicit,
    /// Not: for a relay on this machine.
    None,
}

/// Settings that no relay can be reached with.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// TLS cannot be set up.
    #[error("TLS of the mail relay: {0}")]
    Tls(#[source] lettre::transport::smtp::Error),
    /// `From` is not a mailbox (RFC 5322 3.4).
    #[error("the sender of mails is not an address")]
    From,
}

/// Sends mails through one relay.
pub struct SmtpSender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    subject: String,
    notice_subject: String,
}

impl SmtpSender {
    /// A sender through the relay of `settings`; nothing is connected yet.
    ///
    /// # Errors
    /// [`SmtpError`]
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpError> {
        let from: Mailbox = settings.from.parse().map_err(|_| SmtpError::From)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls(settings).map_err(SmtpError::Tls)?)
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .timeout(Some(TIMEOUT));
        if let Some((user, password)) = &settings.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from,
            subject: settings.subject.clone(),
            notice_subject: settings.notice_subject.clone(),
        })
    }

    fn mail(&self, message: &Message) -> Result<Mail, CarrierError> {
        let refused = CarrierError::Permanent { reason: "contact_not_an_address" };
        let contact = message.contact.expose();
        // RFC 5322 3.2.2: what could fold or end a header never gets as far as one.
        if contact.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(refused);
        }
        let to: Address = contact.parse().map_err(|_| refused)?;
        let subject = match message.content {
            Content::Code { .. } => &self.subject,
            Content::NewDevice { .. } | Content::NewLink { .. } => &self.notice_subject,
        };
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject.as_str())
            // RFC 5322 3.6.4: the same at every try.
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, String::from("auto-generated")))
            .header(ContentType::TEXT_PLAIN)
            .body(message.content.letter().expose().to_owned())
            .map_err(|_| refused)
    }
}

#[async_trait]
impl Carrier for SmtpSender {
    async fn carry(&self, message: &Message) -> Result<(), CarrierError> {
        let mail = self.mail(message)?;
        self.transport.send(mail).await.map(|_| ()).map_err(|error| reason(&error))
    }
}

/// The words are ours: the relay's may repeat the address.
fn reason(error: &lettre::transport::smtp::Error) -> CarrierError {
    let temporary = |reason| CarrierError::Temporary { reason, after: None };
    match error.status().map(u16::from) {
        // RFC 4954 6, RFC 3207 4: for the operator to mend, not the person's address.
        Some(530 | 534 | 535 | 538) => temporary("relay_refuses_authentication"),
        Some(500..) => CarrierError::Permanent { reason: "relay_refuses" },
        Some(_) => temporary("relay_asks_to_wait"),
        None if error.is_timeout() => temporary("timeout"),
        None if error.is_tls() => temporary("tls"),
        None => temporary("relay_not_reached"),
    }
}

fn tls(settings: &SmtpSettings) -> Result<Tls, lettre::transport::smtp::Error> {
    if settings.security == SmtpSecurity::None {
        return Ok(Tls::None);
    }
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.authorities {
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
    }
    let parameters = builder.build()?;
    Ok(match settings.security {
        SmtpSecurity::Implicit => Tls::Wrapper(parameters),
        SmtpSecurity::StartTls | SmtpSecurity::None => Tls::Required(parameters),
    })
}

/// Connecting, and each command.
const TIMEOUT: Duration = Duration::from_secs(5);
