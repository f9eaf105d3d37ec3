//! `sceau keys drill` as it is run: three processes of their own, and nothing left of them.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(1);

fn drill(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceau"));
    // Settings that no process of the drill could start with.
    command.args(["keys", "drill", "--json"]).env("TMPDIR", folder).env("SCEAU__ISSUER", "nonsense");
    command.env_remove("SCEAU_LOG").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn runs(process: u64) -> bool {
    // Of a process that nobody has waited for, the command line is empty.
    std::fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn left(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that serve for the drill in `folder`.
fn servers(folder: &Path) -> Vec<u64> {
    let inside = |process: &u64| {
        let of = |name: &str| format!("/proc/{process}/{name}");
        let serves =
            std::fs::read(of("cmdline")).is_ok_and(|line| line.windows(5).any(|word| word == b"serve"));
        serves && std::fs::read_link(of("cwd")).is_ok_and(|home| home.starts_with(folder))
    };
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(inside).collect()
}

/// A drill whose three processes run.
fn begun(folder: &Path) -> (Child, Vec<u64>) {
    let child = drill(folder).spawn().unwrap();
    until("three processes serve", || servers(folder).len() == 3);
    let servers = servers(folder);
    (child, servers)
}

fn signal(name: &str, child: &Child) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn three_processes_are_safe_in_time_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let output = drill(folder.path()).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut processes: Vec<u64> =
        found["processes"].as_array().unwrap().iter().map(|process| process.as_u64().unwrap()).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!(processes.len(), 3, "{found}");
    let seconds = found["seconds_to_last_acceptance"].as_array().unwrap();
    assert_eq!(seconds.len(), 3, "{found}");
    assert!(seconds.iter().all(|second| (0.0..60.0).contains(&second.as_f64().unwrap())), "{found}");
    assert_eq!((&found["safe"], found["revoked"] != found["active"]), (&Value::Bool(true), true), "{found}");
    // Its own lines and no other: the alarms of its processes are in their logs.
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(!told.contains("alarm"), "{told}");
    assert!(processes.iter().all(|process| !runs(*process)), "{processes:?}");
    assert_eq!(left(folder.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn interrupted_it_takes_everything_with_it() {
    for name in ["-INT", "-TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let (child, servers) = begun(folder.path());
        signal(name, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("sceau: interrupted"), "{told}");
        assert!(servers.iter().all(|process| !runs(*process)), "{name}: {servers:?}");
        assert_eq!(left(folder.path()), Vec::<std::path::PathBuf>::new(), "{name}");
    }
}

#[test]
fn killed_it_leaves_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, servers) = begun(folder.path());
    signal("-KILL", &child);
    child.wait().unwrap();
    until("they stop by themselves", || servers.iter().all(|process| !runs(*process)));
}

#[test]
fn after_a_failure_it_names_the_logs() {
    let folder = tempfile::tempdir().unwrap();
    let (child, servers) = begun(folder.path());
    // One process is lost under it.
    assert!(Command::new("kill").args(["-KILL", &servers[0].to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let kept = left(folder.path());
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(told.contains(kept[0].to_str().unwrap()), "{told}");
    let logs: Vec<_> = left(&kept[0]).iter().map(|log| log.file_name().unwrap().to_owned()).collect();
    assert!(logs.iter().any(|log| log == "replica-1.log"), "{logs:?}");
    assert!(servers.iter().all(|process| !runs(*process)), "{servers:?}");
}
