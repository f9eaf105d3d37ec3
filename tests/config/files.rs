//! The files that settings name: the key-encryption key, the key policy, the roots of attestations, TLS.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use sceau::base::SeededEntropy;
use sceau::cli::config::check;
use sceau::config::{Config, TestRootMark};
use sceau::keyring::{KeyPolicy, SHIPPED_POLICY};

use super::{TestStrings, file};

const UNMARKED: TestRootMark = |_| false;
const MARKED: TestRootMark = |_| true;

#[test]
fn the_key_is_made_once_beside_a_new_database() {
    let folder = tempfile::tempdir().unwrap();
    let config = on_disk(folder.path());
    let made = config.keys.kek(&config.storage, &SeededEntropy::new(1)).unwrap();
    let permissions = std::fs::metadata(&config.keys.kek_file).unwrap().permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    assert_eq!(config.keys.kek_file, folder.path().join("s.sqlite.kek"));

    std::fs::write(folder.path().join("s.sqlite"), "in use").unwrap();
    let found = config.keys.kek(&config.storage, &SeededEntropy::new(2)).unwrap();
    assert_eq!(made.expose(), found.expose());
    assert_eq!(format!("{found:?}"), "Kek([redacted])");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "no temporary file is left");
}

#[test]
fn a_lost_key_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let config = on_disk(folder.path());
    std::fs::write(folder.path().join("s.sqlite"), "in use").unwrap();
    let error = config.keys.kek(&config.storage, &SeededEntropy::new(1)).unwrap_err();
    assert_eq!(error.setting(), Some("keys.kek_file"));
    assert!(error.to_string().contains("is in use"), "{error}");
    assert!(!config.keys.kek_file.exists());
}

#[test]
fn with_postgresql_a_key_is_never_made_and_the_password_is_one_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let kek = folder.path().join("kek");
    let text = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"postgres://sceau@localhost/sceau\"\n\
         sql_password_file = \"password\"\n[keys]\nkek_file = \"{}\"\n",
        kek.display()
    );
    let config = file(&text).load().unwrap();
    let error = config.keys.kek(&config.storage, &SeededEntropy::new(1)).unwrap_err();
    assert_eq!(error.setting(), Some("keys.kek_file"));
    assert!(error.to_string().contains("never made") && !kek.exists(), "{error}");

    let read = |password: &str| config.documents(&file("").with_file("password", password), UNMARKED);
    assert_eq!(read("hunter 2\n").unwrap().sql_password.unwrap().expose(), "hunter 2");
    assert!(!format!("{:?}", read("hunter2").unwrap()).contains("hunter2"));
    for wrong in ["", "\n", "hunter2\n\n", "hunter2\nhunter3"] {
        let error = read(wrong).unwrap_err();
        assert_eq!(error.setting(), Some("storage.sql_password_file"), "{wrong:?}");
        assert!(!error.to_string().contains("hunter"));
    }
}

#[test]
fn a_malformed_key_is_refused_and_never_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let config = on_disk(folder.path());
    let short = "AAAAAAAAAAAAAAAAAAAAAA";
    for text in ["", "\n", short, &format!("{}=", "A".repeat(43)), &format!("{}\n\n", "A".repeat(43))] {
        std::fs::write(&config.keys.kek_file, text).unwrap();
        let error = config.keys.kek(&config.storage, &SeededEntropy::new(1)).unwrap_err();
        assert_eq!(error.setting(), Some("keys.kek_file"), "{text:?}");
        assert!(!error.to_string().contains(short));
    }
}

#[test]
fn the_other_key_is_read_never_made_and_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let text = format!(
        "issuer = \"http://localhost:8080\"\n[keys]\nkek_file = \"{}\"\nkek_previous_file = \"{}\"\n",
        place("kek").display(),
        place("previous").display()
    );
    let config = file(&text).load().unwrap();
    assert_eq!(config.keys.kek_previous_file, Some(place("previous")));
    assert!(config.summary().iter().any(|(setting, _)| *setting == "keys.kek_previous_file"));
    let key = |letter: &str| format!("{}\n", letter.repeat(43));
    std::fs::write(place("kek"), key("A")).unwrap();
    let kek = config.keys.kek(&config.storage, &SeededEntropy::new(1)).unwrap();
    let read = || config.keys.kek_previous(&kek);
    let refused = |sentence: &str| {
        let error = read().unwrap_err();
        assert_eq!(error.setting(), Some("keys.kek_previous_file"));
        assert!(error.to_string().contains(sentence), "{error}");
    };
    refused("cannot be read");
    assert!(!place("previous").exists(), "never made");
    for (text, sentence) in [(key("A"), "itself"), (String::from("short"), "is not a key")] {
        std::fs::write(place("previous"), text).unwrap();
        refused(sentence);
    }
    std::fs::write(place("previous"), format!("{}A\n", "B".repeat(42))).unwrap();
    assert_ne!(read().unwrap().unwrap().expose(), kek.expose());
    let alone = file("issuer = \"http://localhost:8080\"").load().unwrap();
    assert!(alone.keys.kek_previous(&kek).unwrap().is_none());
    let twice = text.replace("previous\"", "kek\"");
    assert_eq!(file(&twice).load().unwrap_err().setting(), Some("keys.kek_previous_file"));
}

