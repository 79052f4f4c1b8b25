//! `mc system upgrade --check`: what would come of another version, before anything is put in place.
//!
//! The rules are those of COMPATIBILITY_MATRIX.md: programs of one release belong together; a control plane speaks with
//! nodes of its own version and of the one before; a database that was migrated is refused by older programs.

use mc_api::installation::{CopySummary, Migration, ProgramAbout};
use mc_api::node::Node;
use mc_api::system::{Check, SchemaState, Version};
use mc_client::ListQuery;
use serde::Serialize;

use crate::age::{now, short};
use crate::args::{Installation, SystemUpgrade};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;
use crate::up::{self, Word};

/// A backup older than this has not the work of today.
const OLD_BACKUP: std::time::Duration = std::time::Duration::from_hours(24);

/// What was found.
#[derive(Serialize)]
struct Report {
    ok: bool,
    /// Whether there is anything to do.
    is_upgrade: bool,
    from: Version,
    to: ProgramAbout,
    schema: SchemaState,
    /// What would be applied to the database.
    migrations: Vec<Migration>,
    checks: Vec<Check>,
}

/// Major and minor version; the patch makes no difference here.
fn release(version: &str) -> Option<(u64, u64)> {
    let core = version.split(['+', '-']).next()?;
    let mut parts = core.split('.');
    let (major, minor) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u64>().ok()?;
    Some((major, minor))
}

fn check(name: impl Into<String>, verdict: Result<String, String>) -> Check {
    Check { name: name.into(), ok: verdict.is_ok(), detail: verdict.unwrap_or_else(|why| why) }
}

/// Whether the server may go from one version to the other.
fn versions(from: &str, to: &str) -> Result<String, String> {
    match (release(from), release(to)) {
        (Some(old), Some(new)) if old > new => Err(format!(
            "{from} is newer than {to}: an older program does not open what a newer one migrated"
        )),
        (Some(old), Some(new)) if old == new => Ok(format!("{from} and {to} are the same release")),
        (Some(_), Some(_)) => Ok(format!("{from} goes to {to}")),
        _ => Err(format!("{from} and {to} cannot be compared: expected versions as 1.2.3")),
    }
}

/// Whether a control plane of a version speaks with a node of another.
fn node(node: &str, controlplane: &str) -> Result<String, String> {
    let (Some(theirs), Some(ours)) = (release(node), release(controlplane)) else {
        return Err(format!("its version {node:?} cannot be compared with {controlplane}"));
    };
    match (theirs, ours) {
        (theirs, ours) if theirs == ours => Ok(format!("{node}, the same release")),
        ((major, minor), (ours, newer)) if major == ours && minor + 1 == newer => {
            Ok(format!("{node}, the release before {controlplane}: upgrade it after the control plane"))
        }
        (theirs, ours) if theirs > ours => {
            Err(format!("{node} is newer than {controlplane}: nodes are upgraded after the control plane"))
        }
        _ => Err(format!(
            "{node} is too old for {controlplane}, which speaks with the release before it: upgrade the node first"
        )),
    }
}

fn database(state: &SchemaState, to: &ProgramAbout, migrations: &[Migration]) -> Result<String, String> {
    if state.schema > to.schema {
        return Err(format!(
            "the schema has version {}, newer than the {} of that program: it would refuse it",
            state.schema, to.schema
        ));
    }
    if migrations.is_empty() {
        return Ok(format!("{} has schema version {}, nothing to migrate", state.backend, state.schema));
    }
    let names: Vec<String> =
        migrations.iter().map(|one| format!("{} {}", one.version, one.description)).collect();
    Ok(format!(
        "{} goes from schema version {} to {} ({}); the way back is a backup",
        state.backend,
        state.schema,
        to.schema,
        names.join(", ")
    ))
}

fn programs(to: &ProgramAbout) -> Result<String, String> {
    if to.build_id == mc_api::BUILD_ID {
        return Ok(format!("mc and mc-controlplane are of build {}", to.build_id));
    }
    Err(format!(
        "mc is of build {}, that mc-controlplane of {}: the programs of one release belong together",
        mc_api::BUILD_ID,
        to.build_id
    ))
}

fn backup(found: Option<&CopySummary>, migrates: bool) -> Result<String, String> {
    let Some(found) = found else {
        return Ok(if migrates {
            "none was named: make one first (mc system backup), for older programs refuse a migrated database; --backup FILE \
             checks it"
                .to_owned()
        } else {
            "none was named; recommended all the same (mc system backup)".to_owned()
        });
    };
    let made: mc_api::Timestamp =
        found.made_at.parse().map_err(|_| format!("it was made at {:?}, which is no time", found.made_at))?;
    let age = now().since(made);
    if age > OLD_BACKUP {
        return Err(format!("it is whole, and shows the state of {} ago: make another one", short(age)));
    }
    Ok(format!("it is whole, and shows the state of {} ago, schema {}", short(age), found.schema))
}

