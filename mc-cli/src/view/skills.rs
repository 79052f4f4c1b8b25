//! Skill bundles, and who has what.

use mc_api::Timestamp;
use mc_api::skill::{SkillBundle, SkillSync};

use super::{Fields, View, dash, either, size, when};
use crate::age::age;
use crate::table;

impl View for SkillBundle {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "STATE", "MISSION", "KLUSTER", "FILES", "AGE", "NOTE"],
            &["NAME", "STATE", "MISSION", "KLUSTER", "FILES", "SIZE", "AGE", "ID", "SHA256", "NOTE"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![
            self.name.clone(),
            self.state.to_string(),
            self.mission.to_string(),
            dash(self.kluster.as_ref()),
            self.file_count.to_string(),
        ];
        if wide {
            row.push(size(self.size_bytes));
        }
        row.push(age(self.created_at, now));
        if wide {
            row.extend([self.id.to_string(), self.sha256.clone()]);
        }
        row.push(self.note.clone());
        row
    }
    fn reference(&self) -> String {
        self.id.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        let removes = if self.removes.is_empty() { "-".to_owned() } else { self.removes.join(", ") };
        vec![
            ("Name", self.name.clone()),
            ("Id", self.id.to_string()),
            ("Mission", self.mission.to_string()),
            ("Kluster", dash(self.kluster.as_ref())),
            ("State", self.state.to_string()),
            ("Files", format!("{}, {}", self.file_count, size(self.size_bytes))),
            ("Takes out", removes),
            ("SHA-256", self.sha256.clone()),
            ("Signed", format!("by key {}", self.key_id)),
            ("Note", self.note.clone()),
            ("Version", self.version.to_string()),
            ("Created", format!("{} by {}", when(self.created_at, now), self.created_by)),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

/// A table of copies.
pub(crate) fn copies(copies: &[SkillSync], now: Timestamp) -> String {
    let rows = copies.iter().map(|copy| {
        vec![
            copy.session_id.map_or_else(|| copy.place.clone(), |session| session.to_string()),
            copy.state.to_string(),
            copy.effective_version.clone(),
            copy.wanted_version.clone(),
            copy.drift.to_string(),
            age(copy.reported_at, now),
        ]
    });
    table::render(&["PLACE", "STATE", "VERSION", "WANTED", "DRIFT", "SAID"], rows.collect(), false)
}
