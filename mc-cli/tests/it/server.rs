//! A real control plane beside the real `mc`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A program of this workspace, as it was built together with `mc`.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_mc")).with_file_name(name);
    assert!(path.exists(), "{} is not built: test the whole workspace", path.display());
    path
}

/// A control plane in a folder of its own; killed when dropped.
pub(crate) struct Server {
    pub(crate) dir: tempfile::TempDir,
    /// `127.0.0.1:PORT`.
    address: String,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Self { dir, address: "127.0.0.1:0".into(), child: None };
        server.serve();
        server
    }

    /// Starts it, after the first time on the same port.
    pub(crate) fn serve(&mut self) {
        let mut child = Command::new(program("mc-controlplane"))
            .env_clear()
            .arg("--data-dir")
            .arg(self.dir.path().join("data"))
            .args(["--http", &self.address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("the control plane ended: {said}")).unwrap();
            if let Some((_, rest)) = line.split_once("serving http://") {
                rest.split_whitespace().next().unwrap().clone_into(&mut self.address);
                break;
            }
            said += &line;
        }
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.child = Some(child);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("data/token")).unwrap().trim().to_owned()
    }

    /// `mc` as the bootstrap principal, with a home of its own.
    pub(crate) fn mc(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mc"));
        command
            .args(words.split_whitespace())
            .env_clear()
            .env("MC_CONFIG", self.dir.path().join("config.yaml"))
            .env("MC_BASE_URL", self.url())
            .env("MC_TOKEN", self.token())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn output(&self, words: &str) -> Output {
        self.mc(words).output().unwrap()
    }

    /// The answer of `mc … -o json`, which must succeed.
    pub(crate) fn json(&self, words: &str) -> Value {
        let output = self.output(&format!("{words} -o json"));
        assert!(output.status.success(), "mc {words}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The mission `apollo` with the kluster `work`.
    pub(crate) fn mission(&self) {
        self.json("create mission apollo");
        self.json("create kluster work -m apollo");
    }

    /// A grant file for the agent `worker`.
    pub(crate) fn grant(&self, more: &str) -> PathBuf {
        let path = self.dir.path().join("grant.json");
        self.json(&format!("auth grant --as worker --file {} {more}", path.display()));
        path
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn what_a_file_made_the_same_file_deletes() {
    let server = Server::start();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/apollo.yaml");
    let first = server.json(&format!("apply -f {file}"));
    assert_eq!(first["items"].as_array().unwrap().len(), 4, "{first}");
    let again = server.json(&format!("apply -f {file}"));
    assert!(again["items"].as_array().unwrap().iter().all(|item| item["result"] == "unchanged"), "{again}");

    let deleted = server.output(&format!("delete -f {file}"));
    let said = String::from_utf8(deleted.stdout).unwrap();
    assert!(deleted.status.success(), "{}", String::from_utf8_lossy(&deleted.stderr));
    let kinds: Vec<&str> = said.lines().filter_map(|line| line.split('/').next()).collect();
    assert_eq!(kinds, ["task", "task", "kluster", "mission"], "{said}");
    assert_eq!(server.json("get missions")["items"].as_array().unwrap().len(), 0);

    assert_eq!(server.output(&format!("delete -f {file}")).status.code(), Some(4));
    assert!(server.output(&format!("delete -f {file} --ignore-not-found")).status.success());
    assert_eq!(server.output(&format!("delete mission -f {file}")).status.code(), Some(2));
    assert_eq!(server.output("delete").status.code(), Some(2));
}
