//! How long the parts take on the texts of a file.

use std::hint::black_box;
use std::time::{Duration, Instant};

use mc_overlap::{Prepared, Provider, Text, builtin, compare};

use super::measure::vectors;
use super::pairs::Set;

const ROUNDS: u32 = 20;

pub(super) fn report(out: &mut impl std::io::Write, set: &Set) -> std::io::Result<()> {
    let texts = u32::try_from(set.texts.len()).unwrap_or(u32::MAX);
    let prepare = timed(|| {
        for text in &set.texts {
            let text = Text { title: &text.side.title, body: &text.side.description, paths: &[] };
            black_box(Prepared::new(black_box(&text)));
        }
    }) / texts;
    let embed = timed(|| {
        for text in &set.texts {
            black_box(builtin::embed(black_box(&text.prepared)));
        }
    }) / texts;
    let judge = timed(|| {
        for pair in &set.pairs {
            let (a, b) = set.sides(pair);
            let vectors = vectors(Provider::Builtin, a, b);
            black_box(compare(black_box(&a.prepared), black_box(&b.prepared), vectors, false));
        }
    }) / u32::try_from(set.pairs.len()).unwrap_or(u32::MAX);
    let micros = |d: Duration| d.as_secs_f64() * 1e6;
    writeln!(
        out,
        "\nmean of a text or pair: prepare {:.1} us, embed (built-in) {:.1} us, compare {:.1} us{}",
        micros(prepare),
        micros(embed),
        micros(judge),
        if cfg!(debug_assertions) { " (unoptimised build)" } else { "" }
    )
}

fn timed(mut work: impl FnMut()) -> Duration {
    work();
    let began = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    began.elapsed() / ROUNDS
}
