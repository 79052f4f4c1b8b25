//! A mission's tree under a kluster's.

use std::collections::BTreeSet;

use crate::{Tree, path};

/// Two trees as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The files.
    pub tree: Tree,
    /// The paths of the upper tree. All others are of the lower.
    pub upper: Vec<String>,
    /// Paths of the lower tree that are neither there nor replaced by the same path.
    pub removed: Vec<String>,
}

impl Merged {
    /// Puts `upper` over `lower`, of which what `removes` names goes: files, or folders with all that is in them. What
    /// stands in the way of a file of `upper` (the same name on some systems, a file where a folder is needed) goes too, so
    /// that any two trees can be merged. Every step follows from the contents alone.
    ///
    /// # Panics
    /// Never: what stands in the way was left out.
    pub fn of(lower: &Tree, upper: &Tree, removes: &[String]) -> Self {
        let mut merged = Self { tree: upper.clone(), upper: Vec::new(), removed: Vec::new() };
        merged.upper.extend(upper.iter().map(|(path, _)| path.to_owned()));
        let names: BTreeSet<&str> = removes.iter().map(|path| path.trim_end_matches('/')).collect();
        for (path, file) in lower.iter() {
            let is_removed = names.contains(path) || path::folders(path).any(|folder| names.contains(folder));
            if upper.get(path).is_some() {
                continue;
            }
            if is_removed || merged.tree.insert(path, file.clone()).is_err() {
                merged.removed.push(path.to_owned());
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::File;

    fn tree(paths: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, content) in paths {
            tree.insert(path, File { content: content.as_bytes().to_vec(), executable: false }).unwrap();
        }
        tree
    }

    #[test]
    fn the_upper_wins_and_takes_out() {
        let lower =
            tree(&[("a", "m"), ("b", "m"), ("c/x", "m"), ("c/y", "m"), ("cc", "m"), ("d", "m"), ("E", "m")]);
        let upper = tree(&[("a", "k"), ("d/z", "k"), ("e", "k")]);
        let merged = Merged::of(&lower, &upper, &["c/".into(), "absent".into()]);
        assert_eq!(merged.tree, tree(&[("a", "k"), ("b", "m"), ("cc", "m"), ("d/z", "k"), ("e", "k")]));
        assert_eq!(merged.removed, ["E", "c/x", "c/y", "d"]);
        assert_eq!(merged.upper, ["a", "d/z", "e"]);
        // What the kluster has itself is not taken out by its own list.
        assert_eq!(Merged::of(&lower, &upper, &["a".into()]).tree.get("a").unwrap().content, b"k");
        assert_eq!(Merged::of(&lower, &Tree::default(), &[]).tree, lower);
        assert_eq!(Merged::of(&Tree::default(), &upper, &[]).tree, upper);
    }

    fn some() -> impl Strategy<Value = Tree> {
        proptest::collection::vec("[abA](/[abB]){0,2}", 0..8).prop_map(|paths| {
            let mut tree = Tree::default();
            for path in paths {
                // Some stand in each other's way.
                drop(tree.insert(&path, File { content: path.clone().into_bytes(), executable: false }));
            }
            tree
        })
    }

    proptest! {
        #[test]
        fn any_two_trees_merge_and_the_upper_is_whole(lower in some(), upper in some()) {
            let merged = Merged::of(&lower, &upper, &[]);
            for (path, file) in upper.iter() {
                prop_assert_eq!(merged.tree.get(path), Some(file));
            }
            let kept = lower.iter().filter(|(path, _)| upper.get(path).is_none()).count();
            prop_assert_eq!(merged.tree.len(), upper.len() + kept - merged.removed.len());
            prop_assert_eq!(crate::Tree::read(&merged.tree.write(), crate::Limits::SNAPSHOT).unwrap(), merged.tree);
        }
    }
}
