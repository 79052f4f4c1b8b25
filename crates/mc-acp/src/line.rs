//! Newline framing with a limit.

/// Longest line that is accepted.
pub const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;
/// Capacity kept between lines, so that one huge line does not pin memory.
const KEEP_BYTES: usize = 64 * 1024;

/// A line went over the limit: the stream cannot be trusted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit that was broken.
    pub limit: usize,
}

/// Cuts a byte stream into lines, wherever the reads happen to split it.
#[derive(Debug)]
pub struct LineSplitter {
    partial: Vec<u8>,
    limit: usize,
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::with_limit(MAX_LINE_BYTES)
    }
}

impl LineSplitter {
    /// A splitter with another limit.
    pub fn with_limit(limit: usize) -> Self {
        Self { partial: Vec::new(), limit }
    }

    /// Takes the next bytes and hands every completed, non-empty line to `emit`, without its line end.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, rest) = (&bytes[..end], &bytes[end + 1..]);
            self.check(head.len())?;
            if self.partial.is_empty() {
                emit_line(head, &mut emit);
            } else {
                self.partial.extend_from_slice(head);
                emit_line(&self.partial, &mut emit);
                self.partial.clear();
                self.partial.shrink_to(KEEP_BYTES);
            }
            bytes = rest;
        }
        self.check(bytes.len())?;
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// What stood after the last line end when the stream closed, if anything.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.partial.is_empty()).then(|| std::mem::take(&mut self.partial))
    }

    fn check(&self, more: usize) -> Result<(), LineTooLong> {
        if self.partial.len() + more > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        Ok(())
    }
}

fn emit_line(line: &[u8], emit: &mut impl FnMut(&[u8])) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.trim_ascii().is_empty() {
        emit(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_line_is_refused_at_the_limit() {
        let mut splitter = LineSplitter::with_limit(4);
        let mut seen = Vec::new();
        assert_eq!(splitter.push(b"abcd\nabc", |line| seen.push(line.to_vec())), Ok(()));
        assert_eq!(seen, [b"abcd"]);
        assert_eq!(splitter.push(b"de", |_| {}), Err(LineTooLong { limit: 4 }));
    }

    #[test]
    fn rest_without_line_end_is_kept_apart() {
        let mut splitter = LineSplitter::default();
        splitter.push("ü\r\n\n {".as_bytes(), |line| assert_eq!(line, "ü".as_bytes())).unwrap();
        assert_eq!(splitter.finish().unwrap(), b" {");
        assert_eq!(splitter.finish(), None);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_reads_split_them(
            lines in prop::collection::vec("[a-zäöü{}\"]{1,20}", 1..10), sizes in prop::collection::vec(1usize..9, 1..40)
        ) {
            let bytes = (lines.join("\n") + "\n").into_bytes();
            let (mut splitter, mut seen, mut at) = (LineSplitter::default(), Vec::new(), 0);
            for size in sizes.iter().cycle() {
                let end = (at + size).min(bytes.len());
                splitter.push(&bytes[at..end], |line| seen.push(String::from_utf8(line.to_vec()).unwrap())).unwrap();
                at = end;
                if at == bytes.len() { break; }
            }
            prop_assert_eq!(seen, lines);
        }
    }
}
