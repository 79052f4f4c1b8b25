//! Follows the parts of an installation, checks that they are in order and whole, and sums them up.

use mc_api::Timestamp;
use mc_api::id::{EventId, MissionId, OrganizationId, PrincipalId};
use mc_ledger::export::Verifier;
use mc_ledger::{Digest, Envelope, SealedEvent};
use ring::digest;
use uuid::Uuid;

use super::form::{BadPart, Head, Key, Manifest, ObjectHead, Part, TableHead, TableSum};
use crate::db::bulk::{Block, Value, Values};

/// What began and has not ended.
enum Open {
    Nothing,
    Object(Box<(ObjectHead, digest::Context)>),
    Git,
    Table(Box<OpenTable>),
}

struct OpenTable {
    head: TableHead,
    rows: u64,
    digest: digest::Context,
    events: Option<Events>,
}

/// Sums up what it is shown.
pub(super) struct Tally {
    pub(super) head: Option<Head>,
    pub(super) keys: Vec<Key>,
    /// Keys of the database: id and sealed bytes.
    pub(super) sealed: Vec<(String, Vec<u8>)>,
    open: Open,
    tables: Vec<TableSum>,
    objects: u64,
    object_bytes: u64,
    missing: u64,
    git_bytes: u64,
    has_git: bool,
    chain: Option<Verifier>,
    unsealed: u64,
    /// What the database says of the end of its chain.
    chain_head: Option<(i64, String)>,
    is_over: bool,
}

fn bad(message: impl Into<String>) -> BadPart {
    BadPart(message.into())
}

fn finished(context: digest::Context) -> Digest {
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Digest(sha256)
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            head: None,
            keys: Vec::new(),
            sealed: Vec::new(),
            open: Open::Nothing,
            tables: Vec::new(),
            objects: 0,
            object_bytes: 0,
            missing: 0,
            git_bytes: 0,
            has_git: false,
            chain: Some(Verifier::new()),
            unsealed: 0,
            chain_head: None,
            is_over: false,
        }
    }
}

impl Tally {
    /// Of the tables alone, without a head before them.
    pub(super) fn of_tables(head: Head) -> Self {
        Self { head: Some(Head { git_commit: None, ..head }), ..Self::default() }
    }

