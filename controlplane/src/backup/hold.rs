//! A backup and a sweep of objects exclude each other.
//!
//! A sweep removes bytes that nothing names any more; a snapshot may still name them. Whoever copies therefore holds the
//! sweep off, on Postgres by an advisory lock of the database, which every replica asks for, on SQLite by the lock of a file
//! in the data folder. Both end with their process. Several may copy at once.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use mc_api::ProblemKind;
use rustix::fs::FlockOperation;

use crate::db::{Backend, Db, DbError, Tx};
use crate::error::Error;

/// Key of the advisory lock.
const LOCK: i64 = 0x6d63_5f68_6f6c;
/// How long a copy waits for a sweep to end.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

/// Held until it is dropped.
#[must_use]
pub(crate) struct Sweeping(Held);

/// Held until it is dropped.
#[must_use]
pub(super) struct Holding(#[expect(dead_code, reason = "dropping it lets go")] Held);

enum Held {
    Transaction(Tx),
    File(#[expect(dead_code, reason = "dropping it lets go")] File),
}

fn open(data_dir: &Path) -> std::io::Result<File> {
    std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join("objects.lock"))
}

async fn attempt(db: &Db, data_dir: &Path, is_shared: bool) -> Result<Option<Held>, Error> {
    if db.backend() == Backend::Postgres {
        let mut tx = db.begin_write().await?;
        let text = if is_shared {
            "SELECT pg_try_advisory_xact_lock_shared($1)"
        } else {
            "SELECT pg_try_advisory_xact_lock($1)"
        };
        let (got,): (bool,) = tx.query(text).bind(LOCK).fetch_one().await?;
        // It does nothing but be there, for as long as a copy or a sweep takes.
        tx.unlimited().await?;
        return Ok(got.then_some(Held::Transaction(tx)));
    }
    let unusable = |error: std::io::Error| Error {
        source: Some(Box::new(error)),
        ..Error::unavailable("the data folder cannot be locked")
    };
    let file = open(data_dir).map_err(unusable)?;
    let operation = if is_shared {
        FlockOperation::NonBlockingLockShared
    } else {
        FlockOperation::NonBlockingLockExclusive
    };
    match rustix::fs::flock(&file, operation) {
        Ok(()) => Ok(Some(Held::File(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(unusable(error.into())),
    }
}

impl Sweeping {
    /// For a round of a sweep; `None`: somebody copies, or another replica sweeps.
    ///
    /// # Errors
    /// Database failures, and a data folder that cannot be written.
    pub(crate) async fn begin(db: &Db, data_dir: &Path) -> Result<Option<Self>, Error> {
        Ok(attempt(db, data_dir, false).await?.map(Self))
    }

    /// Lets go at once. A dropped one does so too, in Postgres some time later: when its connection goes back to the pool.
    ///
    /// # Errors
    /// Database failures; what is held goes with the connection then.
    pub(crate) async fn end(self, db: &Db) -> Result<(), Error> {
        match self.0 {
            Held::Transaction(tx) => Ok(db.commit(tx).await?),
            Held::File(_) => Ok(()),
        }
    }

    /// The same, for somebody who waits: a sweep that runs may end.
    ///
    /// # Errors
    /// As [`Sweeping::begin`].
    pub(crate) async fn begin_within(
        db: &Db,
        data_dir: &Path,
        patience: Duration,
    ) -> Result<Option<Self>, Error> {
        let began = Instant::now();
        loop {
            let got = Self::begin(db, data_dir).await?;
            if got.is_some() || began.elapsed() > patience {
                return Ok(got);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Holding {
    /// For a copy. It must begin before the snapshot does: what a sweep of before removed, the snapshot does not name.
    ///
    /// # Errors
    /// Database failures, a data folder that cannot be written, a sweep that does not end.
    pub(super) async fn begin(db: &Db, data_dir: &Path) -> Result<Self, Error> {
        let began = Instant::now();
        loop {
            if let Some(held) = attempt(db, data_dir, true).await? {
                return Ok(Self(held));
            }
            if began.elapsed() > PATIENCE {
                let detail = "a sweep of stored objects does not end; try again later";
                return Err(Error::new(ProblemKind::Unavailable, detail));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A database failure, said of what was being done.
pub(super) fn of_database(what: &str) -> impl FnOnce(DbError) -> Error {
    move |error| {
        let error = Error::from(error);
        let why = error
            .source
            .as_deref()
            .map_or_else(|| error.detail.clone(), |source| crate::opening::causes(source));
        Error { detail: format!("{what}: {why}"), source: None, ..error }
    }
}
