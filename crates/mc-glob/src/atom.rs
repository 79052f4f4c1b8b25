//! The pieces of a segment: sets of characters, and runs.

/// One piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    /// One character of a set.
    One(Set),
    /// Any run of characters, also none.
    Run,
}

/// A set of characters that a segment may have: inclusive ranges, sorted and apart. Never holds `/` or U+0000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set(Vec<(char, char)>);

impl Set {
    pub(crate) fn only(c: char) -> Self {
        Self(vec![(c, c)])
    }

    /// Every character that a segment may have.
    pub(crate) fn any() -> Self {
        Self(vec![('\u{1}', '.'), ('0', char::MAX)])
    }

    /// The characters of these ranges, or with `negated` all others.
    pub(crate) fn class(mut ranges: Vec<(char, char)>, negated: bool) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(char, char)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, end)) if from <= *end || after(*end) == Some(from) => *end = (*end).max(to),
                _ => merged.push((from, to)),
            }
        }
        let set = Self(merged);
        if negated { set.complement().and(&Self::any()) } else { set.and(&Self::any()) }
    }

    fn complement(&self) -> Self {
        let mut rest = Vec::with_capacity(self.0.len() + 1);
        let mut next = Some('\0');
        for &(from, to) in &self.0 {
            if let (Some(start), Some(end)) = (next, before(from))
                && start <= end
            {
                rest.push((start, end));
            }
            next = after(to);
        }
        if let Some(start) = next {
            rest.push((start, char::MAX));
        }
        Self(rest)
    }

    /// What both have.
    pub(crate) fn and(&self, other: &Self) -> Self {
        let (mut i, mut j, mut both) = (0, 0, Vec::new());
        while let (Some(&(a, b)), Some(&(c, d))) = (self.0.get(i), other.0.get(j)) {
            let (from, to) = (a.max(c), b.min(d));
            if from <= to {
                both.push((from, to));
            }
            if b < d { i += 1 } else { j += 1 }
        }
        Self(both)
    }

    pub(crate) fn contains(&self, c: char) -> bool {
        self.0.iter().any(|&(from, to)| (from..=to).contains(&c))
    }

    /// A character of the set that is not `.`, one that reads well if there is one.
    pub(crate) fn sample(&self) -> Option<char> {
        let plain = ('a'..='z').chain('0'..='9').chain('A'..='Z').chain(['_', '-']);
        plain.into_iter().find(|&c| self.contains(c)).or_else(|| {
            let printable = self.0.iter().flat_map(|&(from, to)| (from..=to).take(128));
            printable
                .clone()
                .find(|c| *c != '.' && !c.is_control())
                .or_else(|| printable.clone().find(|c| *c != '.'))
        })
    }

    /// How many ranges: part of what a comparison costs.
    pub(crate) fn weight(&self) -> usize {
        self.0.len()
    }
}

/// The next scalar value.
fn after(c: char) -> Option<char> {
    (c..=char::MAX).nth(1)
}

/// The scalar value before.
fn before(c: char) -> Option<char> {
    ('\0'..c).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_what_they_say_and_never_hold_a_slash() {
        let digits = Set::class(vec![('0', '4'), ('3', '9')], false);
        assert_eq!(digits, Set(vec![('0', '9')]));
        let others = Set::class(vec![('0', '9')], true);
        assert!(others.contains('a') && others.contains('.') && !others.contains('5'));
        for set in [Set::any(), others.clone(), Set::class(vec![('\0', char::MAX)], false)] {
            assert!(!set.contains('/') && !set.contains('\0'), "{set:?}");
            assert!(set.sample().is_some_and(|c| set.contains(c)));
        }
        assert_eq!(digits.and(&others).sample(), None);
        assert_eq!(Set::class(vec![('\0', char::MAX)], true).sample(), None);
        assert_eq!(Set::only('.').sample(), None, "a sample is never a dot");
        assert_eq!((after('\u{d7ff}'), before('\u{e000}')), (Some('\u{e000}'), Some('\u{d7ff}')));
        assert_eq!((after(char::MAX), before('\0')), (None, None));
    }
}
