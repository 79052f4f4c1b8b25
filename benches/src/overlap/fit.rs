//! Fits the logistic models of `mc-overlap`. Penalty and thresholds are chosen by cross-validation; a likeness never
//! lowers a score and a difference never raises it. Deterministic. (Boosted trees were tried: they generalised worse.)

use std::fmt::Write as _;

use mc_overlap::features::{COUNT, NAMES, doubtful, features};
use mc_overlap::{Provider, cosine};

use super::measure::{Scored, at, auc};
use super::pairs::{Label, Set};

const FOLDS: usize = 10;
const PENALTIES: [f64; 3] = [2.0, 4.0, 8.0];
const HEAD: &str = "\
//! Weights and thresholds of the logistic models, in the order of [`crate::features::NAMES`].
//! Written by `mc-bench overlap --fit --model DIR`; not edited by hand.

use crate::features::COUNT;
use crate::provider::OperatingPoints;
";

/// Weight of an example of two different pairs' texts, and of a text with itself, beside 1 of a labelled pair.
const STRANGER: f64 = 0.1;
const SELF: f64 = 0.03;

struct Example {
    values: [f64; COUNT],
    duplicate: bool,
    doubtful: bool,
    weight: f64,
    /// Folds of the two texts: an example is seen only by models that were fitted without either.
    folds: [usize; 2],
}

impl Example {
    fn new(values: &[f32; COUNT], duplicate: bool, weight: f64, folds: [usize; 2]) -> Self {
        Self { values: values.map(f64::from), duplicate, doubtful: doubtful(values), weight, folds }
    }
}

#[derive(Clone)]
struct Model {
    weights: [f64; COUNT],
    bias: f64,
}

/// Which way a feature may move a score.
fn sign(name: &str) -> i8 {
    let less = [
        "differ",
        "missing",
        "template",
        "contained_rest",
        "swapped",
        "other_head",
        "contained_then",
        "opposed",
        "alien",
    ];
    if less.iter().any(|p| name.contains(p)) { -1 } else { 1 }
}

pub(super) fn run(out: &mut impl std::io::Write, set: &Set, worst: Option<usize>) -> anyhow::Result<()> {
    let mut source = HEAD.to_owned();
    for provider in Provider::ALL {
        let (examples, labelled) = examples(set, provider);
        if provider == Provider::MiniLm && !set.providers().contains(&provider) {
            continue;
        }
        let mut tried: Vec<(f64, f64, Vec<Scored>)> = Vec::new();
        for penalty in PENALTIES {
            let held = cross_validated(&examples, labelled, penalty);
            writeln!(
                out,
                "// {} penalty {penalty}: loss {:.4}, AUC {:.4}",
                provider.as_str(),
                loss(&held).0,
                auc(&held)
            )?;
            tried.push((loss(&held).0, penalty, held));
        }
        // The strongest penalty that is not worse than the best by more than its standard error.
        let best = tried.iter().min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, _, held)| loss(held));
        let good = |(mean, _, _): &(f64, f64, Vec<Scored>)| best.is_some_and(|(m, error)| *mean <= m + error);
        let Some((_, penalty, held)) = tried.into_iter().rfind(good) else { continue };
        writeln!(out, "// {} chosen penalty {penalty}", provider.as_str())?;
        let model = fit(&examples.iter().collect::<Vec<_>>(), penalty);
        let themed: Vec<bool> = set.pairs.iter().map(|p| !p.theme.is_empty()).collect();
        let sure = sure_of(&held, &examples);
        let points = points(&held, &sure, &themed);
        for (kind, of) in [("all", None), ("without theme", Some(false)), ("of themes left out", Some(true))]
        {
            let held = some(&held, &themed, of);
            if held.is_empty() {
                continue;
            }
            writeln!(out, "//   cross-validated, {} pairs, {kind}: AUC {:.3}", held.len(), auc(&held))?;
            let sure = some(&sure, &themed, of);
            let rows = [
                ("suggest", points[0], &held),
                ("require_ack", points[1], &held),
                ("block", points[2], &sure),
            ];
            for (name, p, held) in rows {
                let f = at(held, p);
                writeln!(
                    out,
                    "//     at {name} {p:.3}: precision {:.3} recall {:.3} F1 {:.3}",
                    f.precision, f.recall, f.f1
                )?;
            }
        }
        for (name, weight) in NAMES.iter().zip(model.weights) {
            writeln!(out, "//   {name:<22} {weight:>8.3}")?;
        }
        if let Some(n) = worst {
            show_worst(out, set, &held, n)?;
        }
        write_model(&mut source, provider, &model, points)?;
    }
    out.write_all(source.as_bytes())?;
    Ok(())
}

