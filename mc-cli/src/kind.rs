//! Kinds of object, by any of their names, and `KIND/REF`.

use std::str::FromStr;

/// A kind of object that `get` and its like know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mission.
    Mission,
    /// A kluster.
    Kluster,
    /// A task.
    Task,
    /// An artifact.
    Artifact,
    /// A doc.
    Doc,
    /// A version of a skill bundle.
    Skill,
    /// An approval.
    Approval,
    /// A publication.
    Publication,
    /// A path reservation.
    Reservation,
    /// An agent session.
    Session,
    /// A turn.
    Turn,
    /// A principal.
    Principal,
    /// A node.
    Node,
    /// A suggestion of overlapping work.
    Overlap,
    /// A task template.
    Template,
    /// A join token.
    JoinToken,
    /// A connection to Git repositories.
    Connection,
    /// A binding of a mission to a repository.
    Binding,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Mission,
        Self::Kluster,
        Self::Task,
        Self::Artifact,
        Self::Doc,
        Self::Skill,
        Self::Approval,
        Self::Publication,
        Self::Reservation,
        Self::Session,
        Self::Turn,
        Self::Principal,
        Self::Node,
        Self::Overlap,
        Self::Template,
        Self::JoinToken,
        Self::Connection,
        Self::Binding,
    ];

    /// Singular, plural and short name.
    pub const fn names(self) -> [&'static str; 3] {
        match self {
            Self::Mission => ["mission", "missions", "mis"],
            Self::Kluster => ["kluster", "klusters", "klu"],
            Self::Task => ["task", "tasks", "t"],
            Self::Artifact => ["artifact", "artifacts", "art"],
            Self::Doc => ["doc", "docs", "d"],
            Self::Skill => ["skill", "skills", "skl"],
            Self::Approval => ["approval", "approvals", "apr"],
            Self::Publication => ["publication", "publications", "pub"],
            Self::Reservation => ["reservation", "reservations", "rsv"],
            Self::Session => ["session", "sessions", "ses"],
            Self::Turn => ["turn", "turns", "trn"],
            Self::Principal => ["principal", "principals", "prn"],
            Self::Node => ["node", "nodes", "no"],
            Self::Overlap => ["overlap", "overlaps", "ovl"],
            Self::Template => ["template", "templates", "tpl"],
            Self::JoinToken => ["join_token", "join-tokens", "jt"],
            Self::Connection => ["connection", "connections", "con"],
            Self::Binding => ["binding", "bindings", "bnd"],
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.names()[0])
    }
}

impl FromStr for Kind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |name: &str| name.to_ascii_lowercase().replace('_', "-");
        let wanted = plain(text);
        let is_meant = |kind: &Self| kind.names().iter().any(|name| plain(name) == wanted);
        Self::ALL.iter().copied().find(is_meant).ok_or_else(|| {
            let names: Vec<String> =
                Self::ALL.iter().map(|k| format!("{} ({})", k.names()[1], k.names()[2])).collect();
            format!("no such kind; there are: {}", names.join(", "))
        })
    }
}

/// `KIND` or `KIND/REF`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind.
    pub kind: Kind,
    /// The part behind the slash.
    pub reference: Option<String>,
}

impl FromStr for Target {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            None => Ok(Self { kind: text.parse()?, reference: None }),
            Some((_, "")) => Err("a reference is missing behind the slash".into()),
            Some((kind, reference)) => {
                Ok(Self { kind: kind.parse()?, reference: Some(reference.to_owned()) })
            }
        }
    }
}

/// Runs a body with the type alias `$R` for the resource of a kind.
#[macro_export]
macro_rules! for_kind {
    ($kind:expr, $R:ident => $body:expr) => {
        match $kind {
            $crate::kind::Kind::Mission => {
                type $R = mc_api::mission::Mission;
                $body
            }
            $crate::kind::Kind::Kluster => {
                type $R = mc_api::kluster::Kluster;
                $body
            }
            $crate::kind::Kind::Task => {
                type $R = mc_api::task::Task;
                $body
            }
            $crate::kind::Kind::Artifact => {
                type $R = mc_api::artifact::Artifact;
                $body
            }
            $crate::kind::Kind::Doc => {
                type $R = mc_api::doc::Doc;
                $body
            }
            $crate::kind::Kind::Skill => {
                type $R = mc_api::skill::SkillBundle;
                $body
            }
            $crate::kind::Kind::Approval => {
                type $R = mc_api::approval::Approval;
                $body
            }
            $crate::kind::Kind::Publication => {
                type $R = mc_api::publication::Publication;
                $body
            }
            $crate::kind::Kind::Reservation => {
                type $R = mc_api::reservation::Reservation;
                $body
            }
            $crate::kind::Kind::Session => {
                type $R = mc_api::session::AgentSession;
                $body
            }
            $crate::kind::Kind::Turn => {
                type $R = mc_api::session::Turn;
                $body
            }
            $crate::kind::Kind::Principal => {
                type $R = mc_api::auth::Principal;
                $body
            }
            $crate::kind::Kind::Node => {
                type $R = mc_api::node::Node;
                $body
            }
            $crate::kind::Kind::Overlap => {
                type $R = mc_api::overlap::OverlapSuggestion;
                $body
            }
            $crate::kind::Kind::Template => {
                type $R = mc_api::template::TaskTemplate;
                $body
            }
            $crate::kind::Kind::JoinToken => {
                type $R = mc_api::node::JoinToken;
                $body
            }
            $crate::kind::Kind::Connection => {
                type $R = mc_api::persistence::Connection;
                $body
            }
            $crate::kind::Kind::Binding => {
                type $R = mc_api::persistence::Binding;
                $body
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_client::Resource as _;

    #[test]
    fn every_name_means_one_kind() {
        let mut seen = std::collections::HashSet::new();
        for kind in Kind::ALL {
            for name in kind.names() {
                assert!(seen.insert(name), "{name} is used twice");
                assert_eq!(name.parse::<Kind>(), Ok(*kind));
                assert_eq!(name.to_uppercase().parse::<Kind>(), Ok(*kind));
            }
            let (kind_name, collection) = for_kind!(*kind, R => (R::KIND, R::COLLECTION));
            assert_eq!([kind_name, collection], kind.names()[..2]);
        }
        assert!("host".parse::<Kind>().unwrap_err().contains("tasks (t)"));
    }

    #[test]
    fn a_target_may_carry_its_reference() {
        let target: Target = "t/apollo-12".parse().unwrap();
        assert_eq!(target, Target { kind: Kind::Task, reference: Some("apollo-12".into()) });
        assert_eq!("mis".parse::<Target>().unwrap().reference, None);
        assert!("task/".parse::<Target>().is_err());
    }
}
