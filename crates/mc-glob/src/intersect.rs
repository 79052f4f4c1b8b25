//! Matching and intersection.
//!
//! Both globs are automata over segments, and each segment one over characters. Their product is searched breadth
//! first: a state is visited once, so that segments cost at most the product of their numbers, and the characters of
//! any two segments at most the product of theirs. The way to the end spells the witness.

use std::collections::VecDeque;

use crate::atom::{Atom, Set};
use crate::parse::Segment;
use crate::{Glob, RepoPath};

/// What is known of a segment as far as it is read: only one that is neither empty nor `.` nor `..` may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    Nothing,
    Dot,
    DotDot,
    Name,
}

impl Read {
    const ALL: [Self; 4] = [Self::Nothing, Self::Dot, Self::DotDot, Self::Name];

    fn then(self, c: char) -> Self {
        match (self, c) {
            (Self::Nothing, '.') => Self::Dot,
            (Self::Dot, '.') => Self::DotDot,
            _ => Self::Name,
        }
    }
}

impl Glob {
    /// Whether the path fits.
    pub fn matches(&self, path: &RepoPath) -> bool {
        let path: Vec<&str> = path.as_str().split('/').collect();
        self.alternatives.iter().any(|alternative| matches(alternative, &path))
    }

    /// A path that both globs match, as evidence; `None` when they share none.
    pub fn intersection(&self, other: &Self) -> Option<RepoPath> {
        let pairs = self.alternatives.iter().flat_map(|a| other.alternatives.iter().map(move |b| (a, b)));
        let segments = pairs.into_iter().find_map(|(a, b)| shared(a, b))?;
        Some(RepoPath::from_segments(&segments))
    }
}

/// Each row says after which numbers of segments of the path the glob, read so far, may stand.
fn matches(glob: &[Segment], path: &[&str]) -> bool {
    let mut at = vec![false; path.len() + 1];
    at[0] = true;
    for segment in glob {
        match segment {
            Segment::Deep => {
                for index in 1..at.len() {
                    at[index] |= at[index - 1];
                }
            }
            Segment::One(atoms) => {
                for index in (1..at.len()).rev() {
                    at[index] = at[index - 1] && fits(atoms, path[index - 1]);
                }
                at[0] = false;
                if !at.contains(&true) {
                    return false;
                }
            }
        }
    }
    at[path.len()]
}

fn fits(atoms: &[Atom], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut at = vec![false; text.len() + 1];
    at[0] = true;
    for atom in atoms {
        match atom {
            Atom::Run => {
                for index in 1..at.len() {
                    at[index] |= at[index - 1];
                }
            }
            Atom::One(set) => {
                for index in (1..at.len()).rev() {
                    at[index] = at[index - 1] && set.contains(text[index - 1]);
                }
                at[0] = false;
            }
        }
    }
    at[text.len()]
}

/// The ways through a product of automata: where each state was reached from, by which symbol.
struct Search<L> {
    from: Vec<Option<(usize, Option<L>)>>,
    open: VecDeque<usize>,
}

impl<L: Clone> Search<L> {
    /// Over so many states, beginning in the first.
    fn new(states: usize) -> Self {
        let mut from = vec![None; states];
        from[0] = Some((0, None));
        Self { from, open: VecDeque::from([0]) }
    }

    fn is_new(&self, state: usize) -> bool {
        self.from[state].is_none()
    }

    /// A step without a symbol is looked at first, so that witnesses are short.
    fn reach(&mut self, state: usize, from: usize, symbol: Option<L>) {
        if self.is_new(state) {
            if symbol.is_none() {
                self.open.push_front(state);
            } else {
                self.open.push_back(state);
            }
            self.from[state] = Some((from, symbol));
        }
    }

    /// The symbols on the way to a state.
    fn word(&self, end: usize) -> Vec<L> {
        let (mut word, mut at) = (Vec::new(), end);
        while at != 0
            && let Some((from, symbol)) = &self.from[at]
        {
            word.extend(symbol.clone());
            at = *from;
        }
        word.reverse();
        word
    }
}

/// The segments of a path that both alternatives match.
fn shared(a: &[Segment], b: &[Segment]) -> Option<Vec<String>> {
    let width = b.len() + 1;
    let mut search = Search::new((a.len() + 1) * width);
    while let Some(state) = search.open.pop_front() {
        let (i, j) = (state / width, state % width);
        if (i, j) == (a.len(), b.len()) {
            return Some(search.word(state));
        }
        let (left, right) = (a.get(i), b.get(j));
        if left == Some(&Segment::Deep) {
            search.reach(state + width, state, None);
        }
        if right == Some(&Segment::Deep) {
            search.reach(state + 1, state, None);
        }
        // Two `**` need not read together: what both would skip, a shorter path has not.
        let (next, left, right): (_, &[Atom], &[Atom]) = match (left, right) {
            (Some(Segment::One(left)), Some(Segment::One(right))) => (state + width + 1, left, right),
            (Some(Segment::One(left)), Some(Segment::Deep)) => (state + width, left, &[Atom::Run]),
            (Some(Segment::Deep), Some(Segment::One(right))) => (state + 1, &[Atom::Run], right),
            (Some(Segment::Deep) | None, Some(Segment::Deep) | None)
            | (Some(Segment::One(_)), None)
            | (None, Some(Segment::One(_))) => continue,
        };
        if search.is_new(next)
            && let Some(name) = shared_name(left, right)
        {
            search.reach(next, state, Some(name));
        }
    }
    None
}

/// A name that both segments match.
fn shared_name(a: &[Atom], b: &[Atom]) -> Option<String> {
    let width = b.len() + 1;
    let index = |i: usize, j: usize, read: Read| (i * width + j) * Read::ALL.len() + read as usize;
    let mut search = Search::new((a.len() + 1) * width * Read::ALL.len());
    while let Some(state) = search.open.pop_front() {
        let (place, read) = (state / Read::ALL.len(), Read::ALL[state % Read::ALL.len()]);
        let (i, j) = (place / width, place % width);
        if (i, j, read) == (a.len(), b.len(), Read::Name) {
            return Some(search.word(state).into_iter().collect());
        }
        let (left, right) = (a.get(i), b.get(j));
        if left == Some(&Atom::Run) {
            search.reach(index(i + 1, j, read), state, None);
        }
        if right == Some(&Atom::Run) {
            search.reach(index(i, j + 1, read), state, None);
        }
        let (i, j, set) = match (left, right) {
            (Some(Atom::One(left)), Some(Atom::One(right))) => (i + 1, j + 1, left.and(right)),
            (Some(Atom::One(left)), Some(Atom::Run)) => (i + 1, j, left.clone()),
            (Some(Atom::Run), Some(Atom::One(right))) => (i, j + 1, right.clone()),
            // Two runs read together only as long as a name is not yet one.
            (Some(Atom::Run), Some(Atom::Run)) if read != Read::Name => (i, j, Set::any()),
            (Some(Atom::Run), Some(Atom::Run)) | (None, _) | (_, None) => continue,
        };
        if let Some(c) = set.sample() {
            search.reach(index(i, j, read.then(c)), state, Some(c));
        }
        if set.contains('.') {
            search.reach(index(i, j, read.then('.')), state, Some('.'));
        }
    }
    None
}
