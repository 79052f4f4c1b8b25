//! `mc watch`.

use mc_client::Event;
use serde::Serialize;

use super::get::{find, query};
use super::references;
use crate::age::now;
use crate::args::Watch;
use crate::context::Invocation;
use crate::for_kind;
use crate::output::Format;
use crate::table::Growing;
use crate::view::{self, View};

/// One line of `mc watch -o json`.
#[derive(Serialize)]
struct Line<'a, V> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a V>,
}

pub(super) async fn run(cx: &Invocation, args: Watch) -> anyhow::Result<()> {
    for_kind!(args.kind.kind, R => watch::<R>(cx, args).await)
}

async fn watch<V: View>(cx: &Invocation, args: Watch) -> anyhow::Result<()> {
    let client = cx.client()?;
    let only = match references(&args.kind, args.reference)?.first() {
        Some(reference) => Some(find::<V>(&client, reference, &cx.scope()?).await?.id()),
        None => None,
    };
    let mut filter = query(cx, &args.filter)?;
    if matches!(V::KIND, "mission" | "node") {
        filter.mission = None;
    }
    if matches!(V::KIND, "task" | "approval") {
        // The server then tells of nothing else.
        filter.id.clone_from(&only);
    }
    let wide = cx.out.format == Format::Wide;
    let mut watch = client.watch::<V>(filter, args.from);
    let mut rows = Growing::new(V::columns(wide), !wide);
    loop {
        let event = watch.next().await?;
        let (word, id, seq, object) = match &event {
            Event::Added(item) => ("added", Some(item.id()), None, Some(item)),
            Event::Modified(item) => ("modified", Some(item.id()), None, Some(item)),
            Event::Deleted(gone) => ("deleted", Some(gone.id.clone()), None, None),
            Event::Bookmark(seq) => ("bookmark", None, Some(*seq), None),
            Event::Restarted => ("restarted", None, None, None),
        };
        if id.is_some() && only.is_some() && id != only {
            continue;
        }
        if cx.out.format == Format::Json {
            cx.out.json_line(&Line { event: word, id: id.as_deref(), seq, object })?;
            continue;
        }
        match (object, id) {
            (Some(item), _) => row(cx, item, &mut rows)?,
            (None, Some(id)) => cx.out.data(&format!("{}/{id} deleted\n", V::KIND))?,
            (None, None) => {}
        }
    }
}

fn row<V: View>(cx: &Invocation, item: &V, rows: &mut Growing) -> anyhow::Result<()> {
    match cx.out.format {
        Format::Name => cx.out.data(&format!("{}\n", view::name(item))),
        Format::Yaml => cx.out.data(&format!("---\n{}", view::yaml(item)?)),
        Format::Table | Format::Wide | Format::Json => {
            cx.out.data(&rows.rows(vec![item.row(now(), cx.out.format == Format::Wide)]))
        }
    }
}
