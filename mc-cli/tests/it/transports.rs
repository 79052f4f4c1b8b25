//! MQTT beside gRPC with a real node and a real control plane: both together, and each without the other, which is cut or
//! held back in the middle. The counter of the control plane says by which path events came, and each is stored once.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::Value;

use crate::fleet::{Fleet, eventually, marked};
use crate::kills::expect_stored_as_witnessed;
use crate::server::program;

/// What becomes of the bytes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// What the node sends waits here; what it is sent passes.
    Held,
    /// Connections end, and no new one is served.
    Shut,
}

struct Gate {
    way: Way,
    /// Both ends of the connections that there were.
    ends: Vec<TcpStream>,
}

/// A door in front of one of the control plane's.
struct Door {
    address: SocketAddr,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

impl Door {
    fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let gate = Arc::new((Mutex::new(Gate { way: Way::Open, ends: Vec::new() }), Condvar::new()));
        let door = Self { address, gate: Arc::clone(&gate) };
        std::thread::spawn(move || {
            for node in listener.incoming().map_while(Result::ok) {
                let mut open = gate.0.lock().unwrap();
                if open.way == Way::Shut {
                    continue;
                }
                // A control plane that is not there is met by whoever connects anew.
                let Ok(server) = TcpStream::connect(server) else { continue };
                let copy = |end: &TcpStream| end.try_clone().unwrap();
                pass(copy(&node), copy(&server), Some(Arc::clone(&gate)));
                pass(copy(&server), copy(&node), None);
                open.ends.extend([node, server]);
            }
        });
        door
    }

    fn make(&self, way: Way) {
        let mut gate = self.gate.0.lock().unwrap();
        gate.way = way;
        self.gate.1.notify_all();
        if way == Way::Shut {
            for end in gate.ends.drain(..) {
                // It may have ended already.
                drop(end.shutdown(Shutdown::Both));
            }
        }
    }
}

/// Copies one direction of a connection until it ends, and ends the other one with it.
fn pass(mut from: TcpStream, mut to: TcpStream, gate: Option<Arc<(Mutex<Gate>, Condvar)>>) {
    std::thread::spawn(move || {
        let mut piece = vec![0; 16 << 10];
        while let Ok(read @ 1..) = from.read(&mut piece) {
            if let Some(gate) = &gate {
                let open = gate.0.lock().unwrap();
                drop(gate.1.wait_while(open, |gate| gate.way == Way::Held).unwrap());
            }
            if to.write_all(&piece[..read]).is_err() {
                break;
            }
        }
        // They may have ended already.
        drop((to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both)));
    });
}

/// A second node of an installation, which reaches it through doors of ours; ended with the test.
struct Beside {
    state: PathBuf,
    mark: String,
    daemon: Option<Child>,
    grpc: Door,
    mqtt: Door,
}

impl Beside {
    /// Joins as the node `beside`. Where MQTT is, a node is told when it joins.
    fn join(fleet: &Fleet) -> Self {
        let endpoints = fs::read(fleet.path("data/run/endpoints.json")).unwrap();
        let endpoints: Value = serde_json::from_slice(&endpoints).unwrap();
        let at = |name: &str| -> SocketAddr {
            endpoints[name].as_str().unwrap().trim_start_matches("https://").parse().unwrap()
        };
        let state = fleet.path("beside");
        fleet.define_runtimes(&state);
        let mark = format!("MC_INSTANCE={}", state.display());
        let (grpc, mqtt) = (Door::before(at("grpc")), Door::before(at("mqtt")));
        let mut node = Self { state, mark, daemon: None, grpc, mqtt };

        let made = fleet.json(&["node", "token", "create", "--name", "beside", "-o", "json"]).unwrap();
        let token = fleet.path("join-token");
        fs::write(&token, made["token"].as_str().unwrap()).unwrap();
        node.run(fleet, &["--join-token-file", token.to_str().unwrap()]);
        let path = node.state.join("node/identity.json");
        let mut identity: Value =
            eventually("the node joins", || serde_json::from_slice(&fs::read(&path).ok()?).ok());
        node.end();
        identity["mqtt_address"] = node.mqtt.address.to_string().into();
        fs::write(&path, identity.to_string()).unwrap();
        node.run(fleet, &[]);
        node
    }

