//! What was understood, for `sceau config check` and for the log at the start. Holds no secret.

use std::path::PathBuf;

use super::{Config, Senders, Sql, duration};

impl Config {
    /// Every setting with its value, written as in the settings file.
    #[must_use]
    pub fn summary(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("issuer", quoted(&self.issuer))];
        lines.extend(self.http_lines());
        match &self.storage.sql {
            Sql::Sqlite(path) => {
                lines.push(("storage.sql", quoted(format_args!("sqlite://{}", path.display()))));
            }
            Sql::Postgres(postgres) => {
                lines.push(("storage.sql", quoted(postgres.display())));
                let file = postgres.password_file.iter();
                lines.extend(file.map(|path| ("storage.sql_password_file", quoted(path.display()))));
                if self.storage.without_standby {
                    lines.push(("storage.sql_standby", quoted("none")));
                }
            }
        }
        lines.extend(self.redis_lines());
        lines.push(("keys.kek_file", quoted(self.keys.kek_file.display())));
        if let Some(path) = &self.keys.kek_previous_file {
            lines.push(("keys.kek_previous_file", quoted(path.display())));
        }
        if let Some(path) = &self.keys.policy_file {
            lines.push(("keys.policy_file", quoted(path.display())));
        }
        lines.extend(self.token_lines());
        lines.extend(self.tokens.table().map(|(setting, time)| (setting, quoted(duration::write(time)))));
        lines.extend(self.mobile_lines());
        lines.push(("approval.live", self.approval.live.to_string()));
        lines.push(("directory.max_change_share", self.directory.max_change_share.to_string()));
        lines.push(("directory.excluded_professions", list(&self.directory.excluded_professions)));
        lines.push(("patients.ins", self.patients.ins_word().to_owned()));
        lines.push(("patients.cooling", quoted(duration::write(self.patients.cooling))));
        lines.extend(self.audit_lines());
        if let Some(endpoint) = &self.telemetry.otlp_endpoint {
            lines.push(("telemetry.otlp_endpoint", quoted(endpoint)));
            lines.push(("telemetry.trace_sample", self.telemetry.sample_written()));
            lines.push(("telemetry.trust_traceparent", self.telemetry.trust_traceparent.to_string()));
        }
        lines.extend(self.upstreams.iter().map(|upstream| ("upstream", quoted(upstream.line()))));
        lines
    }

    fn token_lines(&self) -> Vec<(&'static str, String)> {
        let Some(pkcs11) = &self.keys.pkcs11 else { return Vec::new() };
        vec![
            ("keys.pkcs11.module", quoted(pkcs11.module.display())),
            ("keys.pkcs11.token", quoted(&pkcs11.token)),
            ("keys.pkcs11.pin_file", quoted(pkcs11.pin_file.display())),
            ("keys.pkcs11.sessions", pkcs11.sessions.to_string()),
            ("keys.pkcs11.timeout", quoted(duration::write(pkcs11.timeout))),
        ]
    }

    fn http_lines(&self) -> Vec<(&'static str, String)> {
        let http = &self.http;
        let limits = &http.limits;
        let time = |time| quoted(duration::write(time));
        let mut lines =
            vec![("http.listen", quoted(http.listen)), ("http.admin_listen", quoted(http.admin_listen))];
        if let Some(tls) = &http.tls {
            lines.push(("http.tls.cert_file", quoted(tls.cert_file.display())));
            lines.push(("http.tls.key_file", quoted(tls.key_file.display())));
        }
        lines.extend([
            ("http.trusted_proxies", list(&http.trusted_proxies)),
            ("http.limits.max_connections", limits.max_connections.to_string()),
            ("http.limits.header_timeout", time(limits.header_timeout)),
            ("http.limits.handshake_timeout", time(limits.handshake_timeout)),
            ("http.limits.request_timeout", time(limits.request_timeout)),
            ("http.limits.idle_timeout", time(limits.idle_timeout)),
            ("http.limits.max_body", limits.max_body.to_string()),
            ("http.limits.drain", time(limits.drain)),
            ("http.limits.drain_notice", time(limits.drain_notice)),
            ("http.limits.max_connections_per_source", limits.max_connections_per_source.to_string()),
            ("http.limits.max_requests", limits.max_requests.to_string()),
            ("http.limits.max_queue", limits.max_queue.to_string()),
            ("http.limits.max_waits", limits.max_waits.to_string()),
            ("http.limits.source_rate", limits.source_rate.to_string()),
            ("http.limits.client_rate", limits.client_rate.to_string()),
        ]);
        lines
    }

    fn audit_lines(&self) -> Vec<(&'static str, String)> {
        let audit = &self.audit;
        let paths = |paths: &[PathBuf]| list(paths.iter().map(|path| path.display().to_string()));
        let mut lines = vec![
            ("audit.checkpoint_files", paths(&audit.checkpoint_files)),
            ("audit.checkpoint_folders", paths(&audit.checkpoint_folders)),
        ];
        lines.extend(audit.syslog.iter().map(|address| ("audit.syslog", quoted(address.written()))));
        let ca_file = audit.syslog_ca_file.iter();
        lines.extend(ca_file.map(|path| ("audit.syslog_ca_file", quoted(path.display()))));
        lines.extend([
            ("audit.retention", quoted(duration::write(audit.retention.usual))),
            ("audit.retention_long", quoted(duration::write(audit.retention.long))),
        ]);
        lines
    }

    fn redis_lines(&self) -> Vec<(&'static str, String)> {
        let Some(redis) = &self.storage.redis else { return Vec::new() };
        let mut lines = vec![("storage.redis", quoted(&redis.url))];
        if let Some(path) = &redis.password_file {
            lines.push(("storage.redis_password_file", quoted(path.display())));
        }
        if let Some(path) = &redis.sentinel_password_file {
            lines.push(("storage.redis_sentinel_password_file", quoted(path.display())));
        }
        if let Some(path) = &redis.ca_file {
            lines.push(("storage.redis_ca_file", quoted(path.display())));
        }
        lines.push(("storage.key_prefix", quoted(&redis.key_prefix)));
        lines
    }

    fn mobile_lines(&self) -> Vec<(&'static str, String)> {
        let mobile = &self.mobile;
        let roots = mobile.attestation_roots.iter().map(PathBuf::as_path).map(std::path::Path::display);
        let mut lines = vec![
            ("mobile.rp_id", quoted(&mobile.rp_id)),
            ("mobile.rp_name", quoted(&mobile.rp_name)),
            ("mobile.allowed_origins", list(&mobile.allowed_origins)),
            ("mobile.attestation_roots", list(roots)),
            ("mobile.aaguids", list(&mobile.aaguids)),
            ("mobile.allow_self_attestation", mobile.allow_self_attestation.to_string()),
            ("mobile.devices_per_person", mobile.devices_per_person.to_string()),
            ("mobile.codes_per_hour", mobile.codes_per_hour.to_string()),
        ];
        match (&mobile.senders, &mobile.activation_codes_file) {
            (Some(senders), _) => lines.extend(sender_lines(senders)),
            (None, file) => lines.push((
                "mobile.activation_codes_file",
                file.as_ref().map_or_else(
                    || String::from("none: activation codes reach nobody"),
                    |path| quoted(path.display()),
                ),
            )),
        }
        lines
    }
}

