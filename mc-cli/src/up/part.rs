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

    /// Program and arguments; the node joins with the token in `join`.
    pub(super) fn command(
        self,
        folder: &Folder,
        programs: &Programs,
        settings: Settings,
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
                let mqtt = if settings.has_broker { "none".to_owned() } else { settings.mqtt.to_string() };
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
