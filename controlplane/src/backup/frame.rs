//! The outermost form of an archive: chunks of at most 1 MiB, each of them checked before anything in it is believed.
//!
//! ```text
//! "MCBACKUP"  version (1)  flags (1)  rounds (u32)  salt (16)
//! chunk: head (u32)  content  tag          head: bit 31 last chunk, bit 30 deflated, length of the content
//! ```
//! The tag covers the header of the file, the number of the chunk and its head, so that a chunk that is changed, moved, left
//! out or cut off is found. Without a passphrase it is SHA-256, which finds accidents and not forgers: whoever fears those
//! keeps the digest of the whole file apart, or encrypts. With one, chunks are sealed by AES-256-GCM with a key of PBKDF2-HMAC-
//! SHA256 over a salt of this archive alone, so that the number of the chunk is a nonce that is never used twice.

use std::io::{Read, Write};
use std::num::NonZeroU32;

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use mc_ledger::Digest;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::{digest, pbkdf2};

use crate::clock::IdSource;

const MAGIC: &[u8; 8] = b"MCBACKUP";
/// The form that this program writes.
const VERSION: u8 = 1;
const ENCRYPTED: u8 = 1;
const HEADER: usize = 8 + 1 + 1 + 4 + 16;
/// Rounds of PBKDF2, by the advice of OWASP (2023).
const ROUNDS: u32 = if cfg!(test) { 1000 } else { 600_000 };
/// A header that asks for more is damaged.
const MOST_ROUNDS: u32 = 10_000_000;
/// Plain bytes of a chunk.
const CHUNK: usize = 1 << 20;
const LAST: u32 = 1 << 31;
const DEFLATED: u32 = 1 << 30;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// It is something else.
    #[error("it is no backup of MissionControl")]
    Foreign,
    /// A newer program made it.
    #[error(
        "its form {0} is newer than the {VERSION} of this program: use the program that made it, or a newer one"
    )]
    Newer(u8),
    /// A passphrase is needed.
    #[error("it is encrypted: give the file with its passphrase")]
    Sealed,
    /// A passphrase is given and none is needed.
    #[error("it is not encrypted, and a passphrase was given: this is not the archive that was meant")]
    NotSealed,
    /// The first chunk does not open.
    #[error("the passphrase is not the one it was encrypted with, or its beginning is damaged")]
    Passphrase,
    /// Bytes are not those that were written.
    #[error("it is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the chunk begins.
        at: u64,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn key(passphrase: &[u8], salt: &[u8], rounds: u32) -> LessSafeKey {
    let mut bytes = [0; 32];
    let rounds = NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, passphrase, &mut bytes);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).expect("a key of AES-256 has 32 bytes"))
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn covered(header: &[u8; HEADER], number: u64, head: u32) -> Vec<u8> {
    [header.as_slice(), &number.to_be_bytes(), &head.to_be_bytes()].concat()
}

fn sha256(parts: [&[u8]; 2]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// What was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) size_bytes: u64,
    pub(super) sha256: Digest,
}

/// Writes chunks.
pub(super) struct Sealer<W: Write> {
    out: W,
    header: [u8; HEADER],
    key: Option<LessSafeKey>,
    number: u64,
    buffer: Vec<u8>,
    size_bytes: u64,
    digest: digest::Context,
}

