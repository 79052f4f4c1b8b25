//! `mc profile`: copies of profiles on this machine, one of which is in use.
//!
//! Whoever works with a profile opens the folder that `active` points at when he begins, and keeps it: using another one
//! changes the link and no folder. What was changed in a copy is never written over.

use anyhow::Context as _;
use mc_api::ProblemKind;
use mc_api::bundle::Drift;
use mc_api::profile::{PinProfile, Profile, ProfileStatus, ProfileSync, PushProfile};
use mc_bundle::copies::{About, Copies, Copy};
use mc_bundle::folder::Lock;
use mc_bundle::{Limits, Tree, sha256};
use mc_client::{Client, Upload};
use serde::Serialize;

use super::skill::pack;
use crate::age::{age, now};
use crate::args::ProfileCommand;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::table;

/// The link to the copy in use.
pub(super) const ACTIVE: &str = "active";

/// The copies on this machine.
pub(super) fn copies(cx: &Invocation) -> anyhow::Result<Copies> {
    let root = match &cx.environment().profiles_dir {
        Some(dir) => dir.clone(),
        None => cx.store()?.path().with_file_name("profiles"),
    };
    Ok(Copies::new(&std::path::absolute(root)?, ACTIVE))
}

pub(super) async fn run(cx: &Invocation, command: ProfileCommand) -> anyhow::Result<()> {
    let copies = copies(cx)?;
    let place = || format!("{} cannot be used", copies.root().display());
    match command {
        ProfileCommand::List => list(cx, &copies).await,
        ProfileCommand::Use { name, version, force } => {
            let lock = copies.lock().with_context(place)?;
            let name = match name {
                Some(name) => name.to_string(),
                None => activated(cx).await?,
            };
            use_profile(cx, &copies, (&name, version, force), &lock).await
        }
        ProfileCommand::Push { name, from, base, description, note } => {
            let lock = copies.lock().with_context(place)?;
            let name = name.map(|name| name.to_string());
            let push = PushProfile { name: String::new(), base_version: 0, description, note };
            push_profile(cx, &copies, (name, from, base), push, &lock).await
        }
        ProfileCommand::Pull { name, force } => {
            let lock = copies.lock().with_context(place)?;
            pull(cx, &copies, (name.map(|name| name.to_string()), force), &lock).await
        }
        ProfileCommand::Activate { name } => {
            let profile = cx.client()?.activate_profile(name.as_str()).await?;
            cx.out.value(&profile, || format!("profile/{} activated\n", profile.name))
        }
        ProfileCommand::Pin { name, version, none } => {
            pin(cx, &copies, name.map(|name| name.to_string()), (version, none)).await
        }
        ProfileCommand::Status { remote } => status(cx, &copies, remote).await,
        ProfileCommand::Path => {
            let active = active(&copies)?;
            cx.out.data(&format!("{}\n", copies.path(&active).display()))
        }
        ProfileCommand::Delete { name } => {
            cx.client()?.delete_profile(name.as_str()).await?;
            cx.out.did("profile", name.as_str(), "deleted; copies on this machine stay")
        }
        ProfileCommand::Prune => {
            let lock = copies.lock().with_context(place)?;
            let removed = copies.prune(&[], &lock)?;
            cx.out.data(&format!("{removed} copies removed\n"))
        }
    }
}

/// The profile that is used where none is named.
async fn activated(cx: &Invocation) -> anyhow::Result<String> {
    let found = cx.client()?.profiles().await?.into_iter().find(|profile| profile.activated);
    let absent =
        || Failure::NotFound("no profile is activated; `mc profile activate NAME`, or name one".into());
    Ok(found.ok_or_else(absent)?.name.to_string())
}

/// The version that is given where none is named.
fn given(profile: &Profile) -> i64 {
    profile.pinned_version.unwrap_or(profile.latest_version)
}

async fn pin(
    cx: &Invocation,
    copies: &Copies,
    name: Option<String>,
    (version, none): (Option<i64>, bool),
) -> anyhow::Result<()> {
    let here = copies.current()?.filter(|here| name.as_ref().is_none_or(|name| here.about.subject == *name));
    let of_here = here.as_ref().and_then(|here| here.about.version.parse().ok());
    let name = match (name, &here) {
        (Some(name), _) => name,
        (None, Some(here)) => here.about.subject.clone(),
        (None, None) => active(copies)?.about.subject,
    };
    let number = match (version.or(of_here), none) {
        (_, true) => None,
        (Some(number), false) => Some(number),
        (None, false) => {
            let message = format!("{name} is not in use here; say which version: --at N, or --none");
            return Err(Failure::Usage(message).into());
        }
    };
    let profile = cx.client()?.pin_profile(&name, &PinProfile { sha256: None, number }).await?;
    let what = match profile.pinned_version {
        Some(number) => format!("pinned to version {number}"),
        None => "follows its newest version".to_owned(),
    };
    cx.out.value(&profile, || format!("profile/{} {what}\n", profile.name))
}

