//! The normalised form of a text.

use std::sync::OnceLock;

use compact_str::CompactString;

use crate::lexicon::{self, CJK, CYRILLIC, Entry, GROUPS, LEXICON, Map, TIER_WEIGHTS, hash, mix};
use crate::stem::stem;
use crate::token::{Kind, Token, fold, tokens, unify, unspaced};
use crate::words::{self, Sense, sense};

/// How much of a body is looked at, in bytes.
pub const BODY_LIMIT: usize = 16 * 1024;
/// How much of a title is looked at, in bytes.
const TITLE_LIMIT: usize = 1024;
/// Most index terms of one text.
pub const MAX_TERMS: usize = 64;
/// Most units that two texts are compared by: the weightiest of a long text.
const MAX_UNITS: usize = 192;

/// A text to prepare, as its author wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// One line.
    pub title: &'a str,
    /// Any length; the first [`BODY_LIMIT`] bytes count.
    pub body: &'a str,
    /// Globs of files that the work declares.
    pub paths: &'a [String],
}

/// What a sentence encoder is given for a text; scores are calibrated for vectors of this.
pub fn sentence(title: &str, body: &str) -> String {
    if body.is_empty() { title.to_owned() } else { format!("{title}\n{body}") }
}

/// A term of the inverted index.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// Stable hash of the normalised term, 63 bits, never negative.
    pub id: i64,
    /// The normalised term; a meaning of the lexicon begins with `~`.
    pub text: String,
    /// Static background weight times the weight of its field; comparable between texts.
    pub weight: f32,
}

/// One thing that a text speaks of.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) key: u64,
    pub(crate) text: CompactString,
    /// The word as it was written, folded.
    pub(crate) shown: CompactString,
    pub(crate) kind: Kind,
    pub(crate) groups: [u16; GROUPS],
    pub(crate) weight: f32,
    pub(crate) title: bool,
    /// Letters present, for a quick refusal before two words are compared letter by letter.
    pub(crate) letters: u32,
    /// What it means: a place in [`Prepared::senses`], from 1; 0 is unknown.
    pub(crate) sense: u16,
}

/// A word of a title at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TitleWord {
    pub(crate) key: u64,
    /// Says nothing by itself (`for`, `when`, `so`).
    pub(crate) function: bool,
}

/// A text, normalised; what everything else in this crate works on.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Sorted by key, one of each.
    pub(crate) units: Vec<Unit>,
    /// What the words mean that have a meaning of their own.
    pub(crate) senses: Vec<Sense>,
    /// Sums of meanings, of the title and of everything, of unit length.
    pub(crate) sums: [[f32; words::DIMENSIONS]; 2],
    /// Groups of the lexicon with the units that belong to them, sorted.
    pub(crate) groups: Vec<(u16, u16)>,
    /// What weight each group has, in all and in the title; of unit length.
    pub(crate) fields: Vec<(u16, f32)>,
    pub(crate) title_fields: Vec<(u16, f32)>,
    /// Hash of the folded title, and whether anything is in it.
    pub(crate) title: u64,
    /// The title's words in order.
    pub(crate) title_words: Vec<TitleWord>,
    /// Hash of everything, to know identical texts.
    pub(crate) whole: u64,
    /// What each line of the body says, as sorted hashes.
    pub(crate) lines: Vec<u64>,
    pub(crate) template_lines: u32,
    /// Kinds of action in the title, and of its first word that has one.
    pub(crate) actions: u32,
    pub(crate) lead: u32,
    pub(crate) language: u8,
    pub(crate) paths: Vec<String>,
    /// Made when somebody asks for them: existing texts are only compared.
    terms: OnceLock<Vec<Term>>,
    /// The folded title.
    folded: String,
}

