//! Background work on reservations: what ran out or lost its holder ends, and who is next in line is let in.

use mc_api::id::OrganizationId;
use mc_api::reservation::ReservationState;
use mc_api::{Action, Repository};

use super::model::{self, Record};
use super::service::event;
use super::store;
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::ledger;
use crate::missions::service::changed_meanwhile;
use crate::op::system_proof;
use crate::system_tx;

/// How many repositories one round looks at.
const BATCH: i64 = 100;

/// One round: idempotent, and harmless beside itself in another replica.
///
/// # Errors
/// Database failures; the next round tries again.
pub async fn run(app: &App) -> Result<(), Error> {
    let due = store::due(&mut app.db.begin_read().await?, app.clock.now(), BATCH).await?;
    for (organization, repository) in due {
        system_tx!(app, |tx| {
            store::lock(tx, organization, &repository).await?;
            settle(tx, app, organization, &repository).await.map(drop)
        })?;
    }
    Ok(())
}

/// Gives every open lease its whole length from now: a restart of ours costs nobody a reservation.
///
/// # Errors
/// Database failures.
pub async fn extend_after_restart(app: &App) -> Result<(), Error> {
    let mut tx = app.db.begin_write().await?;
    let extended = store::extend(&mut tx, app.clock.now()).await?;
    app.db.commit(tx).await?;
    if extended > 0 {
        tracing::info!(reservations = extended, "extended {extended} reservations after the start");
    }
    Ok(())
}

/// Brings a repository, whose lock is held, in order: ends what is over and lets in who is next. Gives what is open
/// then, in line order.
pub(super) async fn settle(
    tx: &mut Tx,
    app: &App,
    organization: OrganizationId,
    repository: &Repository,
) -> Result<Vec<Record>, Error> {
    let now = app.clock.now();
    let mut open = Vec::new();
    for record in store::open(tx, organization, repository).await? {
        if record.is_over {
            save(tx, app, &record, ReservationState::Ended, "reservation.end").await?;
        } else if record.reservation.expires_at <= now {
            save(tx, app, &record, ReservationState::Expired, "reservation.expire").await?;
            metrics::counter!("mc_reservations_expired_total").increment(1);
        } else {
            open.push(record);
        }
    }
    while let Some(index) = model::next_in_line(&open) {
        open[index] = save(tx, app, &open[index], ReservationState::Active, "reservation.promote").await?;
    }
    Ok(open)
}

async fn save(
    tx: &mut Tx,
    app: &App,
    before: &Record,
    to: ReservationState,
    verb: &'static str,
) -> Result<Record, Error> {
    let now = app.clock.now();
    let mut after = before.clone();
    model::go(&mut after.reservation, to)?;
    if to == ReservationState::Active {
        after.reservation.expires_at = super::service::lease_end(now, after.reservation.ttl_seconds);
    }
    after.reservation.version += 1;
    after.reservation.updated_at = now.max(before.reservation.updated_at);
    if !store::replace(tx, &before.reservation, &after.reservation).await? {
        return Err(changed_meanwhile());
    }
    let proof = system_proof(Action::ReleaseReservation, after.reservation.mission_id);
    let event = event(&after.reservation, Some(&before.reservation))?;
    ledger::record_system(tx, app, before.organization, proof, verb, event).await?;
    Ok(after)
}
