//! Time and ids, injected so that tests and clock jumps do not matter.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use mc_api::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

/// Wall time that follows the boot clock: anchored once, so that a later jump of the wall clock changes nothing.
#[derive(Debug)]
pub struct Clock {
    anchor_micros: i64,
    anchor_boot: i64,
    /// Only tests move it.
    offset: AtomicI64,
}

fn boot_micros() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec.saturating_mul(1_000_000).saturating_add(now.tv_nsec / 1000)
}

impl Clock {
    /// Anchors to the wall clock of this machine.
    pub fn anchored() -> Self {
        let wall = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Self::anchored_at(Timestamp::from_micros(
            wall.tv_sec.saturating_mul(1_000_000).saturating_add(wall.tv_nsec / 1000),
        ))
    }

    /// Anchors to a time that somebody else told just now: the database that replicas share, so that they agree on when a
    /// lease ends, whatever the clocks of their machines say.
    pub fn anchored_at(now: Timestamp) -> Self {
        Self { anchor_micros: now.as_micros(), anchor_boot: boot_micros(), offset: AtomicI64::new(0) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        let elapsed = boot_micros().saturating_sub(self.anchor_boot);
        Timestamp::from_micros(
            self.anchor_micros.saturating_add(elapsed).saturating_add(self.offset.load(Ordering::Relaxed)),
        )
    }

    /// Moves the time forward (tests).
    pub fn advance(&self, by: Duration) {
        self.offset.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}

/// Makes UUIDv7 ids that ascend within the process, and random secrets.
#[derive(Debug)]
pub struct IdSource {
    random: SystemRandom,
    last: Mutex<(u64, u16)>,
}

impl Default for IdSource {
    fn default() -> Self {
        Self { random: SystemRandom::new(), last: Mutex::new((0, 0)) }
    }
}

impl IdSource {
    /// Random bytes from the operating system.
    ///
    /// # Panics
    /// When the operating system has no randomness: nothing safe can be done then.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.random.fill(&mut out).expect("the operating system gives randomness");
        out
    }

    /// A secret of 256 bits as unpadded base64url.
    pub fn secret(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.bytes::<32>())
    }

    /// A UUIDv7 of this time, larger than every one made before (RFC 9562 section 6.2, method 1: a 12-bit counter).
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let random = self.bytes::<10>();
        let mut millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
        let counter = {
            let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if millis > last.0 {
                *last = (millis, 0);
            } else if last.1 < 0x0fff {
                last.1 += 1;
            } else {
                *last = (last.0 + 1, 0);
            }
            millis = last.0;
            last.1
        };
        let mut tail = random;
        tail[0] = 0x70 | u8::try_from(counter >> 8).unwrap_or(0x0f);
        tail[1] = u8::try_from(counter & 0xff).unwrap_or(0xff);
        uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_goes_on_from_where_it_was_anchored() {
        let told = Timestamp::from_micros(1_800_000_000_000_000);
        let clock = Clock::anchored_at(told);
        let now = clock.now();
        assert!(told <= now && now < told.plus(Duration::from_mins(1)), "{now}");
        clock.advance(Duration::from_hours(1));
        assert!(clock.now() >= told.plus(Duration::from_hours(1)));
    }

    #[test]
    fn ids_ascend_also_within_one_millisecond_and_when_time_stands_still() {
        let ids = IdSource::default();
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.uuid(now)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(made.iter().all(|id| id.get_version_num() == 7));
    }
}
