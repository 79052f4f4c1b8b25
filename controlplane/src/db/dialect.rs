//! The named pieces of SQL that differ.

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Postgres 15 or later.
    Postgres,
    /// SQLite 3.40 or later.
    Sqlite,
}

impl Backend {
    /// The published word, for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        }
    }

    /// The text of a member of a JSON object that is stored as text.
    pub(crate) fn json_text(self, column: &str, placeholder: &str) -> String {
        match self {
            Self::Postgres => format!("({column}::jsonb ->> {placeholder})"),
            Self::Sqlite => format!("({column} ->> {placeholder})"),
        }
    }
}

/// The placeholders of some rows of values, such as `($1, $2), ($3, $4)`.
pub(crate) fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let all: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", all.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