fn sender_lines(senders: &Senders) -> Vec<(&'static str, String)> {
    let (smtp, sms) = (&senders.smtp, &senders.sms);
    let mut lines = vec![
        ("mobile.smtp.host", quoted(&smtp.host)),
        ("mobile.smtp.port", smtp.port.to_string()),
        ("mobile.smtp.tls", quoted(smtp.tls.as_str())),
    ];
    if let Some((user, path)) = &smtp.login {
        lines.push(("mobile.smtp.user", quoted(user)));
        lines.push(("mobile.smtp.password_file", quoted(path.display())));
    }
    lines.extend(smtp.ca_file.iter().map(|path| ("mobile.smtp.ca_file", quoted(path.display()))));
    lines.extend([
        ("mobile.smtp.from", quoted(&smtp.from)),
        ("mobile.smtp.subject", quoted(&smtp.subject)),
        ("mobile.smtp.notice_subject", quoted(&smtp.notice_subject)),
        ("mobile.sms.url", quoted(&sms.url)),
        ("mobile.sms.token_file", quoted(sms.token_file.display())),
    ]);
    lines.extend(sms.ca_file.iter().map(|path| ("mobile.sms.ca_file", quoted(path.display()))));
    lines
}

fn quoted(value: impl std::fmt::Display) -> String {
    format!("{:?}", value.to_string())
}

fn list<T: std::fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<_> = values.into_iter().map(quoted).collect();
    format!("[{}]", values.join(", "))
}
