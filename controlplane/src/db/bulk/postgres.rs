//! Postgres: COPY in its binary format, both ways.

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::{self, BoxStream};
use sqlx::postgres::PgConnection;

use super::{BLOCK_BYTES, Block, DbError, Kind, Value, Values, unreadable};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, length of the extension.
const HEADER: usize = 11 + 4 + 4;

struct Source<'t> {
    stream: BoxStream<'t, Result<Bytes, sqlx::Error>>,
    kinds: Vec<Kind>,
    /// What came and is not read yet, from `at` on.
    buffer: Vec<u8>,
    at: usize,
    begun: bool,
    ended: bool,
}

enum Step {
    /// A row was read.
    Row,
    /// More is needed.
    More,
    /// That was all.
    End,
}

fn garbled() -> DbError {
    unreadable("the answer to COPY cannot be read".into())
}

impl Source<'_> {
    fn header(&mut self) -> Result<bool, DbError> {
        let Some(header) = self.buffer.get(..HEADER) else { return Ok(false) };
        if !header.starts_with(SIGNATURE) || header[11..].iter().any(|byte| *byte != 0) {
            return Err(garbled());
        }
        self.at = HEADER;
        self.begun = true;
        Ok(true)
    }

    /// Reads a row into `out`, or leaves it as it was.
    fn row(&mut self, out: &mut Vec<u8>) -> Result<Step, DbError> {
        if !self.begun && !self.header()? {
            return Ok(Step::More);
        }
        let mut rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some((count, behind)) = rest.split_first_chunk::<2>() else { return Ok(Step::More) };
        rest = behind;
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.ended = true;
            return Ok(Step::End);
        }
        if usize::try_from(count) != Ok(self.kinds.len()) {
            return Err(garbled());
        }
        let began = out.len();
        for kind in &self.kinds {
            let Some((length, behind)) = rest.split_first_chunk::<4>() else {
                out.truncate(began);
                return Ok(Step::More);
            };
            rest = behind;
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                Value::Null.put(out);
                continue;
            }
            let length = usize::try_from(length).map_err(|_| garbled())?;
            let Some((field, behind)) = rest.split_at_checked(length) else {
                out.truncate(began);
                return Ok(Step::More);
            };
            rest = behind;
            take(*kind, field, out)?;
        }
        self.at = self.buffer.len() - rest.len();
        Ok(Step::Row)
    }

    async fn block(mut self) -> Result<Option<(Block, Self)>, DbError> {
        let mut block = Block::default();
        while !self.ended && block.bytes.len() < BLOCK_BYTES {
            match self.row(&mut block.bytes)? {
                Step::Row => block.rows += 1,
                Step::End => break,
                Step::More => match self.stream.try_next().await? {
                    Some(bytes) => {
                        self.buffer.drain(..self.at);
                        self.at = 0;
                        self.buffer.extend_from_slice(&bytes);
                    }
                    None => return Err(garbled()),
                },
            }
        }
        if self.ended {
            // Reads what the protocol says behind the last row.
            while self.stream.try_next().await?.is_some() {}
        }
        Ok((block.rows > 0).then_some((block, self)))
    }
}

/// Appends a field to a row.
fn take(kind: Kind, field: &[u8], out: &mut Vec<u8>) -> Result<(), DbError> {
    let number = match (kind, field) {
        (Kind::Big, field) => i64::from_be_bytes(field.try_into().map_err(|_| garbled())?),
        (Kind::Integer, field) => i32::from_be_bytes(field.try_into().map_err(|_| garbled())?).into(),
        (Kind::Small, field) => i16::from_be_bytes(field.try_into().map_err(|_| garbled())?).into(),
        (Kind::Boolean, [truth]) => i64::from(*truth),
        (Kind::Id | Kind::Bytes, field) => {
            Value::Bytes(field).put(out);
            return Ok(());
        }
        (Kind::Text, field) => {
            Value::Text(std::str::from_utf8(field).map_err(|_| garbled())?).put(out);
            return Ok(());
        }
        (Kind::Vector, field) => {
            // Dimensions and a reserved word, then the numbers.
            let (head, numbers) = field.split_first_chunk::<4>().ok_or_else(garbled)?;
            let (numbers, over) = numbers.as_chunks::<4>();
            if numbers.len() != usize::from(u16::from_be_bytes([head[0], head[1]])) || !over.is_empty() {
                return Err(garbled());
            }
            let turned: Vec<u8> = numbers.iter().flat_map(|four| four.iter().rev().copied()).collect();
            Value::Bytes(&turned).put(out);
            return Ok(());
        }
        (Kind::Boolean | Kind::Any, _) => return Err(garbled()),
    };
    Value::Integer(number).put(out);
    Ok(())
}