    /// Ends the object that is open.
    fn close(&mut self) -> Result<(), BadPart> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing | Open::Git => Ok(()),
            Open::Object(open) => {
                let (object, context) = *open;
                if finished(context) == object.sha256 {
                    return Ok(());
                }
                Err(bad(format!("the content {} of {} has another digest", object.sha256, object.area)))
            }
            Open::Table(table) => Err(bad(format!("the table {} does not end", table.head.name))),
        }
    }

    /// Takes the next part.
    ///
    /// # Errors
    /// What is wrong with it, or with what is before it.
    pub(super) fn take(&mut self, part: &Part) -> Result<(), BadPart> {
        if self.is_over {
            return Err(bad("it comes behind the end"));
        }
        if self.head.is_none() != matches!(part, Part::Head(_)) {
            return Err(bad("the head is not the first part"));
        }
        match part {
            Part::Head(head) => self.head = Some(head.clone()),
            Part::Key(key) => self.keys.push(key.clone()),
            Part::Object(object) => {
                self.close()?;
                self.objects += 1;
                self.open = Open::Object(Box::new((object.clone(), digest::Context::new(&digest::SHA256))));
            }
            Part::Missing(_) => {
                self.close()?;
                self.missing += 1;
            }
            Part::Git => {
                self.close()?;
                self.has_git = true;
                self.open = Open::Git;
            }
            Part::Data(bytes) => match &mut self.open {
                Open::Object(open) => {
                    open.1.update(bytes);
                    self.object_bytes += bytes.len() as u64;
                }
                Open::Git => self.git_bytes += bytes.len() as u64,
                Open::Nothing | Open::Table(_) => return Err(bad("bytes that belong to nothing")),
            },
            Part::Table(table) => {
                self.close()?;
                self.open(table)?;
            }
            Part::Rows(block) => self.rows(block)?,
            Part::TableEnd(sum) => {
                let made = self.end()?;
                if made != *sum {
                    return Err(bad(format!("the table {} has other rows than its sum says", sum.name)));
                }
            }
            Part::End(manifest) => {
                let made = self.sum()?;
                if made != *manifest {
                    return Err(bad("what is there is not what the end says"));
                }
                self.is_over = true;
            }
        }
        Ok(())
    }

    fn open(&mut self, table: &TableHead) -> Result<(), BadPart> {
        if self.tables.iter().any(|done| done.name == table.name) {
            return Err(bad(format!("the table {} comes twice", table.name)));
        }
        if table.columns.is_empty() {
            return Err(bad(format!("the table {} has no columns", table.name)));
        }
        let events = match table.name.as_str() {
            "ledger_event" => Some(Events::of(table)?),
            _ => None,
        };
        self.open = Open::Table(Box::new(OpenTable {
            head: table.clone(),
            rows: 0,
            digest: digest::Context::new(&digest::SHA256),
            events,
        }));
        Ok(())
    }

    fn rows(&mut self, block: &Block) -> Result<(), BadPart> {
        let Open::Table(table) = &mut self.open else { return Err(bad("rows that belong to nothing")) };
        if usize::try_from(block.rows).unwrap_or(usize::MAX) > block.bytes.len() {
            return Err(bad(format!("rows of {} are missing", table.head.name)));
        }
        table.rows += u64::from(block.rows);
        table.digest.update(&block.bytes);
        let columns = table.head.columns.len();
        let mut values = Values::of(block);
        let mut row: Vec<Value<'_>> = Vec::with_capacity(columns);
        for _ in 0..block.rows {
            row.clear();
            for _ in 0..columns {
                row.push(values.next().map_err(|error| bad(error.to_string()))?);
            }
            if let Some(events) = &table.events {
                match events.read(&row)? {
                    Some(event) => {
                        if let Some(chain) = &mut self.chain {
                            chain.event(&event);
                        }
                    }
                    None => self.unsealed += 1,
                }
                continue;
            }
            let value = |name: &str| {
                table.head.columns.iter().position(|column| column == name).and_then(|place| row.get(place))
            };
            match table.head.name.as_str() {
                "keyring" | "seal_key" => {
                    if let (Some(Value::Text(key)), Some(Value::Bytes(bytes))) =
                        (value("key_id"), value("sealed"))
                    {
                        self.sealed.push(((*key).to_owned(), bytes.to_vec()));
                    }
                }
                "ledger_head" => {
                    if let (Some(Value::Integer(seq)), Some(Value::Text(hash))) =
                        (value("seq"), value("hash"))
                    {
                        self.chain_head = Some((*seq, (*hash).to_owned()));
                    }
                }
                _ => {}
            }
        }
        if values.is_empty() {
            Ok(())
        } else {
            Err(bad(format!("rows of {} are left over", table.head.name)))
        }
    }

    /// Ends the table that is open.
    ///
    /// # Errors
    /// None is.
    pub(super) fn end(&mut self) -> Result<TableSum, BadPart> {
        let Open::Table(table) = std::mem::replace(&mut self.open, Open::Nothing) else {
            return Err(bad("a table ends that did not begin"));
        };
        let sum = TableSum { name: table.head.name, rows: table.rows, sha256: finished(table.digest) };
        self.tables.push(sum.clone());
        Ok(sum)
    }

    /// What there was, after the chain of the ledger was found whole.
    ///
    /// # Errors
    /// What is not.
    pub(super) fn sum(&mut self) -> Result<Manifest, BadPart> {
        self.close()?;
        let report = self.chain.take().unwrap_or_default().finish();
        if let Some(fault) = report.fault {
            let seq = fault.seq.map_or_else(String::new, |seq| format!(" at {seq}"));
            return Err(bad(format!("the ledger does not verify{seq}: {}", fault.message)));
        }
        let (seq, hash) = self.chain_head.clone().ok_or_else(|| bad("the ledger has no head"))?;
        if i64::try_from(report.last_seq) != Ok(seq) || report.head.to_string() != hash {
            return Err(bad(format!("the ledger ends at {}, its head says {seq}", report.last_seq)));
        }
        if self.has_git != self.head.as_ref().is_some_and(|head| head.git_commit.is_some()) {
            return Err(bad("the Git ledger is not there, or nobody said that it is"));
        }
        Ok(Manifest {
            tables: self.tables.clone(),
            objects: self.objects,
            object_bytes: self.object_bytes,
            missing: self.missing,
            git_bytes: self.git_bytes,
            ledger_seq: report.last_seq,
            ledger_hash: report.head,
            unsealed: self.unsealed,
        })
    }

    /// Whether the end was there.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

