//! How far one session's records were sent and acknowledged. Pure: the caller brings the time.
//!
//! Sent records are only counted, never kept: what is not acknowledged is read again from the journal. At most
//! [`WINDOW_BYTES`] are on the way; without progress for 2 s, doubling to 30 s, sending goes back to the last
//! acknowledged record.
//!
//! Batches that went by MQTT get 300 ms: then sending goes back to the last acknowledged record at once, and goes by
//! gRPC for a while. The position decides what is stored, so any mix of paths is right; it only may be slow.
//!
//! A record larger than a batch goes apart, in a call of its own: alone on its way, and however long it takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Payload of one session that may be on the way.
const WINDOW_BYTES: usize = 1024 * 1024;
/// Payload of one batch; a larger record travels alone.
pub(super) const BATCH_BYTES: usize = 256 * 1024;
const FIRST_PATIENCE: Duration = Duration::from_secs(2);
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);

/// For a batch that went by MQTT.
const MQTT_PATIENCE: Duration = Duration::from_millis(300);
/// How long gRPC is used after MQTT stayed silent; doubles.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_mins(1);

/// Position of one session.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one position")]
pub(super) struct Flow {
    /// Everything up to here is stored by the control plane.
    acked: u64,
    /// Everything up to here was sent on this connection.
    sent: u64,
    /// Last sequence and payload size of each batch on the way.
    on_the_way: VecDeque<(u64, usize)>,
    moved_at: Option<Instant>,
    rewound_at: Option<Instant>,
    patience: Duration,
    is_open: bool,
    is_stuck: bool,
    /// The next record goes apart, and not yet.
    is_held: bool,
    /// What is on the way goes apart; its call says when it has ended.
    is_apart: bool,
    /// Everything on the way went by MQTT.
    is_by_mqtt: bool,
    mqtt_rests_until: Option<Instant>,
    mqtt_rest: Duration,
}

impl Flow {
    /// As known before any connection.
    pub(super) fn at(acked: u64) -> Self {
        Self { acked, sent: acked, ..Self::default() }
    }

    /// Begins on a new connection, where the control plane stores everything up to `acked`.
    pub(super) fn open(&mut self, acked: u64) {
        *self = Self { is_open: true, patience: FIRST_PATIENCE, ..Self::at(acked) };
    }

    /// The connection is gone.
    pub(super) fn close(&mut self) {
        *self = Self::at(self.acked);
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(super) fn acked(&self) -> u64 {
        self.acked
    }

    /// Everything up to here was sent or is stored.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// The first sequence to send now, when there is one and the window has room for a batch.
    pub(super) fn next(&self, durable: u64) -> Option<u64> {
        let on_the_way: usize = self.on_the_way.iter().map(|(_, bytes)| bytes).sum();
        let has_room = self.on_the_way.is_empty() || on_the_way + BATCH_BYTES <= WINDOW_BYTES;
        let may_send = self.is_open && !self.is_stuck && !self.is_held && !self.is_apart;
        (may_send && has_room && self.sent < durable).then_some(self.sent + 1)
    }

    /// Records `from..=last` are about to be sent. False when the position has changed since they were read.
    pub(super) fn send(&mut self, from: u64, last: u64, bytes: usize, now: Instant) -> bool {
        if !self.is_open || from != self.sent + 1 {
            return false;
        }
        if self.on_the_way.is_empty() {
            self.moved_at = Some(now);
        }
        self.sent = last;
        self.on_the_way.push_back((last, bytes));
        true
    }

    /// Like [`Flow::send`], for one record that goes apart. False also while others are on the way: they would meet a
    /// hole when it overtakes them.
    pub(super) fn send_apart(&mut self, from: u64, bytes: usize, now: Instant) -> bool {
        self.is_apart = self.on_the_way.is_empty() && self.send(from, from, bytes, now);
        self.is_apart
    }

    /// The next record goes apart, but not now: nothing is sent before everything on the way is acknowledged, or
    /// [`Flow::release`].
    pub(super) fn hold(&mut self) {
        self.is_held = true;
    }

    /// What was held may be tried again.
    pub(super) fn release(&mut self) {
        self.is_held = false;
    }

    /// The call of what went apart has ended; from now on patience counts.
    pub(super) fn apart_ended(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_apart) {
            self.moved_at = Some(now);
        }
    }

