//! An operator locks, unlocks, revokes and disables; the processes that serve obey.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use sceau::base::{ClientId, DeviceId, OsEntropy, Secret};
use sceau::cli::{clients, devices, patients, persons};
use sceau::flow::{BrowserState, Officers, OperatorOutcome, Provider};
use serde_json::Value;

use crate::support::{CAMILLE, Harness, NOBODY, Relier, SignedIn, machine, reliance};

/// A harness that serves, and the process of the command beside it.
struct Scene {
    harness: Harness,
    command: Provider,
    service: Relier,
    signed_in: SignedIn,
}

async fn scene() -> Scene {
    let harness = Harness::new().await;
    let service = Relier::register(&harness, reliance("dmp")).await;
    let mut phone = harness.enrolled("camille", CAMILLE).await;
    let signed_in = service.sign_in(&harness, &mut phone).await;
    let command = harness.replica(|_| ()).await;
    Scene { harness, command, service, signed_in }
}

impl Scene {
    /// After less than the five seconds that a replica may take.
    fn soon(&self) {
        self.harness.clock.advance(Duration::from_secs(4));
    }

    async fn all_ended(&self) {
        let refreshed = self.service.refresh(&self.harness, self.signed_in.token("refresh_token")).await;
        assert_eq!(refreshed.refusal(), (400, "invalid_grant"));
        let told = self.service.introspect(&self.harness, self.signed_in.token("access_token")).await;
        assert_eq!(told["active"], false);
        let location = self.service.silent(&self.harness, &self.signed_in.browser()).await;
        assert!(location.contains("error=login_required"), "{location}");
    }
}

#[tokio::test]
async fn a_locked_person_is_out_and_comes_back_by_two_officers() {
    let scene = scene().await;
    let (person, phones) = scene.command.operator_person(CAMILLE).await.unwrap().unwrap();
    assert_eq!(phones.len(), 1);
    let waiting = BrowserState::default();
    let (_, _, number) = scene.service.wait_for_phone(&scene.harness, &waiting).await;
    assert_eq!(scene.command.lock_person(&person).await.unwrap(), OperatorOutcome::Done);
    scene.soon();
    scene.all_ended().await;
    let mut phone = scene.harness.reopened("camille", scene.harness.transport());
    assert!(phone.approve(None, Some(&number)).await.is_err(), "a request made before");
    let (locked, _) = scene.command.operator_person(&person.id.to_string()).await.unwrap().unwrap();
    assert_eq!(scene.command.lock_person(&locked).await.unwrap(), OperatorOutcome::Unchanged);

    let officers = || Officers { second: Secret::new(String::from("M. Deux")) };
    let unlocked = scene.command.unlock_person(person.id, officers()).await.unwrap();
    assert_eq!(unlocked, OperatorOutcome::Done);
    assert_eq!(scene.command.unlock_person(person.id, officers()).await.unwrap(), OperatorOutcome::Unchanged);
    scene.soon();
    // What ended stays ended; the person signs in anew.
    scene.all_ended().await;
    phone.deny(None, false).await.unwrap();
    let anew = scene.service.sign_in(&scene.harness, &mut phone).await;
    let told = scene.service.introspect(&scene.harness, anew.token("access_token")).await;
    assert_eq!(told["active"], true);
    assert_eq!(scene.harness.audited("person.locked locked").await, 1);
    assert_eq!(scene.harness.audited("person.locked unlocked_second_officer_unverified").await, 1);
}

#[tokio::test]
async fn the_log_names_neither_the_person_nor_the_second_officer() {
    let scene = scene().await;
    let (person, _) = scene.command.operator_person(CAMILLE).await.unwrap().unwrap();
    scene.command.lock_person(&person).await.unwrap();
    let second = Secret::new(String::from("Mme Seconde"));
    scene.command.unlock_person(person.id, Officers { second }).await.unwrap();
    let rows = scene.harness.provider.ports.audit.rows(None, 10_000).await.unwrap();
    let last: Value = serde_json::from_slice(&rows.last().unwrap().record).unwrap();
    assert_eq!(last["actor"], "operator");
    assert!(last.to_string().contains("second_officer"), "its salted hash: {last}");
    for row in rows {
        let text = String::from_utf8(row.record).unwrap();
        assert!(!text.contains(CAMILLE) && !text.contains("Seconde"), "{text}");
    }
}