fn write_model(source: &mut String, provider: Provider, model: &Model, points: [f32; 3]) -> std::fmt::Result {
    let name = provider.as_str().to_uppercase();
    let [suggest, require_ack, block] = points;
    let weights = model.weights.map(|w| format!("{w:.3}")).join(", ");
    writeln!(source, "\npub(crate) const {name}: [f32; COUNT] = [{weights}];")?;
    writeln!(source, "pub(crate) const {name}_BIAS: f32 = {:.4};", model.bias)?;
    writeln!(
        source,
        "pub(crate) const {name}_POINTS: OperatingPoints = OperatingPoints {{ suggest: {suggest:.3}, require_ack: {require_ack:.3}, block: {block:.3} }};"
    )
}

fn values(set: &Set, provider: Provider, a: usize, b: usize) -> [f32; COUNT] {
    let (a, b) = (&set.texts[a], &set.texts[b]);
    features(&a.prepared, &b.prepared, cosine(a.vector(provider), b.vector(provider)))
}

/// The labelled pairs first, then what no judgement is needed for: texts of different pairs are different work, a text
/// is the same work as itself. They keep the model sane far from the hard pairs.
fn examples(set: &Set, provider: Provider) -> (Vec<Example>, usize) {
    let mut seen = [0_usize; 3];
    let mut fold_of = vec![0; set.texts.len()];
    let mut all = Vec::new();
    let mut themes: Vec<&str> =
        set.pairs.iter().map(|p| p.theme.as_str()).filter(|t| !t.is_empty()).collect();
    themes.sort_unstable();
    themes.dedup();
    for pair in &set.pairs {
        // A theme is a fold of its own; the others are dealt out in turn within each label, so that every fold has its share.
        let fold = themes.binary_search(&pair.theme.as_str()).map_or_else(
            |_| {
                seen[pair.label as usize] += 1;
                seen[pair.label as usize] * 7 % FOLDS
            },
            |theme| FOLDS + theme,
        );
        let [a, b] = pair.sides;
        (fold_of[a], fold_of[b]) = (fold, fold);
        let duplicate = pair.label == Label::Duplicate;
        all.push(Example::new(&values(set, provider, a, b), duplicate, 1.0, [fold; 2]));
    }
    let labelled = all.len();
    for a in 0..set.texts.len() {
        for b in strangers(set, a) {
            let folds = [fold_of[a], fold_of[b]];
            all.push(Example::new(&values(set, provider, a, b), false, STRANGER, folds));
        }
        let folds = [fold_of[a]; 2];
        all.push(Example::new(&values(set, provider, a, a), true, SELF, folds));
    }
    (all, labelled)
}

/// Texts of other pairs: the two most like this one, and two taken blindly.
fn strangers(set: &Set, a: usize) -> Vec<usize> {
    let other = |b: &usize| *b / 2 != a / 2;
    let mut near: Vec<(f32, usize)> = (0..set.texts.len())
        .filter(other)
        .map(|b| (cosine(&set.texts[a].builtin, &set.texts[b].builtin), b))
        .collect();
    near.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
    let blind = [a * 31 + 101, a * 57 + 211].map(|b| b % set.texts.len());
    near.into_iter().map(|(_, b)| b).take(2).chain(blind).filter(other).collect()
}

/// Scores of the first examples, each by the model fitted without its fold.
fn cross_validated(examples: &[Example], labelled: usize, penalty: f64) -> Vec<Scored> {
    let folds = examples.iter().map(|e| e.folds[0]).max().map_or(0, |last| last + 1);
    let models: Vec<Model> = (0..folds)
        .map(|fold| fit(&examples.iter().filter(|e| !e.folds.contains(&fold)).collect::<Vec<_>>(), penalty))
        .collect();
    #[expect(clippy::cast_possible_truncation, reason = "a probability")]
    let score = |e: &Example| models[e.folds[0]].probability(&e.values) as f32;
    examples[..labelled].iter().map(|e| Scored { score: score(e), duplicate: e.duplicate }).collect()
}

