//! The durable ports on SQLite: one file per port, one transaction per rule.
//!
//! Built in two steps, because the key that seals stored fields is itself a key record: first [`SqlKeys`] under the
//! key-encryption key, then [`SqlStores`] under the storage key. PostgreSQL is not here; the statements are written
//! so that it can run the same text.

mod approval_decision;
mod audit;
mod clients;
mod db;
mod devices;
mod directory;
mod fence;
mod grants;
mod issuance;
mod keys;
mod persons;
mod revocation;
mod row;
mod signer_sealed;
mod standing;
mod statements;
mod store;
mod stores;
mod write;

pub use db::Db;
pub use keys::SqlKeys;
pub use signer_sealed::SealedSigner;
pub use statements::ALL as STATEMENTS;
pub use stores::SqlStores;