/// The folder of the profile in use, when there is one.
pub(super) fn in_use(cx: &Invocation) -> Option<std::path::PathBuf> {
    let copies = copies(cx).ok()?;
    let current = copies.current().ok()??;
    Some(copies.path(&current))
}

/// The copy in use.
fn active(copies: &Copies) -> anyhow::Result<Copy> {
    let current = copies.current().with_context(|| format!("{} cannot be read", copies.link().display()))?;
    current.ok_or_else(|| Failure::NotFound("no profile is in use; `mc profile use NAME`".into()).into())
}

/// A profile as a list shows it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    profile: Profile,
    active: bool,
    /// The version in use here.
    local_version: Option<i64>,
    modified: bool,
}

async fn list(cx: &Invocation, copies: &Copies) -> anyhow::Result<()> {
    let current = copies.current()?;
    let is_modified = match &current {
        Some(current) => !copies.drift(current)?.is_empty(),
        None => false,
    };
    let listed = cx.client()?.profiles().await?.into_iter().map(|profile| {
        let own = current.as_ref().filter(|current| current.about.subject == profile.name.as_str());
        let local_version = own.and_then(|own| own.about.version.parse().ok());
        Listed { active: own.is_some(), local_version, modified: own.is_some() && is_modified, profile }
    });
    cx.out.list(listed.collect(), |listed| {
        let rows = listed.iter().map(|one| {
            let state = match (one.active, one.modified) {
                (true, true) => "in use, changed",
                (true, false) => "in use",
                (false, _) => "-",
            };
            vec![
                one.profile.name.to_string(),
                one.profile.latest_version.to_string(),
                one.local_version.map_or_else(|| "-".into(), |version| version.to_string()),
                state.to_owned(),
                age(one.profile.updated_at, now()),
                one.profile.description.clone(),
            ]
        });
        table::render(&["NAME", "VERSION", "HERE", "STATE", "AGE", "DESCRIPTION"], rows.collect(), true)
    })
}

/// Refuses to leave a copy in which something was changed, or says where it stays.
fn leave(cx: &Invocation, copies: &Copies, force: bool) -> anyhow::Result<()> {
    let Some(current) = copies.current()? else { return Ok(()) };
    let drift = copies.drift(&current)?;
    if drift.is_empty() {
        return Ok(());
    }
    let place = copies.path(&current);
    if force {
        cx.out.talk(&format!("{drift} in {}: kept in {}", current.about.subject, place.display()));
        return Ok(());
    }
    let message = format!(
        "{drift} in the profile in use, {} version {}: `mc profile push` stores it, --force goes on and leaves it in {}",
        current.about.subject,
        current.about.version,
        place.display()
    );
    Err(Failure::Conflict(message).into())
}

/// A copy of a version of a profile: an unchanged one, or a new one.
async fn fetch(
    client: &Client,
    copies: &Copies,
    profile: &Profile,
    version: i64,
    lock: &Lock,
) -> anyhow::Result<Copy> {
    let id = profile.id.to_string();
    let bytes = client.profile_content(&id, version).await?;
    let tree = Tree::read(&bytes, Limits::BUNDLE).context("the server's archive")?;
    Ok(copies.provide(about(profile, version, sha256(&bytes)), &tree, lock)?)
}

fn about(profile: &Profile, version: i64, sha256: String) -> About {
    let (subject, version) = (profile.name.to_string(), version.to_string());
    About { subject, version, sha256, origin: vec![profile.id.to_string()] }
}

/// What became of the copy in use.
fn used(cx: &Invocation, copies: &Copies, copy: &Copy, what: &str) -> anyhow::Result<()> {
    let state = State { kind: "profile_copy", name: &copy.about.subject, version: &copy.about.version };
    let state = Status {
        state,
        path: copies.path(copy).display().to_string(),
        drift: Drift::default(),
        remote: None,
    };
    cx.out.value(&state, || format!("profile/{} version {} {what}\n", copy.about.subject, copy.about.version))
}

async fn use_profile(
    cx: &Invocation,
    copies: &Copies,
    (name, version, force): (&str, Option<i64>, bool),
    lock: &Lock,
) -> anyhow::Result<()> {
    leave(cx, copies, force)?;
    let client = cx.client()?;
    let copy = match client.profile(name).await {
        Ok(profile) => {
            let version = version.unwrap_or_else(|| given(&profile));
            fetch(&client, copies, &profile, version, lock).await?
        }
        Err(error @ (mc_client::Error::Unreachable { .. } | mc_client::Error::Timeout { .. })) => {
            let Some(copy) = local(copies, name, version)? else { return Err(error.into()) };
            cx.out.talk(&format!("warning: {error}; the newest copy here is version {}", copy.about.version));
            copy
        }
        Err(error) => return Err(error.into()),
    };
    copies.activate(&copy, lock)?;
    used(cx, copies, &copy, "is in use")
}

