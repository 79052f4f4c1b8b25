//! `mc attach` with a real installation: what is typed, what is shown, Ctrl-C, and a control plane that dies meanwhile.

use std::io::{Read, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fleet::{Fleet, Role, eventually};

/// What a pipe has brought so far.
type Heard = Arc<Mutex<Vec<u8>>>;

fn hear(mut pipe: impl Read + Send + 'static) -> Heard {
    let heard = Heard::default();
    let into = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..read]);
        }
    });
    heard
}

fn text(heard: &Heard) -> String {
    String::from_utf8_lossy(&heard.lock().unwrap()).into_owned()
}

/// A running `mc attach` whose input and outputs are pipes; killed when dropped.
struct Attached {
    child: Child,
    input: Option<ChildStdin>,
    out: Heard,
    err: Heard,
}

impl Attached {
    /// Attaches and waits until what there was before is shown, so that Ctrl-C means something too.
    fn to(fleet: &Fleet, session: &str) -> Self {
        let mut command = fleet.command(&["attach", session]);
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let (out, err) = (hear(child.stdout.take().unwrap()), hear(child.stderr.take().unwrap()));
        let attached = Self { input: child.stdin.take(), child, out, err };
        attached.shows("-- idle");
        attached
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn shown(&self) -> String {
        text(&self.out)
    }

    fn said(&self) -> String {
        text(&self.err)
    }

    /// Waits until standard output has a text.
    fn shows(&self, wanted: &str) {
        eventually(&format!("{wanted:?} is shown"), || self.shown().contains(wanted).then_some(()));
    }

    /// Waits until standard error has a text so many times.
    fn says(&self, wanted: &str, times: usize) {
        eventually(&format!("{wanted:?} is said {times} times"), || {
            (self.said().matches(wanted).count() >= times).then_some(())
        });
    }

    fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    /// Waits until it ends by itself.
    fn ended(&mut self) -> Option<i32> {
        eventually("mc attach ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("--- shown\n{}\n--- said\n{}", self.shown(), self.said());
        }
    }
}

/// The answers to permissions that agents were given.
fn answers(fleet: &Fleet) -> Vec<Value> {
    let lines = fleet.witness("in").into_iter().filter(|line| line.contains("\"outcome\""));
    lines
        .map(|line| serde_json::from_str::<Value>(&line).unwrap()["result"]["outcome"]["optionId"].take())
        .collect()
}

fn turns(fleet: &Fleet, session: &str) -> usize {
    let all = fleet.json(&["get", "turns", "--session", session, "-o", "json"]).unwrap();
    all["items"].as_array().unwrap().len()
}

#[test]
fn prompts_and_permissions_are_answered_by_keyboard_and_what_comes_too_late_is_said() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "attach"]);
    let session = fleet.session("attach");
    let mut attach = Attached::to(&fleet, &session);
    attach.types("/say it is answered");
    attach.shows("agent: it is answered");
    attach.shows("-- turn 1 ended: end_turn");

    // A number outside of what is offered changes nothing; the right one lets the agent go on.
    fleet.ok(&["prompt", &session, "/ask cross the bridge\n/say crossed"]);
    attach.shows("asked: cross the bridge\n  1) Allow once [allow_once]\n  2) Allow always [allow_always]\n");
    attach.types("9");
    attach.says("1 to 3", 1);
    assert_eq!(answers(&fleet), Vec::<Value>::new());
    attach.types("1");
    attach.shows("agent: crossed");
    attach.shows("-- turn 2 ended: end_turn");
    assert_eq!(answers(&fleet), ["allow_once"]);

    // Somebody else is faster, and this terminal does not know it yet: the node hears of nothing.
    attach.types("/ask burn the bridge");
    attach.shows("asked: burn the bridge");
    fleet.signal(Role::Mesh, Signal::STOP);
    let approval = fleet.open_approval("burn the bridge").unwrap();
    fleet.ok(&["reject", &approval, "--note", "it is needed"]);
    attach.types("1");
    attach.says("the permission was answered already", 1);
    fleet.signal(Role::Mesh, Signal::CONT);
    attach.shows("agent: rejected: burn the bridge");
    attach.shows("-- turn 3 ended: end_turn");
    assert_eq!(answers(&fleet), ["allow_once", "reject_once"]);

    // Once nothing is asked, a number is no prompt either.
    attach.types("1");
    attach.says("no permission is open", 1);
    // Who has no keyboard follows all the same.
    attach.input = None;
    fleet.ok(&["prompt", &session, "/say to whoever looks", "--wait", "--timeout", "60s"]);
    attach.shows("agent: to whoever looks");
    assert_eq!((turns(&fleet, &session), answers(&fleet).len()), (4, 2));

    fleet.ok(&["session", "stop", &session]);
    assert_eq!(attach.ended(), Some(0), "it ends with the session");
    attach.shows("-- stopped");
    fleet.down();
}

