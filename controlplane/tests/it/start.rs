//! What keeps a control plane from starting, told in words that help.

use std::os::unix::fs::PermissionsExt as _;

use controlplane::config::Config;
use controlplane::server::Server;

use crate::harness::{Client, TestApp, config, eventually, metrics};

/// Why it does not start, with all causes.
async fn refusal(config: &Config) -> String {
    let Err(error) = Server::start(config, metrics()).await else { panic!("it started") };
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += ": ";
        text += &cause.to_string();
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_second_one_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    let server = Server::start(&config, metrics()).await.unwrap();
    let text = refusal(&config).await;
    assert!(text.contains("another control plane uses the data folder"), "{text}");
    assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
    assert!(server.stop().await);
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await, "the lock is free again");
}

#[tokio::test]
async fn clear_text_beyond_loopback_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), None);
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        config.http = address.parse().unwrap();
        let text = refusal(&config).await;
        assert!(text.contains("not loopback") && text.contains("--behind-proxy"), "{text}");
    }
    assert!(!folder.path().join("token").exists(), "refused before anything was made");
    config.http = "0.0.0.0:0".parse().unwrap();
    config.behind_proxy = true;
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(folder.path(), None);
    config.http = held.local_addr().unwrap();
    let text = refusal(&config).await;
    assert!(text.contains(&config.http.to_string()) && text.contains("--http"), "{text}");
}

#[tokio::test]
async fn secrets_are_readable_by_the_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("made/by/us");
    let config = config(&data, None);
    let server = Server::start(&config, metrics()).await.unwrap();
    for (path, mode) in [("token", 0o600), ("secrets/root.key", 0o600), ("secrets", 0o700), ("", 0o700)] {
        let found = std::fs::metadata(data.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{path:?}");
    }
    assert!(server.stop().await);
    let token = std::fs::read_to_string(data.join("token")).unwrap();
    assert!(token.starts_with("mcb_") && token.len() == 47, "256 bits");
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
    assert_eq!(std::fs::read_to_string(data.join("token")).unwrap(), token, "made once");
}

#[tokio::test]
async fn a_token_that_differs_from_the_file_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), None);
    config.bootstrap_token = Some("first-token".into());
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
    assert_eq!(std::fs::read_to_string(folder.path().join("token")).unwrap(), "first-token");
    config.bootstrap_token = Some("second-token".into());
    let text = refusal(&config).await;
    assert!(
        text.contains("MC_TOKEN") && text.contains(folder.path().join("token").to_str().unwrap()),
        "{text}"
    );
    assert!(!text.contains("first-token") && !text.contains("second-token"), "{text}");
    config.bootstrap_token = None;
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
}

#[tokio::test]
async fn a_wrong_root_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), None);
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
    let other = folder.path().join("other.key");
    for (key, says) in
        [(vec![7; 32], "not the one of this installation"), (vec![7; 31], "has 31 bytes, expected 32")]
    {
        std::fs::write(&other, key).unwrap();
        config.root_key_file = Some(other.clone());
        let text = refusal(&config).await;
        assert!(text.contains(says), "{text}");
    }
    config.root_key_file = Some(folder.path().join("absent.key"));
    let text = refusal(&config).await;
    assert!(text.contains("absent.key"), "a named key file is never made: {text}");
    config.root_key_file = None;
    assert!(Server::start(&config, metrics()).await.unwrap().stop().await);
    // Another folder on the same database: a root key that is made there would open nothing.
    let beside = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("missioncontrol.db").display());
    let mut other = crate::harness::config(beside.path(), Some(&database));
    for key in [None, Some(folder.path().join("other.key"))] {
        other.root_key_file = key;
        let text = refusal(&other).await;
        assert!(text.contains("root key file"), "{text}");
        assert!(!beside.path().join("token").exists() && !beside.path().join("secrets").exists(), "{text}");
    }
}

