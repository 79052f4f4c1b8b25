//! `mc describe`.

use std::collections::BTreeSet;

use mc_api::id::PrincipalId;
use mc_api::kluster::Kluster;
use mc_api::ledger::LedgerEvent;
use mc_api::mission::Mission;
use mc_api::overlap::{OverlapAction, OverlapState, OverlapSuggestion};
use mc_api::page::ListOrder;
use mc_api::reservation::Reservation;
use mc_api::task::Task;
use mc_client::{Client, ListQuery, Resource as _, Scope};

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
    let mut fields = item.fields(now());
    if V::KIND == Kluster::KIND {
        inherited(&client, &item.id(), &mut fields).await?;
    }
    let mut text = with_names(&client, table::fields(&fields), &item.id()).await;
    if matches!(V::KIND, "task" | "doc" | "artifact") {
        match overlaps(&client, V::KIND, &item.id()).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                text.push_str("\nOverlaps:\n");
                for line in view::rows(&found, now(), cx.out.format == Format::Wide).lines() {
                    text.extend(["  ", line, "\n"]);
                }
            }
            Err(error) => cx.out.talk(&format!("warning: overlaps cannot be read: {error}")),
        }
    }
    if V::KIND == "session" {
        match client.skill_sync(&Scope::default(), Some(&item.id())).await {
            Ok(copies) if copies.is_empty() => {}
            Ok(copies) => {
                text.push_str("\nSkills:\n");
                for line in view::skills::copies(&copies, now()).lines() {
                    text.extend(["  ", line, "\n"]);
                }
            }
            Err(error) => cx.out.talk(&format!("warning: skills cannot be read: {error}")),
        }
    }
    if V::KIND == "skill" {
        let manifest = client.skill_manifest(&item.id(), &Scope::default()).await?;
        text.push_str("\nContents:\n");
        for file in &manifest.files {
            let mark = if file.executable { "x" } else { "-" };
            let line = format!("{mark} {:>9}  {}", file.size_bytes, file.path);
            text.extend(["  ", &table::one_line(&line), "\n"]);
        }
    }
    if V::KIND == Task::KIND {
        match linked(&client, &item.id()).await {
            Ok(links) if links.is_empty() => {}
            Ok(links) => {
                text.push_str("\nLinked:\n");
                for link in &links {
                    let other = if link.subject.id == item.id() { &link.candidate } else { &link.subject };
                    let key = other.key.as_deref().unwrap_or(&other.id);
                    let line = format!("{key}  {}  ({})", other.title, link.id);
                    text.extend(["  ", &table::one_line(&line), "\n"]);
                }
            }
            Err(error) => cx.out.talk(&format!("warning: links cannot be read: {error}")),
        }
        match crossing(&client, &item.id()).await {
            Ok(crossing) if crossing.is_empty() => {}
            Ok(crossing) => {
                text.push_str("\nReservations that cross its paths:\n");
                for line in view::rows(&crossing, now(), cx.out.format == Format::Wide).lines() {
                    text.extend(["  ", line, "\n"]);
                }
            }
            Err(error) => cx.out.talk(&format!("warning: reservations cannot be read: {error}")),
        }
    }
    if matches!(V::KIND, "mission" | "kluster" | "task") {
        managers(cx, &client, &item.id(), &mut text).await;
    }
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

/// Says which policy a kluster inherits.
async fn inherited(client: &Client, kluster: &str, fields: &mut view::Fields) -> anyhow::Result<()> {
    let kluster: Kluster = client.get(kluster, &Scope::default()).await?;
    if kluster.overlap_policy.is_some() {
        return Ok(());
    }
    let mission: Mission = client.get(&kluster.mission_id.to_string(), &Scope::default()).await?;
    let words = view::in_force(None, Some((mission.name.as_str(), mission.overlap_policy.as_ref())));
    if let Some(field) = fields.iter_mut().find(|(name, _)| *name == view::OVERLAP) {
        field.1 = words;
    }
    Ok(())
}

/// The suggestions that somebody accepted as a link, with a task on one of both sides.
async fn linked(client: &Client, task: &str) -> Result<Vec<OverlapSuggestion>, mc_client::Error> {
    let query = ListQuery {
        task: Some(task.to_owned()),
        states: vec![OverlapState::Accepted.to_string()],
        limit: Some(100),
        ..ListQuery::default()
    };
    let mut accepted = client.list::<OverlapSuggestion>(&query).await?.items;
    accepted.retain(|one| one.resolution == Some(OverlapAction::Link));
    Ok(accepted)
}

/// Who owns which fields, one line per manager.
async fn managers(cx: &Invocation, client: &Client, id: &str, text: &mut String) {
    let owners = match client.field_owners(id).await {
        Ok(owners) => owners.items,
        Err(error) => return cx.out.talk(&format!("warning: owners of fields cannot be read: {error}")),
    };
    let mut fields: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for owner in owners {
        fields.entry(owner.manager).or_default().push(owner.field);
    }
    if !fields.is_empty() {
        text.push_str("\nFields owned by:\n");
    }
    for (manager, fields) in fields {
        text.extend(["  ", &table::one_line(&format!("{manager}  {}", fields.join(", "))), "\n"]);
    }
}

/// People know principals by name. What cannot be looked up stays an id.
async fn with_names(client: &Client, mut text: String, own: &str) -> String {
    let is_id = |word: &&str| *word != own && word.parse::<PrincipalId>().is_ok();
    let ids: BTreeSet<String> = text.split_whitespace().filter(is_id).map(str::to_owned).collect();
    let ids: Vec<String> = ids.into_iter().take(100).collect();
    if !ids.is_empty()
        && let Ok(names) = client.principal_names(&ids).await
    {
        for known in names.items {
            text = text.replace(&known.id.to_string(), known.name.as_str());
        }
    }
    text
}

/// The open suggestions of overlapping work with an object on one of both sides.
async fn overlaps(client: &Client, kind: &str, id: &str) -> Result<Vec<OverlapSuggestion>, mc_client::Error> {
    let of = |own: &str| (kind == own).then(|| id.to_owned());
    let query = ListQuery {
        task: of("task"),
        doc: of("doc"),
        artifact: of("artifact"),
        states: vec![OverlapState::Open.to_string()],
        limit: Some(20),
        ..ListQuery::default()
    };
    Ok(client.list::<OverlapSuggestion>(&query).await?.items)
}

/// The open reservations that share a path with what a task declares.
async fn crossing(client: &Client, task: &str) -> Result<Vec<Reservation>, mc_client::Error> {
    let query = ListQuery { crosses: Some(task.to_owned()), ..ListQuery::default() };
    Ok(client.list::<Reservation>(&query).await?.items)
}

async fn last_events(client: &Client, subject: &str) -> Result<Vec<LedgerEvent>, mc_client::Error> {
    let query = ListQuery {
        subject: Some(subject.to_owned()),
        order: Some(ListOrder::Desc),
        limit: u32::try_from(EVENTS).ok(),
        ..ListQuery::default()
    };
    let mut last = client.ledger_events(&query).await?.items;
    last.reverse();
    Ok(last)
}