impl<W: Write> Sealer<W> {
    /// Begins an archive.
    ///
    /// # Errors
    /// What writing gives.
    pub(super) fn begin(out: W, passphrase: Option<&[u8]>, ids: &IdSource) -> std::io::Result<Self> {
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8] = VERSION;
        let key = passphrase.map(|passphrase| {
            header[9] = ENCRYPTED;
            header[10..14].copy_from_slice(&ROUNDS.to_be_bytes());
            header[14..].copy_from_slice(&ids.bytes::<16>());
            key(passphrase, &header[14..], ROUNDS)
        });
        let digest = digest::Context::new(&digest::SHA256);
        let mut sealer = Self { out, header, key, number: 0, buffer: Vec::new(), size_bytes: 0, digest };
        sealer.emit(&header)?;
        Ok(sealer)
    }

    fn emit(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.digest.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// What writing gives.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> std::io::Result<()> {
        while self.buffer.len() + bytes.len() > CHUNK {
            let (now, later) = bytes.split_at(CHUNK - self.buffer.len());
            self.buffer.extend_from_slice(now);
            bytes = later;
            self.chunk(0)?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn chunk(&mut self, last: u32) -> std::io::Result<()> {
        let mut deflater = ZlibEncoder::new(Vec::with_capacity(self.buffer.len() / 2), Compression::fast());
        deflater.write_all(&self.buffer)?;
        let deflated = deflater.finish()?;
        let (mut content, bit) = if deflated.len() < self.buffer.len() - self.buffer.len() / 16 {
            (deflated, DEFLATED)
        } else {
            (std::mem::take(&mut self.buffer), 0)
        };
        self.buffer.clear();
        let head = last | bit | u32::try_from(content.len()).unwrap_or(u32::MAX);
        let covered = covered(&self.header, self.number, head);
        let tag = match &self.key {
            Some(key) => key
                .seal_in_place_separate_tag(nonce(self.number), Aad::from(&covered), &mut content)
                .map_err(|_| std::io::Error::other("a chunk cannot be sealed"))?
                .as_ref()
                .to_vec(),
            None => sha256([&covered, &content]).to_vec(),
        };
        self.number += 1;
        self.emit(&head.to_be_bytes())?;
        self.emit(&content)?;
        self.emit(&tag)
    }

    /// Ends the archive.
    ///
    /// # Errors
    /// What writing gives.
    pub(super) fn finish(mut self) -> std::io::Result<(W, Written)> {
        self.chunk(LAST)?;
        self.out.flush()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Ok((self.out, Written { size_bytes: self.size_bytes, sha256: Digest(sha256) }))
    }
}

/// Reads chunks.
pub(super) struct Opener<R: Read> {
    input: R,
    header: [u8; HEADER],
    key: Option<LessSafeKey>,
    number: u64,
    at: u64,
    /// Of the present chunk, from `read` on not given yet.
    plain: Vec<u8>,
    read: usize,
    is_last: bool,
    digest: digest::Context,
}

impl<R: Read> Opener<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`FrameError`].
    pub(super) fn begin(mut input: R, passphrase: Option<&[u8]>) -> Result<Self, FrameError> {
        let mut header = [0; HEADER];
        let mut got = 0;
        while got < HEADER {
            match input.read(&mut header[got..])? {
                0 => break,
                count => got += count,
            }
        }
        if !header.starts_with(MAGIC) {
            return Err(FrameError::Foreign);
        }
        let damaged = |what: &str| FrameError::Damaged { at: 0, what: what.to_owned() };
        if got < HEADER {
            return Err(damaged("it ends in its header"));
        }
        if header[8] > VERSION {
            return Err(FrameError::Newer(header[8]));
        }
        let rounds = u32::from_be_bytes([header[10], header[11], header[12], header[13]]);
        let key = match (header[9], passphrase) {
            (0, None) => None,
            (0, Some(_)) => return Err(FrameError::NotSealed),
            (ENCRYPTED, None) => return Err(FrameError::Sealed),
            (ENCRYPTED, Some(passphrase)) if (1..=MOST_ROUNDS).contains(&rounds) => {
                Some(key(passphrase, &header[14..], rounds))
            }
            _ => return Err(damaged("its header is not one that was written")),
        };
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(&header);
        let at = HEADER as u64;
        Ok(Self { input, header, key, number: 0, at, plain: Vec::new(), read: 0, is_last: false, digest })
    }

    fn damaged(&self, what: &str) -> FrameError {
        FrameError::Damaged { at: self.at, what: what.to_owned() }
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), FrameError> {
        match self.input.read_exact(bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("it ends before its end"))
            }
            read => {
                read?;
                self.digest.update(bytes);
                Ok(())
            }
        }
    }

    /// Reads the next chunk.
    fn fill(&mut self) -> Result<(), FrameError> {
        let mut head = [0; 4];
        self.exactly(&mut head)?;
        let head = u32::from_be_bytes(head);
        let length = usize::try_from(head & !(LAST | DEFLATED)).unwrap_or(usize::MAX);
        if length > CHUNK {
            return Err(self.damaged("a chunk is longer than any that was written"));
        }
        let mut content = vec![0; length];
        self.exactly(&mut content)?;
        let covered = covered(&self.header, self.number, head);
        if let Some(key) = self.key.take() {
            let mut tag = [0; 16];
            self.exactly(&mut tag)?;
            content.extend_from_slice(&tag);
            let opened = key.open_in_place(nonce(self.number), Aad::from(&covered), &mut content).is_ok();
            self.key = Some(key);
            if !opened {
                return Err(if self.number == 0 {
                    FrameError::Passphrase
                } else {
                    self.damaged("a chunk was changed")
                });
            }
            content.truncate(length);
        } else {
            let mut tag = [0; 32];
            self.exactly(&mut tag)?;
            if sha256([&covered, &content]) != tag {
                return Err(self.damaged("a chunk was changed"));
            }
        }
        self.plain = if head & DEFLATED == 0 {
            content
        } else {
            let mut plain = Vec::new();
            let limit = CHUNK as u64 + 1;
            ZlibDecoder::new(content.as_slice()).take(limit).read_to_end(&mut plain)?;
            if plain.len() > CHUNK {
                return Err(self.damaged("a chunk is longer than any that was written"));
            }
            plain
        };
        self.read = 0;
        self.number += 1;
        self.at += 4 + length as u64 + if self.key.is_some() { 16 } else { 32 };
        self.is_last = head & LAST != 0;
        if self.is_last && self.input.read(&mut [0])? != 0 {
            return Err(self.damaged("something stands behind its end"));
        }
        Ok(())
    }

    /// The next bytes, exactly so many; `None` at the end of the archive.
    ///
    /// # Errors
    /// [`FrameError`]; an end in the middle.
    pub(super) fn take(&mut self, count: usize) -> Result<Option<Vec<u8>>, FrameError> {
        // Grows with what is there, not with what is claimed.
        let mut taken = Vec::with_capacity(count.min(CHUNK));
        while taken.len() < count {
            if self.read == self.plain.len() {
                if self.is_last {
                    return if taken.is_empty() {
                        Ok(None)
                    } else {
                        Err(self.damaged("it ends inside a part"))
                    };
                }
                self.fill()?;
                continue;
            }
            let now = (count - taken.len()).min(self.plain.len() - self.read);
            taken.extend_from_slice(&self.plain[self.read..self.read + now]);
            self.read += now;
        }
        Ok(Some(taken))
    }

    /// What was read, once [`Opener::take`] has given `None`.
    pub(super) fn finish(self) -> Written {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Written { size_bytes: self.at, sha256: Digest(sha256) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8], passphrase: Option<&[u8]>) -> Vec<u8> {
        let mut sealer = Sealer::begin(Vec::new(), passphrase, &IdSource::default()).unwrap();
        plain.chunks(7000).for_each(|part| sealer.put(part).unwrap());
        sealer.finish().unwrap().0
    }

    fn opened(archive: &[u8], passphrase: Option<&[u8]>) -> Result<Vec<u8>, FrameError> {
        let mut opener = Opener::begin(archive, passphrase)?;
        let mut plain = Vec::new();
        while let Some(byte) = opener.take(1)? {
            plain.extend_from_slice(&byte);
        }
        assert_eq!(opener.finish().sha256, mc_ledger::sha256(archive));
        Ok(plain)
    }

    fn noise(length: usize) -> Vec<u8> {
        let ids = IdSource::default();
        (0..length.div_ceil(32)).flat_map(|_| ids.bytes::<32>()).take(length).collect()
    }

    #[test]
    fn archives_are_read_as_they_are_written() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1] {
            let plain = noise(length);
            assert_eq!(opened(&sealed(&plain, None), None).unwrap(), plain);
        }
        let long = vec![7; 3 * CHUNK];
        let archive = sealed(&long, None);
        assert!(archive.len() < CHUNK, "{}", archive.len());
        assert_eq!(opened(&archive, None).unwrap(), long);
    }

    #[test]
    fn a_changed_bit_or_a_cut_anywhere_is_found() {
        let archive = sealed(&noise(300), None);
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(opened(&changed, None).is_err(), "byte {at}");
            assert!(opened(&archive[..at], None).is_err(), "cut at {at}");
        }
        assert!(opened(&[archive.as_slice(), b"x"].concat(), None).is_err());
    }

    #[test]
    fn chunks_that_change_places_are_found() {
        for passphrase in [None, Some(&b"correct horse"[..])] {
            let archive = sealed(&noise(4 * CHUNK + 5), passphrase);
            let (header, mut rest) = archive.split_at(HEADER);
            let tag = if passphrase.is_some() { 16 } else { 32 };
            let mut chunks = Vec::new();
            while !rest.is_empty() {
                let head = u32::from_be_bytes(rest[..4].try_into().unwrap());
                let (chunk, after) = rest.split_at(4 + (head & !(LAST | DEFLATED)) as usize + tag);
                chunks.push(chunk);
                rest = after;
            }
            let of = |order: &[usize]| -> Vec<u8> {
                let parts = order.iter().map(|at| chunks[*at]);
                std::iter::once(header).chain(parts).flatten().copied().collect()
            };
            let all: Vec<usize> = (0..chunks.len()).collect();
            assert!(all.len() >= 5 && opened(&of(&all), passphrase).is_ok());
            for order in [
                &[1, 0, 2, 3, 4][..],
                &[0, 2, 1, 3, 4],
                &[0, 1, 3, 4],
                &[0, 1, 2, 3],
                &[0, 0, 1, 2, 3, 4],
                &[4],
            ] {
                assert!(opened(&of(order), passphrase).is_err(), "{order:?}");
            }
        }
    }

    #[test]
    fn an_encrypted_archive_opens_with_its_passphrase_only() {
        let archive = sealed(b"the secret", Some(b"correct horse"));
        assert!(!archive.windows(6).any(|six| six == b"secret"));
        assert!(matches!(opened(&archive, None), Err(FrameError::Sealed)));
        assert!(matches!(opened(&archive, Some(b"wrong horse")), Err(FrameError::Passphrase)));
        assert_eq!(opened(&archive, Some(b"correct horse")).unwrap(), b"the secret");
        assert!(matches!(opened(&sealed(b"", None), Some(b"x")), Err(FrameError::NotSealed)));
    }
}
