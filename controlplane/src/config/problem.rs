//! What is wrong with a configuration: every problem at once, and never a secret.

use std::fmt;

use serde::Serialize;

use super::key;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The setting, as `MC_…`; in a configuration file the name that stands there.
    pub key: String,
    /// Where the value was found: `option --http`, `environment`, `file PATH`, `not set`.
    pub source: String,
    /// What is wrong; shows no secret.
    pub problem: String,
    /// What would be right.
    pub expected: String,
    /// A setting that is right.
    pub example: String,
}

impl Problem {
    /// A problem of a setting, with the example of the table and no source yet.
    pub(super) fn of(name: &str, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        let example = key::find(name).map(|key| format!("{name}={}", key.example));
        Self {
            key: name.to_owned(),
            source: super::source::Origin::Unset.to_string(),
            problem: problem.into(),
            expected: expected.into(),
            example: example.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}; expected {}", self.key, self.source, self.problem, self.expected)?;
        if self.example.is_empty() { Ok(()) } else { write!(f, "; example: {}", self.example) }
    }
}

/// Everything that is wrong; not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("the configuration has 1 problem:")?,
            count => write!(f, "the configuration has {count} problems:")?,
        }
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
