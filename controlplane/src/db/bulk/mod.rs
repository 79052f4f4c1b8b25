//! Whole tables in and out, in one form for both databases.
//!
//! A row is the values of its columns in the order of their names; a value is null, a whole number, a text or bytes, whatever
//! the column's type is called: a truth is 0 or 1, an id its 16 bytes, a vector its numbers as `f32` (little-endian). Rows come
//! in the order of their key, texts compared byte by byte, so that the same rows give the same bytes from either database.
//! What a type needs is asked of the catalog of the database that is read or written; nothing of a schema stands here.

mod catalog;
mod load;
mod postgres;
mod sqlite;

use futures_util::stream::BoxStream;

use super::tx::Conn;
use super::{Backend, DbError, Tx};

pub(crate) use catalog::{Table, sequences, tables};
pub(crate) use load::Load;

/// A block is handed on when it has so many bytes; it is larger when its last row is.
const BLOCK_BYTES: usize = 512 * 1024;

/// How a column's values are written in binary by Postgres; on SQLite a value says itself what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 8 bytes.
    Big,
    /// 4 bytes.
    Integer,
    /// 2 bytes.
    Small,
    /// A truth.
    Boolean,
    /// 16 bytes.
    Id,
    /// Any bytes.
    Bytes,
    /// A text.
    Text,
    /// A vector of pgvector.
    Vector,
    /// SQLite.
    Any,
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// None.
    Null,
    /// A whole number, or a truth.
    Integer(i64),
    /// A text.
    Text(&'a str),
    /// An id, bytes, or a vector.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// Appends it to a row.
    pub(crate) fn put(self, out: &mut Vec<u8>) {
        let mut long = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            // Both databases refuse values of 1 GiB.
            out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Null => out.push(0),
            Self::Integer(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Text(text) => long(2, text.as_bytes()),
            Self::Bytes(bytes) => long(3, bytes),
        }
    }
}

/// Some rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Block {
    /// How many.
    pub(crate) rows: u32,
    /// Their values.
    pub(crate) bytes: Vec<u8>,
}

/// Bytes that are no rows.
#[derive(Debug, thiserror::Error)]
#[error("the bytes are no rows")]
pub(crate) struct Malformed;

/// The values of a block, one after another.
pub(crate) struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub(crate) fn of(block: &'a Block) -> Self {
        Self(&block.bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next value.
    ///
    /// # Errors
    /// [`Malformed`].
    pub(crate) fn next(&mut self) -> Result<Value<'a>, Malformed> {
        let (tag, rest) = self.0.split_first().ok_or(Malformed)?;
        let long = |rest: &'a [u8]| -> Result<(&'a [u8], &'a [u8]), Malformed> {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Malformed)?;
            rest.split_at_checked(length).ok_or(Malformed)
        };
        let (value, rest) = match tag {
            0 => (Value::Null, rest),
            1 => {
                let (number, rest) = rest.split_first_chunk::<8>().ok_or(Malformed)?;
                (Value::Integer(i64::from_be_bytes(*number)), rest)
            }
            2 => {
                let (text, rest) = long(rest)?;
                (Value::Text(std::str::from_utf8(text).map_err(|_| Malformed)?), rest)
            }
            3 => {
                let (bytes, rest) = long(rest)?;
                (Value::Bytes(bytes), rest)
            }
            _ => return Err(Malformed),
        };
        self.0 = rest;
        Ok(value)
    }
}

fn unreadable(message: String) -> DbError {
    DbError::Statement(sqlx::Error::Decode(message.into()))
}

/// What is read or written instead of what is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    /// Another order than that of the key.
    pub(crate) order: Option<&'static str>,
    /// Columns, each with the expression that is read instead, of the same type.
    pub(crate) instead: &'static [(&'static str, &'static str)],
}

/// Reads a table. The stream must be read to its end before anything else is asked of the transaction.
///
/// # Errors
/// Database failures, also in the stream.
pub(crate) async fn read<'t>(
    tx: &'t mut Tx,
    table: &Table,
    reading: Reading,
) -> Result<BoxStream<'t, Result<Block, DbError>>, DbError> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let name = &column.name;
            match reading.instead.iter().find(|(instead, _)| instead == name) {
                Some((_, expression)) => format!("{expression} AS \"{name}\""),
                None => format!("\"{name}\""),
            }
        })
        .collect();
    let order = reading.order.unwrap_or(&table.order);
    let select = format!("SELECT {} FROM \"{}\" ORDER BY {order}", columns.join(", "), table.name);
    let kinds: Vec<Kind> = table.columns.iter().map(|column| column.kind).collect();
    match &mut tx.conn {
        Conn::Pg(link) => {
            // The driver leaves a part of the answer behind when the server refuses a copy.
            link.spoil();
            postgres::read(link.connection()?, &select, kinds).await
        }
        Conn::SqliteWrite(tx) => Ok(sqlite::read(tx, select)),
        Conn::SqliteRead(connection) => Ok(sqlite::read(connection, select)),
    }
}

/// Writes rows. `columns` are those of the rows, all of them columns of the table; `instead` gives some of them another value.
///
/// # Errors
/// Database failures, and values that a column cannot take.
pub(crate) async fn write(
    tx: &mut Tx,
    table: &Table,
    columns: &[String],
    block: &Block,
    instead: &[(&str, Value<'_>)],
) -> Result<(), DbError> {
    let mut kinds = Vec::with_capacity(columns.len());
    for name in columns {
        let column = table.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| unreadable(format!("{} has no column {name}", table.name)))?;
        let other = instead.iter().find(|(instead, _)| instead == name).map(|(_, value)| *value);
        kinds.push((column.kind, other));
    }
    let names: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    let into = format!("\"{}\" ({})", table.name, names.join(", "));
    let written = match &mut tx.conn {
        Conn::Pg(link) if link.is_open() => postgres::write(link.connection()?, &into, &kinds, block).await?,
        Conn::SqliteWrite(tx) => sqlite::write(tx, &into, &kinds, block).await?,
        Conn::Pg(_) | Conn::SqliteRead(_) => {
            return Err(unreadable("rows are written in a transaction".into()));
        }
    };
    if written == u64::from(block.rows) {
        Ok(())
    } else {
        Err(unreadable(format!("{written} of {} rows were written", block.rows)))
    }
}

/// Whether a table has no rows.
///
/// # Errors
/// Database failures.
pub(crate) async fn is_empty(tx: &mut Tx, table: &str) -> Result<bool, DbError> {
    let text = format!("SELECT NOT EXISTS (SELECT 1 FROM \"{table}\")");
    let (is_empty,): (bool,) = tx.query(super::Sql::Built(text)).fetch_one().await?;
    Ok(is_empty)
}

/// Runs a statement without values, made of names of the catalog.
async fn run(tx: &mut Tx, statement: String) -> Result<(), DbError> {
    tx.query(super::Sql::Built(statement)).execute().await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_are_read_as_they_are_written(number: i64, text in "\\PC*", bytes: Vec<u8>) {
            let all = [Value::Null, Value::Integer(number), Value::Text(&text), Value::Bytes(&bytes)];
            let mut block = Block { rows: 1, ..Block::default() };
            for value in all {
                value.put(&mut block.bytes);
            }
            let mut values = Values::of(&block);
            for value in all {
                prop_assert_eq!(values.next().unwrap(), value);
            }
            prop_assert!(values.is_empty() && values.next().is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let block = Block { rows: 1, bytes };
            let mut values = Values::of(&block);
            while !values.is_empty() && values.next().is_ok() {}
        }
    }
}
