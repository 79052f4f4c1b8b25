//! SQLite: rows as they are stored, and insertions of many rows at once.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use futures_util::stream::{self, BoxStream};
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Decode, Row as _, TypeInfo as _, ValueRef as _};

use super::{BLOCK_BYTES, Block, DbError, Kind, Value, Values, unreadable};

/// At most so many values in one statement; SQLite takes 32766.
const VALUES: usize = 6000;

fn append(row: &SqliteRow, out: &mut Vec<u8>) -> Result<(), DbError> {
    let broken = |error: sqlx::error::BoxDynError| DbError::Statement(sqlx::Error::Decode(error));
    for column in 0..row.len() {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            Value::Null.put(out);
            continue;
        }
        let kind = value.type_info().into_owned();
        match kind.name() {
            "TEXT" => Value::Text(<&str as Decode<'_, Sqlite>>::decode(value).map_err(broken)?).put(out),
            "BLOB" => Value::Bytes(<&[u8] as Decode<'_, Sqlite>>::decode(value).map_err(broken)?).put(out),
            "INTEGER" | "BOOLEAN" => {
                Value::Integer(<i64 as Decode<'_, Sqlite>>::decode(value).map_err(broken)?).put(out);
            }
            other => return Err(unreadable(format!("a value of the kind {other} has no form"))),
        }
    }
    Ok(())
}

pub(super) fn read(
    connection: &mut SqliteConnection,
    select: String,
) -> BoxStream<'_, Result<Block, DbError>> {
    let rows = sqlx::query::<Sqlite>(AssertSqlSafe(select)).fetch(connection);
    Box::pin(stream::try_unfold(Some(rows), |rows| async move {
        let Some(mut rows) = rows else { return Ok(None) };
        let mut block = Block::default();
        while let Some(row) = rows.try_next().await? {
            append(&row, &mut block.bytes)?;
            block.rows += 1;
            if block.bytes.len() >= BLOCK_BYTES {
                return Ok(Some((block, Some(rows))));
            }
        }
        Ok((block.rows > 0).then_some((block, None)))
    }))
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    into: &str,
    kinds: &[(Kind, Option<Value<'_>>)],
    block: &Block,
) -> Result<u64, DbError> {
    let most = (VALUES / kinds.len().max(1)).max(1);
    let row = format!("({})", vec!["?"; kinds.len()].join(","));
    let text = |rows: usize| -> Arc<str> {
        format!("INSERT INTO {into} VALUES {}", vec![row.as_str(); rows].join(",")).into()
    };
    let whole = text(most);
    let mut written = 0;
    let mut values = Values::of(block);
    while !values.is_empty() {
        let (mut arguments, mut rows) = (SqliteArguments::default(), 0);
        while rows < most && !values.is_empty() {
            for (_, instead) in kinds {
                let value = values.next().map_err(|error| unreadable(error.to_string()))?;
                let added = match instead.unwrap_or(value) {
                    Value::Null => arguments.add(None::<i64>),
                    Value::Integer(number) => arguments.add(number),
                    Value::Text(text) => arguments.add(text.to_owned()),
                    Value::Bytes(bytes) => arguments.add(bytes.to_vec()),
                };
                added.map_err(|error| DbError::Statement(sqlx::Error::Encode(error)))?;
            }
            rows += 1;
        }
        // The last statement of a block is of another length, and not worth keeping.
        let query = if rows == most {
            sqlx::query_with::<Sqlite, _>(AssertSqlSafe(whole.clone()), arguments)
        } else {
            sqlx::query_with::<Sqlite, _>(AssertSqlSafe(text(rows)), arguments).persistent(false)
        };
        written += query.execute(&mut *connection).await?.rows_affected();
    }
    Ok(written)
}
