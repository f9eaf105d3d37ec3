//! Files with secrets: who may read them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::Diagnosis;
use crate::config::{Config, Sql};

/// Read and write for others than the owner and the group.
const WORLD: u32 = 0o006;

/// Each file of `config` that holds a secret.
pub(super) fn examine(config: &Config) -> Vec<Diagnosis> {
    let files = secret_files(config);
    let mut told: Vec<_> = files.iter().filter_map(|(setting, path)| open_to_all(setting, path)).collect();
    if told.is_empty() {
        told.push(Diagnosis::ok("secret files", "none can be read or written by everybody on this machine"));
    }
    told
}

fn open_to_all(setting: &str, path: &Path) -> Option<Diagnosis> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & WORLD != 0).then(|| {
        let path = path.display();
        let sentence = format!(
            "{path} ({setting}) has mode {mode:04o}: every account of this machine can read what must stay secret, or change it; run chmod 600 {path}, and replace the secret if others may have read it"
        );
        Diagnosis::wrong("secret files", sentence)
    })
}

fn secret_files(config: &Config) -> Vec<(&'static str, &PathBuf)> {
    let (storage, keys) = (&config.storage, &config.keys);
    let mut files = vec![("keys.kek_file", &keys.kek_file)];
    let mut add = |setting, path| files.extend(Option::map(path, |path| (setting, path)));
    add("keys.kek_previous_file", keys.kek_previous_file.as_ref());
    add("keys.pkcs11.pin_file", keys.pkcs11.as_ref().map(|token| &token.pin_file));
    add("http.tls.key_file", config.http.tls.as_ref().map(|tls| &tls.key_file));
    match &storage.sql {
        Sql::Sqlite(path) => add("storage.sql", Some(path)),
        Sql::Postgres(postgres) => add("storage.sql_password_file", postgres.password_file.as_ref()),
    }
    if let Some(redis) = &storage.redis {
        add("storage.redis_password_file", redis.password_file.as_ref());
        add("storage.redis_sentinel_password_file", redis.sentinel_password_file.as_ref());
    }
    if let Some(senders) = &config.mobile.senders {
        add("mobile.smtp.password_file", senders.smtp.login.as_ref().map(|(_, path)| path));
        add("mobile.sms.token_file", Some(&senders.sms.token_file));
    }
    for upstream in &config.upstreams {
        add("upstream.client_secret_file", upstream.client_secret_file.as_ref());
    }
    files
}
