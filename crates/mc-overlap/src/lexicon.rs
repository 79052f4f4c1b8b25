//! What is known about words beforehand: synonyms and fields of software work in nine languages, kinds of action,
//! background frequencies, headings of templates. The tables are text files in `data/`, read once.
//!
//! `synonyms.txt`: `name !action: words`, one meaning a line; a word may stand in several. `fields.txt`: the same for
//! looser neighbourhoods. A word with `*` stands for everything that begins so (inflected languages, compounds).
//! `background.txt`: `tier: words`, from 0 (says nothing) to 3. `templates.txt`: one heading a line.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use crate::stem::stem;
use crate::token::{fold, unify};

/// A 64-bit FNV-1a with a final mix; stored with texts, so it must never change without [`crate::INDEX_VERSION`].
pub(crate) fn hash(text: &str) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for b in text.bytes() {
        h = (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
    }
    mix(h)
}

/// [`hash`] of every beginning of a text that ends between two characters, shortest first.
fn beginnings(text: &str, each: &mut dyn FnMut(usize, u64)) {
    let mut h = 0xcbf2_9ce4_8422_2325_u64;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        for b in &text.as_bytes()[at..end] {
            h = (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3);
        }
        each(end, mix(h));
    }
}

pub(crate) fn mix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xff51_afd7_ed55_8ccd);
    h ^= h >> 33;
    h = h.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    h ^ (h >> 33)
}

/// Keys are hashes already.
#[derive(Default)]
pub(crate) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.0 = (self.0 ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}

pub(crate) type Map<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// Most groups that one word belongs to.
pub(crate) const GROUPS: usize = 8;

/// What is known of one word.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Entry {
    /// Indexes into [`Lexicon::groups`], from 1; 0 is none.
    pub(crate) groups: [u16; GROUPS],
    /// Bits of kinds of action.
    pub(crate) actions: u32,
    pub(crate) tier: Option<u8>,
    /// Bit of the language whose function word this is.
    pub(crate) language: u8,
    /// A phrase of several words begins here.
    pub(crate) opens_phrase: bool,
}

impl Entry {
    fn join(&mut self, group: u16) {
        if self.groups.contains(&group) {
            return;
        }
        if let Some(free) = self.groups.iter_mut().find(|g| **g == 0) {
            *free = group;
        }
    }

    fn is_known(&self) -> bool {
        self.groups[0] != 0 || self.actions != 0 || self.tier.is_some()
    }
}

pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// How alike two different words of the group are: synonyms much, words of a field a little.
    pub(crate) alike: f32,
    pub(crate) weight: f32,
}

pub(crate) struct Lexicon {
    entries: Map<Entry>,
    prefixes: Map<Entry>,
    pub(crate) groups: Vec<Group>,
    templates: HashSet<u64, BuildHasherDefault<Identity>>,
}

/// Kinds of action; the position is the bit.
pub(crate) const ACTIONS: &[&str] = &[
    "add",
    "fix",
    "change",
    "remove",
    "test",
    "document",
    "rename",
    "measure",
    "migrate",
    "upgrade",
    "investigate",
    "refactor",
    "review",
    "publish",
    "disable",
    "revert",
    "monitor",
    "replace",
    "speed",
    "validate",
    "restore",
    "backup",
    "protect",
    "translate",
    "draw",
    "log",
    "plan",
    "sort",
    "filter",
    "enable",
];

/// Actions that say little about what is to be done: they go together with any other.
pub(crate) const GENERIC: u32 = 0b111 | (1 << 29);

/// Testing, documenting, measuring, reviewing, watching.
pub(crate) const META: u32 = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 12 | 1 << 16;

pub(crate) const SYNONYM: f32 = 0.85;
const FIELD: f32 = 0.35;

pub(crate) const TIER_WEIGHTS: [f32; 5] = [0.04, 0.25, 0.5, 0.75, 1.0];

pub(crate) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::read);

/// Stems that turn a piece of work into another one, each with those that do.
pub(crate) static OPPOSITES: LazyLock<Map<Vec<u64>>> = LazyLock::new(|| {
    let mut all: Map<Vec<u64>> = Map::default();
    for line in lines(include_str!("../data/opposites.txt")) {
        let keys: Vec<u64> = line.split_whitespace().map(|w| hash(&stem(w))).collect();
        for key in &keys {
            all.entry(*key).or_default().extend(keys.iter().filter(|k| *k != key));
        }
    }
    all
});

impl Lexicon {
    fn read() -> Self {
        let mut lexicon = Self {
            entries: Map::default(),
            prefixes: Map::default(),
            groups: vec![Group { name: "", alike: 0.0, weight: 0.0 }],
            templates: HashSet::default(),
        };
        lexicon.background(include_str!("../data/background.txt"));
        lexicon.words(include_str!("../data/synonyms.txt"), SYNONYM);
        lexicon.words(include_str!("../data/fields.txt"), FIELD);
        for line in lines(include_str!("../data/templates.txt")) {
            lexicon.templates.insert(hash(&heading(line)));
        }
        lexicon
    }

