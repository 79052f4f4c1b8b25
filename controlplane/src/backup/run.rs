//! Backup, restore and copy from their beginning to their end.

use std::path::Path;
use std::time::Instant;

use mc_api::ProblemKind;
use mc_api::installation::{ArchiveFile, CopiedTable, CopyAction, CopySummary};

use super::archive::{self, Writing};
use super::around::Around;
use super::form::{Head, Manifest};
use super::frame::Written;
use super::source::{Nowhere, Source, Wanted, sqlite_path};
use super::target::{self, Found, Target};
use super::{BackupArgs, CopyArgs, RestoreArgs, keys};
use crate::config::Config;
use crate::config::object_storage::{ObjectStorage, Provider};
use crate::error::Error;
use crate::server::{self, StartError};

/// Everything.
const ALL: Wanted = Wanted { keys: true, objects: true, git: true, allow_missing: false };
/// The mark of an installation that lives in another database now.
const MOVED: &str = "database.moved";
/// The mark of an installation that may live in another database now: its move has not ended.
const MOVING: &str = "database.moving";

fn refused(error: &StartError) -> Error {
    let kind = match error {
        StartError::InUse(_) | StartError::Unfinished(_) => ProblemKind::InvalidTransition,
        StartError::DataDir(..) => ProblemKind::Unavailable,
        StartError::Listen(..) | StartError::Config(_) | StartError::Open(_) | StartError::Metrics(_) => {
            ProblemKind::Internal
        }
    };
    Error::new(kind, crate::opening::causes(error))
}

/// The address of a database without who may use it.
fn shown(url: &str) -> String {
    let without = |url: &str| -> Option<String> {
        let (scheme, rest) = url.split_once("://")?;
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Some(format!("{scheme}://{host}/{path}"))
    };
    without(url).unwrap_or_else(|| url.to_owned())
}

struct Story<'s> {
    action: CopyAction,
    target: Option<String>,
    already_there: bool,
    archive: Option<(&'s Path, Written, bool)>,
    began: Instant,
}

fn told(story: Story<'_>, head: &Head, manifest: &Manifest) -> CopySummary {
    let Story { action, target, already_there, archive, began } = story;
    let rows = manifest.tables.iter().map(|table| table.rows).sum();
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    CopySummary {
        action,
        target,
        already_there,
        archive: archive.map(|(path, written, encrypted)| ArchiveFile {
            file: path.display().to_string(),
            size_bytes: written.size_bytes,
            sha256: written.sha256.to_string(),
            encrypted,
            has_keys: head.has_keys,
        }),
        schema: head.schema,
        made_at: head.made_at.clone(),
        tables: manifest
            .tables
            .iter()
            .map(|table| CopiedTable {
                name: table.name.clone(),
                rows: table.rows,
                sha256: table.sha256.to_string(),
            })
            .collect(),
        rows,
        objects: manifest.objects,
        object_bytes: manifest.object_bytes,
        missing_objects: manifest.missing,
        ledger_seq: manifest.ledger_seq,
        ledger_hash: manifest.ledger_hash.to_string(),
        ledger_unsealed: manifest.unsealed,
        git_commit: head.git_commit.clone(),
        duration_ms,
        rows_per_second: rows.saturating_mul(1000) / duration_ms.max(1),
    }
}

/// Writes an installation, which may be running, to an archive.
///
/// # Errors
/// What cannot be read or written; then there is no archive.
pub(crate) async fn backup(config: &Config, args: &BackupArgs) -> Result<CopySummary, Error> {
    let began = Instant::now();
    if let Some(to) = marked(config, MOVED)?
        && sqlite_path(config).is_some()
    {
        let detail = format!("this installation has moved to {to}: set MC_DATABASE_URL to it");
        return Err(Error::new(ProblemKind::InvalidTransition, detail));
    }
    let passphrase = keys::passphrase(args.passphrase_file.as_deref())?;
    let encrypted = passphrase.is_some();
    let has_keys = args.with_keys || encrypted && !args.without_keys;
    let wanted = Wanted { keys: has_keys, allow_missing: args.allow_missing, ..ALL };
    let source = Source::open(config, wanted).await?;
    let mut writing = Writing::begin(&args.to, passphrase)?;
    let sent = Box::pin(source.send(&mut writing)).await;
    let written = writing.finish().await;
    let (head, manifest) = sent?;
    let written = written?;
    source.close().await;
    let story = Story {
        action: CopyAction::Backup,
        target: Some(args.to.display().to_string()),
        already_there: false,
        archive: Some((&args.to, written, encrypted)),
        began,
    };
    Ok(told(story, &head, &manifest))
}

fn occupied(config: &Config, why: &Error) -> Error {
    let database = shown(&config.database_url());
    Error::new(
        ProblemKind::NotEmpty,
        format!(
            "{database} is not empty ({}): give a database without tables and a data folder of its own",
            why.detail
        ),
    )
}

