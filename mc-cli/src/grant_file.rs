//! Grant files: server and token for an agent, readable by the owner only.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mc_api::auth::GrantFile;

use crate::exit::Failure;

/// Reads a grant file.
///
/// # Errors
/// [`Failure::Usage`] when it is absent or no grant file.
pub(crate) fn read(path: &Path) -> anyhow::Result<GrantFile> {
    let failed =
        |why: String| Failure::Usage(format!("the grant file {} cannot be used: {why}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?)
}

/// Replaces a grant file as a whole (0600): a reader sees the old or the new one.
pub(crate) fn write(path: &Path, content: &GrantFile) -> anyhow::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let what = || format!("cannot write the grant file {}", path.display());
    let mut file = tempfile::Builder::new().prefix(".grant-").tempfile_in(folder).with_context(what)?;
    serde_json::to_writer(&mut file, content)?;
    file.write_all(b"\n").with_context(what)?;
    file.persist(path).map_err(|error| error.error).with_context(what)?;
    Ok(())
}
