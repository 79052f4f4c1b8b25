//! Which chain goes on from which.
//!
//! Chains that begin with the same event are of one installation, each for another place. A chain in a folder `after-HASH`
//! is of an installation that was rebuilt from the chain which has an event with this hash, as it was at that event.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claim;
use crate::chain::{Digest, SealedEvent};
use crate::export::Report;

/// Characters of the id of an installation.
const ID_LENGTH: usize = 16;
/// At least so many of them name one.
const SHORTEST: usize = 6;

/// An installation that published here.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Installation {
    /// What it is chosen by: the beginning of the hash of its first event.
    pub id: String,
    /// The folders of its chains, one for each place that it publishes to.
    pub folders: Vec<String>,
    /// Events of the longest.
    pub events: u64,
    /// Its last position.
    pub last_seq: u64,
    /// The hash there.
    pub head: Digest,
    /// The installation that it was rebuilt from (its place in the list), and that one's last position then.
    pub continues: Option<(usize, u64)>,
    /// It was rebuilt from a chain that is not here.
    pub continues_elsewhere: bool,
    /// How many rebuilt installations lead to it.
    pub depth: usize,
    /// Nobody goes on from it, or it went on itself after somebody did.
    pub is_current: bool,
}

/// Which events the names of folders speak of, and the first event of each chain.
pub(super) struct Marks {
    wanted: BTreeSet<String>,
    /// By the beginning of the hash: folder and position.
    found: BTreeMap<String, (String, u64)>,
    first: BTreeMap<String, Digest>,
}

/// The beginning of the hash in the name of a folder.
fn origin_of(folder: &str) -> Option<&str> {
    folder.rsplit('/').next()?.strip_prefix("after-").filter(|hash| hash.len() == 16)
}

impl Marks {
    pub(super) fn new<'a>(folders: impl Iterator<Item = &'a String>) -> Self {
        let wanted = folders.filter_map(|folder| origin_of(folder)).map(str::to_owned).collect();
        Self { wanted, found: BTreeMap::new(), first: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, folder: &str, event: &SealedEvent) {
        if event.seq == 1 {
            self.first.insert(folder.to_owned(), event.hash);
        }
        if self.wanted.is_empty() {
            return;
        }
        let hash = event.hash.to_string();
        if self.wanted.contains(&hash[..16]) {
            self.found.insert(hash[..16].to_owned(), (folder.to_owned(), event.seq));
        }
    }
}

pub(super) fn installations(chains: &BTreeMap<String, Report>, marks: &Marks) -> Vec<Installation> {
    let mut found: Vec<(Digest, Installation)> = Vec::new();
    for (folder, report) in chains {
        let Some(first) = marks.first.get(folder) else { continue };
        let index = found.iter().position(|(other, _)| other == first).unwrap_or_else(|| {
            let empty = Installation {
                id: first.to_string()[..ID_LENGTH].to_owned(),
                folders: Vec::new(),
                events: 0,
                last_seq: 0,
                head: Digest::GENESIS,
                continues: None,
                continues_elsewhere: false,
                depth: 0,
                is_current: true,
            };
            found.push((*first, empty));
            found.len() - 1
        });
        let one = &mut found[index].1;
        one.folders.push(folder.clone());
        if report.last_seq >= one.last_seq {
            (one.events, one.last_seq, one.head) = (report.events, report.last_seq, report.head);
        }
    }
    let mut all: Vec<Installation> = found.into_iter().map(|(_, one)| one).collect();
    for index in 0..all.len() {
        let Some(hash) = all[index].folders.iter().find_map(|folder| origin_of(folder)) else { continue };
        let parent = marks.found.get(hash).and_then(|(folder, seq)| {
            let parent = all.iter().position(|one| one.folders.contains(folder))?;
            (parent != index).then_some((parent, *seq))
        });
        (all[index].continues, all[index].continues_elsewhere) = (parent, parent.is_none());
    }
    for index in 0..all.len() {
        let line = line_of(&all, index);
        all[index].depth = line.len() - 1;
        let gone_on = all.iter().filter_map(|one| one.continues.filter(|(parent, _)| *parent == index));
        let last = gone_on.map(|(_, seq)| seq).max();
        all[index].is_current = last.is_none_or(|seq| all[index].last_seq > seq);
    }
    all
}

/// An installation and those that it goes on from, each with the last position that counts.
pub fn line_of(all: &[Installation], index: usize) -> Vec<(usize, u64)> {
    let mut line = vec![(index, u64::MAX)];
    let mut at = index;
    while let Some((parent, seq)) = all[at].continues
        && line.iter().all(|(seen, _)| *seen != parent)
    {
        line.push((parent, seq));
        at = parent;
    }
    line
}

/// Of what installations said of a path: what no later one in their line has said anew.
pub(super) fn counting<'a>(
    all: &[Installation],
    said: &'a BTreeMap<usize, Vec<Claim>>,
) -> Vec<(usize, &'a Claim)> {
    let is_superseded = |whose: usize, claim: &Claim| {
        said.keys().any(|other| {
            *other != whose
                && line_of(all, *other).iter().any(|(in_line, upto)| *in_line == whose && claim.seq <= *upto)
        })
    };
    said.iter()
        .filter_map(|(whose, claims)| Some((*whose, claims.last()?)))
        .filter(|(whose, claim)| !is_superseded(*whose, claim))
        .collect()
}

/// Why no installation is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotChosen {
    /// Nobody published here.
    #[error("there is no chain in it: no folder ledger with files <from>-<to>.jsonl")]
    Empty,
    /// None of them goes on from all others.
    #[error("{0} installations went on side by side, so one has to be chosen: {1}")]
    Several(usize, String),
    /// No installation is called so, or several begin so.
    #[error("{0:?} names none of the installations that publish here, or several: {1}")]
    Unknown(String, String),
}

impl Installation {
    /// Its id, where it is, and how far it went, for people.
    pub fn told(&self) -> String {
        format!("{} ({}, {} events)", self.id, self.folders.join(", "), self.events)
    }
}

fn told<'a>(all: impl Iterator<Item = &'a Installation>) -> String {
    all.map(Installation::told).collect::<Vec<_>>().join("; ")
}

/// The installation that a repository is restored as: the one that is wanted, by its id, the beginning of it, or a folder
/// of its chains; else the only current one.
///
/// # Errors
/// [`NotChosen`], which names those that were found.
pub fn choose(all: &[Installation], wanted: Option<&str>) -> Result<usize, NotChosen> {
    if all.is_empty() {
        return Err(NotChosen::Empty);
    }
    let Some(wanted) = wanted else {
        let current: Vec<usize> = (0..all.len()).filter(|index| all[*index].is_current).collect();
        return match current.as_slice() {
            [only] => Ok(*only),
            several => Err(NotChosen::Several(several.len(), told(several.iter().map(|index| &all[*index])))),
        };
    };
    let folder = wanted.trim_end_matches('/');
    let is_it = |one: &Installation| {
        one.folders.iter().any(|at| at == folder)
            || (wanted.len() >= SHORTEST && one.id.starts_with(&wanted.to_ascii_lowercase()))
    };
    let fitting: Vec<usize> = (0..all.len()).filter(|index| is_it(&all[*index])).collect();
    match fitting.as_slice() {
        [only] => Ok(*only),
        _ => Err(NotChosen::Unknown(wanted.chars().take(80).collect(), told(all.iter()))),
    }
}