    fn run(&mut self, fleet: &Fleet, more: &[&str]) {
        let log = fs::OpenOptions::new().create(true).append(true).open(fleet.path("beside.log")).unwrap();
        let (name, value) = self.mark.split_once('=').unwrap();
        let daemon = Command::new(program("mc-mesh"))
            .arg("run")
            .arg("--state")
            .arg(&self.state)
            .args(["--server", &format!("https://{}", self.grpc.address)])
            .args(more)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", fleet.path("home"))
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.daemon = Some(daemon.unwrap());
    }

    /// SIGKILL to the daemon.
    fn end(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill().unwrap();
            daemon.wait().unwrap();
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.state.with_extension("log")).unwrap_or_default();
            eprintln!("--- beside\n{log}");
        }
        for pid in marked(&self.mark) {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            // Gone already is as good.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Batches of events that came by gRPC and by MQTT, once nothing is on its way.
fn batches(fleet: &Fleet) -> (u64, u64) {
    let count = |path: &str| fleet.metric(&format!("mc_uplink_batches_total{{path=\"{path}\"}}"));
    let mut last = None;
    eventually("nothing is on its way", || {
        let now = (count("grpc"), count("mqtt"));
        (last.replace(now) == Some(now)).then_some(now)
    })
}

#[test]
fn events_come_once_by_both_transports_and_by_each_without_the_other() {
    const TURNS: usize = 3;
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "transports"]);
    let mut node = Beside::join(&fleet);
    let words = ["create", "session", "-m", "transports", "--runtime", "scripted", "--node", "beside"];
    let words = [&words[..], &["-o", "json"]].concat();
    let made = eventually("the node takes agent sessions", || fleet.json(&words));
    let session = made["id"].as_str().unwrap();
    let rest = || {
        fleet.ok(&["wait", "session", session, "--for", "state=idle", "--timeout", "60s"]);
        batches(&fleet)
    };
    let turn = |name: &str| {
        let text = format!("/say {name} begins\n/tool look\n/say {name} ends");
        fleet.ok(&["prompt", session, &text, "--wait", "--timeout", "60s"]);
    };
    rest();
    eventually("events come by MQTT", || {
        turn("together");
        (rest().1 > 0).then_some(())
    });

    // No longer than a turn, so that neither side gives the connection up.
    for number in 1..=TURNS {
        rest();
        node.grpc.make(Way::Held);
        let (grpc, mqtt) = batches(&fleet);
        turn(&format!("without gRPC {number}"));
        let after = batches(&fleet);
        node.grpc.make(Way::Open);
        assert_eq!(after.0, grpc, "no report came by gRPC");
        assert!(after.1 > mqtt, "they came by MQTT");
    }

    rest();
    node.mqtt.make(Way::Shut);
    let (grpc, mqtt) = batches(&fleet);
    for number in 1..=TURNS {
        turn(&format!("without MQTT {number}"));
    }
    let after = rest();
    assert_eq!(after.1, mqtt, "nothing came by MQTT");
    assert!(after.0 > grpc, "it came by gRPC");
    node.mqtt.make(Way::Open);

    expect_stored_as_witnessed(&fleet, session);
    fleet.ok(&["session", "stop", session]);
    fleet.ok(&["wait", "session", session, "--for", "state=stopped", "--timeout", "60s"]);
    eventually("only the daemon is left", || (marked(&node.mark).len() == 1).then_some(()));
    node.end();
    assert_eq!(marked(&node.mark), Vec::<i32>::new());
    fleet.down();
}
