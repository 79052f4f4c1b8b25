//! JSON Schema (2020-12) of arguments, from the types that read them.
//!
//! References are replaced by what they mean: agents read a schema as it stands.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// References nest at most so deep; our requests nest two.
const MOST: usize = 8;

/// The schema of a type that is an object.
pub(super) fn of<T: ToSchema>() -> Map<String, Value> {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let parts: Map<String, Value> = parts
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    let mut whole = serde_json::to_value(T::schema()).unwrap_or_default();
    resolve(&mut whole, &parts, MOST);
    match whole {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn resolve(schema: &mut Value, parts: &Map<String, Value>, most: usize) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.remove("$ref")
                && let Some(Value::Object(part)) = parts.get(name.rsplit('/').next().unwrap_or_default())
                && most > 0
            {
                let mut part = part.clone();
                // What stands beside a reference, such as a description, says more than what it refers to.
                part.append(members);
                *members = part;
                return resolve(schema, parts, most - 1);
            }
            for value in members.values_mut() {
                resolve(value, parts, most);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, parts, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names of its members.
pub(super) fn members(schema: &Map<String, Value>) -> impl Iterator<Item = &str> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str())
}

/// One schema for the members of both.
pub(super) fn merge(place: Map<String, Value>, body: Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for mut schema in [place, body] {
        if let Some(Value::Object(members)) = schema.remove("properties") {
            properties.extend(members);
        }
        if let Some(Value::Array(names)) = schema.remove("required") {
            required.extend(names);
        }
    }
    let mut merged = Map::new();
    merged.insert("type".into(), json!("object"));
    merged.insert("properties".into(), Value::Object(properties));
    if !required.is_empty() {
        merged.insert("required".into(), Value::Array(required));
    }
    merged.insert("additionalProperties".into(), json!(false));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_api::task::CreateTask;
    use mc_api::tool::TaskRef;

    #[test]
    fn a_schema_stands_alone() {
        let schema = Value::Object(of::<CreateTask>());
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert_eq!(schema["required"], json!(["mission", "kluster", "title"]));
        assert!(schema["properties"]["on_dependency_failure"].to_string().contains("cancel"), "{schema}");
    }

    #[test]
    fn merging_keeps_the_members_and_needs_of_both() {
        let merged = Value::Object(merge(of::<TaskRef>(), of::<mc_api::task::FailTask>()));
        assert_eq!(merged["required"], json!(["task", "reason"]));
        assert_eq!(merged["additionalProperties"], json!(false));
        assert!(merged["properties"]["attempt"].is_object() && merged["properties"]["kluster"].is_object());
    }
}
