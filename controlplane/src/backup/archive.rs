//! Archives on the disk, written and read by threads of their own: compressing and checking go on beside the database.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use mc_api::ProblemKind;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::form::{self, Part};
use super::frame::{FrameError, Opener, Sealer, Written};
use super::source::Sink;
use super::tally::Tally;
use super::{folder_of, keys};
use crate::clock::IdSource;
use crate::error::Error;

/// Parts that wait between two threads, of half a MiB each.
const WAITING: usize = 8;

/// An archive that is being written.
pub(super) struct Writing {
    parts: mpsc::Sender<Part>,
    /// `None`: it ended already, and has said why.
    work: Option<JoinHandle<Result<Written, Error>>>,
}

/// Where an archive goes: a file that appears when it is whole, or a stream.
enum Out {
    File { file: tempfile::NamedTempFile, path: PathBuf },
    Stream(std::io::Stdout),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::File { file, .. } => file.write(bytes),
            Self::Stream(out) => out.write(bytes),
        }
    }
    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::File { file, .. } => file.flush(),
            Self::Stream(out) => out.flush(),
        }
    }
}

impl Out {
    fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self::Stream(std::io::stdout()));
        }
        if path.exists() {
            let detail = format!("{} exists already: give another name", path.display());
            return Err(Error::new(ProblemKind::NameTaken, detail));
        }
        // Its own in each run, and readable by nobody else; it goes when it is not wanted.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        let file = tempfile::Builder::new().prefix(&name).suffix(".partial").tempfile_in(folder_of(path));
        let file = file.map_err(|error| keys::file("cannot be written", path, &error))?;
        Ok(Self::File { file, path: path.to_owned() })
    }

    fn settle(self) -> std::io::Result<()> {
        match self {
            Self::Stream(mut out) => out.flush(),
            Self::File { file, path } => {
                file.as_file().sync_all()?;
                // Never over what somebody else put there meanwhile.
                file.persist_noclobber(&path).map_err(|refused| refused.error)?;
                File::open(folder_of(&path))?.sync_all()
            }
        }
    }
}

impl Writing {
    /// Begins an archive.
    ///
    /// # Errors
    /// A file that exists, or cannot be made.
    pub(super) fn begin(path: &Path, passphrase: Option<Vec<u8>>) -> Result<Self, Error> {
        let out = Out::open(path)?;
        let (parts, mut waiting) = mpsc::channel::<Part>(WAITING);
        let path = path.to_owned();
        let work = tokio::task::spawn_blocking(move || {
            let full = |error: std::io::Error| keys::file("cannot be written", &path, &error);
            let mut is_whole = false;
            {
                let out = BufWriter::with_capacity(1 << 20, out);
                let mut sealer =
                    Sealer::begin(out, passphrase.as_deref(), &IdSource::default()).map_err(full)?;
                while let Some(part) = waiting.blocking_recv() {
                    is_whole = matches!(part, Part::End(_));
                    let (prefix, content) = part.write().map_err(Error::internal)?;
                    sealer.put(&prefix).and_then(|()| sealer.put(&content)).map_err(full)?;
                }
                if !is_whole {
                    // Whoever gave the parts has failed, and says why.
                    return Err(Error::unavailable("the archive was not finished"));
                }
                let (out, written) = sealer.finish().map_err(full)?;
                let out = out.into_inner().map_err(|error| full(error.into_error()))?;
                out.settle().map_err(full)?;
                Ok(written)
            }
        });
        Ok(Self { parts, work: Some(work) })
    }

    /// Waits until the archive is whole and on the disk; without its end it is thrown away.
    ///
    /// # Errors
    /// A disk that is full, for one.
    pub(super) async fn finish(self) -> Result<Written, Error> {
        drop(self.parts);
        match self.work {
            Some(work) => work.await.map_err(Error::internal)?,
            None => Err(Error::unavailable("the archive was not finished")),
        }
    }
}

