//! The settings of the senders of messages, and their files.

use sceau::cli::config::check;
use sceau::config::{Config, ConfigError, SmtpTls, TestRootMark};

use super::{TestStrings, file};

const UNMARKED: TestRootMark = |_| false;

const GOOD: &str = r#"
issuer = "https://id.example.fr"

[mobile]
codes_per_hour = 200

[mobile.smtp]
host = "mail.example.fr"
port = 2587
tls = "starttls"
user = "sceau"
password_file = "smtp.password"
ca_file = "smtp-ca.pem"
from = "sceau <noreply@id.example.fr>"
subject = "Codes"
notice_subject = "Notice"

[mobile.sms]
url = "https://sms.example.fr/v1/messages"
token_file = "sms.token"
ca_file = "sms-ca.pem"
"#;

fn change(good: &str, bad: &str) -> TestStrings {
    assert!(GOOD.contains(good), "{good}");
    file(&GOOD.replacen(good, bad, 1))
}

fn with_files(strings: TestStrings) -> TestStrings {
    let pem = rcgen::generate_simple_self_signed([String::from("localhost")]).unwrap().cert.pem();
    strings
        .with_file("smtp.password", "hunter2\n")
        .with_file("sms.token", "token3\n")
        .with_file("smtp-ca.pem", &pem)
        .with_file("sms-ca.pem", &pem)
}

fn documents(strings: &TestStrings) -> Result<sceau::config::Documents, ConfigError> {
    strings.load().unwrap().documents(strings, UNMARKED)
}

#[test]
fn every_setting_is_read_shown_and_in_the_example() {
    let config = file(GOOD).load().unwrap();
    let shown: Vec<_> =
        config.summary().into_iter().filter(|(name, _)| name.matches('.').count() > 1).collect();
    let shown: Vec<_> = shown.iter().filter(|(name, _)| name.starts_with("mobile.")).collect();
    assert_eq!(shown.len(), 12, "{shown:?}");
    for (setting, value) in shown {
        let name = setting.rsplit('.').next().unwrap();
        assert!(GOOD.contains(&format!("{name} = {value}")), "{setting} = {value}");
        assert!(Config::example().contains(&format!("\n# {name} = ")), "{setting}");
    }
    assert_eq!(config.mobile.codes_per_hour, 200);
    assert!(Config::example().contains("\n# codes_per_hour = 1000\n"));
}

#[test]
fn the_rest_has_defaults() {
    let least = "issuer = \"https://id.example.fr\"\n[mobile.smtp]\nhost = \"mail.example.fr\"\n\
                 from = \"noreply@id.example.fr\"\n[mobile.sms]\nurl = \"https://sms.example.fr\"\ntoken_file = \"t\"\n";
    let port = |tls: &str, host: &str| {
        let text =
            least.replace("host = \"mail.example.fr\"", &format!("host = \"{host}\"\ntls = \"{tls}\""));
        file(&text).load().unwrap().mobile.senders.unwrap().smtp.port
    };
    let senders = file(least).load().unwrap().mobile.senders.unwrap();
    assert_eq!((senders.smtp.tls, senders.smtp.port, senders.smtp.login), (SmtpTls::StartTls, 587, None));
    assert!(Config::example().contains(&format!("\n# subject = \"{}\"", senders.smtp.subject)));
    assert!(Config::example().contains(&format!("\n# notice_subject = \"{}\"", senders.smtp.notice_subject)));
    assert_eq!(port("tls", "mail.example.fr"), 465);
    for loopback in ["localhost", "127.0.0.1", "[::1]"] {
        assert_eq!(port("none", loopback), 25);
    }
    let bare = file("issuer = \"https://id.example.fr\"").load().unwrap();
    assert_eq!((bare.mobile.senders, bare.mobile.codes_per_hour), (None, 1000));
}

