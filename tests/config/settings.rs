//! Good settings, and every one of them made bad.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sceau::config::{Config, ConfigError, Lifetimes, Limits, Postgres, RedisServers, Sql};

use super::{TestStrings, file};

const GOOD: &str = r#"
issuer = "https://id.example.fr"

[http]
listen = "0.0.0.0:8443"
admin_listen = "127.0.0.1:9091"
trusted_proxies = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]

[http.tls]
cert_file = "tls.crt"
key_file = "tls.key"

[http.limits]
max_connections = 100
header_timeout = "5s"
handshake_timeout = "6s"
request_timeout = "20s"
idle_timeout = "1m"
max_body = 65536
drain = "15s"
drain_notice = "0s"
max_connections_per_source = 50
max_requests = 60
max_queue = 70
max_waits = 80
source_rate = 0
client_rate = 90

[storage]
sql = "sqlite:///var/lib/sceau/sceau.sqlite"

[keys]
kek_file = "/etc/sceau/kek"
policy_file = "policy.toml"

[keys.pkcs11]
module = "/usr/lib/token.so"
token = "sceau"
pin_file = "/run/secrets/pin"
sessions = 3
timeout = "4s"

[tokens]
access_token = "5m"
refresh_idle = "31m"
session = "5h"
session_idle = "32m"
code = "30s"
pushed_request = "91s"
interaction = "14m"
approval = "100s"
ceremony = "50s"
activation = "9m"
device = "365d"
skew = "0s"

[mobile]
rp_id = "example.fr"
rp_name = "Demonstration"
allowed_origins = ["https://app.example.fr", "android:apk-key-hash:mwNIlyUabNLLUkHm9D3VQmdQPZSCHPpJ9bZhqDo4kyk", "ios:bundle-id:fr.example.app"]
attestation_roots = ["roots.pem"]
aaguids = ["6f1b1f0c-2a6f-4a1b-9f39-6d0a3d1f2c11"]
allow_self_attestation = false
devices_per_person = 3

[approval]
live = 4

[directory]
max_change_share = 7
excluded_professions = ["35"]

[patients]
ins = "test"
cooling = "48h"
[audit]
checkpoint_files = ["checkpoints"]
checkpoint_folders = ["/mnt/worm"]
syslog = "unix:///dev/log"
retention = "366d"
retention_long = "1096d"
"#;

#[test]
fn a_full_file_is_understood() {
    let config = file(GOOD).load().unwrap();
    assert_eq!(config.issuer.as_str(), "https://id.example.fr");
    assert_eq!(config.http.listen, "0.0.0.0:8443".parse().unwrap());
    assert_eq!(config.http.admin_listen, "127.0.0.1:9091".parse().unwrap());
    assert_eq!(config.http.trusted_proxies.len(), 3);
    assert_eq!(config.http.limits.max_connections, 100);
    assert_eq!(config.http.limits.idle_timeout, Duration::from_mins(1));
    let limits = config.http.limits;
    assert_eq!((limits.drain_notice, limits.max_connections_per_source), (Duration::ZERO, 50));
    assert_eq!((limits.max_requests, limits.max_queue, limits.max_waits), (60, 70, 80));
    assert_eq!((limits.source_rate, limits.client_rate), (0, 90));
    assert_eq!(config.storage.sql, Sql::Sqlite(PathBuf::from("/var/lib/sceau/sceau.sqlite")));
    assert_eq!(config.keys.kek_file, Path::new("/etc/sceau/kek"));
    let pkcs11 = config.keys.pkcs11.as_ref().unwrap();
    assert_eq!((pkcs11.module.as_path(), pkcs11.token.as_str()), (Path::new("/usr/lib/token.so"), "sceau"));
    assert_eq!((pkcs11.sessions, pkcs11.timeout), (3, Duration::from_secs(4)));
    assert_eq!(config.tokens.access_token, Duration::from_mins(5));
    assert_eq!(config.tokens.device, Duration::from_hours(365 * 24));
    assert_eq!(config.tokens.skew, Duration::ZERO);
    assert_eq!(config.mobile.rp_id, "example.fr");
    assert_eq!(config.mobile.allowed_origins.len(), 3);
    assert_eq!(config.mobile.devices_per_person, 3);
    assert!(config.mobile.can_enrol());
    assert_eq!(config.approval.live, 4);
    assert_eq!(config.directory.max_change_share, 7);
    assert_eq!(config.directory.excluded_professions, ["35"]);
    assert_eq!(config.patients.cooling, Duration::from_hours(48));
}

