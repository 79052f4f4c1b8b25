//! `mc artifact download`: what an interrupted call left is taken up, and nothing wrong is ever kept.

use crate::server::Server;

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_interrupted_download_is_taken_up_and_wrong_bytes_are_thrown_away() {
    let server = Server::start();
    server.mission();
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251).to_le_bytes()[0]).collect();
    let (from, to) = (server.dir.path().join("from"), server.dir.path().join("to.bin"));
    std::fs::write(&from, &content).unwrap();
    let artifact = server.json(&format!("artifact put {} --name big.bin -m apollo", from.display()));
    let digest = &artifact["sha256"].as_str().unwrap()[..16];
    let partial = server.dir.path().join(format!(".to.bin.{digest}.mc-part"));
    let download = format!("artifact download big.bin -m apollo --file {}", to.display());

    std::fs::write(&partial, &content[..1_234_567]).unwrap();
    let resumed = server.output(&download);
    assert!(resumed.status.success(), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("1234567 of 3000000 bytes are here already"), "{}", stderr(&resumed));
    assert!(stderr(&resumed).contains("1765433 bytes in"), "{}", stderr(&resumed));
    assert!(std::fs::read(&to).unwrap() == content && !partial.exists());
    let id = artifact["id"].as_str().unwrap();
    let log = server.output(&format!("ledger log --subject {id} --action artifact.download -o json"));
    let log = String::from_utf8(log.stdout).unwrap();
    assert_eq!(log.matches("\"artifact.download\"").count(), 1, "{log}");

    // Left by something else: the digest tells, the old file stays, and the next call starts anew.
    std::fs::write(&partial, vec![1; 1000]).unwrap();
    let wrong = server.output(&download);
    assert!(!wrong.status.success() && stderr(&wrong).contains("SHA-256"), "{}", stderr(&wrong));
    assert!(std::fs::read(&to).unwrap() == content && !partial.exists());
    std::fs::write(&partial, vec![1; 4_000_000]).unwrap();
    let longer = server.output(&download);
    assert!(longer.status.success(), "longer than the artifact: {}", stderr(&longer));
    assert!(std::fs::read(&to).unwrap() == content);

    // Two at once would write into each other.
    let held = std::fs::File::create(&partial).unwrap();
    held.lock().unwrap();
    let busy = server.output(&download);
    assert_eq!(busy.status.code(), Some(5), "{}", stderr(&busy));
    drop(held);
    // The older name, and standard output.
    let plain = server.output("artifact get big.bin -m apollo");
    assert!(plain.status.success() && plain.stdout == content);
}

#[test]
fn a_url_is_printed_and_its_life_is_bounded() {
    let server = Server::start();
    server.mission();
    let from = server.dir.path().join("from");
    std::fs::write(&from, "hello").unwrap();
    server.json(&format!("artifact put {} --name f -m apollo", from.display()));
    let printed = server.output("artifact download f -m apollo --url --expires 10m");
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.starts_with(&server.url()) && text.contains("/signed-content?expires="), "{text}");
    let url = server.json("artifact download f -m apollo --url");
    assert_eq!((url["kind"].as_str(), url["size_bytes"].as_i64()), (Some("download_url"), Some(5)));
    assert_eq!(server.output("artifact download f -m apollo --url --expires 2h").status.code(), Some(2));
    assert_eq!(server.output("artifact download f -m apollo --expires 1m").status.code(), Some(2));
    assert_eq!(server.output("artifact download f -m apollo --url --file x").status.code(), Some(2));
}
