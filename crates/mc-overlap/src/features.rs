//! What a judgement is computed from. Public for the program that fits the weights.

use std::sync::LazyLock;

use crate::evidence::Differences;
use crate::lexicon::{GENERIC, LEXICON, META, SYNONYM};
use crate::likeness::{Likeness, added};
use crate::pairing::{Near, Pairing, misspelling};
use crate::prepared::{Prepared, TitleWord, Unit};
use crate::token::Kind;

/// Names of the features, in the order of their values.
pub const NAMES: [&str; COUNT] = [
    "title_least",
    "title_most",
    "title_in_all_least",
    "title_in_all_most",
    "all_least",
    "all_most",
    "body",
    "same_title",
    "contained",
    "contained_rest",
    "action_differs",
    "action_same",
    "lead_differs",
    "identifier_shared",
    "identifier_differs",
    "number_shared",
    "number_differs",
    "template",
    "template_other_title",
    "missing_least",
    "missing_most",
    "missing_sum",
    "meaning",
    "field",
    "field_title",
    "action_differs_title",
    "contained_elaborated",
    "contained_then_other_head",
    "first_swapped",
    "meta_differs",
    "swapped_title",
    "swapped_slot",
    "swapped_slot_wide",
    "inserted_other_head",
    "soft_title_least",
    "soft_title_most",
    "soft_all_least",
    "soft_all_most",
    "title_sum",
    "whole_sum",
    "rest_alike_apart",
    "rest_alike_overlap",
    "rest_alien_overlap",
    "front_differs",
    "front_differs_overlap",
    "added_differs",
    "body_alien",
    "body_alien_overlap",
    "languages",
    "languages_sum",
    "both_own",
    "meaning_soft",
    "apart_meaning_soft",
    "apart_whole_sum",
    "apart_title_sum",
    "apart_soft_all",
    "apart_field",
    "apart_shared",
    "apart_body",
    "verbs_differ",
    "verbs_differ_overlap",
    "shared",
    "opposed",
    "opposed_overlap",
    "alien_least",
    "alien_most",
    "alien_least_overlap",
    "one_own",
    "one_own_overlap",
    "vector",
    "vector_high",
    "vector_language",
    "vector_title",
    "vector_apart",
];

/// How many features there are.
pub const COUNT: usize = 74;

/// The features of a pair, and what evidence is written from.
pub(crate) struct Features {
    pub(crate) values: [f32; COUNT],
    pub(crate) pairing: Pairing,
    /// Plain lexical likeness, 0 to 1.
    pub(crate) lexical: f32,
}

/// The features of a pair with the cosine of its vectors, as the fitting program wants them.
pub fn features(a: &Prepared, b: &Prepared, cosine: f32) -> [f32; COUNT] {
    Features::of(a, b, cosine).values
}

/// Whether something in the titles speaks against the same work, however like they are: a word exchanged, other actions,
/// opposites, something put in front, another number or identifier on each side, or no more than two words in common while
/// each has words of its own. Such a pair never reaches `block`.
pub fn doubtful(values: &[f32; COUNT]) -> bool {
    // With the least value that speaks, and whether it speaks only when each title has words of its own: the same words in
    // another order are no difference.
    static PLACES: LazyLock<Vec<(usize, f32, bool)>> = LazyLock::new(|| {
        let all = [
            ("swapped_slot", 0.0, true),
            ("swapped_slot_wide", 0.0, true),
            ("lead_differs", 0.99, true),
            ("opposed", 0.0, false),
            ("front_differs", 0.0, false),
            ("number_differs", 0.99, false),
            ("identifier_differs", 0.99, false),
        ];
        all.into_iter().filter_map(|(name, above, moved)| Some((place(name)?, above, moved))).collect()
    });
    static FEW: LazyLock<Option<(usize, usize)>> =
        LazyLock::new(|| Some((place("shared")?, place("both_own")?)));
    let (few, own) =
        FEW.map_or((false, false), |(shared, own)| (values[shared] < TWO_WORDS, values[own] > 0.0));
    PLACES.iter().any(|(i, above, moved)| values[*i] > *above && (own || !moved)) || few && own
}

/// Two words of six, and a little: what [`crate::likeness`] counts as shared.
const TWO_WORDS: f32 = 0.34;

fn place(name: &str) -> Option<usize> {
    NAMES.iter().position(|n| *n == name)
}