impl Sink for Writing {
    async fn take(&mut self, part: Part) -> Result<(), Error> {
        if self.parts.send(part).await.is_ok() {
            return Ok(());
        }
        // It ended, and says why.
        let ended = match self.work.take() {
            Some(work) => work.await.map_err(Error::internal)?.map(drop),
            None => Ok(()),
        };
        ended.and_then(|()| Err(Error::unavailable("the archive ended before its end")))
    }
}

fn refused(path: &Path) -> impl Fn(FrameError) -> Error + use<> {
    let path = path.to_owned();
    move |error| match error {
        FrameError::Io(error) => keys::file("cannot be read", &path, &error),
        FrameError::Passphrase | FrameError::Sealed | FrameError::NotSealed => {
            Error::invalid("/passphrase_file", format!("{}: {error}", path.display()))
        }
        FrameError::Foreign | FrameError::Newer(_) | FrameError::Damaged { .. } => {
            Error::invalid("/from", format!("{}: {error}", path.display()))
        }
    }
}

/// Reads an archive to its end and checks all of it on the way; `each` gets the parts and says whether more is wanted. Blocks.
fn read(
    path: &Path,
    passphrase: Option<&[u8]>,
    mut each: impl FnMut(Part) -> bool,
) -> Result<(Tally, Written), Error> {
    let refused = refused(path);
    let bad = |error: form::BadPart| Error::invalid("/from", format!("{}: {}", path.display(), error.0));
    let file = File::open(path).map_err(|error| keys::file("cannot be read", path, &error))?;
    let mut opener = Opener::begin(BufReader::with_capacity(1 << 20, file), passphrase).map_err(&refused)?;
    let mut tally = Tally::default();
    while let Some(prefix) = opener.take(form::PREFIX).map_err(&refused)? {
        let (sort, length) = form::prefix(&prefix).map_err(bad)?;
        let content = if length == 0 { Some(Vec::new()) } else { opener.take(length).map_err(&refused)? };
        let content = content.ok_or_else(|| bad(form::BadPart("it ends inside a part".into())))?;
        let part = Part::read(sort, content).map_err(bad)?;
        tally.take(&part).map_err(bad)?;
        if !each(part) {
            return Err(Error::unavailable("the reading was broken off"));
        }
    }
    if !tally.is_over() {
        return Err(bad(form::BadPart("it has no end".into())));
    }
    Ok((tally, opener.finish()))
}

/// What a whole archive holds.
pub(super) struct Checked {
    pub(super) tally: Tally,
    pub(super) manifest: form::Manifest,
    pub(super) written: Written,
}

/// Reads an archive and keeps nothing of it.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) async fn check(path: &Path, passphrase: Option<Vec<u8>>) -> Result<Checked, Error> {
    let path = path.to_owned();
    let read = move || {
        let mut manifest = None;
        let (tally, written) = read(&path, passphrase.as_deref(), |part| {
            if let Part::End(end) = part {
                manifest = Some(end);
            }
            true
        })?;
        let manifest = manifest.ok_or_else(|| Error::invalid("/from", "it has no end"))?;
        Ok(Checked { tally, manifest, written })
    };
    tokio::task::spawn_blocking(read).await.map_err(Error::internal)?
}

/// Reads an archive into a sink, and checks all of it once more on the way.
///
/// # Errors
/// What is wrong with it, and what the sink says.
pub(super) async fn give(
    path: &Path,
    passphrase: Option<Vec<u8>>,
    sink: &mut impl Sink,
) -> Result<Written, Error> {
    let (sender, mut parts) = mpsc::channel(WAITING);
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        read(&path, passphrase.as_deref(), |part| sender.blocking_send(part).is_ok())
    });
    while let Some(part) = parts.recv().await {
        sink.take(part).await?;
    }
    let (_, written) = reading.await.map_err(Error::internal)??;
    Ok(written)
}