#[test]
fn the_policy_must_outlive_what_it_signs() {
    let with = |policy: &str| {
        let text = "issuer = \"https://id.example.fr\"\n[tokens]\naccess_token = \"5m\"\n[keys]\npolicy_file = \"p.toml\"";
        let strings = file(text).with_file("p.toml", policy);
        strings.load().unwrap().documents(&strings, UNMARKED)
    };
    assert_eq!(with(SHIPPED_POLICY).unwrap().policy, KeyPolicy::default());
    let short = SHIPPED_POLICY.replace("longest_token_life = \"600s\"", "longest_token_life = \"299s\"");
    assert_eq!(with(&short).unwrap_err().setting(), Some("tokens.access_token"));
    let impossible = SHIPPED_POLICY.replace("lead = \"26h\"", "lead = \"1s\"");
    assert_eq!(with(&impossible).unwrap_err().setting(), Some("keys.policy_file"));
}

#[test]
fn roots_are_authorities_of_different_subjects() {
    let (one, two) = (root("one", true), root("two", true));
    let read = |text: &str, mark| {
        let strings = phones("https://id.example.fr").with_file("roots.pem", text);
        strings.load().unwrap().documents(&strings, mark)
    };
    assert_eq!(read(&format!("{one}{two}"), UNMARKED).unwrap().attestation_roots.len(), 2);
    let bad = [
        (String::new(), "no certificate"),
        (String::from("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "cannot be read"),
        (root("leaf", false), "not an authority"),
        (format!("{one}{}", root("one", true)), "same subject"),
    ];
    for (text, sentence) in bad {
        let error = read(&text, UNMARKED).unwrap_err();
        assert_eq!(error.setting(), Some("mobile.attestation_roots"));
        assert!(error.to_string().contains(sentence), "{error}");
    }
}

#[test]
fn the_root_of_the_tests_is_for_loopback() {
    for (issuer, accepted) in [("https://id.example.fr", false), ("http://localhost:8080", true)] {
        let strings = phones(issuer).with_file("roots.pem", &root("one", true));
        let documents = strings.load().unwrap().documents(&strings, MARKED);
        assert_eq!(documents.is_ok(), accepted, "{issuer}");
    }
}

#[test]
fn a_missing_file_is_named_with_its_setting() {
    let strings = phones("https://id.example.fr");
    let error = strings.load().unwrap().documents(&strings, UNMARKED).unwrap_err();
    assert_eq!(error.setting(), Some("mobile.attestation_roots"));
    assert!(error.to_string().contains("roots.pem"), "{error}");
}

#[test]
fn tls_needs_a_certificate_and_a_key() {
    let text = "issuer = \"https://id.example.fr\"\n[http.tls]\ncert_file = \"c.pem\"\nkey_file = \"k.pem\"";
    let cert = root("server", false);
    let key = KeyPair::generate().unwrap().serialize_pem();
    let table = [
        (cert.as_str(), key.as_str(), None),
        (key.as_str(), key.as_str(), Some("http.tls.cert_file")),
        (cert.as_str(), cert.as_str(), Some("http.tls.key_file")),
    ];
    for (cert, key, setting) in table {
        let strings = file(text).with_file("c.pem", cert).with_file("k.pem", key);
        let documents = strings.load().unwrap().documents(&strings, UNMARKED);
        assert_eq!(documents.err().and_then(|error| error.setting()), setting);
    }
}

#[test]
fn check_says_what_was_understood() {
    let strings = file("issuer = \"https://id.example.fr\"");
    let lines = check(Some(Path::new("sceau.toml")), &strings, UNMARKED).unwrap();
    assert_eq!(lines[0], "issuer = \"https://id.example.fr\"");
    for line in [
        "tokens.session = \"4h\"",
        "http.limits.max_body = 65536",
        "storage.sql = \"sqlite://sceau.sqlite\"",
        "# signing keys: ES256",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}");
    }
    assert!(lines.iter().any(|line| line.contains("no phone can be enrolled")));
}

fn on_disk(folder: &Path) -> Config {
    let text = format!(
        "issuer = \"https://id.example.fr\"\n[storage]\nsql = \"sqlite://{}/s.sqlite\"",
        folder.display()
    );
    file(&text).load().unwrap()
}

fn phones(issuer: &str) -> TestStrings {
    file(&format!(
        "issuer = \"{issuer}\"\n[mobile]\nattestation_roots = [\"roots.pem\"]\naaguids = [\"6f1b1f0c-2a6f-4a1b-9f39-6d0a3d1f2c11\"]"
    ))
}

fn root(name: &str, authority: bool) -> String {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}
