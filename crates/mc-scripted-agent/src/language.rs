//! The command language: prompt lines that begin with `/`. The crate's README describes it for its users.
//!
//! Reading is strict, so that a typing error in a test shows up in the transcript instead of passing for success, and
//! never panics.

use std::time::Duration;

use serde_json::{Map, Value};

const LONGEST: Duration = Duration::from_hours(24);
const LARGEST_LINE: usize = 256 << 20;

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Say(String),
    Think(String),
    Tool {
        name: String,
        input: Value,
    },
    Plan(Vec<String>),
    Ask {
        title: String,
        options: Vec<Choice>,
    },
    Mcp {
        name: String,
        arguments: Map<String, Value>,
        says: bool,
    },
    /// A `session/update` of the client's protocol, as it is given.
    Update(Value),
    Sleep(Duration),
    Chunks {
        count: u64,
        per_second: u32,
    },
    Garbage,
    Utf8Split,
    BigLine(usize),
    Stderr(String),
    Crash(Option<u8>),
    Exit,
    Hang,
    IgnoreCancel,
    IgnoreEof,
    Fork(Duration),
    Stop(StopReason),
    Env(String),
    Cwd,
}

/// What a permission request offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    AllowOnce,
    AllowAlways,
    RejectOnce,
    RejectAlways,
}

impl Choice {
    pub(crate) const DEFAULT: [Self; 3] = [Self::AllowOnce, Self::AllowAlways, Self::RejectOnce];
    const ALL: [Self; 4] = [Self::AllowOnce, Self::AllowAlways, Self::RejectOnce, Self::RejectAlways];

    /// ACP's word, used as the option's id too.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AllowOnce => "allow_once",
            Self::AllowAlways => "allow_always",
            Self::RejectOnce => "reject_once",
            Self::RejectAlways => "reject_always",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::AllowOnce => "Allow once",
            Self::AllowAlways => "Allow always",
            Self::RejectOnce => "Reject once",
            Self::RejectAlways => "Reject always",
        }
    }

    pub(crate) const fn allows(self) -> bool {
        matches!(self, Self::AllowOnce | Self::AllowAlways)
    }

    pub(crate) fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

/// Why a turn ended, in ACP's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    EndTurn,
    MaxTokens,
    MaxTurnRequests,
    Refusal,
    Cancelled,
}

impl StopReason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::MaxTurnRequests => "max_turn_requests",
            Self::Refusal => "refusal",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A line that begins with `/` and is no command. `Display` is shown to the client as a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("/{command}: {reason}")]
pub(crate) struct Error {
    command: String,
    reason: String,
}

/// The commands of a prompt or script in order; empty when no line begins with `/`. Other lines are passed over.
pub(crate) fn parse(text: &str) -> Vec<Result<Command, Error>> {
    text.lines().filter_map(|line| line.strip_prefix('/')).map(parse_line).collect()
}

fn parse_line(line: &str) -> Result<Command, Error> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    command(word, rest.trim()).map_err(|reason| Error { command: word.chars().take(40).collect(), reason })
}

