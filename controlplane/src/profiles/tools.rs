//! Profiles as tools for agents: what fits into a message.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::profile::{PinProfile, PushProfile};
use mc_api::tool::{ListPart, NoArguments, ProfileOf, ProfileRef, ProfileStatusOf, PublishProfile};
use mc_bundle::{Limits, Tree};

use super::service;
use crate::error::Error;
use crate::mcp::Tool;
use crate::skills::model::Content;
use crate::skills::tools::{told, tree_of};

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_profiles",
            Action::ReadProfile,
            "Lists your own profiles: instructions and configuration that you carry from place to place; in pages.",
            |app, cx, part: ListPart, _: NoArguments| async move {
                service::list(&app, &cx, (part.limit, part.cursor.as_deref())).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "get_profile",
            Action::ReadProfile,
            "One of your profiles without its files: newest version, digest, size.",
            |app, cx, profile: ProfileRef, _: NoArguments| async move {
                service::get(&app, &cx, &profile.profile).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "publish_profile",
            Action::PushProfile,
            "Stores files as the next version of one of your profiles. base_version is the version you read, 0 for a new \
             profile; when there is a newer one, the answer is a version conflict. All files are given.",
            |app, cx, _: NoArguments, body: PublishProfile| async move {
                let request = PushProfile {
                    name: body.name,
                    base_version: body.base_version,
                    description: body.description,
                    note: body.note,
                };
                service::store_version(&app, &cx, request, tree_of(body.files)?).boxed().await
            },
        ),
        Tool::new(
            "download_profile",
            Action::ReadProfile,
            "The files of a version of one of your profiles, as texts or Base64, up to 512 KiB together.",
            |app, cx, of: ProfileOf, _: NoArguments| async move {
                let (_, bytes) = service::content(&app, &cx, &of.profile, of.number).boxed().await?;
                let tree = Tree::read(&bytes, Limits::BUNDLE).map_err(Error::internal)?;
                told(Content { tree, removes: Vec::new() })
            },
        )
        .read_only(),
        Tool::new(
            "activate_profile",
            Action::ActivateProfile,
            "Makes one of your profiles the one that is used where none is named (`mc profile use`), instead of the one before.",
            |app, cx, profile: ProfileRef, _: NoArguments| async move {
                service::activate(&app, &cx, &profile.profile).boxed().await
            },
        ),
        Tool::new(
            "profile_status",
            Action::ReadProfile,
            "Which version of one of your profiles is given now, and whether expected_sha256, the digest of what you have, is \
             that one (in_sync), another version (outdated), or none of them (drifted).",
            |app, cx, of: ProfileStatusOf, _: NoArguments| async move {
                let expected = ("/expected_sha256", of.expected_sha256);
                service::status(&app, &cx, &of.profile, expected).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "pin_profile_version",
            Action::PinProfile,
            "Keeps to the version of one of your profiles that has this sha256 (or this number): it is given where no version is \
             named, also when newer ones are stored. Without either the newest is given again.",
            |app, cx, profile: ProfileRef, body: PinProfile| async move {
                service::pin(&app, &cx, &profile.profile, body).boxed().await
            },
        ),
        Tool::new(
            "delete_profile",
            Action::DropProfile,
            "Gives one of your profiles up, with all its versions.",
            |app, cx, profile: ProfileRef, _: NoArguments| async move {
                service::delete(&app, &cx, &profile.profile).boxed().await
            },
        ),
    ]
}
