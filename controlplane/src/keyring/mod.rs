//! Keys of the installation: stored in the database, sealed by a root key that never is.
//!
//! A key has an id (part of every token made with it) and a purpose. The newest key of a purpose signs; every key
//! verifies. Replicas share the table and the root key file. Three sorts of key: secrets of message authentication
//! codes ([`Purpose`]), the keys that commands to nodes are signed with, and the certificate [`Authority`].

mod authority;
mod rotate;
mod seal;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use mc_api::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::clock::IdSource;
use crate::config::Config;
use crate::db::{Db, DbError};
use crate::error::Error;

#[cfg(test)]
pub(crate) use authority::new_pkcs8;
pub(crate) use rotate::rotate;
use seal::SealKeys;

pub use authority::{
    Authority, AuthorityError, BROKER_CERTIFICATE_LIFE, CLOCK_SKEW, NODE_CERTIFICATE_LIFE, NodeCertificate,
    REVOCATIONS_LIFE,
};

/// What a message authentication code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Approval tokens.
    Approval,
    /// List cursors.
    Cursor,
    /// Nonces that nodes sign to join.
    Nonce,
    /// URLs that give an artifact's content; its keys are derived from those of cursors and stored nowhere.
    Download,
}

impl Purpose {
    /// Those whose keys are stored.
    const STORED: [Self; 3] = [Self::Approval, Self::Cursor, Self::Nonce];
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Cursor => "cursor",
            Self::Nonce => "nonce",
            Self::Download => "download",
        }
    }
}

/// The purpose of the keys that sign commands.
const COMMAND: &str = "command";
/// The purpose of the certificate authority.
const AUTHORITY: &str = "authority";

/// The installation's keys, unsealed in memory.
pub struct Keyring {
    keys: HashMap<String, (Purpose, hmac::Key)>,
    newest: HashMap<Purpose, String>,
    /// Oldest first; never empty.
    command_keys: Vec<(String, Ed25519KeyPair)>,
    authority: Authority,
    seal_keys: SealKeys,
}

/// Why the root key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The file cannot be read or made.
    #[error("the root key file {path} cannot be used")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file has not exactly 32 bytes.
    #[error("the root key file {path} has {length} bytes, expected 32")]
    Length {
        /// The file.
        path: String,
        /// Its length.
        length: usize,
    },
    /// Keys are stored, and the file that opens them is not there; another one would open none of them.
    #[error(
        "the database has keys of an installation, and its root key file {0} is not there: put it there, or name it in MC_ROOT_KEY_FILE"
    )]
    Absent(String),
    /// A stored key cannot be unsealed: the root key is not the one it was sealed with.
    #[error("stored key {key_id} cannot be unsealed: the root key file is not the one of this installation")]
    WrongKey {
        /// The key.
        key_id: String,
    },
}

/// The root key.
pub struct RootKey(LessSafeKey);

/// Refuses a root key that does not open what is stored, before anything is made or written.
///
/// # Errors
/// Database failures, [`RootKeyError`].
pub(crate) async fn fits(db: &Db, config: &Config) -> Result<(), Error> {
    let mut stored: Vec<(String, Vec<u8>)> = Vec::new();
    {
        let mut tx = db.begin_read().await?;
        for keys in ["SELECT key_id, sealed FROM keyring", "SELECT key_id, sealed FROM seal_key"] {
            stored.extend(tx.query(keys).fetch_all::<(String, Vec<u8>)>().await?);
        }
    }
    if stored.is_empty() {
        return Ok(());
    }
    let path = root_key_path(config);
    let shown = path.display().to_string();
    let root = match std::fs::read(&path) {
        Ok(bytes) => RootKey::of(&path, &bytes).map_err(Error::internal)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::internal(RootKeyError::Absent(shown)));
        }
        Err(source) => return Err(Error::internal(RootKeyError::File { path: shown, source })),
    };
    let before = previous_root_key(config).map_err(Error::internal)?;
    for (key_id, sealed) in stored {
        let opened = root.check(&key_id, sealed.clone());
        let opened =
            opened.or_else(|wrong| before.as_ref().map_or(Err(wrong), |key| key.check(&key_id, sealed)));
        opened.map_err(Error::internal)?;
    }
    Ok(())
}