pub(super) async fn read<'t>(
    connection: &'t mut PgConnection,
    select: &str,
    kinds: Vec<Kind>,
) -> Result<BoxStream<'t, Result<Block, DbError>>, DbError> {
    let statement = format!("COPY ({select}) TO STDOUT (FORMAT binary)");
    let stream = connection.copy_out_raw(&statement).await?;
    let source = Source { stream, kinds, buffer: Vec::new(), at: 0, begun: false, ended: false };
    Ok(Box::pin(stream::try_unfold(source, |source| async move {
        if source.ended { Ok(None) } else { source.block().await }
    })))
}

/// Appends a value as a column takes it.
fn give(kind: Kind, value: Value<'_>, out: &mut Vec<u8>) -> Result<(), DbError> {
    let unfit = || unreadable(format!("{} does not fit a column of the kind {kind:?}", sort(value)));
    let mut field = |bytes: &[u8]| {
        let length = i32::try_from(bytes.len()).map_err(|_| unfit())?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(bytes);
        Ok(())
    };
    match (kind, value) {
        (_, Value::Null) => {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            Ok(())
        }
        (Kind::Big, Value::Integer(number)) => field(&number.to_be_bytes()),
        (Kind::Integer, Value::Integer(number)) => {
            field(&i32::try_from(number).map_err(|_| unfit())?.to_be_bytes())
        }
        (Kind::Small, Value::Integer(number)) => {
            field(&i16::try_from(number).map_err(|_| unfit())?.to_be_bytes())
        }
        (Kind::Boolean, Value::Integer(number @ 0..=1)) => field(&[u8::from(number == 1)]),
        (Kind::Id, Value::Bytes(bytes)) if bytes.len() == 16 => field(bytes),
        (Kind::Bytes, Value::Bytes(bytes)) => field(bytes),
        (Kind::Text, Value::Text(text)) => field(text.as_bytes()),
        (Kind::Vector, Value::Bytes(bytes)) if bytes.len() % 4 == 0 => {
            let dimensions = u16::try_from(bytes.len() / 4).map_err(|_| unfit())?;
            let mut turned = [dimensions.to_be_bytes(), [0, 0]].concat();
            turned.extend(bytes.as_chunks::<4>().0.iter().flat_map(|four| four.iter().rev().copied()));
            field(&turned)
        }
        _ => Err(unfit()),
    }
}

fn sort(value: Value<'_>) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(_) => "a text".to_owned(),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

pub(super) async fn write(
    connection: &mut PgConnection,
    into: &str,
    kinds: &[(Kind, Option<Value<'_>>)],
    block: &Block,
) -> Result<u64, DbError> {
    let columns = i16::try_from(kinds.len()).map_err(|_| unreadable("too many columns".into()))?;
    let mut out = Vec::with_capacity(block.bytes.len() + block.bytes.len() / 4 + HEADER);
    out.extend_from_slice(SIGNATURE);
    out.extend_from_slice(&[0; 8]);
    let mut values = Values::of(block);
    while !values.is_empty() {
        out.extend_from_slice(&columns.to_be_bytes());
        for (kind, instead) in kinds {
            let value = values.next().map_err(|error| unreadable(error.to_string()))?;
            give(*kind, instead.unwrap_or(value), &mut out)?;
        }
    }
    out.extend_from_slice(&(-1_i16).to_be_bytes());
    let mut copy = connection.copy_in_raw(&format!("COPY {into} FROM STDIN (FORMAT binary)")).await?;
    copy.send(out).await?;
    Ok(copy.finish().await?)
}
