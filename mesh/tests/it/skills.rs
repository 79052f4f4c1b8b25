//! Skills of sessions: there before the agent starts, newer before its next turn, never forged, never half.

use std::fs;
use std::path::PathBuf;

use mc_bundle::{File, Tree};

use crate::control_plane::{ControlPlane, Skills};
use crate::rig::eventually;
use crate::uplink::{Machine, session};

const MISSION: &str = "mis_0190abcd000000000000000000000000";
const FILES: [&str; 3] = ["deploy/SKILL.md", "deploy/run.sh", "review/SKILL.md"];

fn skills(version: &str) -> Skills {
    let mut tree = Tree::default();
    for path in FILES {
        let content = format!("{path} {version}").into_bytes();
        tree.insert(path, File { content, executable: path.ends_with("run.sh") }).unwrap();
    }
    let archive = tree.write();
    let sha256 = mc_bundle::sha256(&archive);
    Skills { mission: MISSION.to_owned(), version: version.to_owned(), sha256, archive, is_forged: false }
}

/// Where an agent of the session looks.
fn seen(machine: &Machine, id: &str, path: &str) -> PathBuf {
    machine.session_file(id, "work").join(".claude/skills").join(path)
}

fn text(machine: &Machine, id: &str, path: &str) -> Option<String> {
    fs::read_to_string(seen(machine, id, path)).ok()
}

#[test]
fn an_agent_starts_with_its_skills_and_has_newer_ones_in_its_next_turn() {
    let control_plane = ControlPlane::start();
    control_plane.memory().skills = Some(skills("m1-k0"));
    let mut machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    assert_eq!(text(&machine, &id, "deploy/SKILL.md").as_deref(), Some("deploy/SKILL.md m1-k0"));
    assert!(machine.session_file(&id, "work/.agents/skills/review/SKILL.md").exists());
    let report = eventually("report", || control_plane.memory().skill_reports.last().cloned());
    assert_eq!((report.session.as_str(), report.version.as_str()), (id.as_str(), "m1-k0"));
    assert_eq!(report.mission, MISSION);

    // Another session has the same without another download.
    let other = session(&control_plane, &machine, "agent");
    assert!(text(&machine, &other, "review/SKILL.md").is_some());
    assert_eq!(control_plane.memory().skill_archives, 1);

    // What the agent changes is told, and stays when newer skills come.
    let mine = fs::canonicalize(seen(&machine, &id, "deploy/SKILL.md")).unwrap();
    fs::write(&mine, "mine").unwrap();
    fs::write(mine.with_file_name("own.md"), "own").unwrap();
    let report = eventually("drift", || {
        let memory = control_plane.memory();
        memory.skill_reports.iter().rfind(|report| !report.changed.is_empty()).cloned()
    });
    assert_eq!(
        (report.changed, report.added),
        (vec!["deploy/SKILL.md".to_owned()], vec!["deploy/own.md".to_owned()])
    );
    control_plane.memory().skills = Some(skills("m2-k0"));
    control_plane.send(control_plane.prompt(&id, "t1", "/say hello"));
    machine.wait_turns(&control_plane, &id, 1);
    assert_eq!(text(&machine, &id, "deploy/SKILL.md").as_deref(), Some("deploy/SKILL.md m2-k0"));
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");

    // A new daemon goes on with what is there.
    machine.kill_daemon();
    machine.start_daemon();
    control_plane.send(control_plane.prompt(&id, "t2", "/say again"));
    machine.wait_turns(&control_plane, &id, 2);
    assert_eq!(text(&machine, &id, "deploy/SKILL.md").as_deref(), Some("deploy/SKILL.md m2-k0"));
    assert_eq!(control_plane.memory().skill_archives, 2);
}

#[test]
fn forged_skills_reach_no_agent_and_hold_up_no_turn() {
    let control_plane = ControlPlane::start();
    control_plane.memory().skills = Some(Skills { is_forged: true, ..skills("m1-k0") });
    let machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    control_plane.send(control_plane.prompt(&id, "t1", "/say hello"));
    machine.wait_turns(&control_plane, &id, 1);
    assert!(text(&machine, &id, "deploy/SKILL.md").is_none());
    assert!(!machine.session_file(&id, "skills/current").exists());
    assert!(
        machine.log().contains("its signature") || machine.log().contains("their signature"),
        "{}",
        machine.log()
    );
    // An archive that is another than the one that was signed.
    let mut other = skills("m1-k0");
    other.archive = skills("m9-k9").archive;
    control_plane.memory().skills = Some(other);
    control_plane.send(control_plane.prompt(&id, "t2", "/say hello"));
    machine.wait_turns(&control_plane, &id, 2);
    assert!(text(&machine, &id, "deploy/SKILL.md").is_none());
    control_plane.memory().skills = Some(skills("m1-k0"));
    control_plane.send(control_plane.prompt(&id, "t3", "/say hello"));
    machine.wait_turns(&control_plane, &id, 3);
    assert!(text(&machine, &id, "deploy/SKILL.md").is_some());
}

#[test]
fn a_daemon_that_is_killed_again_and_again_leaves_whole_skills() {
    let control_plane = ControlPlane::start();
    control_plane.memory().skills = Some(skills("m1-k0"));
    let mut machine = Machine::start(&control_plane, &[]);
    let id = session(&control_plane, &machine, "agent");
    for round in 2..10 {
        let version = format!("m{round}-k0");
        control_plane.memory().skills = Some(skills(&version));
        control_plane.send(control_plane.prompt(&id, &format!("t{round}"), "/say hello"));
        std::thread::sleep(std::time::Duration::from_millis(3 * round));
        machine.kill_daemon();
        // Whatever the moment was: the files of one version, all of them.
        let found: Vec<String> = FILES.iter().map(|path| text(&machine, &id, path).unwrap()).collect();
        let version = found[0].rsplit(' ').next().unwrap().to_owned();
        for (path, found) in FILES.iter().zip(&found) {
            assert_eq!(*found, format!("{path} {version}"));
        }
        machine.start_daemon();
        machine.wait_turns(&control_plane, &id, usize::try_from(round).unwrap() - 1);
    }
    assert_eq!(text(&machine, &id, "deploy/SKILL.md").as_deref(), Some("deploy/SKILL.md m9-k0"));
    let folder = machine.session_file(&id, "skills");
    let names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(!names.iter().any(|name| name.starts_with(".staging-")), "{names:?}");
}