impl Prepared {
    /// Normalises a text. Looks at a bounded part of it, so its cost is bounded too.
    pub fn new(text: &Text<'_>) -> Self {
        let title = unify(head(text.title, TITLE_LIMIT));
        let body = unify(head(text.body, BODY_LIMIT));
        let mut build = Builder::default();
        let mut title_words: Vec<TitleWord> = Vec::new();
        // What stands in brackets or after a comma or dash only says more about what is before it.
        for (clause, part) in title.split(['(', ',', ';', '—', '–']).enumerate() {
            build.line(part, 1.0, true);
            if let Some(first) = build.sequence.first_mut().filter(|_| clause > 0) {
                first.function = true;
            }
            title_words.append(&mut build.sequence);
        }
        let mut lines = Vec::new();
        let mut template_lines = 0;
        let mut section = 1.0_f32;
        for line in body.lines().map(str::trim).filter(|l| !l.is_empty()) {
            let shape = Shape::of(line);
            if shape.heading {
                template_lines += 1;
                section = shape.section;
            }
            build.line(shape.head, 0.1, false);
            let head = build.content();
            build.line(shape.rest, if shape.item { section } else { section.max(0.6) }, false);
            let content = head.wrapping_add(build.content());
            if content != 0 {
                lines.push(content);
            }
        }
        lines.sort_unstable();
        lines.dedup();
        let folded = fold(title.trim());
        let whole = mix(hash(&folded) ^ hash(&fold(body.trim())).rotate_left(17));
        let mut paths = text.paths.to_vec();
        paths.sort_unstable();
        paths.dedup();
        let language = build.language();
        let mut units = build.finish();
        let senses = senses(&mut units);
        let groups = groups(&units);
        Self {
            fields: fields(&units, &groups, false),
            title_fields: fields(&units, &groups, true),
            groups,
            sums: [sum(&units, &senses, true), sum(&units, &senses, false)],
            senses,
            units,
            title: if folded.is_empty() { 0 } else { hash(&folded) },
            title_words,
            whole,
            template_lines,
            lines,
            actions: build.actions,
            lead: build.lead,
            language,
            paths,
            terms: OnceLock::new(),
            folded,
        }
    }

    /// Terms for an inverted index, weightiest first, at most [`MAX_TERMS`].
    pub fn terms(&self) -> &[Term] {
        self.terms.get_or_init(|| {
            let mut terms = terms(&self.units);
            if terms.is_empty() && !self.folded.is_empty() {
                // Nothing but signs: the same signs are found as a whole.
                let id = i64::try_from(self.title >> 1).unwrap_or(i64::MAX);
                terms.push(Term { id, text: self.folded.clone(), weight: 1.0 });
            }
            terms
        })
    }

    /// About how many bytes it takes, terms aside.
    pub fn footprint(&self) -> usize {
        let long = |text: &CompactString| if text.is_heap_allocated() { text.capacity() } else { 0 };
        let texts: usize = self.units.iter().map(|unit| long(&unit.text) + long(&unit.shown)).sum();
        let paths: usize = self.paths.iter().map(|path| size_of::<String>() + path.capacity()).sum();
        size_of::<Self>()
            + self.units.capacity() * size_of::<Unit>()
            + texts
            + self.senses.capacity() * size_of::<Sense>()
            + self.groups.capacity() * size_of::<(u16, u16)>()
            + (self.fields.capacity() + self.title_fields.capacity()) * size_of::<(u16, f32)>()
            + self.title_words.capacity() * size_of::<TitleWord>()
            + self.lines.capacity() * size_of::<u64>()
            + paths
            + self.folded.capacity()
    }

    /// Whether nothing was found to compare.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
}

/// The ids of the index terms of a text of any length, each once, in the order in which their lines come, at most `most`.
/// For finding, where every word counts; what a text is compared by is its [`Prepared`].
pub fn term_ids(text: &str, most: usize) -> Vec<i64> {
    let text = unify(text);
    let mut build = Builder::default();
    let mut seen = std::collections::HashSet::new();
    let mut ids = Vec::new();
    for line in text.lines() {
        build.line(line, 1.0, false);
        let mut units: Vec<Unit> = std::mem::take(&mut build.units).into_values().collect();
        units.sort_unstable_by_key(|unit| unit.key);
        for term in every_term(&units) {
            if seen.insert(term.id) {
                ids.push(term.id);
            }
        }
        if ids.len() >= most {
            ids.truncate(most);
            break;
        }
    }
    ids
}

