//! `mc system doctor`: what the server says of itself, and whether its objects and its database agree.

use mc_api::Role;
use mc_api::doctor::{CheckObjects, Finding, FindingState, ObjectCheck};
use mc_api::system::Health;
use serde::Serialize;

use crate::args::SystemDoctor;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

/// All that was found.
#[derive(Serialize)]
pub(super) struct Report {
    /// Every check is well, and nothing is left to mend.
    pub(super) ok: bool,
    #[serde(flatten)]
    health: Checks,
    /// Absent: the contents were not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<Objects>,
    /// Why they could not be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects_error: Option<String>,
    #[serde(skip)]
    failure: Option<anyhow::Error>,
}

/// [`Health`] without its verdict, which is of the checks alone.
#[derive(Serialize)]
struct Checks {
    checks: Vec<mc_api::system::Check>,
    now: mc_api::Timestamp,
}

/// The parts of the comparison, together.
#[derive(Default, Serialize)]
struct Objects {
    checked: u64,
    bytes_read: u64,
    mended: usize,
    left: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    findings: Vec<Finding>,
}

impl Objects {
    fn take(&mut self, part: ObjectCheck) {
        self.checked += part.checked;
        self.bytes_read += part.bytes_read;
        self.held = self.held.take().or(part.held);
        self.mended += part.findings.iter().filter(|one| one.state == FindingState::Mended).count();
        self.left += part.findings.iter().filter(|one| one.is_left()).count();
        self.findings.extend(part.findings);
    }

    fn sum(&self) -> String {
        let mut words = vec![format!("{} contents compared", self.checked)];
        if self.bytes_read > 0 {
            words.push(format!("{} bytes read", self.bytes_read));
        }
        words.push(format!("{} mended", self.mended));
        words.push(format!("{} left", self.left));
        words.extend(self.held.clone());
        words.join(", ")
    }
}

/// Compares everything, part by part.
async fn compare(cx: &Invocation, args: SystemDoctor) -> anyhow::Result<Objects> {
    let client = cx.client()?;
    let mut all = Objects::default();
    let mut cursor = None;
    loop {
        let asked = CheckObjects { fix: args.fix, deep: args.deep, cursor };
        let mut part = client.check_objects(&asked).await?;
        cursor = part.next_cursor.take();
        all.take(part);
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Asks for everything that is wanted and allowed. That contents cannot be compared is a part of the report: the store may
/// be what is broken.
///
/// # Errors
/// A server that does not tell even its own checks.
pub(super) async fn examine(cx: &Invocation, args: SystemDoctor) -> anyhow::Result<Report> {
    let client = cx.client()?;
    let Health { ok, checks, now } = client.doctor().await?;
    let compared = if args.no_objects {
        None
    } else if args.fix || args.deep || client.whoami().await?.principal.role == Some(Role::Admin) {
        Some(compare(cx, args).await)
    } else {
        cx.out.talk("stored contents were not compared: that needs the role admin");
        None
    };
    let (objects, failure) = match compared {
        Some(Ok(objects)) => (Some(objects), None),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, None),
    };
    let ok = ok && failure.is_none() && objects.as_ref().is_none_or(|objects| objects.left == 0);
    let objects_error = failure.as_ref().map(crate::output::explain);
    Ok(Report { ok, health: Checks { checks, now }, objects, objects_error, failure })
}

pub(super) async fn run(cx: &Invocation, args: SystemDoctor) -> anyhow::Result<()> {
    let mut report = examine(cx, args).await?;
    cx.out.value(&report, || text(&report))?;
    if let Some(failure) = report.failure.take() {
        return Err(failure.context("stored contents could not be compared"));
    }
    let checks = report.health.checks.iter().filter(|check| !check.ok).map(|check| check.name.clone());
    let mut bad: Vec<String> = checks.collect();
    if let Some(objects) = report.objects.as_ref().filter(|objects| objects.left > 0) {
        bad.push(format!("{} findings about stored contents", objects.left));
    }
    if report.ok { Ok(()) } else { Err(Failure::Refused(format!("not well: {}", bad.join(", "))).into()) }
}

fn text(report: &Report) -> String {
    let verdict = |ok: bool| if ok { "ok" } else { "NOT OK" }.to_owned();
    let mut rows: Vec<Vec<String>> = report
        .health
        .checks
        .iter()
        .map(|check| vec![verdict(check.ok), check.name.clone(), check.detail.clone()])
        .collect();
    if let Some(objects) = &report.objects {
        rows.push(vec![verdict(objects.left == 0), "contents".to_owned(), objects.sum()]);
    }
    if let Some(why) = &report.objects_error {
        rows.push(vec![verdict(false), "contents".to_owned(), format!("not compared: {why}")]);
    }
    let mut text = table::render(&["RESULT", "CHECK", "DETAIL"], rows, false);
    for finding in report.objects.iter().flat_map(|objects| &objects.findings) {
        text.push_str(&line(finding));
        text.push('\n');
    }
    text
}

/// One line for each finding, however long: a table would cut what must be read.
fn line(finding: &Finding) -> String {
    let of = finding.mission.as_ref().map(|mission| format!(" of mission {mission}")).unwrap_or_default();
    let done = finding.done.as_ref().map(|done| format!(" DONE: {done}.")).unwrap_or_default();
    let fix = if finding.state == FindingState::Mended || finding.fix.is_empty() {
        String::new()
    } else {
        format!(" FIX: {}.", finding.fix)
    };
    let line = format!(
        "{} ({}, {}) {}{of}: {}.{done}{fix}",
        finding.severity.as_str().to_uppercase(),
        finding.kind,
        finding.state,
        finding.subject,
        finding.cause
    );
    table::one_line(&line)
}

#[cfg(test)]
mod tests {
    use mc_api::doctor::{FindingKind, Severity};

    use super::*;

    fn finding(state: FindingState) -> Finding {
        Finding {
            kind: FindingKind::Missing,
            severity: Severity::Error,
            subject: "artifact report (art_1)".into(),
            cause: "its content is not stored".into(),
            fix: "store it again".into(),
            done: (state != FindingState::Open).then(|| "something".into()),
            state,
            mission_id: None,
            mission: Some("apollo".into()),
            sha256: None,
            named_by: Vec::new(),
        }
    }

    #[test]
    fn a_finding_is_one_line_with_all_that_is_to_be_known() {
        assert_eq!(
            line(&finding(FindingState::Open)),
            "ERROR (missing, open) artifact report (art_1) of mission apollo: its content is not stored. FIX: store it again."
        );
        let mended = line(&finding(FindingState::Mended));
        assert!(mended.ends_with("DONE: something.") && !mended.contains("FIX"), "{mended}");
    }

    #[test]
    fn parts_are_summed_and_what_is_fine_or_mended_is_not_left() {
        let mut all = Objects::default();
        let part = |states: &[FindingState], held: Option<&str>| ObjectCheck {
            kind: "object_check".into(),
            findings: states.iter().map(|state| finding(*state)).collect(),
            checked: 2,
            bytes_read: 0,
            held: held.map(str::to_owned),
            next_cursor: None,
        };
        all.take(part(&[FindingState::Open, FindingState::Fine], Some("a backup runs")));
        all.take(part(&[FindingState::Mended, FindingState::Left], None));
        assert_eq!((all.checked, all.mended, all.left, all.findings.len()), (4, 1, 2, 4));
        assert_eq!(all.sum(), "4 contents compared, 1 mended, 2 left, a backup runs");
    }
}
