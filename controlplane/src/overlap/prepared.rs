//! Texts in the form that is compared. Existing ones are kept for a while, since whatever is new is held against the same
//! few again and again.

use std::mem::size_of_val;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;
use mc_overlap::{Prepared, Text};

use crate::error::Error;
use crate::search::index::{self, Candidate, Family};

/// At most this many bytes of a text's first line stand for its title.
const FIRST_LINE: usize = 240;
/// How much memory the kept texts take at most, in bytes.
const KEPT: usize = 16 * 1024 * 1024;
/// What an entry takes beside its text and its vector.
const ENTRY: usize = 160;

/// A text in the form that is compared and indexed.
pub(crate) fn prepare(title: &str, body: &str, paths: &[String]) -> Prepared {
    Prepared::new(&Text { title, body: index::kept(body), paths })
}

/// The same for any kind. A text is compared by its first line before its own title: a doc that was named in a hurry and a
/// file that is called after nothing are found by what they say.
pub(crate) fn prepare_as(kind: &str, title: &str, body: &str, paths: &[String]) -> Prepared {
    let body = index::kept(body);
    if Family::of(kind) == Family::Work {
        return prepare(title, body, paths);
    }
    let from = body.trim_start();
    let (first, rest) = from.split_once('\n').unwrap_or((from, ""));
    let first = first.trim_start_matches('#').trim();
    if first.is_empty() {
        return prepare(title, body, paths);
    }
    let (line, over) = first.split_at(first.floor_char_boundary(FIRST_LINE));
    prepare(line, &format!("{title}\n{over}\n{rest}"), paths)
}

/// An existing text with its built-in vector.
pub(crate) struct Existing {
    pub(crate) text: Prepared,
    pub(crate) vector: Vec<f32>,
}

impl Existing {
    fn footprint(&self) -> usize {
        ENTRY + self.text.footprint() + size_of_val(self.vector.as_slice())
    }
}

/// Those used last, by the digest of what they were made from: a text that was changed is another one.
struct Kept {
    texts: LruCache<[u8; 32], Arc<Existing>>,
    bytes: usize,
}

impl Kept {
    fn put(&mut self, key: [u8; 32], existing: Arc<Existing>) {
        self.bytes += existing.footprint();
        if let Some(before) = self.texts.put(key, existing) {
            self.bytes -= before.footprint();
        }
        while self.bytes > KEPT {
            let Some((_, oldest)) = self.texts.pop_lru() else { break };
            self.bytes -= oldest.footprint();
        }
    }
}

static TEXTS: LazyLock<Mutex<Kept>> =
    LazyLock::new(|| Mutex::new(Kept { texts: LruCache::unbounded(), bytes: 0 }));

/// A candidate in the form that is compared. Only for texts that were found as candidates: what a caller brings is always
/// prepared anew, so that the time it takes tells nothing about what others wrote.
///
/// # Errors
/// Paths in the index that cannot be read.
pub(crate) fn existing(candidate: &Candidate) -> Result<Arc<Existing>, Error> {
    let key = key(candidate);
    if let Some(kept) = TEXTS.lock().unwrap_or_else(PoisonError::into_inner).texts.get(&key) {
        return Ok(Arc::clone(kept));
    }
    let text = prepare_as(&candidate.subject_kind, &candidate.title, &candidate.body, &candidate.paths()?);
    let vector = mc_overlap::builtin::embed(&text);
    let made = Arc::new(Existing { text, vector });
    TEXTS.lock().unwrap_or_else(PoisonError::into_inner).put(key, Arc::clone(&made));
    Ok(made)
}

fn key(candidate: &Candidate) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in [&candidate.subject_kind, &candidate.title, candidate.paths_json(), &candidate.body] {
        context.update(&part.len().to_le_bytes());
        context.update(part.as_bytes());
    }
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_below_its_bound() {
        let mut kept = Kept { texts: LruCache::unbounded(), bytes: 0 };
        let body =
            "Rotate the signing keys of the session store when the clock of a replica jumps. ".repeat(150);
        for i in 0..2_000_u32 {
            let text = prepare(&format!("Title {i}"), &format!("{body} {i}"), &[]);
            let vector = mc_overlap::builtin::embed(&text);
            let mut key = [0; 32];
            key[..4].copy_from_slice(&(i % 1_900).to_le_bytes());
            kept.put(key, Arc::new(Existing { text, vector }));
            assert!(kept.bytes <= KEPT);
        }
        let sum: usize = kept.texts.iter().map(|(_, existing)| existing.footprint()).sum();
        assert_eq!(kept.bytes, sum);
        assert!(kept.texts.len() > 10, "{}", kept.texts.len());
    }
}
