//! Journal on real files: torn tails, damage, trimming, quota, and a reader beside a writer.
#![expect(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mc_journal::{Error, Journal, Kind, Options, Reader, Record, Stamp};
use proptest::prelude::*;

fn stamp(n: u64) -> Stamp {
    Stamp { boot_us: n, wall_us: n.cast_signed() * 10 }
}

fn open(dir: &Path, options: Options) -> (Journal, Vec<Record>, u64) {
    let mut seen = Vec::new();
    let (journal, report) = Journal::open(dir, options, |record| seen.push(record.clone())).unwrap();
    assert_eq!(report.records, seen.len() as u64);
    (journal, seen, report.truncated_bytes)
}

fn write(dir: &Path, options: Options, payloads: &[Vec<u8>]) {
    let (mut journal, ..) = open(dir, options);
    for payload in payloads {
        let seq = journal.last_seq() + 1;
        assert_eq!(journal.append(stamp(seq), Kind::In, 0, payload).unwrap(), seq);
    }
    journal.sync().unwrap();
}

fn read_all(dir: &Path, from: u64) -> Vec<Record> {
    let mut reader = Reader::open(dir, from).unwrap();
    let mut out = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        out.push(record);
    }
    out
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn journal_torn_at_every_byte_keeps_the_longest_intact_prefix() {
    let whole = tempfile::tempdir().unwrap();
    let payloads: Vec<Vec<u8>> =
        [0usize, 1, 40, 7, 300, 2].iter().map(|n| (0..*n).map(|i| i as u8).collect()).collect();
    write(whole.path(), Options::default(), &payloads);
    let bytes = fs::read(&segments(whole.path())[0]).unwrap();
    let mut ends = vec![0usize];
    for payload in &payloads {
        ends.push(ends[ends.len() - 1] + mc_journal::HEADER_BYTES + payload.len());
    }
    assert_eq!(ends[ends.len() - 1], bytes.len());
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(format!("{:020}.seg", 1)), &bytes[..cut]).unwrap();
        let intact = ends.iter().filter(|end| **end <= cut).count() - 1;
        let (mut journal, seen, truncated) = open(dir.path(), Options::default());
        assert_eq!(seen.len(), intact, "cut at {cut}");
        assert_eq!(truncated as usize, cut - ends[intact]);
        for (record, payload) in seen.iter().zip(&payloads) {
            assert_eq!(&record.payload, payload);
        }
        let seq = journal.append(stamp(9), Kind::State, 0, b"after").unwrap();
        assert_eq!(seq, intact as u64 + 1);
        journal.sync().unwrap();
        let all = read_all(dir.path(), 1);
        assert_eq!(all.len(), intact + 1);
        assert_eq!(all[intact].payload, b"after");
    }
}

#[test]
fn flipped_bit_in_a_closed_segment_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 200, ..Options::default() };
    write(dir.path(), options, &vec![vec![7; 60]; 8]);
    let files = segments(dir.path());
    assert!(files.len() > 2);
    let mut bytes = fs::read(&files[0]).unwrap();
    bytes[50] ^= 4;
    fs::write(&files[0], bytes).unwrap();
    assert!(matches!(Journal::open(dir.path(), options, |_| {}), Err(Error::Corrupt { .. })));
    let mut reader = Reader::open(dir.path(), 1).unwrap();
    assert!(matches!(reader.next(), Err(Error::Corrupt { expected_seq: 1, .. })));
}

#[test]
fn missing_segment_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 200, ..Options::default() };
    write(dir.path(), options, &vec![vec![7; 60]; 9]);
    fs::remove_file(&segments(dir.path())[1]).unwrap();
    assert!(matches!(Journal::open(dir.path(), options, |_| {}), Err(Error::Corrupt { .. })));
}

#[test]
fn rotation_keeps_seq_contiguous_and_reader_starts_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 300, ..Options::default() };
    write(dir.path(), options, &vec![vec![1; 50]; 20]);
    write(dir.path(), options, &vec![vec![2; 50]; 20]);
    assert!(segments(dir.path()).len() > 5);
    for from in 1..=41 {
        let seqs: Vec<u64> = read_all(dir.path(), from).iter().map(|r| r.seq).collect();
        assert_eq!(seqs, (from..=40).collect::<Vec<_>>());
    }
}

#[test]
fn trim_stops_at_the_ack_and_keeps_the_floor() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 300, keep_bytes: 600, ..Options::default() };
    write(dir.path(), options, &vec![vec![1; 50]; 40]);
    let (mut journal, ..) = open(dir.path(), options);
    assert!(!journal.can_trim(2));
    assert_eq!(journal.trim(2).unwrap(), 1);
    assert!(journal.can_trim(20));
    let first = journal.trim(20).unwrap();
    assert!(first > 1 && first <= 21, "{first}");
    let first = journal.trim(40).unwrap();
    assert!(journal.size_bytes() >= 600);
    assert!(
        matches!(Reader::open(dir.path(), 1), Err(Error::Trimmed { wanted: 1, first_seq }) if first_seq == first)
    );
    drop(journal);
    let (journal, seen, _) = open(dir.path(), options);
    assert_eq!((journal.first_seq(), journal.last_seq(), seen[0].seq), (first, 40, first));
}

