//! Which chain goes on from which.
//!
//! Chains that begin with the same event are of one installation, each for another place. A chain in a folder `after-HASH`
//! is of an installation that was rebuilt from the chain which has an event with this hash, as it was at that event.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claim;
use crate::chain::{Digest, SealedEvent};
use crate::export::Report;

/// An installation that published here.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Installation {
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
    said: &'a BTreeMap<usize, Claim>,
) -> Vec<(usize, &'a Claim)> {
    let is_superseded = |whose: usize, claim: &Claim| {
        said.keys().any(|other| {
            *other != whose
                && line_of(all, *other).iter().any(|(in_line, upto)| *in_line == whose && claim.seq <= *upto)
        })
    };
    said.iter()
        .filter(|(whose, claim)| !is_superseded(**whose, claim))
        .map(|(whose, claim)| (*whose, claim))
        .collect()
}

/// The one installation that a repository is restored as: the only current one.
///
/// # Errors
/// There are several, or none: the folders of each.
pub fn newest(all: &[Installation]) -> Result<usize, Vec<String>> {
    let current: Vec<usize> = (0..all.len()).filter(|index| all[*index].is_current).collect();
    match current.as_slice() {
        [only] => Ok(*only),
        several => Err(several.iter().filter_map(|index| all[*index].folders.first().cloned()).collect()),
    }
}
