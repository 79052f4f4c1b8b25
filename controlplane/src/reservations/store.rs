//! Reservations in the database.

use mc_api::id::{MissionId, OrganizationId, PrincipalId, ReservationId, SessionId, TaskId};
use mc_api::reservation::{Reservation, ReservationMode, ReservationState};
use mc_api::{Name, Repository, Timestamp};
use mc_glob::Glob;

use super::model::Record;
use crate::db::{DbError, Filter, Sql, Tx};
use crate::op::Scope;

#[derive(sqlx_macros::FromRow)]
struct Row {
    reservation_id: ReservationId,
    organization_id: OrganizationId,
    repository: Repository,
    place: i64,
    mission_id: MissionId,
    mission: Name,
    task_id: Option<TaskId>,
    task_key: Option<String>,
    session_id: Option<SessionId>,
    principal_id: PrincipalId,
    principal: String,
    mode: ReservationMode,
    state: ReservationState,
    globs: String,
    reason: Option<String>,
    ttl_seconds: i32,
    expires_at: Timestamp,
    is_over: bool,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Task, agent session or mission have ended.
macro_rules! is_over {
    () => {
        "(m.deleted_at IS NOT NULL OR t.deleted_at IS NOT NULL OR COALESCE(t.state IN ('done', 'failed', 'cancelled'), FALSE)
             OR COALESCE(s.state IN ('stopped', 'failed'), FALSE))"
    };
}

macro_rules! from {
    () => {
        " FROM reservation r JOIN mission m ON m.mission_id = r.mission_id JOIN principal p ON p.principal_id = r.principal_id
         LEFT JOIN task t ON t.task_id = r.task_id LEFT JOIN agent_session s ON s.session_id = r.session_id"
    };
}

const SELECT: &str = concat!(
    "SELECT r.reservation_id, r.organization_id, r.repository, r.place, r.mission_id, m.name AS mission, r.task_id,
         t.task_key, r.session_id, r.principal_id, p.name AS principal, r.mode, r.state, r.globs, r.reason,
         r.ttl_seconds, r.expires_at, ",
    is_over!(),
    " AS is_over, r.version, r.created_at, r.updated_at",
    from!()
);

/// The condition of the partial indexes.
const IS_OPEN: &str = "r.state IN ('pending', 'active')";

impl TryFrom<Row> for Record {
    type Error = DbError;
    fn try_from(row: Row) -> Result<Self, DbError> {
        let broken = |message: String| DbError::Inconsistent { table: "reservation", message };
        let texts: Vec<String> =
            serde_json::from_str(&row.globs).map_err(|error| broken(format!("globs: {error}")))?;
        let globs: Result<Vec<Glob>, _> = texts.iter().map(|text| text.parse()).collect();
        Ok(Self {
            organization: row.organization_id,
            place: row.place,
            is_over: row.is_over,
            globs: globs.map_err(|error| broken(format!("globs: {error}")))?,
            reservation: Reservation {
                kind: "reservation".into(),
                id: row.reservation_id,
                state: row.state,
                repository: row.repository,
                globs: texts,
                mode: row.mode,
                mission_id: row.mission_id,
                mission: row.mission,
                task_id: row.task_id,
                task: row.task_key,
                session_id: row.session_id,
                principal_id: row.principal_id,
                principal: row.principal,
                reason: row.reason,
                ttl_seconds: row.ttl_seconds,
                expires_at: row.expires_at,
                version: row.version,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
        })
    }
}

/// Which reservations are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: Option<ReservationId>,
    pub(crate) mission: Option<MissionId>,
    pub(crate) repository: Option<Repository>,
    pub(crate) task: Option<TaskId>,
    /// Absent: the open ones, unless one is asked for by its id.
    pub(crate) state: Option<ReservationState>,
    pub(crate) after: Option<ReservationId>,
    pub(crate) limit: i64,
}

pub(crate) async fn list(tx: &mut Tx, scope: Scope, wanted: Wanted) -> Result<Vec<Record>, DbError> {
    let mut filter = scope.apply(Filter::new(tx, SELECT), "r.organization_id = ?", "r.mission_id");
    if wanted.id.is_none() && wanted.state.is_none() {
        filter = filter.always(IS_OPEN);
    }
    let rows: Vec<Row> = filter
        .and_some("r.reservation_id = ?", wanted.id)
        .and_some("r.mission_id = ?", wanted.mission)
        .and_some("r.repository = ?", wanted.repository)
        .and_some("r.task_id = ?", wanted.task)
        .and_some("r.state = ?", wanted.state)
        .and_some("r.reservation_id > ?", wanted.after)
        .finish(tx, "r.reservation_id", wanted.limit)
        .fetch_all()
        .await?;
    rows.into_iter().map(Record::try_from).collect()
}

