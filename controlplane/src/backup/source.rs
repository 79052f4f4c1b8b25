//! An installation, read at one moment.

use std::path::PathBuf;

use futures_util::{StreamExt as _, TryStreamExt as _};
use mc_api::ProblemKind;
use mc_api::id::MissionId;
use mc_ledger::Digest;

use super::form::{BadPart, Head, Key, LONGEST_DATA, Manifest, ObjectHead, Part, TableHead};
use super::hold::{Holding, of_database};
use super::tally::Tally;
use super::{git, keys, tables};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, Tx, bulk};
use crate::error::Error;
use crate::objects::{ObjectError, ObjectStore as _, Objects};

/// The oldest schema that is read: all that names contents is there.
const OLDEST: i64 = 10;

/// Where parts go.
pub(super) trait Sink {
    /// Takes the next part.
    async fn take(&mut self, part: Part) -> Result<(), Error>;
}

/// What is read, and how.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct Wanted {
    pub(super) keys: bool,
    pub(super) objects: bool,
    pub(super) git: bool,
    pub(super) allow_missing: bool,
}

/// An installation that is read.
pub(super) struct Source {
    config: Config,
    db: Db,
    schema: i64,
    objects: Objects,
    git: PathBuf,
    keys: Vec<Key>,
    wanted: Wanted,
    holding: Holding,
}

/// Something of the installation is not as it was written.
pub(super) fn broken(error: &BadPart) -> Error {
    Error::new(ProblemKind::LedgerInvalid, format!("the installation is damaged: {}", error.0))
}

/// The path of a SQLite database.
pub(super) fn sqlite_path(config: &Config) -> Option<PathBuf> {
    let url = config.database_url();
    url.strip_prefix("sqlite:").map(|path| PathBuf::from(path.trim_start_matches("//")))
}

impl Source {
    /// Opens an installation that may be running.
    ///
    /// # Errors
    /// What is not there or cannot be reached; a newer schema.
    pub(super) async fn open(config: &Config, wanted: Wanted) -> Result<Self, Error> {
        if let Some(path) = sqlite_path(config)
            && !path.is_file()
        {
            // Opening would make it.
            let detail = format!("there is no installation: {} does not exist", path.display());
            return Err(Error::new(ProblemKind::NotFound, detail));
        }
        let db = Db::connect(&config.database_url(), config.database_limits)
            .await
            .map_err(of_database("the database cannot be read"))?;
        let (schema, newest) = (db.schema().await?, db.newest_schema());
        if !(OLDEST..=newest).contains(&schema) {
            let fix = match schema {
                0 => "there is no installation in it",
                older if older < newest => "run mc-controlplane migrate first",
                _ => "use the newer program",
            };
            let detail = format!("the database has schema version {schema}, this program {newest}: {fix}");
            return Err(Error::new(ProblemKind::InvalidTransition, detail));
        }
        let keys = if wanted.keys { keys::read(config)? } else { Vec::new() };
        let holding = Holding::begin(&db, &config.data_dir).await?;
        let objects = Objects::open_beside(&config.object_storage, &config.data_dir.join("objects")).await;
        let objects =
            objects.map_err(|error| Error::new(ProblemKind::Unavailable, crate::opening::causes(&error)))?;
        Ok(Self {
            config: config.clone(),
            db,
            schema,
            objects,
            git: config.git_ledger(),
            keys,
            wanted,
            holding,
        })
    }

    /// Lets everything go.
    pub(super) async fn close(self) {
        // It has a connection that closing would wait for.
        drop(self.holding);
        self.objects.close().await;
        self.db.close().await;
    }

    /// The commit of the Git ledger that a copy ends at.
    ///
    /// # Errors
    /// Database failures.
    pub(super) async fn commit(&self) -> Result<Option<String>, Error> {
        published(&mut self.db.begin_snapshot().await?).await
    }

