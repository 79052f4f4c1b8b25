//! Skills as tools for agents: what fits into a message. Larger bundles go by HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::skill::{PromoteSkills, ReportSkills, SkillBundle};
use mc_api::tool::{
    BundleContent, ListSkillSync, ListSkills, NoArguments, PushSkill, SkillRef, SkillsOf, TreeFile,
};
use mc_bundle::{File, Limits, Tree};

use super::model::{self, Content};
use super::routes::narrow;
use super::{effective, promote, service, sync};
use crate::app::{App, SharedApp};
use crate::docs::service::place;
use crate::error::Error;
use crate::http::page;
use crate::mcp::Tool;
use crate::op::OpCtx;
use crate::tasks::service::At;

/// The largest content that is given as a message, in bytes.
const MOST_BYTES: usize = 512 * 1024;

fn at(skill: &SkillRef) -> At {
    At { mission: skill.mission.clone(), kluster: skill.kluster.clone() }
}

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_skill_bundles",
            Action::ReadSkill,
            "Lists versions of the skill bundles of a mission and its klusters, oldest first, without their files; in pages.",
            |app, cx, wanted: ListSkills, _: NoArguments| async move { list(&app, &cx, wanted).boxed().await },
        )
        .read_only(),
        Tool::new(
            "get_skill_bundle",
            Action::ReadSkill,
            "The files of a version of a skill bundle, as texts or Base64, up to 512 KiB together.",
            |app, cx, skill: SkillRef, _: NoArguments| async move {
                let (_, bytes) = service::download(&app, &cx, &skill.skill, &at(&skill)).boxed().await?;
                told(service::aside(move || model::read(&bytes)).boxed().await?)
            },
        )
        .read_only(),
        Tool::new(
            "push_skill_bundle",
            Action::CreateSkill,
            "Stores files as the next version of the skill bundle of a mission, or of a kluster, whose files then stand over \
             the mission's. It is a draft until somebody with the right publishes it. All files are given: it replaces the \
             version before. A skill is a folder with a SKILL.md.",
            |app, cx, _: NoArguments, body: PushSkill| async move { push(&app, &cx, body).boxed().await },
        ),
        Tool::new(
            "publish_skill_bundle",
            Action::PublishSkill,
            "Publishes a version of a skill bundle: every agent there follows it from its next turn on.",
            |app, cx, skill: SkillRef, _: NoArguments| async move {
                service::publish(&app, &cx, &skill.skill, &at(&skill)).boxed().await
            },
        ),
        Tool::new(
            "deprecate_skill_bundle",
            Action::DeprecateSkill,
            "Takes a version of a skill bundle out of use; the newest one that is still published holds again.",
            |app, cx, skill: SkillRef, _: NoArguments| async move {
                service::deprecate(&app, &cx, &skill.skill, &at(&skill)).boxed().await
            },
        ),
        Tool::new(
            "resolve_skill_snapshot",
            Action::ReadSkill,
            "Which skills hold in a kluster: version, digest, signature, and each file with the bundle it comes from.",
            |app, cx, of: SkillsOf, _: NoArguments| async move {
                let place = (of.mission.as_str(), of.kluster.as_deref());
                Ok(effective::get(&app, &cx, place, of.version.as_deref()).boxed().await?.0)
            },
        )
        .read_only(),
        Tool::new(
            "download_skill_snapshot",
            Action::ReadSkill,
            "The files of the skills that hold in a kluster, as texts or Base64, up to 512 KiB together.",
            |app, cx, of: SkillsOf, _: NoArguments| async move {
                let place = (of.mission.as_str(), of.kluster.as_deref());
                let (_, bytes) = effective::get(&app, &cx, place, of.version.as_deref()).boxed().await?;
                let tree = Tree::read(&bytes, Limits::SNAPSHOT).map_err(Error::internal)?;
                told(Content { tree, removes: Vec::new() })
            },
        )
        .read_only(),
        Tool::new(
            "get_skill_sync_status",
            Action::ReadSkill,
            "Who has which version of the skills, and what was changed in it since; in pages.",
            |app, cx, wanted: ListSkillSync, _: NoArguments| async move {
                let at = At { mission: wanted.mission, kluster: wanted.kluster };
                let narrow = sync::Narrow { at, session: wanted.session };
                sync::list(&app, &cx, narrow, (wanted.limit, wanted.cursor.as_deref())).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "ack_skill_sync",
            Action::ReportSkill,
            "Says which version of the skills you have somewhere, and what was changed in it since.",
            |app, cx, _: NoArguments, body: ReportSkills| async move { sync::report(&app, &cx, body).boxed().await },
        ),
        Tool::new(
            "promote_local_skill_overlay",
            Action::CreateSkill,
            "Makes what you changed in your copy of the skills (files, and paths that are missing) the next version of the \
             kluster's bundle, or without a kluster of the mission's: a draft, over what holds now. Say with effective_version \
             what your copy was made of.",
            |app, cx, _: NoArguments, body: PromoteSkills| async move { promote::promote(&app, &cx, body).boxed().await },
        ),
    ]
}

