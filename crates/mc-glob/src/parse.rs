//! Reading a glob: braces are written out first, then each alternative is cut into segments.

use crate::atom::{Atom, Set};
use crate::{Error, RepoPath};

/// A glob has at most this many bytes.
pub const MAX_BYTES: usize = 256;
/// At most this many globs come of the braces.
pub const MAX_ALTERNATIVES: usize = 64;
/// Braces nest at most this deep.
pub const MAX_NESTING: usize = 4;
/// At most this many characters, over all alternatives.
pub const MAX_WEIGHT: usize = 512;

/// One segment of an alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// Any number of segments, also none.
    Deep,
    /// One segment that fits.
    One(Vec<Atom>),
}

/// A glob of paths in a repository. Read with `parse`, printed as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    pub(crate) alternatives: Vec<Vec<Segment>>,
    weight: usize,
}

/// A character and whether it was escaped.
type Token = (char, bool);

impl Glob {
    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The glob that matches exactly this path.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::Control`] for a path that no glob can name.
    pub fn literal(path: &RepoPath) -> Result<Self, Error> {
        Self::escape(path.as_str()).parse()
    }

    /// The text with every character that would mean something made literal.
    pub fn escape(text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for (index, c) in text.chars().enumerate() {
            if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') || (index == 0 && matches!(c, '!' | ':'))
            {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }

    /// What a comparison with it costs: that with another is at most the product of both.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

impl std::str::FromStr for Glob {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(Error::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(Error::Control);
        }
        if text.starts_with('!') {
            return Err(Error::Negated);
        }
        if [":(", ":!", ":^", ":/", "::"].iter().any(|magic| text.starts_with(magic)) {
            return Err(Error::Magic);
        }
        let tokens = tokens(text)?;
        let mut alternatives = Vec::new();
        let mut weight = 0;
        for alternative in expand(&tokens, 0)? {
            let segments = segments(&alternative)?;
            weight += segments.iter().map(cost).sum::<usize>();
            if weight > MAX_WEIGHT {
                return Err(Error::TooManyAlternatives);
            }
            if !alternatives.contains(&segments) {
                alternatives.push(segments);
            }
        }
        Ok(Self { text: text.to_owned(), alternatives, weight })
    }
}

fn cost(segment: &Segment) -> usize {
    match segment {
        Segment::Deep => 1,
        Segment::One(atoms) => {
            1 + atoms
                .iter()
                .map(|atom| if let Atom::One(set) = atom { set.weight() } else { 1 })
                .sum::<usize>()
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(literal) if literal != '/' => tokens.push((literal, true)),
                _ => return Err(Error::LoneBackslash),
            },
            _ => tokens.push((c, false)),
        }
    }
    Ok(tokens)
}

/// Where the class that opens at `at` closes; `None` when it does not.
fn class_end(tokens: &[Token], at: usize) -> Option<usize> {
    let mut index = at + 1;
    if matches!(tokens.get(index), Some(('!' | '^', false))) {
        index += 1;
    }
    // A `]` that comes first is one of the class.
    index += 1;
    while *tokens.get(index)? != (']', false) {
        index += 1;
    }
    Some(index)
}

/// Writes braces out: all alternatives, in their order.
fn expand(tokens: &[Token], depth: usize) -> Result<Vec<Vec<Token>>, Error> {
    if depth > MAX_NESTING {
        return Err(Error::TooDeep);
    }
    let mut found: Vec<Vec<Token>> = vec![Vec::new()];
    let mut index = 0;
    while let Some(&token) = tokens.get(index) {
        let choices = match token {
            ('[', false) => {
                let end = class_end(tokens, index).ok_or(Error::OpenClass)?;
                let class = tokens[index..=end].to_vec();
                index = end;
                vec![class]
            }
            ('{', false) => {
                let (inner, end) = braces(tokens, index)?;
                index = end;
                let mut choices = Vec::new();
                for alternative in inner {
                    choices.extend(expand(alternative, depth + 1)?);
                    if choices.len() > MAX_ALTERNATIVES {
                        return Err(Error::TooManyAlternatives);
                    }
                }
                choices
            }
            ('}', false) => return Err(Error::LoneBrace),
            token => vec![vec![token]],
        };
        if found.len() * choices.len() > MAX_ALTERNATIVES {
            return Err(Error::TooManyAlternatives);
        }
        found = found
            .iter()
            .flat_map(|head| choices.iter().map(move |tail| [head.as_slice(), tail].concat()))
            .collect();
        index += 1;
    }
    Ok(found)
}

/// The alternatives between the brace at `at` and its partner, and where that is.
fn braces(tokens: &[Token], at: usize) -> Result<(Vec<&[Token]>, usize), Error> {
    let (mut depth, mut start, mut index, mut inner) = (0_usize, at + 1, at + 1, Vec::new());
    while let Some(token) = tokens.get(index) {
        match token {
            ('[', false) => index = class_end(tokens, index).ok_or(Error::OpenClass)?,
            ('{', false) => depth += 1,
            ('}', false) if depth == 0 => {
                inner.push(&tokens[start..index]);
                return Ok((inner, index));
            }
            ('}', false) => depth -= 1,
            (',', false) if depth == 0 => {
                inner.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
        index += 1;
    }
    Err(Error::OpenBrace)
}

fn segments(tokens: &[Token]) -> Result<Vec<Segment>, Error> {
    let mut cut: Vec<Vec<Token>> = vec![Vec::new()];
    let mut index = 0;
    while let Some(&token) = tokens.get(index) {
        match token {
            ('[', false) => {
                let end = class_end(tokens, index).ok_or(Error::OpenClass)?;
                if let Some(last) = cut.last_mut() {
                    last.extend_from_slice(&tokens[index..=end]);
                }
                index = end;
            }
            ('/', _) => cut.push(Vec::new()),
            token => {
                if let Some(last) = cut.last_mut() {
                    last.push(token);
                }
            }
        }
        index += 1;
    }
    if cut.len() == 1 && cut[0].is_empty() {
        return Err(Error::Empty);
    }
    if cut[0].is_empty() {
        return Err(Error::Absolute);
    }
    if cut.last().is_some_and(Vec::is_empty) {
        // `dir/` is everything below it.
        cut.pop();
        cut.push(vec![('*', false), ('*', false)]);
    }
    let mut segments = Vec::with_capacity(cut.len() + 1);
    for (index, tokens) in cut.iter().enumerate() {
        let is_last = index + 1 == cut.len();
        if tokens.as_slice() == [('*', false), ('*', false)] {
            if is_last {
                segments.push(Segment::One(vec![Atom::Run]));
            }
            // A second one in a row adds nothing.
            if segments.last() != Some(&Segment::Deep) {
                segments.push(Segment::Deep);
            }
        } else {
            segments.push(Segment::One(atoms(tokens)?));
        }
    }
    Ok(segments)
}

fn atoms(tokens: &[Token]) -> Result<Vec<Atom>, Error> {
    let text: String = tokens.iter().map(|(c, _)| *c).collect();
    match text.as_str() {
        "" => return Err(Error::EmptySegment),
        "." | ".." => return Err(Error::DotSegment),
        _ => {}
    }
    let mut atoms = Vec::with_capacity(tokens.len());
    let mut index = 0;
    while let Some(&token) = tokens.get(index) {
        match token {
            ('*', false) => {
                if atoms.last() != Some(&Atom::Run) {
                    atoms.push(Atom::Run);
                }
            }
            ('?', false) => atoms.push(Atom::One(Set::any())),
            ('[', false) => {
                let end = class_end(tokens, index).ok_or(Error::OpenClass)?;
                atoms.push(Atom::One(class(&tokens[index + 1..end])?));
                index = end;
            }
            (c, _) => atoms.push(Atom::One(Set::only(c))),
        }
        index += 1;
    }
    Ok(atoms)
}

/// What stands between the brackets.
fn class(mut tokens: &[Token]) -> Result<Set, Error> {
    let negated = matches!(tokens.first(), Some(('!' | '^', false)));
    if negated {
        tokens = &tokens[1..];
    }
    if tokens.iter().any(|(c, _)| *c == '/') {
        return Err(Error::SlashInClass);
    }
    let opens = |pair: &[Token]| pair[0] == ('[', false) && matches!(pair[1], (':' | '.' | '=', false));
    if tokens.windows(2).any(opens) {
        return Err(Error::NamedClass);
    }
    let mut ranges = Vec::new();
    let mut index = 0;
    while let Some(&(from, _)) = tokens.get(index) {
        // A `-` at either end is one of the class.
        if let (Some(('-', false)), Some(&(to, _))) = (tokens.get(index + 1), tokens.get(index + 2)) {
            if to < from {
                return Err(Error::Range(from, to));
            }
            ranges.push((from, to));
            index += 3;
        } else {
            ranges.push((from, from));
            index += 1;
        }
    }
    Ok(Set::class(ranges, negated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_glob_says_why() {
        let deep = "{a,".repeat(5) + "b" + &"}".repeat(5);
        let wide = "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}";
        let heavy = format!("{{a,b}}{{a,b}}{{a,b}}{{a,b}}{}", "x".repeat(100));
        for (bad, why) in [
            ("", Error::Empty),
            ("{,a}", Error::Empty),
            ("/a", Error::Absolute),
            ("{/a,b}", Error::Absolute),
            ("a//b", Error::EmptySegment),
            ("a/{,b}/c", Error::EmptySegment),
            ("./a", Error::DotSegment),
            ("a/..", Error::DotSegment),
            ("a/\\./b", Error::DotSegment),
            ("!a", Error::Negated),
            (":(icase)a", Error::Magic),
            ("a\nb", Error::Control),
            ("a\\", Error::LoneBackslash),
            ("a\\/b", Error::LoneBackslash),
            ("[a", Error::OpenClass),
            ("[]", Error::OpenClass),
            ("[a/b]", Error::SlashInClass),
            ("[z-a]", Error::Range('z', 'a')),
            ("[[:alpha:]]", Error::NamedClass),
            ("{a,b", Error::OpenBrace),
            ("a}", Error::LoneBrace),
            (&deep, Error::TooDeep),
            (wide, Error::TooManyAlternatives),
            (&heavy, Error::TooManyAlternatives),
            (&"x".repeat(257), Error::TooLong),
        ] {
            assert_eq!(bad.parse::<Glob>(), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn a_glob_prints_as_it_was_written_and_its_weight_is_bounded() {
        for good in ["src/**/*.rs", "a/", "{a,b{c,d}}/[!x-z]?", "\\!x", "**", "[]a-]", "ü [\\]]"] {
            let glob: Glob = good.parse().unwrap();
            assert_eq!(glob.to_string(), good);
            assert!((1..=MAX_WEIGHT).contains(&glob.weight()), "{good}");
        }
    }
}
