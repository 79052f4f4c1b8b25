//! The witness file: every protocol line, on disk before it is sent or acted on.
//!
//! It is the oracle of tests that kill processes, so it keeps its word or ends the process: a line that cannot be
//! written is neither sent nor obeyed. Each record is one `write` in append mode, so several agents may share a file;
//! `(pid, n)` names a record, `n` counts from 1 without gaps within a process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::lock;

/// Exit code when the witness cannot be written (`EX_IOERR`).
const EXIT_IO: i32 = 74;

/// Which way a line went, seen from the agent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Debug)]
pub(crate) struct Witness {
    state: Mutex<(File, u64)>,
}

impl Witness {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::options().read(true).append(true).create(true).open(path)?;
        // A record torn by a kill must not swallow the next one.
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(Self { state: Mutex::new((file, 0)) })
    }

    /// Writes one line, given without its line end. Bytes that are no UTF-8 are kept in `hex` too.
    pub(crate) fn record(&self, direction: Direction, line: &[u8]) {
        let mut state = lock(&self.state);
        state.1 += 1;
        let mut record = json!({
            "n": state.1,
            "dir": match direction { Direction::In => "in", Direction::Out => "out" },
            "t_boot_ns": boot_time_ns(),
            "pid": std::process::id(),
            "line": String::from_utf8_lossy(line),
        });
        if std::str::from_utf8(line).is_err() {
            let hex: String = line.iter().flat_map(|byte| hex_digits(*byte)).collect();
            record["hex"] = hex.into();
        }
        let text = format!("{record}\n");
        if let Err(e) = state.0.write_all(text.as_bytes()).and_then(|()| state.0.sync_data()) {
            // Nobody is left to tell when this write fails too.
            let _ = writeln!(io::stderr(), "mc-scripted-agent: cannot write the witness: {e}");
            std::process::exit(EXIT_IO);
        }
    }
}

fn hex_digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).expect("four bits are one digit"))
}

/// Nanoseconds since boot, suspended time included.
pub(crate) fn boot_time_ns() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_torn_record_does_not_swallow_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness");
        std::fs::write(&path, "{\"n\":1}\n{\"n\":").unwrap();
        let witness = Witness::open(&path).unwrap();
        witness.record(Direction::In, b"\xff{");
        let text = std::fs::read_to_string(&path).unwrap();
        let record: Value = serde_json::from_str(text.lines().nth(2).unwrap()).unwrap();
        assert_eq!((&record["n"], &record["dir"], &record["hex"]), (&json!(1), &json!("in"), &json!("ff7b")));
    }
}