#[test]
fn a_database_address_that_is_none_is_told() {
    let words = ["mc-controlplane", "--data-dir", "/nowhere", "--database", "mysql://u:secret@h/d"];
    let text = Config::of_words(words).unwrap_err().to_string();
    assert!(text.contains("MC_DATABASE_URL (option --database)") && text.contains("postgres://"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_replaced_bootstrap_token_is_not_valid_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), None);
    let file = folder.path().join("token");
    let whoami = async |server: &Server, token: &str| {
        let client = Client::new(&format!("http://{}", server.address));
        client.send("GET", "/api/v1/auth/whoami", token, &[], None).await.status
    };
    let server = Server::start(&config, metrics()).await.unwrap();
    let first = std::fs::read_to_string(&file).unwrap();
    assert_eq!(whoami(&server, &first).await, 200);
    assert!(server.stop().await);
    let second = "mcb_second-bootstrap-token-of-many-letters";
    std::fs::write(&file, second).unwrap();
    for _ in 0..2 {
        let server = Server::start(&config, metrics()).await.unwrap();
        assert_eq!((whoami(&server, &first).await, whoami(&server, second).await), (401, 200));
        assert!(server.stop().await);
    }
    // A folder beside it has a token of its own, which replaces none; and what was replaced is not made good again by
    // putting it back.
    let beside = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("missioncontrol.db").display());
    let mut other = crate::harness::config(beside.path(), Some(&database));
    other.root_key_file = Some(folder.path().join("secrets/root.key"));
    for put_back in [false, true] {
        if put_back {
            std::fs::write(beside.path().join("token"), &first).unwrap();
        }
        let server = Server::start(&other, metrics()).await.unwrap();
        assert_eq!((whoami(&server, &first).await, whoami(&server, second).await), (401, 200), "{put_back}");
        assert!(server.stop().await);
    }
    let server = Server::start(&config, metrics()).await.unwrap();
    let events = "/api/v1/ledger/events?action=token.replace";
    let client = Client::new(&format!("http://{}", server.address));
    let told = eventually("it is in the ledger", || async {
        let listed = client.send("GET", events, second, &[], None).await.ok(200);
        (listed["items"].as_array().unwrap().len() == 1).then(|| listed.to_string())
    })
    .await;
    assert!(!told.contains(second) && !told.contains(&first), "{told}");
    assert!(server.stop().await);
}

async fn another_root_key_takes_over_and_no_key_changes(mut app: TestApp) {
    let keys = |app: &TestApp| {
        let keyring = &app.app().keyring;
        keyring.command_keys().map(|(id, key)| (id.to_owned(), key.to_vec())).collect::<Vec<_>>()
    };
    let (first, token) = (keys(&app), app.admin().to_owned());
    let (ids, folder) = (controlplane::clock::IdSource::default(), app.data_dir());
    let (_, sealed) = app.app().keyring.seal(&ids, "somebody", b"a stored secret");
    let old = folder.join("secrets/root.key");
    let new = folder.join("secrets/new.key");
    std::fs::write(&new, [9; 32]).unwrap();
    assert!(app.stop().await);
    app.config.root_key_file = Some(new.clone());
    let text = refusal(&app.config).await;
    assert!(text.contains("not the one of this installation"), "{text}");

    app.config.root_key_previous_file = Some(old.clone());
    let mut app = app.revive().await.restart().await;
    assert_eq!(keys(&app), first);
    assert_eq!(app.app().keyring.unseal("seal-1", "somebody", sealed).unwrap(), b"a stored secret");
    app.sealed().await;
    let path = "/api/v1/ledger/events?action=root_key.rotate";
    let events = app.get(&token, path).await.ok(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 1, "once: {events}");
    // The old one is of no use any more, alone or the wrong way round.
    assert!(app.stop().await);
    app.config.root_key_previous_file = None;
    let mut app = app.revive().await;
    assert!(app.stop().await);
    app.config.root_key_file = Some(old);
    assert!(refusal(&app.config).await.contains("not the one of this installation"));
    app.config.root_key_previous_file = Some(folder.join("token"));
    assert!(refusal(&app.config).await.contains("expected 32"));
}

both!(another_root_key_takes_over_and_no_key_changes);

#[tokio::test]
async fn the_public_url_and_the_folder_of_the_ledger_are_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(&folder.path().join("data"), None);
    config.public_url = Some("https://mc.example.org".into());
    config.git_ledger_dir = Some(folder.path().join("elsewhere/ledger.git"));
    let server = Server::start(&config, metrics()).await.unwrap();
    assert_eq!(server.app.endpoints.http_url(), "https://mc.example.org");
    assert!(server.app.allowed_hosts.contains(&"mc.example.org".to_owned()));
    assert_eq!(server.app.git_ledger, folder.path().join("elsewhere/ledger.git"));
    assert!(server.stop().await);
}
