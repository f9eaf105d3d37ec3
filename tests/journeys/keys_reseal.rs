//! An operator replaces the key-encryption key with files, settings and `sceau keys reseal`.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use sceau::cli::{clients, keys};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

#[derive(Debug, Parser)]
enum Command {
    Clients(clients::ClientsArgs),
    Keys(keys::KeysArgs),
}

async fn run(line: &[&str], settings: &Path) -> Option<String> {
    let line = [&["sceau"], line, &["--config", settings.to_str().unwrap()]].concat();
    let code = match Command::try_parse_from(line).ok()? {
        Command::Clients(args) => clients::run(args).await,
        Command::Keys(args) => keys::run(args).await,
    };
    Some(format!("{code:?}"))
}

fn code(number: u8) -> String {
    format!("{:?}", ExitCode::from(number))
}

fn settings(folder: &Path, keys: &str) {
    let home = folder.display();
    let toml = format!(
        "issuer = \"http://localhost:8080\"\n[storage]\nsql = \"sqlite://{home}/db\"\n[keys]\n{keys}\n"
    );
    std::fs::write(folder.join("sceau.toml"), toml).unwrap();
}

#[tokio::test]
async fn the_key_encryption_key_is_replaced_as_the_manual_says() {
    let folder = tempfile::tempdir().unwrap();
    let (home, file) = (folder.path(), folder.path().join("sceau.toml"));
    let one = format!("kek_file = \"{}/kek\"", home.display());
    let both = format!("{one}\nkek_previous_file = \"{}/kek.previous\"", home.display());
    settings(home, &one);
    let add = ["clients", "add", "--name", "Robot", "--client-id", "robot", "--scope", "annuaire"];
    let machine = [&add[..], &["--grant", "client_credentials", "--resource-server", "--json"]].concat();
    assert_eq!(run(&machine, &file).await, Some(code(0)));
    let (reseal, show) = (["keys", "reseal"], ["clients", "show", "robot"]);
    assert_eq!(run(&reseal, &file).await, Some(code(0)));
    assert_eq!(run(&["keys", "reseal", "--batch", "0"], &file).await, None);

    std::fs::rename(home.join("kek"), home.join("kek.previous")).unwrap();
    std::fs::write(home.join("kek"), "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n").unwrap();
    assert_eq!(run(&show, &file).await, Some(code(1)), "the new key alone opens nothing yet");
    settings(home, &both);
    assert_eq!(run(&show, &file).await, Some(code(0)));
    assert_eq!(run(&["keys", "reseal", "--json", "--batch", "1"], &file).await, Some(code(0)));
    settings(home, &one);
    std::fs::remove_file(home.join("kek.previous")).unwrap();
    assert_eq!(run(&show, &file).await, Some(code(0)), "the new key alone opens everything");
    assert_eq!(run(&reseal, &file).await, Some(code(0)));
    settings(home, &both);
    assert_eq!(run(&show, &file).await, Some(code(78)), "the file named is not there");
}

#[tokio::test]
async fn a_value_that_does_not_open_is_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (home, file) = (folder.path(), folder.path().join("sceau.toml"));
    settings(home, &format!("kek_file = \"{}/kek\"", home.display()));
    assert_eq!(run(&["keys", "reseal"], &file).await, Some(code(0)));
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(home.join("db"))).await.unwrap();
    // Under a key that nobody made.
    let text = "INSERT INTO persons (id, national_index, kind, status, bindings, sealed) \
         VALUES (randomblob(16), randomblob(32), 'patient', 'active', 0, CAST(x'010000004d' || randomblob(60) AS BLOB))";
    sqlx::query(text).execute(&pool).await.unwrap();
    for line in [&["keys", "reseal"][..], &["keys", "reseal", "--json"]] {
        assert_eq!(run(line, &file).await, Some(code(2)));
    }
}
