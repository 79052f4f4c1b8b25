//! Packs: one file that carries a mission from one installation to another.
//!
//! A pack is JSON lines. Each line is `{"sha256":"…","record":{…}}`: the digest is that of the record's exact bytes, the
//! record one of [`Record`]. The last one is [`Record::End`] with the digest over all digests before it, which is the
//! digest of the pack. The same state gives the same bytes; nothing in it says when or by whom it was written.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::artifact::Artifact;
use crate::doc::{Doc, DocVersion};
use crate::id::MissionId;
use crate::kluster::Kluster;
use crate::mission::Mission;
use crate::overlap::OverlapSuggestion;
use crate::persistence::{Binding, PublicationPolicy};
use crate::task::Task;
use crate::template::TaskTemplate;
use crate::{FieldError, Name};

/// What [`Record::Pack`] says a pack is.
pub const FORMAT: &str = "missioncontrol.dev/pack";
/// The version that is written.
pub const VERSION: u32 = 1;
/// The media type.
pub const MEDIA_TYPE: &str = "application/x-ndjson";
/// The longest line, in bytes, without its end.
pub const MAX_LINE_BYTES: usize = 4 << 20;
/// The bytes of content in one [`Record::Chunk`]; only the last of a content has fewer.
pub const CHUNK_BYTES: usize = 192 << 10;

crate::text_enum! {
    /// What happens to texts that look like a credential.
    #[derive(Default)]
    pub enum SecretsMode {
        /// The export is refused, and each of them named.
        #[default]
        Refuse = "refuse",
        /// They are replaced by a marker.
        Scrub = "scrub",
        /// They stay; for Admin only.
        Keep = "keep",
    }
}

/// A task's id elsewhere, as an import of tasks left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Where ids are unique.
    pub source: String,
    /// The id there.
    pub external_id: String,
    /// SHA-256 of what the row said.
    pub row_sha256: String,
}

/// One line of a pack. Ids are those of the installation that wrote it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Record {
    /// The first.
    Pack {
        /// [`FORMAT`].
        format: String,
        /// [`VERSION`].
        version: u32,
        /// The mission's name.
        mission: Name,
    },
    /// The second.
    Mission {
        /// The mission.
        object: Box<Mission>,
        /// Who made it, by name.
        by: String,
        /// Task numbers go on here.
        next_number: i64,
        /// What it publishes where; absent when nothing was set.
        policy: Option<Box<PublicationPolicy>>,
    },
    /// A kluster.
    Kluster {
        /// The kluster.
        object: Box<Kluster>,
        /// Who made it.
        by: String,
    },
    /// A version of a template, ascending.
    Template {
        /// The template with this version.
        object: Box<TaskTemplate>,
        /// Who made the template.
        by: String,
        /// Who wrote the version.
        author: String,
    },
    /// A task. Nobody holds it: claims stay where they are.
    Task {
        /// The task.
        object: Box<Task>,
        /// Who made it.
        by: String,
        /// Its ids elsewhere.
        external: Vec<External>,
    },
    /// A part of the content of the next record that is none.
    Chunk {
        /// Where it begins, in bytes.
        at: i64,
        /// The bytes.
        base64: String,
    },
    /// An artifact; its content stands before it, or before another record that names the same digest.
    Artifact {
        /// The artifact.
        object: Box<Artifact>,
        /// Who stored it.
        by: String,
    },
    /// A doc, also a keystone; its versions follow.
    Doc {
        /// The doc.
        object: Box<Doc>,
        /// Who made it.
        by: String,
    },
    /// A version of the doc before, ascending from 1; its text stands before it, as for an artifact.
    DocVersion {
        /// The version.
        object: DocVersion,
        /// Who wrote it.
        by: String,
    },
    /// A binding, without anything secret.
    Binding {
        /// The binding.
        object: Box<Binding>,
        /// Where its connection leads.
        url: String,
        /// Who made it.
        by: String,
    },
    /// A suggestion about two objects of the mission, with its decision.
    Overlap {
        /// The suggestion.
        object: Box<OverlapSuggestion>,
        /// Who decided.
        by: Option<String>,
    },
    /// Who owns a field.
    Owner {
        /// The id of the object.
        subject: String,
        /// The field.
        field: String,
        /// The manager.
        manager: String,
        /// How it came to it: `apply` or `update`.
        operation: String,
    },
    /// The last.
    End {
        /// How many records stand before.
        records: i64,
        /// SHA-256 over their digests, as they are written, one after the other.
        sha256: String,
    },
}

