//! Issues as `gh issue list --json number,title,body,labels,state,stateReason,assignees,url` writes them: one JSON array.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use mc_api::Labels;
use mc_api::apply::ImportRow;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, SeqAccess, Visitor};

use super::Gather;
use crate::exit::Failure;

/// What is read of an issue; what else is exported is left.
#[derive(Deserialize)]
struct Issue {
    number: u64,
    title: String,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    state: String,
    #[serde(default, rename = "stateReason")]
    state_reason: Option<String>,
    #[serde(default)]
    assignees: Vec<Assignee>,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Assignee {
    login: String,
}

/// Reads the array issue by issue; gives the repository that the first URL names.
pub(super) fn read(source: impl Read, gather: &mut Gather) -> anyhow::Result<Option<String>> {
    let mut found = Found { gather, repository: None, failure: None, number: 0 };
    let mut reader = serde_json::Deserializer::from_reader(BufReader::new(source));
    let outcome = reader.deserialize_seq(&mut found);
    if let Some(failure) = found.failure {
        return Err(failure);
    }
    outcome.map_err(|error| {
        Failure::Usage(format!("this is no list of issues as `gh issue list --json …` writes it: {error}"))
    })?;
    Ok(found.repository)
}

struct Found<'g> {
    gather: &'g mut Gather,
    repository: Option<String>,
    failure: Option<anyhow::Error>,
    number: i64,
}

impl<'de> Visitor<'de> for &mut Found<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of issues")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(value) = items.next_element_seed(Any)? {
            self.number += 1;
            let added = match serde_json::from_value::<Issue>(value) {
                Ok(issue) => {
                    if self.repository.is_none() {
                        self.repository = repository(&issue.url);
                    }
                    add(self.gather, self.number, issue)
                }
                Err(error) => {
                    self.gather.refuse(self.number, "", "", format!("is no issue: {error}"));
                    Ok(())
                }
            };
            if let Err(error) = added {
                self.failure = Some(error);
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// Any JSON value.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = serde_json::Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        serde_json::Value::deserialize(deserializer)
    }
}

/// `https://host/owner/name/issues/7` as `host/owner/name`.
fn repository(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (repository, _) = rest.split_once("/issues/")?;
    Some(repository.to_owned())
}

fn add(gather: &mut Gather, number: i64, issue: Issue) -> anyhow::Result<()> {
    let id = issue.number.to_string();
    let title: String = issue.title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let title: String = title.trim().chars().take(300).collect();
    if title.is_empty() {
        gather.refuse(number, &id, "title", "is empty");
        return Ok(());
    }
    let body = issue.body.unwrap_or_default();
    let mut annotations = BTreeMap::new();
    let people: Vec<&str> = issue.assignees.iter().map(|one| one.login.as_str()).collect();
    for (key, value) in [("issue/url", issue.url), ("issue/assignees", people.join(","))] {
        if !value.is_empty() && value.len() <= Labels::MAX_VALUE_BYTES {
            annotations.insert(key.to_owned(), value);
        }
    }
    let row = ImportRow {
        line: number,
        depends_on: dependencies(&body).into_iter().filter(|on| *on != id).collect(),
        external_id: id,
        title,
        description: body,
        labels: Labels(issue.labels.iter().filter_map(|label| pair(&label.name)).collect()),
        annotations: Labels(annotations),
        closed: issue.state.eq_ignore_ascii_case("closed"),
        not_planned: issue.state_reason.is_some_and(|reason| {
            ["not_planned", "duplicate"].iter().any(|word| reason.eq_ignore_ascii_case(word))
        }),
        ..ImportRow::default()
    };
    gather.add(&row)
}

/// `area: ui` and `area/ui` as area=ui, `good first issue` as good-first-issue=true.
fn pair(label: &str) -> Option<(String, String)> {
    let (key, value) = match label.split_once([':', '=', '/']) {
        Some((key, value)) if !value.trim().is_empty() => (key, value.trim()),
        _ => (label, "true"),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let key: String = key.trim().to_ascii_lowercase().chars().map(plain).take(63).collect();
    let key = key.trim_matches('-').to_owned();
    let value: String = value.chars().filter(|c| !c.is_control()).take(60).collect();
    (!key.is_empty()).then_some((key, value))
}

/// The numbers behind "depends on #7" and "blocked by #7", also several joined by commas.
fn dependencies(body: &str) -> Vec<String> {
    let lower = body.to_ascii_lowercase();
    let mut found: Vec<String> = Vec::new();
    for phrase in ["depends on", "blocked by"] {
        for (at, _) in lower.match_indices(phrase) {
            let mut rest = lower[at + phrase.len()..].trim_start_matches([':', ' ']);
            while let Some(numbered) = rest.strip_prefix('#') {
                let digits: String = numbered.chars().take_while(char::is_ascii_digit).collect();
                rest = numbered[digits.len()..].trim_start_matches([',', ' ']);
                rest = rest.strip_prefix("and ").unwrap_or(rest);
                if !digits.is_empty() && !found.contains(&digits) {
                    found.push(digits);
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_issue_says_is_read() {
        assert_eq!(dependencies("Blocked by #3, #4 and #5. Depends on: #7\nsee #9"), ["7", "3", "4", "5"]);
        assert_eq!(pair("area: ui"), Some(("area".into(), "ui".into())));
        assert_eq!(pair("good first issue"), Some(("good-first-issue".into(), "true".into())));
        assert_eq!(pair("!!"), None);
        assert_eq!(repository("https://github.com/o/n/issues/7").as_deref(), Some("github.com/o/n"));
    }
}
