//! Rows of tasks from elsewhere: read, mapped, checked and put into an order, without asking anyone.
//!
//! A file is read once, from front to back. Each good row goes to a temporary file in one form; in memory stay its place
//! there, its id and what it waits for. So the size of texts does not count, and rows may be sent in the order of their
//! dependencies.

mod issues;
mod record;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, BufWriter, Read, Seek as _, SeekFrom, Write as _};

use anyhow::Context as _;
use mc_api::FieldError;
use mc_api::apply::ImportRow;
use serde_json::{Map, Value};

use crate::args::ImportFormat;
use crate::exit::Failure;

/// What a row may say.
pub const FIELDS: [&str; 11] = [
    "external_id",
    "title",
    "description",
    "definition_of_done",
    "priority",
    "runtime",
    "capabilities",
    "paths",
    "depends_on",
    "labels",
    "state",
];

/// A row that cannot be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    /// Where it stands.
    pub line: i64,
    /// Its id, when it has one.
    pub external_id: String,
    /// What is wrong.
    pub error: FieldError,
}

struct Entry {
    line: i64,
    external_id: String,
    depends_on: Vec<String>,
    is_closed: bool,
    at: u64,
}

/// The rows of a file.
pub struct Rows {
    entries: Vec<Entry>,
    spool: BufReader<std::fs::File>,
    /// What cannot be sent.
    pub bad: Vec<Bad>,
    /// Columns that nothing reads, at most 20.
    pub unused: Vec<String>,
    /// The repository of issues.
    pub repository: Option<String>,
}

/// Collects rows while a file is read.
struct Gather {
    entries: Vec<Entry>,
    seen: HashMap<String, i64>,
    spool: BufWriter<std::fs::File>,
    at: u64,
    bad: Vec<Bad>,
}

impl Gather {
    fn new() -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("cannot make a temporary file")?;
        Ok(Self {
            entries: Vec::new(),
            seen: HashMap::new(),
            spool: BufWriter::new(file),
            at: 0,
            bad: Vec::new(),
        })
    }

    fn refuse(&mut self, line: i64, external_id: &str, field: &str, message: impl Into<String>) {
        let pointer = if field.is_empty() { String::new() } else { format!("/{field}") };
        let error = FieldError { pointer, message: message.into() };
        self.bad.push(Bad { line, external_id: external_id.to_owned(), error });
    }

    fn add(&mut self, row: &ImportRow) -> anyhow::Result<()> {
        if let Some(before) = self.seen.insert(row.external_id.clone(), row.line) {
            self.refuse(
                row.line,
                &row.external_id,
                "external_id",
                format!("stands in line {before} already"),
            );
            return Ok(());
        }
        let mut text = serde_json::to_vec(row)?;
        text.push(b'\n');
        self.spool.write_all(&text).context("cannot write a temporary file")?;
        self.entries.push(Entry {
            line: row.line,
            external_id: row.external_id.clone(),
            depends_on: row.depends_on.clone(),
            is_closed: row.closed,
            at: self.at,
        });
        self.at += text.len() as u64;
        Ok(())
    }

    /// Reads a record of columns; what is wrong with it is remembered.
    fn record(
        &mut self,
        line: i64,
        columns: &Map<String, Value>,
        mapping: &HashMap<String, String>,
    ) -> anyhow::Result<()> {
        match record::read(line, columns, mapping) {
            Ok(row) => self.add(&row),
            Err((id, field, message)) => {
                self.refuse(line, &id, field, message);
                Ok(())
            }
        }
    }
}

