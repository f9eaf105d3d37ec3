//! The two documents that everybody reads, written once for each state of the keys: provider metadata (OpenID Connect
//! Discovery 1.0 3) and the JWK Set (RFC 7517 5).

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::base::{base64url, sha256};

use super::Provider;

/// A public JSON document.
#[derive(Debug)]
pub struct Document {
    /// The JSON text.
    pub text: String,
    /// Its entity tag, quoted (RFC 9110 8.8.3).
    pub etag: String,
}

impl Document {
    pub(super) fn of(value: &Value) -> Self {
        let text = value.to_string();
        let etag = format!("\"{}\"", base64url(sha256(&[text.as_bytes()])));
        Self { text, etag }
    }
}

/// The provider metadata as last written, and for which state of the keys.
#[derive(Debug, Default)]
pub struct WrittenMetadata(RwLock<Option<(u64, Arc<Document>)>>);

impl Provider {
    /// [`Provider::metadata`], written.
    #[must_use]
    pub fn metadata_document(&self) -> Arc<Document> {
        let version = self.keyring.version();
        let written = self.written_metadata.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, document)) = written.filter(|(of, _)| *of == version) {
            return document;
        }
        let document = Arc::new(Document::of(&self.metadata()));
        *self.written_metadata.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some((version, Arc::clone(&document)));
        document
    }
}