async fn list(app: &SharedApp, cx: &OpCtx, wanted: ListSkills) -> Result<mc_api::Page<SkillBundle>, Error> {
    let at = At { mission: wanted.mission, kluster: wanted.kluster };
    let narrow = narrow(app, cx, &at, wanted.state).boxed().await?;
    let page =
        page::Request::read(app, format!("skills {narrow:?}"), wanted.limit, wanted.cursor.as_deref())?;
    service::list(app, cx, page, narrow).boxed().await
}

async fn push(app: &App, cx: &OpCtx, request: PushSkill) -> Result<SkillBundle, Error> {
    let place =
        place(app, cx, &request.mission, request.kluster.as_deref(), Action::CreateSkill).boxed().await?;
    let removes = model::check_removes("/removes", request.removes)?;
    let content = Content { tree: tree_of(request.files)?, removes };
    service::store_version(app, cx, place, content, request.note).boxed().await
}

/// The tree of files that came in a message.
pub(crate) fn tree_of(files: Vec<TreeFile>) -> Result<Tree, Error> {
    let mut tree = Tree::default();
    let limits = Limits::BUNDLE;
    if files.len() > limits.files {
        return Err(Error::invalid("/files", format!("at most {} files", limits.files)));
    }
    for (at, file) in files.into_iter().enumerate() {
        let content = match (file.text, file.content_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(encoded)) => STANDARD.decode(encoded).map_err(|_| {
                Error::invalid(format!("/files/{at}/content_base64"), "standard Base64 with padding")
            })?,
            _ => {
                let rule = "give exactly one of text and content_base64";
                return Err(Error::invalid(format!("/files/{at}/text"), rule));
            }
        };
        tree.insert(&file.path, File { content, executable: file.executable })
            .map_err(|refusal| Error::invalid(format!("/files/{at}/path"), refusal.to_string()))?;
    }
    Ok(tree)
}

/// Files as a message, when they fit.
pub(crate) fn told(content: Content) -> Result<BundleContent, Error> {
    let size: usize = content.tree.iter().map(|(_, file)| file.content.len()).sum();
    if size > MOST_BYTES {
        let detail = format!("{size} bytes; fetch the archive by HTTP, or with mc");
        return Err(Error::invalid("/files", detail));
    }
    let files = content.tree.iter().map(|(path, file)| {
        let text = String::from_utf8(file.content.clone()).ok().filter(|text| !text.contains('\0'));
        let content_base64 = text.is_none().then(|| STANDARD.encode(&file.content));
        TreeFile { path: path.to_owned(), text, content_base64, executable: file.executable }
    });
    Ok(BundleContent { files: files.collect(), removes: content.removes })
}