    /// Whether the next batch may go by MQTT: it has not just been silent, and overtakes nothing that went by gRPC.
    pub(super) fn may_use_mqtt(&self, now: Instant) -> bool {
        self.mqtt_rests_until.is_none_or(|until| until <= now)
            && (self.on_the_way.is_empty() || self.is_by_mqtt)
    }

    /// The batch that was sent last went by MQTT, if it did.
    pub(super) fn went_by_mqtt(&mut self, is_by_mqtt: bool) {
        self.is_by_mqtt = is_by_mqtt;
    }

    /// The records after `sent` cannot be read: nothing is sent before the position changes.
    pub(super) fn stick(&mut self) {
        self.is_stuck = true;
    }

    /// Takes a cumulative acknowledgement; an older one than the last changes nothing.
    pub(super) fn ack(&mut self, acked: u64, now: Instant) {
        if acked <= self.acked {
            return;
        }
        self.acked = acked;
        self.sent = self.sent.max(acked);
        while self.on_the_way.front().is_some_and(|(last, _)| *last <= acked) {
            self.on_the_way.pop_front();
        }
        if self.on_the_way.is_empty() {
            (self.is_held, self.is_apart) = (false, false);
        }
        if self.is_by_mqtt {
            self.mqtt_rest = FIRST_REST;
        }
        self.patience = FIRST_PATIENCE;
        self.moved_at = Some(now);
    }

    /// The control plane wants everything after `acked`, which may be less than it once had. Of several such
    /// wishes for one hole only the first counts; should that be wrong, patience runs out.
    pub(super) fn rewind(&mut self, acked: u64, now: Instant) {
        let is_repeated = self.acked == acked
            && self.rewound_at.is_some_and(|at| now.saturating_duration_since(at) < FIRST_PATIENCE);
        if self.is_open && !is_repeated {
            self.go_back(acked, now);
        }
    }

    /// Goes back to the last acknowledged record when nothing has moved for too long.
    pub(super) fn wake(&mut self, now: Instant) {
        if self.deadline().is_some_and(|at| at <= now) {
            if self.is_by_mqtt {
                self.mqtt_rest = self.mqtt_rest.max(FIRST_REST);
                self.mqtt_rests_until = Some(now + self.mqtt_rest);
                self.mqtt_rest = (self.mqtt_rest * 2).min(LONGEST_REST);
            } else {
                self.patience = (self.patience * 2).min(LONGEST_PATIENCE);
            }
            self.go_back(self.acked, now);
        }
    }

    fn go_back(&mut self, acked: u64, now: Instant) {
        (self.acked, self.sent, self.is_stuck) = (acked, acked, false);
        self.on_the_way.clear();
        (self.is_by_mqtt, self.is_held, self.is_apart) = (false, false, false);
        (self.moved_at, self.rewound_at) = (Some(now), Some(now));
    }

