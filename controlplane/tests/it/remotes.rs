//! Publishing over HTTPS to `git http-backend` and over SSH to a real `sshd`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use axum::body::Bytes;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method as HttpMethod, StatusCode, Uri};
use mc_api::auth::GovernanceProfile;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::harness::{TestApp, eventually};
use crate::local::Local;
use crate::persistence::{approve, bare, commits, file, files, get, post, published, work};

/// A listener whose connections are TLS.
struct Tls(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;
    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.0.accept().await.unwrap();
            // Whoever does not trust our authority goes away here.
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }
    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// `git http-backend` as a CGI program, for whoever knows the password.
async fn backend(root: PathBuf, method: HttpMethod, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let password = std::fs::read_to_string(root.join("password")).unwrap();
    let wanted = format!("Basic {}", STANDARD.encode(format!("anna:{password}")));
    if text("authorization") != wanted {
        return (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"git\"")]).into_response();
    }
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REMOTE_USER", "anna")
        .env("REQUEST_METHOD", method.as_str())
        .env("PATH_INFO", uri.path())
        .env("QUERY_STRING", uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
        .env("GIT_PROTOCOL", text("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&body).await.unwrap();
    let output = child.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let (head, body) = (String::from_utf8_lossy(&output[..end]).into_owned(), output[end + 4..].to_vec());
    let mut response = (StatusCode::OK, body).into_response();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("status") {
            *response.status_mut() = StatusCode::from_bytes(&value.as_bytes()[..3]).unwrap();
        } else {
            let name: http::HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}

/// Serves the repositories below a folder; the address, the authority's certificate, and what ends it.
async fn https(root: &Path) -> (SocketAddr, String, tokio::task::JoinSet<()>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let der = STANDARD.encode(authority.self_signed(&authority_key).unwrap().der());
    let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let root = root.to_owned();
    let service = axum::Router::new()
        .fallback(move |method, uri, headers, body| backend(root.clone(), method, uri, headers, body));
    let mut serving = tokio::task::JoinSet::new();
    let listener = Tls(listener, TlsAcceptor::from(Arc::new(config)));
    serving.spawn(async move { axum::serve(listener, service).await.unwrap() });
    (address, pem, serving)
}

async fn https_with_an_authority_of_our_own_and_a_password_that_rotates(app: TestApp) {
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("password"), "first").unwrap();
    let path = bare(root.path(), "team/ledger.git");
    let (address, pem, _serving) = https(root.path()).await;
    work(&local).await;
    let connection = |name: &str, pem: Option<&str>, secret: &str| {
        json!({"name": name, "connection_kind": "https", "url": format!("https://{address}"), "username": "anna",
            "ca_certificate": pem, "credential": {"credential_kind": "password", "secret": secret}})
    };
    post(&local, "/connections", connection("stranger", None, "first")).await;
    post(&local, "/connections", connection("wrong", Some(&pem), "wrong")).await;
    post(&local, "/connections", connection("far", Some(&pem), "first")).await;
    let test = |name: &str| format!("/connections/{name}/test");
    let repository = json!({"repository": "team/ledger.git"});
    let stranger = post(&local, &test("stranger"), repository.clone()).await;
    assert_eq!(stranger["readable"], false, "an unknown authority is not trusted: {stranger}");
    assert!(stranger["message"].as_str().unwrap().contains("certificate"), "{stranger}");
    let wrong = post(&local, &test("wrong"), repository.clone()).await;
    assert_eq!(wrong["readable"], false, "{wrong}");
    let right = post(&local, &test("far"), repository).await;
    assert_eq!(right["ok"], true, "{right}");
    assert!(commits(&path).is_empty(), "a test writes nothing");
    let body = json!({"mission_id": "demo", "connection": "far", "repository": "team/ledger.git"});
    post(&local, "/bindings/provision", body).await;
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    approve(&local, &made["publications"][0]).await;
    published(&local, &made["publications"][0]).await;
    let tree = mc_ledger::tree::verify(&files(&path));
    assert!(tree.is_ok() && tree.files.len() == 8, "{:?}", tree.fault);
    // The password changes over there; here it is shown, and rotating goes on at once.
    std::fs::write(root.path().join("password"), "second").unwrap();
    let body = json!({"mission": "demo", "entities": [{"entity_type": "doc", "entity_id": "guide"}], "message": "again"});
    let again = post(&local, "/publications", body).await;
    approve(&local, &again).await;
    let failing = eventually("the refusal is shown", || async {
        let now = get(&local, &again).await;
        now["last_error"].is_string().then_some(now)
    })
    .await;
    let said = failing["last_error"].as_str().unwrap();
    assert!(!said.contains("first") && !said.contains(&STANDARD.encode("anna:first")), "{said}");
    let body = json!({"credential": {"credential_kind": "password", "secret": "second"}});
    post(&local, "/connections/far/rotate", body).await;
    published(&local, &again).await;
    assert_eq!(commits(&path).len(), 2);
}

/// An `sshd` of this user on a free port, with a key that may log in; `None` when the machine has none, outside of CI.
struct Sshd {
    child: Child,
    port: u16,
    key: String,
    folder: tempfile::TempDir,
}

const SSHD: &str = "/usr/sbin/sshd";

impl Sshd {
    #[expect(clippy::disallowed_methods, reason = "the environment of the test run")]
    async fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() {
            assert!(std::env::var("CI").is_err(), "{SSHD} is missing; scripts/test.sh installs it");
            if let Ok(skipped) = std::env::var("MC_TEST_SKIPPED_FILE") {
                let line = "publishing over SSH: there is no sshd\n";
                std::fs::write(&skipped, std::fs::read_to_string(&skipped).unwrap_or_default() + line)
                    .unwrap();
            }
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(folder.path().join(name))
                .status();
            assert!(made.await.unwrap().success());
        }
        if rustix::process::geteuid().is_root() {
            // Where it separates privileges; an unprivileged one has nothing to separate.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            at("host"),
            at("user.pub")
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(folder.path().join("config"))
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        eventually("sshd listens", || async { TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop) })
            .await;
        let key = std::fs::read_to_string(folder.path().join("user")).unwrap();
        Some(Self { child, port, key, folder })
    }

    /// As `ssh-keygen -l` says it.
    async fn fingerprint(&self) -> String {
        let said = Command::new("ssh-keygen").arg("-lf").arg(self.folder.path().join("host.pub")).output();
        let said = String::from_utf8(said.await.unwrap().stdout).unwrap();
        said.split_whitespace().nth(1).unwrap().to_owned()
    }
}

async fn whoami() -> String {
    let said = Command::new("id").arg("-un").output().await.unwrap().stdout;
    String::from_utf8(said).unwrap().trim().to_owned()
}

async fn ssh_with_a_host_key_that_somebody_accepted(app: TestApp) {
    let Some(mut sshd) = Sshd::start().await else { return };
    let local = Local::over(app, GovernanceProfile::Development).await;
    let root = tempfile::tempdir().unwrap();
    let path = bare(root.path(), "ledger.git");
    work(&local).await;
    let url = format!("ssh://127.0.0.1:{}{}", sshd.port, root.path().display());
    // Folders of tests begin with a dot, which no URL of a connection may.
    let plain = tempfile::Builder::new().prefix("mc-ssh-").tempdir().unwrap();
    let (root, path, url) = if url.contains("/.") {
        let path = bare(plain.path(), "ledger.git");
        (plain.path(), path, format!("ssh://127.0.0.1:{}{}", sshd.port, plain.path().display()))
    } else {
        (root.path(), path, url)
    };
    assert!(root.exists());
    let body = json!({"name": "far", "connection_kind": "ssh", "url": url, "username": whoami().await,
        "credential": {"credential_kind": "ssh_key", "secret": sshd.key}});
    post(&local, "/connections", body).await;
    let repository = json!({"repository": "ledger.git"});
    let first = post(&local, "/connections/far/test", repository.clone()).await;
    assert_eq!((&first["ok"], &first["readable"]), (&json!(false), &json!(false)), "{first}");
    let fingerprint = sshd.fingerprint().await;
    assert_eq!(first["host_keys_sha256"], json!([fingerprint]));
    let wrong = json!({"repository": "ledger.git", "accept_host_key": "SHA256:another"});
    let (status, _) =
        local.call(crate::local::ROOT, reqwest::Method::POST, "/connections/far/test", Some(wrong)).await;
    assert_eq!(status, 422, "a fingerprint that the host does not present");
    let accepted = json!({"repository": "ledger.git", "accept_host_key": fingerprint});
    let accepted = post(&local, "/connections/far/test", accepted).await;
    assert_eq!(accepted["ok"], true, "{accepted}");
    let body = json!({"mission_id": "demo", "connection": "far", "repository": "ledger.git"});
    post(&local, "/bindings/provision", body).await;
    let made = post(&local, "/publications/pending", json!({"mission_id": "demo"})).await;
    approve(&local, &made["publications"][0]).await;
    published(&local, &made["publications"][0]).await;
    assert!(file(&path, "missions/demo/tasks/demo-1.md").is_some());
    // Another host answers on that port: nothing is sent to it.
    sshd.child.start_kill().unwrap();
    sshd.child.wait().await.unwrap();
    let host = sshd.folder.path().join("host");
    std::fs::remove_file(&host).unwrap();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&host).status();
    assert!(made.await.unwrap().success());
    let _other = Command::new(SSHD)
        .args(["-D", "-e", "-f"])
        .arg(sshd.folder.path().join("config"))
        .kill_on_drop(true)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the other listens", || async {
        TcpStream::connect(("127.0.0.1", sshd.port)).await.ok().map(drop)
    })
    .await;
    let other = post(&local, "/connections/far/test", repository).await;
    assert_eq!(other["readable"], false, "a changed host key is refused: {other}");
    assert!(other["message"].as_str().unwrap().to_lowercase().contains("host key"), "{other}");
    let shown = local.ok(crate::local::ROOT, reqwest::Method::GET, "/connections/far", None).await;
    assert_eq!(shown["host_key_sha256"], Value::String(fingerprint));
    assert!(!local.0.export().await.contains("PRIVATE KEY"));
}

both!(
    https_with_an_authority_of_our_own_and_a_password_that_rotates,
    ssh_with_a_host_key_that_somebody_accepted,
);