impl Features {
    pub(crate) fn of(a: &Prepared, b: &Prepared, cosine: f32) -> Self {
        let pairing = Pairing::of(a, b);
        let differences = Differences::of(a, b, &pairing);
        let (tt, ta, aa) = coverages(a, b, &pairing);
        let near = Likeness::of(a, b, &pairing);
        let body = body(a, b, &pairing);
        let bodies = f32::from(u8::from(!a.lines.is_empty() && !b.lines.is_empty()));
        let apart = 1.0 - tt.1;
        let template = template(a, b);
        let contained = contained(a, b);
        let action_differs = disjoint(a.actions & !GENERIC, b.actions & !GENERIC);
        let action_same = f32::from(u8::from(a.actions & b.actions & !GENERIC != 0));
        let lead_differs = disjoint(a.lead & !GENERIC, b.lead & !GENERIC);
        let language = f32::from(u8::from(a.language != b.language && a.language != 0 && b.language != 0));
        let missing = missing(a, b, &pairing);
        let flag = |yes: bool| f32::from(u8::from(yes));
        let slot = slot(a, b);
        let fields = (fields(&a.fields, &b.fields), fields(&a.title_fields, &b.title_fields));
        let cosine = cosine.clamp(-1.0, 1.0);
        let values = [
            tt.0,
            tt.1,
            ta.0,
            ta.1,
            aa.0,
            aa.1,
            body,
            flag(a.title == b.title && a.title != 0),
            contained[0],
            contained[1],
            action_differs,
            action_same,
            lead_differs,
            differences.identifier_shared,
            differences.identifier_differs,
            differences.number_shared,
            differences.number_differs,
            template,
            template * (1.0 - tt.0),
            missing.least,
            missing.most,
            missing.sum,
            meaning(a, b, &pairing),
            fields.0,
            fields.1,
            action_differs * tt.0,
            contained[2],
            contained[3],
            first_swapped(a, b) * tt.1,
            meta_differs(a, b),
            swapped(a, b, &pairing) * tt.0,
            slot.0,
            slot.1,
            slot.2,
            near.title.0,
            near.title.1,
            near.all.0,
            near.all.1,
            near.title_sum,
            near.whole_sum,
            near.rest * (1.0 - tt.1) * (1.0 - slot.0.max(slot.1)),
            near.rest * tt.1 * (1.0 - slot.0.max(slot.1)),
            near.both * (1.0 - near.rest) * tt.1,
            contained[5],
            contained[5] * tt.0,
            contained[4],
            bodies * (1.0 - body),
            bodies * (1.0 - body) * tt.1,
            language,
            language * near.whole_sum.max(0.0),
            near.both * tt.1,
            near.meaning,
            near.meaning * apart,
            near.whole_sum.max(0.0) * apart,
            near.title_sum.max(0.0) * apart,
            near.all.1 * apart,
            fields.0 * apart,
            near.shared * apart,
            body * apart,
            near.verbs_differ,
            near.verbs_differ * tt.0,
            near.shared,
            near.opposed,
            near.opposed * tt.1,
            near.alien_least,
            near.alien_most,
            near.alien_least * tt.0,
            near.one,
            near.one * tt.0,
            cosine,
            (cosine - 0.5).max(0.0),
            cosine * language,
            cosine * tt.0,
            cosine.max(0.0) * (1.0 - tt.0),
        ];
        let lexical = (0.4 * tt.0 + 0.2 * tt.1 + 0.2 * ta.0 + 0.2 * aa.1).clamp(0.0, 1.0);
        Self { values, pairing, lexical }
    }
}

/// What the evidence speaks of besides the pairing.
pub(crate) struct Seen {
    pub(crate) same_title: bool,
    pub(crate) contained_title: bool,
    pub(crate) template: f32,
    pub(crate) paths: f32,
}

impl Features {
    pub(crate) fn seen(&self, paths: f32) -> Seen {
        let value = |name: &str| NAMES.iter().position(|n| *n == name).map_or(0.0, |i| self.values[i]);
        Seen {
            same_title: value("same_title") > 0.0,
            contained_title: value("contained") > 0.0,
            template: value("template"),
            paths,
        }
    }
}

/// A count as a number; texts are bounded far below where this loses digits.
#[expect(clippy::cast_precision_loss, reason = "bounded counts")]
fn number(count: usize) -> f32 {
    count as f32
}

/// 1 when both have bits and none in common, a half when only one has any.
fn disjoint(a: u32, b: u32) -> f32 {
    match (a != 0, b != 0) {
        (true, true) if a & b == 0 => 1.0,
        (true, false) | (false, true) => 0.5,
        _ => 0.0,
    }
}

/// How much of a unit's weight counts when it is asked what a text is about.
fn counts(unit: &Unit) -> f32 {
    match unit.kind {
        Kind::Compound => 0.2,
        _ => 1.0,
    }
}

/// The weighted mean of values; 0 without weight.
fn share(values: impl Iterator<Item = (f32, f32)>) -> f32 {
    let (sum, total) = values.fold((0.0, 0.0), |(s, t), (w, v)| (s + w * v, t + w));
    if total > 0.0 { sum / total } else { 0.0 }
}

