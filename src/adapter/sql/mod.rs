//! The durable ports on SQLite and PostgreSQL: one file per port, one transaction per rule.
//!
//! Built in two steps, because the key that seals stored fields is itself a key record: first [`SqlKeys`] under the
//! key-encryption key, then [`SqlStores`] under the storage key. Both engines run the same text; where PostgreSQL
//! must lock what SQLite's one writer keeps still, the catalogue has a second text.

/// Runs one query, written once, on the engine at hand; on PostgreSQL no longer than its patience.
///
/// `on!(connection, |c| sqlx::query_as(TEXT).bind(…).fetch_optional(c))?`
macro_rules! on {
    ($engine:expr, |$executor:ident| $query:expr) => {
        on!(Statement, $engine, |$executor| $query)
    };
    ($step:ident, $engine:expr, |$executor:ident| $query:expr) => {{
        use tracing::Instrument as _;
        let step = $crate::adapter::sql::timing::Step::$step;
        let _begun = step.begun();
        match $engine {
            $crate::adapter::sql::db::Engine::Sqlite($executor) => {
                $query.instrument(step.span()).await.map_err($crate::ports::PortError::from)
            }
            $crate::adapter::sql::db::Engine::Postgres(server) => {
                let $executor = server.executor;
                let patience = server.patience;
                $crate::adapter::sql::postgres::answered(patience, $query).instrument(step.span()).await
            }
        }
    }};
}

mod approval_decision;
mod audit;
mod audit_insert;
mod audit_log;
mod audit_payloads;
mod audit_rows;
mod clients;
mod db;
mod decrypter_sealed;
mod devices;
mod directory;
mod directory_apply;
mod directory_merge;
mod directory_staging;
mod directory_walk;
mod fence;
mod gate;
mod grants;
mod group_commit;
mod group_read;
mod groups;
mod health;
mod issuance;
mod kek;
mod kept;
mod kept_connection;
mod key_material;
mod key_parts;
mod key_row;
mod keys;
mod lanes;
mod links;
mod partitions;
mod patients;
mod persons;
mod postgres;
mod primary;
mod reseal;
mod revocation;
mod rivals;
mod row;
mod schema;
mod seal_keys;
mod signer_custody;
mod signer_sealed;
mod sqlite;
mod standing;
mod statements;
mod statements_audit;
mod statements_directory;
mod statements_gate;
mod statements_groups;
mod statements_people;
mod statements_representation;
mod statements_reseal;
mod store;
mod stores;
mod timing;
mod write;

pub use audit_log::SqlAuditLog;
pub use db::Db;
pub use decrypter_sealed::SealedDecrypter;
pub use health::SqlHealth;
pub use kek::{KekCensus, kek_id, kek_sealer};
pub use keys::SqlKeys;
pub use partitions::KeptPartitions;
pub use postgres::PostgresSettings;
pub use reseal::{ResealObserver, Resealed};
pub use schema::{Migrated, SchemaUnfit};
pub use seal_keys::SealKeyReader;
pub use signer_custody::CustodySigner;
pub use signer_sealed::SealedSigner;
pub use statements::{ALL as STATEMENTS, ONLY_POSTGRES, ONLY_SQLITE};
pub use statements_audit::{AUDIT as AUDIT_STATEMENTS, AUDIT_ONLY_POSTGRES};
pub use statements_directory::{DIRECTORY as DIRECTORY_STATEMENTS, DIRECTORY_ONLY_POSTGRES};
pub use statements_gate::GATE_ONLY_POSTGRES;
pub use statements_groups::GROUPS_ONLY_POSTGRES;
pub use statements_people::{PEOPLE as PEOPLE_STATEMENTS, PEOPLE_ONLY_POSTGRES};
pub use statements_representation::REPRESENTATION as REPRESENTATION_STATEMENTS;
pub use statements_reseal::{RESEAL as RESEAL_STATEMENTS, RESEAL_ONLY_POSTGRES};
pub use stores::SqlStores;
