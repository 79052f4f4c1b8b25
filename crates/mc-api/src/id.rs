//! Typed ids: `<prefix>_` and 32 lowercase hex digits of a UUIDv7, so that ids sort by creation time.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `{prefix}_` and 32 lowercase hex digits")]
pub struct InvalidId {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, InvalidId> {
    let hex =
        text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(InvalidId { prefix })?;
    let canonical = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !canonical {
        return Err(InvalidId { prefix });
    }
    Uuid::try_parse(hex).map_err(|_| InvalidId { prefix })
}

macro_rules! id_type {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of this kind of id.
            pub const PREFIX: &'static str = $prefix;
            /// Wraps a raw UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
            /// The UUID inside.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&format!(concat!($prefix, "_{}"), self.0.as_simple()))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{self}")
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse($prefix, text).map(Self)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }
        impl utoipa::ToSchema for $name {}

        #[cfg(feature = "sqlx")]
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            Uuid: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <Uuid as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <Uuid as sqlx::Type<DB>>::compatible(ty)
            }
        }
        #[cfg(feature = "sqlx")]
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            Uuid: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buf: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                self.0.encode_by_ref(buf)
            }
        }
        #[cfg(feature = "sqlx")]
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            Uuid: sqlx::Decode<'r, DB>,
        {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                <Uuid as sqlx::Decode<'r, DB>>::decode(value).map(Self)
            }
        }
    };
}

id_type!(/** An organization: the outermost owner of everything. */ OrganizationId, "org");
id_type!(/** A mission. */ MissionId, "mis");
id_type!(/** A kluster: a group of tasks and knowledge inside a mission. */ KlusterId, "klu");
id_type!(/** A task. */ TaskId, "task");
id_type!(/** A task template. */ TemplateId, "tpl");
id_type!(/** An agent session. */ SessionId, "ses");
id_type!(/** A run of an agent session for a claim. */ RunId, "run");
id_type!(/** A turn: one prompt and its reply. */ TurnId, "turn");
id_type!(/** An approval. */ ApprovalId, "apr");
id_type!(/** An artifact. */ ArtifactId, "art");
id_type!(/** A doc. */ DocId, "doc");
id_type!(/** A workspace: a kluster checked out under a lease. */ WorkspaceId, "wsp");
id_type!(/** A node. */ NodeId, "node");
id_type!(/** A ledger event. */ EventId, "evt");
id_type!(/** A principal: any acting subject. */ PrincipalId, "prn");
id_type!(/** A login session or another token. */ TokenId, "tok");
id_type!(/** A suggestion of overlapping work. */ OverlapId, "ovl");
id_type!(/** A publication batch. */ BatchId, "bat");
id_type!(/** A path reservation. */ ReservationId, "rsv");
id_type!(/** A connection to where Git repositories are. */ ConnectionId, "con");
id_type!(/** A binding of a mission to a branch of a repository. */ BindingId, "bnd");
id_type!(/** A version of a skill bundle. */ SkillBundleId, "skl");
id_type!(/** What somebody has of the skills of a mission or kluster. */ SkillSyncId, "sks");
id_type!(/** A profile. */ ProfileId, "prf");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_prefix_and_32_lowercase_hex() {
        let id = TaskId::from_uuid(Uuid::from_u128(0x0190_abcd << 96));
        let text = id.to_string();
        assert_eq!(text, "task_0190abcd000000000000000000000000");
        assert_eq!(text.parse::<TaskId>(), Ok(id));
        for bad in [
            "",
            "task_",
            "mis_0190abcd000000000000000000000000",
            "task_0190ABCD000000000000000000000000",
            "task_0190abcd-0000-0000-0000-000000000000",
        ] {
            assert_eq!(bad.parse::<TaskId>(), Err(InvalidId { prefix: "task" }), "{bad}");
        }
    }
}