impl Record {
    /// What it is about, for people.
    pub fn entry(&self) -> String {
        match self {
            Self::Pack { .. } => "header".into(),
            Self::Mission { object, .. } => format!("mission {}", object.name),
            Self::Kluster { object, .. } => format!("kluster {}", object.name),
            Self::Template { object, .. } => format!("template {} version {}", object.name, object.number),
            Self::Task { object, .. } => format!("task {}", object.key),
            Self::Chunk { at, .. } => format!("content from byte {at}"),
            Self::Artifact { object, .. } => format!("artifact {} ({})", object.id, object.name),
            Self::Doc { object, .. } => match &object.kluster {
                Some(kluster) => format!("doc {kluster}/{}", object.name),
                None => format!("doc {}", object.name),
            },
            Self::DocVersion { object, .. } => format!("version {} of {}", object.number, object.doc_id),
            Self::Binding { object, .. } => format!("binding {}", object.name),
            Self::Overlap { object, .. } => format!("overlap {}", object.id),
            Self::Owner { subject, field, .. } => format!("owner of {field} of {subject}"),
            Self::End { .. } => "end".into(),
        }
    }

    /// Where it stands: records come in this order.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Pack { .. } => 0,
            Self::Mission { .. } => 1,
            Self::Kluster { .. } => 2,
            Self::Template { .. } => 3,
            Self::Task { .. } => 4,
            // A chunk stands before an artifact or a version.
            Self::Artifact { .. } | Self::Chunk { .. } => 5,
            Self::Doc { .. } | Self::DocVersion { .. } => 6,
            Self::Binding { .. } => 7,
            Self::Overlap { .. } => 8,
            Self::Owner { .. } => 9,
            Self::End { .. } => 10,
        }
    }
}

/// How many of each sort are in a pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackCounts {
    /// Klusters.
    pub klusters: i64,
    /// Templates.
    pub templates: i64,
    /// Tasks.
    pub tasks: i64,
    /// Artifacts.
    pub artifacts: i64,
    /// Docs, keystones among them.
    pub docs: i64,
    /// Versions of docs.
    pub doc_versions: i64,
    /// Bindings.
    pub bindings: i64,
    /// Suggestions of overlapping work.
    pub overlaps: i64,
    /// Bytes of contents, each once.
    pub content_bytes: i64,
}

/// How an export is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ExportMission {
    /// What happens to texts that look like a credential; default `refuse`.
    #[serde(default)]
    pub secrets: Option<SecretsMode>,
    /// Answer what would be in the pack instead of the pack.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

/// A pack as it was written, or would be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Pack {
    /// Always `pack`.
    pub kind: String,
    /// The mission.
    pub mission_id: MissionId,
    /// Its name.
    pub mission: Name,
    /// The digest of the pack.
    pub sha256: String,
    /// Its length.
    pub size_bytes: i64,
    /// What is in it.
    pub counts: PackCounts,
    /// What looks like a credential, where: never the text itself. At most 100.
    pub secrets: Vec<FieldError>,
    /// How many there are.
    pub secrets_found: i64,
    /// What is left out.
    pub notes: Vec<String>,
}

/// Which mission's pack is looked at before it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InspectExport {
    /// Mission id or name.
    pub mission: String,
}

/// How a pack is imported; the body of the request is the pack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ImportPack {
    /// The name of the new mission; default: the one in the pack.
    #[serde(default)]
    pub name: Option<Name>,
    /// Verify it and say what would be made, keep nothing.
    #[serde(default)]
    pub dry_run: Option<bool>,
}

crate::text_enum! {
    /// What an import came to.
    pub enum ImportResult {
        /// Everything was made.
        Created = "created",
        /// The mission of this name was made of this very pack before.
        Unchanged = "unchanged",
        /// Nothing was kept.
        DryRun = "dry_run",
    }
}

/// What an import came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImportedPack {
    /// Always `imported_pack`.
    pub kind: String,
    /// What it came to.
    pub result: ImportResult,
    /// The digest of the pack.
    pub sha256: String,
    /// The new mission; absent for a dry run.
    pub mission_id: Option<MissionId>,
    /// Its name.
    pub mission: Name,
    /// The prefix of its task keys; absent for a dry run.
    pub key_prefix: Option<String>,
    /// What is in the pack.
    pub counts: PackCounts,
    /// What is not as it was.
    pub notes: Vec<String>,
}