#[test]
fn only_the_issuer_is_needed() {
    let config = file("issuer = \"https://id.example.fr\"").load().unwrap();
    assert_eq!(config.http.listen, "127.0.0.1:8443".parse().unwrap());
    assert_eq!(config.http.limits, Limits::default());
    assert_eq!(config.storage.sql, Sql::Sqlite(PathBuf::from("sceau.sqlite")));
    assert_eq!(config.keys.kek_file, Path::new("sceau.sqlite.kek"));
    assert_eq!(config.tokens, Lifetimes::default());
    assert_eq!(config.mobile.rp_id, "id.example.fr");
    assert!(!config.mobile.can_enrol());
}

#[test]
fn the_example_is_the_default() {
    let config = file(Config::example()).load().unwrap();
    let bare = file("issuer = \"https://id.example.fr\"").load().unwrap();
    assert_eq!(config.summary(), bare.summary());
}

/// Each commented setting of the example is one of ours, at its default, and none is left out.
#[test]
fn the_example_shows_every_setting() {
    let uncommented: Vec<_> = Config::example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if setting.contains(" = ") || setting.starts_with('[') => setting,
            _ => line,
        })
        .filter(|line| {
            ![
                "sql_password_file",
                "sql_standby",
                "trusted_proxies",
                "allowed_origins",
                "attestation_roots",
                "policy_file",
                "kek_previous_file",
                "activation_codes_file",
                "checkpoint_files",
                "checkpoint_folders",
                "syslog",
                "[mobile.smtp]",
                "[mobile.sms]",
                "host",
                "port",
                "tls = ",
                "user",
                "password_file",
                "ca_file",
                "from",
                "subject",
                "notice_subject",
                "url",
                "token_file",
                // Either the one or the other.
                "client_auth",
                "environment",
            ]
            .iter()
            .any(|name| line.starts_with(name))
        })
        .collect();
    let config = file(&uncommented.join("\n")).load().unwrap();
    let bare = file("issuer = \"https://id.example.fr\"").load().unwrap();
    let absent =
        ["http.tls.", "storage.redis", "storage.key_prefix", "keys.pkcs11.", "telemetry.", "upstream"];
    let usual = |(setting, _): &(&str, String)| !absent.iter().any(|name| setting.starts_with(name));
    assert_eq!(config.summary().into_iter().filter(usual).collect::<Vec<_>>(), bare.summary());

    let shown: BTreeSet<_> =
        file(GOOD).load().unwrap().summary().into_iter().map(|(setting, _)| setting).collect();
    for setting in shown {
        let name = setting.rsplit('.').next().unwrap();
        assert!(Config::example().contains(&format!("{name} = ")), "{setting}");
    }
}

#[test]
fn an_http_issuer_on_loopback_says_the_port() {
    for (issuer, listen) in
        [("http://localhost:9000", "127.0.0.1:9000"), ("http://localhost", "127.0.0.1:8080")]
    {
        let config = file(&format!("issuer = \"{issuer}\"")).load().unwrap();
        assert_eq!(config.http.listen, listen.parse().unwrap());
        assert!(config.issuer.is_loopback());
    }
    let config = "issuer = \"http://localhost:9000\"\n[mobile]\nallow_self_attestation = true\nallowed_origins = [\"http://localhost:3000\"]";
    assert!(file(config).load().unwrap().mobile.can_enrol());
}

