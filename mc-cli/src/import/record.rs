//! One record of columns as a row.

use std::collections::{BTreeMap, HashMap};

use mc_api::Labels;
use mc_api::apply::ImportRow;
use serde_json::{Map, Value};

use super::FIELDS;

/// Other names that a column may have.
const ALIASES: [(&str, &[&str]); 4] = [
    ("external_id", &["id", "key"]),
    ("title", &["summary", "name"]),
    ("description", &["body"]),
    ("depends_on", &["dependencies", "blocked_by"]),
];

/// Words that say that a row is finished.
const CLOSED: [&str; 5] = ["closed", "done", "resolved", "complete", "completed"];
/// States that mean it will not be done.
const NOT_PLANNED: [&str; 6] = ["cancelled", "canceled", "wontfix", "won't fix", "not planned", "duplicate"];

/// What is wrong: the id, the field, and words.
pub(super) type Wrong = (String, &'static str, String);

/// The value of a field: of the column mapped to it, of its own name, or of an alias.
fn column<'c>(
    columns: &'c Map<String, Value>,
    mapping: &HashMap<String, String>,
    field: &str,
) -> Option<&'c Value> {
    let value = match mapping.get(field) {
        Some(column) => columns.get(column),
        None => columns.get(field).or_else(|| {
            let others =
                ALIASES.iter().find(|(name, _)| *name == field).map_or(&[][..], |(_, others)| others);
            others.iter().find_map(|other| columns.get(*other))
        }),
    };
    value.filter(|value| !value.is_null())
}

/// The columns that nothing reads, at most 20.
pub(super) fn unused(columns: &[String], mapping: &HashMap<String, String>) -> Vec<String> {
    let is_read = |name: &String| {
        mapping.values().any(|column| column == name)
            || FIELDS.iter().any(|field| field == name && !mapping.contains_key(*field))
            || ALIASES
                .iter()
                .any(|(field, others)| others.contains(&name.as_str()) && !mapping.contains_key(*field))
    };
    columns.iter().filter(|name| !is_read(name)).take(20).cloned().collect()
}

fn text(value: Option<&Value>) -> Result<String, String> {
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(Value::Bool(is)) => Ok(is.to_string()),
        Some(_) => Err("expected a text".into()),
    }
}

/// A list, or a text of parts joined by commas or semicolons.
fn list(value: Option<&Value>) -> Result<Vec<String>, String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(|item| text(Some(item))).collect(),
        other => {
            let text = text(other)?;
            let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
            Ok(parts.map(str::to_owned).collect())
        }
    }
}

fn labels(value: Option<&Value>) -> Result<Labels, String> {
    let mut labels = BTreeMap::new();
    match value {
        Some(Value::Object(members)) => {
            for (key, value) in members {
                labels.insert(key.clone(), text(Some(value))?);
            }
        }
        other => {
            for part in list(other)? {
                let (key, value) =
                    part.split_once('=').ok_or_else(|| format!("{part:?}: expected key=value"))?;
                labels.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
    let labels = Labels(labels);
    labels.check().map_err(|(key, rule)| format!("{key:?}: {rule}"))?;
    Ok(labels)
}

/// Reads a record.
pub(super) fn read(
    line: i64,
    columns: &Map<String, Value>,
    mapping: &HashMap<String, String>,
) -> Result<ImportRow, Wrong> {
    let get = |field: &str| column(columns, mapping, field);
    let external_id = text(get("external_id")).unwrap_or_default().trim().to_owned();
    let wrong = |field: &'static str, message: String| (external_id.clone(), field, message);
    if external_id.is_empty() {
        return Err(wrong("external_id", "is missing; without it the row cannot be found again".into()));
    }
    let priority = match text(get("priority")).map_err(|why| wrong("priority", why))?.trim() {
        "" => None,
        word => match word.parse::<i32>() {
            Ok(priority) if (0..=100).contains(&priority) => Some(priority),
            _ => return Err(wrong("priority", format!("{word:?}: expected a whole number from 0 to 100"))),
        },
    };
    let runtime = match text(get("runtime")).map_err(|why| wrong("runtime", why))?.trim() {
        "" => None,
        word => Some(word.parse().map_err(|error| wrong("runtime", format!("{word:?}: {error}")))?),
    };
    let title = text(get("title")).map_err(|why| wrong("title", why))?.trim().to_owned();
    if !(1..=300).contains(&title.chars().count()) || title.chars().any(char::is_control) {
        return Err(wrong("title", "one line of 1 to 300 characters".into()));
    }
    let state = text(get("state")).map_err(|why| wrong("state", why))?.trim().to_ascii_lowercase();
    Ok(ImportRow {
        line,
        title,
        description: text(get("description")).map_err(|why| wrong("description", why))?,
        definition_of_done: text(get("definition_of_done"))
            .map_err(|why| wrong("definition_of_done", why))?,
        priority,
        runtime,
        capabilities: list(get("capabilities")).map_err(|why| wrong("capabilities", why))?,
        paths: list(get("paths")).map_err(|why| wrong("paths", why))?,
        depends_on: list(get("depends_on")).map_err(|why| wrong("depends_on", why))?,
        labels: labels(get("labels")).map_err(|why| wrong("labels", why))?,
        annotations: Labels::default(),
        closed: CLOSED.contains(&state.as_str()) || NOT_PLANNED.contains(&state.as_str()),
        not_planned: NOT_PLANNED.contains(&state.as_str()),
        external_id: external_id.clone(),
    })
}
