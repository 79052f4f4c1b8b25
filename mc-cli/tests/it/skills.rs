//! `mc skill` and `mc profile` with a real server, in real folders, killed at any moment.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::server::Server;

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn skills_are_pushed_brought_to_a_folder_and_looked_after() {
    let server = Server::start();
    server.mission();
    let dir = server.dir.path();
    let (source, work) = (dir.join("skills"), dir.join("clone"));
    write(&source.join("deploy/SKILL.md"), "ship\n");
    write(&source.join("old/SKILL.md"), "old\n");
    write(&source.join(".git/config"), "not of the bundle");
    let push = |folder: &Path, more: &str| {
        said(&server.output(&format!("skill push {} -m apollo {more}", folder.display())))
    };
    assert!(push(&source, "--publish").contains("m1 published, 2 files"));
    let own = dir.join("own");
    write(&own.join("deploy/SKILL.md"), "ship it here\n");
    assert!(push(&own, "-k work --remove old --publish").contains("k1 published, 1 files"));
    let shown = said(&server.output("skill effective -m apollo -k work"));
    assert!(shown.starts_with("m1-k1 ") && shown.contains("taken out: old/SKILL.md"), "{shown}");

    // A folder that has a skill of its own.
    write(&work.join(".claude/skills/mine/SKILL.md"), "mine");
    let sync = format!("skill sync {} -m apollo -k work", work.display());
    said(&server.output(&sync));
    let read = |path: &str| fs::read_to_string(work.join(path)).unwrap();
    assert_eq!(read(".agents/skills/deploy/SKILL.md"), "ship it here\n");
    assert_eq!(read(".claude/skills/deploy/SKILL.md"), "ship it here\n");
    assert_eq!(read(".claude/skills/mine/SKILL.md"), "mine");
    let drift = format!("skill drift {}", work.display());
    assert_eq!(server.json(&drift)["state"], "in_sync");

    write(&work.join(".agents/skills/deploy/SKILL.md"), "my own words\n");
    let changed = server.json(&drift);
    assert_eq!(
        (&changed["state"], &changed["drift"]["changed"][0]),
        (&"drifted".into(), &"deploy/SKILL.md".into())
    );
    assert_eq!(server.json("skill drift -m apollo")["items"][0]["state"], "drifted");
    assert_eq!(server.output(&sync).status.code(), Some(5), "changes are not left without a word");
    assert_eq!(read(".agents/skills/deploy/SKILL.md"), "my own words\n");
    let forced = server.output(&format!("{sync} --force"));
    assert!(String::from_utf8_lossy(&forced.stderr).contains("kept in"), "{forced:?}");
    assert_eq!(read(".agents/skills/deploy/SKILL.md"), "ship it here\n");
    let copies = fs::read_dir(work.join(".mc/skills")).unwrap().map(|entry| entry.unwrap().path());
    let kept = copies.filter(|copy| {
        fs::read_to_string(copy.join("deploy/SKILL.md")).is_ok_and(|text| text == "my own words\n")
    });
    assert_eq!(kept.filter(|copy| !copy.ends_with("current")).count(), 1);

    let diff = said(&server.output("skill diff m1 k1 -m apollo -k work"));
    assert!(diff.contains("-ship\n+ship it here\n") && diff.contains("+++ /dev/null"), "{diff}");
    let pulled = dir.join("pulled");
    let pull = format!("skill pull {} --from k1 -m apollo -k work", pulled.display());
    said(&server.output(&pull));
    assert_eq!(fs::read_to_string(pulled.join(".mc-remove")).unwrap(), "old\n");
    assert_eq!(server.output(&pull).status.code(), Some(2), "nothing is written over");
    assert!(push(&pulled, "-k work").contains("k1"), "what was pulled is what was pushed");
    let described = said(&server.output("describe skill m1 -m apollo"));
    assert!(described.contains("deploy/SKILL.md") && described.contains("skill.publish"), "{described}");
    said(&server.output("skill deprecate k1 -m apollo -k work"));
    assert!(said(&server.output("get skills -m apollo")).contains("deprecated"));
    assert_eq!(server.json(&drift)["state"], "outdated");

    symlink("/etc/passwd", source.join("deploy/link")).unwrap();
    let refused = server.output(&format!("skill push {} -m apollo", source.display()));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("deploy/link: a symbolic link"), "{refused:?}");
}

#[test]
fn what_was_changed_in_a_folder_becomes_the_next_version() {
    let server = Server::start();
    server.mission();
    let dir = server.dir.path();
    let (source, work) = (dir.join("skills"), dir.join("clone"));
    write(&source.join("deploy/SKILL.md"), "ship\n");
    write(&source.join("old/SKILL.md"), "old\n");
    said(&server.output(&format!("skill push {} -m apollo --publish", source.display())));
    fs::create_dir_all(&work).unwrap();
    let sync = format!("skill sync {} -m apollo -k work", work.display());
    said(&server.output(&sync));
    let promote = format!("skill promote {} --note learnt", work.display());
    assert_eq!(server.output(&promote).status.code(), Some(2), "nothing was changed");
    write(&work.join(".agents/skills/deploy/SKILL.md"), "ship slowly\n");
    write(&work.join(".mc/skills/current/new/SKILL.md"), "new\n");
    fs::remove_file(work.join(".mc/skills/current/old/SKILL.md")).unwrap();
    let made = said(&server.output(&promote));
    assert!(made.contains("k1 draft"), "{made}");
    said(&server.output("skill publish k1 -m apollo -k work"));
    let shown = said(&server.output("skill effective -m apollo -k work"));
    assert!(shown.starts_with("m1-k1 ") && shown.contains("taken out: old/SKILL.md"), "{shown}");
    assert!(shown.contains("new/SKILL.md"), "{shown}");
    // The folder is still what it was made of, and that holds no more.
    assert_eq!(server.output(&promote).status.code(), Some(5));
    said(&server.output(&format!("{sync} --force")));
    let text = fs::read_to_string(work.join(".claude/skills/deploy/SKILL.md")).unwrap();
    assert_eq!(text, "ship slowly\n");
}

