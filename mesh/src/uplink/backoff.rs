//! Growing pauses with jitter.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// Pause of a repeated attempt: doubles from `first` to `longest`, shortened by up to half at random.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    /// The attempt succeeded.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How long to wait after another failure.
    pub(super) fn next(&mut self) -> Duration {
        let full = (self.first * 2u32.pow(self.attempts.min(16))).min(self.longest);
        self.attempts = self.attempts.saturating_add(1);
        let mut random = [0; 1];
        // Without randomness the pause is the longest one.
        let _ = SystemRandom::new().fill(&mut random);
        full.saturating_sub(full.mul_f64(f64::from(random[0]) / 512.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_in_their_bounds() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(10));
        let mut backoff = Backoff::new(first, longest);
        for attempt in 0..40 {
            let full = (first * 2u32.pow(attempt.min(16))).min(longest);
            let pause = backoff.next();
            assert!(full / 2 <= pause && pause <= full, "{attempt}: {pause:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