fn command(word: &str, rest: &str) -> Result<Command, String> {
    let command = match word {
        "say" => Command::Say(rest.into()),
        "think" => Command::Think(rest.into()),
        "tool" => {
            let (name, input) = name_and_json(rest)?;
            Command::Tool { name, input: input.unwrap_or_else(|| Value::Object(Map::new())) }
        }
        "plan" => Command::Plan(items(rest)?),
        "ask" => ask(rest)?,
        word @ ("mcp" | "call") => match name_and_json(rest)? {
            (name, None) => Command::Mcp { name, arguments: Map::new(), says: word == "mcp" },
            (name, Some(Value::Object(arguments))) => Command::Mcp { name, arguments, says: word == "mcp" },
            (_, Some(_)) => return Err("the arguments of a tool are a JSON object".into()),
        },
        "update" => match serde_json::from_str::<Value>(rest).map_err(|e| format!("not JSON: {e}"))? {
            Value::Object(update) => Command::Update(Value::Object(update)),
            _ => return Err("an update is a JSON object".into()),
        },
        "sleep" => Command::Sleep(within_a_day(Duration::from_millis(number(rest, "milliseconds")?))?),
        "chunks" => {
            let (count, rate) = rest.split_once(char::is_whitespace).ok_or("wants a count and a rate")?;
            Command::Chunks { count: number(count, "a count")?, per_second: number(rate.trim(), "a rate")? }
        }
        "bigline" => match number(rest, "bytes")? {
            bytes if bytes <= LARGEST_LINE => Command::BigLine(bytes),
            _ => return Err(format!("at most {LARGEST_LINE} bytes")),
        },
        "stderr" => Command::Stderr(rest.into()),
        "crash" if rest.is_empty() => Command::Crash(None),
        "crash" => Command::Crash(Some(number(rest, "an exit code up to 255")?)),
        "fork" => Command::Fork(within_a_day(Duration::from_secs(number(rest, "seconds")?))?),
        "stop" => Command::Stop(stop_reason(rest)?),
        "env" if rest.is_empty() || rest.contains(['=', '\0']) => {
            return Err("wants a variable's name".into());
        }
        "env" => Command::Env(rest.into()),
        _ if !rest.is_empty() => return Err("unknown command, or one that takes no argument".into()),
        "garbage" => Command::Garbage,
        "utf8split" => Command::Utf8Split,
        "exit" => Command::Exit,
        "hang" => Command::Hang,
        "ignorecancel" => Command::IgnoreCancel,
        "ignoreeof" => Command::IgnoreEof,
        "cwd" => Command::Cwd,
        _ => return Err("unknown command".into()),
    };
    Ok(command)
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("wants {what}, not {text:?}"))
}

fn within_a_day(time: Duration) -> Result<Duration, String> {
    if time <= LONGEST { Ok(time) } else { Err("at most a day".into()) }
}

fn name_and_json(rest: &str) -> Result<(String, Option<Value>), String> {
    let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if name.is_empty() {
        return Err("wants a tool's name".into());
    }
    let value = match text.trim() {
        "" => None,
        text => Some(serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))?),
    };
    Ok((name.into(), value))
}

fn items(rest: &str) -> Result<Vec<String>, String> {
    let items: Vec<_> =
        rest.split(';').map(str::trim).filter(|item| !item.is_empty()).map(Into::into).collect();
    if items.is_empty() { Err("wants items separated by `;`".into()) } else { Ok(items) }
}

/// `TITLE` or `TITLE [option option]`. A title that is a JSON string stands for what it spells: any character.
fn ask(rest: &str) -> Result<Command, String> {
    let (title, options) = match rest.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        Some((title, words)) => (title.trim(), choices(words)?),
        None => (rest, Choice::DEFAULT.to_vec()),
    };
    if title.is_empty() {
        return Err("wants a title".into());
    }
    Ok(Command::Ask { title: serde_json::from_str(title).unwrap_or_else(|_| title.into()), options })
}

fn choices(words: &str) -> Result<Vec<Choice>, String> {
    let mut found = Vec::new();
    for word in words.split([' ', ',', '|']).filter(|word| !word.is_empty()) {
        let choice = match word {
            "allow" => Choice::AllowOnce,
            "reject" => Choice::RejectOnce,
            _ => Choice::find(word).ok_or_else(|| format!("unknown option {word:?}"))?,
        };
        if !found.contains(&choice) {
            found.push(choice);
        }
    }
    if found.is_empty() { Err("no options between [ and ]".into()) } else { Ok(found) }
}

fn stop_reason(word: &str) -> Result<StopReason, String> {
    [StopReason::EndTurn, StopReason::Refusal, StopReason::MaxTokens, StopReason::MaxTurnRequests]
        .into_iter()
        .find(|reason| reason.as_str() == word)
        .ok_or_else(|| format!("wants end_turn, refusal, max_tokens or max_turn_requests, not {word:?}"))
}

#[cfg(test)]
mod tests;
