//! `mc system broker-config` with a real server: what is written, again, and over what is somebody else's.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::server::Server;

#[test]
fn a_configuration_is_written_renewed_and_never_over_what_is_of_others() {
    let server = Server::start();
    let dir = server.dir.path().join("broker");
    let words = format!(
        "system broker-config --dir {} --listen 127.0.0.1:18883 --name mqtt.example.org --name 127.0.0.1",
        dir.display()
    );
    let written = server.json(&words);
    assert_eq!((&written["kind"], &written["revoked_nodes"]), (&json!("broker_config"), &json!(0)));
    let names: Vec<&str> =
        written["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["acl", "ca.crt", "server.key", "server.crt", "revoked.crl", "mosquitto.conf"]);
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    for name in &names {
        assert!(read(name).starts_with("# Made by mc system broker-config"), "{name}");
        let mode = std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if *name == "server.key" { 0o600 } else { 0o644 }, "{name}");
    }
    assert!(read("mosquitto.conf").contains(&format!("keyfile {}/server.key\n", dir.display())));
    assert!(written["next"].to_string().contains("MC_MQTT_BROKER_URL=mqtts://mqtt.example.org:18883"));

    let before = (read("server.key"), read("server.crt"), read("ca.crt"));
    server.json(&words);
    assert!(before.0 != read("server.key") && before.1 != read("server.crt"));
    assert_eq!(before.2, read("ca.crt"), "the authority stays");

    std::fs::write(dir.join("acl"), "topic readwrite #\n").unwrap();
    let key = read("server.key");
    let output = server.output(&words);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(read("acl") == "topic readwrite #\n" && read("server.key") == key, "nothing was written");
    server.json(&format!("{words} --force"));
    assert!(read("acl").contains("pattern write /tenants/%u/up/ev"));

    let output = server.output(&format!("system broker-config --dir {} --name a/b", dir.display()));
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let ledger = server.json("ledger log --action system.configure_broker");
    assert_eq!(
        ledger["items"].as_array().map(Vec::len),
        Some(3),
        "each use of the authority is in the ledger, and what was refused here is none: {ledger}"
    );
}
