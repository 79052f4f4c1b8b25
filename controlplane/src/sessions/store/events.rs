//! Journal records as they came.

use mc_api::id::SessionId;

use crate::db::{DbError, Sql, Tx};

/// Rows of one statement: nine values each, far below what either database takes.
const ROWS: usize = 100;

/// A record to store.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    pub(crate) seq: i64,
    pub(crate) seq_hi: i64,
    pub(crate) record: i64,
    pub(crate) flags: i64,
    pub(crate) wall_us: i64,
    pub(crate) kind: Option<&'static str>,
    pub(crate) payload: Vec<u8>,
    pub(crate) crc: i64,
}

/// A stored record that is a published event.
#[derive(Debug, Clone, sqlx_macros::FromRow)]
pub(crate) struct StoredEvent {
    pub(crate) seq: i64,
    pub(crate) record: i64,
    pub(crate) flags: i64,
    pub(crate) wall_us: i64,
    pub(crate) payload: Vec<u8>,
}

fn values(rows: usize) -> String {
    let row = |index: usize| {
        let places: Vec<String> = (1..=9).map(|column| format!("${}", index * 9 + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

pub(crate) async fn insert_events(
    tx: &mut Tx,
    session: SessionId,
    events: &[NewEvent],
) -> Result<(), DbError> {
    for chunk in events.chunks(ROWS) {
        let text = format!(
            "INSERT INTO session_event (session_id, seq, seq_hi, record, flags, wall_us, kind, payload, crc) VALUES {}",
            values(chunk.len())
        );
        let mut query = tx.query(Sql::Built(text));
        for event in chunk {
            query = query
                .bind(session)
                .bind(event.seq)
                .bind(event.seq_hi)
                .bind(event.record)
                .bind(event.flags)
                .bind(event.wall_us)
                .bind(event.kind)
                .bind(event.payload.clone())
                .bind(event.crc);
        }
        query.execute().await?;
    }
    Ok(())
}

/// `(seq, seq_hi, crc)` of the stored records that begin in a range.
pub(crate) async fn checksums(
    tx: &mut Tx,
    session: SessionId,
    from: i64,
    upto: i64,
) -> Result<Vec<(i64, i64, i64)>, DbError> {
    tx.query(
        "SELECT seq, seq_hi, crc FROM session_event WHERE session_id = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq",
    )
    .bind(session)
    .bind(from)
    .bind(upto)
    .fetch_all()
    .await
}

/// Published events from a position on: at most `limit`, and at most about `max_bytes` of payload, but at least one.
pub(crate) async fn page_of_events(
    tx: &mut Tx,
    session: SessionId,
    from: i64,
    limit: i64,
    max_bytes: i64,
) -> Result<Vec<StoredEvent>, DbError> {
    let sizes: Vec<(i64, i64)> = tx
        .query(
            "SELECT seq, CAST(LENGTH(payload) AS BIGINT) FROM session_event
             WHERE session_id = $1 AND seq >= $2 AND kind IS NOT NULL ORDER BY seq LIMIT $3",
        )
        .bind(session)
        .bind(from)
        .bind(limit)
        .fetch_all()
        .await?;
    let mut sum = 0;
    let mut last = None;
    for (seq, bytes) in sizes {
        sum += bytes;
        if last.is_some() && sum > max_bytes {
            break;
        }
        last = Some(seq);
    }
    let Some(last) = last else { return Ok(Vec::new()) };
    tx.query(
        "SELECT seq, record, flags, wall_us, payload FROM session_event
         WHERE session_id = $1 AND seq >= $2 AND seq <= $3 AND kind IS NOT NULL ORDER BY seq",
    )
    .bind(session)
    .bind(from)
    .bind(last)
    .fetch_all()
    .await
}

/// Published events before a position, oldest first: of the last `limit` as many as have about `max_bytes` of payload,
/// but at least one. Tells as well whether nothing comes before them.
pub(crate) async fn events_before(
    tx: &mut Tx,
    session: SessionId,
    before: i64,
    limit: i64,
    max_bytes: i64,
) -> Result<(Vec<StoredEvent>, bool), DbError> {
    let sizes: Vec<(i64, i64)> = tx
        .query(
            "SELECT seq, CAST(LENGTH(payload) AS BIGINT) FROM session_event
             WHERE session_id = $1 AND seq < $2 AND kind IS NOT NULL ORDER BY seq DESC LIMIT $3",
        )
        .bind(session)
        .bind(before)
        .bind(limit)
        .fetch_all()
        .await?;
    let mut is_first = i64::try_from(sizes.len()).unwrap_or(i64::MAX) < limit;
    let (mut sum, mut first) = (0, None);
    for (seq, bytes) in sizes {
        sum += bytes;
        if first.is_some() && sum > max_bytes {
            is_first = false;
            break;
        }
        first = Some(seq);
    }
    let Some(first) = first else { return Ok((Vec::new(), true)) };
    let events = tx
        .query(
            "SELECT seq, record, flags, wall_us, payload FROM session_event
             WHERE session_id = $1 AND seq >= $2 AND seq < $3 AND kind IS NOT NULL ORDER BY seq",
        )
        .bind(session)
        .bind(first)
        .bind(before)
        .fetch_all()
        .await?;
    Ok((events, is_first))
}