    fn background(&mut self, text: &'static str) {
        for (name, words) in lines(text).filter_map(|line| line.split_once(':')) {
            let (tier, language) = match name.split_once(' ') {
                Some((_, language)) => (0, language_bit(language)),
                None => (name.parse::<u8>().unwrap_or(4), 0),
            };
            for word in words.split_whitespace() {
                let entry = self.entries.entry(hash(&stem(&fold(&unify(word))))).or_default();
                entry.tier = Some(entry.tier.unwrap_or(tier).min(tier));
                entry.language |= language;
            }
        }
    }

    fn words(&mut self, text: &'static str, alike: f32) {
        for (head, words) in lines(text).filter_map(|line| line.split_once(':')) {
            let (name, action) = head.split_once('!').unwrap_or((head, ""));
            let bit = ACTIONS.iter().position(|a| *a == action.trim()).map_or(0, |i| 1_u32 << i);
            let group = u16::try_from(self.groups.len()).unwrap_or(0);
            let mut weight = 1.0_f32;
            for word in words.split(',').map(str::trim).chain([name.trim()]).filter(|w| !w.is_empty()) {
                let word = fold(&unify(word));
                if let Some(prefix) = word.strip_suffix('*') {
                    let entry = self.prefixes.entry(hash(prefix)).or_default();
                    entry.join(group);
                    entry.actions |= bit;
                    continue;
                }
                let stems: Vec<compact_str::CompactString> = word.split([' ', '-']).map(stem).collect();
                let entry = self.entries.entry(hash(&stems.join(" "))).or_default();
                entry.join(group);
                entry.actions |= bit;
                if let Some(tier) = entry.tier.filter(|t| *t > 0) {
                    weight = weight.min(TIER_WEIGHTS[usize::from(tier.min(4))]);
                }
                if let [first, _, ..] = stems.as_slice() {
                    self.entries.entry(hash(first)).or_default().opens_phrase = true;
                }
            }
            self.groups.push(Group { name: name.trim(), alike, weight });
        }
    }

    /// What is known of a stem (or of stems joined by spaces).
    pub(crate) fn stem(&self, key: u64) -> Option<&Entry> {
        self.entries.get(&key)
    }

    /// What is known of a folded word: by its stem, else by its beginning; a compound's second half is added.
    pub(crate) fn word(&self, word: &str, key: u64) -> Entry {
        if let Some(entry) = self.entries.get(&key)
            && entry.is_known()
        {
            return *entry;
        }
        let mut entry = self.entries.get(&key).copied().unwrap_or_default();
        let shortest =
            if word.chars().next().is_some_and(|c| ('\u{ac00}'..='\u{d7a3}').contains(&c)) { 2 } else { 4 };
        if let Some((end, found)) = self.longest_prefix(word, shortest) {
            for group in found.groups.into_iter().filter(|g| *g != 0) {
                entry.join(group);
            }
            entry.actions |= found.actions;
            if word.len() > end + 4 {
                self.second_half(&word[end..], &mut entry);
            }
        }
        entry
    }

    /// The longest beginning of a word that stands in the tables with a `*`, and where it ends.
    fn longest_prefix(&self, word: &str, shortest: usize) -> Option<(usize, &Entry)> {
        let (mut best, mut length) = (None, 0);
        beginnings(word, &mut |end, key| {
            length += 1;
            if (shortest..24).contains(&length)
                && let Some(entry) = self.prefixes.get(&key)
            {
                best = Some((end, entry));
            }
        });
        best
    }

    fn second_half(&self, rest: &str, entry: &mut Entry) {
        for (skip, _) in rest.char_indices().take(4) {
            let tail = &rest[skip..];
            if tail.len() < 4 {
                break;
            }
            let known = self.entries.get(&hash(&stem(tail))).filter(|e| e.groups[0] != 0);
            let found = known.or_else(|| self.longest_prefix(tail, 4).map(|(_, e)| e));
            if let Some(found) = found {
                for group in found.groups.into_iter().filter(|g| *g != 0) {
                    entry.join(group);
                }
                return;
            }
        }
    }

    /// Whether a folded line is a heading that templates have.
    pub(crate) fn is_heading(&self, line: &str) -> bool {
        line.len() < 64 && self.templates.contains(&hash(&heading(line)))
    }
}

/// A line as the table of headings has it: letters and single spaces.
fn heading(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for word in line.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&fold(word));
    }
    text
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) const CJK: u8 = 1 << 6;
pub(crate) const CYRILLIC: u8 = 1 << 7;

fn language_bit(name: &str) -> u8 {
    ["en", "de", "es", "fr", "pt", "pl"].iter().position(|l| *l == name.trim()).map_or(0, |i| 1 << i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read() {
        assert!(LEXICON.groups.len() > 100, "{}", LEXICON.groups.len());
        assert!(LEXICON.is_heading("Steps to reproduce:"));
        let entry = LEXICON.word("remove", hash(&stem("remove")));
        assert_eq!(entry.actions, 1 << 3);
    }

    #[test]
    fn actions_in_the_table_exist() {
        for text in [include_str!("../data/synonyms.txt"), include_str!("../data/fields.txt")] {
            for (head, _) in lines(text).filter_map(|l| l.split_once(':')) {
                if let Some((_, action)) = head.split_once('!') {
                    assert!(ACTIONS.contains(&action.trim()), "{head}");
                }
            }
        }
    }
}