    /// When [`Flow::wake`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let is_waiting = self.is_open && !self.is_apart && !self.on_the_way.is_empty();
        let patience = if self.is_by_mqtt { MQTT_PATIENCE } else { self.patience };
        is_waiting.then(|| self.moved_at.map(|at| at + patience)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_closes_and_opens_with_acknowledgements() {
        let now = Instant::now();
        let mut flow = Flow::at(0);
        assert_eq!(flow.next(9), None, "nothing is sent before the connection knows the position");
        flow.open(0);
        for seq in 1..=4 {
            assert_eq!(flow.next(9), Some(seq));
            assert!(flow.send(seq, seq, BATCH_BYTES, now));
        }
        assert_eq!(flow.next(9), None);
        flow.ack(1, now);
        assert_eq!(flow.next(9), Some(5));
        flow.ack(4, now);
        assert!(flow.send(5, 9, 16 << 20, now), "a large record travels alone");
        assert_eq!((flow.next(9), flow.next(10)), (None, None));
    }

    #[test]
    fn silence_goes_back_to_the_acknowledged_record_ever_more_slowly() {
        let mut now = Instant::now();
        let mut flow = Flow::default();
        flow.open(3);
        let mut waits = Vec::new();
        for _ in 0..6 {
            assert!(flow.send(4, 8, 10, now));
            let due = flow.deadline().unwrap();
            waits.push((due - now).as_secs());
            flow.wake(now);
            assert_eq!(flow.next(8), None);
            now = due;
            flow.wake(now);
            assert_eq!((flow.next(8), flow.deadline()), (Some(4), None));
        }
        assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn a_large_record_is_alone_on_its_way_and_may_take_its_time() {
        let mut now = Instant::now();
        let mut flow = Flow::default();
        flow.open(0);
        assert!(flow.send(1, 3, 10, now));
        assert!(!flow.send_apart(4, 16 << 20, now), "it would overtake the batch");
        flow.hold();
        assert_eq!(flow.next(9), None);
        flow.ack(3, now);
        assert_eq!(flow.next(9), Some(4));
        assert!(flow.send_apart(4, 300 << 10, now));
        now += LONGEST_PATIENCE * 100;
        flow.wake(now);
        assert_eq!(
            (flow.next(9), flow.deadline()),
            (None, None),
            "nothing overtakes it, and nothing is sent again"
        );
        flow.apart_ended(now);
        assert_eq!((flow.next(9), flow.deadline()), (Some(5), Some(now + FIRST_PATIENCE)));
        flow.hold();
        flow.wake(now + FIRST_PATIENCE);
        assert_eq!(flow.next(9), Some(4), "not acknowledged, so again");
        assert!(flow.send_apart(4, 300 << 10, now));
        flow.ack(4, now);
        assert_eq!(flow.next(9), Some(5));
        flow.hold();
        flow.release();
        assert_eq!(flow.next(9), Some(5));
        assert!(flow.send_apart(5, 300 << 10, now));
        flow.rewind(2, now + FIRST_PATIENCE);
        assert_eq!(flow.next(9), Some(3));
    }

    #[test]
    fn silent_mqtt_is_left_for_grpc_and_tried_again() {
        let mut now = Instant::now();
        let mut flow = Flow::default();
        flow.open(0);
        let mut rests = Vec::new();
        for _ in 0..3 {
            assert!(flow.may_use_mqtt(now));
            assert!(flow.send(1, 4, 10, now));
            flow.went_by_mqtt(true);
            assert!(flow.may_use_mqtt(now), "one batch follows the other");
            assert_eq!(flow.deadline(), Some(now + MQTT_PATIENCE));
            now += MQTT_PATIENCE;
            flow.wake(now);
            assert_eq!((flow.next(4), flow.may_use_mqtt(now)), (Some(1), false));
            assert!(flow.send(1, 4, 10, now));
            flow.went_by_mqtt(false);
            assert_eq!(flow.deadline(), Some(now + FIRST_PATIENCE), "gRPC is as patient as before");
            rests.push((flow.mqtt_rests_until.unwrap() - now).as_secs());
            now = flow.mqtt_rests_until.unwrap();
            assert!(!flow.may_use_mqtt(now), "it would overtake what went by gRPC");
            flow.rewind(0, now + FIRST_PATIENCE);
        }
        assert_eq!(rests, [2, 4, 8]);
        assert!(flow.send(1, 4, 10, now));
        flow.went_by_mqtt(true);
        flow.ack(4, now);
        assert_eq!(flow.mqtt_rest, FIRST_REST, "an answer is trusted again");
    }

    #[test]
    fn rewind_counts_once_per_hole_and_may_go_below_the_acknowledged() {
        let now = Instant::now();
        let mut flow = Flow::default();
        flow.open(5);
        assert!(flow.send(6, 9, 10, now));
        flow.rewind(0, now);
        assert_eq!((flow.acked(), flow.next(9)), (0, Some(1)));
        assert!(flow.send(1, 4, 10, now));
        flow.rewind(0, now);
        assert_eq!(flow.next(9), Some(5), "the same wish again changes nothing");
        assert!(!flow.send(1, 4, 10, now), "what was read before a change is not sent");
        flow.rewind(0, now + FIRST_PATIENCE);
        assert_eq!(flow.next(9), Some(1));
    }
}
