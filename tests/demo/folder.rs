//! Where the demonstration keeps its data.

use std::os::unix::fs::PermissionsExt as _;

use sceau::demo::{Proof, Showcase, play};

use super::{started, visited};

fn secret(showcase: &Showcase) -> String {
    match &showcase.clients[0].proof {
        Proof::Secret(secret) => secret.expose().to_owned(),
        Proof::Key { .. } | Proof::Nothing => panic!("the service has no secret"),
    }
}

#[tokio::test]
async fn a_kept_folder_serves_again_with_new_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("kept");
    let journey = async |showcase: std::sync::Arc<Showcase>| {
        // In the second of a restart nobody can make an assertion that is surely new.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        play(&showcase, &|_| ()).await.unwrap();
        (secret(&showcase), showcase.desk.persons()[0].codes.clone())
    };
    let first = visited(Some(&data), journey).await;
    let second = visited(Some(&data), journey).await;
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
    assert!(!data.join("sceau.sqlite-wal").exists(), "closed whole");
    for file in ["sceau.kek", "sceau.sqlite"] {
        let mode = std::fs::metadata(data.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_database_without_its_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(started(Some(folder.path())).await.unwrap());
    std::fs::remove_file(folder.path().join("sceau.kek")).unwrap();
    let refusal = started(Some(folder.path())).await.err().unwrap().to_string();
    assert!(refusal.ends_with("holds a database without its kek"), "{refusal}");
}

#[tokio::test]
async fn another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(started(Some(folder.path())).await.unwrap());
    std::fs::write(folder.path().join("sceau.kek"), sceau::base::base64url([7; 32])).unwrap();
    let refusal = format!("{:#}", started(Some(folder.path())).await.err().unwrap());
    assert!(refusal.contains("is this the key-encryption key of this database?"), "{refusal}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = sceau::demo::Settings { port, data: None, announce: std::sync::Arc::new(|_| ()) };
    let refusal = sceau::demo::Demo::start(settings).await.err().unwrap().to_string();
    assert!(refusal.starts_with(&format!("port {port} ")), "{refusal}");
}