impl Model {
    fn probability(&self, values: &[f64; COUNT]) -> f64 {
        logistic(self.bias + self.weights.iter().zip(values).map(|(w, x)| w * x).sum::<f64>())
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Mean and spread of each feature, by which it is brought to one scale.
fn scale(examples: &[&Example]) -> [(f64, f64); COUNT] {
    let total: f64 = examples.iter().map(|e| e.weight).sum();
    std::array::from_fn(|j| {
        let mean = examples.iter().map(|e| e.weight * e.values[j]).sum::<f64>() / total;
        let square = examples.iter().map(|e| e.weight * (e.values[j] - mean).powi(2)).sum::<f64>() / total;
        (mean, square.sqrt())
    })
}

/// Newton steps, one weight at a time, on values of one scale; the weights given back are for the values as they are.
fn fit(examples: &[&Example], penalty: f64) -> Model {
    let scale = scale(examples);
    let standard: Vec<[f64; COUNT]> = examples
        .iter()
        .map(|e| {
            std::array::from_fn(
                |j| if scale[j].1 > 1e-9 { (e.values[j] - scale[j].0) / scale[j].1 } else { 0.0 },
            )
        })
        .collect();
    let (mut weights, mut bias) = ([0.0; COUNT], 0.0);
    let mut sums = vec![0.0; examples.len()];
    for _ in 0..60 {
        let mut moved = 0.0_f64;
        for j in 0..=COUNT {
            let value = |i: usize| if j == COUNT { 1.0 } else { standard[i][j] };
            let (mut slope, mut curve) = (0.0, 1e-9);
            for (i, example) in examples.iter().enumerate() {
                let p = logistic(sums[i]);
                slope += example.weight * (p - f64::from(u8::from(example.duplicate))) * value(i);
                curve += example.weight * p * (1.0 - p) * value(i) * value(i);
            }
            let old: f64 = if j == COUNT { bias } else { weights[j] };
            let ridge = if j == COUNT { 0.0 } else { penalty };
            let mut new = old - ((slope + ridge * old) / (curve + ridge)).clamp(-1.0, 1.0);
            if j < COUNT {
                new = if sign(NAMES[j]) > 0 { new.max(0.0) } else { new.min(0.0) };
            }
            if (new - old).abs() > 0.0 {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum += (new - old) * value(i);
                }
            }
            moved = moved.max((new - old).abs());
            if j == COUNT { bias = new } else { weights[j] = new }
        }
        if moved < 1e-3 {
            break;
        }
    }
    for (weight, (mean, spread)) in weights.iter_mut().zip(scale) {
        *weight = if spread > 1e-9 { *weight / spread } else { 0.0 };
        bias -= *weight * mean;
    }
    Model { weights, bias }
}

/// Mean log loss and its standard error.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn loss(scored: &[Scored]) -> (f64, f64) {
    let of = |s: &Scored| {
        let p = f64::from(s.score).clamp(1e-6, 1.0 - 1e-6);
        if s.duplicate { -p.ln() } else { -(1.0 - p).ln() }
    };
    let n = scored.len() as f64;
    let mean = scored.iter().map(of).sum::<f64>() / n;
    let variance = scored.iter().map(|s| (of(s) - mean).powi(2)).sum::<f64>() / n;
    (mean, (variance / n).sqrt())
}

/// Those with or without a theme.
fn some(held: &[Scored], themed: &[bool], wanted: Option<bool>) -> Vec<Scored> {
    let of = held.iter().zip(themed).filter(|(_, t)| wanted.is_none_or(|w| **t == w));
    of.map(|(s, _)| Scored { score: s.score, duplicate: s.duplicate }).collect()
}

/// What `block` is chosen among: pairs that may not reach it are far below.
fn sure_of(held: &[Scored], examples: &[Example]) -> Vec<Scored> {
    let score = |s: &Scored, e: &Example| if e.doubtful { 0.0 } else { s.score };
    held.iter().zip(examples).map(|(s, e)| Scored { score: score(s, e), duplicate: s.duplicate }).collect()
}

/// suggest: 97 of 100 duplicates; require_ack: the best F1; block: the lowest with precision of 0.98 from there on, among the
/// pairs of either kind as among all.
fn points(held: &[Scored], sure: &[Scored], themed: &[bool]) -> [f32; 3] {
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let steps: Vec<f32> = (1..200).map(|i| i as f32 / 200.0).collect();
    let suggest = steps.iter().copied().rfind(|t| at(held, *t).recall >= 0.97).unwrap_or(0.05);
    let best = |a: &&f32, b: &&f32| at(held, **a).f1.total_cmp(&at(held, **b).f1);
    let require_ack = steps.iter().max_by(best).copied().unwrap_or(0.5);
    let lowest = |of: &[Scored]| {
        steps.iter().copied().rfind(|t| at(of, *t).precision < 0.98).map_or(0.5, |t| t + 0.005)
    };
    let block = [None, Some(false), Some(true)].map(|kind| lowest(&some(sure, themed, kind)));
    let block = block.into_iter().fold(require_ack, f32::max);
    [suggest.min(require_ack), require_ack, block]
}

fn show_worst(out: &mut impl std::io::Write, set: &Set, held: &[Scored], n: usize) -> std::io::Result<()> {
    let mut order: Vec<usize> = (0..held.len()).collect();
    let miss = |i: usize| if held[i].duplicate { 1.0 - held[i].score } else { held[i].score };
    order.sort_by(|a, b| miss(*b).total_cmp(&miss(*a)));
    for i in order.into_iter().take(n) {
        let (a, b) = set.sides(&set.pairs[i]);
        let pair = &set.pairs[i];
        writeln!(
            out,
            "//   {} {} {:?} {:.3}: {} | {}",
            pair.id, pair.category, pair.label, held[i].score, a.side.title, b.side.title
        )?;
    }
    Ok(())
}