#[test]
fn the_environment_wins() {
    let strings = file(GOOD)
        .with_variable("SCEAU__ISSUER", "https://other.example.fr")
        .with_variable("SCEAU__HTTP__LIMITS__MAX_CONNECTIONS", "7")
        .with_variable("SCEAU__HTTP__TRUSTED_PROXIES", "10.1.0.0/16,10.2.0.0/16")
        .with_variable("SCEAU__TOKENS__ACCESS_TOKEN", "60s")
        .with_variable("SCEAU__APPROVAL__LIVE", "")
        .with_variable("SCEAU_SERVICE_HOST", "10.0.0.1")
        .with_variable("SCEAU_CONFIG", "elsewhere.toml");
    let config = strings.load().unwrap();
    assert_eq!(config.issuer.as_str(), "https://other.example.fr");
    assert_eq!(config.http.limits.max_connections, 7);
    assert_eq!(config.http.trusted_proxies.len(), 2);
    assert_eq!(config.tokens.access_token, Duration::from_mins(1));
    assert_eq!(config.approval.live, 4);

    let alone = TestStrings::default().with_variable("SCEAU__ISSUER", "https://id.example.fr");
    assert!(Config::load(None, &alone).is_ok());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = TestStrings::default().load().unwrap_err();
    assert!(matches!(error, ConfigError::File { .. }));
    assert!(error.to_string().contains("sceau.toml"), "{error}");
}

#[test]
fn unknown_and_mistyped_settings_are_named() {
    let table = [
        ("[approval]", "[aproval]", "aproval"),
        ("live = 4", "lives = 4", "lives"),
        ("drain = \"15s\"", "drian = \"15s\"", "drian"),
        ("key_file =", "keyfile =", "keyfile"),
        ("live = 4", "live = \"four\"", "approval.live"),
        ("live = 4", "live = -1", "approval.live"),
        ("allow_self_attestation = false", "allow_self_attestation = \"perhaps\"", "allow_self_attestation"),
    ];
    for (good, bad, named) in table {
        let error = change(good, bad).load().unwrap_err();
        assert!(matches!(error, ConfigError::Unreadable(_)), "{bad}: {error}");
        assert!(error.to_string().contains(named), "{bad}: {error}");
    }
    let misspelt = file(GOOD).with_variable("SCEAU__HTPP__LISTEN", "127.0.0.1:1");
    assert!(misspelt.load().unwrap_err().to_string().contains("htpp"));
}

