//! `mc search`.

use mc_api::search::SearchHit;

use crate::args::Search;
use crate::context::Invocation;
use crate::output::{Format, lines};
use crate::table;

pub(super) async fn run(cx: &Invocation, args: Search) -> anyhow::Result<()> {
    let scope = cx.scope()?;
    let joined = |words: Vec<String>| (!words.is_empty()).then(|| words.join(","));
    let pairs = [
        ("q", Some(args.query.join(" "))),
        ("mission", scope.mission.filter(|_| !args.all_missions)),
        // A kluster of the context narrows a search only when it is given here.
        ("kluster", cx.global.kluster.clone()),
        ("kind", joined(args.kind.iter().map(ToString::to_string).collect())),
        ("state", joined(args.state)),
        ("labels", args.labels),
        ("since", args.since),
        ("until", args.until),
        ("limit", args.limit.map(|limit| limit.to_string())),
        ("cursor", args.cursor),
    ];
    let query: Vec<_> =
        pairs.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))).collect();
    let page = cx.client()?.search(&query).await?;
    if let (Some(cursor), false) = (&page.next_cursor, cx.out.format == Format::Json) {
        cx.out.talk(&format!("there are more; go on with --cursor {cursor}"));
    }
    if cx.out.format == Format::Json {
        return cx.out.json(&page);
    }
    if page.items.is_empty() {
        cx.out.talk("nothing found");
        return Ok(());
    }
    let wide = cx.out.format == Format::Wide;
    cx.out.list(page.items, |hits| match cx.out.format {
        Format::Name => lines(hits.iter().map(|hit| format!("{}/{}", hit.kind, reference(hit)))),
        Format::Table | Format::Wide | Format::Json | Format::Yaml => rows(hits, wide),
    })
}

fn reference(hit: &SearchHit) -> &str {
    hit.key.as_deref().unwrap_or(&hit.id)
}

fn rows(hits: &[SearchHit], wide: bool) -> String {
    let columns: &[&'static str] = if wide {
        &["KIND", "KEY", "STATE", "SCORE", "WORDS", "MEANING", "TITLE", "MATCH"]
    } else {
        &["KIND", "KEY", "STATE", "SCORE", "TITLE"]
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let rows = hits.iter().map(|hit| {
        let mut row = vec![
            hit.kind.to_string(),
            reference(hit).to_owned(),
            hit.state.clone().unwrap_or_else(|| "-".to_owned()),
            percent(hit.score),
        ];
        if wide {
            row.extend([percent(hit.lexical), percent(hit.vector)]);
        }
        row.push(hit.title.clone());
        if wide {
            let body = hit.highlights.iter().find(|highlight| highlight.field == "body");
            row.push(body.map_or_else(|| "-".to_owned(), |found| format!("{}: {}", found.line, found.text)));
        }
        row
    });
    table::render(columns, rows.collect(), !wide)
}