/// The first bytes of a text, not cutting a character.
fn head(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut cut = limit;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    &text[..cut]
}

/// What a line of a body looks like.
struct Shape<'a> {
    /// The part that belongs to a template.
    head: &'a str,
    rest: &'a str,
    heading: bool,
    item: bool,
    /// Weight of the section that begins with this heading.
    section: f32,
}

impl<'a> Shape<'a> {
    fn of(line: &'a str) -> Self {
        let bare = line.trim_start_matches(['#', '*', '-', '+', '>', ' ', '\t']);
        let numbered =
            bare.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['.', ')', ' ']);
        let item = bare.len() != line.len() && !line.starts_with('#') || numbered.len() != bare.len();
        let bare = bare.strip_prefix("[ ]").or_else(|| bare.strip_prefix("[x]")).unwrap_or(bare).trim_start();
        if LEXICON.is_heading(bare) {
            return Self { head: bare, rest: "", heading: true, item: false, section: section(bare) };
        }
        if let Some((label, rest)) = bare.split_once([':', '：'])
            && LEXICON.is_heading(label)
        {
            return Self { head: label, rest, heading: true, item: false, section: section(label) };
        }
        Self { head: "", rest: bare, heading: false, item, section: 1.0 }
    }
}

/// Lists of conditions that every task of a kind has say little about this one.
fn section(heading: &str) -> f32 {
    let folded = fold(heading);
    let conditions =
        ["done", "dod", "definition", "accept", "criteria", "checklist", "environment", "owner", "due"];
    if conditions.iter().any(|c| folded.contains(c)) { 0.35 } else { 0.8 }
}

#[derive(Default)]
struct Builder {
    units: Map<Unit>,
    /// Stems of the line's words, in order.
    sequence: Vec<TitleWord>,
    actions: u32,
    lead: u32,
    languages: [u16; 8],
    words: u16,
}

impl Builder {
    fn line(&mut self, line: &str, weight: f32, title: bool) {
        self.sequence.clear();
        if line.is_empty() {
            return;
        }
        let mut stems: Vec<(CompactString, bool)> = Vec::with_capacity(16);
        tokens(line, &mut |token| {
            // A mark without a letter folds to nothing.
            if token.text.is_empty() {
                return;
            }
            let running = matches!(token.kind, Kind::Word | Kind::Part | Kind::Gram | Kind::Number);
            let (stem, opens, function) = self.token(token, weight, title);
            if running {
                self.sequence.push(TitleWord { key: hash(&stem), function });
                stems.push((stem, opens));
            }
        });
        self.phrases(&stems, weight, title);
    }

    /// Adds a token; gives back its stem, whether a phrase may begin with it, whether it is a function word.
    fn token(&mut self, token: Token, line_weight: f32, title: bool) -> (CompactString, bool, bool) {
        let Token { text, kind } = token;
        let stem = match kind {
            Kind::Word | Kind::Part | Kind::Compound => stem(&text),
            _ => text.clone(),
        };
        let key = hash(&stem);
        let entry = match kind {
            Kind::Number | Kind::Path => Entry::default(),
            _ => LEXICON.word(&text, key),
        };
        self.note(&text, kind, &entry, title);
        let weight = background(&text, kind, &entry) * line_weight;
        self.add(key, (&stem, &text), kind, entry.groups, weight, title);
        (stem, entry.opens_phrase, entry.tier == Some(0))
    }

    fn note(&mut self, text: &str, kind: Kind, entry: &Entry, title: bool) {
        if title && matches!(kind, Kind::Word | Kind::Part | Kind::Gram) && entry.actions != 0 {
            if self.lead == 0 && self.words < 4 {
                self.lead = entry.actions;
            }
            self.actions |= entry.actions;
        }
        self.words = self.words.saturating_add(u16::from(kind == Kind::Word));
        for (bit, count) in self.languages.iter_mut().enumerate().take(6) {
            *count = count.saturating_add(u16::from(entry.language >> bit & 1));
        }
        let first = text.chars().next().unwrap_or(' ');
        if unspaced(first) {
            self.languages[6] = self.languages[6].saturating_add(1);
        } else if ('\u{400}'..='\u{52f}').contains(&first) {
            self.languages[7] = self.languages[7].saturating_add(1);
        }
    }