#[test]
fn quota_refuses_traffic_but_not_control_records() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { quota_bytes: 1000, ..Options::default() };
    let (mut journal, ..) = open(dir.path(), options);
    while journal.size_bytes() < 900 {
        journal.append(stamp(1), Kind::In, 0, &[0; 60]).unwrap();
    }
    let error = journal.append(stamp(1), Kind::In, 0, &[0; 200]).unwrap_err();
    assert!(error.is_out_of_space(), "{error}");
    journal.append(stamp(1), Kind::State, 0, &[0; 200]).unwrap();
    journal.sync().unwrap();
    assert_eq!(journal.durable_seq(), journal.last_seq());
}

/// Runs itself again inside a private 1 MiB tmpfs, where the file system really is full.
#[test]
fn full_disk_keeps_the_journal_whole_and_resumes_after_space_is_freed() {
    const INSIDE: &str = "MC_TEST_FULL_DISK";
    let Some(dir) = std::env::var_os(INSIDE) else {
        let dir = tempfile::tempdir().unwrap();
        let script = "mount -t tmpfs -o size=1m none \"$MC_TEST_FULL_DISK\" || exit 77; exec \"$0\" --exact \
                      full_disk_keeps_the_journal_whole_and_resumes_after_space_is_freed";
        let status = std::process::Command::new("unshare")
            .args(["-Urm", "sh", "-c", script])
            .arg(std::env::current_exe().unwrap())
            .env(INSIDE, dir.path())
            .status();
        match status.map(|status| status.code()) {
            Ok(Some(0)) => {}
            Ok(Some(1 | 77)) | Err(_) => eprintln!("skipped: no private tmpfs on this machine"),
            other => panic!("inner run failed: {other:?}"),
        }
        return;
    };
    let dir = PathBuf::from(dir);
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![0; 600 * 1024]).unwrap();
    let (mut journal, ..) = open(&dir.join("journal"), Options::default());
    let error = loop {
        if let Err(error) = journal.append(stamp(1), Kind::In, 0, &[1; 5000]).and_then(|_| journal.sync()) {
            break error;
        }
    };
    if !matches!(error, Error::NoSpace) {
        // The harness takes exit code 1 for "not available", so a real failure needs another one.
        eprintln!("unexpected error {error:?}");
        std::process::exit(3);
    }
    let (stuck, durable) = (journal.last_seq(), journal.durable_seq());
    fs::remove_file(&ballast).unwrap();
    let ok = stuck == durable + 1 && journal.sync().is_ok() && journal.durable_seq() == stuck;
    let seqs: Vec<u64> = read_all(&dir.join("journal"), 1).iter().map(|r| r.seq).collect();
    if !ok || seqs != (1..=stuck).collect::<Vec<_>>() {
        eprintln!("journal not whole: ok={ok} seqs={}", seqs.len());
        std::process::exit(3);
    }
}

#[test]
fn reader_follows_a_concurrent_writer_without_loss() {
    const COUNT: u64 = 20_000;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let writer = std::thread::spawn(move || {
        let options = Options { segment_bytes: 64 * 1024, ..Options::default() };
        let (mut journal, ..) = open(&path, options);
        for n in 1..=COUNT {
            let payload = vec![n as u8; (n % 700) as usize];
            journal.append(stamp(n), Kind::In, 0, &payload).unwrap();
            if n % 7 == 0 {
                journal.flush().unwrap();
            }
        }
        journal.sync().unwrap();
    });
    let mut reader = Reader::open(dir.path(), 1).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut next = 1;
    while next <= COUNT {
        if let Some(record) = reader.next().unwrap() {
            assert_eq!(record.seq, next);
            assert_eq!(record.payload, vec![next as u8; (next % 700) as usize]);
            next += 1;
        } else {
            assert!(Instant::now() < deadline, "stuck before {next}");
            std::thread::yield_now();
        }
    }
    writer.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_written_is_read_back(
        batches in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8), 1..6),
        segment_bytes in 40u64..2000,
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes, ..Options::default() };
        for batch in &batches {
            write(dir.path(), options, batch);
        }
        let wanted: Vec<Vec<u8>> = batches.concat();
        let got = read_all(dir.path(), 1);
        prop_assert_eq!(got.iter().map(|r| r.payload.clone()).collect::<Vec<_>>(), wanted.clone());
        let newest = segments(dir.path()).pop().unwrap();
        let bytes = fs::read(&newest).unwrap();
        fs::write(&newest, &bytes[..cut.index(bytes.len() + 1)]).unwrap();
        let (journal, seen, _) = open(dir.path(), options);
        prop_assert_eq!(seen.iter().map(|r| r.payload.clone()).collect::<Vec<_>>(), wanted[..seen.len()].to_vec());
        prop_assert_eq!(journal.last_seq(), seen.len() as u64);
    }
}