fn pair(x: f32, y: f32) -> (f32, f32) {
    (x.min(y), x.max(y))
}

type Range = (f32, f32);

/// Title within title, title within everything, everything within everything: lower and higher of the two directions.
fn coverages(a: &Prepared, b: &Prepared, pairing: &Pairing) -> (Range, Range, Range) {
    let of = |units: &[Unit], near: &[Near], titles: bool, value: fn(&Near) -> f32| {
        share(
            units
                .iter()
                .zip(near)
                .filter(|(u, _)| u.title || !titles)
                .map(|(u, n)| (u.weight * counts(u), value(n))),
        )
    };
    let both = |titles, value: fn(&Near) -> f32| {
        pair(of(&a.units, &pairing.a, titles, value), of(&b.units, &pairing.b, titles, value))
    };
    (both(true, |n| n.title), both(true, |n| n.any), both(false, |n| n.any))
}

/// How much of the bodies' own words the texts share, without what is in the titles.
fn body(a: &Prepared, b: &Prepared, pairing: &Pairing) -> f32 {
    let of = |units: &[Unit], near: &[Near]| {
        share(units.iter().zip(near).filter(|(u, _)| !u.title).map(|(u, n)| (u.weight * counts(u), n.any)))
    };
    of(&a.units, &pairing.a).min(of(&b.units, &pairing.b))
}

/// Share of the shorter body's lines that stand in the other one too.
fn template(a: &Prepared, b: &Prepared) -> f32 {
    let least = a.lines.len().min(b.lines.len());
    if least == 0 {
        return 0.0;
    }
    let common = common(&a.lines, &b.lines) + a.template_lines.min(b.template_lines) as usize;
    (number(common) / number(least)).min(1.0)
}

fn common(a: &[u64], b: &[u64]) -> usize {
    a.iter().filter(|line| b.binary_search(line).is_ok()).count()
}

/// Whether one title's words stand in the other in a row; the share of the longer that is left over; whether what
/// follows there only elaborates (`… so that`, `… for`), or makes them say something about another thing.
fn contained(a: &Prepared, b: &Prepared) -> [f32; 6] {
    let (short, long) = if a.title_words.len() <= b.title_words.len() { (a, b) } else { (b, a) };
    let same = |x: &TitleWord, y: &TitleWord| alike(long, *x, short, *y);
    let whole = long;
    let (short, long) = (&short.title_words, &long.title_words);
    if short.is_empty() || short.len() == long.len() {
        return [0.0; 6];
    }
    let Some(at) = long.windows(short.len()).position(|w| w.iter().zip(short).all(|(x, y)| same(x, y)))
    else {
        return [0.0; 6];
    };
    let elaborates = long.get(at + short.len()).is_none_or(|next| next.function);
    let rest = 1.0 - number(short.len()) / number(long.len());
    let (added, front) = added(whole, at, short.len());
    [1.0, rest, f32::from(u8::from(elaborates)), if elaborates { 0.0 } else { added.min(1.0) }, added, front]
}

fn unit(text: &Prepared, key: u64) -> Option<&Unit> {
    text.units.binary_search_by_key(&key, |u| u.key).ok().and_then(|i| text.units.get(i))
}

/// Whether two words of titles are one, its synonym or its misspelling.
fn alike(a: &Prepared, x: TitleWord, b: &Prepared, y: TitleWord) -> bool {
    if x.key == y.key {
        return true;
    }
    let (Some(x), Some(y)) = (unit(a, x.key), unit(b, y.key)) else { return false };
    let shared = x
        .groups
        .iter()
        .any(|g| *g != 0 && LEXICON.groups[usize::from(*g)].alike >= SYNONYM && y.groups.contains(g));
    shared || misspelling(&x.text, &y.text)
}

/// 1 when the titles begin with words that the other one has not: mostly what is to be done.
fn first_swapped(a: &Prepared, b: &Prepared) -> f32 {
    let first = |text: &Prepared| text.title_words.iter().copied().find(|w| !w.function);
    let (Some(x), Some(y)) = (first(a), first(b)) else { return 0.0 };
    let has = |text: &Prepared, key: u64| text.title_words.iter().any(|w| w.key == key);
    f32::from(u8::from(!alike(a, x, b, y) && !has(b, x.key) && !has(a, y.key)))
}

