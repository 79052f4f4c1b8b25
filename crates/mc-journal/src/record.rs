//! Record format: kinds, encoding and decoding of one record.

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 4 + 4 + FIXED_BYTES;
/// Bytes counted by `len` besides the payload.
const FIXED_BYTES: usize = 8 + 8 + 8 + 1 + 1;
/// Largest payload: one 16 MiB protocol line with room for its JSON envelope.
pub const MAX_PAYLOAD_BYTES: usize = 34 * 1024 * 1024;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $word:literal;)*) => {
        /// What a record says. Codes are part of the file format and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Kind { $($(#[$doc])* $name,)*
            /// A code this version does not know, kept as it is.
            Unknown(u8),
        }
        impl Kind {
            /// Every known kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// Code in the file.
            pub const fn code(self) -> u8 { match self { $(Self::$name => $code,)* Self::Unknown(code) => code } }
            /// Kind of a code; unknown codes are kept.
            pub const fn from_code(code: u8) -> Self { match code { $($code => Self::$name,)* other => Self::Unknown(other) } }
            /// Word for people and logs.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $word,)* Self::Unknown(_) => "unknown" } }
        }
    };
}

kinds! {
    /// Raw protocol line received from the agent.
    In = 1, "in";
    /// Raw protocol line written to the agent.
    Out = 2, "out";
    /// A command and the answer given to it.
    Op = 3, "op";
    /// The effect of a command is complete.
    OpDone = 4, "op_done";
    /// A prompt, written before it goes to the agent.
    PromptSent = 5, "prompt_sent";
    /// The agent asks for a permission.
    PermOpen = 6, "perm_open";
    /// A permission has its one answer.
    PermAnswer = 7, "perm_answer";
    /// The published session state changed.
    State = 8, "state";
    /// Life cycle of an agent process: started, session opened, exited.
    Epoch = 9, "epoch";
    /// Something may be missing here.
    Gap = 10, "gap";
    /// The agent no longer remembers the conversation.
    ContextLost = 11, "context_lost";
    /// Text from the agent's standard error, or a line that is no protocol message.
    Stderr = 12, "stderr";
    /// A resource limit was met.
    Limit = 13, "limit";
    /// Folded state, written before older segments are trimmed.
    Checkpoint = 14, "checkpoint";
}

impl Kind {
    /// Records that must find room even when the quota is used up: they close what is open.
    pub const fn is_control(self) -> bool {
        !matches!(self, Self::In | Self::Stderr | Self::Unknown(_))
    }
}

/// Bits of a record's `flags`.
pub mod flag {
    /// The line is no protocol message and is kept as text.
    pub const GARBAGE: u8 = 1;
    /// The text was cut at a limit.
    pub const CUT: u8 = 2;
}

/// Time of a record, in microseconds: since boot (orders, measures) and since 1970 (for people).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Microseconds of the boot clock.
    pub boot_us: u64,
    /// Microseconds since the Unix epoch.
    pub wall_us: i64,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Position in the session, from 1.
    pub seq: u64,
    /// When it was appended.
    pub stamp: Stamp,
    /// What it says.
    pub kind: Kind,
    /// See [`flag`].
    pub flags: u8,
    /// Content; its form depends on the kind.
    pub payload: Vec<u8>,
}

/// Result of looking at bytes that should begin with a record.
pub(crate) enum Decoded {
    /// A record and its size in bytes.
    Whole(Record, usize),
    /// More bytes are needed: this many in total.
    Need(usize),
    /// The bytes are no record.
    Bad,
}

pub(crate) fn encode(out: &mut Vec<u8>, seq: u64, stamp: Stamp, kind: Kind, flags: u8, payload: &[u8]) {
    let body = u32::try_from(FIXED_BYTES + payload.len()).expect("payload size is checked by the caller");
    let start = out.len();
    out.reserve(HEADER_BYTES + payload.len());
    out.extend_from_slice(&body.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&stamp.boot_us.to_le_bytes());
    out.extend_from_slice(&stamp.wall_us.to_le_bytes());
    out.push(kind.code());
    out.push(flags);
    out.extend_from_slice(payload);
    let crc = checksum(&out[start..start + 4], &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(len: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(len), body)
}

pub(crate) fn decode(bytes: &[u8], expected_seq: u64) -> Decoded {
    if bytes.len() < HEADER_BYTES {
        return Decoded::Need(HEADER_BYTES);
    }
    let body = u32_at(bytes, 0) as usize;
    if !(FIXED_BYTES..=FIXED_BYTES + MAX_PAYLOAD_BYTES).contains(&body) {
        return Decoded::Bad;
    }
    let total = 8 + body;
    if bytes.len() < total {
        return Decoded::Need(total);
    }
    if checksum(&bytes[..4], &bytes[8..total]) != u32_at(bytes, 4) || u64_at(bytes, 8) != expected_seq {
        return Decoded::Bad;
    }
    let record = Record {
        seq: expected_seq,
        stamp: Stamp { boot_us: u64_at(bytes, 16), wall_us: u64_at(bytes, 24).cast_signed() },
        kind: Kind::from_code(bytes[32]),
        flags: bytes[33],
        payload: bytes[HEADER_BYTES..total].to_vec(),
    };
    Decoded::Whole(record, total)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_codes_are_unique_and_round_trip() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), *kind);
        }
        assert_eq!(Kind::from_code(200), Kind::Unknown(200));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let mut bytes = Vec::new();
        let stamp = Stamp { boot_us: 5, wall_us: -7 };
        encode(&mut bytes, 3, stamp, Kind::In, 0, b"{\"jsonrpc\":\"2.0\"}");
        assert!(matches!(decode(&bytes, 3), Decoded::Whole(_, n) if n == bytes.len()));
        assert!(matches!(decode(&bytes, 4), Decoded::Bad));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(decode(&flipped, 3), Decoded::Whole(..)), "bit {bit} was not noticed");
        }
    }
}
