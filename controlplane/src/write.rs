//! The one shape of a write: begin, replay, body, store the answer, commit, and again on a serialization failure.

use mc_api::ProblemKind;
use mc_api::Timestamp;
use mc_ledger::sha256;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::op::OpCtx;

/// How often a transaction is run again on a serialization failure.
pub(crate) const MAX_RUNS: u32 = 8;
/// How long answers are kept for repeated requests.
pub(crate) const KEEP_ANSWERS: std::time::Duration = std::time::Duration::from_hours(24);

/// Runs a body in a write transaction, once per idempotency key.
///
/// The body may run again after a serialization failure, so it has no effect outside `tx`. Its value is stored with
/// the caller's idempotency key in the same transaction, and given again when the request is repeated.
#[macro_export]
macro_rules! write_tx {
    ($app:expr, $cx:expr, |$tx:ident| $body:block) => {{
        let mut run = 0_u32;
        loop {
            run += 1;
            let mut transaction = $app.db.begin_write().await?;
            let outcome = async {
                let $tx = &mut transaction;
                if let Some(answer) = $crate::write::replay($tx, $cx).await? {
                    return Ok((answer, false));
                }
                let value = $crate::write::typed(async { $body }).await?;
                $crate::write::keep($tx, $cx, &value).await?;
                Ok::<_, $crate::error::Error>((value, true))
            }
            .await;
            match $crate::write::finish($app, $cx, transaction, outcome, run).await {
                std::ops::ControlFlow::Break(result) => break result,
                std::ops::ControlFlow::Continue(()) => {}
            }
        }
    }};
}

/// Runs a body in a write transaction on behalf of a node or of the system, who send no idempotency key.
///
/// As in [`write_tx!`] the body may run again and has no effect outside `tx`.
#[macro_export]
macro_rules! system_tx {
    ($app:expr, |$tx:ident| $body:block) => {{
        let mut run = 0_u32;
        loop {
            run += 1;
            let mut transaction = $app.db.begin_write().await?;
            let outcome = async {
                let $tx = &mut transaction;
                $crate::write::typed(async { $body }).await
            }
            .await;
            match $crate::write::finish_system($app, transaction, outcome, run).await {
                std::ops::ControlFlow::Break(result) => break result,
                std::ops::ControlFlow::Continue(()) => {}
            }
        }
    }};
}

/// Runs a body in a write transaction that is rolled back whatever comes of it: what a dry run does.
///
/// As in [`write_tx!`] the body may run again and has no effect outside `tx`.
#[macro_export]
macro_rules! rehearse_tx {
    ($app:expr, |$tx:ident| $body:block) => {{
        let mut run = 0_u32;
        loop {
            run += 1;
            let mut transaction = $app.db.begin_write().await?;
            let outcome = async {
                let $tx = &mut transaction;
                $crate::write::typed(async { $body }).await
            }
            .await;
            drop(transaction);
            match outcome {
                Err(error) if error.is_retry() && run < $crate::write::MAX_RUNS => {}
                outcome => break outcome,
            }
        }
    }};
}

#[derive(sqlx_macros::FromRow)]
struct Kept {
    body_sha256: String,
    answer: Option<String>,
}

/// Tells the compiler what a body answers with.
pub fn typed<T, F: Future<Output = Result<T, Error>>>(body: F) -> F {
    body
}