impl Rows {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Failure::Usage`] for what is no such file at all, or names a column that it does not have.
    pub fn read(
        source: impl Read,
        format: ImportFormat,
        mapping: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut gather = Gather::new()?;
        let mapping: HashMap<String, String> = mapping.iter().cloned().collect();
        let mut unused = Vec::new();
        let mut repository = None;
        match format {
            ImportFormat::Csv => unused = csv(source, &mapping, &mut gather)?,
            ImportFormat::Jsonl => jsonl(source, &mapping, &mut gather)?,
            ImportFormat::GithubIssues => repository = issues::read(source, &mut gather)?,
        }
        let mut file = gather.spool.into_inner().context("cannot write a temporary file")?;
        file.seek(SeekFrom::Start(0))?;
        let mut rows = Self {
            entries: gather.entries,
            spool: BufReader::new(file),
            bad: gather.bad,
            unused,
            repository,
        };
        rows.order();
        Ok(rows)
    }

    /// How many rows can be sent.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts rows after those they wait for, else as they stand; rows of a circle become bad ones. What is closed holds
    /// nothing up.
    fn order(&mut self) {
        let index: HashMap<&str, usize> =
            self.entries.iter().enumerate().map(|(at, entry)| (entry.external_id.as_str(), at)).collect();
        let waits: Vec<Vec<usize>> = self
            .entries
            .iter()
            .map(|entry| {
                let known = entry.depends_on.iter().filter_map(|id| index.get(id.as_str()).copied());
                known.filter(|on| !self.entries[*on].is_closed).collect()
            })
            .collect();
        let mut open: Vec<usize> = waits.iter().map(Vec::len).collect();
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); waits.len()];
        for (at, on) in waits.iter().enumerate() {
            for one in on {
                followers[*one].push(at);
            }
        }
        let mut free: std::collections::BTreeSet<usize> =
            (0..open.len()).filter(|at| open[*at] == 0).collect();
        let mut sequence = Vec::with_capacity(open.len());
        while let Some(at) = free.pop_first() {
            sequence.push(at);
            for next in &followers[at] {
                open[*next] -= 1;
                if open[*next] == 0 {
                    free.insert(*next);
                }
            }
        }
        let placed: HashSet<usize> = sequence.iter().copied().collect();
        let mut entries: Vec<Option<Entry>> =
            std::mem::take(&mut self.entries).into_iter().map(Some).collect();
        self.entries = sequence.into_iter().filter_map(|at| entries[at].take()).collect();
        for entry in
            entries.into_iter().enumerate().filter(|(at, _)| !placed.contains(at)).filter_map(|(_, one)| one)
        {
            let error = FieldError { pointer: "/depends_on".into(), message: "leads in a circle".into() };
            self.bad.push(Bad { line: entry.line, external_id: entry.external_id, error });
        }
    }

    /// The rows from `from` on, at most `most`. What is closed in this file is no dependency; nor is, for a dry run,
    /// what stands before `from`, since nothing of it was kept.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn batch(&mut self, from: usize, most: usize, is_dry: bool) -> anyhow::Result<Vec<ImportRow>> {
        let closed: HashSet<&str> = self
            .entries
            .iter()
            .filter(|entry| entry.is_closed)
            .map(|entry| entry.external_id.as_str())
            .collect();
        let before: HashSet<&str> = if is_dry {
            self.entries[..from].iter().map(|entry| entry.external_id.as_str()).collect()
        } else {
            HashSet::new()
        };
        let mut rows = Vec::with_capacity(most);
        for entry in self.entries.iter().skip(from).take(most) {
            self.spool.seek(SeekFrom::Start(entry.at))?;
            let mut line = String::new();
            self.spool.read_line(&mut line)?;
            let mut row: ImportRow = serde_json::from_str(&line)?;
            row.depends_on.retain(|on| !closed.contains(on.as_str()) && !before.contains(on.as_str()));
            rows.push(row);
        }
        Ok(rows)
    }
}

fn check_mapping(mapping: &HashMap<String, String>, columns: &[String]) -> Result<(), Failure> {
    for (field, column) in mapping {
        if !columns.contains(column) {
            let message = format!(
                "--map {field}={column}: there is no column {column:?}; there are: {}",
                columns.join(", ")
            );
            return Err(Failure::Usage(message));
        }
    }
    Ok(())
}

/// Refuses two columns of one name when a field is read from them: nobody can say which one.
fn check_twice(mapping: &HashMap<String, String>, columns: &[String]) -> Result<(), Failure> {
    let unused = record::unused(columns, mapping);
    let mut seen = HashSet::new();
    let twice = columns.iter().find(|column| !seen.insert(*column) && !unused.contains(*column));
    match twice {
        Some(column) => Err(Failure::Usage(format!(
            "there are two columns {column:?}, and a field is read from them; give one of them another name"
        ))),
        None => Ok(()),
    }
}

/// Where the ends of lines stand that were read and not yet counted. A record's position is that of the end of line
/// before it when that has two bytes, or when empty lines stand between, so lines are counted here.
#[derive(Clone, Default)]
struct Lines(std::rc::Rc<std::cell::RefCell<Ends>>);

/// Ends of lines that were not passed yet, and how many lines were.
#[derive(Default)]
struct Ends {
    ahead: std::collections::VecDeque<(u64, u8)>,
    passed: i64,
}

impl Lines {
    /// The line, from 1, on which a record begins whose position is this byte. Asked in ascending order.
    fn of(&self, mut byte: u64) -> i64 {
        let ends = &mut *self.0.borrow_mut();
        while let Some((at, end)) = ends.ahead.front().copied().filter(|(at, _)| *at <= byte) {
            if at == byte {
                byte += 1;
            }
            ends.passed += i64::from(end == b'\n');
            ends.ahead.pop_front();
        }
        ends.passed + 1
    }
}

/// Notes the ends of lines that go through it.
struct Counted<R> {
    source: R,
    at: u64,
    lines: Lines,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        let mut lines = self.lines.0.borrow_mut();
        for byte in &buffer[..count] {
            if matches!(byte, b'\n' | b'\r') {
                lines.ahead.push_back((self.at, *byte));
            }
            self.at += 1;
        }
        Ok(count)
    }
}

/// Reads CSV; gives the columns that nothing reads.
fn csv(
    source: impl Read,
    mapping: &HashMap<String, String>,
    gather: &mut Gather,
) -> anyhow::Result<Vec<String>> {
    let lines = Lines::default();
    let source = Counted { source, at: 0, lines: lines.clone() };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(source);
    let columns: Vec<String> = reader
        .headers()
        .map_err(|error| Failure::Usage(format!("the header line cannot be read: {error}")))?
        .iter()
        .map(|name| name.trim().to_owned())
        .collect();
    check_mapping(mapping, &columns)?;
    check_twice(mapping, &columns)?;
    let mut record = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let line = record.position().map_or(0, |at| lines.of(at.byte()));
                if record.len() != columns.len() {
                    let message = format!("has {} columns, the header has {}", record.len(), columns.len());
                    gather.refuse(line, "", "", message);
                    continue;
                }
                let cells = columns.iter().cloned().zip(record.iter().map(Value::from)).collect();
                gather.record(line, &cells, mapping)?;
            }
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => {
                let line = error.position().map_or(0, |at| lines.of(at.byte()));
                gather.refuse(line, "", "", "is no UTF-8");
            }
        }
    }
    Ok(record::unused(&columns, mapping))
}

/// Reads one JSON object per line.
fn jsonl(source: impl Read, mapping: &HashMap<String, String>, gather: &mut Gather) -> anyhow::Result<()> {
    let mut reader = BufReader::new(source);
    let (mut bytes, mut number) = (Vec::new(), 0_i64);
    loop {
        bytes.clear();
        number += 1;
        // Read as bytes: a line that is no UTF-8 is one bad row.
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Map<String, Value>>(&bytes) {
            Ok(columns) => gather.record(number, &columns, mapping)?,
            Err(error) => {
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default().to_owned();
                gather.refuse(number, "", "", format!("is no JSON object: {message}"));
            }
        }
    }
}

#[cfg(test)]
mod tests;
