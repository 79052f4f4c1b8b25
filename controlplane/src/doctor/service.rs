//! The comparison as an operation.

use mc_api::Action;
use mc_api::doctor::{CheckObjects, ObjectCheck};

use super::place::Key;
use super::{compare, mend};
use crate::app::App;
use crate::error::Error;
use crate::http::page;
use crate::op::OpCtx;
use crate::{write, write_tx};

/// What cursors are of.
const LIST: &str = "objects of the doctor";

/// Compares a part of the stored contents with what names them, and with `fix` mends what can be mended.
///
/// # Errors
/// [`mc_api::ProblemKind::Forbidden`], [`mc_api::ProblemKind::InvalidCursor`], [`mc_api::ProblemKind::Unavailable`] when the
/// store does not answer.
pub async fn check_objects(
    app: &App,
    mut cx: OpCtx,
    request: CheckObjects,
) -> Result<(OpCtx, ObjectCheck), Error> {
    let proof = match cx.authorize(Action::MendSystem) {
        Ok(proof) => proof,
        Err(error) => return Err(write::refused(app, &cx, error).await),
    };
    let cursor = request.cursor.as_deref().map(|cursor| page::open::<Key>(app, LIST, cursor)).transpose()?;
    let mut compared = compare::part(app, cursor.map(|key| key.0), request.deep).await?;
    let mut held = None;
    // What is recorded below is a step of this request, and not its answer.
    let idempotency = cx.idempotency.take();
    if request.fix {
        let mended = mend::mend(app, &cx, proof, &mut compared.suspects).await?;
        if let Some(edge) = mended.stopped_at {
            compared.end_at(edge);
        }
        held = mended.held;
    }
    let answer = ObjectCheck {
        kind: "object_check".into(),
        findings: compared.suspects.into_iter().map(|suspect| suspect.finding).collect(),
        checked: compared.checked.len() as u64,
        bytes_read: compared.bytes_read,
        held,
        next_cursor: compared.edge.map(|edge| page::seal(app, LIST, &Key(edge).to_string())),
    };
    if !request.fix {
        return Ok((cx, answer));
    }
    // Asked again after a lost answer it tells what was mended, and not that all is well by now.
    cx.idempotency = idempotency;
    let answer = write_tx!(app, &cx, |tx| { Ok(answer.clone()) })?;
    Ok((cx, answer))
}
