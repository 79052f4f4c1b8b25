//! The pure rules of owning fields.

use std::collections::BTreeMap;

use mc_api::fields::{Fields, same};
use serde_json::Value;

use super::store::Owners;

/// What applying comes to.
#[derive(Debug, PartialEq)]
pub(crate) struct Decided {
    /// What is changed: `None` takes a field away.
    pub(crate) changes: BTreeMap<String, Option<Value>>,
    /// The owners afterwards.
    pub(crate) owners: Owners,
}

/// What applying `wanted` over `current` comes to for a manager.
///
/// # Errors
/// The fields of other owners that have another value, with these owners, unless `force`.
pub(crate) fn decide(
    current: &Fields,
    wanted: &Fields,
    owners: &Owners,
    manager: Option<&str>,
    force: bool,
) -> Result<Decided, Vec<(String, Vec<String>)>> {
    let mut decided = Decided { changes: BTreeMap::new(), owners: owners.clone() };
    let mut conflicts = Vec::new();
    for (field, value) in wanted {
        let differs = !same(field, current.get(field), Some(value));
        if differs {
            decided.changes.insert(field.clone(), Some(value.clone()).filter(|value| !value.is_null()));
        }
        let Some(manager) = manager else { continue };
        let managers = decided.owners.entry(field.clone()).or_default();
        let others: Vec<String> = managers.iter().filter(|other| *other != manager).cloned().collect();
        if differs && !others.is_empty() {
            if !force {
                conflicts.push((field.clone(), others));
            }
            managers.clear();
        }
        managers.insert(manager.to_owned());
    }
    if let Some(manager) = manager {
        // What this manager applied before and no longer writes goes, unless somebody else owns it too.
        let left = |(field, managers): &(&String, &std::collections::BTreeSet<String>)| {
            managers.contains(manager) && !wanted.contains_key(*field)
        };
        let gone: Vec<String> = owners.iter().filter(left).map(|(field, _)| field.clone()).collect();
        for field in gone {
            if let Some(managers) = decided.owners.get_mut(&field) {
                managers.remove(manager);
                if managers.is_empty() {
                    decided.owners.remove(&field);
                    decided.changes.insert(field, None);
                }
            }
        }
    }
    if conflicts.is_empty() { Ok(decided) } else { Err(conflicts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(pairs: &[(&str, i64)]) -> Fields {
        pairs.iter().map(|(field, value)| ((*field).to_owned(), Value::from(*value))).collect()
    }

    fn owners(pairs: &[(&str, &[&str])]) -> Owners {
        let set = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        pairs.iter().map(|(field, names)| ((*field).to_owned(), set(names))).collect()
    }

    #[test]
    fn a_field_of_another_with_another_value_conflicts_unless_it_is_forced() {
        let (current, wanted) =
            (fields(&[("spec.a", 1), ("spec.b", 1)]), fields(&[("spec.a", 2), ("spec.b", 1)]));
        let owned = owners(&[("spec.a", &["one"]), ("spec.b", &["one"])]);
        let refused = decide(&current, &wanted, &owned, Some("two"), false).unwrap_err();
        assert_eq!(refused, [("spec.a".to_owned(), vec!["one".to_owned()])]);
        let forced = decide(&current, &wanted, &owned, Some("two"), true).unwrap();
        assert_eq!(forced.owners, owners(&[("spec.a", &["two"]), ("spec.b", &["one", "two"])]));
        assert_eq!(forced.changes.len(), 1);
    }

    #[test]
    fn what_its_only_owner_no_longer_writes_goes() {
        let current = fields(&[("spec.a", 1), ("spec.b", 1)]);
        let owned = owners(&[("spec.a", &["one"]), ("spec.b", &["one", "two"])]);
        let left = decide(&current, &Fields::new(), &owned, Some("one"), false).unwrap();
        assert_eq!(left.changes, BTreeMap::from([("spec.a".to_owned(), None)]));
        assert_eq!(left.owners, owners(&[("spec.b", &["two"])]));
        let nobody = decide(&current, &Fields::new(), &owned, None, false).unwrap();
        assert!(nobody.changes.is_empty() && nobody.owners == owned);
    }

    proptest! {
        /// Applying the same again changes nothing, whoever did what before.
        #[test]
        fn applying_twice_is_applying_once(
            steps in prop::collection::vec((0_usize..3, prop::collection::btree_map(0_usize..4, 0_i64..3, 0..4)), 1..12),
        ) {
            let names = ["one", "two", "three"];
            let (mut current, mut owned) = (Fields::new(), Owners::new());
            for (who, wanted) in steps {
                let wanted: Fields =
                    wanted.into_iter().map(|(field, value)| (format!("spec.f{field}"), Value::from(value))).collect();
                let first = decide(&current, &wanted, &owned, Some(names[who]), true).unwrap();
                for (field, value) in first.changes {
                    match value {
                        Some(value) => current.insert(field, value),
                        None => current.remove(&field),
                    };
                }
                owned = first.owners;
                let again = decide(&current, &wanted, &owned, Some(names[who]), false).unwrap();
                prop_assert!(again.changes.is_empty());
                prop_assert_eq!(&again.owners, &owned);
                prop_assert!(owned.keys().all(|field| current.contains_key(field)), "an owned field is there");
            }
        }
    }
}
