//! The settings as they are written: every one optional, none checked, no other accepted.

use std::path::PathBuf;

use serde::Deserialize;

use super::upstreams::RawClientAuth;
use crate::federation::{AssertionAudience, Environment, Preset, UserinfoForm};

/// What a file and the environment say. Becomes a [`Config`](super::Config) by `TryFrom`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawConfig {
    pub(super) issuer: Option<String>,
    pub(super) http: RawHttp,
    pub(super) storage: RawStorage,
    pub(super) keys: RawKeys,
    pub(super) tokens: RawTokens,
    pub(super) mobile: RawMobile,
    pub(super) approval: RawApproval,
    pub(super) directory: RawDirectory,
    pub(super) patients: RawPatients,
    pub(super) audit: RawAudit,
    pub(super) telemetry: RawTelemetry,
    pub(super) upstream: Vec<RawUpstream>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawHttp {
    pub(super) listen: Option<String>,
    pub(super) admin_listen: Option<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) limits: RawLimits,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTls {
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLimits {
    pub(super) max_connections: Option<u32>,
    pub(super) header_timeout: Option<String>,
    pub(super) handshake_timeout: Option<String>,
    pub(super) request_timeout: Option<String>,
    pub(super) idle_timeout: Option<String>,
    pub(super) max_body: Option<u32>,
    pub(super) drain: Option<String>,
    pub(super) drain_notice: Option<String>,
    pub(super) max_connections_per_source: Option<u32>,
    pub(super) max_requests: Option<u32>,
    pub(super) max_queue: Option<u32>,
    pub(super) max_waits: Option<u32>,
    pub(super) source_rate: Option<u32>,
    pub(super) client_rate: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawStorage {
    pub(super) sql: Option<String>,
    pub(super) sql_password_file: Option<PathBuf>,
    pub(super) sql_standby: Option<String>,
    pub(super) redis: Option<String>,
    pub(super) redis_password_file: Option<PathBuf>,
    pub(super) redis_sentinel_password_file: Option<PathBuf>,
    pub(super) redis_ca_file: Option<PathBuf>,
    pub(super) key_prefix: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawKeys {
    pub(super) kek_file: Option<PathBuf>,
    pub(super) kek_previous_file: Option<PathBuf>,
    pub(super) policy_file: Option<PathBuf>,
    pub(super) pkcs11: Option<RawPkcs11>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPkcs11 {
    pub(super) module: Option<PathBuf>,
    pub(super) token: Option<String>,
    pub(super) pin_file: Option<PathBuf>,
    pub(super) sessions: Option<u8>,
    pub(super) timeout: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTokens {
    pub(super) access_token: Option<String>,
    pub(super) refresh_idle: Option<String>,
    pub(super) session: Option<String>,
    pub(super) session_idle: Option<String>,
    pub(super) code: Option<String>,
    pub(super) pushed_request: Option<String>,
    pub(super) interaction: Option<String>,
    pub(super) approval: Option<String>,
    pub(super) ceremony: Option<String>,
    pub(super) activation: Option<String>,
    pub(super) device: Option<String>,
    pub(super) skew: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMobile {
    pub(super) rp_id: Option<String>,
    pub(super) rp_name: Option<String>,
    pub(super) allowed_origins: Vec<String>,
    pub(super) attestation_roots: Vec<PathBuf>,
    pub(super) aaguids: Vec<String>,
    pub(super) allow_self_attestation: bool,
    pub(super) devices_per_person: Option<u32>,
    pub(super) activation_codes_file: Option<PathBuf>,
    pub(super) codes_per_hour: Option<u32>,
    pub(super) smtp: Option<RawSmtp>,
    pub(super) sms: Option<RawSms>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSmtp {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) tls: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) from: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) notice_subject: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSms {
    pub(super) url: Option<String>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApproval {
    pub(super) live: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawPatients {
    pub(super) ins: Option<String>,
    pub(super) cooling: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawDirectory {
    pub(super) max_change_share: Option<u32>,
    pub(super) excluded_professions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawAudit {
    pub(super) checkpoint_files: Vec<PathBuf>,
    pub(super) checkpoint_folders: Vec<PathBuf>,
    pub(super) syslog: Option<String>,
    pub(super) syslog_ca_file: Option<PathBuf>,
    pub(super) retention: Option<String>,
    pub(super) retention_long: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawTelemetry {
    pub(super) otlp_endpoint: Option<String>,
    pub(super) trace_sample: Option<f64>,
    pub(super) trust_traceparent: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawUpstream {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) preset: Option<Preset>,
    pub(super) environment: Option<Environment>,
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    pub(super) client_auth: Option<RawClientAuth>,
    pub(super) assertion_audience: Option<AssertionAudience>,
    pub(super) acr_values: Option<Vec<String>>,
    pub(super) signature_algorithms: Option<Vec<String>>,
    pub(super) encryption: Option<Vec<String>>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) userinfo: Option<UserinfoForm>,
    pub(super) amr: bool,
    pub(super) timeout: Option<String>,
}
