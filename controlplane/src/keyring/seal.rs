//! Keys that seal secrets of others, such as credentials of Git connections: AES-256-GCM, one nonce per secret.

use mc_api::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{RootKey, inconsistent};
use crate::clock::IdSource;
use crate::db::Db;
use crate::error::Error;

/// The keys, oldest first; the newest seals, every one opens.
#[derive(Default)]
pub(super) struct SealKeys(Vec<(String, LessSafeKey)>);

impl SealKeys {
    /// Reads the keys; makes the first when there is none.
    pub(super) async fn open(db: &Db, root: &RootKey, ids: &IdSource, now: Timestamp) -> Result<Self, Error> {
        let mut tx = db.begin_write().await?;
        // The first key's name is fixed, so that two replicas that start at once agree.
        let first = "seal-1";
        tx.query(
            "INSERT INTO seal_key (key_id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(first.to_owned())
        .bind(root.seal(first, &ids.bytes::<32>(), ids))
        .bind(now)
        .execute()
        .await?;
        db.commit(tx).await?;
        let mut tx = db.begin_read().await?;
        let rows: Vec<(String, Vec<u8>)> =
            tx.query("SELECT key_id, sealed FROM seal_key ORDER BY created_at, key_id").fetch_all().await?;
        let mut keys = Vec::with_capacity(rows.len());
        for (key_id, sealed) in rows {
            let secret = root.unseal(&key_id, sealed).map_err(Error::internal)?;
            let key = UnboundKey::new(&AES_256_GCM, &secret)
                .map_err(|_| inconsistent(format!("key {key_id} has not 32 bytes")))?;
            keys.push((key_id, LessSafeKey::new(key)));
        }
        Ok(Self(keys))
    }

    pub(super) fn seal(&self, ids: &IdSource, bound: &str, secret: &[u8]) -> (&str, Vec<u8>) {
        let (key_id, key) = self.0.last().expect("there is a seal key");
        let nonce = ids.bytes::<12>();
        let mut sealed = secret.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut sealed)
            .expect("secrets are far below the cipher's limit");
        (key_id, [nonce.as_slice(), &sealed].concat())
    }

    pub(super) fn unseal(&self, key_id: &str, bound: &str, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let (_, key) = self.0.iter().find(|(id, _)| id == key_id)?;
        let (nonce, rest) = sealed.split_first_chunk_mut::<12>()?;
        let opened = key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), rest).ok()?;
        Some(opened.to_vec())
    }
}
