//! The two parts that the supervisor keeps alive.

use std::ffi::OsString;
use std::path::PathBuf;

use super::folder::Folder;
use super::process::{Process, lock_holder};
use super::programs::Programs;
use super::settings::Settings;

/// A part of the installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `mc-controlplane`.
    ControlPlane,
    /// `mc-mesh`, the local node.
    Mesh,
}

impl Part {
    /// Both, in the order in which they start.
    pub(super) const ALL: [Self; 2] = [Self::ControlPlane, Self::Mesh];

    /// Name of its files.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::ControlPlane => "controlplane",
            Self::Mesh => "mesh",
        }
    }

    /// For people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::ControlPlane => "control plane",
            Self::Mesh => "node",
        }
    }

    /// The lock that it holds while it lives.
    pub(super) fn lock(self, folder: &Folder) -> PathBuf {
        match self {
            Self::ControlPlane => folder.file("controlplane.lock"),
            Self::Mesh => folder.file("node/mesh.lock"),
        }
    }

    /// Its living process, by pid file or lock, when this installation started it.
    pub(super) fn living(self, folder: &Folder) -> Option<Process> {
        Process::read_marked(&folder.pid_file(self.name()), folder)
            .or_else(|| lock_holder(&self.lock(folder)).filter(|process| process.is_marked(folder)))
    }

    /// Program and arguments. With `has_broker` the environment that the program gets names another MQTT broker, and
    /// the program listens for none; the node joins with the token in `join`.
    pub(super) fn command(
        self,
        folder: &Folder,
        programs: &Programs,
        settings: Settings,
        has_broker: bool,
        join: Option<PathBuf>,
    ) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        match self {
            Self::ControlPlane => {
                words.extend([
                    programs.controlplane.clone().into(),
                    "--data-dir".into(),
                    folder.dir().into(),
                ]);
                words.extend(["--http".into(), settings.http.to_string().into()]);
                words.extend(["--grpc".into(), settings.grpc.to_string().into()]);
                let mqtt = if has_broker { "none".to_owned() } else { settings.mqtt.to_string() };
                words.extend(["--mqtt".into(), mqtt.into()]);
            }
            Self::Mesh => {
                words.extend([
                    programs.mesh.clone().into(),
                    "run".into(),
                    "--state".into(),
                    folder.node().into(),
                ]);
                words.extend(["--server".into(), settings.node_url().into()]);
                words.extend(join.into_iter().flat_map(|file| ["--join-token-file".into(), file.into()]));
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_listens_for_mqtt_unless_another_broker_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::open(dir.path()).unwrap().unwrap();
        let programs = Programs { controlplane: "cp".into(), mesh: "mesh".into() };
        // As an earlier version kept it, which said here whether there is another one.
        let kept = r#"{"http":"127.0.0.1:1","grpc":"127.0.0.1:2","mqtt":"127.0.0.1:3","has_broker":true}"#;
        let settings: Settings = serde_json::from_str(kept).unwrap();
        for (has_broker, mqtt) in [(false, "127.0.0.1:3"), (true, "none")] {
            let words = Part::ControlPlane.command(&folder, &programs, settings, has_broker, None);
            assert!(words.ends_with(&["--mqtt".into(), mqtt.into()]), "{words:?}");
        }
    }
}