#[test]
fn ctrl_c_cancels_the_turn_and_twice_leaves_the_session_running() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "attach"]);
    let nobody = "ses_01980000000070008000000000000000";
    let refused = fleet.mc(&["attach", nobody, "-o", "json"]);
    assert_eq!(refused.status.code(), Some(4));
    assert!(refused.stdout.is_empty());
    let problem: Value = serde_json::from_slice(&refused.stderr).unwrap();
    assert_eq!(
        (&problem["type"], &problem["status"]),
        (&"urn:missioncontrol:problem:not-found".into(), &404.into())
    );

    let session = fleet.session("attach");
    let agent = fleet.get_session(&session).unwrap()["agent_pid"].clone();
    let mut attach = Attached::to(&fleet, &session);
    attach.types("/sleep 600000");
    eventually("the prompt is with the agent", || fleet.witnessed("in", "/sleep 600000").then_some(()));
    attach.interrupt();
    attach.shows("-- turn 1 ended: cancelled");

    // Where there is nothing to cancel that is said, and the next one leaves.
    attach.interrupt();
    attach.says("Ctrl-C again leaves", 2);
    attach.interrupt();
    assert_eq!(attach.ended(), Some(130));
    let left = fleet.get_session(&session).unwrap();
    assert_eq!((&left["state"], &left["agent_pid"]), (&"idle".into(), &agent), "{left}");
    fleet.ok(&["prompt", &session, "/say still here", "--wait", "--timeout", "60s"]);
    fleet.down();
}

#[test]
fn ctrl_c_is_heard_while_a_line_is_on_its_way_to_a_server_that_does_not_answer() {
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "attach"]);
    let session = fleet.session("attach");
    let mut attach = Attached::to(&fleet, &session);
    fleet.signal(Role::ControlPlane, Signal::STOP);
    attach.types("/say typed meanwhile");
    eventually("the line is read", || {
        let unread = rustix::io::ioctl_fionread(attach.input.as_ref().unwrap()).unwrap();
        (unread == 0).then_some(())
    });
    attach.interrupt();
    fleet.signal(Role::ControlPlane, Signal::CONT);
    attach.says("Ctrl-C again leaves", 1);
    // The turn may have ended meanwhile, and the next one begins to count anew.
    let ended = eventually("it leaves", || {
        attach.interrupt();
        attach.child.try_wait().unwrap()
    });
    assert_eq!(ended.code(), Some(130));
    fleet.down();
}

#[test]
fn a_killed_control_plane_leaves_no_gap_and_no_repetition() {
    const CHUNKS: usize = 120;
    let fleet = Fleet::start();
    fleet.ok(&["create", "mission", "attach"]);
    let session = fleet.session("attach");
    let mut attach = Attached::to(&fleet, &session);
    attach.types(&format!("/chunks {CHUNKS} 40"));
    attach.shows("chunk 20 of");
    assert!(fleet.kill(Role::ControlPlane));
    assert!(!attach.shown().contains(&format!("chunk {CHUNKS} of")), "the turn was over before the kill");
    attach.shows("-- turn 1 ended: end_turn");
    let shown = attach.shown();
    let words = shown.lines().map(|line| line.strip_prefix("agent: ").unwrap_or(line));
    let chunks: Vec<&str> = words.filter(|line| line.starts_with("chunk ")).collect();
    let said: Vec<String> = (1..=CHUNKS).map(|number| format!("chunk {number} of {CHUNKS}")).collect();
    assert_eq!(chunks, said, "each once and in order");
    // The same terminal goes on.
    attach.types("/say after the kill");
    attach.shows("agent: after the kill");
    fleet.down();
}
