//! What keeps a control plane from starting, told in words that help.

use std::os::unix::fs::PermissionsExt as _;

use controlplane::config::Config;
use controlplane::server::Server;

use crate::harness::{config, metrics};

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
}

#[tokio::test]
async fn a_database_address_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), Some("mysql://u:secret@h/d"));
    let text = refusal(&config).await;
    assert!(text.contains("postgres://") && !text.contains("secret"), "{text}");
}