#[test]
fn a_bad_address_or_limit_is_named() {
    let issuer = "\"https://id.example.fr\"";
    let proxy = "10.0.0.0/8";
    let table = [
        (issuer, "\"\"", "issuer"),
        (issuer, "\"http://id.example.fr\"", "issuer"),
        (issuer, "\"https://id.example.fr/\"", "issuer"),
        (issuer, "\"https://id.example.fr/pro\"", "issuer"),
        (issuer, "\"https://id.example.fr/pro/..\"", "issuer"),
        (issuer, "\"https://id.example.fr?a=b\"", "issuer"),
        (issuer, "\"https://id.example.fr#a\"", "issuer"),
        (issuer, "\"https://me@id.example.fr\"", "issuer"),
        (issuer, "\"https://ID.example.fr\"", "issuer"),
        (issuer, "\"https://id.example.fr:443\"", "issuer"),
        (issuer, "\"ftp://id.example.fr\"", "issuer"),
        (issuer, "\"id.example.fr\"", "issuer"),
        (issuer, "\"http://localhost.example.fr\"", "issuer"),
        (issuer, "\"http://127.0.0.1.example.fr\"", "issuer"),
        (issuer, "\"http://localhost\"", "http.tls"),
        (issuer, "\"https://192.0.2.1\"", "mobile.rp_id"),
        (issuer, "\"https://127.0.0.1\"", "mobile.rp_id"),
        ("\"0.0.0.0:8443\"", "\"localhost:8443\"", "http.listen"),
        ("\"0.0.0.0:8443\"", "\"0.0.0.0\"", "http.listen"),
        ("\"127.0.0.1:9091\"", "\"9091\"", "http.admin_listen"),
        ("\"127.0.0.1:9091\"", "\"127.0.0.1:8443\"", "http.admin_listen"),
        (proxy, "0.0.0.0/0", "http.trusted_proxies"),
        (proxy, "10.0.0.1/8", "http.trusted_proxies"),
        (proxy, "proxy.example.fr", "http.trusted_proxies"),
        ("cert_file = \"tls.crt\"", "", "http.tls.cert_file"),
        ("key_file = \"tls.key\"", "", "http.tls.key_file"),
        ("max_connections = 100", "max_connections = 0", "http.limits.max_connections"),
        ("max_connections = 100", "max_connections = 4000000000", "http.limits.max_connections"),
        ("header_timeout = \"5s\"", "header_timeout = \"0s\"", "http.limits.header_timeout"),
        ("handshake_timeout = \"6s\"", "handshake_timeout = \"6\"", "http.limits.handshake_timeout"),
        ("request_timeout = \"20s\"", "request_timeout = \"1h\"", "http.limits.request_timeout"),
        ("idle_timeout = \"1m\"", "idle_timeout = \"0m\"", "http.limits.idle_timeout"),
        ("max_body = 65536", "max_body = 100", "http.limits.max_body"),
        ("drain = \"15s\"", "drain = \"-15s\"", "http.limits.drain"),
        ("drain_notice = \"0s\"", "drain_notice = \"11m\"", "http.limits.drain_notice"),
        ("per_source = 50", "per_source = 0", "http.limits.max_connections_per_source"),
        ("max_requests = 60", "max_requests = 0", "http.limits.max_requests"),
        ("max_queue = 70", "max_queue = 0", "http.limits.max_queue"),
        ("max_waits = 80", "max_waits = 0", "http.limits.max_waits"),
        ("source_rate = 0", "source_rate = 100001", "http.limits.source_rate"),
        ("client_rate = 90", "client_rate = 100001", "http.limits.client_rate"),
    ];
    for (good, bad, setting) in table {
        refused(good, bad, setting);
    }
}

#[test]
fn a_bad_token_setting_is_named() {
    let table = [
        ("module = \"/usr/lib/token.so\"", "module = \"token.so\"", "keys.pkcs11.module"),
        ("module = \"/usr/lib/token.so\"", "", "keys.pkcs11"),
        ("token = \"sceau\"", "token = \"\"", "keys.pkcs11.token"),
        ("pin_file = \"/run/secrets/pin\"", "", "keys.pkcs11"),
        ("sessions = 3", "sessions = 0", "keys.pkcs11.sessions"),
        ("timeout = \"4s\"", "timeout = \"11s\"", "keys.pkcs11.timeout"),
    ];
    for (good, bad, setting) in table {
        refused(good, bad, setting);
    }
}

