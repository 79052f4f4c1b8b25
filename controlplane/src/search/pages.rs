//! What is still to be shown of a search, carried by its cursor.
//!
//! The promise: the pages of a search are those of its first page. What was found then is on exactly one page, in the order of
//! then, whatever is written, edited or indexed meanwhile, on any replica and after a restart. A text is shown as it is when
//! its page is asked for; what is gone, or may no longer be read, is on none. So the cursor holds the ranking (at most some
//! hundred numbers), sealed: the numbers of documents tell how many there are. It is good for the caller that it was made for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mc_api::ProblemKind;
use mc_api::search::{SearchCount, SearchKind};

use super::service::Place;
use crate::app::App;
use crate::error::Error;
use crate::op::OpCtx;

/// A document in its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hit {
    pub(super) number: i64,
    pub(super) kind: SearchKind,
    /// The score in millionths.
    pub(super) order: i64,
    /// From 0 to 1, in thousandths.
    pub(super) lexical: f64,
    /// From 0 to 1, in thousandths.
    pub(super) vector: f64,
}

/// Everything that a search found, best first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranking {
    pub(super) hits: Vec<Hit>,
}

const KINDS: [SearchKind; 4] = [SearchKind::Task, SearchKind::Kluster, SearchKind::Doc, SearchKind::Artifact];
/// Bytes of a hit: number (6), kind (1), order (3), likenesses (2 each).
const WIDTH: usize = 14;
/// The number of a hit that was on a page before: it counts, and is not shown again.
const BEFORE: i64 = 0;

fn thousandths(share: f64) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a value from 0 to 1000")]
    let rounded = (share.clamp(0.0, 1.0) * 1000.0).round() as u16;
    rounded
}

impl Ranking {
    /// How many hits of each kind the pages of this search have.
    pub(super) fn counts(&self) -> Vec<SearchCount> {
        let mut counts: BTreeMap<SearchKind, u32> = BTreeMap::new();
        for hit in &self.hits {
            *counts.entry(hit.kind).or_default() += 1;
        }
        counts.into_iter().map(|(kind, count)| SearchCount { kind, count }).collect()
    }

    /// The hits from a place on, and how many of each kind are before it.
    fn bytes(&self, from: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for kind in KINDS {
            let before = self.hits.iter().take(from).filter(|hit| hit.kind == kind).count();
            bytes.push(u8::try_from(before).unwrap_or(u8::MAX));
        }
        for hit in self.hits.iter().skip(from) {
            bytes.extend(&hit.number.to_be_bytes()[2..]);
            let kind = KINDS.iter().position(|kind| *kind == hit.kind).unwrap_or(0);
            bytes.push(u8::try_from(kind).unwrap_or(0));
            bytes.extend(&hit.order.to_be_bytes()[5..]);
            bytes.extend(thousandths(hit.lexical).to_be_bytes());
            bytes.extend(thousandths(hit.vector).to_be_bytes());
        }
        bytes
    }

    /// What [`Ranking::bytes`] made, with the place at which it goes on.
    fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (before, rest) = bytes.split_at_checked(KINDS.len())?;
        let blank = |kind| Hit { number: BEFORE, kind, order: 0, lexical: 0.0, vector: 0.0 };
        let mut hits: Vec<Hit> = KINDS
            .iter()
            .zip(before)
            .flat_map(|(kind, count)| std::iter::repeat_n(blank(*kind), usize::from(*count)))
            .collect();
        let at = hits.len();
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte));
        let share = |bytes: &[u8]| f64::from(u16::from_be_bytes([bytes[0], bytes[1]])) / 1000.0;
        for hit in rest.chunks_exact(WIDTH) {
            hits.push(Hit {
                number: number(&hit[..6]),
                kind: *KINDS.get(usize::from(hit[6]))?,
                order: number(&hit[7..10]),
                lexical: share(&hit[10..12]),
                vector: share(&hit[12..]),
            });
        }
        Some((Self { hits }, at))
    }
}

/// What a cursor is bound to, beside its query.
fn bound(cx: &OpCtx) -> String {
    format!("search of {}", cx.caller.id)
}

/// The ranking from a place on, for a cursor.
pub(super) fn seal(app: &App, cx: &OpCtx, ranking: &Ranking, from: usize) -> Place {
    let (key, sealed) = app.keyring.seal(&app.ids, &bound(cx), &ranking.bytes(from));
    Place::sealed(format!("{key}~{}", URL_SAFE_NO_PAD.encode(sealed)))
}

/// The ranking of a cursor, and the place at which its page begins.
///
/// # Errors
/// [`ProblemKind::InvalidCursor`] when it was made for somebody else.
pub(super) fn open(app: &App, cx: &OpCtx, place: &Place) -> Result<(Ranking, usize), Error> {
    let opened = || {
        let (key, sealed) = place.text().split_once('~')?;
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        Ranking::read(&app.keyring.unseal(key, &bound(cx), sealed)?)
    };
    opened().ok_or_else(|| {
        Error::new(
            ProblemKind::InvalidCursor,
            "this next_cursor was not made for this caller; start again without",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ranking_is_read_as_it_is_written() {
        let hit = |number: i64, kind| Hit {
            number,
            kind,
            order: 999_999 - number % 7,
            lexical: 0.125,
            vector: 0.4,
        };
        let kinds = KINDS.iter().cycle();
        let all = Ranking { hits: (1 << 40..).zip(kinds).take(120).map(|(n, kind)| hit(n, *kind)).collect() };
        for from in [0, 1, 50, 119, 120] {
            let bytes = all.bytes(from);
            let (read, at) = Ranking::read(&bytes).unwrap();
            assert_eq!((at, &read.hits[at..]), (from, &all.hits[from..]));
            assert_eq!(read.counts(), all.counts());
        }
        assert_eq!(Ranking::read(&[1]), None);
    }
}
