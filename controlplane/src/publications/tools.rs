//! Publications as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::persistence::{EntityRef, PlanPublication, PublishPending};
use mc_api::publication::CreatePublication;
use mc_api::tool::{NoArguments, OfMission, OfPublication, PendingOf, PlanOf};

use super::service;
use crate::mcp::Tool;

/// The tools.
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "request_publication",
            Action::RequestPublication,
            "Asks to publish artifacts and other entities to Git. A person decides; follow it by get_approval with \
             approval_id.",
            |app, cx, _: NoArguments, body: CreatePublication| async move { service::create(&app, &cx, body).boxed().await },
        ),
        Tool::new(
            "resolve_publish_plan",
            Action::ReadPublication,
            "Says what publishing an entity would do: repository, branch, file, format, what would change, and which \
             approval it needs. Changes nothing.",
            |app, cx, of: PlanOf, _: NoArguments| async move {
                let entity = EntityRef { entity_type: of.entity_type, entity_id: of.entity_id };
                let request = PlanPublication { mission: of.mission_id, entities: vec![entity] };
                service::plan(&app, &cx, request).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "list_pending_ledger_events",
            Action::ReadPublication,
            "What waits for publication in a mission, oldest change first: what changed since it was last published at \
             its target, and files of what was deleted; and how much waits for each target.",
            |app, cx, of: PendingOf, _: NoArguments| async move {
                service::pending(&app, &cx, &of.mission_id, of.binding.as_deref(), of.limit).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "publish_pending_ledger_events",
            Action::RequestPublication,
            "Asks to publish everything of a mission that changed since it was last published: one publication for each \
             repository, or only for one (binding). A person decides. The answer says what still waits for each.",
            |app, cx, _: NoArguments, body: PublishPending| async move {
                service::publish_pending(&app, &cx, body).boxed().await
            },
        ),
        Tool::new(
            "withdraw_publication",
            Action::WithdrawPublication,
            "Gives up a publication that is not in Git, such as one that failed. Done again it changes nothing.",
            |app, cx, of: OfPublication, _: NoArguments| async move {
                service::withdraw(&app, &cx, &of.publication_id).boxed().await
            },
        ),
        Tool::new(
            "retry_publication",
            Action::RetryPublication,
            "Tries a publication again that failed or waits: as it was approved, or, when its routes lead elsewhere now, \
             by asking anew, which a person decides.",
            |app, cx, of: OfPublication, _: NoArguments| async move {
                service::retry(&app, &cx, &of.publication_id).boxed().await
            },
        ),
        Tool::new(
            "get_publication_status",
            Action::ReadPublication,
            "How far a mission is published: publications by state, and the newest of them with what failed.",
            |app, cx, of: OfMission, _: NoArguments| async move {
                service::status(&app, &cx, &of.mission_id, of.limit).boxed().await
            },
        )
        .read_only(),
    ]
}
