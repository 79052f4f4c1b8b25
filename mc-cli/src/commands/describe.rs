//! `mc describe`.

use mc_api::ledger::LedgerEvent;
use mc_client::{Client, ListQuery};

use super::get::find;
use super::reference;
use crate::age::now;
use crate::args::Named;
use crate::context::Invocation;
use crate::output::Format;
use crate::view::{self, View};
use crate::{for_kind, table};

/// The newest events that a description shows.
const EVENTS: usize = 10;

pub(super) async fn run(cx: &Invocation, args: Named) -> anyhow::Result<()> {
    for_kind!(args.kind.kind, R => describe::<R>(cx, args).await)
}

async fn describe<V: View>(cx: &Invocation, args: Named) -> anyhow::Result<()> {
    let client = cx.client()?;
    let item: V = find(&client, &reference(&args.kind, args.reference)?, &cx.scope()?).await?;
    if matches!(cx.out.format, Format::Json | Format::Yaml | Format::Name) {
        return super::get::show(cx, &item);
    }
    let mut text = table::fields(&item.fields(now()));
    match last_events(&client, &item.id()).await {
        Ok(events) if events.is_empty() => text.push_str("\nEvents:  -\n"),
        Ok(events) => {
            text.push_str("\nEvents:\n");
            for line in view::events(&events, now(), cx.out.format == Format::Wide).lines() {
                text.extend(["  ", line, "\n"]);
            }
        }
        // The description is worth showing without them.
        Err(error) => cx.out.talk(&format!("warning: the ledger cannot be read: {error}")),
    }
    cx.out.data(&text)
}

async fn last_events(client: &Client, subject: &str) -> Result<Vec<LedgerEvent>, mc_client::Error> {
    let mut query = ListQuery {
        subject: Some(subject.to_owned()),
        limit: Some(mc_api::page::MAX_LIMIT),
        ..ListQuery::default()
    };
    let mut last = Vec::new();
    loop {
        let page = client.ledger_events(&query).await?;
        last.extend(page.items);
        last.drain(..last.len().saturating_sub(EVENTS));
        match page.next_cursor {
            None => return Ok(last),
            cursor => query.cursor = cursor,
        }
    }
}