#[test]
fn a_bad_store_or_phone_setting_is_named() {
    let sql = "sqlite:///var/lib/sceau/sceau.sqlite";
    let origin = "https://app.example.fr";
    let rp_id = "rp_id = \"example.fr\"";
    let aaguid = "6f1b1f0c-2a6f-4a1b-9f39-6d0a3d1f2c11";
    let table = [
        (sql, "postgres://db.example.fr/sceau", "storage.sql"),
        (sql, "postgres://sceau@db.example.fr", "storage.sql"),
        (sql, "postgres://sceau@db.example.fr/a/b", "storage.sql"),
        (sql, "postgres:///sceau", "storage.sql"),
        (sql, "postgres://sceau@db.example.fr/sceau?sslmode=disable", "storage.sql"),
        (sql, "postgres://sceau@db.example.fr/sceau?options=-c%20fsync%3Doff", "storage.sql"),
        (sql, "postgres://sceau@db.example.fr/sceau?host=/tmp", "storage.sql"),
        ("[storage]", "[storage]\nsql_password_file = \"p\"", "storage.sql_password_file"),
        (sql, "mysql://db.example.fr/sceau", "storage.sql"),
        (sql, "sqlite://", "storage.sql"),
        (sql, "sqlite:///var/lib/", "storage.sql"),
        (sql, "sqlite://:memory:", "storage.sql"),
        (sql, "sqlite://sceau.sqlite?mode=ro", "storage.sql"),
        ("[storage]", "[storage]\nkey_prefix = \"sceau\"", "storage.key_prefix"),
        (origin, "https://app.example.fr/", "mobile.allowed_origins"),
        (origin, "https://app.example.fr/path", "mobile.allowed_origins"),
        (origin, "http://localhost:3000", "mobile.allowed_origins"),
        (origin, "android:apk-key-hash:AAAA", "mobile.allowed_origins"),
        (origin, "ios:bundle-id:", "mobile.allowed_origins"),
        (origin, "null", "mobile.allowed_origins"),
        (rp_id, "rp_id = \"fr\"", "mobile.rp_id"),
        (rp_id, "rp_id = \"xample.fr\"", "mobile.rp_id"),
        (rp_id, "rp_id = \"app.id.example.fr\"", "mobile.rp_id"),
        (rp_id, "rp_id = \"Example.fr\"", "mobile.rp_id"),
        (rp_id, "rp_id = \"192.0.2.1\"", "mobile.rp_id"),
        (rp_id, "rp_id = \"https://example.fr\"", "mobile.rp_id"),
        ("\"Demonstration\"", "\" \"", "mobile.rp_name"),
        ("attestation_roots = [\"roots.pem\"]", "", "mobile.attestation_roots"),
        ("aaguids = [\"6f1b1f0c-2a6f-4a1b-9f39-6d0a3d1f2c11\"]", "", "mobile.aaguids"),
        (aaguid, "00000000-0000-0000-0000-000000000000", "mobile.aaguids"),
        (aaguid, "phone", "mobile.aaguids"),
        ("allow_self_attestation = false", "allow_self_attestation = true", "mobile.allow_self_attestation"),
        (
            "allow_self_attestation = false",
            "allow_self_attestation = false\nactivation_codes_file = \"/tmp/codes\"",
            "mobile.activation_codes_file",
        ),
        ("devices_per_person = 3", "devices_per_person = 0", "mobile.devices_per_person"),
        ("live = 4", "live = 0", "approval.live"),
        ("live = 4", "live = 11", "approval.live"),
    ];
    for (good, bad, setting) in table {
        refused(good, bad, setting);
    }
}

#[test]
fn lifetimes_out_of_order_are_named() {
    let table = [
        ("access_token = \"5m\"", "access_token = \"601s\"", "tokens.access_token"),
        ("access_token = \"5m\"", "access_token = \"5\"", "tokens.access_token"),
        ("access_token = \"5m\"", "access_token = \"5 m\"", "tokens.access_token"),
        ("access_token = \"5m\"", "access_token = \"+5m\"", "tokens.access_token"),
        ("access_token = \"5m\"", "access_token = \"0s\"", "tokens.access_token"),
        ("access_token = \"5m\"", "access_token = \"é\"", "tokens.access_token"),
        ("refresh_idle = \"31m\"", "refresh_idle = \"6h\"", "tokens.refresh_idle"),
        ("session = \"5h\"", "session = \"30m\"", "tokens.session_idle"),
        ("session_idle = \"32m\"", "session_idle = \"301m\"", "tokens.session_idle"),
        ("code = \"30s\"", "code = \"61s\"", "tokens.code"),
        ("pushed_request = \"91s\"", "pushed_request = \"4s\"", "tokens.pushed_request"),
        ("pushed_request = \"91s\"", "pushed_request = \"601s\"", "tokens.pushed_request"),
        ("interaction = \"14m\"", "interaction = \"99s\"", "tokens.interaction"),
        ("approval = \"100s\"", "approval = \"59s\"", "tokens.approval"),
        ("approval = \"100s\"", "approval = \"121s\"", "tokens.approval"),
        ("ceremony = \"50s\"", "ceremony = \"101s\"", "tokens.ceremony"),
        ("activation = \"9m\"", "activation = \"2h\"", "tokens.activation"),
        ("device = \"365d\"", "device = \"4h\"", "tokens.device"),
        ("device = \"365d\"", "device = \"4000d\"", "tokens.device"),
        ("device = \"365d\"", "device = \"99999999999999999999d\"", "tokens.device"),
        ("skew = \"0s\"", "skew = \"61s\"", "tokens.skew"),
    ];
    for (good, bad, setting) in table {
        refused(good, bad, setting);
    }
}

