//! Vectors of single words: what a word means beside what the lexicon says of it. The table `data/words.bin` is written by
//! `tools/words.py` from a sentence encoder and from catalogues of translated messages; see `NOTICE`. Whole numbers only,
//! so that a likeness is the same on every machine.
//!
//! Layout, little-endian: `mcw1`, three `u32` (English words, foreign words, dimensions); then of the English words, sorted
//! by hash: 32-bit hashes, weights (`u8`), how much of a verb each is (`u8`), vectors (`i8`); of the foreign words: hashes,
//! then five bytes each: two English words by number (`u16`) and the share of the first (`u8`).

use crate::lexicon::hash;

pub(crate) const DIMENSIONS: usize = 96;
static DATA: &[u8] = include_bytes!("../data/words.bin");
const HEAD: usize = 16;

/// What is known of a word's meaning.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sense {
    vector: Vector,
    /// Length of the vector.
    norm: f32,
    /// From 0 (in every text) to 1.
    pub(crate) weight: f32,
    /// How much of a verb it is, from 0 to 1.
    pub(crate) verb: f32,
}

/// Signed bytes: those of the table, or mixed from two of them.
#[derive(Debug, Clone, PartialEq)]
enum Vector {
    Known(&'static [u8; DIMENSIONS]),
    Mixed(Box<[u8; DIMENSIONS]>),
}

impl Sense {
    fn new(vector: Vector, weight: f32, verb: f32) -> Self {
        let bytes = match &vector {
            Vector::Known(bytes) => bytes,
            Vector::Mixed(bytes) => bytes.as_ref(),
        };
        #[expect(clippy::cast_precision_loss, reason = "a sum far below 2^24")]
        let norm = (dot(bytes, bytes) as f32).sqrt();
        Self { vector, norm, weight, verb }
    }

    fn bytes(&self) -> &[u8; DIMENSIONS] {
        match &self.vector {
            Vector::Known(bytes) => bytes,
            Vector::Mixed(bytes) => bytes,
        }
    }

    /// What it means, number by number.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = f32> {
        self.bytes().iter().map(|byte| f32::from(byte.cast_signed()))
    }

    /// The cosine of two meanings.
    pub(crate) fn alike(&self, other: &Self) -> f32 {
        let norm = self.norm * other.norm;
        #[expect(clippy::cast_precision_loss, reason = "a sum far below 2^24")]
        let product = dot(self.bytes(), other.bytes()) as f32;
        if norm > 0.0 { (product / norm).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

fn dot(a: &[u8; DIMENSIONS], b: &[u8; DIMENSIONS]) -> i32 {
    a.iter().zip(b).map(|(x, y)| i32::from(x.cast_signed()) * i32::from(y.cast_signed())).sum()
}

struct Table {
    english: usize,
    foreign: usize,
}

const fn count(at: usize) -> usize {
    DATA[at] as usize
        | (DATA[at + 1] as usize) << 8
        | (DATA[at + 2] as usize) << 16
        | (DATA[at + 3] as usize) << 24
}

const TABLE: Table = Table { english: count(4), foreign: count(8) };
const WEIGHTS: usize = HEAD + TABLE.english * 4;
const VERBS: usize = WEIGHTS + TABLE.english;
const VECTORS: usize = VERBS + TABLE.english;
const FOREIGN: usize = VECTORS + TABLE.english * DIMENSIONS;
const MEANINGS: usize = FOREIGN + TABLE.foreign * 4;
const _: () = assert!(DATA.len() == MEANINGS + TABLE.foreign * 5 && count(12) == DIMENSIONS);

fn share(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// The place of a hash among sorted ones.
fn place(begin: usize, count: usize, wanted: u32) -> Option<usize> {
    let at = |i: usize| {
        let from = begin + i * 4;
        DATA.get(from..from + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        match at(middle).cmp(&wanted) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Some(middle),
        }
    }
    None
}

fn english(i: usize) -> Option<Sense> {
    let vector = DATA.get(VECTORS + i * DIMENSIONS..)?.first_chunk()?;
    Some(Sense::new(Vector::Known(vector), share(DATA[WEIGHTS + i]), share(DATA[VERBS + i])))
}

fn of_hash(hash: u64) -> Option<Sense> {
    let key = u32::try_from(hash & 0xffff_ffff).unwrap_or(0);
    if let Some(i) = place(HEAD, TABLE.english, key) {
        return english(i);
    }
    let i = MEANINGS + place(FOREIGN, TABLE.foreign, key)? * 5;
    let number = |at: usize| usize::from(u16::from_le_bytes([DATA[at], DATA[at + 1]])).min(TABLE.english - 1);
    let (a, b) = (english(number(i))?, english(number(i + 2))?);
    Some(mixed(&a, &b, share(DATA[i + 4])))
}

fn mixed(a: &Sense, b: &Sense, first: f32) -> Sense {
    let mix = |x: f32, y: f32| x * first + y * (1.0 - first);
    let mut vector = Box::new([0_u8; DIMENSIONS]);
    for ((to, x), y) in vector.iter_mut().zip(a.numbers()).zip(b.numbers()) {
        #[expect(clippy::cast_possible_truncation, reason = "between two numbers of eight bits")]
        let value = mix(x, y).round() as i8;
        *to = value.cast_unsigned();
    }
    Sense::new(Vector::Mixed(vector), mix(a.weight, b.weight), mix(a.verb, b.verb))
}

/// What a folded word means: as it stands, by a plain inflection, or by two words it is made of.
pub(crate) fn sense(word: &str) -> Option<Sense> {
    if let Some(found) = of_hash(hash(word)) {
        return Some(found);
    }
    if !word.is_ascii() || !(5..=32).contains(&word.len()) {
        return None;
    }
    for ending in ["s", "es", "d", "ed", "ing", "n", "en", "er", "r"] {
        if let Some(head) = word.strip_suffix(ending).filter(|h| h.len() > 3)
            && let Some(found) = of_hash(hash(head))
        {
            return Some(found);
        }
    }
    compound(word)
}

/// The longest two words that make up a longer one, of four letters each at least; the last one tells what it is.
fn compound(word: &str) -> Option<Sense> {
    for at in (4..word.len().saturating_sub(3)).rev() {
        let (head, tail) = word.split_at(at);
        if let Some(first) =
            of_hash(hash(head)).or_else(|| of_hash(hash(head.strip_suffix('s').filter(|h| h.len() > 3)?)))
            && let Some(last) = of_hash(hash(tail))
        {
            return Some(mixed(&first, &last, 0.5));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::sense;

    fn alike(a: &str, b: &str) -> f32 {
        sense(a).zip(sense(b)).map_or(-1.0, |(a, b)| a.alike(&b))
    }

    #[test]
    fn words_of_one_meaning_are_nearer_than_others() {
        for (a, b, c) in
            [("remove", "delete", "import"), ("loschen", "delete", "print"), ("error", "fehler", "house")]
        {
            assert!(alike(a, b) > alike(a, c) + 0.2, "{a} {b} {} {c} {}", alike(a, b), alike(a, c));
        }
    }

    #[test]
    fn what_is_not_known_has_no_meaning() {
        assert_eq!(sense("xqzzyv"), None);
        assert!(sense("").is_none());
    }
}
