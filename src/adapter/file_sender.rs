//! A [`CodeSender`] for trying the provider out: appends each message to a file (mode 0600), one JSON object a line,
//! as a mail and an SMS service would get it.
//!
//! It must not serve real persons: whoever reads the file can enrol a phone in their name. The settings allow it for
//! an issuer on loopback alone.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use async_trait::async_trait;
use serde_json::json;

use crate::device::Content;
use crate::ports::{CodeSender, Message, PortError, PortResult};

/// Appends messages to a file.
pub struct FileSender {
    path: PathBuf,
}

impl FileSender {
    /// A sender that appends to `path`.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn append(&self, line: &str) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(line.as_bytes())
    }
}

#[async_trait]
impl CodeSender for FileSender {
    async fn send(&self, message: Message) -> PortResult<()> {
        let (channel, to) = (message.channel.as_str(), message.contact.expose());
        let line = match &message.content {
            Content::Code { code, .. } => json!({ "channel": channel, "to": to, "code": code.expose() }),
            Content::NewDevice { serial, .. } => {
                json!({ "channel": channel, "to": to, "new_device": serial })
            }
            Content::NewLink { provider, .. } => {
                json!({ "channel": channel, "to": to, "new_link": provider })
            }
        };
        self.append(&format!("{line}\n"))
            .map_err(|error| PortError::Unavailable(format!("activation codes file: {error}")))?;
        tracing::info!(person.id = %message.person, channel, "message appended to the chosen file");
        Ok(())
    }
}
