//! Layer 3: what is written down: the closed catalogue of events, their provable form, their chain, and the log that
//! orders them.
//!
//! Pure values. Rows, the job that orders them, signatures and erasure are above.

mod cef;
mod chain;
mod checkpoint;
mod checkpoint_file;
mod event;
mod kind;
mod leaf;
mod remembered;
mod retention;
mod rfc5424_syslog;
mod rfc9162_merkle_tree;
mod sequence;
mod trusted_key;
mod verify;

pub use cef::cef;
pub use chain::{ChainBreak, ChainError, ChainRow, Lane, verify_chain};
pub use checkpoint::{Checkpoint, CheckpointError, NoteKey, SignedCheckpoint};
pub use checkpoint_file::{NoteLines, PlacedNote, one_line};
pub use event::{AuditEvent, Decision, PersonalField};
pub use kind::EventKind;
pub use leaf::{LanePlace, Leaf, SaltedField, leaf, salted_hash};
pub use remembered::{Forward, HistoryBreak, Remembered, RememberedCheckpoint};
pub use retention::Retention;
pub use rfc5424_syslog::{Severity, SyslogSender, framed};
pub use rfc9162_merkle_tree::{
    Frontier, Hash, consistency_path, inclusion_path, tree_hash, verify_consistency, verify_inclusion,
};
pub use sequence::{Entering, LaneHead, WaitingRow, sequence};
pub use trusted_key::TrustedKey;
pub use verify::{LogBreak, LogEntry, LogError, LogVerifier, StoredRow};
