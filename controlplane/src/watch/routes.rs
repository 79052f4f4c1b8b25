//! The HTTP door to several lists at once.
//!
//! A browser keeps at most six connections to a server, in all its tabs together, so a page that shows several lists
//! watches them with one. Each list begins with its snapshot, ended by a `bookmark` that names the list's kind: what the
//! client knew and the snapshot did not hold is gone. A client that comes back names a position for each list, since they
//! stand at different ones, and the snapshots fall away.

use futures_util::FutureExt as _;
use std::collections::BTreeMap;
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
    /// `list:seq`, separated by commas: these go on after that number, without a snapshot. Sessions have one all the same.
    pub from: Option<String>,
    /// 1 to 1000: the snapshot holds so many ended sessions and closed approvals, the youngest; `left_out` of its bookmark counts the others.
    pub recent: Option<u32>,
}

type Events = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// The lists that can be watched together.
const LISTS: [&str; 7] = ["missions", "klusters", "tasks", "sessions", "approvals", "publications", "nodes"];

/// The positions that lists go on from.
fn positions(text: &str) -> Result<BTreeMap<&str, i64>, Error> {
    let mut positions = BTreeMap::new();
    for part in text.split(',').map(str::trim) {
        let (name, seq) = part
            .split_once(':')
            .and_then(|(name, seq)| Some((name, seq.parse::<i64>().ok()?)))
            .ok_or_else(|| Error::invalid("?from", format!("{part:?}: list:seq, separated by commas")))?;
        if positions.insert(name, seq).is_some() {
            return Err(Error::invalid("?from", format!("{name:?} is named twice")));
        }
    }
    Ok(positions)
}

async fn list(
    app: &SharedApp,
    cx: OpCtx,
    query: &WatchLists,
    name: &str,
    from: Option<i64>,
) -> Result<Events, Error> {
    let at = tasks::service::At { mission: query.mission.clone(), kluster: None };
    let (mission, _) = tasks::service::within(&mut app.db.begin_read().await?, &cx, &at).boxed().await?;
    let follows = query.follow.unwrap_or(true);
    let app = app.clone();
    Ok(match name {
        "missions" => {
            Box::pin(events(app, cx, Missions { labels: Vec::new() }, from, follows).boxed().await?)
        }
        "klusters" => {
            Box::pin(events(app, cx, Klusters { mission, labels: Vec::new() }, from, follows).boxed().await?)
        }
        "tasks" => {
            let at = tasks::service::At { mission: query.mission.clone(), kluster: query.kluster.clone() };
            let (mission, kluster) =
                tasks::service::within(&mut app.db.begin_read().await?, &cx, &at).boxed().await?;
            let narrow = tasks::service::Narrow { mission, kluster, ..tasks::service::Narrow::default() };
            Box::pin(events(app, cx, Tasks { narrow }, from, follows).boxed().await?)
        }
        "sessions" => {
            let recent = match query.recent {
                Some(most) => Some(sessions::service::recent(&app, &cx, mission, most).boxed().await?),
                None => None,
            };
            let narrow =
                sessions::service::Narrow { mission, recent, ..sessions::service::Narrow::default() };
            Box::pin(events(app, cx, Sessions(narrow), from, follows).boxed().await?)
        }
        "approvals" => {
            let recent = match query.recent {
                Some(most) => Some(approvals::service::recent(&app, &cx, mission, most).boxed().await?),
                None => None,
            };
            let narrow = approvals::service::Narrow { id: None, mission, state: None, recent };
            Box::pin(events(app, cx, Approvals(narrow), from, follows).boxed().await?)
        }
        "publications" => {
            let narrow = publications::service::Narrow { mission, state: None };
            Box::pin(events(app, cx, Publications(narrow), from, follows).boxed().await?)
        }
        "nodes" => Box::pin(
            events(app, cx, Nodes(nodes::service::Narrow { state: None }), from, follows).boxed().await?,
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
    let mut from = query.from.as_deref().map(positions).transpose()?.unwrap_or_default();
    if let Some(name) = from.keys().find(|name| !names.contains(name)) {
        return Err(Error::invalid("?from", format!("{name:?} is not watched")));
    }
    if !from.is_empty() && query.follow == Some(false) {
        return Err(Error::invalid("?from", "what has no snapshot must follow"));
    }
    if query.recent.is_some_and(|most| !(1..=1000).contains(&most)) {
        return Err(Error::invalid("?recent", "1 to 1000"));
    }
    let mut all = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            return Err(Error::invalid("?lists", format!("{name:?} is named twice")));
        }
        let own = OpCtx::new(cx.caller.clone(), cx.request_id.clone(), cx.now(), app.ids.clone());
        let events = list(&app, own, &query, name, from.remove(name)).boxed().await?;
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
