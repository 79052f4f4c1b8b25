//! Tables like kubectl's: capitals above, two spaces between, no lines.

use std::sync::OnceLock;

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// The width of a table where nothing is known of what shows it.
pub const WIDTH: usize = 80;
/// From this width on names are shown as they are.
const ROOMY: usize = 100;
/// A last column is not cut below this.
const LEAST: usize = 8;
/// How wide lines may be; see [`fit`].
static ROOM: OnceLock<Option<usize>> = OnceLock::new();

/// Says once how wide lines may be: as wide as the terminal, or `None` where no terminal shows them.
pub fn fit(room: Option<usize>) {
    ROOM.get_or_init(|| room);
}

/// How wide lines may be; `None` for as wide as they are.
fn room() -> Option<usize> {
    ROOM.get().copied().unwrap_or(Some(WIDTH))
}

/// As [`shorten`], only where lines are short.
pub fn narrow(text: &str, room_of_cell: usize) -> String {
    match room() {
        Some(width) if width < ROOMY => shorten(text, room_of_cell),
        Some(_) | None => text.to_owned(),
    }
}

/// Lays out rows. The last column is cut with `…` when `cut` and the line would be longer than it may be ([`fit`]).
pub fn render(columns: &[&str], mut rows: Vec<Vec<String>>, cut: bool) -> String {
    for row in &mut rows {
        for cell in row.iter_mut() {
            *cell = one_line(cell);
        }
    }
    if cut
        && let Some(line) = room()
        && let Some(last) = columns.len().checked_sub(1)
    {
        let width = |column: usize| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.chain([columns[column].len()]).max().unwrap_or_default()
        };
        let before: usize = (0..last).map(|column| width(column) + 2).sum();
        let room = line.saturating_sub(before).max(LEAST);
        for row in &mut rows {
            row[last] = shorten(&row[last], room);
        }
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.to_vec());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lines of a table that grows while it is shown: columns get wider when they must, never narrower.
#[derive(Debug)]
pub struct Growing {
    columns: Vec<&'static str>,
    widths: Vec<usize>,
    cut: bool,
    begun: bool,
}

impl Growing {
    /// A table with these columns; `cut` as in [`render`].
    pub fn new(columns: Vec<&'static str>, cut: bool) -> Self {
        let widths = columns.iter().map(|column| column.len()).collect();
        Self { columns, widths, cut, begun: false }
    }

    /// The text for further rows, below the header when they are the first.
    pub fn rows(&mut self, rows: Vec<Vec<String>>) -> String {
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let header = self.columns.iter().map(ToString::to_string).collect();
        let header: Vec<Vec<String>> = if self.begun { vec![] } else { vec![header] };
        self.begun = true;
        header.into_iter().chain(rows).map(|row| self.line(&row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let last = row.len().saturating_sub(1);
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            if at < last {
                let gap = (self.widths[at] + 2).saturating_sub(cell.chars().count());
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', gap));
            } else if self.cut
                && let Some(room) = room()
            {
                line.push_str(&shorten(cell, room.saturating_sub(line.chars().count()).max(LEAST)));
            } else {
                line.push_str(cell);
            }
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// What could move the cursor, forge lines or turn the direction of writing becomes a space.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { ' ' } else { c }).collect()
}

fn is_deceptive(c: char) -> bool {
    // The marks, embeddings, overrides and isolates of bidirectional text (UAX 9).
    let is_bidi =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_bidi
}

/// As [`one_line`], but line ends stay.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) && c != '\n' { ' ' } else { c }).collect()
}

/// Cuts to at most `room` characters, with `…` at the end of what was cut.
pub fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(room.saturating_sub(1)).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

/// `key:  value` lines with the values in one column; values of several lines are indented below.
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len() + 1).max().unwrap_or_default();
    let mut text = String::new();
    for (name, value) in fields {
        let value = if value.is_empty() { "-" } else { value };
        let mut lines = value.lines().map(one_line);
        let first = lines.next().unwrap_or_default();
        text.push_str(format!("{:width$}  {first}", format!("{name}:")).trim_end());
        text.push('\n');
        for line in lines {
            text.push_str(format!("{:width$}  {line}", "").trim_end());
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_last_column_and_controls_are_harmless() {
        let rows = vec![vec!["apollo-1".into(), "x".repeat(100)], vec!["b".into(), "a\u{1b}[31m\nb".into()]];
        let text = render(&["KEY", "TITLE"], rows.clone(), true);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(text.lines().nth(1).unwrap().ends_with('…'));
        assert_eq!(text.lines().nth(2).unwrap(), "b         a [31m b");
        assert!(render(&["KEY", "TITLE"], rows, false).contains(&"x".repeat(100)));
    }

    #[test]
    fn a_growing_table_keeps_its_columns() {
        let mut table = Growing::new(vec!["KEY", "STATE", "TITLE"], true);
        let row = |key: &str, state: &str| vec![key.to_owned(), state.to_owned(), "x".repeat(99)];
        let first = table.rows(vec![row("a-1", "in_review")]);
        let second = table.rows(vec![row("a-2", "done")]);
        assert!(first.starts_with("KEY  STATE      TITLE\na-1  in_review  xxx"), "{first}");
        assert!(second.starts_with("a-2  done       xxx"), "{second}");
        assert!(first.lines().chain(second.lines()).all(|line| line.chars().count() <= WIDTH));
    }

    #[test]
    fn fields_line_up() {
        let text =
            fields(&[("Key", "a-1".into()), ("Description", "one\ntwo".into()), ("Result", String::new())]);
        assert_eq!(text, "Key:          a-1\nDescription:  one\n              two\nResult:       -\n");
    }
}
