//! An empty installation that becomes a copy, in one moment.
//!
//! On Postgres all rows are written by one transaction. On SQLite they are written into a file beside its place, which is
//! moved there when it is whole. Bytes, keys and the Git ledger come before; without the rows they are nothing. A mark in the
//! data folder keeps a control plane from starting in between.

use std::path::{Path, PathBuf};

use mc_api::ProblemKind;
use mc_ledger::Digest;
use serde::{Deserialize, Serialize};

use super::around::Around;
use super::form::{Head, Manifest, Part, TableHead};
use super::hold::of_database;
use super::source::{Sink, Wanted, read_again, sqlite_path};
use super::tables::{self, Class};
use super::{folder_of, keys};
use crate::config::Config;
use crate::crash;
use crate::db::{Backend, Db, Tx, bulk};
use crate::error::Error;

/// The mark of a restore that has not ended.
const MARK: &str = "restore.unfinished";

/// What the mark says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The archive, as it was named.
    archive: String,
    /// Its digest.
    sha256: Digest,
}

fn mark_of(data_dir: &Path) -> Result<Option<Mark>, Error> {
    let path = data_dir.join(MARK);
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(keys::file("cannot be read", &path, &error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::new(ProblemKind::InvalidTransition, format!("{} cannot be read: {error}", path.display()))
        }),
    }
}

/// Refuses to serve what is only half there. Gives what is to be done.
///
/// # Errors
/// The archive whose restore was interrupted.
pub(super) fn refuse_unfinished(data_dir: &Path) -> Result<(), String> {
    match mark_of(data_dir) {
        Ok(None) => Ok(()),
        Ok(Some(mark)) => Err(format!(
            "a restore of {} has not ended: run it again, or remove the folder and what was restored into it",
            mark.archive
        )),
        Err(error) => Err(error.detail),
    }
}

/// Marks the data folder; the same restore may find its mark. Blocks.
///
/// # Errors
/// Another restore has begun here.
pub(super) fn mark(config: &Config, archive: &Path, sha256: Digest) -> Result<(), Error> {
    let mark = Mark { archive: archive.display().to_string(), sha256 };
    match mark_of(&config.data_dir)? {
        Some(found) if found.sha256 == sha256 => Ok(()),
        Some(found) => {
            let detail = format!(
                "a restore of {} has not ended in {}: run that one again, or give another data folder",
                found.archive,
                config.data_dir.display()
            );
            Err(Error::new(ProblemKind::NotEmpty, detail))
        }
        None => {
            let path = config.data_dir.join(MARK);
            let bytes = serde_json::to_vec(&mark).map_err(Error::internal)?;
            crate::keyring::write_secret(&path, &bytes)
                .map_err(|error| keys::file("cannot be written", &path, &error))
        }
    }
}

/// Says that the restore has ended. Blocks.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn unmark(config: &Config) -> Result<(), Error> {
    let path = config.data_dir.join(MARK);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(keys::file("cannot be removed", &path, &error))
        }
        _ => Ok(()),
    }
}

/// What an installation is before a copy.
pub(super) enum Found {
    /// Nothing: it can be filled.
    Empty(Box<Target>),
    /// Something is there; it may be the copy.
    Filled(Db),
}

/// An installation that is being filled.
pub(super) struct Target {
    config: Config,
    head: Head,
    db: Db,
    tx: Tx,
    load: bulk::Load,
    all: Vec<bulk::Table>,
    /// The file that is filled, on SQLite.
    beside: Option<PathBuf>,
    table: Option<(bulk::Table, TableHead)>,
    around: Around,
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".restoring");
    name.into()
}