    fn phrases(&mut self, stems: &[(CompactString, bool)], weight: f32, title: bool) {
        for (i, (first, opens)) in stems.iter().enumerate() {
            if !opens {
                continue;
            }
            for length in [3, 2] {
                let Some(rest) = stems.get(i + 1..i + length) else { continue };
                let mut phrase = first.clone();
                for (stem, _) in rest {
                    phrase.push(' ');
                    phrase.push_str(stem);
                }
                let key = hash(&phrase);
                if let Some(entry) = LEXICON.stem(key).filter(|e| e.groups[0] != 0) {
                    let group = &LEXICON.groups[usize::from(entry.groups[0])];
                    if title {
                        if self.lead == 0 && i < 3 {
                            self.lead = entry.actions;
                        }
                        self.actions |= entry.actions;
                    }
                    self.add(
                        key,
                        (&phrase, group.name),
                        Kind::Word,
                        entry.groups,
                        group.weight * weight,
                        title,
                    );
                    break;
                }
            }
        }
    }

    fn add(
        &mut self,
        key: u64,
        (text, shown): (&str, &str),
        kind: Kind,
        groups: [u16; GROUPS],
        weight: f32,
        title: bool,
    ) {
        let unit = self.units.entry(key).or_insert_with(|| Unit {
            key,
            text: text.into(),
            shown: shown.into(),
            kind,
            groups,
            weight,
            title,
            letters: letters(text),
            sense: 0,
        });
        unit.weight = unit.weight.max(weight);
        unit.title |= title;
        if kind == Kind::Word && unit.kind == Kind::Part {
            unit.kind = kind;
        }
    }

    /// What the last line says, whatever the order and the small words.
    fn content(&self) -> u64 {
        let words = self.sequence.iter().filter(|w| !w.function);
        words.fold(0_u64, |sum, w| sum.wrapping_add(mix(w.key)))
    }

    /// The bit of the language most of whose function words are there; 0 when that is not clear.
    fn language(&self) -> u8 {
        if self.languages[6] > 2 {
            return CJK;
        }
        if self.languages[7] > 1 {
            return CYRILLIC;
        }
        let best = self.languages[..6].iter().max().copied().unwrap_or(0);
        let mut leaders = self.languages[..6].iter().enumerate().filter(|(_, n)| **n == best && best > 0);
        match (leaders.next(), leaders.next()) {
            (Some((bit, _)), None) => 1 << bit,
            _ => 0,
        }
    }

    fn finish(&mut self) -> Vec<Unit> {
        let mut units: Vec<Unit> = std::mem::take(&mut self.units).into_values().collect();
        if units.len() > MAX_UNITS {
            units.sort_unstable_by(|a, b| {
                b.title.cmp(&a.title).then(b.weight.total_cmp(&a.weight)).then(a.key.cmp(&b.key))
            });
            units.truncate(MAX_UNITS);
        }
        units.sort_unstable_by_key(|u| u.key);
        units
    }
}

/// Looks up what the units mean. Wholes whose parts are there too have no meaning of their own.
fn senses(units: &mut [Unit]) -> Vec<Sense> {
    let mut all = Vec::with_capacity(units.len());
    for unit in units {
        if !matches!(unit.kind, Kind::Word | Kind::Part | Kind::Gram)
            || unit.weight < 0.02
            || unit.text.contains(' ')
        {
            continue;
        }
        if let Some(found) = sense(&unit.shown) {
            all.push(found);
            unit.sense = u16::try_from(all.len()).unwrap_or(0);
        }
    }
    all
}

