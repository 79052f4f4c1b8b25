//! The process's only clock reader. Order and durations come from the boot clock; wall time is for people.

use mc_journal::Stamp;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Time of a journal record.
pub(crate) fn stamp() -> Stamp {
    Stamp {
        boot_us: micros(clock_gettime(ClockId::Boottime)).unsigned_abs(),
        wall_us: micros(clock_gettime(ClockId::Realtime)),
    }
}

fn micros(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
}
