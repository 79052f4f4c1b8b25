//! Connections and bindings.

use mc_api::Timestamp;
use mc_api::persistence::{Binding, Connection};

use super::{Fields, View, dash, either, labels, when};
use crate::age::age;

impl View for Connection {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "KIND", "URL", "AGE"],
            &["NAME", "KIND", "URL", "AGE", "USER", "CREDENTIAL", "HOST KEY", "ID"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let kind = self.connection_kind.to_string();
        let mut row = vec![self.name.to_string(), kind, self.url.clone(), age(self.created_at, now)];
        if wide {
            row.extend([
                dash(self.username.as_ref()),
                self.credential_kind.to_string(),
                dash(self.host_key_sha256.as_ref()),
                self.id.to_string(),
            ]);
        }
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Kind", self.connection_kind.to_string()),
            ("URL", self.url.clone()),
            ("User", dash(self.username.as_ref())),
            ("Credential", self.credential_kind.to_string()),
            ("Certificates", if self.ca_certificate.is_some() { "own" } else { "the system's" }.to_owned()),
            ("Host key", dash(self.host_key_sha256.as_ref())),
            ("Labels", labels(&self.labels)),
            ("Created", format!("by {}, {}", self.created_by, when(self.created_at, now))),
            ("Changed", when(self.updated_at, now)),
        ]
    }
}

impl View for Binding {
    fn columns(wide: bool) -> Vec<&'static str> {
        either(
            &["NAME", "MISSION", "CONNECTION", "REPOSITORY", "BRANCH", "AGE"],
            &["NAME", "MISSION", "CONNECTION", "REPOSITORY", "BRANCH", "AGE", "BASE PATH", "ID"],
            wide,
        )
    }
    fn row(&self, now: Timestamp, wide: bool) -> Vec<String> {
        let mut row = vec![
            self.name.to_string(),
            self.mission.to_string(),
            self.connection.to_string(),
            self.repository.clone(),
            self.branch.clone(),
            age(self.created_at, now),
        ];
        if wide {
            row.extend([self.base_path.clone(), self.id.to_string()]);
        }
        row
    }
    fn reference(&self) -> String {
        self.name.to_string()
    }
    fn fields(&self, now: Timestamp) -> Fields {
        vec![
            ("Name", self.name.to_string()),
            ("Id", self.id.to_string()),
            ("Mission", self.mission.to_string()),
            ("Connection", self.connection.to_string()),
            ("Repository", self.repository.clone()),
            ("Branch", self.branch.clone()),
            ("Base path", if self.base_path.is_empty() { "-".to_owned() } else { self.base_path.clone() }),
            ("Created", format!("by {}, {}", self.created_by, when(self.created_at, now))),
        ]
    }
}