#[tokio::test]
async fn a_revoked_phone_ends_what_it_signed_in() {
    let scene = scene().await;
    let (_, phones) = scene.command.operator_person(CAMILLE).await.unwrap().unwrap();
    assert_eq!(scene.command.revoke_device(phones[0].id).await.unwrap(), OperatorOutcome::Done);
    scene.soon();
    scene.all_ended().await;
    assert_eq!(scene.command.revoke_device(phones[0].id).await.unwrap(), OperatorOutcome::Unchanged);
    let nothing = DeviceId::random(&OsEntropy);
    assert_eq!(scene.command.revoke_device(nothing).await.unwrap(), OperatorOutcome::NotFound);
    assert_eq!(scene.harness.audited("device.revoked by_operator").await, 1);
}

#[tokio::test]
async fn a_disabled_client_is_a_stranger() {
    let scene = scene().await;
    let mut new = machine("api-sante", "annuaire");
    new.resource_server = true;
    let api = Relier::register(&scene.harness, new).await;
    let id: ClientId = "dmp".parse().unwrap();
    assert_eq!(scene.command.disable_client(&id).await.unwrap(), OperatorOutcome::Done);
    scene.soon();
    let refreshed = scene.service.refresh(&scene.harness, scene.signed_in.token("refresh_token")).await;
    assert_eq!(refreshed.refusal(), (401, "invalid_client"));
    let told = api.introspect(&scene.harness, scene.signed_in.token("access_token")).await;
    assert_eq!(told["active"], false);
    assert_eq!(scene.command.disable_client(&id).await.unwrap(), OperatorOutcome::Unchanged);
    let unknown = "nobody".parse().unwrap();
    assert_eq!(scene.command.disable_client(&unknown).await.unwrap(), OperatorOutcome::NotFound);
}

#[derive(Debug, Parser)]
enum Command {
    Patients(patients::PatientsArgs),
    Clients(clients::ClientsArgs),
    Devices(devices::DevicesArgs),
    Persons(persons::PersonsArgs),
}

/// Whether the command line is understood, and how it ends.
pub(super) async fn run(line: &[&str], settings: &str) -> Option<String> {
    let line = [&["sceau"], line, &["--config", settings]].concat();
    let code = match Command::try_parse_from(line).ok()? {
        Command::Patients(args) => patients::run(args).await,
        Command::Clients(args) => clients::run(args).await,
        Command::Devices(args) => devices::run(args).await,
        Command::Persons(args) => persons::run(args).await,
    };
    Some(format!("{code:?}"))
}

#[tokio::test]
async fn the_commands_end_as_scripts_expect() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("sceau.toml");
    let home = folder.path().display();
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{home}/db\"\n[keys]\nkek_file = \"{home}/kek\"\n"
    );
    std::fs::write(&settings, toml).unwrap();
    let settings = settings.to_str().unwrap();
    let [done, wrong, failed] = [0, 2, 1].map(|code| Some(format!("{:?}", ExitCode::from(code))));
    let usage = Some(format!("{:?}", ExitCode::from(64)));
    let add = ["clients", "add", "--name", "Robot", "--client-id", "robot", "--scope", "annuaire"];
    let machine = [&add[..], &["--grant", "client_credentials", "--resource-server", "--json"]].concat();
    assert_eq!(run(&machine, settings).await, done);
    // The grants of people need somewhere to go back to.
    assert_eq!(run(&add, settings).await, usage);
    assert_eq!(run(&[&add[..], &["--grant", "password"]].concat(), settings).await, None);
    for json in [&[][..], &["--json"]] {
        assert_eq!(run(&[&["clients", "show", "robot"], json].concat(), settings).await, done);
        assert_eq!(run(&[&["clients", "disable", "robot"], json].concat(), settings).await, done);
        assert_eq!(run(&[&["clients", "show", "nobody"], json].concat(), settings).await, wrong);
        assert_eq!(run(&[&["clients", "disable", "nobody"], json].concat(), settings).await, wrong);
        assert_eq!(run(&[&["persons", "show", NOBODY], json].concat(), settings).await, wrong);
        assert_eq!(run(&[&["persons", "lock", NOBODY], json].concat(), settings).await, wrong);
        assert_eq!(run(&[&["devices", "list", "--person", NOBODY], json].concat(), settings).await, wrong);
    }
    let unlock = ["persons", "unlock", NOBODY];
    assert_eq!(run(&unlock, settings).await, None, "two persons");
    assert_eq!(run(&[&unlock[..], &["--second-officer", "X"]].concat(), settings).await, None, "--offline");
    let both = [&unlock[..], &["--offline", "--second-officer"]].concat();
    assert_eq!(run(&[&both[..], &["M. Deux"]].concat(), settings).await, wrong);
    assert_eq!(run(&[&both[..], &[" "]].concat(), settings).await, failed);
    let device = DeviceId::random(&OsEntropy).to_string();
    assert_eq!(run(&["devices", "revoke", &device], settings).await, wrong);
    assert_eq!(run(&["devices", "revoke", "x"], settings).await, None);
}
