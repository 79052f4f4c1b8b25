//! `mc ledger log`, `history` and `export`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use mc_api::ledger::LedgerEvent;
use mc_api::page::{ListOrder, MAX_LIMIT};
use mc_api::persistence::EntityKind;
use mc_client::{Client, ListQuery};

use crate::age::now;
use crate::args::{LedgerCommand, LogFilter};
use crate::context::Invocation;
use crate::kind::Target;
use crate::output::{Format, lines};
use crate::table::Growing;
use crate::{for_kind, view};

/// The pause between two looks for new events.
const FOLLOW: Duration = Duration::from_millis(500);

pub(super) async fn run(cx: &Invocation, command: LedgerCommand) -> anyhow::Result<()> {
    match command {
        LedgerCommand::Log { follow, subject, narrow, tail, newest_first } => {
            let LogFilter { action, subject_kind, actor, since, until, after, before } = *narrow;
            let client = cx.client()?;
            let query = ListQuery {
                mission: cx.global.mission.clone(),
                subject: match subject {
                    Some(subject) => Some(subject_id(cx, &client, &subject).await?),
                    None => None,
                },
                action: (!action.is_empty()).then(|| action.join(",")),
                subject_kind,
                actor,
                since,
                until,
                after,
                before,
                limit: Some(MAX_LIMIT),
                ..ListQuery::default()
            };
            if follow {
                return log(cx, &client, query, tail).await;
            }
            show(cx, found(&client, query, tail, newest_first).await?)
        }
        LedgerCommand::Export { file } => export(cx, file.as_deref()).await,
        LedgerCommand::History { kind, reference } => history(cx, kind, &reference).await,
        LedgerCommand::Restore { git, branch, installation } => {
            super::ledger_restore::run(cx, &git, &branch, installation).await
        }
        LedgerCommand::Verify { .. } => unreachable!("handled by ledger_verify"),
    }
}

/// Everything that happened to an entity, oldest first.
async fn history(cx: &Invocation, kind: EntityKind, reference: &str) -> anyhow::Result<()> {
    let (client, mission) = (cx.client()?, cx.scope()?.mission);
    let (mut events, mut cursor) = (Vec::new(), None);
    loop {
        let page = client.entity_history((kind.as_str(), reference), mission.as_deref(), cursor).await?;
        events.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return show(cx, events);
        }
    }
}

/// The id of `KIND/REF`; another text is an id already.
async fn subject_id(cx: &Invocation, client: &Client, text: &str) -> anyhow::Result<String> {
    let Ok(Target { kind, reference: Some(reference) }) = text.parse::<Target>() else {
        return Ok(text.to_owned());
    };
    let scope = cx.scope()?;
    for_kind!(kind, R => {
        let item: R = super::get::find(client, &reference, &scope).await?;
        Ok(mc_client::Resource::id(&item))
    })
}

/// The events of a list; with `tail` only the newest so many are read.
async fn found(
    client: &Client,
    mut query: ListQuery,
    tail: Option<usize>,
    newest_first: bool,
) -> Result<Vec<LedgerEvent>, mc_client::Error> {
    let most = tail.unwrap_or(usize::MAX);
    let from_end = newest_first || tail.is_some();
    query.order = from_end.then_some(ListOrder::Desc);
    let mut events = Vec::new();
    while events.len() < most {
        let page = client.ledger_events(&query).await?;
        events.extend(page.items);
        match page.next_cursor {
            None => break,
            cursor => query.cursor = cursor,
        }
    }
    events.truncate(most);
    if from_end && !newest_first {
        events.reverse();
    }
    Ok(events)
}

/// Shows events and goes on with new ones.
async fn log(
    cx: &Invocation,
    client: &Client,
    mut query: ListQuery,
    tail: Option<usize>,
) -> anyhow::Result<()> {
    // New ones are behind the head, whatever the list is narrowed to. Not everybody may read the head.
    let head = client.ledger_head().await.ok().map(|head| head.seq);
    let before = [query.before, head.map(|head| head + 1)].into_iter().flatten().min();
    let events = found(client, ListQuery { before, ..query.clone() }, tail, false).await?;
    let mut after = query.after.max(head).max(events.last().map(|event| event.seq));
    let wide = cx.out.format == Format::Wide;
    let columns = if wide { view::EVENT_COLUMNS_WIDE.to_vec() } else { view::EVENT_COLUMNS.to_vec() };
    let mut rows = Growing::new(columns, !wide);
    print(cx, &events, &mut rows)?;
    loop {
        if query.cursor.is_none() {
            tokio::time::sleep(FOLLOW).await;
            query.after = after;
        }
        let page = match client.ledger_events(&query).await {
            Ok(page) => page,
            Err(mc_client::Error::Unreachable { .. }) => {
                cx.out.talk("the server cannot be reached; trying again");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        after = page.items.last().map(|event| event.seq).or(after);
        print(cx, &page.items, &mut rows)?;
        query.cursor = page.next_cursor;
    }
}

fn show(cx: &Invocation, events: Vec<LedgerEvent>) -> anyhow::Result<()> {
    if events.is_empty() && matches!(cx.out.format, Format::Table | Format::Wide) {
        cx.out.talk("no events found");
        return Ok(());
    }
    let format = cx.out.format;
    cx.out.list(events, |events| match format {
        Format::Name => lines(events.iter().map(|event| format!("event/{}", event.id))),
        _ => view::events(events, now(), format == Format::Wide),
    })
}

/// Prints events one by one, as they come.
fn print(cx: &Invocation, events: &[LedgerEvent], rows: &mut Growing) -> anyhow::Result<()> {
    match cx.out.format {
        Format::Json => events.iter().try_for_each(|event| cx.out.json_line(event)),
        Format::Yaml => {
            events.iter().try_for_each(|e| cx.out.data(&format!("---\n{}", serde_yaml_ng::to_string(e)?)))
        }
        Format::Name => events.iter().try_for_each(|e| cx.out.data(&format!("event/{}\n", e.id))),
        Format::Table | Format::Wide => {
            let wide = cx.out.format == Format::Wide;
            cx.out.data(&rows.rows(events.iter().map(|event| view::event_row(event, now(), wide)).collect()))
        }
    }
}

async fn export(cx: &Invocation, file: Option<&Path>) -> anyhow::Result<()> {
    let mut export = cx.client()?.ledger_export().await?;
    let Some(file) = file else {
        while let Some(line) = export.next().await? {
            cx.out.data(&format!("{line}\n"))?;
        }
        return Ok(());
    };
    let folder = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let what = || format!("cannot write {}", file.display());
    let temporary = tempfile::Builder::new().prefix(".mc-export-").tempfile_in(folder).with_context(what)?;
    let mut out = std::io::BufWriter::new(temporary);
    let mut events: u64 = 0;
    while let Some(line) = export.next().await? {
        writeln!(out, "{line}").with_context(what)?;
        events += 1;
    }
    let temporary = out.into_inner().map_err(std::io::IntoInnerError::into_error).with_context(what)?;
    temporary.as_file().sync_all().with_context(what)?;
    temporary.persist(file).map_err(|error| error.error).with_context(what)?;
    cx.out.talk(&format!("{events} events in {}", file.display()));
    Ok(())
}
