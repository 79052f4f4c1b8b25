//! The files of an installation that open its secrets.

use std::path::{Path, PathBuf};

use mc_api::ProblemKind;

use super::form::Key;
use crate::config::Config;
use crate::error::Error;
use crate::keyring::{self, RootKey, RootKeyError};

/// The root key.
const ROOT: &str = "root.key";
/// The bootstrap token.
const TOKEN: &str = "token";

fn place(config: &Config, name: &str) -> Option<PathBuf> {
    match name {
        ROOT => Some(keyring::root_key_path(config)),
        TOKEN => Some(config.data_dir.join(TOKEN)),
        _ => None,
    }
}

/// The keys of an installation; a token that is given by the configuration alone is none of its files.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn read(config: &Config) -> Result<Vec<Key>, Error> {
    let mut keys = Vec::new();
    for name in [ROOT, TOKEN] {
        let Some(path) = place(config, name) else { continue };
        match std::fs::read(&path) {
            Ok(bytes) => keys.push(Key { name: name.to_owned(), bytes }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && name == TOKEN => {}
            Err(error) => return Err(file("cannot be read", &path, &error)),
        }
    }
    Ok(keys)
}

/// A file that fails.
pub(super) fn file(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => ProblemKind::NotFound,
        _ => ProblemKind::Unavailable,
    };
    Error::new(kind, format!("{} {what}: {error}", path.display()))
}

/// Refuses keys that differ from those that are there already.
///
/// # Errors
/// Which file, and what to do.
pub(super) fn check(config: &Config, keys: &[Key]) -> Result<(), Error> {
    for key in keys {
        let path = place(config, &key.name).ok_or_else(|| {
            Error::invalid("/from", format!("it holds a key {:?} that nobody knows", key.name))
        })?;
        match std::fs::read(&path) {
            Ok(bytes) if bytes == key.bytes => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file("cannot be read", &path, &error)),
            Ok(_) => {
                let detail = format!(
                    "{} is another one than that of the archive: the target is not empty, give another data folder",
                    path.display()
                );
                return Err(Error::new(ProblemKind::NotEmpty, detail));
            }
        }
    }
    Ok(())
}

/// Refuses a root key that does not open what the database will hold: the start would be refused.
///
/// # Errors
/// Which file is missing or wrong.
pub(super) fn opens(config: &Config, keys: &[Key], sealed: &[(String, Vec<u8>)]) -> Result<(), Error> {
    let Some((key_id, bytes)) = sealed.first() else { return Ok(()) };
    let path = keyring::root_key_path(config);
    let root = match keys.iter().find(|key| key.name == ROOT) {
        Some(key) => key.bytes.clone(),
        None => std::fs::read(&path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let detail = format!(
                    "the archive holds no keys, and {} is not there: put the root key of the installation there first, or name it in MC_ROOT_KEY_FILE",
                    path.display()
                );
                Error::new(ProblemKind::NotFound, detail)
            } else {
                file("cannot be read", &path, &error)
            }
        })?,
    };
    let wrong = |error: RootKeyError| Error::new(ProblemKind::Validation, error.to_string());
    let root = RootKey::of(&path, &root).map_err(wrong)?;
    root.check(key_id, bytes.clone()).map_err(wrong)
}

/// Writes keys that are not there.
///
/// # Errors
/// A file that cannot be written.
pub(super) fn write(config: &Config, keys: &[Key]) -> Result<(), Error> {
    for key in keys {
        let Some(path) = place(config, &key.name) else { continue };
        // It may be where nothing can be written.
        if std::fs::read(&path).is_ok_and(|there| there == key.bytes) {
            continue;
        }
        keyring::write_secret(&path, &key.bytes).map_err(|error| file("cannot be written", &path, &error))?;
    }
    Ok(())
}

/// The passphrase on the first line of a file.
///
/// # Errors
/// A file that cannot be read, and a passphrase that is too short to be one.
pub(super) fn passphrase(path: Option<&Path>) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| file("cannot be read", path, &error))?;
    let line = text.lines().next().unwrap_or_default().trim();
    if line.chars().count() < 12 {
        let detail = format!("the first line of {} has less than 12 characters", path.display());
        return Err(Error::invalid("/passphrase_file", detail));
    }
    Ok(Some(line.as_bytes().to_vec()))
}
