//! The real program, told to stop: what was written in its last seconds is in a checkpoint outside.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn sceau(settings: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceau"));
    command
        .env("SCEAU_CONFIG", settings)
        .env("SCEAU_LOG", "warn")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn sigterm_covers_the_last_ten_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let (settings, home) = (folder.path().join("sceau.toml"), folder.path().display());
    let notes = folder.path().join("checkpoints");
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[http]\nlisten = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n\
         [storage]\nsql = \"sqlite://{home}/db\"\n[keys]\nkek_file = \"{home}/kek\"\n\
         [mobile]\nallow_self_attestation = true\nactivation_codes_file = \"{home}/codes\"\n\
         [audit]\ncheckpoint_files = [\"{home}/checkpoints\"]\n"
    );
    std::fs::write(&settings, toml).unwrap();
    let mut serving = sceau(&settings).arg("serve").spawn().unwrap();
    // The first rows are those of the first start: their checkpoint leaves at once, the next one ten seconds later.
    let started = Instant::now();
    while std::fs::read(&notes).map_or(0, |notes| notes.len()) == 0 {
        if started.elapsed() > Duration::from_mins(1) || serving.try_wait().unwrap().is_some() {
            serving.kill().ok();
            panic!("{:?}", serving.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let added = ["clients", "add", "--name", "Day", "--redirect-uri", "https://day.example.fr/callback"];
    let added = sceau(&settings).args(added).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let stopped = Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    let ended = serving.wait_with_output().unwrap();
    assert!(ended.status.success(), "{ended:?}");

    let verify = ["audit", "verify", "--json", "--checkpoints", notes.to_str().unwrap()];
    let verified = sceau(&settings).args(verify).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
    let told: Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert_eq!((&told["waiting"], &told["warnings"]), (&Value::from(0), &Value::Array(Vec::new())));
    assert_eq!(told["truncation_excluded_up_to"], told["entries"], "{told}");
    assert_eq!(told["outside_checkpoints"], 2, "one of the start, one of the end: {told}");
}