    /// As much of a head as a target must know before it is filled.
    pub(super) fn head_of_schema(&self) -> Head {
        Head {
            schema: self.schema,
            backend: self.db.backend().as_str().to_owned(),
            program: mc_api::BUILD_ID.to_owned(),
            made_at: String::new(),
            sequences: std::collections::BTreeMap::new(),
            git_commit: None,
            has_keys: self.wanted.keys,
        }
    }

    /// Gives everything to a sink. What was given is summed up.
    ///
    /// # Errors
    /// Failures of database, objects, Git ledger and sink; content that is not stored.
    pub(super) async fn send(&self, sink: &mut impl Sink) -> Result<(Head, Manifest), Error> {
        let mut tx = self.db.begin_snapshot().await?;
        let (schema,): (i64,) =
            tx.query("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one().await?;
        if schema != self.schema {
            return Err(Error::unavailable("the database was migrated meanwhile: back it up again"));
        }
        let all = bulk::tables(&mut tx).await?;
        let head = Head {
            made_at: Clock::anchored().now().to_string(),
            sequences: bulk::sequences(&mut tx, &all).await?,
            git_commit: if self.wanted.git { published(&mut tx).await? } else { None },
            ..self.head_of_schema()
        };
        let mut tallied = Tallied { tally: Tally::default(), sink };
        tallied.take(Part::Head(head.clone())).await?;
        for key in &self.keys {
            tallied.take(Part::Key(key.clone())).await?;
        }
        if self.wanted.objects {
            self.objects(&mut tx, &mut tallied).await?;
        }
        if let Some(commit) = &head.git_commit {
            self.git(commit, &mut tallied).await?;
        }
        send_tables(&mut tx, &all, &mut tallied).await?;
        if self.wanted.keys {
            // While a root key is replaced, its file and the rows may be of two.
            keys::opens(&self.config, &self.keys, &tallied.tally.sealed)?;
        }
        let manifest = tallied.tally.sum().map_err(|error| broken(&error))?;
        tallied.sink.take(Part::End(manifest.clone())).await?;
        Ok((head, manifest))
    }

    async fn objects(&self, tx: &mut Tx, sink: &mut impl Sink) -> Result<(), Error> {
        let areas: Vec<(MissionId,)> = tx
            .query("SELECT mission_id FROM mission UNION SELECT owner_id FROM profile WHERE deleted_at IS NULL ORDER BY 1")
            .fetch_all()
            .await?;
        for (area,) in areas {
            let named: Vec<(String,)> = tx
                .query(
                    "SELECT sha256 FROM artifact WHERE mission_id = $1 AND deleted_at IS NULL
                     UNION SELECT v.sha256 FROM doc_version v JOIN doc d ON d.doc_id = v.doc_id
                         WHERE v.mission_id = $1 AND d.deleted_at IS NULL
                     UNION SELECT sha256 FROM skill_bundle WHERE mission_id = $1
                     UNION SELECT v.sha256 FROM profile_version v JOIN profile p ON p.profile_id = v.profile_id
                         WHERE v.owner_id = $1 AND p.deleted_at IS NULL
                     ORDER BY 1",
                )
                .bind(area)
                .fetch_all()
                .await?;
            for (sha256,) in named {
                let sha256: Digest = sha256.parse().map_err(Error::internal)?;
                self.object(area, sha256, sink).await?;
            }
        }
        Ok(())
    }

    async fn object(&self, area: MissionId, sha256: Digest, sink: &mut impl Sink) -> Result<(), Error> {
        let head = ObjectHead { area: area.to_string(), sha256 };
        let failed = |error: &(dyn std::error::Error + 'static)| {
            let why = crate::opening::causes(error);
            Error::new(
                ProblemKind::Unavailable,
                format!("the content {sha256} of {area} cannot be read: {why}"),
            )
        };
        let mut content = match self.objects.get(area, sha256, None).await {
            Ok(content) => content,
            Err(ObjectError::Missing) if self.wanted.allow_missing => {
                tracing::warn!("the content {sha256} of {area} is not stored");
                return sink.take(Part::Missing(head)).await;
            }
            Err(ObjectError::Missing) => {
                let detail = format!(
                    "the content {sha256} of {area} is named by a row and not stored; --allow-missing goes on without it"
                );
                return Err(Error::new(ProblemKind::NotFound, detail));
            }
            Err(error) => return Err(failed(&error)),
        };
        sink.take(Part::Object(head)).await?;
        while let Some(bytes) = content.next().await {
            let bytes = bytes.map_err(|error| failed(&error))?;
            for part in bytes.chunks(LONGEST_DATA) {
                sink.take(Part::Data(part.to_vec())).await?;
            }
        }
        Ok(())
    }

    async fn git(&self, commit: &str, sink: &mut impl Sink) -> Result<(), Error> {
        sink.take(Part::Git).await?;
        let (sender, mut pieces) = tokio::sync::mpsc::channel(8);
        let (path, commit) = (self.git.clone(), commit.to_owned());
        let packing = tokio::task::spawn_blocking(move || {
            git::pack(&path, &commit, |piece| sender.blocking_send(piece).is_ok())
        });
        while let Some(piece) = pieces.recv().await {
            sink.take(Part::Data(piece)).await?;
        }
        packing.await.map_err(Error::internal)?
    }
}

/// The last commit in the installation's own Git ledger that the database knows of.
async fn published(tx: &mut Tx) -> Result<Option<String>, Error> {
    let last: Option<(Option<String>,)> = tx
        .query(
            "SELECT commit_id FROM publication WHERE state = 'published' AND binding_id IS NULL
             ORDER BY ledger_to DESC LIMIT 1",
        )
        .fetch_optional()
        .await?;
    Ok(last.and_then(|(commit,)| commit))
}

/// Gives all tables to a sink, each with its sum.
///
/// # Errors
/// Failures of database and sink; a table that has no class.
async fn send_tables<S: Sink>(
    tx: &mut Tx,
    all: &[bulk::Table],
    sink: &mut Tallied<'_, S>,
) -> Result<(), Error> {
    for table in all {
        if tables::class(&table.name).is_none() {
            let detail = format!("the table {} is new, and nobody said what it is to a copy", table.name);
            return Err(Error::new(ProblemKind::Internal, detail));
        }
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        sink.take(Part::Table(TableHead { name: table.name.clone(), columns })).await?;
        let what = format!("the table {} cannot be read", table.name);
        let mut blocks =
            bulk::read(tx, table, tables::reading(&table.name)).await.map_err(of_database(&what))?;
        while let Some(block) = blocks.try_next().await.map_err(of_database(&what))? {
            sink.take(Part::Rows(block)).await?;
        }
        let sum = sink.tally.end().map_err(|error| broken(&error))?;
        sink.sink.take(Part::TableEnd(sum)).await?;
    }
    Ok(())
}

/// Sums up on the way to a sink.
struct Tallied<'s, S> {
    tally: Tally,
    sink: &'s mut S,
}

impl<S: Sink> Sink for Tallied<'_, S> {
    async fn take(&mut self, part: Part) -> Result<(), Error> {
        self.tally.take(&part).map_err(|error| broken(&error))?;
        self.sink.take(part).await
    }
}

/// Takes everything and keeps nothing.
pub(super) struct Nowhere;

impl Sink for Nowhere {
    async fn take(&mut self, _: Part) -> Result<(), Error> {
        Ok(())
    }
}

/// Reads the tables again, and sums them up.
///
/// # Errors
/// Database failures; a chain that does not verify.
pub(super) async fn read_again(tx: &mut Tx, head: &Head) -> Result<Manifest, Error> {
    let all = bulk::tables(tx).await?;
    let mut tallied = Tallied { tally: Tally::of_tables(head.clone()), sink: &mut Nowhere };
    send_tables(tx, &all, &mut tallied).await?;
    tallied.tally.sum().map_err(|error| broken(&error))
}
