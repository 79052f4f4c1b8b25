//! What may be asked of an endpoint: tokens of an hour and of a day (UTC), counted in the database, so that neither a
//! restart nor a second control plane begins anew.

use mc_api::Timestamp;

use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::system_tx;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;
/// So long it is remembered what was spent.
const KEPT: i64 = 40 * DAY;

/// The limits; `None`: any number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) per_hour: Option<i64>,
    pub(super) per_day: Option<i64>,
}

/// What was spent in the hour and in the day of a time.
#[derive(sqlx_macros::FromRow, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) hour: i64,
    pub(super) day: i64,
}

/// A reservation of tokens.
#[derive(Debug)]
pub(super) struct Reserved {
    hour_at: i64,
    tokens: i64,
}

fn begin(now: Timestamp, of: i64) -> i64 {
    now.as_micros() - now.as_micros().rem_euclid(of)
}

/// What was spent.
pub(super) async fn spent(tx: &mut Tx, now: Timestamp) -> Result<Spent, DbError> {
    tx.query(
        "SELECT CAST(COALESCE(SUM(CASE WHEN hour_at = $1 THEN tokens ELSE 0 END), 0) AS BIGINT) AS hour,
                CAST(COALESCE(SUM(tokens), 0) AS BIGINT) AS day FROM embedding_spend WHERE hour_at >= $2",
    )
    .bind(begin(now, HOUR))
    .bind(begin(now, DAY))
    .fetch_one()
    .await
}

impl Limits {
    /// Until when nothing may be asked that costs so many tokens; `None`: it may be.
    fn refuses(self, spent: Spent, now: Timestamp) -> Option<Timestamp> {
        let over = |limit: Option<i64>, spent: i64| limit.is_some_and(|limit| spent > limit);
        let end = |of| Timestamp::from_micros(begin(now, of) + of);
        if over(self.per_day, spent.day) {
            Some(end(DAY))
        } else if over(self.per_hour, spent.hour) {
            Some(end(HOUR))
        } else {
            None
        }
    }

    /// Of costs in their order, how many fit in what is left.
    pub(super) fn fitting(self, spent: Spent, costs: &[i64]) -> usize {
        let left = |limit: Option<i64>, spent: i64| limit.map_or(i64::MAX, |limit| (limit - spent).max(0));
        let mut left = left(self.per_hour, spent.hour).min(left(self.per_day, spent.day));
        let fits = costs.iter().take_while(|cost| {
            left -= **cost;
            left >= 0
        });
        fits.count()
    }
}

/// Takes tokens before they are used: what is not known after a crash counts as used.
/// `Err` of the inner result: none are left until that time.
pub(super) async fn reserve(
    app: &App,
    limits: Limits,
    tokens: i64,
) -> Result<Result<Reserved, Timestamp>, Error> {
    let now = app.clock.now();
    let hour_at = begin(now, HOUR);
    let refused: Option<Timestamp> = system_tx!(app, |tx| {
        // The row is locked from here on, so that two do not take the same tokens.
        add(tx, hour_at, tokens).await?;
        let refused = limits.refuses(spent(tx, now).await?, now);
        if refused.is_some() {
            add(tx, hour_at, -tokens).await?;
        }
        Ok(refused)
    })?;
    Ok(refused.map_or(Ok(Reserved { hour_at, tokens }), Err))
}

async fn add(tx: &mut Tx, hour_at: i64, tokens: i64) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO embedding_spend (hour_at, tokens) VALUES ($1, $2)
         ON CONFLICT (hour_at) DO UPDATE SET tokens = embedding_spend.tokens + excluded.tokens",
    )
    .bind(hour_at)
    .bind(tokens)
    .execute()
    .await?;
    Ok(())
}

/// Puts right what a call cost in truth. One that failed may have cost nothing, or all: it counts as reserved.
pub(super) async fn settle(app: &App, reserved: Reserved, used: i64) -> Result<(), Error> {
    let difference = used - reserved.tokens;
    if difference == 0 {
        return Ok(());
    }
    system_tx!(app, |tx| { Ok(add(tx, reserved.hour_at, difference).await?) })
}

/// Forgets what was spent long ago.
pub(super) async fn forget(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    tx.query("DELETE FROM embedding_spend WHERE hour_at < $1").bind(now.as_micros() - KEPT).execute().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_what_the_smaller_limit_leaves() {
        let limits = Limits { per_hour: Some(100), per_day: Some(150) };
        assert_eq!(limits.fitting(Spent { hour: 0, day: 0 }, &[40, 40, 40]), 2);
        assert_eq!(limits.fitting(Spent { hour: 0, day: 120 }, &[40, 40]), 0);
        assert_eq!(Limits::default().fitting(Spent { hour: 9, day: 9 }, &[40, i64::MAX / 2]), 2);
    }

    #[test]
    fn a_limit_that_is_passed_says_until_when() {
        let limits = Limits { per_hour: Some(100), per_day: Some(150) };
        let now = Timestamp::from_micros(DAY + HOUR + 5);
        assert_eq!(limits.refuses(Spent { hour: 100, day: 150 }, now), None);
        let end = limits.refuses(Spent { hour: 101, day: 101 }, now);
        assert_eq!(end, Some(Timestamp::from_micros(DAY + 2 * HOUR)));
        let end = limits.refuses(Spent { hour: 101, day: 151 }, now);
        assert_eq!(end, Some(Timestamp::from_micros(2 * DAY)));
    }
}
