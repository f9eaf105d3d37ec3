//! The log's settings, and the metrics.

use sceau::telemetry::{LogFormat, LogSettings, Metrics};

use super::file;

#[test]
fn form_and_directives_are_read_from_one_variable() {
    let table = [
        (None, LogFormat::Pretty, ""),
        (Some("json"), LogFormat::Json, ""),
        (Some("pretty"), LogFormat::Pretty, ""),
        (Some("json,sceau=debug,hyper=info"), LogFormat::Json, "sceau=debug,hyper=info"),
        (Some("sceau=debug"), LogFormat::Pretty, "sceau=debug"),
    ];
    for (text, format, filter) in table {
        let settings = LogSettings::parse(text);
        assert_eq!(settings, LogSettings { format, filter: String::from(filter) });
        assert!(settings.filter().is_ok());
    }
}

#[test]
fn directives_win_over_the_default() {
    let filter = LogSettings::parse(Some("json,warn,hyper=debug")).filter().unwrap().to_string();
    let directives: Vec<_> = filter.split(',').collect();
    assert!(directives.contains(&"warn") && !directives.contains(&"info"), "{filter}");
    assert!(directives.contains(&"hyper=debug") && !directives.contains(&"hyper=warn"), "{filter}");
    assert!(directives.contains(&"webauthn_rs_core=warn"), "{filter}");
}

#[test]
fn a_bad_directive_is_refused_with_a_sentence() {
    let error = LogSettings::parse(Some("json,sceau=loud")).filter().unwrap_err();
    assert!(error.to_string().starts_with("SCEAU_LOG:"), "{error}");
}

#[test]
fn metrics_are_installed_once_and_rendered() {
    let metrics = Metrics::install().unwrap();
    metrics::counter!("sceau_test_total").increment(3);
    metrics::histogram!("sceau_test_seconds").record(0.02);
    metrics.upkeep();
    let text = Metrics::install().unwrap().render();
    assert!(text.contains("sceau_test_total 3"), "{text}");
    assert!(text.contains("sceau_test_seconds_bucket{le=\"0.025\"} 1"), "{text}");
}

#[test]
fn traces_are_off_unless_a_collector_is_named() {
    let issuer = "issuer = \"https://id.example.fr\"\n[telemetry]\n";
    assert_eq!(file(issuer).load().unwrap().telemetry.otlp_endpoint, None);
    let named = format!("{issuer}otlp_endpoint = \"http://collector:4318\"\n");
    assert_eq!(file(&named).load().unwrap().telemetry.trace_sample, 10_000);
    for (share, millionths) in
        [("0.0", 0), ("1.0", 1_000_000), ("1", 1_000_000), ("0.000015", 15), ("1.5e-05", 15)]
    {
        let config = file(&format!("{named}trace_sample = {share}")).load().unwrap();
        assert_eq!(config.telemetry.trace_sample, millionths);
    }
    let proxy = "issuer = \"https://id.example.fr\"\nhttp.trusted_proxies = [\"10.0.0.0/8\"]\n[telemetry]\n";
    for (text, trusted) in
        [("", false), ("trust_traceparent = false", false), ("trust_traceparent = true", true)]
    {
        let config = file(&format!("{proxy}otlp_endpoint = \"http://collector\"\n{text}")).load().unwrap();
        assert_eq!(config.telemetry.trust_traceparent, trusted, "{text}");
        let said = ("telemetry.trust_traceparent", trusted.to_string());
        assert!(config.summary().contains(&said), "{text}");
    }
    // Nobody would be believed.
    let pointless = file(&format!("{proxy}trust_traceparent = true")).load().unwrap_err();
    assert_eq!(pointless.setting(), Some("telemetry.trust_traceparent"));
    let table = [
        ("otlp_endpoint = \"http://collector\"\ntrust_traceparent = true", "telemetry.trust_traceparent"),
        ("otlp_endpoint = \"collector:4318\"", "telemetry.otlp_endpoint"),
        ("otlp_endpoint = \"grpc://collector:4317\"", "telemetry.otlp_endpoint"),
        ("otlp_endpoint = \"http://user:word@collector\"", "telemetry.otlp_endpoint"),
        ("otlp_endpoint = \"http://collector/?key=1\"", "telemetry.otlp_endpoint"),
        ("trace_sample = 0.5", "telemetry.trace_sample"),
        ("otlp_endpoint = \"http://collector\"\ntrace_sample = 1.1", "telemetry.trace_sample"),
        ("otlp_endpoint = \"http://collector\"\ntrace_sample = -0.1", "telemetry.trace_sample"),
        ("otlp_endpoint = \"http://collector\"\ntrace_sample = nan", "telemetry.trace_sample"),
    ];
    for (text, setting) in table {
        let error = file(&format!("{issuer}{text}")).load().unwrap_err();
        assert_eq!(error.setting(), Some(setting), "{text}: {error}");
    }
}
