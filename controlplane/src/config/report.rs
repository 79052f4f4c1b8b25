//! What `check-config` tells.

use std::fmt;

use serde::Serialize;

use super::source::Sources;
use super::{Config, Problem, key};

/// Whether a configuration can be used, and what counts.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Every setting that was given.
    pub settings: Vec<Setting>,
}

/// A setting that was given.
#[derive(Debug, Clone, Serialize)]
pub struct Setting {
    /// The setting.
    pub key: &'static str,
    /// Its value; `null`: it is secret.
    pub value: Option<String>,
    /// Where it was found.
    pub source: String,
}

impl Report {
    /// Reads everything and starts nothing.
    pub fn of(sources: &Sources) -> Self {
        let problems = Config::read(sources).err().map(|problems| problems.0).unwrap_or_default();
        Self { ok: problems.is_empty(), problems, settings: settings(sources) }
    }
}

/// Every setting that was given, without the values of secret ones.
pub(super) fn settings(sources: &Sources) -> Vec<Setting> {
    let setting = |key: &'static super::Key| {
        let (value, origin) = sources.find(key.name)?;
        // What stands before an @ in a URL may be a secret, where none is expected too.
        let value = (!key.is_secret && !value.contains('@')).then_some(value);
        Some(Setting { key: key.name, value, source: origin.to_string() })
    };
    key::all().filter_map(setting).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for setting in &self.settings {
            let value = setting.value.as_deref().unwrap_or("(secret)");
            writeln!(f, "{}={value}  ({})", setting.key, setting.source)?;
        }
        if self.ok {
            return writeln!(f, "the configuration can be used");
        }
        writeln!(f, "{}", super::Problems(self.problems.clone()))
    }
}
