//! Labelled pairs, and what every measurement needs of them.

use std::path::Path;

use super::Model;
use anyhow::Context as _;
use mc_overlap::{Prepared, Provider, Text, builtin, sentence};
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Label {
    Duplicate,
    Related,
    Distinct,
}

#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    id: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    theme: String,
    label: Label,
    a: Side,
    b: Side,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Side {
    pub(super) title: String,
    #[serde(default)]
    pub(super) description: String,
}

pub(super) struct Pair {
    pub(super) id: String,
    pub(super) category: String,
    /// Whose tasks they are; empty when the file does not say.
    pub(super) theme: String,
    pub(super) label: Label,
    /// Indexes into [`Set::texts`].
    pub(super) sides: [usize; 2],
}

pub(super) struct TextOf {
    pub(super) side: Side,
    pub(super) prepared: Prepared,
    pub(super) builtin: Vec<f32>,
    /// Empty without a model.
    pub(super) model: Vec<f32>,
}

/// A file of pairs.
pub(super) struct Set {
    pub(super) name: String,
    pub(super) pairs: Vec<Pair>,
    pub(super) texts: Vec<TextOf>,
}

impl Set {
    pub(super) fn read(path: &Path, model: Option<&Model>) -> anyhow::Result<Self> {
        let mut set = Self { name: path.display().to_string(), pairs: Vec::new(), texts: Vec::new() };
        if let Ok(own) = path.strip_prefix(super::DATA) {
            set.name = own.display().to_string();
        }
        for (number, line) in std::fs::read_to_string(path)?.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_str(line).with_context(|| format!("line {}", number + 1))?;
            let sides = [set.text(line.a), set.text(line.b)];
            set.pairs.push(Pair {
                id: line.id,
                category: line.category,
                theme: line.theme,
                label: line.label,
                sides,
            });
        }
        anyhow::ensure!(!set.pairs.is_empty(), "no pair in it");
        if let Some(model) = model {
            let texts: Vec<String> =
                set.texts.iter().map(|t| sentence(&t.side.title, &t.side.description)).collect();
            let vectors = model.embed(&texts.iter().map(String::as_str).collect::<Vec<_>>())?;
            for (text, vector) in set.texts.iter_mut().zip(vectors) {
                text.model = vector;
            }
        }
        Ok(set)
    }

    /// Both as one.
    pub(super) fn and(mut self, other: Self) -> Self {
        let before = self.texts.len();
        self.name = format!("{} and {}", self.name, other.name);
        self.texts.extend(other.texts);
        self.pairs.extend(
            other.pairs.into_iter().map(|pair| Pair { sides: pair.sides.map(|i| i + before), ..pair }),
        );
        self
    }

    fn text(&mut self, side: Side) -> usize {
        let prepared = Prepared::new(&Text { title: &side.title, body: &side.description, paths: &[] });
        let builtin = builtin::embed(&prepared);
        self.texts.push(TextOf { side, prepared, builtin, model: Vec::new() });
        self.texts.len() - 1
    }

    pub(super) fn providers(&self) -> Vec<Provider> {
        let model = self.texts.iter().all(|t| !t.model.is_empty());
        Provider::ALL.into_iter().filter(|p| *p != Provider::MiniLm || model).collect()
    }

    pub(super) fn sides(&self, pair: &Pair) -> (&TextOf, &TextOf) {
        (&self.texts[pair.sides[0]], &self.texts[pair.sides[1]])
    }

    pub(super) fn categories(&self) -> Vec<String> {
        let mut all: Vec<String> = self.pairs.iter().map(|p| p.category.clone()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl TextOf {
    pub(super) fn vector(&self, provider: Provider) -> &[f32] {
        match provider {
            Provider::Lexical => &[],
            Provider::Builtin => &self.builtin,
            Provider::MiniLm => &self.model,
        }
    }
}