/// Reserves the key, or gives the answer that was kept for it.
///
/// # Errors
/// [`ProblemKind::IdempotencyKeyReused`] when the key was used with another body.
pub async fn replay<T: DeserializeOwned>(tx: &mut Tx, cx: &OpCtx) -> Result<Option<T>, Error> {
    let Some(request) = &cx.idempotency else { return Ok(None) };
    let reserved = tx
        .query(
            "INSERT INTO idempotency (principal_id, route, idempotency_key, body_sha256, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        )
        .bind(cx.caller.id)
        .bind(request.route.clone())
        .bind(request.key.clone())
        .bind(request.body_sha256.clone())
        .bind(cx.now())
        .execute()
        .await?;
    if reserved == 1 {
        return Ok(None);
    }
    let kept: Kept = tx
        .query("SELECT body_sha256, answer FROM idempotency WHERE principal_id = $1 AND route = $2 AND idempotency_key = $3")
        .bind(cx.caller.id)
        .bind(request.route.clone())
        .bind(request.key.clone())
        .fetch_one()
        .await?;
    if kept.body_sha256 != request.body_sha256 {
        return Err(Error::new(
            ProblemKind::IdempotencyKeyReused,
            "the idempotency key was used for another request body; send a new key",
        ));
    }
    let Some(answer) = kept.answer else {
        return Err(Error {
            retry_after: Some(1),
            ..Error::new(ProblemKind::IdempotencyInFlight, "the same request is being worked on")
        });
    };
    cx.mark_replayed();
    serde_json::from_str(&answer).map(Some).map_err(Error::internal)
}

/// Keeps the answer. One-time secrets are taken out by [`without_secrets`].
pub async fn keep<T: Serialize>(tx: &mut Tx, cx: &OpCtx, value: &T) -> Result<(), Error> {
    let Some(request) = &cx.idempotency else { return Ok(()) };
    let mut answer = serde_json::to_value(value).map_err(Error::internal)?;
    without_secrets(&mut answer);
    tx.query(
        "UPDATE idempotency SET answer = $4 WHERE principal_id = $1 AND route = $2 AND idempotency_key = $3",
    )
    .bind(cx.caller.id)
    .bind(request.route.clone())
    .bind(request.key.clone())
    .bind(answer.to_string())
    .execute()
    .await?;
    Ok(())
}

/// Every secret that an answer shows once is its top-level member `token`.
fn without_secrets(answer: &mut serde_json::Value) {
    if let Some(object) = answer.as_object_mut() {
        object.remove("token");
    }
}

/// Commits or rolls back; `Continue` means: run the body again.
pub async fn finish<T>(
    app: &App,
    cx: &OpCtx,
    tx: Tx,
    outcome: Result<(T, bool), Error>,
    run: u32,
) -> std::ops::ControlFlow<Result<T, Error>> {
    use std::ops::ControlFlow::{Break, Continue};
    app.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (value, fresh) = match outcome {
        Ok((value, fresh)) => (Ok(value), fresh),
        Err(error) => (Err(error), true),
    };
    if !fresh {
        return Break(value);
    }
    match finish_system(app, tx, value, run).await {
        Break(Err(error)) => Break(Err(refused(app, cx, error).await)),
        Break(Ok(value)) => Break(Ok(value)),
        Continue(()) => Continue(()),
    }
}

/// [`finish`] without a caller to whom a refusal belongs.
pub async fn finish_system<T>(
    app: &App,
    tx: Tx,
    outcome: Result<T, Error>,
    run: u32,
) -> std::ops::ControlFlow<Result<T, Error>> {
    use std::ops::ControlFlow::{Break, Continue};
    let error = match outcome {
        Ok(value) => {
            let recorded = tx.recorded;
            match app.db.commit(tx).await {
                Ok(()) => {
                    if recorded {
                        app.sequencer.nudge();
                    }
                    return Break(Ok(value));
                }
                Err(error) => Error::from(error),
            }
        }
        Err(error) => {
            drop(tx);
            error
        }
    };
    if error.is_retry() && run < MAX_RUNS {
        metrics::counter!("mc_db_transaction_retries_total").increment(1);
        // A short pause that differs between contenders, so that they do not meet again.
        let jitter = u64::from(app.ids.bytes::<1>()[0] % 16);
        tokio::time::sleep(std::time::Duration::from_millis(jitter + u64::from(run) * 2)).await;
        return Continue(());
    }
    Break(Err(error))
}

/// Records a refusal that happens before any transaction of the change; the error is given back.
pub(crate) async fn refused(app: &App, cx: &OpCtx, error: Error) -> Error {
    if matches!(
        error.kind,
        ProblemKind::Forbidden
            | ProblemKind::SelfApproval
            | ProblemKind::ApprovalTokenInvalid
            | ProblemKind::LeaseLost
    ) && let Err(failure) = crate::ledger::record_refusal(app, cx, &error).await
    {
        tracing::error!(request.id = %cx.request_id, error = %failure, "a refusal could not be recorded");
    }
    error
}

/// Forgets answers that are older than [`KEEP_ANSWERS`]. Returns how many.
pub(crate) async fn forget_answers(app: &App, now: Timestamp) -> Result<u64, DbError> {
    let mut all = 0;
    loop {
        let mut tx = app.db.begin_write().await?;
        let forgotten = tx
            .query(
                "DELETE FROM idempotency WHERE (principal_id, route, idempotency_key) IN
                     (SELECT principal_id, route, idempotency_key FROM idempotency WHERE created_at < $1
                      ORDER BY created_at LIMIT 5000)",
            )
            .bind(now.minus(KEEP_ANSWERS))
            .execute()
            .await?;
        app.db.commit(tx).await?;
        all += forgotten;
        if forgotten < 5000 {
            return Ok(all);
        }
    }
}

/// SHA-256 as lowercase hex.
pub(crate) fn hex_digest(bytes: &[u8]) -> String {
    sha256(bytes).to_string()
}
