//! Reservations as tools for agents.

use futures_util::FutureExt as _;
use mc_api::Action;
use mc_api::reservation::{CheckPaths, CreateReservation, RenewReservation};
use mc_api::tool::{ListReservations, NoArguments, ReservationRef};

use super::service::{self, Named};
use crate::app::SharedApp;
use crate::http::page;
use crate::mcp::Tool;
use crate::op::OpCtx;

/// The tools.
pub fn tools() -> Vec<Tool> {
    let list = |app: SharedApp, cx: OpCtx, wanted: ListReservations, _: NoArguments| async move {
        let named = Named {
            mission: wanted.mission,
            repository: wanted.repository,
            task: wanted.task,
            state: wanted.state,
            path: wanted.path,
            crosses: wanted.crosses,
        };
        let narrow = service::narrow(&app, &cx, named).boxed().await?;
        let name = format!("reservations {narrow:?}");
        let page = page::Request::read(&app, name, wanted.limit, wanted.cursor.as_deref())?;
        service::list(&app, &cx, page, narrow).boxed().await
    };
    vec![
        Tool::new(
            "reserve_paths",
            Action::CreateReservation,
            "Reserves paths of a repository by globs before you edit them, for your task. Refused with the holders when \
             others have them; with on_conflict=queue it waits in line as pending. Renew it while you work.",
            |app, cx, _: NoArguments, body: CreateReservation| async move {
                service::create(&app, &cx, body).boxed().await
            },
        ),
        Tool::new(
            "renew_paths",
            Action::RenewReservation,
            "Renews the lease of your reservation, also of one that is pending.",
            |app, cx, place: ReservationRef, body: RenewReservation| async move {
                service::renew(&app, &cx, &place.reservation, body).boxed().await
            },
        ),
        Tool::new(
            "release_paths",
            Action::ReleaseReservation,
            "Gives the paths of your reservation back, so that others may edit them.",
            |app, cx, place: ReservationRef, _: NoArguments| async move {
                service::release(&app, &cx, &place.reservation).boxed().await
            },
        ),
        Tool::new(
            "check_paths",
            Action::ReadReservation,
            "Which reservations touch these paths or globs; changes nothing. Ask before you edit.",
            |app, cx, _: NoArguments, body: CheckPaths| async move {
                service::check(&app, &cx, body).boxed().await
            },
        )
        .read_only(),
        Tool::new(
            "list_reservations",
            Action::ReadReservation,
            "Lists reservations, oldest first: pending and active ones unless a state is named; in pages.",
            list,
        )
        .read_only(),
    ]
}
