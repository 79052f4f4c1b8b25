//! Texts that say what is known, beside those that say what is to be done.
//!
//! Of two tasks the titles decide, which name the work; two docs of the same knowledge may be called anything. So they
//! are judged by all their words and by what these mean, each for one half. There are no labelled pairs of docs: the
//! points are chosen by hand, between texts that say the same in other words and texts of one form.

use crate::compare::{Judgement, LIKELY, MARGIN, SuggestedAction, Vectors, compare};
use crate::prepared::Prepared;
use crate::provider::{OperatingPoints, Provider};

/// From these shares on a text is shown, is to be acknowledged, and is refused.
const SHOWN: f32 = 0.5;
const NAMED: f32 = 0.65;
const REFUSED: f32 = 0.95;

/// Judges whether `new` says the same as `other`: as [`compare`], on the same scale.
pub fn compare_texts(new: &Prepared, other: &Prepared, vectors: Option<Vectors>) -> Judgement {
    let mut judged = compare(new, other, vectors, false);
    let points = vectors.map_or(Provider::Lexical, |vectors| vectors.provider).operating_points();
    if judged.score < 1.0 {
        let alike = scaled(f32::midpoint(judged.lexical, judged.vector), points);
        judged.score = match new.units.len().min(other.units.len()) {
            0 => 0.0,
            1 => alike.min(points.require_ack - MARGIN),
            2 => alike.min(points.block - MARGIN),
            _ => alike,
        };
    }
    judged.action = if judged.score >= points.require_ack.max(LIKELY) {
        SuggestedAction::Merge
    } else if judged.score >= points.suggest {
        SuggestedAction::Link
    } else {
        SuggestedAction::Ignore
    };
    judged
}

/// A share on the scale of scores: the points of this module fall on those of the provider.
fn scaled(share: f32, points: OperatingPoints) -> f32 {
    let ends = [
        (0.0, 0.0),
        (SHOWN, points.suggest),
        (NAMED, points.require_ack),
        (REFUSED, points.block),
        (1.0, 1.0),
    ];
    for two in ends.windows(2) {
        let ((from, low), (to, high)) = (two[0], two[1]);
        if share <= to {
            return low + (share - from).max(0.0) / (to - from) * (high - low);
        }
    }
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Text, builtin};

    const RETRIES: (&str, &str) = (
        "Retries",
        "How uploads are retried\n\nUploads fail for good when the object store times out once. We retry them with back-off, at \
         most five times, and give up with an alert to the storage team.",
    );
    const SAME: (&str, &str) = (
        "Upload retries",
        "Retrying uploads\n\nWhen the object store times out, an upload fails for good. It is retried up to five times with \
         backoff; then the storage team is alerted.",
    );
    const RUNBOOK: (&str, &str) = (
        "Runbook: queue is full",
        "When the queue of uploads is full, stop the importer, drain it by hand and tell the storage team. Never delete messages.",
    );

    fn judged(a: (&str, &str), b: (&str, &str)) -> Judgement {
        let text = |(title, body)| Prepared::new(&Text { title, body, paths: &[] });
        let (a, b) = (text(a), text(b));
        compare_texts(&a, &b, Some(Vectors::of(Provider::Builtin, &builtin::embed(&a), &builtin::embed(&b))))
    }

    #[test]
    fn the_same_knowledge_is_found_whatever_it_is_called() {
        let points = Provider::Builtin.operating_points();
        let found = judged(RETRIES, SAME);
        assert!(found.score >= points.require_ack && found.score < points.block, "{found:?}");
        assert_eq!(found.action, SuggestedAction::Merge);
        let renamed = judged(SAME, ("Retrying uploads, again", SAME.1));
        assert!(renamed.score >= points.require_ack, "{renamed:?}");
        assert!(judged(SAME, SAME).score >= points.block);
    }

    #[test]
    fn texts_of_one_team_are_not_the_same() {
        let points = Provider::Builtin.operating_points();
        for other in [RETRIES, SAME] {
            let found = judged(other, RUNBOOK);
            assert!(found.score < points.suggest, "{found:?}");
            assert_eq!(found.action, SuggestedAction::Ignore);
        }
        assert!(judged(("short", ""), ("short note", "")).score < points.require_ack);
    }
}