/// The open reservations of a repository, in line order. Their number is limited by [`super::model::check_room`].
pub(crate) async fn open(
    tx: &mut Tx,
    organization: OrganizationId,
    repository: &Repository,
) -> Result<Vec<Record>, DbError> {
    let rows: Vec<Row> = Filter::new(tx, SELECT)
        .always(IS_OPEN)
        .and("r.organization_id = ?", organization)
        .and("r.repository = ?", repository.clone())
        .finish(tx, "r.place", i64::MAX)
        .fetch_all()
        .await?;
    rows.into_iter().map(Record::try_from).collect()
}

/// Locks the repository, the last lock in the documented order; its row is made when absent.
pub(crate) async fn lock(
    tx: &mut Tx,
    organization: OrganizationId,
    repository: &Repository,
) -> Result<(), DbError> {
    tx.query(
        "INSERT INTO reservation_repository (organization_id, repository, next_place) VALUES ($1, $2, 1)
         ON CONFLICT DO NOTHING",
    )
    .bind(organization)
    .bind(repository.clone())
    .execute()
    .await?;
    tx.query(Sql::Each {
        postgres: "SELECT next_place FROM reservation_repository WHERE organization_id = $1 AND repository = $2 FOR UPDATE",
        // The single writer is the lock.
        sqlite: "SELECT next_place FROM reservation_repository WHERE organization_id = $1 AND repository = $2",
    })
    .bind(organization)
    .bind(repository.clone())
    .fetch_one::<(i64,)>()
    .await?;
    Ok(())
}

/// The next place in the line of a repository, whose lock is held.
pub(crate) async fn take_place(
    tx: &mut Tx,
    organization: OrganizationId,
    repository: &Repository,
) -> Result<i64, DbError> {
    let (place,): (i64,) = tx
        .query(
            "UPDATE reservation_repository SET next_place = next_place + 1
             WHERE organization_id = $1 AND repository = $2 RETURNING next_place - 1",
        )
        .bind(organization)
        .bind(repository.clone())
        .fetch_one()
        .await?;
    Ok(place)
}

pub(crate) async fn insert(tx: &mut Tx, record: &Record) -> Result<(), DbError> {
    let reservation = &record.reservation;
    tx.query(
        "INSERT INTO reservation (reservation_id, organization_id, repository, place, mission_id, task_id, session_id,
             principal_id, mode, state, globs, reason, ttl_seconds, expires_at, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
    )
    .bind(reservation.id)
    .bind(record.organization)
    .bind(reservation.repository.clone())
    .bind(record.place)
    .bind(reservation.mission_id)
    .bind(reservation.task_id)
    .bind(reservation.session_id)
    .bind(reservation.principal_id)
    .bind(reservation.mode)
    .bind(reservation.state)
    .bind(serde_json::to_string(&reservation.globs).expect("a list of texts is JSON"))
    .bind(reservation.reason.clone())
    .bind(reservation.ttl_seconds)
    .bind(reservation.expires_at)
    .bind(reservation.version)
    .bind(reservation.created_at)
    .execute()
    .await?;
    Ok(())
}

/// Compare-and-set on version and state. `false` when they are no longer those before.
pub(crate) async fn replace(tx: &mut Tx, before: &Reservation, after: &Reservation) -> Result<bool, DbError> {
    let changed = tx
        .query(
            "UPDATE reservation SET state = $4, ttl_seconds = $5, expires_at = $6, version = $7, updated_at = $8
             WHERE reservation_id = $1 AND version = $2 AND state = $3",
        )
        .bind(before.id)
        .bind(before.version)
        .bind(before.state)
        .bind(after.state)
        .bind(after.ttl_seconds)
        .bind(after.expires_at)
        .bind(after.version)
        .bind(after.updated_at)
        .execute()
        .await?;
    Ok(changed == 1)
}

/// Repositories with reservations whose lease ran out or whose task, agent session or mission has ended.
pub(crate) async fn due(
    tx: &mut Tx,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(OrganizationId, Repository)>, DbError> {
    tx.query(concat!(
        "SELECT DISTINCT r.organization_id, r.repository",
        from!(),
        " WHERE r.state IN ('pending', 'active') AND (r.expires_at <= $1 OR ",
        is_over!(),
        ") LIMIT $2"
    ))
    .bind(now)
    .bind(limit)
    .fetch_all()
    .await
}

/// Gives every open lease its whole length from now: after a restart nobody loses a lease for our absence.
pub(crate) async fn extend(tx: &mut Tx, now: Timestamp) -> Result<u64, DbError> {
    tx.query(
        "UPDATE reservation SET expires_at = $1 + CAST(ttl_seconds AS BIGINT) * 1000000
         WHERE state IN ('pending', 'active') AND expires_at < $1 + CAST(ttl_seconds AS BIGINT) * 1000000",
    )
    .bind(now)
    .execute()
    .await
}