/// Removes a SQLite database with the files beside it.
fn remove_sqlite(path: &Path) -> Result<(), Error> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(keys::file("cannot be removed", Path::new(&name), &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether nothing is in it but what the migrations put there.
async fn is_empty(tx: &mut Tx, all: &[bulk::Table]) -> Result<bool, Error> {
    for table in all {
        if table.name == "ledger_head" {
            let (events,): (bool,) =
                tx.query("SELECT EXISTS (SELECT 1 FROM ledger_head WHERE seq > 0)").fetch_one().await?;
            if events {
                return Ok(false);
            }
        } else if !bulk::is_empty(tx, &table.name).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is in a database.
enum Content {
    Nothing,
    Installation,
}

/// Whether an installation is in a database.
///
/// # Errors
/// Database failures; tables of something else.
async fn look(db: &Db) -> Result<Content, Error> {
    let schema = db.schema().await.map_err(of_database("the database cannot be read"))?;
    let mut tx = db.begin_read().await?;
    let all = bulk::tables(&mut tx).await?;
    if schema == 0 {
        return match all.first() {
            None => Ok(Content::Nothing),
            Some(table) => {
                let detail = format!(
                    "the target has tables of something else, {} for one: give a database without tables",
                    table.name
                );
                Err(Error::new(ProblemKind::NotEmpty, detail))
            }
        };
    }
    Ok(if is_empty(&mut tx, &all).await? { Content::Nothing } else { Content::Installation })
}

/// The schema of the copy, in a database that has none or an older one.
async fn schema(db: &Db, head: &Head) -> Result<(), Error> {
    let of = of_database("the schema cannot be made");
    let found = db.schema().await.map_err(of_database("the database cannot be read"))?;
    if found > head.schema {
        let detail = format!(
            "the target has schema version {found}, the copy {}: give a database without tables",
            head.schema
        );
        return Err(Error::new(ProblemKind::NotEmpty, detail));
    }
    db.migrate_to(head.schema).await.map_err(of)
}

impl Target {
    /// Looks at an installation and prepares it when it is empty. Nothing is visible yet.
    ///
    /// # Errors
    /// A database or store that cannot be reached; keys, a repository or a schema that are others.
    pub(super) async fn open(config: &Config, wanted: Wanted, head: &Head) -> Result<Found, Error> {
        let unreachable = "the target database cannot be used";
        let (db, beside) = if let Some(path) = sqlite_path(config) {
            if path.exists() {
                let db = Db::connect(&config.database_url(), config.database_limits)
                    .await
                    .map_err(of_database(unreachable))?;
                if matches!(look(&db).await?, Content::Installation) {
                    return Ok(Found::Filled(db));
                }
                db.close().await;
            }
            let beside = beside(&path);
            remove_sqlite(&beside)?;
            (Db::connect_to_fill(&beside), Some(beside))
        } else {
            (
                Db::connect(&config.database_url(), config.database_limits)
                    .await
                    .map_err(of_database(unreachable))?,
                None,
            )
        };
        if beside.is_none() && matches!(look(&db).await?, Content::Installation) {
            return Ok(Found::Filled(db));
        }
        schema(&db, head).await?;
        let mut tx = db.begin_write().await?;
        let all = bulk::tables(&mut tx).await?;
        let load =
            bulk::Load::begin(&mut tx, &all).await.map_err(of_database("the target cannot be prepared"))?;
        // Once more, now that nobody else can write.
        if !is_empty(&mut tx, &all).await? {
            let detail = "somebody else began to use the target";
            return Err(Error::new(ProblemKind::NotEmpty, detail));
        }
        tx.query("DELETE FROM ledger_head").execute().await?;
        let around = Around::open(config, wanted).await?;
        Ok(Found::Empty(Box::new(Self {
            config: config.clone(),
            head: head.clone(),
            db,
            tx,
            load,
            all,
            beside,
            table: None,
            around,
        })))
    }

    async fn rows(&mut self, block: &bulk::Block) -> Result<(), Error> {
        let Some((table, head)) = &self.table else { return Ok(()) };
        let Some(instead) = tables::writing(&table.name, &self.head.backend, self.db.backend()) else {
            return Ok(());
        };
        let what = format!("rows of {} cannot be written", table.name);
        bulk::write(&mut self.tx, table, &head.columns, block, instead).await.map_err(of_database(&what))?;
        crash::point(if head.name == "task" { "copy-tasks" } else { "copy-other-rows" }).await;
        Ok(())
    }

    /// Ends the copy: everything is checked, then it becomes visible at once.
    ///
    /// # Errors
    /// What is not as it was; then nothing is visible.
    pub(super) async fn finish(mut self, manifest: &Manifest) -> Result<(), Error> {
        self.around.stored().await?;
        let Self { mut tx, load, around, .. } = self;
        load.finish(&mut tx, &self.all, &self.head.sequences)
            .await
            .map_err(of_database("keys and indexes cannot be made"))?;
        let again = read_again(&mut tx, &self.head).await?;
        compare(manifest, &again, &self.head.backend, self.db.backend())?;
        tokio::task::block_in_place(|| around.settle(self.head.git_commit.as_deref()))?;
        if self.beside.is_none() {
            // The plans of an empty database would be kept otherwise.
            tx.query("ANALYZE").execute().await.map_err(of_database("statistics cannot be made"))?;
        }
        crash::point("copy-before-commit").await;
        // A schema that is older stays as it is, so that the same copy is known again; the start brings it up.
        self.db.commit(tx).await.map_err(of_database("the copy cannot be committed"))?;
        self.db.close().await;
        if let (Some(beside), Some(path)) = (self.beside, sqlite_path(&self.config)) {
            tokio::task::block_in_place(|| replace(&beside, &path))?;
        }
        crash::point("copy-after-commit").await;
        Ok(())
    }
}

/// Puts a whole database in its place.
fn replace(beside: &Path, path: &Path) -> Result<(), Error> {
    let flushed = std::fs::File::open(beside).and_then(|file| file.sync_all());
    flushed.map_err(|error| keys::file("cannot be written", beside, &error))?;
    remove_sqlite(path)?;
    std::fs::rename(beside, path)
        .and_then(|()| std::fs::File::open(folder_of(path))?.sync_all())
        .map_err(|error| keys::file("cannot be written", path, &error))
}

/// Whether what is there is what was given.
///
/// # Errors
/// The first difference.
pub(super) fn compare(given: &Manifest, found: &Manifest, from: &str, to: Backend) -> Result<(), Error> {
    let differs =
        |what: String| Error::new(ProblemKind::NotEmpty, format!("the target is another one: {what}"));
    for table in &given.tables {
        let there = found.tables.iter().find(|there| there.name == table.name);
        let Some(there) = there else { return Err(differs(format!("it has no table {}", table.name))) };
        let rows = if tables::writing(&table.name, from, to).is_none() { 0 } else { table.rows };
        if there.rows != rows {
            return Err(differs(format!("{} has {} rows, expected {rows}", table.name, there.rows)));
        }
        if tables::class(&table.name) == Some(Class::Truth) && there.sha256 != table.sha256 {
            return Err(differs(format!("{} has other rows", table.name)));
        }
    }
    if (given.ledger_seq, given.ledger_hash) != (found.ledger_seq, found.ledger_hash) {
        return Err(differs("the ledger ends elsewhere".into()));
    }
    Ok(())
}

/// What a filled installation holds; its tables only.
///
/// # Errors
/// Database failures; another version of the schema.
pub(super) async fn contents(db: &Db, head: &Head) -> Result<Manifest, Error> {
    let mut tx = db.begin_snapshot().await?;
    read_again(&mut tx, head).await
}

impl Sink for Target {
    async fn take(&mut self, part: Part) -> Result<(), Error> {
        match part {
            Part::Head(head) => {
                self.head = head;
                Ok(())
            }
            Part::Table(head) => {
                let table = self.all.iter().find(|table| table.name == head.name).cloned();
                let table = table.ok_or_else(|| {
                    Error::invalid(
                        "/from",
                        format!("it has a table {} that schema {} has not", head.name, self.head.schema),
                    )
                })?;
                self.table = Some((table, head));
                Ok(())
            }
            Part::Rows(block) => self.rows(&block).await,
            Part::TableEnd(_) => {
                self.table = None;
                Ok(())
            }
            part => self.around.take(part).await,
        }
    }
}
