//! Messages of syslog (RFC 5424 6) and their frame over TLS (RFC 5425 4.3).
//!
//! Facility 13, log audit; no structured data. Nothing is sent here.

use crate::base::UnixTime;

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogSender {
    /// Name of the machine.
    pub host: String,
    /// Process identifier.
    pub process: u32,
}

/// How much a message matters (RFC 5424 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Somebody should look.
    Warning,
    /// A refusal, or a checkpoint: normal but significant.
    Notice,
    /// What is done.
    Informational,
}

impl SyslogSender {
    /// A message: `kind` is its MSGID, `text` has no line end.
    #[must_use]
    pub fn message(&self, severity: Severity, at: UnixTime, kind: &str, text: &str) -> String {
        let severity = match severity {
            Severity::Warning => 4,
            Severity::Notice => 5,
            Severity::Informational => 6,
        };
        // 6.2.1: facility × 8 + severity
        let priority = LOG_AUDIT * 8 + severity;
        let (host, kind) = (field(&self.host, 255), field(kind, 32));
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // 6.4: a byte order mark says that the text is UTF-8.
        let mark = if text.is_ascii() { "" } else { "\u{feff}" };
        format!("<{priority}>1 {} {host} sceau {} {kind} - {mark}{text}", at.rfc3339(), self.process)
    }
}

/// RFC 5425 4.3: MSG-LEN SP SYSLOG-MSG
#[must_use]
pub fn framed(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

/// A header field: printable ASCII, at most `longest` of it, `-` for nothing (6).
fn field(text: &str, longest: usize) -> String {
    let printable: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if printable.is_empty() { String::from("-") } else { printable }
}

const LOG_AUDIT: u32 = 13;