async fn nodes(cx: &Invocation) -> anyhow::Result<Vec<Node>> {
    let client = cx.client()?;
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let query = ListQuery { limit: Some(500), cursor, ..ListQuery::default() };
        let page = client.list::<Node>(&query).await?;
        all.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Reads a backup and checks all of it.
async fn read_backup(cx: &Invocation, args: &SystemUpgrade) -> anyhow::Result<Option<CopySummary>> {
    let Some(file) = &args.backup else { return Ok(None) };
    let mut words = vec!["restore".into(), "--check".into(), "--from".into(), file.clone().into_os_string()];
    if let Some(passphrase) = &args.passphrase_file {
        words.extend(["--passphrase-file".into(), passphrase.clone().into_os_string()]);
    }
    // Only the archive is read; where an installation would go makes no difference.
    let folder = tempfile::tempdir()?;
    let nowhere = Installation { data_dir: Some(folder.path().join("none")), config: None };
    up::controlplane(cx, &nowhere, Word { words, is_stream: false, secret: None }).await
}

pub(super) async fn run(cx: &Invocation, args: SystemUpgrade) -> anyhow::Result<()> {
    let (path, to) = up::about(cx, args.program.as_deref()).await?;
    let client = cx.client()?;
    let from = client.version().await?;
    let schema = client.schema().await?;
    let migrations: Vec<Migration> =
        to.migrations.iter().filter(|one| one.version > schema.schema).cloned().collect();
    let kept = read_backup(cx, &args).await?;
    let mut checks = vec![
        check("programs", programs(&to)),
        check("server", versions(&from.version, &to.version)),
        check("database", database(&schema, &to, &migrations)),
    ];
    for found in nodes(cx).await? {
        checks.push(check(format!("node {}", found.name), node(&found.facts.version, &to.version)));
    }
    checks.push(check("backup", backup(kept.as_ref(), !migrations.is_empty())));
    let report = Report {
        ok: checks.iter().all(|check| check.ok),
        is_upgrade: from.build_id != to.build_id || !migrations.is_empty(),
        from,
        to,
        schema,
        migrations,
        checks,
    };
    cx.out.value(&report, || {
        let verdict = |ok: bool| if ok { "ok" } else { "NOT OK" }.to_owned();
        let rows = report.checks.iter();
        let rows = rows.map(|check| vec![verdict(check.ok), check.name.clone(), check.detail.clone()]);
        let mut text = table::render(&["RESULT", "CHECK", "DETAIL"], rows.collect(), false);
        let end = match (report.ok, report.is_upgrade) {
            (false, _) => "it is not to be upgraded so".to_owned(),
            (true, false) => format!("nothing to do: the server is of the build of {}", path.display()),
            (true, true) => {
                format!("it can be upgraded with {}: docs/guides/operations.md#upgrade", path.display())
            }
        };
        text.push_str(&end);
        text.push('\n');
        text
    })?;
    let bad: Vec<&str> = report.checks.iter().filter(|one| !one.ok).map(|one| one.name.as_str()).collect();
    if report.ok { Ok(()) } else { Err(Failure::Refused(format!("not well: {}", bad.join(", "))).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_of_the_release_or_of_the_one_before() {
        for (theirs, ours, fits) in [
            ("0.1.0", "0.1.0", true),
            ("0.1.3+abc", "0.1.0-rc.1", true),
            ("0.1.0", "0.2.0", true),
            ("0.1.0", "0.3.0", false),
            ("0.2.0", "0.1.0", false),
            ("0.9.0", "1.0.0", false),
            ("1.4.9", "1.5.0", true),
            ("", "1.0.0", false),
            ("1.0", "1.0.0", false),
            ("scripted", "1.0.0", false),
        ] {
            assert_eq!(node(theirs, ours).is_ok(), fits, "{theirs} with {ours}: {:?}", node(theirs, ours));
        }
    }

    #[test]
    fn a_server_goes_forward_only_and_a_newer_database_is_refused() {
        assert!(versions("0.1.0", "0.1.0").is_ok() && versions("0.1.0", "0.2.0").is_ok());
        assert!(versions("0.2.0", "0.1.0").is_err() && versions("?", "0.1.0").is_err());
        let to = ProgramAbout {
            version: "0.2.0".into(),
            build_id: "0.2.0".into(),
            schema: 3,
            migrations: Vec::new(),
        };
        let state =
            |schema| SchemaState { kind: "schema".into(), backend: "sqlite".into(), schema, newest: 3 };
        assert!(database(&state(4), &to, &[]).is_err());
        assert!(database(&state(3), &to, &[]).unwrap().contains("nothing to migrate"));
        let one = Migration { version: 3, description: "plans".into() };
        let told = database(&state(2), &to, &[one]).unwrap();
        assert!(told.contains("2 to 3 (3 plans)") && told.contains("backup"), "{told}");
        assert!(programs(&to).is_err());
    }
}
