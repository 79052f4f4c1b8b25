//! The export format (one JSON object per line, ascending `seq`) and its verification.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};
use std::num::NonZero;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::chain::{Digest, SealedEvent, sha256};
use crate::line;

/// So many bytes of an export are read and looked at together, at least.
const BLOCK: u64 = 1 << 20;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every event checked is in its place and unchanged.
    pub ok: bool,
    /// Events checked, including a bad last one.
    pub events: u64,
    /// Position of the first event checked; 0 when there was none.
    pub first_seq: u64,
    /// Position of the last good event; 0 when there was none.
    pub last_seq: u64,
    /// Hash of the last good event.
    pub head: Digest,
    /// The first fault.
    pub fault: Option<Fault>,
}

/// The first bad place in a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("line {line}, seq {seq:?}: {message}")]
pub struct Fault {
    /// Line number from 1.
    pub line: u64,
    /// The event's `seq`, when it could be read.
    pub seq: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// Verifies a chain event by event.
#[derive(Clone, Debug)]
pub struct Verifier {
    report: Report,
    line: u64,
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Verifier {
    /// A verifier for a chain from its first event.
    pub fn new() -> Self {
        let report =
            Report { ok: true, events: 0, first_seq: 0, last_seq: 0, head: Digest::GENESIS, fault: None };
        Self { report, line: 0 }
    }

    /// Checks the next line. After the first fault the rest is not looked at.
    pub fn line(&mut self, text: &str) {
        let none = self.report.fault.is_none();
        let examined = if none { examine_line(text.as_bytes(), &mut Vec::new()) } else { None };
        self.link(examined);
    }

    /// Checks the next event, already read.
    pub fn event(&mut self, event: &SealedEvent) {
        let examined = if self.report.fault.is_none() { Some(Ok(examine(event))) } else { None };
        self.link(examined);
    }

    /// Puts the next line behind those before.
    fn link(&mut self, line: Look) {
        self.line += 1;
        if self.report.fault.is_some() {
            return;
        }
        let Some(line) = line else { return };
        self.report.events += 1;
        let event = match line {
            Ok(event) => event,
            Err(Unreadable { seq, message }) => return self.fault(seq, message),
        };
        let expected = self.report.last_seq + 1;
        if event.seq != expected {
            return self.fault(Some(event.seq), format!("expected seq {expected}"));
        }
        if event.prev != self.report.head {
            return self.fault(Some(event.seq), "prev is not the hash of the event before".into());
        }
        if let Some(message) = event.fault {
            return self.fault(Some(event.seq), message);
        }
        if self.report.first_seq == 0 {
            self.report.first_seq = event.seq;
        }
        self.report.last_seq = event.seq;
        self.report.head = event.hash;
    }

    fn fault(&mut self, seq: Option<u64>, message: String) {
        self.report.ok = false;
        self.report.fault = Some(Fault { line: self.line, seq, message });
    }

    /// What was found.
    pub fn finish(self) -> Report {
        self.report
    }
}

/// What an event says of itself.
struct Examined {
    seq: u64,
    prev: Digest,
    hash: Digest,
    /// Its body or its hash does not fit.
    fault: Option<String>,
}

/// A line that is no event as an export writes it.
struct Unreadable {
    seq: Option<u64>,
    message: String,
}

/// The lines of a text without their ends.
fn lines_of(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', text).chain([text.len()]);
    let mut from = 0;
    ends.map(move |end| &text[std::mem::replace(&mut from, end + 1)..end])
}

/// What a look at a line gave; `None`: it is empty, or was not looked at.
type Look = Option<Result<Examined, Unreadable>>;

/// Looks at a line, in its common form without reading it into an event. `scratch` is written to meanwhile.
fn examine_line(line: &[u8], scratch: &mut Vec<u8>) -> Look {
    match line::read(line, scratch) {
        Some(line) if line.has_its_body && line.made == line.hash => {
            Some(Ok(Examined { seq: line.seq, prev: line.prev, hash: line.hash, fault: None }))
        }
        // Bytes that are no UTF-8 are no event either.
        _ => examine_text(&String::from_utf8_lossy(line)),
    }
}

/// Looks at any line, and says what is wrong with it.
fn examine_text(text: &str) -> Look {
    if text.trim().is_empty() {
        return None;
    }
    Some(match serde_json::from_str::<SealedEvent>(text) {
        // The hash covers what the line means; a line that means the same in other bytes was touched too.
        Ok(event) if serde_json::to_string(&event).is_ok_and(|written| written != text) => Err(Unreadable {
            seq: Some(event.seq),
            message: "the line is not written as an export writes it".into(),
        }),
        Ok(event) => Ok(examine(&event)),
        Err(error) => Err(Unreadable { seq: None, message: format!("not an event: {error}") }),
    })
}

fn examine(event: &SealedEvent) -> Examined {
    let SealedEvent { seq, prev, hash, .. } = *event;
    let is_other = |body: &String| sha256(body.as_bytes()) != event.body_sha256;
    let fault = if event.body.as_ref().is_some_and(is_other) {
        Some("the body does not have the digest that was chained".into())
    } else {
        match event.envelope.seal(prev, seq, event.body_sha256) {
            Ok(sealed) if sealed == hash => None,
            Ok(_) => Some("the hash does not fit the envelope".into()),
            Err(error) => Some(error.to_string()),
        }
    };
    Examined { seq, prev, hash, fault }
}

/// An export that several read in turns.
struct Source<R> {
    input: R,
    blocks: u64,
}

impl<R: BufRead> Source<R> {
    /// Reads whole lines of at least this size together, and says which block they are; `false`: it was the end.
    fn next(&mut self, size: u64, block: &mut Vec<u8>) -> (u64, std::io::Result<bool>) {
        block.clear();
        let read = self.input.by_ref().take(size).read_to_end(block).and_then(|_| {
            if block.last().is_some_and(|last| *last != b'\n') {
                self.input.read_until(b'\n', block)?;
            }
            Ok(!block.is_empty())
        });
        self.blocks += 1;
        (self.blocks - 1, read)
    }
}

/// Verifies an export as it is read, on every processor.
///
/// # Errors
/// What reading gives.
pub fn verify_reader(input: impl BufRead + Send) -> std::io::Result<Report> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    verify_blocks(input, BLOCK, threads)
}

/// Each thread reads a block and looks at what its lines say of themselves; that each follows the one before is checked
/// here, in order.
fn verify_blocks(input: impl BufRead + Send, size: u64, threads: usize) -> std::io::Result<Report> {
    let source = Mutex::new(Source { input, blocks: 0 });
    let examine = |done: SyncSender<(u64, std::io::Result<Vec<Look>>)>| {
        let (mut block, mut scratch) = (Vec::new(), Vec::new());
        loop {
            let (index, read) = source.lock().unwrap_or_else(PoisonError::into_inner).next(size, &mut block);
            let looks = match read {
                Ok(false) => return,
                Ok(true) => Ok(lines_of(block.strip_suffix(b"\n").unwrap_or(&block))
                    .map(|line| examine_line(line, &mut scratch))
                    .collect()),
                Err(error) => Err(error),
            };
            // After the first fault nobody asks for more.
            if done.send((index, looks)).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (done, looked) = sync_channel(threads);
        for _ in 0..threads {
            let (done, examine) = (done.clone(), &examine);
            scope.spawn(move || examine(done));
        }
        drop(done);
        let (mut verifier, mut early, mut next) = (Verifier::new(), BTreeMap::new(), 0);
        for (index, looks) in looked {
            early.insert(index, looks);
            while let Some(looks) = early.remove(&next) {
                looks?.into_iter().for_each(|look| verifier.link(look));
                next += 1;
            }
            if verifier.report.fault.is_some() {
                break;
            }
        }
        Ok(verifier.finish())
    })
}

/// Verifies a whole export.
pub fn verify_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Report {
    let mut verifier = Verifier::new();
    lines.into_iter().for_each(|line| verifier.line(line));
    verifier.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Envelope;
    use proptest::prelude::*;

    fn chain(length: u64) -> Vec<String> {
        let mut prev = Digest::GENESIS;
        (1..=length)
            .map(|seq| {
                let envelope = Envelope {
                    id: format!("evt_{seq}"),
                    organization_id: "org_1".into(),
                    mission_id: (seq % 2 == 0).then(|| "mis_1".into()),
                    action: "task.create".into(),
                    subject_kind: "task".into(),
                    subject_id: format!("task_{seq}"),
                    principal_id: "prn_1".into(),
                    request_id: "r".into(),
                    occurred_at: "2026-01-01T00:00:00.000000Z".into(),
                };
                let body = format!("{{\"n\":{seq}}}");
                let body_sha256 = sha256(body.as_bytes());
                let hash = envelope.seal(prev, seq, body_sha256).unwrap();
                let event = SealedEvent { seq, prev, hash, envelope, body_sha256, body: Some(body) };
                prev = hash;
                serde_json::to_string(&event).unwrap()
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies_also_without_bodies() {
        let lines = chain(20);
        let report = verify_lines(lines.iter().map(String::as_str));
        assert!(report.ok && report.events == 20 && report.last_seq == 20, "{report:?}");
        let bare: Vec<String> = lines
            .iter()
            .map(|line| {
                let mut event: SealedEvent = serde_json::from_str(line).unwrap();
                event.body = None;
                serde_json::to_string(&event).unwrap()
            })
            .collect();
        assert_eq!(verify_lines(bare.iter().map(String::as_str)).head, report.head);
    }

    #[test]
    fn a_missing_doubled_or_swapped_event_is_named() {
        let lines = chain(5);
        let find =
            |order: &[usize]| verify_lines(order.iter().map(|&i| lines[i].as_str())).fault.map(|f| f.line);
        assert_eq!(find(&[0, 1, 3, 4]), Some(3));
        assert_eq!(find(&[0, 1, 1, 2]), Some(3));
        assert_eq!(find(&[1, 0, 2]), Some(1));
        assert_eq!(find(&[0, 1, 2]), None);
    }

    /// What is read in the common form alone says nothing that the reader of all of JSON does not say.
    fn agrees(line: &[u8]) {
        let found = |of: Look| {
            of.map(|of| {
                of.map(|of| (of.seq, of.prev, of.hash, of.fault)).map_err(|wrong| (wrong.seq, wrong.message))
            })
        };
        let whole = found(examine_text(&String::from_utf8_lossy(line)));
        assert_eq!(found(examine_line(line, &mut vec![7])), whole, "{}", String::from_utf8_lossy(line));
    }

    fn event(texts: [String; 9], body: Option<String>, seq: u64) -> SealedEvent {
        let [id, organization_id, mission_id, action, subject_kind, subject_id, principal_id, request_id, at] =
            texts;
        let envelope = Envelope {
            id,
            organization_id,
            mission_id: (!seq.is_multiple_of(3)).then_some(mission_id),
            action,
            subject_kind,
            subject_id,
            principal_id,
            request_id,
            occurred_at: at,
        };
        let body_sha256 = sha256(body.as_deref().unwrap_or_default().as_bytes());
        let prev = sha256(b"before");
        let hash = envelope.seal(prev, seq, body_sha256).unwrap();
        SealedEvent { seq, prev, hash, envelope, body_sha256, body }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn a_line_in_its_common_form_says_what_it_says_as_json(
            texts in prop::array::uniform9("[a-z_]{1,9}|\\PC{0,9}|[\\x00-\\x7f]{0,5}"),
            body in prop::option::of("(\\PC|[\\x00-\\x7f]|\"){0,40}"), seq in prop::num::u64::ANY,
            at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>(),
        ) {
            let line = serde_json::to_string(&event(texts, body, seq)).unwrap().into_bytes();
            agrees(&line);
            prop_assert!(examine_text(std::str::from_utf8(&line).unwrap()).unwrap().is_ok());
            agrees(&line[..cut.index(line.len())]);
            let mut touched = line.clone();
            touched[at.index(line.len())] = byte;
            agrees(&touched);
            touched = line;
            touched.insert(at.index(touched.len()), byte);
            agrees(&touched);
        }
    }

    #[test]
    fn the_common_form_is_read_without_json() {
        let texts = std::array::from_fn(|n| format!("text {n} ö"));
        for body in [None, Some("{\"a\":\"b\\\\n\n\t\r\"}".to_owned())] {
            let line = serde_json::to_string(&event(texts.clone(), body, 7)).unwrap();
            let read = line::read(line.as_bytes(), &mut Vec::new()).unwrap();
            assert!(read.has_its_body && read.made == read.hash && read.seq == 7);
            for (from, to) in
                [("\"seq\":7", "\"seq\":07"), ("{\"seq", "{ \"seq"), ("text 3", "text\\u0020 3")]
            {
                assert!(line::read(line.replacen(from, to, 1).as_bytes(), &mut Vec::new()).is_none(), "{to}");
            }
        }
    }

    #[test]
    fn blocks_say_what_lines_say() {
        let mut lines = chain(900);
        let by_lines = |lines: &[String]| verify_lines(lines.iter().map(String::as_str));
        let by_blocks = |lines: &[String], end: &str| {
            let text = lines.join("\n") + end;
            let found = verify_reader(text.as_bytes()).unwrap();
            for (size, threads) in [(1, 1), (700, 3), (5000, 8)] {
                let input = std::io::BufReader::with_capacity(7, text.as_bytes());
                assert_eq!(verify_blocks(input, size, threads).unwrap(), found, "blocks of {size}");
            }
            found
        };
        assert_eq!(by_blocks(&lines, "\n"), by_lines(&lines));
        assert_eq!(by_blocks(&lines, ""), by_lines(&lines));
        assert_eq!(by_blocks(&[], ""), by_lines(&[]));
        lines.insert(300, String::new());
        assert_eq!(by_blocks(&lines, "\n\n"), by_lines(&lines));
        for (at, from, to) in [
            (500, "task.create", "task.delete"),
            (500, "{\"seq", "{ \"seq"),
            (1, "\"prev\":\"", "\"prev\":\"x"),
        ] {
            let mut touched = lines.clone();
            touched[at] = touched[at].replacen(from, to, 1);
            let found = by_blocks(&touched, "\n");
            assert_eq!(
                (found.fault.as_ref().map(|fault| fault.line), &found),
                (Some(at as u64 + 1), &by_lines(&touched))
            );
        }
        lines.swap(700, 701);
        assert_eq!(by_blocks(&lines, "\n"), by_lines(&lines));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        struct Broken;
        impl std::io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("the disk is gone"))
            }
        }
        let text = chain(50).join("\n") + "\n";
        let input = std::io::BufReader::new(std::io::Read::chain(text.as_bytes(), Broken));
        assert_eq!(verify_blocks(input, 100, 4).unwrap_err().to_string(), "the disk is gone");
    }

    /// Ten thousand bytes of a whole export, each changed by itself: every one is found, at its own line.
    #[test]
    fn every_flipped_byte_of_an_export_is_found_and_located() {
        let lines = chain(300);
        let text = lines.join("\n") + "\n";
        // A verification may go on from any line, so that each change costs only what follows it.
        let mut states = vec![Verifier::new()];
        let mut starts = vec![0];
        for line in &lines {
            let mut next = states[states.len() - 1].clone();
            next.line(line);
            states.push(next);
            starts.push(starts[starts.len() - 1] + line.len() + 1);
        }
        assert!(states[lines.len()].clone().finish().ok);
        let mut seed = 0x5eed_u64;
        let mut random = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 11).unwrap()
        };
        for case in 0..10_000 {
            let at = random() % text.len();
            let flip = u8::try_from(1 + random() % 255).unwrap();
            let line = starts.partition_point(|start| *start <= at) - 1;
            let mut bytes = text.as_bytes()[starts[line]..].to_vec();
            bytes[at - starts[line]] ^= flip;
            let mut verifier = states[line].clone();
            // Read as `mc ledger verify --file` reads it; the next few lines show the rest.
            for line in bytes.split(|byte| *byte == b'\n').take(4) {
                verifier.line(&String::from_utf8_lossy(line));
            }
            let fault = verifier.finish().fault;
            let located = fault.as_ref().map(|fault| fault.line);
            let expected = line as u64 + 1;
            // A line break in the place of a line's first byte makes an empty line before the bad one.
            let broken = bytes[0] == b'\n';
            assert!(
                located == Some(expected) || (broken && located == Some(expected + 1)),
                "case {case}: byte {at} of line {expected} xor {flip:#04x}: {fault:?}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn any_changed_byte_is_found(at in any::<prop::sample::Index>(), line in 0_usize..6, flip in 1_u8..128) {
            let mut lines = chain(6);
            let mut bytes = lines[line].clone().into_bytes();
            let index = at.index(bytes.len());
            bytes[index] ^= flip;
            prop_assume!(bytes[index] != lines[line].as_bytes()[index]);
            let Ok(text) = String::from_utf8(bytes) else { return Ok(()); };
            lines[line] = text;
            let report = verify_lines(lines.iter().map(String::as_str));
            prop_assert!(!report.ok);
            prop_assert_eq!(report.fault.map(|f| f.line), Some(line as u64 + 1));
        }
    }
}
