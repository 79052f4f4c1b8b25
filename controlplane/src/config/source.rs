//! Where settings come from: options win over the environment, the environment over the configuration file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::key;
use super::problem::Problem;

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line.
    Option(&'static str),
    /// The environment.
    Environment,
    /// The configuration file.
    File(PathBuf),
    /// Nowhere.
    Unset,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(option) => write!(f, "option {option}"),
            Self::Environment => f.write_str("environment"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Unset => f.write_str("not set"),
        }
    }
}

/// Longest configuration file that is read.
const LARGEST_FILE: u64 = 1 << 20;

/// Everything that was given, by the name of its environment variable.
#[derive(Debug, Default)]
pub struct Sources {
    /// Options of the command line.
    pub options: BTreeMap<&'static str, String>,
    /// Environment.
    pub environment: BTreeMap<String, String>,
    /// Configuration file.
    file: Option<(PathBuf, BTreeMap<String, String>)>,
    /// What is wrong with the sources themselves.
    pub problems: Vec<Problem>,
}

impl Sources {
    /// Of options alone.
    pub(super) fn of_options(options: BTreeMap<&'static str, String>) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes the variables of this process that are settings.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        for key in key::all() {
            let Some(value) = std::env::var_os(key.name) else { continue };
            match value.into_string() {
                Ok(value) => {
                    self.environment.insert(key.name.to_owned(), value);
                }
                Err(_) => self.problems.push(Problem {
                    source: Origin::Environment.to_string(),
                    ..Problem::of(key.name, "its value is no UTF-8", "text in UTF-8")
                }),
            }
        }
        self
    }

    /// Takes a file: TOML, or YAML when its name ends so. What is wrong with it is among the problems.
    #[must_use]
    pub fn with_file(mut self, path: &Path) -> Self {
        let problem = |key: &str, problem: String, expected: &str| Problem {
            source: Origin::File(path.to_owned()).to_string(),
            ..Problem::of(key, problem, expected)
        };
        let document = match read(path) {
            Ok(document) => document,
            Err(why) => {
                let expected =
                    "a readable file in TOML (.toml) or YAML (.yaml, .yml) with one mapping of settings";
                self.problems.push(Problem {
                    example: "--config /etc/missioncontrol/controlplane.toml".into(),
                    ..problem("--config", why, expected)
                });
                return self;
            }
        };
        let mut found = BTreeMap::new();
        for (name, value) in document {
            let variable = format!("MC_{}", name.to_ascii_uppercase());
            if key::find(&variable).is_none() {
                let near = nearest(&variable);
                let expected = near.map_or_else(|| "a setting of the reference".into(), key::Key::file_name);
                self.problems.push(Problem {
                    example: near
                        .map_or_else(String::new, |key| format!("{}: {}", key.file_name(), key.example)),
                    ..problem(&name, "there is no such setting".into(), &expected)
                });
                continue;
            }
            match value {
                Ok(value) => {
                    if found.insert(variable, value).is_some() {
                        self.problems.push(problem(&name, "it is given twice".into(), "one value"));
                    }
                }
                Err(what) => {
                    let expected = "a text, a number, true or false, or a list of texts";
                    self.problems.push(problem(&name, what.into(), expected));
                }
            }
        }
        self.file = Some((path.to_owned(), found));
        self
    }

    /// The value of a setting and where it was found. Empty ones count as absent.
    pub fn find(&self, name: &str) -> Option<(String, Origin)> {
        let given = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let option = || {
            let text = given(self.options.get(name)?)?;
            Some((text, Origin::Option(key::find(name)?.option?)))
        };
        let environment = || Some((given(self.environment.get(name)?)?, Origin::Environment));
        let file = || {
            let (path, values) = self.file.as_ref()?;
            Some((given(values.get(name)?)?, Origin::File(path.clone())))
        };
        option().or_else(environment).or_else(file)
    }
}

/// Names with their values, which may be no single value. Nested mappings are joined by `_`.
type Document = Vec<(String, Result<String, &'static str>)>;

fn read(path: &Path) -> Result<Document, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("{shown} cannot be read: {error}"))?.len();
    if size > LARGEST_FILE {
        return Err(format!("{shown} is larger than 1 MiB"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown} cannot be read: {error}"))?;
    let value = match path.extension().and_then(|end| end.to_str()) {
        Some("toml") => {
            toml::from_str(&text).map_err(|error| format!("{shown}: {}", first_line(error.message())))
        }
        Some("yaml" | "yml") => yaml(&text).map_err(|error| format!("{shown}: {error}")),
        _ => Err(format!("{shown} has no ending that is known")),
    }?;
    let mut found = Vec::new();
    match value {
        serde_json::Value::Null => {}
        serde_json::Value::Object(map) => {
            map.into_iter().for_each(|(name, value)| flatten(name, value, &mut found));
        }
        _ => return Err(format!("{shown} holds no mapping")),
    }
    Ok(found)
}

/// Messages of parsers may quote the file, and with it a secret.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn yaml(text: &str) -> Result<serde_json::Value, String> {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(|error| {
        let place = error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column()));
        format!("{}no YAML", place.unwrap_or_default())
    })?;
    serde_json::to_value(value).map_err(|_| "names of settings are texts".to_owned())
}

fn flatten(name: String, value: serde_json::Value, found: &mut Document) {
    use serde_json::Value;
    let plain = match value {
        Value::Null => return,
        Value::Object(map) => {
            for (inner, value) in map {
                flatten(format!("{name}_{inner}"), value, found);
            }
            return;
        }
        Value::Array(values) => {
            let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(",")).ok_or("a list of something else than texts")
        }
        Value::String(text) => Ok(text),
        value @ (Value::Bool(_) | Value::Number(_)) => Ok(value.to_string()),
    };
    found.push((name, plain));
}

/// The setting whose name is most alike, if one is.
fn nearest(name: &str) -> Option<&'static key::Key> {
    let distances = key::all().map(|key| (distance(name, key.name), key));
    distances.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= 4).map(|(_, key)| key)
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, letter) in one.chars().take(64).enumerate() {
        let mut before = std::mem::replace(&mut row[0], n + 1);
        for (m, wanted) in other.iter().enumerate() {
            let changed = before + usize::from(letter != *wanted);
            before = row[m + 1];
            row[m + 1] = changed.min(before + 1).min(row[m] + 1);
        }
    }
    row[other.len()]
}
