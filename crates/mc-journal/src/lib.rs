//! Append-only journal of one agent session.
//!
//! The journal is the only truth about a session; state, transcript and uplink are projections of it.
//!
//! - One contiguous `seq`, starting at 1, for the whole life of the session. It never resets and has no holes.
//! - A record is `len u32 | crc32c u32 | seq u64 | t_boot u64 | t_wall i64 | kind u8 | flags u8 | payload`,
//!   little endian. `len` counts everything after the checksum; the checksum covers `len` and what follows it.
//! - Records stand in segments named `<first_seq>.seg` (20 digits), rotated near 8 MiB. A finished segment is
//!   synced before the next one is created, so only the newest one may end in a torn record.
//! - [`Journal::open`] cuts the newest segment at the first record whose checksum fails. Damage in an older
//!   segment is an error, never silently skipped.
//! - [`Reader`] needs no lock and no help from the writer; it may follow a journal that another process writes.
//!
//! There is one writer at a time; the caller guarantees it (the shim holds a lock file). The journal does not
//! interpret payloads, and it reads no clock: the caller passes a [`Stamp`].

mod error;
mod reader;
mod record;
mod segment;
mod writer;

pub use error::Error;
pub use reader::Reader;
pub use record::{HEADER_BYTES, Kind, MAX_PAYLOAD_BYTES, Record, Stamp, flag};
pub use writer::{Journal, OpenReport, Options};
