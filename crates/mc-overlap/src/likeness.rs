//! How near two texts are in meaning, and whether what each has of its own turns the work into another one.

use crate::lexicon::{LEXICON, OPPOSITES, SYNONYM};
use crate::pairing::{Near, Pairing};
use crate::prepared::{Prepared, Unit};
use crate::token::Kind;
use crate::words::{DIMENSIONS, Sense};

/// From this likeness up two words count for the same, a little.
const FLOOR: f32 = 0.25;
/// Most words of a text that the title's words are held against: the weightiest.
const MOST: usize = 64;

/// What [`Likeness::of`] finds.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Likeness {
    /// Title within title, lower and higher of the two directions, each word by its nearest meaning.
    pub(crate) title: (f32, f32),
    /// Title within everything.
    pub(crate) all: (f32, f32),
    /// Of what is only in one title, how near the nearest of the other title is; 0 unless both have such words.
    pub(crate) rest: f32,
    /// Whether both titles have words of their own.
    pub(crate) both: f32,
    /// Whether only one of them has.
    pub(crate) one: f32,
    /// Titles that begin with verbs: how far these are from each other.
    pub(crate) verbs_differ: f32,
    /// Words that both titles share, up to six.
    pub(crate) shared: f32,
    /// A word of one title's own is the opposite of one of the other's own.
    pub(crate) opposed: f32,
    /// Of the titles' words that the other text has not as they are, how near its nearest are.
    pub(crate) meaning: f32,
    /// Cosine of the titles' meanings, and of the whole texts'.
    pub(crate) title_sum: f32,
    pub(crate) whole_sum: f32,
    /// Smallest likeness of a title's heavy word of its own: something that the other never speaks of.
    pub(crate) alien_least: f32,
    pub(crate) alien_most: f32,
}

/// How near a unit of one text is to the other, all kinds of nearness taken together.
struct Soft {
    title: Vec<f32>,
    all: Vec<f32>,
}

impl Likeness {
    pub(crate) fn of(a: &Prepared, b: &Prepared, pairing: &Pairing) -> Self {
        let (x, y) = (soft(a, &pairing.a, b), soft(b, &pairing.b, a));
        let (own, other) = (own(a, &pairing.a), own(b, &pairing.b));
        let (left, right) = (coverage(a, &x.title), coverage(b, &y.title));
        let (left_all, right_all) = (coverage(a, &x.all), coverage(b, &y.all));
        let both = !own.is_empty() && !other.is_empty();
        let (alien_a, alien_b) = (alien(a, &own, &x.all), alien(b, &other, &y.all));
        Self {
            title: (left.min(right), left.max(right)),
            all: (left_all.min(right_all), left_all.max(right_all)),
            rest: if both { f32::midpoint(rest(a, &own, &x.title), rest(b, &other, &y.title)) } else { 0.0 },
            both: f32::from(u8::from(both)),
            one: f32::from(u8::from(own.is_empty() != other.is_empty())),
            verbs_differ: verbs_differ(a, b),
            shared: shared(a, &pairing.a).min(shared(b, &pairing.b)),
            opposed: opposed(a, &own, b, &other),
            meaning: f32::midpoint(said(a, &pairing.a, &x.all), said(b, &pairing.b, &y.all)),
            title_sum: product(&a.sums[0], &b.sums[0]),
            whole_sum: product(&a.sums[1], &b.sums[1]),
            alien_least: alien_a.min(alien_b),
            alien_most: alien_a.max(alien_b),
        }
    }
}

fn product(x: &[f32; DIMENSIONS], y: &[f32; DIMENSIONS]) -> f32 {
    x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>().clamp(-1.0, 1.0)
}

fn meaning<'p>(text: &'p Prepared, unit: &Unit) -> Option<&'p Sense> {
    text.senses.get(usize::from(unit.sense).checked_sub(1)?)
}

/// What a word weighs when it is asked what a title is about.
fn weight(text: &Prepared, unit: &Unit) -> f32 {
    let common = meaning(text, unit).map_or(1.0, |s| 0.3 + 0.7 * s.weight);
    unit.weight * common * if unit.kind == Kind::Compound { 0.2 } else { 1.0 }
}

/// The nearness of each title unit to the other text.
fn soft(text: &Prepared, near: &[Near], other: &Prepared) -> Soft {
    let mut senses: Vec<(&Unit, &Sense)> =
        other.units.iter().filter_map(|u| Some((u, meaning(other, u)?))).collect();
    if senses.len() > MOST {
        senses.sort_by(|x, y| {
            y.0.title.cmp(&x.0.title).then(y.0.weight.total_cmp(&x.0.weight)).then(x.0.key.cmp(&y.0.key))
        });
        senses.truncate(MOST);
    }
    let mut soft =
        Soft { title: Vec::with_capacity(text.units.len()), all: Vec::with_capacity(text.units.len()) };
    for (unit, near) in text.units.iter().zip(near) {
        let (mut title, mut all) = (near.title, near.any);
        if unit.title
            && title < 0.95
            && let Some(own) = meaning(text, unit)
        {
            for (unit, sense) in &senses {
                let alike = ((own.alike(sense) - FLOOR) / (1.0 - FLOOR)).max(0.0) * 0.95;
                all = all.max(alike);
                if unit.title {
                    title = title.max(alike);
                }
            }
        }
        soft.title.push(title);
        soft.all.push(all);
    }
    soft
}