/// The newest unchanged copy of a profile.
fn local(copies: &Copies, name: &str, version: Option<i64>) -> anyhow::Result<Option<Copy>> {
    let mut found: Option<(i64, Copy)> = None;
    for copy in copies.all()? {
        let Ok(number) = copy.about.version.parse::<i64>() else { continue };
        let fits = copy.about.subject == name && version.is_none_or(|version| version == number);
        if fits && found.as_ref().is_none_or(|(best, _)| *best < number) && copies.drift(&copy)?.is_empty() {
            found = Some((number, copy));
        }
    }
    Ok(found.map(|(_, copy)| copy))
}

async fn push_profile(
    cx: &Invocation,
    copies: &Copies,
    (name, from, base): (Option<String>, Option<std::path::PathBuf>, Option<i64>),
    push: PushProfile,
    lock: &Lock,
) -> anyhow::Result<()> {
    let current = copies.current()?;
    // A folder of one's own is not the copy in use, also when it has the same name.
    let own = current
        .filter(|current| from.is_none() && name.as_ref().is_none_or(|name| current.about.subject == *name));
    let (name, dir) = match (&own, name, from) {
        (Some(own), _, _) => (own.about.subject.clone(), copies.path(own)),
        (None, Some(name), Some(dir)) => (name, dir),
        (None, Some(name), None) => {
            let message = format!("{name} is not in use here; say which folder: --from DIR");
            return Err(Failure::Usage(message).into());
        }
        (None, None, Some(_)) => return Err(Failure::Usage("which profile? NAME is needed".into()).into()),
        (None, None, None) => return Err(active(copies).map(drop).expect_err("none is in use")),
    };
    let tree = pack(&dir, &[".git", ".DS_Store"])?;
    let client = cx.client()?;
    let of_copy = own.as_ref().and_then(|own| own.about.version.parse().ok());
    let base_version = match base.or(of_copy) {
        Some(base) => base,
        None => match client.profile(&name).await {
            Ok(profile) => profile.latest_version,
            Err(error) if error.problem_kind() == Some(ProblemKind::NotFound) => 0,
            Err(error) => return Err(error.into()),
        },
    };
    let bytes = tree.write();
    let digest = sha256(&bytes);
    let push = PushProfile { name, base_version, ..push };
    let profile = client.push_profile(&push, Upload::Bytes(bytes.into())).await?;
    let version = profile.latest_version;
    if let Some(own) = &own {
        copies.became(own, about(&profile, version, digest), &tree, lock)?;
    }
    let what = if version == base_version { "has these files already, version" } else { "stored, version" };
    cx.out.value(&profile, || format!("profile/{} {what} {version}\n", profile.name))
}

async fn pull(
    cx: &Invocation,
    copies: &Copies,
    (name, force): (Option<String>, bool),
    lock: &Lock,
) -> anyhow::Result<()> {
    let current = copies.current()?;
    let name = match name {
        Some(name) => name,
        None => active(copies)?.about.subject,
    };
    let is_active = current.is_some_and(|current| current.about.subject == name);
    if is_active {
        leave(cx, copies, force)?;
    }
    let client = cx.client()?;
    let profile = client.profile(&name).await?;
    let copy = fetch(&client, copies, &profile, given(&profile), lock).await?;
    if is_active {
        copies.activate(&copy, lock)?;
    }
    used(cx, copies, &copy, if is_active { "is in use" } else { "is here" })
}

#[derive(Serialize)]
struct State<'a> {
    kind: &'static str,
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Status<'a> {
    #[serde(flatten)]
    state: State<'a>,
    path: String,
    drift: Drift,
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<ProfileStatus>,
}

async fn status(cx: &Invocation, copies: &Copies, remote: bool) -> anyhow::Result<()> {
    let copy = active(copies)?;
    let drift = copies.drift(&copy)?;
    let remote = if remote {
        Some(cx.client()?.profile_status(&copy.about.subject, &copy.about.sha256).await?)
    } else {
        None
    };
    let (name, version) = (&copy.about.subject, &copy.about.version);
    let state = State { kind: "profile_copy", name, version };
    let status = Status { state, path: copies.path(&copy).display().to_string(), drift, remote };
    cx.out.value(&status, || {
        let drift = &status.drift;
        let lists = [("changed", &drift.changed), ("missing", &drift.missing), ("added", &drift.added)];
        let names =
            lists.iter().flat_map(|(word, list)| list.iter().map(move |path| format!("{word:8} {path}")));
        let mut head = format!("profile/{name} version {version}: {drift}\n{}\n", status.path);
        if let Some(now) = &status.remote {
            let is = match now.state {
                ProfileSync::InSync => "this is the version that is given",
                _ => "another version is given",
            };
            let pinned = if now.pinned_version.is_some() { ", pinned" } else { "" };
            let now = [now.given_version, now.latest_version].map(|version| version.to_string());
            head.extend([is, ": ", &now[0], pinned, "; the newest is ", &now[1], "\n"]);
        }
        head + &crate::output::lines(names)
    })
}