#[test]
fn a_profile_is_chosen_and_pinned_for_every_machine() {
    let server = Server::start();
    let source = server.dir.path().join("mine");
    for text in ["one\n", "two\n"] {
        write(&source.join("AGENTS.md"), text);
        said(&server.output(&format!("profile push work --from {}", source.display())));
    }
    assert_eq!(server.output("profile use").status.code(), Some(4), "none is activated");
    said(&server.output("profile activate work"));
    assert!(said(&server.output("profile use")).contains("work version 2"));
    assert!(said(&server.output("profile pin work --at 1")).contains("pinned to version 1"));
    let status = server.json("profile status --remote");
    assert_eq!(
        (&status["remote"]["state"], &status["remote"]["given_version"]),
        (&"outdated".into(), &1.into())
    );
    assert!(said(&server.output("profile pull")).contains("version 1"));
    assert_eq!(server.json("profile status --remote")["remote"]["state"], "in_sync");
    assert!(said(&server.output("profile pin --none")).contains("newest"));
    assert!(said(&server.output("profile pull")).contains("version 2"));
    assert!(said(&server.output("profile pin")).contains("pinned to version 2"));
}

#[test]
fn a_profile_is_carried_changed_and_never_lost() {
    let server = Server::start();
    let dir = server.dir.path();
    let source = dir.join("mine");
    write(&source.join("AGENTS.md"), "one\n");
    let from = source.display();
    assert!(said(&server.output(&format!("profile push work --from {from}"))).contains("stored, version 1"));
    write(&source.join("AGENTS.md"), "other\n");
    said(&server.output(&format!("profile push home --from {from}")));
    assert_eq!(server.output("profile path").status.code(), Some(4));
    said(&server.output("profile use work"));
    let path = || said(&server.output("profile path")).trim().to_owned();
    let first = path();
    let text = |folder: &str| fs::read_to_string(Path::new(folder).join("AGENTS.md")).unwrap();
    assert_eq!(text(&first), "one\n");
    // Whoever began with it keeps it.
    said(&server.output("profile use home"));
    assert_eq!((text(&path()).as_str(), text(&first).as_str()), ("other\n", "one\n"));

    said(&server.output("profile use work"));
    write(&Path::new(&path()).join("AGENTS.md"), "changed\n");
    for leaving in ["profile use home", "profile pull"] {
        assert_eq!(server.output(leaving).status.code(), Some(5), "{leaving}");
    }
    assert_eq!(server.json("profile status")["drift"]["changed"][0], "AGENTS.md");
    assert!(said(&server.output("profile push")).contains("version 2"));
    assert!(said(&server.output("profile status")).contains("no drift"));
    let listed = server.json("profile list");
    let work = listed["items"].as_array().unwrap().iter().find(|one| one["name"] == "work").unwrap();
    assert_eq!((&work["local_version"], &work["active"]), (&2.into(), &true.into()));

    // Somebody else, which is oneself elsewhere, pushed a newer one.
    write(&source.join("AGENTS.md"), "three\n");
    said(&server.output(&format!("profile push work --from {from}")));
    let here = path();
    write(&Path::new(&here).join("AGENTS.md"), "mine\n");
    assert_eq!(server.output("profile push").status.code(), Some(5));
    let forced = server.output("profile pull --force");
    assert!(String::from_utf8_lossy(&forced.stderr).contains(&here), "{forced:?}");
    assert_eq!((text(&path()).as_str(), text(&here).as_str()), ("three\n", "mine\n"));
}

#[test]
fn many_who_switch_at_once_and_kills_leave_a_whole_profile() {
    let server = Server::start();
    let dir = server.dir.path();
    for name in ["red", "blue"] {
        let source = dir.join(name);
        for file in 0..40 {
            write(&source.join(format!("f{file}.md")), name);
        }
        said(&server.output(&format!("profile push {name} --from {}", source.display())));
    }
    said(&server.output("profile use red"));
    let active = dir.join("profiles/active");
    let check = || {
        // The folder that the link shows at one moment, as a session that begins now opens it.
        let folder = active.canonicalize().unwrap();
        let first = fs::read_to_string(folder.join("f0.md")).unwrap();
        for file in 0..40 {
            assert_eq!(fs::read_to_string(folder.join(format!("f{file}.md"))).unwrap(), first);
        }
    };
    let spawn = |name: &str| -> std::process::Child {
        let mut command: Command = server.mc(&format!("profile use {name}"));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for round in 0..12_u64 {
        // New copies are made, not only links changed.
        said(&server.output("profile prune"));
        let mut running: Vec<_> = ["red", "blue", "red", "blue"].map(spawn).into();
        std::thread::sleep(std::time::Duration::from_millis(4 * round));
        check();
        for child in running.iter_mut().step_by(2) {
            child.kill().unwrap();
        }
        for mut child in running {
            child.wait().unwrap();
        }
        check();
    }
    said(&server.output("profile use blue"));
    check();
    let names = fs::read_dir(dir.join("profiles")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".staging-")).collect();
    assert!(left.is_empty(), "{left:?}");
}