fn coverage(text: &Prepared, soft: &[f32]) -> f32 {
    let (sum, total) =
        text.units.iter().zip(soft).filter(|(u, _)| u.title).fold((0.0, 0.0), |(s, t), (u, v)| {
            let weight = weight(text, u);
            (s + weight * v, t + weight)
        });
    if total > 0.0 { sum / total } else { 0.0 }
}

/// How near what is said in other words is, in the mean; 1 when nothing is.
fn said(text: &Prepared, near: &[Near], soft: &[f32]) -> f32 {
    let units = text.units.iter().zip(near).zip(soft).filter(|((u, n), _)| u.title && n.any < 1.0);
    let (sum, total) = units.fold((0.0, 0.0), |(s, t), ((u, _), v)| {
        let weight = weight(text, u);
        (s + weight * v, t + weight)
    });
    if total > 0.0 { sum / total } else { 1.0 }
}

/// The units that only this title has, by place.
fn own(text: &Prepared, near: &[Near]) -> Vec<usize> {
    let units = text.units.iter().zip(near).enumerate();
    units
        .filter(|(_, (u, n))| u.title && n.title < 0.8 && u.weight > 0.2 && u.kind != Kind::Compound)
        .map(|(i, _)| i)
        .collect()
}

/// How near the units at these places are, in the mean.
fn rest(text: &Prepared, own: &[usize], soft: &[f32]) -> f32 {
    let (sum, total) = own.iter().fold((0.0, 0.0), |(s, t), &i| {
        let weight = weight(text, &text.units[i]);
        (s + weight * soft[i], t + weight)
    });
    if total > 0.0 { sum / total } else { 0.0 }
}

/// The weight of the heaviest word of its own that is far from all that the other says.
fn alien(text: &Prepared, own: &[usize], soft: &[f32]) -> f32 {
    own.iter().map(|&i| weight(text, &text.units[i]).min(1.2) * (1.0 - soft[i])).fold(0.0, f32::max)
}

/// Title words of some weight that the other title has too, as a share of six.
fn shared(text: &Prepared, near: &[Near]) -> f32 {
    let count: f32 = text
        .units
        .iter()
        .zip(near)
        .filter(|(u, n)| u.title && n.title >= 0.8 && u.weight > 0.2 && u.kind != Kind::Compound)
        .map(|(u, n)| n.title * u.weight.min(1.0).sqrt())
        .sum();
    (count / 6.0).min(1.0)
}

/// The first word of a title that says something.
fn first(text: &Prepared) -> Option<&Unit> {
    find(text, text.title_words.iter().find(|w| !w.function)?.key)
}

/// Two titles that both begin with a verb, each with another one: how far these are apart.
fn verbs_differ(a: &Prepared, b: &Prepared) -> f32 {
    let (Some(left), Some(right)) = (first(a), first(b)) else { return 0.0 };
    let known = left.groups.iter().filter(|g| **g != 0 && LEXICON.groups[usize::from(**g)].alike >= SYNONYM);
    if left.key == right.key || known.into_iter().any(|g| right.groups.contains(g)) {
        return 0.0;
    }
    let (Some(one), Some(other)) = (meaning(a, left), meaning(b, right)) else { return 0.0 };
    one.verb.min(other.verb) * (1.0 - one.alike(other).max(0.0))
}

/// How much more the longer of two titles says, of which the shorter's words stand in the other in a row: the weight of its
/// other words beside that of all, and whether some of it comes first (`Document X` beside `X`).
pub(crate) fn added(long: &Prepared, at: usize, count: usize) -> (f32, f32) {
    let weigh = |words: &[crate::prepared::TitleWord]| -> f32 {
        words.iter().filter(|w| !w.function).filter_map(|w| find(long, w.key)).map(|u| weight(long, u)).sum()
    };
    let (front, back) = (weigh(&long.title_words[..at]), weigh(&long.title_words[at + count..]));
    let all = weigh(&long.title_words);
    if all > 0.0 { ((front + back) / all, front / all) } else { (0.0, 0.0) }
}

fn find(text: &Prepared, key: u64) -> Option<&Unit> {
    text.units.binary_search_by_key(&key, |u| u.key).ok().and_then(|i| text.units.get(i))
}

fn opposed(a: &Prepared, own: &[usize], b: &Prepared, other: &[usize]) -> f32 {
    let only = |text: &Prepared, own: &[usize], other: &Prepared| -> Vec<u64> {
        let function = text.title_words.iter().filter(|w| w.function).map(|w| w.key);
        let function = function.filter(|key| !other.title_words.iter().any(|w| w.key == *key));
        own.iter().map(|&i| text.units[i].key).chain(function).collect()
    };
    let (left, right) = (only(a, own, b), only(b, other, a));
    let found =
        left.iter().any(|x| OPPOSITES.get(x).is_some_and(|keys| right.iter().any(|y| keys.contains(y))));
    f32::from(u8::from(found))
}
