//! Why a judgement came out as it did, in words for people. Built from the two texts only.

use crate::lexicon::{ACTIONS, GENERIC, LEXICON};
use crate::pairing::Pairing;
use crate::prepared::{Prepared, Unit};
use crate::token::Kind;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was seen.
    pub kind: EvidenceKind,
    /// A short sentence or list.
    pub detail: String,
}

/// Kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceKind {
    /// Words of the same stem or meaning in both.
    SharedTerms,
    /// Identifiers, error codes or file names in both.
    SharedIdentifiers,
    /// Declared paths that can name the same file.
    SharedPaths,
    /// The titles are equal.
    SameTitle,
    /// One title stands in the other.
    ContainedTitle,
    /// The titles ask for different kinds of work.
    DifferentAction,
    /// Each has identifiers that the other has not.
    DifferentIdentifier,
    /// Each has numbers or versions that the other has not.
    DifferentNumber,
    /// Much of what they share is a template.
    Template,
}

impl EvidenceKind {
    /// The word for it on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SharedTerms => "shared_terms",
            Self::SharedIdentifiers => "shared_identifiers",
            Self::SharedPaths => "shared_paths",
            Self::SameTitle => "same_title",
            Self::ContainedTitle => "contained_title",
            Self::DifferentAction => "different_action",
            Self::DifferentIdentifier => "different_identifier",
            Self::DifferentNumber => "different_number",
            Self::Template => "template",
        }
    }
}

/// Hard tokens that two texts share or differ in.
pub(crate) struct Differences {
    pub(crate) identifier_shared: f32,
    pub(crate) identifier_differs: f32,
    pub(crate) number_shared: f32,
    pub(crate) number_differs: f32,
}

impl Differences {
    pub(crate) fn of(a: &Prepared, b: &Prepared, pairing: &Pairing) -> Self {
        let (shared, differs) = hard(a, b, pairing, |u| matches!(u.kind, Kind::Identifier | Kind::Path));
        let (number_shared, number_differs) = hard(a, b, pairing, |u| u.kind == Kind::Number);
        Self { identifier_shared: shared, identifier_differs: differs, number_shared, number_differs }
    }
}

/// 1 when titles share one, a half when it is only anywhere; the same for what each title has alone.
fn hard(a: &Prepared, b: &Prepared, pairing: &Pairing, of: fn(&Unit) -> bool) -> (f32, f32) {
    let mut shared = 0.0_f32;
    let mut alone = [0.0_f32; 2];
    for (side, (units, near)) in [(&a.units, &pairing.a), (&b.units, &pairing.b)].into_iter().enumerate() {
        for (unit, near) in units.iter().zip(near).filter(|(u, _)| of(u) && u.weight > 0.3) {
            if near.any >= 1.0 {
                shared = shared.max(if unit.title && near.title >= 1.0 { 1.0 } else { 0.5 });
            } else if unit.title {
                alone[side] = 1.0;
            }
        }
    }
    let differs = if alone[0] > 0.0 && alone[1] > 0.0 { 1.0 } else { (alone[0] + alone[1]) * 0.25 };
    (shared, differs)
}

/// Most words in a list.
const LIST: usize = 8;

pub(crate) fn evidence(
    a: &Prepared,
    b: &Prepared,
    pairing: &Pairing,
    values: &crate::features::Seen,
) -> Vec<Evidence> {
    let mut all = Vec::new();
    let mut say = |kind, detail: String| all.push(Evidence { kind, detail });
    if values.same_title {
        say(EvidenceKind::SameTitle, "the titles are equal".to_owned());
    } else if values.contained_title {
        say(EvidenceKind::ContainedTitle, "one title stands in the other".to_owned());
    }
    let hard = |u: &Unit| matches!(u.kind, Kind::Identifier | Kind::Path);
    let identifiers = list(a, |u, i| hard(u) && pairing.a[i].any >= 1.0);
    if !identifiers.is_empty() {
        say(EvidenceKind::SharedIdentifiers, identifiers);
    }
    let terms =
        list(a, |u, i| !hard(u) && u.kind != Kind::Compound && u.weight > 0.2 && pairing.a[i].any >= 0.8);
    if !terms.is_empty() {
        say(EvidenceKind::SharedTerms, terms);
    }
    if values.paths > 0.0 {
        let meeting = a.paths.iter().filter(|x| b.paths.iter().any(|y| crate::paths::may_meet(x, y)));
        let meeting: Vec<&str> = meeting.map(String::as_str).take(LIST).collect();
        say(EvidenceKind::SharedPaths, meeting.join(", "));
    }
    let (x, y) = (a.actions & !GENERIC, b.actions & !GENERIC);
    if x != 0 && y != 0 && x & y == 0 {
        say(EvidenceKind::DifferentAction, format!("{} / {}", actions(x), actions(y)));
    }
    for (kind, of) in [
        (EvidenceKind::DifferentIdentifier, hard as fn(&Unit) -> bool),
        (EvidenceKind::DifferentNumber, (|u: &Unit| u.kind == Kind::Number) as fn(&Unit) -> bool),
    ] {
        let left = list(a, |u, i| u.title && of(u) && pairing.a[i].any < 1.0);
        let right = list(b, |u, i| u.title && of(u) && pairing.b[i].any < 1.0);
        if !left.is_empty() && !right.is_empty() {
            say(kind, format!("{left} / {right}"));
        }
    }
    if values.template >= 0.5 && !values.same_title {
        say(EvidenceKind::Template, "much of what they share is a template".to_owned());
    }
    all
}

/// The weightiest units that are wanted, as words.
fn list(text: &Prepared, wanted: impl Fn(&Unit, usize) -> bool) -> String {
    let mut found: Vec<&Unit> =
        text.units.iter().enumerate().filter(|(i, u)| wanted(u, *i)).map(|(_, u)| u).collect();
    found.sort_by(|x, y| y.weight.total_cmp(&x.weight).then(x.key.cmp(&y.key)));
    found.truncate(LIST);
    found.iter().map(|u| word(u)).collect::<Vec<_>>().join(", ")
}

fn word(unit: &Unit) -> &str {
    // The stem of a word may be no word; a meaning has a name.
    match unit.groups[0] {
        0 => &unit.shown,
        group if unit.kind == Kind::Gram => LEXICON.groups[usize::from(group)].name,
        _ => &unit.shown,
    }
}

fn actions(bits: u32) -> String {
    let names = ACTIONS.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, name)| *name);
    names.collect::<Vec<_>>().join(", ")
}