/// Makes an installation of an archive, or checks the archive alone.
///
/// # Errors
/// What is wrong with the archive; a target that is in use, not empty, or cannot be reached. Then nothing is visible.
pub(crate) async fn restore(config: &Config, args: &RestoreArgs) -> Result<CopySummary, Error> {
    let began = Instant::now();
    let passphrase = keys::passphrase(args.passphrase_file.as_deref())?;
    let checked = archive::check(&args.from, passphrase.clone()).await?;
    let (tally, manifest) = (checked.tally, checked.manifest);
    let head = tally.head.ok_or_else(|| Error::invalid("/from", "it has no head"))?;
    let newest = crate::db::newest_schema();
    if head.schema > newest {
        let detail = format!(
            "{}: its schema version {} is newer than the {newest} of this program: use the program of build {}",
            args.from.display(),
            head.schema,
            head.program
        );
        return Err(Error::invalid("/from", detail));
    }
    let database = shown(&config.database_url());
    let story = |action, target, already_there| Story {
        action,
        target,
        already_there,
        archive: Some((&*args.from, checked.written, passphrase.is_some())),
        began,
    };
    if args.check {
        if !tally.keys.is_empty() {
            keys::opens(config, &tally.keys, &tally.sealed)?;
        }
        return Ok(told(story(CopyAction::Check, None, false), &head, &manifest));
    }
    keys::check(config, &tally.keys)?;
    keys::opens(config, &tally.keys, &tally.sealed)?;
    let _lock = server::lock(config).map_err(|error| refused(&error))?;
    let target = match Box::pin(Target::open(config, ALL, &head)).await? {
        Found::Filled(db) => {
            let found = Box::pin(target::contents(&db, &head)).await;
            db.close().await;
            found
                .and_then(|found| target::compare(&manifest, &found, &head.backend, db.backend()))
                .map_err(|error| occupied(config, &error))?;
            // The rows are there; bytes, keys or the Git ledger may not be, in another data folder.
            refuse_repository(config, head.git_commit.as_deref())?;
            let mut around = Around::open(config, ALL).await?;
            let given = Box::pin(archive::give(&args.from, passphrase.clone(), &mut around)).await?;
            unchanged(&args.from, &checked.written, &given)?;
            around.stored().await?;
            tokio::task::block_in_place(|| around.settle(head.git_commit.as_deref()))?;
            target::unmark(config)?;
            return Ok(told(story(CopyAction::Restore, Some(database), true), &head, &manifest));
        }
        Found::Empty(target) => target,
    };
    refuse_repository(config, head.git_commit.as_deref())?;
    target::mark(config, &args.from, checked.written.sha256)?;
    let mut target = target;
    let given = Box::pin(archive::give(&args.from, passphrase.clone(), &mut *target)).await?;
    unchanged(&args.from, &checked.written, &given)?;
    Box::pin(target.finish(&manifest)).await?;
    target::unmark(config)?;
    Ok(told(story(CopyAction::Restore, Some(database), false), &head, &manifest))
}

/// Refuses an archive that was another one when it was checked.
fn unchanged(path: &Path, checked: &Written, given: &Written) -> Result<(), Error> {
    if given.sha256 == checked.sha256 {
        return Ok(());
    }
    Err(Error::invalid("/from", format!("{} was changed meanwhile", path.display())))
}

/// Refuses a repository in the place of the Git ledger that is another one.
fn refuse_repository(config: &Config, commit: Option<&str>) -> Result<(), Error> {
    let found = super::git::head(&config.git_ledger())?;
    match &found {
        Some(found) if Some(found.as_str()) != commit => {
            let detail = format!(
                "{} holds another Git ledger, at {found}: give an empty data folder",
                config.git_ledger().display()
            );
            Err(Error::new(ProblemKind::NotEmpty, detail))
        }
        _ => Ok(()),
    }
}

fn is_same_store((from, from_dir): (&ObjectStorage, &Path), (to, to_dir): (&ObjectStorage, &Path)) -> bool {
    match (&from.provider, &to.provider) {
        (Provider::Folder, Provider::Folder) => from_dir == to_dir,
        (Provider::S3(from), Provider::S3(to)) => {
            (&from.endpoint, &from.bucket, &from.prefix) == (&to.endpoint, &to.bucket, &to.prefix)
        }
        (Provider::Folder, Provider::S3(_)) | (Provider::S3(_), Provider::Folder) => false,
    }
}

/// The installation to copy to.
fn aimed(config: &Config, args: &CopyArgs) -> Result<Config, Error> {
    let mut target = match &args.to_config {
        Some(path) => {
            Config::of_file(path).map_err(|problems| Error::invalid("/to_config", problems.to_string()))?
        }
        None => config.clone(),
    };
    if let Some(url) = &args.to {
        crate::db::check_address(url).map_err(|why| Error::invalid("/to", why))?;
        target.database = Some(url.clone());
    }
    if target.database_url() == config.database_url() {
        return Err(Error::invalid("/to", "it is the database to copy from"));
    }
    if sqlite_path(&target).is_some() {
        let detail = "it is no PostgreSQL database: to go to another file, back up and restore";
        return Err(Error::invalid("/to", detail));
    }
    Ok(target)
}