/// Reads the root key file, or makes it (0600) at its default place.
///
/// # Errors
/// [`RootKeyError::File`], [`RootKeyError::Length`].
pub fn root_key(config: &Config, ids: &IdSource) -> Result<RootKey, RootKeyError> {
    let default = config.data_dir.join("secrets/root.key");
    let path = config.root_key_file.as_ref().unwrap_or(&default);
    let failed = |source| RootKeyError::File { path: path.display().to_string(), source };
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.root_key_file.is_none() => {
            let bytes = ids.bytes::<32>().to_vec();
            write_secret(path, &bytes).map_err(failed)?;
            std::fs::read(path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    RootKey::of(path, &bytes)
}

/// Where the root key is.
pub(crate) fn root_key_path(config: &Config) -> std::path::PathBuf {
    config.root_key_file.clone().unwrap_or_else(|| config.data_dir.join("secrets/root.key"))
}

/// Reads the file of the root key before, if one is named.
///
/// # Errors
/// [`RootKeyError::File`], [`RootKeyError::Length`].
pub fn previous_root_key(config: &Config) -> Result<Option<RootKey>, RootKeyError> {
    let Some(path) = &config.root_key_previous_file else { return Ok(None) };
    let bytes = std::fs::read(path)
        .map_err(|source| RootKeyError::File { path: path.display().to_string(), source })?;
    RootKey::of(path, &bytes).map(Some)
}

/// Writes a secret so that it is complete or absent, readable by the owner only, and never overwritten.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = path.with_extension(format!("new.{}", std::process::id()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::File::open(folder)?.sync_all(),
    }
}

fn inconsistent(message: String) -> DbError {
    DbError::Inconsistent { table: "keyring", message }
}

fn signing_key(key_id: &str, pkcs8: &[u8]) -> Result<Ed25519KeyPair, DbError> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
        .map_err(|error| inconsistent(format!("key {key_id} is no Ed25519 key: {error}")))
}

#[derive(sqlx_macros::FromRow)]
struct Row {
    key_id: String,
    purpose: String,
    sealed: Vec<u8>,
}

impl Keyring {
    /// Reads all keys; makes one for each purpose that has none.
    ///
    /// # Errors
    /// Database failures, and a root key that does not fit the stored keys.
    pub async fn open(db: &Db, root: &RootKey, ids: &IdSource, now: Timestamp) -> Result<Self, Error> {
        let mut first: Vec<(&str, Vec<u8>)> = Purpose::STORED
            .into_iter()
            .map(|purpose| (purpose.as_str(), ids.bytes::<32>().to_vec()))
            .collect();
        first.push((COMMAND, authority::new_pkcs8(ids)));
        first.push((AUTHORITY, Authority::make(ids, now).map_err(Error::internal)?));
        let mut tx = db.begin_write().await?;
        for (purpose, secret) in first {
            // The key's name is fixed for the first key of a purpose, so that two replicas that start at once agree.
            let key_id = format!("{purpose}-1");
            tx.query("INSERT INTO keyring (key_id, purpose, sealed, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                .bind(key_id.clone())
                .bind(purpose)
                .bind(root.seal(&key_id, &secret, ids))
                .bind(now)
                .execute()
                .await?;
        }
        db.commit(tx).await?;
        let mut tx = db.begin_read().await?;
        let rows: Vec<Row> = tx
            .query("SELECT key_id, purpose, sealed FROM keyring ORDER BY created_at, key_id")
            .fetch_all()
            .await?;
        let (mut keys, mut newest) = (HashMap::new(), HashMap::new());
        let (mut command_keys, mut authority) = (Vec::new(), None);
        for row in rows {
            let secret = root.unseal(&row.key_id, row.sealed).map_err(Error::internal)?;
            match row.purpose.as_str() {
                COMMAND => command_keys.push((row.key_id.clone(), signing_key(&row.key_id, &secret)?)),
                AUTHORITY => authority = Some(Authority::read(&secret).map_err(Error::internal)?),
                word => {
                    let purpose =
                        Purpose::STORED.into_iter().find(|purpose| purpose.as_str() == word).ok_or_else(
                            || inconsistent(format!("key {} has the unknown purpose {word}", row.key_id)),
                        )?;
                    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                    if purpose == Purpose::Cursor {
                        let key_id = row.key_id.replace(Purpose::Cursor.as_str(), Purpose::Download.as_str());
                        let derived = hmac::sign(&key, b"missioncontrol download url key");
                        newest.insert(Purpose::Download, key_id.clone());
                        let derived = hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref());
                        keys.insert(key_id, (Purpose::Download, derived));
                    }
                    newest.insert(purpose, row.key_id.clone());
                    keys.insert(row.key_id, (purpose, key));
                }
            }
        }
        let authority = authority.ok_or_else(|| inconsistent("the certificate authority is gone".into()))?;
        if command_keys.is_empty() {
            return Err(inconsistent("the command keys are gone".into()).into());
        }
        drop(tx);
        let seal_keys = SealKeys::open(db, root, ids, now).await?;
        Ok(Self { keys, newest, command_keys, authority, seal_keys })
    }

