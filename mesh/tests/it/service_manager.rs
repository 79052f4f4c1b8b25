//! What systemd hears of a daemon that it started.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::rig::end_in_order;

#[test]
fn the_service_manager_hears_that_it_is_ready_lives_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let heard = |word: &str| {
        let mut message = [0; 1024];
        while {
            let length = manager.recv(&mut message).unwrap_or_else(|error| panic!("{word}: {error}"));
            !std::str::from_utf8(&message[..length]).unwrap().lines().any(|line| line == word)
        } {}
    };
    let state = folder.path().join("state");
    let daemon = Command::new(env!("CARGO_BIN_EXE_mc-mesh"))
        .arg("--state-dir")
        .arg(&state)
        .arg("run")
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "300000")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    heard("READY=1");
    let asked =
        Command::new(env!("CARGO_BIN_EXE_mc-mesh")).arg("--state-dir").arg(&state).arg("status").output();
    assert!(asked.unwrap().status.success(), "its door is open");
    for _ in 0..3 {
        heard("WATCHDOG=1");
    }
    let (status, _) = end_in_order(daemon);
    heard("STOPPING=1");
    assert!(status.success(), "{status}");
}
