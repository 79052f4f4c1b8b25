//! Ages and durations as people read them, and the one look at the clock.

use std::time::Duration;

use mc_api::Timestamp;

/// The present, by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "ages are shown against this machine's clock; nothing is decided by it"
)]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A span in at most two units, like kubectl: `42s`, `5m`, `3h12m`, `4d`, `2y30d`.
pub fn short(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    const YEAR: u64 = 365 * DAY;
    let seconds = span.as_secs();
    let two = |big: u64, big_name: char, small: u64, small_name: char| {
        let rest = seconds % big / small;
        let head = seconds / big;
        if rest == 0 { format!("{head}{big_name}") } else { format!("{head}{big_name}{rest}{small_name}") }
    };
    match seconds {
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(MINUTE, 'm', 1, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(HOUR, 'h', MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(DAY, 'd', HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(YEAR, 'y', DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

/// The age of something, `0s` when its clock is ahead of ours.
pub fn age(at: Timestamp, now: Timestamp) -> String {
    short(now.since(at))
}

/// The time until something, rounded up to the second; `0s` when it is over.
pub fn until(at: Timestamp, now: Timestamp) -> String {
    short(at.since(now) + Duration::from_nanos(999_999_999))
}

/// Reads `90s`, `5m`, `2h`, `1h30m`, `500ms` or plain seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a duration such as 90s, 5m, 1h30m or 500ms";
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
        let number: u32 = rest[..digits].parse().map_err(|_| EXPECTED)?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_mins(1),
            "h" => Duration::from_hours(1),
            "d" => Duration::from_hours(24),
            _ => return Err(EXPECTED.into()),
        };
        total = total.saturating_add(unit.saturating_mul(number));
        rest = &rest[end..];
    }
    if text.is_empty() { Err(EXPECTED.into()) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ages_read_like_kubectls() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (301, "5m1s"),
            (3 * 3600 - 1, "179m"),
            (3 * 3600 + 720, "3h12m"),
            (24 * 3600, "24h"),
            (2 * 86_400, "2d"),
            (3 * 86_400 + 7200, "3d2h"),
            (400 * 86_400, "400d"),
            (800 * 86_400, "2y70d"),
        ];
        for (seconds, text) in cases {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
        let later = Timestamp::from_micros(5_000_000);
        assert_eq!(age(later, Timestamp::from_micros(0)), "0s");
        assert_eq!(until(later, Timestamp::from_micros(1)), "5s");
        assert_eq!(until(Timestamp::from_micros(0), later), "0s");
    }

    #[test]
    fn durations_are_read_strictly() {
        let read = |text| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(read("60s"), Ok(60_000));
        assert_eq!(read("1h30m"), Ok(5_400_000));
        assert_eq!(read("500ms"), Ok(500));
        assert_eq!(read("7"), Ok(7000));
        for bad in ["", "s", "5x", "5m3", "-5s", "1.5h", "99999999999s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_age_is_short_and_reads_back_within_its_precision(seconds in 0_u64..691_200) {
            let text = short(Duration::from_secs(seconds));
            prop_assert!(text.len() <= 6, "{text}");
            let back = parse_duration(&text).unwrap().as_secs();
            prop_assert!(back <= seconds && seconds - back < 3600);
        }
    }
}