    /// Seals a secret for the database: key id and sealed bytes. `bound` says whose secret it is; sealed bytes that are
    /// moved to another row do not open.
    pub fn seal(&self, ids: &IdSource, bound: &str, secret: &[u8]) -> (&str, Vec<u8>) {
        self.seal_keys.seal(ids, bound, secret)
    }

    /// Opens what [`Self::seal`] made; `None` for another key, another row, or changed bytes.
    pub fn unseal(&self, key_id: &str, bound: &str, sealed: Vec<u8>) -> Option<Vec<u8>> {
        self.seal_keys.unseal(key_id, bound, sealed)
    }

    /// The certificate authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The public keys that commands may be signed with: key id and 32 bytes, oldest first.
    pub fn command_keys(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.command_keys.iter().map(|(key_id, key)| (key_id.as_str(), key.public_key().as_ref()))
    }

    /// Signs a command with the newest command key: key id and Ed25519 signature (64 bytes).
    ///
    /// # Panics
    /// Never: [`Keyring::open`] refuses to be without a command key.
    pub fn sign_command(&self, message: &[u8]) -> (&str, Vec<u8>) {
        let (key_id, key) = self.command_keys.last().expect("there is a command key");
        (key_id, key.sign(message).as_ref().to_vec())
    }

    /// The id of the key that signs for a purpose.
    ///
    /// # Panics
    /// Never: [`Keyring::open`] makes a key for every purpose.
    pub fn newest(&self, purpose: Purpose) -> &str {
        self.newest.get(&purpose).expect("every purpose has a key")
    }

    /// A keyring of approval keys for tests; the first one signs.
    #[cfg(test)]
    pub(crate) fn fixed(ids: &[&str]) -> Self {
        let made = ids.iter().map(|id| {
            ((*id).to_owned(), (Purpose::Approval, hmac::Key::new(hmac::HMAC_SHA256, id.as_bytes())))
        });
        let (source, now) = (IdSource::default(), Timestamp::from_micros(1_800_000_000_000_000));
        let authority = Authority::read(&Authority::make(&source, now).unwrap()).unwrap();
        Self {
            keys: made.collect(),
            newest: [(Purpose::Approval, ids[0].to_owned())].into(),
            command_keys: Vec::new(),
            authority,
            seal_keys: SealKeys::default(),
        }
    }

    /// Signs with the newest key of a purpose: key id and HMAC-SHA256.
    ///
    /// # Panics
    /// Never: [`Keyring::open`] makes a key for every purpose.
    pub fn sign(&self, purpose: Purpose, message: &[u8]) -> (&str, Vec<u8>) {
        let key_id = self.newest(purpose);
        let (_, key) = self.keys.get(key_id).expect("the newest key is among the keys");
        (key_id, hmac::sign(key, message).as_ref().to_vec())
    }

    /// Whether the tag fits, in constant time. Unknown keys and keys of another purpose never fit.
    pub fn verify(&self, purpose: Purpose, key_id: &str, message: &[u8], tag: &[u8]) -> bool {
        match self.keys.get(key_id) {
            Some((of, key)) if *of == purpose => hmac::verify(key, message, tag).is_ok(),
            _ => false,
        }
    }
}

impl RootKey {
    /// Whether it opens a stored key.
    ///
    /// # Errors
    /// [`RootKeyError::WrongKey`].
    pub(crate) fn check(&self, key_id: &str, sealed: Vec<u8>) -> Result<(), RootKeyError> {
        self.unseal(key_id, sealed).map(drop)
    }

    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Result<Self, RootKeyError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes)
            .map_err(|_| RootKeyError::Length { path: path.display().to_string(), length: bytes.len() })?;
        Ok(Self(LessSafeKey::new(key)))
    }

    fn seal(&self, key_id: &str, secret: &[u8], ids: &IdSource) -> Vec<u8> {
        let nonce = ids.bytes::<12>();
        let mut sealed = secret.to_vec();
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(key_id), &mut sealed)
            .expect("keys are far below the cipher's limit");
        [nonce.as_slice(), &sealed].concat()
    }

    fn unseal(&self, key_id: &str, mut sealed: Vec<u8>) -> Result<Vec<u8>, RootKeyError> {
        let wrong = || RootKeyError::WrongKey { key_id: key_id.to_owned() };
        let (nonce, rest) = sealed.split_first_chunk_mut::<12>().ok_or_else(wrong)?;
        let opened = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(key_id), rest)
            .map_err(|_| wrong())?;
        Ok(opened.to_vec())
    }
}
