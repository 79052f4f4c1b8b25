//! An export of many events, and what it takes to make an event.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use mc_ledger::{Digest, Envelope, SealedEvent, sha256, to_canonical};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the export is written.
    file: PathBuf,
    /// How many events it has.
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
}

/// What the ledger keeps of a task that was created.
fn body(seq: u64) -> Value {
    json!({
        "kind": "task", "id": format!("tsk_{seq:032x}"), "key": format!("bench-{seq}"), "name": null,
        "mission_id": "mis_0197c5e2a7f07d6cb7f3d3a1f7c1a001", "kluster_id": "klu_0197c5e2a7f07d6cb7f3d3a1f7c1a002",
        "title": format!("Retry uploads to the object store, part {seq}"),
        "description": "When the store answers 503 the upload is tried again, with a pause that doubles, at most five times.",
        "definition_of_done": "", "state": "ready", "reason": null, "priority": 50, "capabilities": [], "paths": [],
        "on_dependency_failure": "block", "review_gates": false, "reviewers": [], "attempt": 0, "max_attempts": 3,
        "labels": {"area": "storage"}, "annotations": {}, "version": 1,
    })
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let name = || args.file.display().to_string();
    let mut file = std::io::BufWriter::new(std::fs::File::create(&args.file).with_context(name)?);
    let (mut prev, mut nanos, mut bytes) = (Digest::GENESIS, 0_u128, 0_usize);
    for seq in 1..=args.events {
        let (body, id) = (body(seq), format!("evt_{seq:032x}"));
        let began = Instant::now();
        let body = to_canonical(&body)?;
        let body_sha256 = sha256(body.as_bytes());
        let envelope = Envelope {
            id,
            organization_id: "org_0197c5e2a7f07d6cb7f3d3a1f7c1a003".into(),
            mission_id: Some("mis_0197c5e2a7f07d6cb7f3d3a1f7c1a001".into()),
            action: "task.create".into(),
            subject_kind: "task".into(),
            subject_id: format!("tsk_{seq:032x}"),
            principal_id: "prn_0197c5e2a7f07d6cb7f3d3a1f7c1a004".into(),
            request_id: format!("req_{seq:032x}"),
            occurred_at: "2026-01-01T00:00:00.000000Z".into(),
        };
        let hash = envelope.seal(prev, seq, body_sha256)?;
        nanos += began.elapsed().as_nanos();
        let event = SealedEvent { seq, prev, hash, envelope, body_sha256, body: Some(body) };
        prev = hash;
        let line = serde_json::to_string(&event)?;
        bytes += line.len() + 1;
        writeln!(file, "{line}").with_context(name)?;
    }
    file.flush().with_context(name)?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a mean")]
    let append_us = nanos as f64 / 1000.0 / args.events as f64;
    crate::print(&json!({ "events": args.events, "bytes": bytes, "append_us": append_us }));
    Ok(())
}
