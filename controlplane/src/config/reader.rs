//! Reads settings one by one and keeps what is wrong with them, so that all of it is told at once.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::key;
use super::problem::{Problem, Problems};
use super::source::{Origin, Sources};

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

type Find<'a> = dyn Fn(&str) -> Option<(String, Origin)> + 'a;

/// Reads settings; empty ones count as absent. A value that cannot be used is told by [`Reader::problems`] and reads
/// as absent, so what was built with it must not be used then.
pub struct Reader<'a> {
    find: Box<Find<'a>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    /// Of all sources.
    pub fn new(sources: &'a Sources) -> Self {
        let problems = RefCell::new(sources.problems.clone());
        Self { find: Box::new(|name| sources.find(name)), problems }
    }

    /// Of variables alone.
    pub fn of_variables(variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        let find = move |name: &str| {
            let text = variable(name)?.trim().to_owned();
            (!text.is_empty()).then_some((text, Origin::Environment))
        };
        Self { find: Box::new(find), problems: RefCell::default() }
    }

    /// What was read, if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish<T>(self, read: T) -> Result<T, Problems> {
        let problems = self.problems.into_inner();
        if problems.is_empty() { Ok(read) } else { Err(Problems(problems)) }
    }

    /// The value and where it was found.
    pub fn given(&self, name: &str) -> Option<(String, Origin)> {
        (self.find)(name)
    }

    /// The value.
    pub fn text(&self, name: &str) -> Option<String> {
        self.given(name).map(|(text, _)| text)
    }

    /// Notes that a setting is wrong. `problem` shows no secret.
    pub fn refuse(&self, name: &str, problem: impl Into<String>, expected: impl Into<String>) {
        let source = self.given(name).map_or(Origin::Unset, |(_, origin)| origin).to_string();
        self.problems.borrow_mut().push(Problem { source, ..Problem::of(name, problem, expected) });
    }

    /// Notes that a value cannot be used, and shows it unless it is secret.
    pub fn refuse_value(&self, name: &str, expected: impl Into<String>) {
        let is_secret = key::find(name).is_some_and(|key| key.is_secret);
        let problem = match self.text(name) {
            Some(text) if !is_secret => format!("{text:?} cannot be used"),
            Some(_) => "its value cannot be used".to_owned(),
            None => "it is not set".to_owned(),
        };
        self.refuse(name, problem, expected);
    }

    /// A value that must be there.
    pub fn needed(&self, name: &str, what_for: &str, expected: &str) -> Option<String> {
        let text = self.text(name);
        if text.is_none() {
            self.refuse(name, format!("it is not set, and needed {what_for}"), expected);
        }
        text
    }

    /// A parsed value.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.refuse_value(name, expected);
        }
        parsed
    }

    /// One of some words.
    pub fn word<T: Copy>(&self, name: &str, words: &[(&str, T)], usual: T) -> T {
        let Some(text) = self.text(name) else { return usual };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.unwrap_or_else(|| {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse_value(name, all.join(" or "));
            usual
        })
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.parsed(name, "true or false")
    }

    /// A list, parted by commas; empty parts are left out.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number in a range.
    pub fn number(&self, name: &str, usual: u64, range: RangeInclusive<u64>) -> u64 {
        let expected = format!("a whole number, {} to {}", range.start(), range.end());
        let number = self.parsed(name, &expected).unwrap_or(usual);
        if range.contains(&number) {
            return number;
        }
        self.refuse_value(name, expected);
        usual
    }

    /// Whole seconds in a range.
    pub fn seconds(&self, name: &str, usual: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.number(name, usual, range))
    }

    /// A secret: the value of a variable, or the content of the file that its twin `…_FILE` names. Where both are given,
    /// the one from the stronger source counts; both from the same one are a mistake.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        let twin = format!("{name}_FILE");
        match (self.given(name), self.given(&twin)) {
            (None, None) => None,
            (Some((value, _)), None) => Some(Secret::new(value)),
            (Some((value, one)), Some((_, other))) => match strength(&one).cmp(&strength(&other)) {
                std::cmp::Ordering::Greater => Some(Secret::new(value)),
                std::cmp::Ordering::Less => self.secret_file(&twin),
                std::cmp::Ordering::Equal => {
                    self.refuse(
                        &twin,
                        format!("{name} and {twin} are both set"),
                        format!("one of {name} and {twin}"),
                    );
                    None
                }
            },
            (None, Some(_)) => self.secret_file(&twin),
        }
    }

    /// A secret that must be there.
    pub fn needed_secret(&self, name: &str, what_for: &str) -> Option<Secret> {
        let is_given = self.given(name).is_some() || self.given(&format!("{name}_FILE")).is_some();
        if !is_given {
            let expected = format!("a value, or a file with it in {name}_FILE");
            self.refuse(
                name,
                format!("neither {name} nor {name}_FILE is set, and one is needed {what_for}"),
                expected,
            );
        }
        self.secret(name)
    }

    fn secret_file(&self, name: &str) -> Option<Secret> {
        let path = self.text(name)?;
        match std::fs::read_to_string(Path::new(&path)) {
            Ok(content) if content.trim().is_empty() => {
                self.refuse(name, format!("{path:?} is empty"), "a file with the secret");
                None
            }
            Ok(content) => Some(Secret::new(content.trim())),
            Err(error) => {
                self.refuse(name, format!("{path:?} cannot be read: {error}"), "a file with the secret");
                None
            }
        }
    }
}

/// Stronger sources win.
fn strength(origin: &Origin) -> u8 {
    match origin {
        Origin::Option(_) => 3,
        Origin::Environment => 2,
        Origin::File(_) => 1,
        Origin::Unset => 0,
    }
}