#[test]
fn a_postgresql_url_says_where_and_needs_a_key_file() {
    let keyless =
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"postgres://sceau@db.example.fr/sceau\"\n";
    let error = file(keyless).load().unwrap_err();
    assert_eq!(error.setting(), Some("keys.kek_file"));
    let understood = |url: &str| {
        let text = keyless.replace("postgres://sceau@db.example.fr/sceau", url);
        let config = file(&format!("{text}[keys]\nkek_file = \"kek\"\n")).load().unwrap();
        let shown = config.summary().into_iter().find(|(name, _)| *name == "storage.sql").unwrap().1;
        (config.storage.sql, shown)
    };
    let at = |host: &str, port| Postgres {
        host: host.to_owned(),
        port,
        standbys: Vec::new(),
        user: String::from("sceau"),
        database: String::from("registre"),
        root_cert: None,
        password_file: None,
    };
    let table = [
        ("postgres://sceau@db.example.fr/registre", at("db.example.fr", 5432)),
        ("postgresql://sceau@[::1]:6432/registre", at("::1", 6432)),
        ("postgres://sceau@%2Frun%2Fpostgresql/registre", at("/run/postgresql", 5432)),
        ("postgres://sceau@%2Frun%2Fpostgresql:5433/registre", at("/run/postgresql", 5433)),
        (
            "postgres://sceau@db.example.fr/registre?sslrootcert=/etc/ca.pem",
            Postgres { root_cert: Some(PathBuf::from("/etc/ca.pem")), ..at("db.example.fr", 5432) },
        ),
        (
            "postgres://sceau@a.example.fr:5433,[::1],%2Frun%2Fpg:6432/registre?target_session_attrs=read-write",
            Postgres {
                standbys: vec![(String::from("::1"), 5432), (String::from("/run/pg"), 6432)],
                ..at("a.example.fr", 5433)
            },
        ),
    ];
    for (url, place) in table {
        let (sql, shown) = understood(url);
        assert_eq!(sql, Sql::Postgres(place.clone()), "{url}");
        let (again, _) = understood(shown.trim_matches('"'));
        assert_eq!(again, Sql::Postgres(place), "{shown}");
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_never_repeated() {
    let with_password = [
        "postgres://sceau:hunter2@db.example.fr/sceau",
        "postgres://db.example.fr/sceau?password=hunter2",
        "redis://:hunter2@cache.example.fr",
        "redis+unix:///run/redis.sock?pass=hunter2",
        "redis+sentinel://sceau:hunter2@s1:26379,s2:26379/name/0",
        "redis+cluster://:hunter2@n1:6379,n2:6379",
    ];
    for url in with_password {
        for (setting, name) in
            [("storage.sql", "SCEAU__STORAGE__SQL"), ("storage.redis", "SCEAU__STORAGE__REDIS")]
        {
            let error = file(GOOD).with_variable(name, url).load().unwrap_err();
            assert_eq!(error.setting(), Some(setting));
            let sentence = format!("{error} {error:?}");
            assert!(sentence.contains("password") && !sentence.contains("hunter2"), "{sentence}");
        }
    }
}

#[test]
fn of_several_postgresql_servers_each_is_named_and_none_has_a_password() {
    let table = [
        ("postgres://sceau:hunter2@a.example.fr:5432,b.example.fr:5432/sceau", "password"),
        ("postgres://sceau@a.example.fr,/sceau", "empty host"),
        ("postgres://sceau@a.example.fr:x,b.example.fr/sceau", "not a URL"),
        ("postgres://sceau@a.example.fr,b.example.fr/sceau?target_session_attrs=any", "parameter"),
    ];
    for (url, word) in table {
        let error = file(GOOD).with_variable("SCEAU__STORAGE__SQL", url).load().unwrap_err();
        let sentence = format!("{error} {error:?}");
        assert_eq!(error.setting(), Some("storage.sql"));
        assert!(sentence.contains(word) && !sentence.contains("hunter2"), "{sentence}");
    }
}

#[test]
fn redis_has_an_address_files_and_a_prefix() {
    let text = "issuer = \"https://id.example.fr\"\n[storage]\nredis = \"rediss://sceau@cache.example.fr:6380/1\"\nredis_password_file = \"p\"\nkey_prefix = \"east-1\"";
    let strings = file(text).with_file("p", "hunter2\n");
    let config = strings.load().unwrap();
    let redis = config.storage.redis.clone().unwrap();
    assert_eq!(
        (redis.url.as_str(), redis.key_prefix.as_str()),
        ("rediss://sceau@cache.example.fr:6380/1", "east-1")
    );
    let documents = config.documents(&strings, |_| false).unwrap();
    assert_eq!(documents.redis_password.as_ref().unwrap().expose(), "hunter2");
    let shown = format!("{documents:?} {config:?} {:?}", config.summary());
    assert!(!shown.contains("hunter2"), "{shown}");
    for empty in ["", "\n", "two\nlines\n"] {
        let strings = file(text).with_file("p", empty);
        let error = strings.load().unwrap().documents(&strings, |_| false).unwrap_err();
        assert_eq!(error.setting(), Some("storage.redis_password_file"));
    }
    for prefix in ["", "{a}", "A", "a:b", "a*"] {
        let error = file(&text.replace("east-1", prefix)).load().unwrap_err();
        assert_eq!(error.setting(), Some("storage.key_prefix"), "{prefix}");
    }
    let unix =
        file("issuer = \"https://id.example.fr\"\n[storage]\nredis = \"redis+unix:///run/redis.sock?db=2\"");
    assert_eq!(unix.load().unwrap().storage.redis.unwrap().key_prefix, "sceau");
}

#[test]
fn a_bad_redis_setting_is_named() {
    for (good, bad, setting) in [
        ("[storage]", "[storage]\nredis = \"http://cache.example.fr\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"cache.example.fr:6379\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis:///0\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis://cache.example.fr/first\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis://cache.example.fr/?protocol=resp2\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"rediss://cache.example.fr#insecure\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+unix:///\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+unix:///run/redis.sock?protocol=resp2\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1:26379,s2:26379\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1:26379/name/first\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1:26379/a name/0\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1:26379,/name/0\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel:///name/0\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1:99999/name/0\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+sentinel://s1/name/0?db=1\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+cluster://n1:6379,n2:6379/1\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+cluster://n1:6379 n2:6379\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+cluster://a b@n1:6379\"", "storage.redis"),
        ("[storage]", "[storage]\nredis = \"redis+cluster://n1:6379#x\"", "storage.redis"),
        (
            "[storage]",
            "[storage]\nredis_sentinel_password_file = \"p\"",
            "storage.redis_sentinel_password_file",
        ),
        (
            "[storage]",
            "[storage]\nredis = \"redis+cluster://n1:6379\"\nredis_sentinel_password_file = \"p\"",
            "storage.redis_sentinel_password_file",
        ),
        (
            "[storage]",
            "[storage]\nredis = \"redis+sentinel://s1/name\"\nredis_ca_file = \"ca.pem\"",
            "storage.redis_ca_file",
        ),
        ("[storage]", "[storage]\nredis_password_file = \"redis.password\"", "storage.redis_password_file"),
        ("[storage]", "[storage]\nredis_ca_file = \"redis-ca.pem\"", "storage.redis_ca_file"),
    ] {
        refused(good, bad, setting);
    }
}

#[test]
fn redis_is_behind_sentinels_or_a_cluster() {
    let servers = |address: &str| {
        let text = format!("issuer = \"https://id.example.fr\"\n[storage]\nredis = \"{address}\"");
        let redis = file(&text).load().unwrap().storage.redis.unwrap();
        (redis.servers, redis.encrypted)
    };
    let node = |host: &str, port| (host.to_owned(), port);
    let (found, encrypted) = servers("rediss+sentinel://sceau@s1.example.fr,[2001:db8::2]:5000/my-master/3");
    assert!(encrypted);
    let expected = RedisServers::Sentinel {
        sentinels: vec![node("s1.example.fr", 26_379), node("2001:db8::2", 5000)],
        name: String::from("my-master"),
        database: 3,
        user: Some(String::from("sceau")),
        sentinel_user: None,
    };
    assert_eq!(found, expected);
    let (found, encrypted) = servers("redis+sentinel://192.0.2.1:1/m?sentinel_user=watcher");
    let RedisServers::Sentinel { database: 0, user: None, sentinel_user, .. } = found else {
        panic!("{found:?}")
    };
    assert_eq!((sentinel_user.as_deref(), encrypted), (Some("watcher"), false));
    let (found, encrypted) = servers("rediss+cluster://sceau@n1,n2:7000");
    let seeds = vec![node("n1", 6379), node("n2", 7000)];
    assert_eq!(found, RedisServers::Cluster { seeds, user: Some(String::from("sceau")) });
    assert!(encrypted);

    let text = "issuer = \"https://id.example.fr\"\n[storage]\nredis = \"redis+sentinel://s1/m\"\nredis_sentinel_password_file = \"p\"";
    let strings = file(text).with_file("p", "hunter2\n");
    let config = strings.load().unwrap();
    let documents = config.documents(&strings, |_| false).unwrap();
    assert_eq!(documents.redis_sentinel_password.as_ref().unwrap().expose(), "hunter2");
    assert!(!format!("{documents:?} {config:?} {:?}", config.summary()).contains("hunter2"));
}

fn refused(good: &str, bad: &str, setting: &str) {
    let error = change(good, bad).load().unwrap_err();
    assert_eq!(error.setting(), Some(setting), "{bad}: {error}");
    assert!(error.to_string().starts_with(setting), "{error}");
}

fn change(good: &str, bad: &str) -> TestStrings {
    assert_eq!(GOOD.matches(good).count(), 1, "{good}");
    file(&GOOD.replace(good, bad))
}

#[test]
fn a_bad_limit_of_the_directory_is_named() {
    let cases = [
        ("max_change_share = 7", "max_change_share = 101", "directory.max_change_share"),
        ("cooling = \"48h\"", "cooling = \"23h\"", "patients.cooling"),
        ("cooling = \"48h\"", "cooling = \"0s\"", "patients.cooling"),
        ("ins = \"test\"", "ins = \"both\"", "patients.ins"),
        ("[\"35\"]", "[\"Ambulancier\"]", "directory.excluded_professions"),
        ("[\"35\"]", "[\"\"]", "directory.excluded_professions"),
    ];
    for (good, bad, setting) in cases {
        let error = file(&GOOD.replace(good, bad)).load().unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{bad}");
    }
}
