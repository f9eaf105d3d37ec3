//! Settings of the audit log: where checkpoints go, and how long personal values are kept.

use std::path::PathBuf;
use std::time::Duration;

use sceau::audit::Retention;
use sceau::config::SyslogAddress;

use super::file;

const ISSUER: &str = "issuer = \"https://id.example.fr\"\n[audit]\n";

#[test]
fn places_and_retention_are_understood() {
    let bare = file(ISSUER).load().unwrap().audit;
    assert!(!bare.remembers_outside());
    assert_eq!(bare.retention, Retention::default());
    let text = "checkpoint_files = [\"c\"]\ncheckpoint_folders = [\"/w\"]\nsyslog = \"tls://siem.example.fr\"\n\
                syslog_ca_file = \"ca.pem\"\nretention = \"100d\"\nretention_long = \"200d\"";
    let audit = file(&format!("{ISSUER}{text}")).load().unwrap().audit;
    assert!(audit.remembers_outside());
    assert_eq!(audit.checkpoint_folders, [PathBuf::from("/w")]);
    let host = String::from("siem.example.fr");
    assert_eq!(audit.syslog, Some(SyslogAddress::Tls { host, port: 6514 }));
    assert_eq!(audit.retention.usual, Duration::from_hours(100 * 24));
    let local = file(&format!("{ISSUER}syslog = \"unix:///dev/log\"")).load().unwrap().audit;
    assert_eq!(local.syslog, Some(SyslogAddress::Unix(PathBuf::from("/dev/log"))));
}

#[test]
fn a_bad_setting_of_the_audit_log_is_named() {
    let table = [
        ("syslog = \"udp://siem.example.fr\"", "audit.syslog"),
        ("syslog = \"tls://\"", "audit.syslog"),
        ("syslog = \"tls://a@siem.example.fr\"", "audit.syslog"),
        ("syslog = \"tls://siem.example.fr/path\"", "audit.syslog"),
        ("syslog = \"unix://dev/log\"", "audit.syslog"),
        ("syslog = \"tls://siem.example.fr\"", "audit.syslog_ca_file"),
        ("syslog = \"unix:///dev/log\"\nsyslog_ca_file = \"ca.pem\"", "audit.syslog_ca_file"),
        ("syslog_ca_file = \"ca.pem\"", "audit.syslog_ca_file"),
        ("checkpoint_files = [\"\"]", "audit.checkpoint_files"),
        ("checkpoint_folders = [\"a\", \"\"]", "audit.checkpoint_folders"),
        ("retention = \"0s\"", "audit.retention"),
        ("retention = \"1y\"", "audit.retention"),
        ("retention = \"400d\"\nretention_long = \"399d\"", "audit.retention_long"),
    ];
    for (text, setting) in table {
        let error = file(&format!("{ISSUER}{text}")).load().unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{text}: {error}");
    }
}