#[test]
fn a_bad_setting_of_a_sender_is_named() {
    let smtp = GOOD.split("[mobile.smtp]").nth(1).unwrap().split("[mobile.sms]").next().unwrap();
    let sms = GOOD.split("[mobile.sms]").nth(1).unwrap();
    let table = [
        ("codes_per_hour = 200", "codes_per_hour = 0", "mobile.codes_per_hour"),
        ("codes_per_hour = 200", "codes_per_hour = 1000001", "mobile.codes_per_hour"),
        ("codes_per_hour = 200", "activation_codes_file = \"c\"", "mobile.activation_codes_file"),
        (&format!("[mobile.smtp]{smtp}"), "", "mobile.smtp"),
        (&format!("[mobile.sms]{sms}"), "", "mobile.sms"),
        ("host = \"mail.example.fr\"", "", "mobile.smtp.host"),
        ("host = \"mail.example.fr\"", "host = \"smtp://mail.example.fr\"", "mobile.smtp.host"),
        ("host = \"mail.example.fr\"", "host = \"mail.example.fr:25\"", "mobile.smtp.host"),
        ("port = 2587", "port = 0", "mobile.smtp.port"),
        ("\"starttls\"", "\"STARTTLS\"", "mobile.smtp.tls"),
        ("\"starttls\"", "\"none\"", "mobile.smtp.tls"),
        ("user = \"sceau\"", "", "mobile.smtp.user"),
        ("password_file = \"smtp.password\"", "", "mobile.smtp.password_file"),
        ("from = \"sceau <noreply@id.example.fr>\"", "", "mobile.smtp.from"),
        ("<noreply@id.example.fr>", "<noreply>", "mobile.smtp.from"),
        ("<noreply@id.example.fr>", "<noreply@id.example.fr>\\r\\nBcc: a@b.example", "mobile.smtp.from"),
        ("\"Codes\"", "\"\"", "mobile.smtp.subject"),
        ("\"Codes\"", "\"Codes\\r\\nBcc: a@b.example\"", "mobile.smtp.subject"),
        ("\"Notice\"", "\"a\\u0000\"", "mobile.smtp.notice_subject"),
        ("url = \"https://sms.example.fr/v1/messages\"", "", "mobile.sms.url"),
        ("https://sms.example.fr", "http://sms.example.fr", "mobile.sms.url"),
        ("https://sms.example.fr", "http://localhost.example.fr", "mobile.sms.url"),
        ("https://sms.example.fr", "https://me@sms.example.fr", "mobile.sms.url"),
        ("https://sms.example.fr", "ftp://sms.example.fr", "mobile.sms.url"),
        ("https://sms.example.fr/v1/messages", "http://localhost:1/", "mobile.sms.ca_file"),
        ("token_file = \"sms.token\"", "", "mobile.sms.token_file"),
    ];
    for (good, bad, setting) in table {
        let error = change(good, bad).load().unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{bad}: {error}");
    }
    let clear = change("\"starttls\"", "\"none\"").load().unwrap_err().to_string();
    assert!(clear.contains("loopback"), "{clear}");
    let loopback = GOOD.replace("mail.example.fr", "127.0.0.1").replace("\"starttls\"", "\"none\"");
    assert_eq!(file(&loopback).load().unwrap_err().setting(), Some("mobile.smtp.ca_file"));
    let secret = change("https://sms.example.fr", "https://a:hunter2@sms.example.fr").load().unwrap_err();
    assert_eq!(secret.setting(), Some("mobile.sms.url"));
    assert!(!secret.to_string().contains("hunter2"));
    let unknown = change("token_file", "token").load().unwrap_err();
    assert!(matches!(unknown, ConfigError::Unreadable(_)));
}

#[test]
fn secrets_are_one_line_of_their_files_and_are_never_shown() {
    let good = with_files(file(GOOD));
    let read = documents(&good).unwrap().senders.unwrap();
    assert_eq!(read.smtp_password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(read.sms_token.expose(), "token3");
    let shown =
        format!("{read:?}\n{}", check(Some("sceau.toml".as_ref()), &good, UNMARKED).unwrap().join("\n"));
    assert!(!shown.contains("hunter2") && !shown.contains("token3"), "{shown}");
    let table = [
        ("smtp.password", "", "mobile.smtp.password_file"),
        ("smtp.password", "hunter2\nhunter3", "mobile.smtp.password_file"),
        ("sms.token", "\n", "mobile.sms.token_file"),
        ("sms.token", "token\tthree", "mobile.sms.token_file"),
        ("smtp-ca.pem", "no certificate", "mobile.smtp.ca_file"),
        ("sms-ca.pem", "", "mobile.sms.ca_file"),
    ];
    for (path, text, setting) in table {
        let error = documents(&good.clone().with_file(path, text)).unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{path}");
        assert!(!error.to_string().contains("hunter"), "{error}");
    }
}
