//! The HTTP door to several lists at once.
//!
//! A browser keeps at most six connections to a server, in all its tabs together, so a page that shows several lists
//! watches them with one. Each list begins with its snapshot, ended by a `bookmark` that names the list's kind: what the
//! client knew and the snapshot did not hold is gone. There is no `from`: the lists stand at different positions.

use futures_util::FutureExt as _;
use std::pin::Pin;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Approvals, Klusters, Missions, Nodes, Publications, Sessions, Tasks, answer, events};
use crate::app::SharedApp;
use crate::error::Error;
use crate::http::{Ctx, Query};
use crate::op::OpCtx;
use crate::{approvals, nodes, publications, sessions, tasks};

/// Which lists are watched.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct WatchLists {
    /// Of `missions`, `klusters`, `tasks`, `sessions`, `approvals`, `publications`, `nodes`, separated by commas.
    pub lists: String,
    /// Only what belongs to this mission (id or name); nodes belong to none.
    pub mission: Option<String>,
    /// Of tasks, only those of this kluster (id or name).
    pub kluster: Option<String>,
    /// `false`: end after the snapshots. Default: go on with changes.
    pub follow: Option<bool>,
}

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// The lists that can be watched together.
const LISTS: [&str; 7] = ["missions", "klusters", "tasks", "sessions", "approvals", "publications", "nodes"];

async fn list(app: &SharedApp, cx: OpCtx, query: &WatchLists, name: &str) -> Result<Events, Error> {
    let at = tasks::service::At { mission: query.mission.clone(), kluster: None };
    let (mission, _) = tasks::service::within(&mut app.db.begin_read().await?, &cx, &at).boxed().await?;
    let follows = query.follow.unwrap_or(true);
    let app = app.clone();
    Ok(match name {
        "missions" => {
            Box::pin(events(app, cx, Missions { labels: Vec::new() }, None, follows).boxed().await?)
        }
        "klusters" => {
            Box::pin(events(app, cx, Klusters { mission, labels: Vec::new() }, None, follows).boxed().await?)
        }
        "tasks" => {
            let at = tasks::service::At { mission: query.mission.clone(), kluster: query.kluster.clone() };
            let (mission, kluster) =
                tasks::service::within(&mut app.db.begin_read().await?, &cx, &at).boxed().await?;
            let narrow = tasks::service::Narrow { mission, kluster, ..tasks::service::Narrow::default() };
            Box::pin(events(app, cx, Tasks { narrow }, None, follows).boxed().await?)
        }
        "sessions" => {
            let narrow = sessions::service::Narrow { mission, ..sessions::service::Narrow::default() };
            Box::pin(events(app, cx, Sessions(narrow), None, follows).boxed().await?)
        }
        "approvals" => Box::pin(
            events(
                app,
                cx,
                Approvals(approvals::service::Narrow { mission, ..approvals::service::Narrow::default() }),
                None,
                follows,
            )
            .boxed()
            .await?,
        ),
        "publications" => {
            let narrow = publications::service::Narrow { mission, state: None };
            Box::pin(events(app, cx, Publications(narrow), None, follows).boxed().await?)
        }
        "nodes" => Box::pin(
            events(app, cx, Nodes(nodes::service::Narrow { state: None }), None, follows).boxed().await?,
        ),
        _ => return Err(Error::invalid("?lists", format!("{name:?}: of {}", LISTS.join(", ")))),
    })
}

/// Streams several lists: their snapshots, then their changes.
#[utoipa::path(get, path = "/api/v1/watch", tag = "system", params(WatchLists), responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn watch(
    State(app): State<SharedApp>,
    Ctx(cx): Ctx,
    Query(query): Query<WatchLists>,
) -> Result<Response, Error> {
    let names: Vec<&str> = query.lists.split(',').map(str::trim).collect();
    let mut all = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(Error::invalid("?lists", format!("{name:?} is named twice")));
        }
        let own = OpCtx::new(cx.caller.clone(), cx.request_id.clone(), cx.now(), app.ids.clone());
        let events = list(&app, own, &query, name).boxed().await?;
        // The end of one that follows is the end of all: the client comes back for everything.
        let end = (query.follow != Some(false)).then_some(None);
        all.push(events.map(Some).chain(stream::iter(end)).boxed());
    }
    let merged = stream::select_all(all).take_while(|event| std::future::ready(event.is_some()));
    Ok(answer(merged.filter_map(std::future::ready)))
}

/// The routes.
pub fn routes() -> OpenApiRouter<SharedApp> {
    OpenApiRouter::new().routes(routes!(watch))
}
