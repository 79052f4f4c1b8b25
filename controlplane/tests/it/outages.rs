//! What the control plane needs is away: at the start, and while it serves.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use controlplane::server::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::postgres::OwnServer;
use crate::harness::s3::S3Server;
use crate::harness::{Client, config, eventually, metrics};
use crate::process::{heard, program, program_at, serving};

/// Outages and returns take longer than other conditions.
const LONG: Duration = Duration::from_mins(2);

pub(crate) fn free_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The answer of `/readyz?verbose` with this status.
async fn ready(client: &Client, status: u16) -> Value {
    let began = Instant::now();
    loop {
        match client.try_send("GET", "/readyz?verbose", "", &[], None).await {
            Ok(answer) if answer.status == status => return answer.body,
            _ => assert!(began.elapsed() < LONG, "/readyz does not become {status}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One connection, and what `/readyz` answers on it.
async fn asked(stream: &mut tokio::net::TcpStream) -> String {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with('}') {
        let mut some = [0; 4096];
        let read = tokio::time::timeout(LONG, stream.read(&mut some)).await.unwrap().unwrap();
        assert!(read > 0, "the connection ended: {answer}");
        answer.push_str(std::str::from_utf8(&some[..read]).unwrap());
    }
    answer
}

pub(crate) fn terminate(child: &tokio::process::Child) {
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// A remote that takes a push and never answers it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_hangs_does_not_hold_a_stop_and_is_done_after_the_next_start() {
    let (folder, remote) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = crate::persistence::bare(remote.path(), "ledger.git");
    let (hook, held, reached) =
        (path.join("hooks/pre-receive"), remote.path().join("held"), remote.path().join("reached"));
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&held, "").unwrap();
    let script = format!(
        "#!/bin/sh\n: > '{}'\nwhile [ -e '{}' ]; do sleep 0.1; done\n",
        reached.display(),
        held.display()
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (mut child, client, _reader) = serving(program(folder.path(), None)).await;
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    let post = async |path: &str, body: Value| {
        let answer = client.send("POST", &format!("/api/v1{path}"), &token, &[], Some(body)).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
        answer.body
    };
    post("/missions", json!({"name": "demo"})).await;
    post("/klusters", json!({"mission": "demo", "name": "api"})).await;
    let connection = json!({"name": "here", "connection_kind": "local", "url": remote.path()});
    post("/connections", connection).await;
    let binding = json!({"mission_id": "demo", "connection": "here", "repository": "ledger.git"});
    post("/bindings/provision", binding).await;
    let made = post("/publications/pending", json!({"mission_id": "demo"})).await;
    let publication = &made["publications"][0];
    let approval = publication["approval_id"].as_str().unwrap();
    post(&format!("/approvals/{approval}/approve"), json!({})).await;
    eventually("the push has come", || async { reached.exists().then_some(()) }).await;
    terminate(&child);
    let limit = controlplane::lifetime::GRACE + Duration::from_secs(4);
    let status = tokio::time::timeout(limit, child.wait()).await.expect("it ends in time").unwrap();
    assert!(status.success(), "{status}");
    std::fs::remove_file(&held).unwrap();
    let (_child, client, _reader) = serving(program(folder.path(), None)).await;
    let path = format!("/api/v1/publications/{}", publication["id"].as_str().unwrap());
    eventually("it is published", || async {
        let now = client.send("GET", &path, &token, &[], None).await.ok(200);
        (now["state"] == "published").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_postgres_says_so_and_goes_on_by_itself() {
    let Some(server) = OwnServer::start("outages::a_start_waits_for_postgres") else { return };
    let (folder, address, url) = (tempfile::tempdir().unwrap(), free_address(), server.url());
    server.down();
    let client = Client::new(&format!("http://{address}"));
    let start = || program_at(&address.to_string(), folder.path(), Some(&url));
    // Asked to stop while it waits, it ends in order.
    let socket = folder.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&socket).unwrap();
    let mut child = start().env("NOTIFY_SOCKET", &socket).spawn().unwrap();
    ready(&client, 503).await;
    let status = heard(&manager, "STATUS=waiting for database").await;
    assert!(!status.contains("READY=1"), "{status}");
    terminate(&child);
    let status = tokio::time::timeout(LONG, child.wait()).await.unwrap().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert!(status.success() && said.contains("waiting for database"), "{status}: {said}");

    let mut child = start().spawn().unwrap();
    let health = ready(&client, 503).await;
    let check = &health["checks"][0];
    assert!(check["name"] == "database" && check["detail"].as_str().unwrap().contains("waiting"), "{health}");
    assert_eq!(client.send("GET", "/healthz", "", &[], None).await.status, 200, "it lives");
    let refused = client.send("GET", "/api/v1/missions", "", &[], None).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, "2"), "{}", refused.text);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let mut kept = tokio::net::TcpStream::connect(address).await.unwrap();
    let answer = asked(&mut kept).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("database"), "{answer}");
    server.up();
    let health = ready(&client, 200).await;
    assert_eq!(health["ok"], true);
    let answer = asked(&mut kept).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "a connection outlives the start: {answer}");
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    client.send("POST", "/api/v1/missions", &token, &[], Some(json!({"name": "one"}))).await.ok(201);
    child.start_kill().unwrap();
    child.wait().await.unwrap();
}

struct Sent {
    key: String,
    name: String,
    was_refused: bool,
    answer: Option<Value>,
}

/// Eight writers; until `stop` each sends one mission after the other, and repeats what was refused.
async fn write(client: &Client, token: &str, sent: &Mutex<Vec<Sent>>, stop: &std::sync::atomic::AtomicBool) {
    let writers = (0..8).map(|writer| async move {
        for n in 0.. {
            if stop.load(std::sync::atomic::Ordering::SeqCst) {
                return;
            }
            let mut one = Sent {
                key: format!("{writer}-{n}"),
                name: format!("m-{writer}-{n}"),
                was_refused: false,
                answer: None,
            };
            let began = Instant::now();
            while one.answer.is_none() {
                let body = Some(json!({ "name": one.name }));
                let headers = [("idempotency-key", one.key.as_str())];
                let asked = Instant::now();
                let answer = client.send("POST", "/api/v1/missions", token, &headers, body).await;
                match answer.status {
                    201 => one.answer = Some(answer.body),
                    503 => {
                        assert!(!answer.header("retry-after").is_empty(), "{}", answer.text);
                        assert!(asked.elapsed() < Duration::from_secs(30), "it says so soon");
                        one.was_refused = true;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    // The first one with this key is still on its way.
                    409 => tokio::time::sleep(Duration::from_millis(100)).await,
                    status => panic!("{status}: {}", answer.text),
                }
                assert!(began.elapsed() < LONG, "{} is never accepted", one.name);
            }
            sent.lock().unwrap().push(one);
        }
    });
    futures_util::future::join_all(writers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_lost_in_operation_is_503_and_nothing_is_half_applied() {
    let Some(server) = OwnServer::start("outages::postgres_lost_in_operation") else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url());
    let (mut child, client, _reader) = serving(program(folder.path(), Some(&url))).await;
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    let (sent, stop) = (Mutex::new(Vec::new()), std::sync::atomic::AtomicBool::new(false));
    let more = || {
        let sent = &sent;
        let wanted = sent.lock().unwrap().len() + 20;
        eventually("20 more are acknowledged", move || async move {
            (sent.lock().unwrap().len() >= wanted).then_some(())
        })
    };
    let outages = async {
        for round in 0..2 {
            more().await;
            server.down();
            let health = ready(&client, 503).await;
            assert_eq!(health["checks"][0]["name"], "database", "round {round}: {health}");
            assert_eq!(client.send("GET", "/healthz", "", &[], None).await.status, 200);
            let read = client.send("GET", "/api/v1/missions", &token, &[], None).await;
            assert_eq!(read.status, 503, "{}", read.text);
            assert!(!read.header("retry-after").is_empty());
            server.up();
            ready(&client, 200).await;
        }
        more().await;
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    tokio::join!(write(&client, &token, &sent, &stop), outages);

    let sent = sent.into_inner().unwrap();
    assert!(sent.iter().any(|one| one.was_refused), "somebody asked during the outage");
    let column = |query: &'static str| {
        let url = url.clone();
        async move { crate::harness::database::column(&url, query).await }
    };
    assert_eq!(
        column("SELECT name FROM mission").await.len(),
        sent.len(),
        "one for each that was acknowledged"
    );
    let events = "SELECT subject_id FROM ledger_event WHERE action = 'mission.create'";
    assert_eq!(column(events).await.len(), sent.len(), "and one event");
    eventually("everything is sealed", || async {
        let open = column("SELECT event_id::text FROM ledger_event WHERE seq IS NULL").await;
        open.is_empty().then_some(())
    })
    .await;
    for one in sent.iter().filter(|one| one.was_refused) {
        let headers = [("idempotency-key", one.key.as_str())];
        let body = Some(json!({ "name": one.name }));
        let again = client.send("POST", "/api/v1/missions", &token, &headers, body).await;
        assert_eq!(Some(again.ok(201)), one.answer);
    }
    terminate(&child);
    let status = tokio::time::timeout(LONG, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

/// What a [`Network`] does with what it carries.
#[derive(Clone, Copy, Default)]
struct Weather {
    /// Nothing arrives.
    is_silent: bool,
    /// Nothing arrives on the first so many connections any more.
    forgotten: u32,
}

/// Between a control plane and its database: a network that can fall silent. Nothing is refused or closed then, and nothing
/// arrives.
struct Network {
    address: std::net::SocketAddr,
    weather: tokio::sync::watch::Sender<Weather>,
    accepted: std::sync::Arc<std::sync::atomic::AtomicU32>,
    _tasks: tokio::task::JoinSet<()>,
}

impl Network {
    async fn to(server: std::net::SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (weather, seen) = tokio::sync::watch::channel(Weather::default());
        let accepted = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        let count = std::sync::Arc::clone(&accepted);
        tasks.spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                let mut seen = seen.clone();
                connections.spawn(async move {
                    let swallows = move |weather: &Weather| weather.is_silent || number <= weather.forgotten;
                    let mut far = None;
                    if !swallows(&seen.borrow()) {
                        let Ok(mut server) = tokio::net::TcpStream::connect(server).await else { return };
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut near, &mut server) => return,
                            _ = seen.wait_for(swallows) => {}
                        }
                        // The server's side stays open, too.
                        far = Some(server);
                    }
                    let _ = seen.wait_for(|weather| !swallows(weather)).await;
                    drop(far);
                });
            }
        });
        Self { address, weather, accepted, _tasks: tasks }
    }

    fn falls_silent(&self) {
        self.weather.send_modify(|weather| weather.is_silent = true);
    }

    /// What was on its way is lost.
    fn is_back(&self) {
        self.weather.send_modify(|weather| weather.is_silent = false);
    }

    /// As a firewall does that was started anew: it swallows what belongs to connections of before, and passes new ones.
    fn forgets(&self) {
        let all = self.accepted.load(std::sync::atomic::Ordering::Relaxed);
        self.weather.send_modify(|weather| weather.forgotten = all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_packets_and_a_table_that_is_locked_hold_nobody() {
    let Some(server) = OwnServer::start("outages::a_network_that_swallows_packets") else { return };
    let (folder, direct) = (tempfile::tempdir().unwrap(), server.url());
    let port = |url: &str| url.rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    let number = port(&direct);
    let network = Network::to(format!("127.0.0.1:{number}").parse().unwrap()).await;
    let through = direct.replace(&format!(":{number}/"), &format!(":{}/", network.address.port()));
    assert_ne!(through, direct);
    let mut command = program(folder.path(), Some(&through));
    command.env("MC_STATEMENT_TIMEOUT", "1").env("MC_DATABASE_CONNECTIONS", "5");
    let (mut child, client, _reader) = serving(command).await;
    let token = std::fs::read_to_string(folder.path().join("token")).unwrap();
    let post = |n: usize| {
        let (client, token) = (&client, &token);
        async move {
            let key = format!("silent-{n}");
            let headers = [("idempotency-key", key.as_str())];
            let body = Some(json!({ "name": format!("m-{n}") }));
            client.send("POST", "/api/v1/missions", token, &headers, body).await
        }
    };
    post(0).await.ok(201);

    let mut locker = <sqlx::PgConnection as sqlx::Connection>::connect(&direct).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE mission IN ACCESS EXCLUSIVE MODE").execute(&mut locker).await.unwrap();
    let asked = Instant::now();
    let answer = client.send("GET", "/api/v1/missions", &token, &[], None).await;
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(asked.elapsed() < Duration::from_secs(30) && !answer.header("retry-after").is_empty());
    sqlx::raw_sql("ROLLBACK").execute(&mut locker).await.unwrap();
    client.send("GET", "/api/v1/missions", &token, &[], None).await.ok(200);

    network.falls_silent();
    let asked = Instant::now();
    // More than there are connections.
    let answers = futures_util::future::join_all((1..40).map(post)).await;
    for answer in &answers {
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    assert!(asked.elapsed() < LONG, "{:?}", asked.elapsed());
    assert_eq!(client.send("GET", "/healthz", "", &[], None).await.status, 200);
    ready(&client, 503).await;
    network.is_back();
    ready(&client, 200).await;
    for n in 1..40 {
        eventually("it is done once", || async { (post(n).await.status == 201).then_some(()) }).await;
    }
    let names = crate::harness::database::column(&direct, "SELECT name FROM mission").await;
    assert_eq!(names.len(), 40, "{names:?}");
    let lost = async || {
        let text = client.send("GET", "/metrics", &token, &[], None).await.text;
        let line =
            text.lines().find(|line| line.starts_with("mc_database_connections_lost_total")).unwrap_or("");
        line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok())
    };
    let before = lost().await.expect("they are counted");
    assert!(before >= 1.0, "{before}");

    // Who asks hangs up before anybody can know that there will be no answer, and nobody waits for the connection then:
    // otherwise a few times would be enough to use up all of them.
    let read = || client.send("GET", "/api/v1/missions", &token, &[], None);
    for _ in 0..4 {
        eventually("new connections take the place of the old", || async {
            (read().await.status == 200).then_some(())
        })
        .await;
        futures_util::future::join_all((0..20).map(|_| read())).await;
        network.forgets();
        let hang_up = || tokio::time::timeout(Duration::from_millis(300), read());
        futures_util::future::join_all((0..20).map(|_| hang_up())).await;
    }
    eventually("new connections take the place of the old", || async {
        (read().await.status == 200).then_some(())
    })
    .await;
    eventually("each is counted", || async { (lost().await? > before).then_some(()) }).await;
    // It ends in time, and in order, while nothing in the database answers.
    network.falls_silent();
    ready(&client, 503).await;
    terminate(&child);
    let status = tokio::time::timeout(LONG, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_the_bucket() {
    let (folder, mut s3) = (tempfile::tempdir().unwrap(), S3Server::start());
    s3.kill();
    let mut config = config(folder.path(), None);
    config.http = free_address();
    config.object_storage = s3.storage(&[("MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS", "")]);
    let client = Client::new(&format!("http://{}", config.http));
    let heal = async {
        let health = ready(&client, 503).await;
        assert_eq!(health["checks"][0]["name"], "objects", "{health}");
        assert!(health["checks"][0]["detail"].as_str().unwrap().contains("the bucket"), "{health}");
        s3.serve();
    };
    let (server, ()) = tokio::join!(Box::pin(Server::start(&config, metrics())), heal);
    let server = server.unwrap();
    assert_eq!(ready(&client, 200).await["ok"], true);
    assert!(server.stop().await);
}
