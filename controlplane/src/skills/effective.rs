//! What holds: the mission's newest published version under the kluster's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mc_api::Action;
use mc_api::kluster::Kluster;
use mc_api::mission::Mission;
use mc_api::skill::{SkillBundle, SkillSnapshot, SkillState, SnapshotFile};
use mc_bundle::{Limits, Merged, Tree};

use super::service::{archive, aside};
use super::{model, store};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::op::OpCtx;
use crate::{klusters, missions};

/// The versions that hold somewhere.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    mission: Mission,
    kluster: Option<Kluster>,
    of_mission: Option<SkillBundle>,
    of_kluster: Option<SkillBundle>,
}

impl Holding {
    /// The newest published versions.
    pub(crate) async fn newest(
        tx: &mut Tx,
        mission: Mission,
        kluster: Option<Kluster>,
    ) -> Result<Self, Error> {
        let published = Some(SkillState::Published);
        let of_mission = store::newest(tx, mission.id, None, published).await?;
        let of_kluster = match &kluster {
            Some(kluster) => store::newest(tx, mission.id, Some(kluster.id), published).await?,
            None => None,
        };
        Ok(Self { mission, kluster, of_mission, of_kluster })
    }

    /// The versions that are named, which were published once.
    async fn named(
        tx: &mut Tx,
        mission: Mission,
        kluster: Option<Kluster>,
        version: &str,
    ) -> Result<Self, Error> {
        let form = || Error::invalid("?version", "m<n>-k<n>, such as m3-k1");
        let (m, k) = model::parse_effective(version).ok_or_else(form)?;
        let absent = || Error::not_found("version of the skills", version);
        let once = |found: Option<SkillBundle>| {
            found.filter(|bundle| bundle.state != SkillState::Draft).ok_or_else(absent)
        };
        let of_mission = match m {
            0 => None,
            number => Some(once(store::numbered(tx, mission.id, None, number).await?)?),
        };
        let of_kluster = match (k, &kluster) {
            (0, _) => None,
            (number, Some(kluster)) => {
                Some(once(store::numbered(tx, mission.id, Some(kluster.id), number).await?)?)
            }
            (_, None) => return Err(absent()),
        };
        Ok(Self { mission, kluster, of_mission, of_kluster })
    }

    /// The mission's bundle and the kluster's.
    pub(crate) fn bundles(&self) -> (Option<&SkillBundle>, Option<&SkillBundle>) {
        (self.of_mission.as_ref(), self.of_kluster.as_ref())
    }

    /// `m<n>-k<n>`.
    pub(crate) fn version(&self) -> String {
        let number = |bundle: &Option<SkillBundle>| bundle.as_ref().map(|bundle| bundle.number);
        model::effective_version(number(&self.of_mission), number(&self.of_kluster))
    }

    /// The snapshot with its archive, made of the stored archives.
    pub(crate) async fn build(self, app: &App) -> Result<(SkillSnapshot, Vec<u8>), Error> {
        let (mission, lower) = (self.mission.id, self.of_mission.as_ref());
        let lower = match lower {
            Some(bundle) => Some(archive(app, mission, &bundle.sha256).await?),
            None => None,
        };
        let upper = match &self.of_kluster {
            Some(bundle) => Some(archive(app, mission, &bundle.sha256).await?),
            None => None,
        };
        let removes = self.of_kluster.as_ref().map(|bundle| bundle.removes.clone()).unwrap_or_default();
        let (merged, files, bytes) = aside(move || {
            let tree = |bytes: Option<Vec<u8>>| match bytes {
                // It was checked when it came.
                Some(bytes) => Tree::read(&bytes, Limits::BUNDLE).map_err(Error::internal),
                None => Ok(Tree::default()),
            };
            let merged = Merged::of(&tree(lower)?, &tree(upper)?, &removes);
            let (files, bytes) = (merged.tree.manifest(), merged.tree.write());
            Ok((merged, files, bytes))
        })
        .await?;
        let effective_version = self.version();
        let (of_mission, of_kluster) = effective_version.split_once('-').unwrap_or_default();
        let files = files.into_iter().map(|file| {
            let is_upper = merged.upper.binary_search(&file.path).is_ok();
            SnapshotFile { file, from: if is_upper { of_kluster } else { of_mission }.to_owned() }
        });
        let files = files.collect();
        let sha256 = mc_bundle::sha256(&bytes);
        let kluster = self.kluster.as_ref().map_or_else(|| "-".to_owned(), |kluster| kluster.id.to_string());
        let message =
            mc_proto::skill_snapshot_message(&mission.to_string(), &kluster, &effective_version, &sha256);
        let (key_id, signature) = app.keyring.sign_command(&message);
        let snapshot = SkillSnapshot {
            kind: "skill_snapshot".into(),
            mission_id: mission,
            mission: self.mission.name,
            kluster_id: self.kluster.as_ref().map(|kluster| kluster.id),
            kluster: self.kluster.map(|kluster| kluster.name),
            effective_version: effective_version.clone(),
            sha256,
            size_bytes: i64::try_from(bytes.len()).map_err(Error::internal)?,
            files,
            removed: merged.removed,
            key_id: key_id.to_owned(),
            signature: STANDARD.encode(signature),
        };
        Ok((snapshot, bytes))
    }
}

/// What holds in a kluster, or in a mission where no kluster is, now or by a version that is named: with its archive.
///
/// # Errors
/// [`mc_api::ProblemKind::NotFound`], [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::Validation`].
pub async fn get(
    app: &App,
    cx: &OpCtx,
    (mission, kluster): (&str, Option<&str>),
    version: Option<&str>,
) -> Result<(SkillSnapshot, Vec<u8>), Error> {
    let holding = {
        let mut tx = app.db.begin_read().await?;
        let mission = missions::service::resolve(&mut tx, cx, mission).await?;
        cx.authorize_in(Action::ReadSkill, mission.id)?;
        let kluster = match kluster {
            Some(kluster) => Some(klusters::service::resolve(&mut tx, cx, kluster, Some(mission.id)).await?),
            None => None,
        };
        match version {
            Some(version) => Holding::named(&mut tx, mission, kluster, version).await?,
            None => Holding::newest(&mut tx, mission, kluster).await?,
        }
    };
    holding.build(app).await
}
