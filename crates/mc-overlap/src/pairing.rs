//! Finds for each unit of one text the nearest in the other: the same, the same meaning, a misspelling, or the same
//! field. Everything that a judgement is made of is counted from this.

use crate::lexicon::LEXICON;
use crate::prepared::{Prepared, Unit};
use crate::token::Kind;

/// How near the best counterpart of a unit is, from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Near {
    /// Anywhere in the other text.
    pub(crate) any: f32,
    /// In the other text's title.
    pub(crate) title: f32,
}

pub(crate) struct Pairing {
    pub(crate) a: Vec<Near>,
    pub(crate) b: Vec<Near>,
}

const MISSPELT: f32 = 0.8;
/// Most words of a text that are compared letter by letter.
const MISSPELT_LIMIT: usize = 32;

impl Pairing {
    pub(crate) fn of(a: &Prepared, b: &Prepared) -> Self {
        let mut pairing =
            Self { a: vec![Near::default(); a.units.len()], b: vec![Near::default(); b.units.len()] };
        pairing.equal(a, b);
        pairing.meanings(a, b);
        pairing.misspelt(a, b);
        pairing
    }

    fn meet(&mut self, (i, x): (usize, &Unit), (j, y): (usize, &Unit), alike: f32) {
        raise(&mut self.a[i], alike, y.title);
        raise(&mut self.b[j], alike, x.title);
    }

    fn equal(&mut self, a: &Prepared, b: &Prepared) {
        let (mut i, mut j) = (0, 0);
        while let (Some(x), Some(y)) = (a.units.get(i), b.units.get(j)) {
            match x.key.cmp(&y.key) {
                std::cmp::Ordering::Less => i += 1,
                std::cmp::Ordering::Greater => j += 1,
                std::cmp::Ordering::Equal => {
                    self.meet((i, x), (j, y), 1.0);
                    i += 1;
                    j += 1;
                }
            }
        }
    }

    /// Units that share a group of the lexicon.
    fn meanings(&mut self, a: &Prepared, b: &Prepared) {
        let (mut left, mut right) = (a.groups.as_slice(), b.groups.as_slice());
        while let (Some((group, _)), Some((other, _))) = (left.first(), right.first()) {
            match group.cmp(other) {
                std::cmp::Ordering::Less => left = &left[1..],
                std::cmp::Ordering::Greater => right = &right[1..],
                std::cmp::Ordering::Equal => {
                    let (mine, theirs) = (run(left), run(right));
                    let alike = LEXICON.groups[usize::from(*group)].alike;
                    self.all_meet((a, &left[..mine]), (b, &right[..theirs]), alike);
                    (left, right) = (&left[mine..], &right[theirs..]);
                }
            }
        }
    }

    fn all_meet(
        &mut self,
        (a, left): (&Prepared, &[(u16, u16)]),
        (b, right): (&Prepared, &[(u16, u16)]),
        alike: f32,
    ) {
        for &(_, i) in left {
            for &(_, j) in right {
                let (i, j) = (usize::from(i), usize::from(j));
                if a.units[i].key != b.units[j].key {
                    self.meet((i, &a.units[i]), (j, &b.units[j]), alike);
                }
            }
        }
    }

    fn misspelt(&mut self, a: &Prepared, b: &Prepared) {
        let (left, right) = (unmatched(a, &self.a), unmatched(b, &self.b));
        for &i in &left {
            for &j in &right {
                let (x, y) = (&a.units[i], &b.units[j]);
                if (x.letters ^ y.letters).count_ones() <= 3 && misspelling(&x.text, &y.text) {
                    self.meet((i, x), (j, y), MISSPELT);
                }
            }
        }
    }
}

fn raise(near: &mut Near, alike: f32, title: bool) {
    near.any = near.any.max(alike);
    if title {
        near.title = near.title.max(alike);
    }
}

/// How many entries at the front are of one group.
fn run(sorted: &[(u16, u16)]) -> usize {
    sorted.iter().take_while(|(g, _)| Some(g) == sorted.first().map(|(first, _)| first)).count()
}

fn unmatched(text: &Prepared, near: &[Near]) -> Vec<usize> {
    let words = text.units.iter().zip(near).enumerate().filter(|(_, (unit, near))| {
        near.any < MISSPELT
            && matches!(unit.kind, Kind::Word | Kind::Part)
            && unit.text.len() > 3
            && unit.weight > 0.2
    });
    words.map(|(i, _)| i).take(MISSPELT_LIMIT).collect()
}

/// Whether two stems are one word, mistyped once (twice in long words): a letter left out, added, changed or two
/// neighbours exchanged. The first letter must be right, or exchanged with the second.
pub(crate) fn misspelling(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let longest = a.len().max(b.len());
    let allowed = if longest >= 8 { 2 } else { 1 };
    if a.len().abs_diff(b.len()) > allowed || longest > 32 || a.len().min(b.len()) < 4 {
        return false;
    }
    if a[0] != b[0] && !(a[0] == b[1] && a[1] == b[0]) {
        return false;
    }
    if longest < 6 && a.len() == b.len() {
        // `token` and `taken` are words; `teh` and `the` differ by an exchange.
        return exchanged(a, b);
    }
    distance(a, b) <= allowed
}

fn exchanged(a: &[u8], b: &[u8]) -> bool {
    let differ: Vec<usize> = (0..a.len()).filter(|&i| a[i] != b[i]).collect();
    matches!(differ.as_slice(), [i, j] if j - i == 1 && a[*i] == b[*j] && a[*j] == b[*i])
}

/// Optimal string alignment distance; both at most 32 bytes.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = [[0_usize; 33]; 3];
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        let (now, before, earlier) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i;
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[before][j] + 1).min(rows[now][j - 1] + 1).min(rows[before][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[earlier][j - 2] + 1);
            }
            rows[now][j] = best;
        }
    }
    rows[a.len() % 3][b.len()]
}

#[cfg(test)]
mod tests {
    use super::misspelling;

    #[test]
    fn typing_errors_are_seen_and_other_words_are_not() {
        for (a, b) in
            [("pagnat", "paginat"), ("wbehook", "webhook"), ("langauge", "language"), ("recrod", "record")]
        {
            assert!(misspelling(a, b), "{a} {b}");
        }
        for (a, b) in
            [("token", "taken"), ("port", "post"), ("cache", "catch"), ("user", "uses"), ("lock", "log")]
        {
            assert!(!misspelling(a, b), "{a} {b}");
        }
    }
}
