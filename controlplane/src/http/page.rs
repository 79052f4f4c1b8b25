//! Pages and their cursors: opaque, signed, bound to the list and its filter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mc_api::page::{DEFAULT_LIMIT, MAX_LIMIT};
use mc_api::{Labels, Page, ProblemKind};
use mc_ledger::sha256;

use crate::app::App;
use crate::error::Error;
use crate::keyring::Purpose;

/// A page that is asked for.
#[derive(Debug, Clone)]
pub struct Request<I> {
    /// Objects after this id.
    pub after: Option<I>,
    limit: usize,
    list: String,
}

/// Of the objects of a list that are over, only the youngest.
#[derive(Debug, Clone, Copy)]
pub struct Recent<I> {
    /// This one and those made after it; `None`: none is over.
    pub from: Option<I>,
    /// So many are left out.
    pub left_out: i64,
}

impl<I: std::str::FromStr + std::fmt::Display> Request<I> {
    /// Reads `limit` and `cursor`. `list` names the list with its filter; a cursor of another list is refused.
    ///
    /// # Errors
    /// [`ProblemKind::InvalidCursor`], [`ProblemKind::Validation`].
    pub fn read(app: &App, list: String, limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Error> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("?limit", format!("1 to {MAX_LIMIT}")));
        }
        let after = cursor.map(|cursor| open(app, &list, cursor)).transpose()?;
        Ok(Self { after, limit: limit as usize, list })
    }

    /// The first page, of the largest size.
    pub fn largest() -> Self {
        Self { after: None, limit: MAX_LIMIT as usize, list: String::new() }
    }

    /// The same list, after this id.
    #[must_use]
    pub fn after(self, after: I) -> Self {
        Self { after: Some(after), ..self }
    }

    /// How many rows to read: one more than the page, to know whether another follows.
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Cuts the rows read to the page, with the cursor of the next.
    pub fn cut<T>(&self, app: &App, mut rows: Vec<T>, id: impl Fn(&T) -> I) -> Page<T> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let next_cursor =
            if more { rows.last().map(|last| seal(app, &self.list, &id(last).to_string())) } else { None };
        Page { items: rows, next_cursor }
    }

    /// As [`Request::cut`], of rows that were looked for up to `edge` only: when they fill no page, the next one begins
    /// there.
    pub fn cut_at<T>(&self, app: &App, rows: Vec<T>, id: impl Fn(&T) -> I, edge: Option<I>) -> Page<T> {
        let page = self.cut(app, rows, id);
        let at_edge = || edge.map(|edge| seal(app, &self.list, &edge.to_string()));
        Page { next_cursor: page.next_cursor.or_else(at_edge), ..page }
    }
}

/// A cursor of a list that is at a place.
pub(crate) fn seal(app: &App, list: &str, after: &str) -> String {
    let (key_id, tag) = app.keyring.sign(Purpose::Cursor, format!("{list}\0{after}").as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(&tag[..16.min(tag.len())]);
    URL_SAFE_NO_PAD.encode(format!("{key_id}.{after}.{tag}"))
}

/// The place of a cursor.
///
/// # Errors
/// [`ProblemKind::InvalidCursor`].
pub(crate) fn open<I: std::str::FromStr>(app: &App, list: &str, cursor: &str) -> Result<I, Error> {
    let refused = || {
        Error::new(
            ProblemKind::InvalidCursor,
            "use next_cursor exactly as given, with the same filter; or start again without",
        )
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    let mut parts = text.splitn(3, '.');
    let (Some(_), Some(after), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(refused());
    };
    // The expected cursor is made again; digests are compared, so that timing tells nothing about the tag.
    let expected = seal(app, list, after);
    if sha256(expected.as_bytes()) != sha256(cursor.as_bytes()) {
        return Err(refused());
    }
    after.parse().map_err(|_| refused())
}

/// Reads `labels=k=v,k2`: equality, or presence.
///
/// # Errors
/// [`ProblemKind::Validation`].
pub fn labels(text: Option<&str>) -> Result<Vec<(String, Option<String>)>, Error> {
    selector("?labels", text)
}

/// As [`labels`], for a selector that stands elsewhere.
///
/// # Errors
/// [`ProblemKind::Validation`] that names `pointer`.
pub fn selector(pointer: &'static str, text: Option<&str>) -> Result<Vec<(String, Option<String>)>, Error> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let wanted: Vec<_> = text
        .split(',')
        .map(|part| match part.split_once('=') {
            Some((key, value)) => (key.trim().to_owned(), Some(value.trim().to_owned())),
            None => (part.trim().to_owned(), None),
        })
        .collect();
    if wanted.len() > 16 {
        return Err(Error::invalid(pointer, "up to 16 of key=value or key, separated by commas"));
    }
    // What can be no label is refused here: as a key in SQL it would be a path of SQLite's own language.
    for (key, value) in &wanted {
        let label = Labels([(key.clone(), value.clone().unwrap_or_default())].into());
        label.check().map_err(|(_, rule)| Error::invalid(pointer, rule))?;
    }
    Ok(wanted)
}