/// Where the columns of an event are in its row.
struct Events([usize; 14]);

const EVENT: [&str; 14] = [
    "seq",
    "prev",
    "hash",
    "event_id",
    "organization_id",
    "mission_id",
    "action",
    "subject_kind",
    "subject_id",
    "principal_id",
    "request_id",
    "occurred_at",
    "body_sha256",
    "body",
];

impl Events {
    fn of(table: &TableHead) -> Result<Self, BadPart> {
        let mut places = [0; 14];
        for (place, name) in places.iter_mut().zip(EVENT) {
            let found = table.columns.iter().position(|column| column == name);
            *place = found.ok_or_else(|| bad(format!("events have no {name}")))?;
        }
        Ok(Self(places))
    }

    /// The event of a row; `None`: it is not sealed yet.
    fn read(&self, row: &[Value<'_>]) -> Result<Option<SealedEvent>, BadPart> {
        let value = |place: usize| -> Value<'_> {
            self.0.get(place).and_then(|column| row.get(*column)).copied().unwrap_or(Value::Null)
        };
        let wrong = |place: usize| {
            bad(format!("{} of an event cannot be read", EVENT.get(place).unwrap_or(&"a column")))
        };
        let text = |place: usize| match value(place) {
            Value::Text(text) => Ok(text),
            _ => Err(wrong(place)),
        };
        let id = |place: usize| match value(place) {
            Value::Bytes(bytes) => Uuid::from_slice(bytes).map_err(|_| wrong(place)),
            _ => Err(wrong(place)),
        };
        let number = |place: usize| match value(place) {
            Value::Integer(number) => Ok(number),
            _ => Err(wrong(place)),
        };
        let hex = |place: usize| text(place)?.parse::<Digest>().map_err(|_| wrong(place));
        if value(0) == Value::Null {
            return Ok(None);
        }
        let mission = match value(5) {
            Value::Null => None,
            _ => Some(MissionId::from_uuid(id(5)?).to_string()),
        };
        Ok(Some(SealedEvent {
            seq: u64::try_from(number(0)?).map_err(|_| wrong(0))?,
            prev: hex(1)?,
            hash: hex(2)?,
            envelope: Envelope {
                id: EventId::from_uuid(id(3)?).to_string(),
                organization_id: OrganizationId::from_uuid(id(4)?).to_string(),
                mission_id: mission,
                action: text(6)?.to_owned(),
                subject_kind: text(7)?.to_owned(),
                subject_id: text(8)?.to_owned(),
                principal_id: PrincipalId::from_uuid(id(9)?).to_string(),
                request_id: text(10)?.to_owned(),
                occurred_at: Timestamp::from_micros(number(11)?).to_string(),
            },
            body_sha256: hex(12)?,
            body: Some(text(13)?.to_owned()),
        }))
    }
}
