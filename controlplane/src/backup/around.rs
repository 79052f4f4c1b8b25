//! What of an installation stands outside its database: bytes, keys and the Git ledger. Putting it there again changes nothing.

use std::sync::Arc;

use bytes::Bytes;
use mc_api::ProblemKind;
use mc_api::id::MissionId;
use mc_ledger::Digest;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use super::form::{Key, Part};
use super::source::{Sink, Wanted};
use super::{git, keys};
use crate::config::Config;
use crate::error::Error;
use crate::objects::{ObjectError, ObjectStore as _, Objects, Stored};

/// So many objects are stored at once.
const UPLOADS: usize = 8;

/// Takes the parts that are no rows.
pub(super) struct Around {
    config: Config,
    wanted: Wanted,
    objects: Option<Arc<Objects>>,
    uploads: JoinSet<Result<(), Error>>,
    object: Option<mpsc::Sender<std::io::Result<Bytes>>>,
    git: Option<git::Unpacking>,
    keys: Vec<Key>,
}

impl Around {
    /// Opens the store of objects.
    ///
    /// # Errors
    /// A store that cannot be used.
    pub(super) async fn open(config: &Config, wanted: Wanted) -> Result<Self, Error> {
        let objects = if wanted.objects {
            let folder = config.data_dir.join("objects");
            let opened = Objects::open(&config.object_storage, &folder).await;
            let unusable = |error| Error::new(ProblemKind::Unavailable, crate::opening::causes(&error));
            Some(Arc::new(opened.map_err(unusable)?))
        } else {
            None
        };
        Ok(Self {
            config: config.clone(),
            wanted,
            objects,
            uploads: JoinSet::new(),
            object: None,
            git: None,
            keys: Vec::new(),
        })
    }

    async fn upload(&mut self, area: &str, sha256: Digest) -> Result<(), Error> {
        let Some(objects) = self.objects.clone() else { return Ok(()) };
        let area: MissionId =
            area.parse().map_err(|_| Error::invalid("/from", format!("{area:?} is no mission")))?;
        while self.uploads.len() >= UPLOADS {
            self.uploaded().await?;
        }
        let (sender, receiver) = mpsc::channel(4);
        self.object = Some(sender);
        self.uploads.spawn(async move {
            let content = Box::pin(ReceiverStream::new(receiver));
            let stored: Result<Stored, ObjectError> = objects.put(area, content, u64::MAX).await;
            match stored {
                Ok(stored) if stored.sha256 == sha256 => Ok(()),
                Ok(_) => Err(Error::invalid("/from", format!("the content {sha256} has another digest"))),
                Err(error) => {
                    let why = crate::opening::causes(&error);
                    let detail = format!("the content {sha256} of {area} cannot be stored: {why}");
                    Err(Error::new(ProblemKind::Unavailable, detail))
                }
            }
        });
        Ok(())
    }

    async fn uploaded(&mut self) -> Result<(), Error> {
        match self.uploads.join_next().await {
            Some(done) => done.map_err(Error::internal)?,
            None => Ok(()),
        }
    }

    async fn data(&mut self, bytes: Vec<u8>) -> Result<(), Error> {
        if let Some(git) = &mut self.git {
            return tokio::task::block_in_place(|| git.put(&bytes));
        }
        if let Some(object) = &self.object
            && object.send(Ok(bytes.into())).await.is_err()
        {
            // It says why when it is waited for.
            self.object = None;
            while !self.uploads.is_empty() {
                self.uploaded().await?;
            }
        }
        Ok(())
    }

    /// Waits for everything that is being stored.
    ///
    /// # Errors
    /// What could not be stored.
    pub(super) async fn stored(&mut self) -> Result<(), Error> {
        self.object = None;
        while !self.uploads.is_empty() {
            self.uploaded().await?;
        }
        if let Some(objects) = &self.objects {
            objects.close().await;
        }
        Ok(())
    }

    /// Puts the Git ledger, at this commit, and the keys in their places. Blocks.
    ///
    /// # Errors
    /// A pack that does not hold the commit; folders that cannot be written.
    pub(super) fn settle(self, commit: Option<&str>) -> Result<(), Error> {
        if let (Some(git), Some(commit)) = (self.git, commit) {
            git.finish(commit)?.settle()?;
        }
        keys::write(&self.config, &self.keys)
    }
}

impl Sink for Around {
    async fn take(&mut self, part: Part) -> Result<(), Error> {
        if let Part::Data(bytes) = part {
            return self.data(bytes).await;
        }
        self.object = None;
        match part {
            Part::Key(key) if self.wanted.keys => {
                keys::check(&self.config, std::slice::from_ref(&key))?;
                self.keys.push(key);
            }
            Part::Object(object) => self.upload(&object.area, object.sha256).await?,
            Part::Git if self.wanted.git => {
                let place = self.config.git_ledger();
                self.git = Some(tokio::task::block_in_place(|| git::Unpacking::begin(&place))?);
            }
            _ => {}
        }
        Ok(())
    }
}
