//! Server-sent events, the reading side (WHATWG HTML section 9.2.6), without I/O.

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// Field `id`, when the message has one.
    pub(crate) id: Option<String>,
    /// Field `event`; empty means `message`.
    pub(crate) event: String,
    /// The `data` lines.
    pub(crate) data: String,
}

/// Turns bytes, in whatever pieces they come, into messages.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    current: Message,
    has_data: bool,
}

impl Parser {
    /// Takes bytes and returns the messages that they complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        for &byte in bytes {
            let lf_of_crlf = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                b'\n' if lf_of_crlf => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    messages.extend(self.take_line(&String::from_utf8_lossy(&line)));
                }
                other => self.line.push(other),
            }
        }
        messages
    }

    /// Bytes held back for a message that is not complete.
    pub(crate) fn pending(&self) -> usize {
        self.line.len() + self.current.data.len()
    }

    fn take_line(&mut self, line: &str) -> Option<Message> {
        if line.is_empty() {
            let message = std::mem::take(&mut self.current);
            return std::mem::take(&mut self.has_data).then_some(message);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.current.event),
            "data" => {
                if self.has_data {
                    self.current.data.push('\n');
                }
                self.has_data = true;
                self.current.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.current.id = Some(value.to_owned()),
            // Comments (empty field) are signs of life; `retry` is ours to decide; others are to be ignored.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Vec<Message> {
        Parser::default().feed(text.as_bytes())
    }

    #[test]
    fn fields_comments_and_line_ends_are_read_as_the_standard_says() {
        let text = ": hello\r\nid: 7\r\nevent: added\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\n\nid: 9\n\n";
        assert_eq!(
            whole(text),
            [
                Message { id: Some("7".into()), event: "added".into(), data: "{\"a\":\n1}".into() },
                Message { id: None, event: String::new(), data: "x".into() },
            ]
        );
    }

    #[test]
    fn any_cut_gives_the_same_messages() {
        let text = "id: 1\r\ndata: ä\r\n\r\n: ping\n\nid: 2\nevent: bookmark\ndata: {}\n\n";
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            let mut messages = parser.feed(&text.as_bytes()[..cut]);
            messages.extend(parser.feed(&text.as_bytes()[cut..]));
            assert_eq!(messages, whole(text), "cut at {cut}");
        }
    }
}
