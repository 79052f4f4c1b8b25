//! The only place that prints.
//!
//! Data goes to stdout, talk and errors to stderr. With `-o json` errors are problem documents too.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use mc_api::{Page, Problem, ProblemKind};
use serde::Serialize;

use crate::exit::{Exit, Failure};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// More columns, nothing cut.
    Wide,
    /// One JSON object.
    Json,
    /// A manifest, as `mc apply` reads it.
    Yaml,
    /// `kind/name` only.
    Name,
}

/// What was done with something.
#[derive(Serialize)]
struct Did<'a> {
    kind: &'a str,
    name: &'a str,
    result: &'a str,
}

/// Where and how this invocation prints.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// The form of answers.
    pub format: Format,
    quiet: bool,
    color: bool,
}

/// How many columns the terminal on standard output has; `None` when it is none.
pub fn columns() -> Option<usize> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let known = rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
    Some(known.filter(|columns| *columns > 0).unwrap_or(crate::table::WIDTH))
}

impl Output {
    /// For a format; `quiet` drops talk, never data or errors.
    pub fn new(format: Format, quiet: bool, no_color: bool) -> Self {
        Self { format, quiet, color: !no_color && std::io::stderr().is_terminal() }
    }

    /// Prints data as it is.
    pub fn data(&self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
    }

    /// Prints one value as indented JSON.
    pub fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.data(&text)
    }

    /// Prints one value as one line of JSON.
    pub fn json_line(&self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_string(value)?;
        text.push('\n');
        self.data(&text)
    }

    /// Prints one value in the format chosen: JSON, YAML, or the text given for people.
    pub fn value(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        match self.format {
            Format::Json => self.json(value),
            Format::Yaml => self.data(&serde_yaml_ng::to_string(value)?),
            Format::Table | Format::Wide | Format::Name => self.data(&text()),
        }
    }

    /// Prints a list in the format chosen: `{"items":[…],"next_cursor":null}`, YAML, or the text for people.
    pub fn list<T: Serialize>(&self, items: Vec<T>, text: impl FnOnce(&[T]) -> String) -> anyhow::Result<()> {
        match self.format {
            Format::Json => self.json(&Page { items, next_cursor: None }),
            Format::Yaml => self.data(&serde_yaml_ng::to_string(&items)?),
            Format::Table | Format::Wide | Format::Name => self.data(&text(&items)),
        }
    }

    /// Says what was done with something that is not shown itself: `kind/name result`, or the same as JSON.
    pub fn did(&self, kind: &str, name: &str, result: &str) -> anyhow::Result<()> {
        self.value(&Did { kind, name, result }, || match self.format {
            Format::Name => format!("{kind}/{name}\n"),
            Format::Table | Format::Wide | Format::Json | Format::Yaml => format!("{kind}/{name} {result}\n"),
        })
    }

    /// Says something that is no data.
    pub fn talk(&self, text: &str) {
        if !self.quiet {
            stderr(text);
        }
    }

    /// Prints an error and answers with its exit code.
    pub fn failure(&self, error: &anyhow::Error) -> Exit {
        let exit = Exit::of(error);
        if exit == Exit::Ok {
            return exit;
        }
        if self.format == Format::Json {
            let document = document(error, exit);
            let text = serde_json::to_string_pretty(&document).unwrap_or_else(|_| format!("{error:#}"));
            stderr(&text);
        } else if exit != Exit::Interrupted {
            let head = if self.color { "\u{1b}[31merror:\u{1b}[0m" } else { "error:" };
            stderr(&format!("{head} {}", explain(error)));
        }
        exit
    }
}

fn stderr(text: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody is left to be told when stderr itself is gone.
    drop(writeln!(err, "{text}"));
}

/// Each text on a line of its own.
pub fn lines(texts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut all = String::new();
    for text in texts {
        all.push_str(text.as_ref());
        all.push('\n');
    }
    all
}

fn server_problem(error: &anyhow::Error) -> Option<&Problem> {
    error.chain().find_map(|cause| match cause.downcast_ref::<mc_client::Error>() {
        Some(mc_client::Error::Problem(problem)) => Some(problem.as_ref()),
        _ => None,
    })
}

/// The error as a problem document: the server's own, or one of ours (`urn:missioncontrol:client:…`, status 0).
pub fn document(error: &anyhow::Error, exit: Exit) -> Problem {
    if let Some(problem) = server_problem(error) {
        return problem.clone();
    }
    let (slug, title) = match exit {
        Exit::Usage => ("usage", "The call is wrong"),
        Exit::Refused => ("refused", "Refused"),
        Exit::NotFound => ("not-found", "Not found"),
        Exit::Conflict => ("conflict", "The state does not allow this"),
        Exit::Unreachable => ("unreachable", "The server cannot be reached"),
        Exit::Timeout => ("timeout", "Not in time"),
        Exit::ApprovalNeeded => ("approval-needed", "Someone has to approve this"),
        Exit::Interrupted => ("interrupted", "Interrupted"),
        Exit::Internal | Exit::Ok => ("internal", "Internal error"),
    };
    Problem {
        kind: format!("urn:missioncontrol:client:{slug}"),
        title: title.into(),
        status: 0,
        detail: explain(error),
        instance: None,
        request_id: None,
        errors: vec![],
        conflicts: vec![],
        overlap_suggestions: vec![],
        version_conflicts: vec![],
    }
}

