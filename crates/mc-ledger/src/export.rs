//! The export format (one JSON object per line, ascending `seq`) and its verification.

use serde::Serialize;

use crate::chain::{Digest, SealedEvent, sha256};

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
        self.line += 1;
        if self.report.fault.is_some() || text.trim().is_empty() {
            return;
        }
        match serde_json::from_str::<SealedEvent>(text) {
            // The hash covers what the line means; a line that means the same in other bytes was touched too.
            Ok(event) if serde_json::to_string(&event).is_ok_and(|written| written != text) => {
                self.report.events += 1;
                self.fault(Some(event.seq), "the line is not written as an export writes it".into());
            }
            Ok(event) => self.check(&event),
            Err(error) => {
                self.report.events += 1;
                self.fault(None, format!("not an event: {error}"));
            }
        }
    }

    /// Checks the next event, already read.
    pub fn event(&mut self, event: &SealedEvent) {
        self.line += 1;
        if self.report.fault.is_none() {
            self.check(event);
        }
    }

    fn check(&mut self, event: &SealedEvent) {
        self.report.events += 1;
        let expected = self.report.last_seq + 1;
        if event.seq != expected {
            return self.fault(Some(event.seq), format!("expected seq {expected}"));
        }
        if event.prev != self.report.head {
            return self.fault(Some(event.seq), "prev is not the hash of the event before".into());
        }
        if let Some(body) = &event.body
            && sha256(body.as_bytes()) != event.body_sha256
        {
            return self.fault(Some(event.seq), "the body does not have the digest that was chained".into());
        }
        match event.envelope.seal(event.prev, event.seq, event.body_sha256) {
            Ok(hash) if hash == event.hash => {
                if self.report.first_seq == 0 {
                    self.report.first_seq = event.seq;
                }
                self.report.last_seq = event.seq;
                self.report.head = event.hash;
            }
            Ok(_) => self.fault(Some(event.seq), "the hash does not fit the envelope".into()),
            Err(error) => self.fault(Some(event.seq), error.to_string()),
        }
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
