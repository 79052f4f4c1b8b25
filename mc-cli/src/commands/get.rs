//! `mc get`.

use mc_api::Page;
use mc_api::page::MAX_LIMIT;
use mc_client::{Client, ListQuery, Resource, Scope};

use super::references;
use crate::age::now;
use crate::args::{Filter, Get, Selector};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::for_kind;
use crate::kind::Target;
use crate::output::{Format, lines};
use crate::view::{self, View};

pub(super) async fn run(cx: &Invocation, args: Get) -> anyhow::Result<()> {
    for_kind!(args.kind.kind, R => get::<R>(cx, args).await)
}

async fn get<V: View>(cx: &Invocation, args: Get) -> anyhow::Result<()> {
    let client = cx.client()?;
    let references = references(&args.kind, args.references)?;
    match references.as_slice() {
        [] => {
            if cx.global.kluster.is_some() && !narrows_by_kluster(V::KIND) {
                let message = format!(
                    "-k does not narrow {}: tasks, docs and artifacts are listed by kluster; leave it out",
                    V::COLLECTION
                );
                return Err(Failure::Usage(message).into());
            }
            let mut query = ListQuery { cursor: args.cursor, ..query(cx, &args.filter)? };
            if V::KIND == "principal" {
                // They are in no mission; only one that is named here asks for those who have a role in it.
                query.mission.clone_from(&cx.global.mission);
            }
            let page = collect::<V>(&client, query, args.limit).await?;
            if let (Some(cursor), false) = (&page.next_cursor, cx.out.format == Format::Json) {
                cx.out.talk(&format!("there are more; go on with --cursor {cursor}"));
            }
            if page.items.is_empty() && matches!(cx.out.format, Format::Table | Format::Wide) {
                cx.out.talk(&format!("no {} found", V::COLLECTION));
                return Ok(());
            }
            show_list(cx, &page)
        }
        [one] => {
            let found = find::<V>(&client, one, &cx.scope()?).await?;
            show(cx, &found)
        }
        several => {
            let scope = cx.scope()?;
            let mut items = Vec::with_capacity(several.len());
            for reference in several {
                items.push(find::<V>(&client, reference, &scope).await?);
            }
            show_list(cx, &Page { items, next_cursor: None })
        }
    }
}

/// Whether a list of this kind can be narrowed to a kluster.
fn narrows_by_kluster(kind: &str) -> bool {
    matches!(kind, "task" | "doc" | "artifact")
}

/// The filter of a list, from flags and context.
pub(super) fn query(cx: &Invocation, filter: &Filter) -> anyhow::Result<ListQuery> {
    let scope = cx.scope()?;
    Ok(ListQuery {
        mission: scope.mission.filter(|_| !filter.all_missions),
        kluster: scope.kluster,
        task: filter.task.clone(),
        session: filter.session.clone(),
        node: filter.node.clone(),
        repository: filter.repo.clone(),
        path: filter.path.clone(),
        states: filter.state.clone(),
        runtime: filter.runtime.clone(),
        role: filter.role,
        principal_kind: filter.principal_kind,
        labels: filter.selector.clone().unwrap_or_default().0,
        ..ListQuery::default()
    })
}

/// All objects with these labels, in the mission and kluster that are named.
///
/// # Errors
/// A kind without labels, a reference beside them, and what listing refuses.
pub(super) async fn selected<V: View>(
    cx: &Invocation,
    client: &Client,
    target: &Target,
    selector: &Selector,
) -> anyhow::Result<Vec<V>> {
    if target.reference.is_some() {
        return Err(Failure::Usage("name an object or labels, not both".into()).into());
    }
    if !matches!(V::KIND, "mission" | "kluster" | "task" | "doc" | "artifact") {
        return Err(Failure::Usage(format!("{} are not selected by labels", V::COLLECTION)).into());
    }
    let scope = cx.scope()?;
    if scope.kluster.is_some() && !narrows_by_kluster(V::KIND) {
        return Err(Failure::Usage(format!("-k does not narrow {}; leave it out", V::COLLECTION)).into());
    }
    let query = ListQuery {
        mission: scope.mission,
        kluster: scope.kluster,
        labels: selector.0.clone(),
        ..ListQuery::default()
    };
    Ok(collect::<V>(client, query, None).await?.items)
}