/// Titles that are the same but for one place, where each has words of its own: how much of the longer is the same, when
/// one word is exchanged, when more are, and when one of them only has something inserted (`Add X`, `Add tests for X`).
fn slot(a: &Prepared, b: &Prepared) -> (f32, f32, f32) {
    let (x, y) = (&a.title_words, &b.title_words);
    let least = x.len().min(y.len());
    let front = (0..least).take_while(|&i| alike(a, x[i], b, y[i])).count();
    let back = (1..=least - front).take_while(|&i| alike(a, x[x.len() - i], b, y[y.len() - i])).count();
    let own = |words: &[TitleWord]| words.iter().filter(|w| !w.function).count();
    let (left, right) = (own(&x[front..x.len() - back]), own(&y[front..y.len() - back]));
    let (inner, other) = (&x[front..x.len() - back], &y[front..y.len() - back]);
    let there = inner.iter().filter(|w| !w.function).all(|w| other.iter().any(|o| alike(a, *w, b, *o)));
    let back_again = other.iter().filter(|w| !w.function).all(|w| inner.iter().any(|o| alike(b, *w, a, *o)));
    if left > 0 && right > 0 && there && back_again {
        // The same words, in another order or with other small words between.
        return (0.0, 0.0, 0.0);
    }
    let same = number(front + back) / number(x.len().max(y.len()).max(1));
    match (left, right) {
        // A word that nobody knows may be a small one, mistyped.
        (0, _) | (_, 0) if !told(a, &x[front..x.len() - back]) && !told(b, &y[front..y.len() - back]) => {
            (0.0, 0.0, 0.0)
        }
        (0, _) | (_, 0) => (0.0, 0.0, if left + right > 0 && front > 0 && back > 0 { same } else { 0.0 }),
        (1, 1) => (same, 0.0, 0.0),
        _ => (0.0, same, 0.0),
    }
}

/// Whether a word of its own says something that is known.
fn told(text: &Prepared, words: &[TitleWord]) -> bool {
    words.iter().any(|w| !w.function && unit(text, w.key).is_some_and(|u| u.sense > 0 || u.groups[0] > 0))
}

/// Work about work: a thing and its test, its document, its measurement are never the same.
fn meta_differs(a: &Prepared, b: &Prepared) -> f32 {
    let (x, y) = (a.actions & META, b.actions & META);
    if x == y { 0.0 } else { 1.0 }
}

/// The heaviest word of its own that each title has, the lighter of both: a thing exchanged for another.
fn swapped(a: &Prepared, b: &Prepared, pairing: &Pairing) -> f32 {
    let own = |units: &[Unit], nears: &[Near]| {
        let own = units.iter().zip(nears).filter(|(u, n)| u.title && n.title < 0.7);
        own.map(|(u, _)| u.weight * counts(u)).fold(0.0_f32, f32::max)
    };
    own(&a.units, &pairing.a).min(own(&b.units, &pairing.b)).min(1.2)
}

/// Title words that the other text has not at all.
struct Missing {
    /// The heaviest such word of the side that has less: above 0 only when each title speaks of something of its own.
    least: f32,
    most: f32,
    sum: f32,
}

fn missing(a: &Prepared, b: &Prepared, pairing: &Pairing) -> Missing {
    let of = |units: &[Unit], near: &[Near]| {
        let left = units
            .iter()
            .zip(near)
            .filter(|(u, _)| u.title)
            .map(|(u, n)| u.weight * counts(u) * (1.0 - n.any));
        left.fold((0.0_f32, 0.0_f32), |(sum, most), w| (sum + w, most.max(w)))
    };
    let (x, y) = (of(&a.units, &pairing.a), of(&b.units, &pairing.b));
    Missing { least: x.1.min(y.1), most: x.1.max(y.1).min(1.2), sum: (x.0.min(y.0) / 4.0).min(1.0) }
}

/// How much of what is said in other words means the same: synonyms and misspellings among all that is not equal.
fn meaning(a: &Prepared, b: &Prepared, pairing: &Pairing) -> f32 {
    let of = |units: &[Unit], near: &[Near]| {
        share(
            units
                .iter()
                .zip(near)
                .filter(|(_, n)| n.any < 1.0)
                .map(|(u, n)| (u.weight * counts(u), if n.any >= 0.7 { 1.0 } else { 0.0 })),
        )
    };
    let (x, y) = (of(&a.units, &pairing.a), of(&b.units, &pairing.b));
    f32::midpoint(x, y)
}

/// The cosine of two sparse vectors of unit length.
fn fields(x: &[(u16, f32)], y: &[(u16, f32)]) -> f32 {
    let (mut i, mut j, mut dot) = (0, 0, 0.0_f32);
    while let (Some(p), Some(q)) = (x.get(i), y.get(j)) {
        match p.0.cmp(&q.0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                dot += p.1 * q.1;
                i += 1;
                j += 1;
            }
        }
    }
    dot.min(1.0)
}
