//! Reads a journal in batches, remembering its place between them.

use mc_journal::{Reader, Record};

use super::flow::BATCH_BYTES;

const BATCH_RECORDS: usize = 500;

/// Place in the journal of one session.
#[derive(Debug)]
pub(super) struct Tail {
    reader: Reader,
    /// Read already, but too large for the batch before.
    held: Option<Record>,
}

impl Tail {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, held: None }
    }

    /// Sequence of the record that the next batch begins with.
    pub(super) fn next_seq(&self) -> u64 {
        self.held.as_ref().map_or_else(|| self.reader.next_seq(), |record| record.seq)
    }

    /// The next records up to `durable`: at most [`BATCH_BYTES`] of payload, or one larger record.
    pub(super) fn batch(&mut self, durable: u64) -> Result<Vec<Record>, mc_journal::Error> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while records.len() < BATCH_RECORDS && bytes <= BATCH_BYTES && self.next_seq() <= durable {
            let Some(record) = self.held.take().map_or_else(|| self.reader.next(), |held| Ok(Some(held)))?
            else {
                break;
            };
            bytes += record.payload.len();
            if bytes > BATCH_BYTES && !records.is_empty() {
                self.held = Some(record);
                break;
            }
            records.push(record);
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_journal::{Journal, Kind, Options, Stamp};

    #[test]
    fn batches_hold_every_record_once_within_their_limits() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), Options::default(), |_| {}).unwrap();
        let sizes: Vec<usize> = (0..1200).map(|n| if n % 400 == 7 { BATCH_BYTES + n } else { n }).collect();
        for size in &sizes {
            journal.append(Stamp::default(), Kind::In, 0, &vec![b'x'; *size]).unwrap();
        }
        journal.sync().unwrap();
        let mut tail = Tail::new(Reader::open(dir.path(), 3).unwrap());
        let mut next = 3;
        while next <= 1190 {
            assert_eq!(tail.next_seq(), next);
            let batch = tail.batch(1190).unwrap();
            let bytes: usize = batch.iter().map(|record| record.payload.len()).sum();
            assert!(batch.len() <= BATCH_RECORDS && (bytes <= BATCH_BYTES || batch.len() == 1));
            for record in batch {
                assert_eq!(
                    (record.seq, record.payload.len()),
                    (next, sizes[usize::try_from(next).unwrap() - 1])
                );
                next += 1;
            }
        }
        assert_eq!((next, tail.batch(1190).unwrap().len()), (1191, 0), "nothing beyond the durable end");
    }
}