/// What failed, why, and what to do, for people.
pub fn explain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let level = if let Some(mc_client::Error::Problem(problem)) = cause.downcast_ref() {
            format!("{} ({})", problem.detail, problem.title.to_lowercase())
        } else {
            cause.to_string()
        };
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&level);
    }
    let problem = server_problem(error);
    // The first is the detail.
    for conflict in problem.map(|p| p.conflicts.as_slice()).unwrap_or_default().iter().skip(1) {
        text.push_str("\n  ");
        text.push_str(&conflict.describe());
    }
    for field in problem.map(|p| p.errors.as_slice()).unwrap_or_default() {
        if problem.is_some_and(|p| p.detail == format!("{}: {}", field.pointer, field.message)) {
            // The only rule broken is the whole detail.
            continue;
        }
        text.extend(["\n  ", &field.pointer, ": ", &field.message]);
    }
    for conflict in problem.map(|p| p.version_conflicts.as_slice()).unwrap_or_default() {
        let side = |version: Option<i64>| {
            version.map_or_else(|| "-".to_owned(), |version| format!("version {version}"))
        };
        text.extend([
            "\n  ".to_owned(),
            format!("{}: {}, made of {}", conflict.path, conflict.reason, side(conflict.expected_version)),
            format!(", there is {}", side(conflict.current_version)),
        ]);
    }
    if let Some(fix) = fix(error) {
        text.extend(["\n  fix: ", fix]);
    }
    if let Some(id) = problem.and_then(|p| p.request_id.as_deref()) {
        text.extend(["\n  request id: ", id]);
    }
    crate::table::printable(&text)
}

/// What the person at this terminal can do about it, where that is more than the message says.
fn fix(error: &anyhow::Error) -> Option<&'static str> {
    if error.chain().any(|cause| cause.downcast_ref::<Failure>().is_some()) {
        return None;
    }
    let client = error.chain().find_map(|cause| cause.downcast_ref::<mc_client::Error>())?;
    match client {
        mc_client::Error::Unreachable { .. } => Some(
            "start a server with `mc up --detach`, or choose another by --server, MC_BASE_URL or `mc config use-context`",
        ),
        mc_client::Error::Timeout { .. } => {
            Some("look at `mc system doctor` and the server's log, then try again")
        }
        mc_client::Error::UnexpectedAnswer { .. } => {
            Some("check that the address is a MissionControl server of this version (`mc system version`)")
        }
        mc_client::Error::Problem(problem) => match ProblemKind::from_slug(problem.slug())? {
            ProblemKind::Unauthenticated => Some(
                "set MC_TOKEN, give --token-file (the server keeps its bootstrap token in DIR/token), or run `mc auth login`",
            ),
            ProblemKind::Forbidden => Some("`mc auth whoami` shows your role; an Admin can grant another"),
            ProblemKind::SelfApproval => {
                Some("let another principal decide, as with `mc auth login --as reviewer`")
            }
            ProblemKind::StaleVersion => Some("read it again and repeat the change"),
            ProblemKind::LeaseLost => {
                Some("`mc describe task REF` shows who holds it; a task that is ready can be claimed")
            }
            ProblemKind::AmbiguousReference => {
                Some("use the id, or say which with -m MISSION and -k KLUSTER")
            }
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mc_api::FieldError;

    #[test]
    fn a_problem_says_what_why_and_whom_to_ask() {
        let problem = Problem {
            kind: format!("{}validation", Problem::TYPE_PREFIX),
            title: ProblemKind::Validation.title().into(),
            status: 422,
            detail: "1 field is wrong".into(),
            instance: None,
            request_id: Some("r-1".into()),
            errors: vec![FieldError { pointer: "/priority".into(), message: "0 to 100\u{7}".into() }],
            conflicts: vec![],
            overlap_suggestions: vec![],
            version_conflicts: vec![],
        };
        let error = anyhow::Error::new(mc_client::Error::Problem(Box::new(problem.clone())))
            .context("task/build cannot be created");
        assert_eq!(
            explain(&error),
            "task/build cannot be created: 1 field is wrong (the request breaks a rule)\n  /priority: 0 to 100 \n  request id: r-1"
        );
        assert_eq!(document(&error, Exit::Usage), problem);
    }

    #[test]
    fn a_local_failure_is_a_document_too() {
        let error = anyhow::Error::new(Failure::Timeout("not done after 60s".into()));
        let document = document(&error, Exit::Timeout);
        assert_eq!(document.kind, "urn:missioncontrol:client:timeout");
        assert_eq!((document.status, document.detail.as_str()), (0, "not done after 60s"));
    }
}