/// Reads pages until `limit` objects are there, or all.
pub(crate) async fn collect<R: Resource>(
    client: &Client,
    mut query: ListQuery,
    limit: Option<u32>,
) -> Result<Page<R>, mc_client::Error> {
    if matches!(R::KIND, "mission" | "node" | "join_token" | "connection") {
        // They are in no mission; the context's does not filter them.
        query.mission = None;
    }
    let mut items = Vec::new();
    loop {
        let had = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let wanted = limit.map_or(MAX_LIMIT, |limit| limit.saturating_sub(had));
        query.limit = Some(wanted.min(MAX_LIMIT));
        let page = client.list::<R>(&query).await?;
        items.extend(page.items);
        let full = limit.is_some_and(|limit| items.len() as u64 >= u64::from(limit));
        if full || page.next_cursor.is_none() {
            return Ok(Page { items, next_cursor: page.next_cursor });
        }
        query.cursor = page.next_cursor;
    }
}

/// One object by id, key or name. Artifacts have no unique names; theirs are looked up in the mission.
pub(super) async fn find<R: Resource>(client: &Client, reference: &str, scope: &Scope) -> anyhow::Result<R> {
    if R::KIND != "artifact" || reference.parse::<mc_api::id::ArtifactId>().is_ok() {
        return Ok(client.get::<R>(reference, scope).await?);
    }
    let artifact = artifact_named(client, reference, scope.mission.as_deref()).await?;
    Ok(client.get::<R>(&artifact.id.to_string(), scope).await?)
}

/// The one artifact of the mission with this name.
pub(super) async fn artifact_named(
    client: &Client,
    name: &str,
    mission: Option<&str>,
) -> anyhow::Result<mc_api::artifact::Artifact> {
    let Some(mission) = mission else {
        let message = format!("{name:?} is no artifact id; to find it by name, say -m MISSION");
        return Err(Failure::Usage(message).into());
    };
    let query = ListQuery { mission: Some(mission.to_owned()), ..ListQuery::default() };
    let page = collect::<mc_api::artifact::Artifact>(client, query, None).await?;
    let mut named: Vec<_> = page.items.into_iter().filter(|artifact| artifact.name == name).collect();
    match (named.pop(), named.len()) {
        (None, _) => {
            Err(Failure::NotFound(format!("mission {mission} has no artifact named {name:?}")).into())
        }
        (Some(one), 0) => Ok(one),
        (Some(last), _) => {
            let ids: Vec<String> = named.iter().chain([&last]).map(|a| a.id.to_string()).collect();
            let message = format!("several artifacts are named {name:?}; use an id: {}", ids.join(", "));
            Err(Failure::Conflict(message).into())
        }
    }
}

/// Prints one object in the format chosen.
pub(super) fn show<V: View>(cx: &Invocation, item: &V) -> anyhow::Result<()> {
    match cx.out.format {
        Format::Json => cx.out.json(item),
        Format::Yaml => cx.out.data(&view::yaml(item)?),
        Format::Name => cx.out.data(&format!("{}\n", view::name(item))),
        Format::Table => cx.out.data(&view::rows(std::slice::from_ref(item), now(), false)),
        Format::Wide => cx.out.data(&view::rows(std::slice::from_ref(item), now(), true)),
    }
}

/// Prints an object that was just changed: like kubectl one line says what happened, unless a format was chosen.
pub(super) fn done<V: View>(cx: &Invocation, item: &V, what: &str) -> anyhow::Result<()> {
    match cx.out.format {
        Format::Table | Format::Wide => cx.out.data(&format!("{} {what}\n", view::name(item))),
        Format::Json | Format::Yaml | Format::Name => show(cx, item),
    }
}

fn show_list<V: View>(cx: &Invocation, page: &Page<V>) -> anyhow::Result<()> {
    match cx.out.format {
        Format::Json => cx.out.json(page),
        Format::Yaml => {
            let documents: Vec<String> = page.items.iter().map(view::yaml).collect::<Result<_, _>>()?;
            cx.out.data(&documents.join("---\n"))
        }
        Format::Name => cx.out.data(&lines(page.items.iter().map(view::name))),
        Format::Table => cx.out.data(&view::rows(&page.items, now(), false)),
        Format::Wide => cx.out.data(&view::rows(&page.items, now(), true)),
    }
}
