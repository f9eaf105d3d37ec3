//! The places outside the database where signed checkpoints go. The collector of syslog takes records too.

mod file;
mod folder;
mod syslog;

pub use file::CheckpointFile;
pub use folder::CheckpointFolder;
pub use syslog::{Syslog, SyslogError, SyslogTo};