/// The weighted sum of what the units mean, of unit length; of zeros when they mean nothing.
fn sum(units: &[Unit], senses: &[Sense], titles: bool) -> [f32; words::DIMENSIONS] {
    let mut sum = [0.0_f32; words::DIMENSIONS];
    for unit in units.iter().filter(|u| u.sense > 0 && (u.title || !titles)) {
        let Some(sense) = senses.get(usize::from(unit.sense) - 1) else { continue };
        let weight = unit.weight.min(1.0) * sense.weight * if unit.title { 2.0 } else { 1.0 };
        for (to, from) in sum.iter_mut().zip(sense.numbers()) {
            *to += weight * from;
        }
    }
    let norm = sum.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        for x in &mut sum {
            *x /= norm;
        }
    }
    sum
}

fn groups(units: &[Unit]) -> Vec<(u16, u16)> {
    let mut all = Vec::with_capacity(units.len() * 2);
    for (unit, i) in units.iter().zip(0_u16..) {
        all.extend(unit.groups.iter().take_while(|g| **g != 0).map(|g| (*g, i)));
    }
    all.sort_unstable();
    all
}

/// The weight of each group, as a vector of unit length.
fn fields(units: &[Unit], groups: &[(u16, u16)], titles: bool) -> Vec<(u16, f32)> {
    let mut weights: Vec<(u16, f32)> = Vec::with_capacity(groups.len());
    for (group, i) in groups {
        let Some(unit) = units.get(usize::from(*i)).filter(|u| u.title || !titles) else { continue };
        match weights.last_mut().filter(|(g, _)| g == group) {
            Some((_, sum)) => *sum += unit.weight,
            None => weights.push((*group, unit.weight)),
        }
    }
    let norm = weights.iter().map(|(_, w)| w * w).sum::<f32>().sqrt();
    if norm > 0.0 {
        for (_, weight) in &mut weights {
            *weight /= norm;
        }
    }
    weights
}

/// The static weight of a token.
fn background(text: &str, kind: Kind, entry: &Entry) -> f32 {
    let known = entry.tier.map(|t| TIER_WEIGHTS[usize::from(t.min(4))]);
    match kind {
        Kind::Identifier => known.unwrap_or(1.1),
        Kind::Path => 1.2,
        Kind::Number => 0.7,
        Kind::Compound => known.unwrap_or(0.3).min(0.5),
        Kind::Part => known.unwrap_or(0.8) * 0.7,
        Kind::Gram if entry.groups[0] != 0 => 0.8,
        // Endings and particles are in hiragana, meaning in the rest.
        Kind::Gram if text.chars().any(|c| ('\u{3040}'..='\u{309f}').contains(&c)) => 0.12,
        Kind::Gram => 0.5,
        Kind::Word => known.unwrap_or_else(|| {
            if entry.groups[0] == 0 {
                1.0
            } else {
                LEXICON.groups[usize::from(entry.groups[0])].weight.max(0.5)
            }
        }),
    }
}

fn letters(text: &str) -> u32 {
    text.bytes().fold(0, |bits, b| if b.is_ascii_alphanumeric() { bits | 1 << (b & 31) } else { bits | 1 })
}

fn terms(units: &[Unit]) -> Vec<Term> {
    let mut terms = every_term(units);
    terms.truncate(MAX_TERMS);
    terms
}

/// Weightiest first.
fn every_term(units: &[Unit]) -> Vec<Term> {
    let mut terms: Map<Term> = Map::default();
    let mut put = |text: &str, key: u64, weight: f32| {
        let id = i64::try_from(key >> 1).unwrap_or(i64::MAX);
        let term = terms.entry(key).or_insert_with(|| Term { id, text: text.to_owned(), weight });
        term.weight = term.weight.max(weight);
    };
    for unit in units {
        let field = if unit.title { 1.5 } else { 1.0 };
        if unit.weight > 0.1 {
            put(&unit.text, unit.key, unit.weight * field);
        }
        for group in unit.groups.into_iter().filter(|g| *g != 0) {
            let group = &LEXICON.groups[usize::from(group)];
            if (group.alike - lexicon::SYNONYM).abs() < f32::EPSILON {
                let name = format!("~{}", group.name);
                put(&name, hash(&name), unit.weight.min(group.weight) * field * 0.9);
            }
        }
    }
    let mut terms: Vec<Term> = terms.into_values().collect();
    terms.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight).then(a.id.cmp(&b.id)));
    terms
}