/// Copies an installation that does not run to another database, and marks the old one as moved.
///
/// # Errors
/// A source that runs; a target that is not empty or cannot be reached. Then nothing is visible there.
pub(crate) async fn copy(config: &Config, args: &CopyArgs) -> Result<CopySummary, Error> {
    let began = Instant::now();
    let aim = aimed(config, args)?;
    if sqlite_path(config).is_none() {
        let detail =
            "the installation is in PostgreSQL already: back it up and restore it into the other database";
        return Err(Error::new(ProblemKind::InvalidTransition, detail));
    }
    if !config.data_dir.is_dir() {
        return Err(Error::new(
            ProblemKind::NotFound,
            format!("there is no folder {}", config.data_dir.display()),
        ));
    }
    let _lock = server::lock(config).map_err(|error| match error {
        StartError::InUse(folder) => Error::new(
            ProblemKind::InvalidTransition,
            format!("the control plane of {folder} is running: stop it first (mc down, or systemctl stop missioncontrol)"),
        ),
        error => refused(&error),
    })?;
    target::refuse_unfinished(&config.data_dir)
        .map_err(|why| Error::new(ProblemKind::InvalidTransition, why))?;
    let has_other_folder = aim.data_dir != config.data_dir;
    let _other = has_other_folder.then(|| server::lock(&aim).map_err(|error| refused(&error))).transpose()?;
    let wanted = Wanted {
        keys: has_other_folder,
        objects: !is_same_store(
            (&config.object_storage, &config.data_dir),
            (&aim.object_storage, &aim.data_dir),
        ),
        git: aim.git_ledger() != config.git_ledger(),
        allow_missing: false,
    };
    let source = Source::open(config, wanted).await?;
    let database = shown(&aim.database_url());
    let named = |error: Error| Error { detail: format!("{database}: {}", error.detail), ..error };
    let opened = Box::pin(Target::open(&aim, wanted, &source.head_of_schema())).await.map_err(named)?;
    let (head, manifest, already_there) = match opened {
        Found::Filled(db) => {
            let (head, manifest) = Box::pin(source.send(&mut Nowhere)).await?;
            let found = Box::pin(target::contents(&db, &head)).await;
            let backend = db.backend();
            db.close().await;
            found
                .and_then(|found| target::compare(&manifest, &found, &head.backend, backend))
                .map_err(|error| occupied(&aim, &error))?;
            (head, manifest, true)
        }
        Found::Empty(mut target) => {
            if wanted.git {
                refuse_repository(&aim, source.commit().await?.as_deref())?;
            }
            let (head, manifest) = Box::pin(source.send(&mut *target)).await?;
            // From here on nobody who is killed knows which of the two is the installation.
            mark(config, MOVING, &database)?;
            match Box::pin(target.finish(&manifest)).await {
                Ok(()) => {}
                // It may have come to its end and not have said so.
                Err(error) if error.kind == ProblemKind::Unavailable => return Err(named(error)),
                Err(error) => {
                    unmark(config, MOVING)?;
                    return Err(named(error));
                }
            }
            (head, manifest, false)
        }
    };
    mark(config, MOVED, &database)?;
    unmark(config, MOVING)?;
    source.close().await;
    let story =
        Story { action: CopyAction::Migrate, target: Some(database), already_there, archive: None, began };
    Ok(told(story, &head, &manifest))
}

/// Writes where an installation moves or has moved to.
fn mark(config: &Config, name: &str, database: &str) -> Result<(), Error> {
    let path = config.data_dir.join(name);
    if marked(config, name)?.is_some_and(|before| before != database) {
        unmark(config, name)?;
    }
    crate::keyring::write_secret(&path, format!("{database}\n").as_bytes())
        .map_err(|error| keys::file("cannot be written", &path, &error))
}

fn unmark(config: &Config, name: &str) -> Result<(), Error> {
    let path = config.data_dir.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(keys::file("cannot be removed", &path, &error))
        }
        _ => Ok(()),
    }
}

/// Where the installation of a folder moves or has moved to.
fn marked(config: &Config, name: &str) -> Result<Option<String>, Error> {
    let mark = config.data_dir.join(name);
    match std::fs::read_to_string(&mark) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(keys::file("cannot be read", &mark, &error)),
    }
}

/// Refuses to serve what is only half there, and the old database of an installation that has moved. Gives what to do.
///
/// # Errors
/// Why it must not start.
pub(crate) fn refuse_start(config: &Config) -> Result<(), String> {
    target::refuse_unfinished(&config.data_dir)?;
    if sqlite_path(config).is_none() {
        return Ok(());
    }
    if let Some(to) = marked(config, MOVING).map_err(|error| error.detail)? {
        return Err(format!(
            "a move to {to} has not ended: run it again, or, to stay here, empty that database and remove {}",
            config.data_dir.join(MOVING).display()
        ));
    }
    match marked(config, MOVED).map_err(|error| error.detail)? {
        Some(to) => Err(format!(
            "this installation has moved to {to}: set MC_DATABASE_URL to it; to go back to what the folder held before, remove {}",
            config.data_dir.join(MOVED).display()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
