//! What SQLite says of many documents, as one text: there a row costs more than what is in it.

use std::collections::HashMap;

use uuid::Uuid;

use super::find::{Row, Whole};
use crate::db::DbError;

/// One entry of documents as [`rows`] reads them.
pub(super) const ROW: &str = "SELECT hex(d.mission_id) || ':' || hex(d.subject_id) || ':' || hex(d.sketch) || ':' || d.document_no || ':' || d.subject_kind AS entry";
/// One entry of documents as [`texts`] reads them.
pub(super) const TEXT: &str =
    "SELECT d.document_no || ':' || d.subject_kind || ':' || length(CAST(d.title AS BLOB)) || ':'
     || length(CAST(d.body AS BLOB)) || ':' || d.title || d.body AS entry";

/// Bytes written as digits of base 16; `None` for anything else.
pub(crate) fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn wrong() -> DbError {
    DbError::Inconsistent {
        table: "search_document",
        message: "an entry is not written as it is read".into(),
    }
}

/// Documents of `mission:subject:sketch:number:kind`, between spaces; those without a sketch are without their texts too.
pub(super) fn rows(all: &str) -> Result<Vec<Row>, DbError> {
    let one = |entry: &str| {
        let mut fields = entry.split(':');
        let mut id = || Uuid::from_slice(&unhex(fields.next()?)?).ok();
        let (mission, subject_id) = (id()?, id()?);
        let sketch = unhex(fields.next()?)?;
        Some(Row {
            document_no: fields.next()?.parse().ok()?,
            mission_id: mc_api::id::MissionId::from_uuid(mission),
            subject_kind: fields.next()?.to_owned(),
            subject_id,
            sketch: (!sketch.is_empty()).then_some(sketch),
            title: String::new(),
            body: String::new(),
        })
    };
    all.split_ascii_whitespace().map(|entry| one(entry).ok_or_else(wrong)).collect()
}

/// Documents of `number:kind:bytes of the title:bytes of the body:` and both texts, one behind the other.
pub(super) fn texts(all: &str) -> Result<HashMap<i64, Whole>, DbError> {
    let mut rest = all;
    let mut found = HashMap::new();
    while !rest.is_empty() {
        let mut one = || {
            let mut fields = rest.splitn(5, ':');
            let document_no = fields.next()?.parse().ok()?;
            let subject_kind = fields.next()?.to_owned();
            let (title, body): (usize, usize) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            let (title, after) = fields.next()?.split_at_checked(title)?;
            let (body, after) = after.split_at_checked(body)?;
            rest = after;
            Some(Whole { document_no, subject_kind, title: title.to_owned(), body: body.to_owned() })
        };
        let whole = one().ok_or_else(wrong)?;
        found.insert(whole.document_no, whole);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_read_again() {
        let (mission, subject) = (Uuid::from_u128(7), Uuid::from_u128(u128::MAX));
        let plain = |id: Uuid| id.simple().to_string().to_uppercase();
        let entry = |sketch: &str| format!("{}:{}:{sketch}:12:task", plain(mission), plain(subject));
        let read = rows(&format!("{} {}", entry("00FF7f"), entry(""))).unwrap();
        assert_eq!(read[0].sketch.as_deref(), Some(&[0, 255, 127][..]));
        assert_eq!((read[1].sketch.as_deref(), read[1].document_no, read[1].subject_id), (None, 12, subject));
        assert_eq!((read[0].mission_id.as_uuid(), read[0].subject_kind.as_str()), (mission, "task"));
        assert!(rows("").unwrap().is_empty());
        for bad in ["00:", "0", &entry("0"), &entry("GG"), &entry("00").replace("12", "x")] {
            assert!(rows(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_may_hold_what_parts_them() {
        let text = |number: i64, title: &str, body: &str| {
            format!("{number}:doc:{}:{}:{title}{body}", title.len(), body.len())
        };
        let all = text(1, "a:b 3:4", "") + &text(2, "", ":\0 ö") + &text(30, "ü", "1:doc:0:0:");
        let read = texts(&all).unwrap();
        assert_eq!((read[&1].title.as_str(), read[&1].body.as_str()), ("a:b 3:4", ""));
        assert_eq!((read[&2].title.as_str(), read[&2].body.as_str()), ("", ":\0 ö"));
        assert_eq!((read.len(), read[&30].body.as_str()), (3, "1:doc:0:0:"));
        for bad in [&all[..all.len() - 1], "1:doc:2:0:a", "x:doc:0:0:", "1:doc:1:0:ö", "1:doc"] {
            assert!(texts(bad).is_err(), "{bad}");
        }
    }
}
