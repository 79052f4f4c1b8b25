//! `mc reserve` and the Git hook, with real repositories and a real server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::server::Server;

const REMOTE: &str = "git@host.example:x/y.git";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server with the mission `apollo` and people in it.
struct Desk {
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let server = Server::start();
        server.mission();
        Self { server }
    }

    /// A login token.
    fn login(&self, name: &str) -> String {
        let login = self.server.json(&format!("auth login --as {name} --role contributor"));
        login["token"].as_str().unwrap().to_owned()
    }

    fn task(&self) -> String {
        let task = self.server.json("create task -m apollo -k work --title t");
        task["key"].as_str().unwrap().to_owned()
    }

    fn command(&self, token: &str, folder: &Path, words: &[&str]) -> Command {
        let mut command = self.server.mc("");
        command.args(words).current_dir(folder).env("MC_TOKEN", token).envs(environment());
        command
    }

    /// `mc … -o json` as somebody in a folder.
    fn json(&self, token: &str, folder: &Path, words: &[&str]) -> Value {
        let output = self.command(token, folder, &[words, &["-o", "json"]].concat()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// What Git needs, and nothing of the machine's own settings.
fn environment() -> Vec<(&'static str, std::ffi::OsString)> {
    let path = std::env::var_os("PATH").unwrap();
    vec![
        ("PATH", path),
        ("GIT_CONFIG_GLOBAL", "/dev/null".into()),
        ("GIT_CONFIG_NOSYSTEM", "1".into()),
        ("GIT_AUTHOR_NAME", "t".into()),
        ("GIT_AUTHOR_EMAIL", "t@host.example".into()),
        ("GIT_COMMITTER_NAME", "t".into()),
        ("GIT_COMMITTER_EMAIL", "t@host.example".into()),
    ]
}

/// A checkout.
struct Checkout {
    _dir: tempfile::TempDir,
    top: PathBuf,
}

impl Checkout {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // A name that an unquoted script would break.
        let top = dir.path().canonicalize().unwrap().join("it's here");
        std::fs::create_dir(&top).unwrap();
        let checkout = Self { _dir: dir, top };
        checkout.git(&["init", "-q", "-b", "main"]);
        checkout.git(&["remote", "add", "origin", REMOTE]);
        checkout
    }

    fn git(&self, words: &[&str]) -> String {
        git(&self.top, words)
    }

    fn write(&self, path: &str, content: &str) {
        let file = self.top.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, content).unwrap();
    }

    fn hook(&self) -> PathBuf {
        self.top.join(".git/hooks/pre-commit")
    }
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output =
        Command::new("git").args(words).current_dir(folder).env_clear().envs(environment()).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// `git commit` as somebody, who is told to the hook by the environment.
fn commit(desk: &Desk, folder: &Path, identity: &[(&str, &str)], words: &[&str]) -> Output {
    Command::new("git")
        .args(["commit", "-q", "-m", "x"])
        .args(words)
        .current_dir(folder)
        .env_clear()
        .envs(environment())
        .env("MC_CONFIG", desk.server.dir.path().join("nobody.yaml"))
        .env("MC_BASE_URL", desk.server.url())
        .envs(identity.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[track_caller]
fn passes(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

#[track_caller]
fn refused(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(!output.status.success(), "it went through: {said}");
    said
}

#[test]
fn a_commit_to_what_others_hold_is_refused_by_name() {
    let desk = Desk::new();
    let (one, two) = (desk.login("one"), desk.login("two"));
    let checkout = Checkout::new();
    let top = checkout.top.as_path();
    for file in ["src/a.rs", "src/gone.rs", "docs/a b ü.md", "free"] {
        checkout.write(file, "some lines\nthat make\na rename visible\n");
    }
    checkout.git(&["add", "-A"]);
    checkout.git(&["commit", "-q", "-m", "before"]);
    desk.json(&two, top, &["hook", "install"]);

    let task = desk.task();
    let held = desk.json(&one, top, &["reserve", "src", "docs/*ü*", "--task", &task, "--ttl", "1h"]);
    assert_eq!((&held["repository"], &held["state"]), (&"host.example/x/y".into(), &"active".into()));
    assert_eq!(held["globs"], serde_json::json!(["src/**", "docs/*ü*"]));
    let (mine, theirs) = ([("MC_TOKEN", one.as_str())], [("MC_TOKEN", two.as_str())]);

    // Changed, new, with spaces and beyond ASCII.
    checkout.write("src/a.rs", "changed");
    checkout.write("src/deep/new.rs", "new");
    checkout.write("docs/a b ü.md", "changed");
    checkout.git(&["add", "-A"]);
    let said = refused(&commit(&desk, top, &theirs, &[]));
    let until = held["expires_at"].as_str().unwrap();
    for part in ["one", &task, until, "src/a.rs", "src/deep/new.rs", "docs/a b ü.md", "--no-verify"] {
        assert!(said.contains(part), "{part} is not said: {said}");
    }
    passes(&commit(&desk, top, &mine, &[]));

    // A deletion, and both sides of a rename.
    checkout.git(&["rm", "-q", "src/gone.rs"]);
    assert!(refused(&commit(&desk, top, &theirs, &[])).contains("src/gone.rs"));
    checkout.git(&["reset", "-q", "--hard"]);
    checkout.git(&["mv", "src/gone.rs", "moved.rs"]);
    assert!(refused(&commit(&desk, top, &theirs, &[])).contains("src/gone.rs"));
    checkout.git(&["reset", "-q", "--hard"]);
    checkout.git(&["mv", "free", "src/free"]);
    assert!(refused(&commit(&desk, top, &theirs, &[])).contains("src/free"));
    checkout.git(&["reset", "-q", "--hard"]);

    // What is staged counts, also of a partial commit from a folder below; what is not staged does not.
    checkout.write("src/a.rs", "not staged");
    checkout.write("free", "staged");
    checkout.git(&["add", "free"]);
    passes(&commit(&desk, top, &theirs, &[]));
    assert!(refused(&commit(&desk, &checkout.top.join("docs"), &theirs, &["-a"])).contains("src/a.rs"));
    assert!(refused(&commit(&desk, top, &theirs, &["--", "src/a.rs"])).contains("src/a.rs"));
    passes(&commit(&desk, top, &theirs, &["--no-verify", "-a"]));
    checkout.git(&["reset", "-q", "--hard", "HEAD~1"]);

    // A worktree of the repository has the hook too.
    let tree = checkout.top.with_file_name("tree");
    checkout.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    std::fs::write(tree.join("src/a.rs"), "from the worktree").unwrap();
    assert!(refused(&commit(&desk, &tree, &theirs, &["-a"])).contains("src/a.rs"));

    // Released, it is free.
    let output =
        desk.command(&one, top, &["delete", "reservation", held["id"].as_str().unwrap()]).output().unwrap();
    assert!(text(&output.stdout).contains("released"), "{}", text(&output.stderr));
    passes(&commit(&desk, &tree, &theirs, &["-a"]));
}

#[test]
fn a_shared_reservation_and_ones_own_let_a_commit_through() {
    let desk = Desk::new();
    let (one, two) = (desk.login("one"), desk.login("two"));
    let checkout = Checkout::new();
    let top = checkout.top.as_path();
    desk.json(&one, top, &["hook", "install"]);
    let (left, right) = (desk.task(), desk.task());
    let shared = desk.json(&one, top, &["reserve", "a", "--shared", "-m", "apollo"]);
    checkout.write("a", "1");
    checkout.git(&["add", "-A"]);
    // The first commit of all: there is nothing to compare with yet.
    passes(&commit(&desk, top, &[("MC_TOKEN", &two)], &[]));
    desk.json(&one, top, &["delete", "reservation", shared["id"].as_str().unwrap()]);

    // One person works on two tasks: the task tells them apart, whoever commits.
    desk.json(&one, top, &["reserve", "a", "--task", &left]);
    let as_task = |task: &str, content: &str| {
        checkout.write("a", content);
        commit(&desk, top, &[("MC_TOKEN", &one), ("MC_TASK", task)], &["-a"])
    };
    assert!(refused(&as_task(&right, "2")).contains(&left));
    passes(&as_task(&left, "3"));
    checkout.write("a", "4");
    passes(&commit(&desk, top, &[("MC_TOKEN", &two), ("MC_TASK", &left)], &["-a"]));

    // An agent is known by its grant, though its owner is logged in beside it.
    let grant = desk.server.grant("-m apollo");
    let grant = grant.to_str().unwrap();
    let mut reserve = desk.server.mc("reserve b -o json");
    reserve.current_dir(top).env_remove("MC_TOKEN").env("MC_GRANT_FILE", grant).envs(environment());
    let output = reserve.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let held: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&held["principal"], &held["mission"]), (&"worker".into(), &"apollo".into()));
    checkout.write("b", "1");
    checkout.git(&["add", "b"]);
    assert!(refused(&commit(&desk, top, &[("MC_TOKEN", &one)], &[])).contains("worker"));
    passes(&commit(&desk, top, &[("MC_GRANT_FILE", grant)], &[]));
}

#[test]
fn a_hook_that_was_there_runs_first_and_comes_back() {
    let desk = Desk::new();
    let one = desk.login("one");
    let checkout = Checkout::new();
    let top = checkout.top.as_path();
    let before = "#!/bin/sh\necho \"before with $#\" >&2\n[ ! -e stop ] || exit 9\n";
    std::fs::write(checkout.hook(), before).unwrap();
    std::fs::set_permissions(checkout.hook(), std::fs::Permissions::from_mode(0o700)).unwrap();
    for policy in ["--fail-open", "--fail-closed", "--fail-open"] {
        desk.json(&one, top, &["hook", "install", policy]);
        assert!(std::fs::read_to_string(checkout.hook()).unwrap().contains(policy));
    }
    checkout.write("a", "1");
    checkout.git(&["add", "-A"]);
    let said = passes(&commit(&desk, top, &[("MC_TOKEN", &one)], &[]));
    assert_eq!(said.matches("before with 0").count(), 1, "{said}");
    checkout.write("stop", "");
    assert!(refused(&commit(&desk, top, &[("MC_TOKEN", &one)], &["--allow-empty"])).contains("before with"));

    let kept = checkout.hook().with_file_name("pre-commit.before-mc");
    for _ in 0..2 {
        desk.json(&one, top, &["hook", "uninstall"]);
        assert_eq!(std::fs::read_to_string(checkout.hook()).unwrap(), before);
        assert_eq!(std::fs::metadata(checkout.hook()).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!kept.exists());
    }

    // Two that both claim to be kept are nobody's to choose from; a killed installation goes on.
    std::fs::write(&kept, "other").unwrap();
    let both = desk.command(&one, top, &["hook", "install"]).output().unwrap();
    assert_eq!(both.status.code(), Some(5), "{}", text(&both.stderr));
    assert_eq!(std::fs::read_to_string(checkout.hook()).unwrap(), before);
    std::fs::remove_file(&kept).unwrap();
    std::fs::hard_link(checkout.hook(), &kept).unwrap();
    desk.json(&one, top, &["hook", "install"]);
    desk.json(&one, top, &["hook", "uninstall"]);
    assert_eq!(std::fs::read_to_string(checkout.hook()).unwrap(), before);

    // Without a hook before, nothing is left.
    std::fs::remove_file(checkout.hook()).unwrap();
    desk.json(&one, top, &["hook", "install"]);
    for _ in 0..2 {
        desk.json(&one, top, &["hook", "uninstall"]);
        assert!(!checkout.hook().exists());
    }

    // Where `core.hooksPath` says, and nowhere else; from another folder.
    checkout.git(&["config", "core.hooksPath", ".own hooks"]);
    desk.json(&one, Path::new("/"), &["hook", "install", "--repo", top.to_str().unwrap()]);
    assert!(checkout.top.join(".own hooks/pre-commit").exists() && !checkout.hook().exists());
    checkout.git(&["config", "core.hooksPath", "elsewhere"]);
    assert_eq!(
        desk.command(&one, Path::new("/"), &["hook", "install"]).output().unwrap().status.code(),
        Some(3)
    );
}

#[test]
fn without_the_server_a_commit_passes_with_a_warning_or_is_refused() {
    let mut desk = Desk::new();
    let one = desk.login("one");
    let checkout = Checkout::new();
    let top = checkout.top.as_path();
    let attempt = |desk: &Desk, token: &str| {
        checkout.write("a", &format!("{:?}", std::time::Instant::now()));
        checkout.git(&["add", "-A"]);
        commit(desk, top, &[("MC_TOKEN", token)], &[])
    };
    desk.json(&one, top, &["hook", "install"]);
    assert!(
        passes(&attempt(&desk, "mcs_wrong")).contains("warning: the paths of this commit are not checked")
    );
    let held = desk.json(&one, top, &["reserve", "kept", "-m", "apollo"]);
    desk.server.kill();
    let began = std::time::Instant::now();
    assert!(passes(&attempt(&desk, &one)).contains("warning: the paths of this commit are not checked"));
    assert!(began.elapsed() < std::time::Duration::from_secs(8), "{:?}", began.elapsed());
    passes(&desk.command(&one, top, &["hook", "install", "--fail-closed"]).output().unwrap());
    assert!(refused(&attempt(&desk, &one)).contains("so the commit is refused"));
    // An empty commit touches nothing, and nobody is asked.
    checkout.git(&["rm", "-q", "-f", "--cached", "a"]);
    checkout.git(&["add", "a"]);
    checkout.git(&["reset", "-q"]);
    passes(&commit(&desk, top, &[("MC_TOKEN", &one)], &["--allow-empty"]));
    desk.server.serve();
    let kept = desk.json(&one, top, &["get", "reservation", held["id"].as_str().unwrap()]);
    assert_eq!(kept["state"], "active", "what was acknowledged is there after the kill");
    passes(&attempt(&desk, &one));
    // The program is gone.
    let script = std::fs::read_to_string(checkout.hook()).unwrap();
    let gone = script.replace(env!("CARGO_BIN_EXE_mc"), "/nonexistent/mc");
    std::fs::write(checkout.hook(), gone).unwrap();
    assert!(refused(&attempt(&desk, &one)).contains("/nonexistent/mc is gone"));
}

#[test]
fn reservations_wait_in_line_and_are_shown() {
    let desk = Desk::new();
    let (one, two) = (desk.login("one"), desk.login("two"));
    let checkout = Checkout::new();
    checkout.write("sub/x", "");
    let sub = checkout.top.join("sub");
    let task = desk.task();
    let held =
        desk.json(&one, &sub, &["reserve", "*.rs", "/README.md", "--task", &task, "--reason", "the parser"]);
    assert_eq!(held["globs"], serde_json::json!(["sub/*.rs", "README.md"]));
    let id = held["id"].as_str().unwrap();

    let refused = desk.command(&two, &sub, &["reserve", "..", "-m", "apollo"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(5));
    let said = text(&refused.stderr);
    for part in ["one", &task, "** meets sub/*.rs"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let refused =
        desk.command(&two, &sub, &["reserve", "a.rs", "-m", "apollo", "-o", "json"]).output().unwrap();
    let problem: mc_api::Problem = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(problem.conflicts[0].pairs[0].witness.as_deref(), Some("sub/a.rs"));

    let queued = desk.json(&two, &sub, &["reserve", "a.rs", "-m", "apollo", "--queue"]);
    assert_eq!(queued["state"], "pending");
    let late = desk
        .command(&two, &sub, &["reserve", "b.rs", "-m", "apollo", "--wait", "--timeout", "1s"])
        .output()
        .unwrap();
    assert_eq!(late.status.code(), Some(7), "{}", text(&late.stderr));
    let list = desk.json(&two, &sub, &["get", "reservations", "-A", "--state", "pending"]);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "who gave up waiting left the line: {list}");

    let waiting = desk
        .command(&two, &sub, &["reserve", "c.rs", "-m", "apollo", "--wait", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let wait =
        ["wait", "reservation", queued["id"].as_str().unwrap(), "--for", "state=active", "--timeout", "20s"];
    let watching =
        desk.command(&two, &sub, &wait).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let described = desk.command(&two, &sub, &["describe", "reservation", id]).output().unwrap();
    let described = text(&described.stdout);
    for part in ["host.example/x/y", "sub/*.rs", "the parser", "reservation.create", &task] {
        assert!(described.contains(part), "{part}: {described}");
    }
    desk.json(&one, &sub, &["delete", "rsv", id]);
    passes(&watching.wait_with_output().unwrap());
    let reached = waiting.wait_with_output().unwrap();
    passes(&reached);
    assert_eq!(serde_json::from_slice::<Value>(&reached.stdout).unwrap()["state"], "active");
    let crossed = desk.server.json("create task -m apollo -k work --title t --path sub/c*");
    let described =
        desk.command(&two, &sub, &["describe", "task", crossed["key"].as_str().unwrap()]).output().unwrap();
    assert!(
        text(&described.stdout).contains("Reservations that cross its paths:"),
        "{}",
        text(&described.stdout)
    );
    let impossible =
        desk.command(&two, &sub, &["wait", "rsv", id, "--for", "state=active"]).output().unwrap();
    assert_eq!(impossible.status.code(), Some(5));
    let found = desk.json(
        &two,
        &sub,
        &["get", "rsv", "-A", "--repo", "https://host.example/x/y", "--path", "sub/c.rs"],
    );
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");

    // Outside of a checkout the repository is named; without a remote it is the folder that all worktrees share.
    let outside = desk.command(&one, Path::new("/"), &["reserve", "a", "-m", "apollo"]).output().unwrap();
    assert_eq!(outside.status.code(), Some(2), "{}", text(&outside.stderr));
    let named = desk.json(
        &one,
        Path::new("/"),
        &["reserve", "a", "-m", "apollo", "--repo", "https://h.example/z.git"],
    );
    assert_eq!(named["repository"], "h.example/z");
    checkout.git(&["remote", "remove", "origin"]);
    checkout.git(&["add", "-A"]);
    checkout.git(&["commit", "-q", "-m", "x"]);
    let tree = checkout.top.with_file_name("tree");
    checkout.git(&["worktree", "add", "-q", tree.to_str().unwrap()]);
    let shared = desk.json(&one, &tree, &["reserve", "x", "-m", "apollo"]);
    assert_eq!(shared["repository"], checkout.top.to_str().unwrap());
}
