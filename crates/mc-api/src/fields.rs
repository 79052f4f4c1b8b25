//! The fields of a manifest, one by one: what field ownership, comparison and editing look at.
//!
//! A field is a member of `spec` (`spec.priority`), a label (`metadata.labels.team`) or an annotation. A list is one
//! field. `null`, an empty text and an empty list count as absent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::manifest::Manifest;

/// Fields by their path.
pub type Fields = BTreeMap<String, Value>;

const LABELS: &str = "metadata.labels.";
const ANNOTATIONS: &str = "metadata.annotations.";
const SPEC: &str = "spec.";

/// The fields that a manifest writes, also those that are `null`.
pub fn of(manifest: &Manifest) -> Fields {
    let mut fields = Fields::new();
    if let Value::Object(spec) = &manifest.spec {
        fields.extend(spec.iter().map(|(member, value)| (format!("{SPEC}{member}"), value.clone())));
    }
    let text =
        |prefix: &str, key: &String, value: &String| (format!("{prefix}{key}"), Value::from(value.as_str()));
    fields.extend(manifest.metadata.labels.0.iter().map(|(key, value)| text(LABELS, key, value)));
    fields.extend(manifest.metadata.annotations.0.iter().map(|(key, value)| text(ANNOTATIONS, key, value)));
    fields
}

/// Whether a value counts as absent.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

/// Whether two values of a field are the same; the order of `dependsOn` means nothing.
pub fn same(field: &str, left: Option<&Value>, right: Option<&Value>) -> bool {
    let (left, right) = (left.filter(|value| !is_nothing(value)), right.filter(|value| !is_nothing(value)));
    match (left, right) {
        (Some(Value::Array(left)), Some(Value::Array(right))) if field == "spec.dependsOn" => {
            let set = |items: &[Value]| items.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
            set(left) == set(right)
        }
        (left, right) => left == right,
    }
}

/// A JSON Merge Patch, or the body of a creation, that gives the fields these values: `None` takes one away. `current`
/// is what is there, because labels and annotations are replaced as a whole.
pub fn patch(current: &Fields, changes: &BTreeMap<String, Option<Value>>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (field, value) in changes {
        if let Some(member) = field.strip_prefix(SPEC) {
            patch.insert(snake(member), value.clone().unwrap_or(Value::Null));
        }
    }
    for (prefix, member) in [(LABELS, "labels"), (ANNOTATIONS, "annotations")] {
        if !changes.keys().any(|field| field.starts_with(prefix)) {
            continue;
        }
        let mut whole: Map<String, Value> = current
            .iter()
            .filter_map(|(field, value)| Some((field.strip_prefix(prefix)?.to_owned(), value.clone())))
            .collect();
        for (field, value) in changes {
            let Some(key) = field.strip_prefix(prefix) else { continue };
            match value {
                Some(value) => whole.insert(key.to_owned(), value.clone()),
                None => whole.remove(key),
            };
        }
        patch.insert(member.to_owned(), Value::Object(whole));
    }
    patch
}

/// The changes that make of one state another: of every field that either has.
pub fn changes(before: &Fields, after: &Fields) -> BTreeMap<String, Option<Value>> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names
        .into_iter()
        .filter(|name| !same(name, before.get(*name), after.get(*name)))
        .map(|name| (name.clone(), after.get(name).filter(|value| !value.is_null()).cloned()))
        .collect()
}

/// `maxRunning` as `max_running`.
fn snake(camel: &str) -> String {
    let mut text = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: Value) -> Fields {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_patch_names_members_and_replaces_labels_as_a_whole() {
        let before = fields(
            json!({ "spec.maxRunning": 3, "spec.description": "", "metadata.labels.a": "1", "metadata.labels.b": "2" }),
        );
        let after = fields(json!({ "spec.maxRunning": 4, "metadata.labels.b": "3", "spec.runtime": null }));
        let changed = changes(&before, &after);
        assert_eq!(changed.len(), 3, "{changed:?}");
        assert_eq!(
            Value::Object(patch(&before, &changed)),
            json!({ "max_running": 4, "labels": { "b": "3" } })
        );
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn dependencies_have_no_order() {
        let (one, two) = (json!(["a", "b"]), json!(["b", "a"]));
        assert!(same("spec.dependsOn", Some(&one), Some(&two)));
        assert!(!same("spec.paths", Some(&one), Some(&two)));
        assert!(same("spec.paths", None, Some(&json!([]))));
    }
}
