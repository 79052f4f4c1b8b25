//! What the supervisor says about its parts (`run/status.json`).

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::folder::{self, Folder};
use super::part::Part;

/// All parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Status {
    /// The control plane.
    pub(super) controlplane: PartStatus,
    /// The node.
    pub(super) mesh: PartStatus,
}

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartStatus {
    /// Its process, while it lives.
    pub(super) pid: Option<i32>,
    /// Found alive instead of started.
    pub(super) adopted: bool,
    /// How often it ended since this supervisor began.
    pub(super) ends: u32,
    /// How it ended the last time.
    pub(super) last_end: Option<String>,
}

impl Status {
    /// What is in the file; nothing when there is none.
    pub(super) fn read(folder: &Folder) -> Self {
        folder::read_json(&folder.file("run/status.json")).unwrap_or_default()
    }

    /// One part's.
    pub(super) const fn of(&self, part: Part) -> &PartStatus {
        match part {
            Part::ControlPlane => &self.controlplane,
            Part::Mesh => &self.mesh,
        }
    }
}

/// The supervisor's own copy.
pub(super) struct Board<'a> {
    folder: &'a Folder,
    status: RefCell<Status>,
}

impl<'a> Board<'a> {
    /// An empty one, written at once so that an older supervisor's is gone.
    pub(super) fn new(folder: &'a Folder) -> anyhow::Result<Self> {
        let board = Self { folder, status: RefCell::default() };
        board.write()?;
        Ok(board)
    }

    /// Changes one part's entry.
    pub(super) fn change(&self, part: Part, change: impl FnOnce(&mut PartStatus)) -> anyhow::Result<()> {
        {
            let mut status = self.status.borrow_mut();
            change(match part {
                Part::ControlPlane => &mut status.controlplane,
                Part::Mesh => &mut status.mesh,
            });
        }
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        folder::write_json(&self.folder.file("run/status.json"), &*self.status.borrow())
    }
}
