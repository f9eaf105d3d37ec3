//! Layer 3: what is written down: the closed catalogue of events, their provable form and their chain.
//!
//! Pure values. Rows, the sequencer, signed checkpoints and retention are above.

mod chain;
mod event;
mod kind;
mod leaf;

pub use chain::{ChainBreak, ChainError, ChainRow, Lane, verify_chain};
pub use event::{AuditEvent, Decision, PersonalField};
pub use kind::EventKind;
pub use leaf::{LanePlace, Leaf, SaltedField, leaf, salted_hash};
