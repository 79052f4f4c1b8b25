//! Overlap detection, measured on labelled pairs of task descriptions (`benches/data/overlap/README.md`).
//!
//! The tuning half and the further pairs for tuning are shown by category and may be fitted to; of the held-out half and of
//! the pairs for checking only totals are ever printed.

mod fit;
mod measure;
#[cfg(not(feature = "local-embeddings"))]
mod no_model;
mod pairs;
mod retrieval;
mod speed;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
#[cfg(feature = "local-embeddings")]
use mc_embed_local::Model;
#[cfg(not(feature = "local-embeddings"))]
use no_model::Model;

use measure::{Scored, at, auc};
use pairs::{Label, Set};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/overlap");

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Any file of labelled pairs, JSON lines, instead of those for tuning.
    #[arg(long, value_name = "FILE")]
    pairs: Option<PathBuf>,
    /// A model folder (MiniLM class): its figures are printed too. Needs the feature `local-embeddings`.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Also evaluates the held-out half: once per release.
    #[arg(long)]
    held_out: bool,
    /// Also evaluates the pairs for checking: when a scorer is finished.
    #[arg(long)]
    check: bool,
    /// Fits weights and thresholds to the pairs and prints them as the source of `mc-overlap`.
    #[arg(long)]
    fit: bool,
    /// Lists pairs of the tuning half that the fitted weights judge worst (cross-validated).
    #[arg(long, value_name = "N", requires = "fit")]
    worst: Option<usize>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let model = args.model.as_deref().map(Model::load).transpose()?;
    let read = |path: &Path| {
        Set::read(path, model.as_ref()).with_context(|| format!("cannot read {}", path.display()))
    };
    let own = |name: &str| read(&Path::new(DATA).join(name));
    let sets = match &args.pairs {
        Some(path) => vec![read(path)?],
        None => vec![own("tune.jsonl")?, own("tune-more.jsonl")?],
    };
    if args.fit {
        let all = sets.into_iter().reduce(Set::and).context("no pairs")?;
        return fit::run(&mut out, &all, args.worst);
    }
    for set in &sets {
        report(&mut out, set, true)?;
    }
    for (name, _) in
        [("check.jsonl", args.check), ("held-out.jsonl", args.held_out)].iter().filter(|(_, w)| *w)
    {
        report(&mut out, &own(name)?, false)?;
    }
    let Some(set) = sets.first() else { return Ok(()) };
    speed::report(&mut out, set)?;
    Ok(())
}

fn report(out: &mut impl std::io::Write, set: &Set, in_detail: bool) -> anyhow::Result<()> {
    let count = |label| set.pairs.iter().filter(|p| p.label == label).count();
    writeln!(
        out,
        "\n{}: {} pairs, {} duplicate, {} related, {} distinct",
        set.name,
        set.pairs.len(),
        count(Label::Duplicate),
        count(Label::Related),
        count(Label::Distinct)
    )?;
    for provider in set.providers() {
        let scored = measure::scores(set, provider);
        let points = provider.operating_points();
        writeln!(out, "\n{}  AUC {:.3}", provider.as_str(), auc(&scored))?;
        writeln!(out, "  {:<22} {:>9} {:>7} {:>7}", "threshold", "precision", "recall", "F1")?;
        for (name, threshold) in
            [("suggest", points.suggest), ("require_ack", points.require_ack), ("block", points.block)]
        {
            row(out, &format!("{name} {threshold:.3}"), &at(&scored, threshold))?;
        }
        if in_detail {
            for step in 1..10 {
                #[expect(clippy::cast_precision_loss, reason = "a small number")]
                let threshold = step as f32 / 10.0;
                row(out, &format!("{threshold:.1}"), &at(&scored, threshold))?;
            }
            categories(out, set, &scored, points.require_ack)?;
        }
        retrieval::report(out, set, provider)?;
    }
    Ok(())
}

fn row(out: &mut impl std::io::Write, name: &str, figures: &measure::Figures) -> std::io::Result<()> {
    let measure::Figures { precision, recall, f1 } = figures;
    writeln!(out, "  {name:<22} {precision:>9.3} {recall:>7.3} {f1:>7.3}")
}

fn categories(
    out: &mut impl std::io::Write,
    set: &Set,
    scored: &[Scored],
    threshold: f32,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "  by category at require_ack: right of all; duplicates found; others taken for duplicates"
    )?;
    for category in set.categories() {
        let of: Vec<&Scored> =
            set.pairs.iter().zip(scored).filter(|(p, _)| p.category == category).map(|(_, s)| s).collect();
        let hit = |s: &&&Scored| s.score >= threshold;
        let duplicates = of.iter().filter(|s| s.duplicate).count();
        let found = of.iter().filter(|s| s.duplicate).filter(hit).count();
        let taken = of.iter().filter(|s| !s.duplicate).filter(hit).count();
        let right = found + of.len() - duplicates - taken;
        writeln!(
            out,
            "  {category:<28} {right:>3}/{:<3} {found:>3}/{duplicates:<3} {taken:>3}/{:<3}",
            of.len(),
            of.len() - duplicates
        )?;
    }
    Ok(())
}
