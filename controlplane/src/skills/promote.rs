//! Promotion: what somebody changed in his copy of the skills becomes the next version of a bundle.
//!
//! The copy shows the mission's bundle under the kluster's. What is promoted goes into one of them: a changed file of the
//! mission's bundle that is promoted to the kluster stands over it from then on, and a removed one is taken out there.

use std::collections::BTreeMap;

use mc_api::skill::{PromoteSkills, SkillBundle};
use mc_api::{Action, Conflict, ConflictReason, ProblemKind};
use mc_bundle::{File, Limits, Tree};

use super::effective::Holding;
use super::model::{self, Content};
use super::service::{archive, aside, store_version};
use super::tools::tree_of;
use crate::app::App;
use crate::docs::service::place;
use crate::error::{Against, Error};
use crate::op::OpCtx;

/// Stores the next version of a bundle with the changes of a copy, as a draft.
///
/// # Errors
/// [`ProblemKind::VersionConflict`] when the copy was made of what holds no more, [`ProblemKind::Validation`] with the file
/// that is refused, [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn promote(app: &App, cx: &OpCtx, request: PromoteSkills) -> Result<SkillBundle, Error> {
    let (mission, kluster) =
        place(app, cx, &request.mission, request.kluster.as_deref(), Action::CreateSkill).await?;
    if request.files.is_empty() && request.missing.is_empty() {
        return Err(Error::invalid("/files", "name what was changed: files, or paths that are missing"));
    }
    let changes = tree_of(request.files)?;
    let holding = Holding::newest(&mut app.db.begin_read().await?, mission.clone(), kluster.clone()).await?;
    let now = holding.version();
    if let Some(base) = request.effective_version.filter(|base| *base != now) {
        return Err(conflict(&base, &now));
    }
    let (lower, upper) = holding.bundles();
    let tree = async |bundle: Option<&SkillBundle>| match bundle {
        Some(bundle) => {
            let bytes = archive(app, bundle.mission_id, &bundle.sha256).await?;
            // It was checked when it came.
            aside(move || Tree::read(&bytes, Limits::BUNDLE).map_err(Error::internal)).await
        }
        None => Ok(Tree::default()),
    };
    let is_upper = kluster.is_some();
    let below = if is_upper { tree(lower).await? } else { Tree::default() };
    let own = if is_upper { upper } else { lower };
    let removes = own.map(|bundle| bundle.removes.clone()).unwrap_or_default();
    let content = laid_over(&below, &tree(own).await?, removes, (&changes, &request.missing))?;
    store_version(app, cx, (mission, kluster), content, request.note).await
}

/// The own files with the changes: what is missing is left out, and taken out of what lies below.
fn laid_over(
    below: &Tree,
    own: &Tree,
    removes: Vec<String>,
    (changes, missing): (&Tree, &[String]),
) -> Result<Content, Error> {
    let mut files: BTreeMap<&str, &File> = own.iter().collect();
    // What is written comes back.
    let mut removes: Vec<String> = removes.into_iter().filter(|path| changes.get(path).is_none()).collect();
    for (at, path) in missing.iter().enumerate() {
        let is_own = files.remove(path.as_str()).is_some();
        let is_below = below.get(path).is_some();
        if !is_own && !is_below || changes.get(path).is_some() {
            let detail = format!("{path:?} is no file of the skills that hold, or was changed");
            return Err(Error::invalid(format!("/missing/{at}"), detail));
        }
        if is_below {
            removes.push(path.clone());
        }
    }
    files.extend(changes.iter());
    let mut tree = Tree::default();
    for (path, file) in files {
        tree.insert(path, file.clone()).map_err(|refusal| Error::invalid("/files", refusal.to_string()))?;
    }
    if tree.len() > Limits::BUNDLE.files {
        return Err(Error::invalid("/files", format!("at most {} files", Limits::BUNDLE.files)));
    }
    let size: usize = tree.iter().map(|(_, file)| file.content.len()).sum();
    if size > Limits::BUNDLE.total_bytes {
        return Err(Error::invalid("/files", format!("at most {} bytes", Limits::BUNDLE.total_bytes)));
    }
    Ok(Content { tree, removes: model::check_removes("/missing", removes)? })
}

/// That the copy was made of what holds no more.
fn conflict(base: &str, now: &str) -> Error {
    let conflict = Conflict {
        path: "effective_version".into(),
        reason: ConflictReason::BaseMismatch,
        expected_version: None,
        expected_sha256: None,
        current_version: None,
        current_sha256: None,
    };
    Error {
        against: Against::Versions(vec![conflict]),
        ..Error::new(
            ProblemKind::VersionConflict,
            format!("the copy was made of {base}, and {now} holds now: sync, and put the changes on top"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.insert(path, File { content: text.as_bytes().to_vec(), executable: false }).unwrap();
        }
        tree
    }

    #[test]
    fn changes_stand_over_and_what_is_missing_is_taken_out() {
        let below = tree(&[("a/SKILL.md", "a"), ("b/SKILL.md", "b")]);
        let own = tree(&[("c/SKILL.md", "c"), ("d/SKILL.md", "d")]);
        let changes = tree(&[("a/SKILL.md", "mine"), ("e/SKILL.md", "new")]);
        let missing = ["b/SKILL.md".to_owned(), "d/SKILL.md".to_owned()];
        let content = laid_over(&below, &own, vec!["old".into()], (&changes, &missing)).unwrap();
        let expected = [("a/SKILL.md", "mine"), ("c/SKILL.md", "c"), ("e/SKILL.md", "new")];
        assert_eq!(content.tree, tree(&expected));
        assert_eq!(content.removes, ["b/SKILL.md", "old"]);
        for bad in ["absent", "a/SKILL.md"] {
            assert!(laid_over(&below, &own, Vec::new(), (&changes, &[bad.to_owned()])).is_err(), "{bad}");
        }
        // What was taken out comes back when it is written.
        let content = laid_over(&below, &own, vec!["a/SKILL.md".into()], (&changes, &[])).unwrap();
        assert_eq!(content.removes, Vec::<String>::new());
    }
}
