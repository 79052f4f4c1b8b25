//! `mc persistence`, and making connections and bindings.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use mc_api::persistence::{
    Binding, Connection, CreateBinding, CreateConnection, Credential, CredentialKind, PendingTarget,
    ProvisionPersistence, PublishPending, PutPublicationPolicy, RotateCredential, TestConnection,
};
use mc_api::publication::{Publication, PublicationState};

use super::get::done;
use crate::args::{self, CredentialFile, PersistenceCommand};
use crate::context::Invocation;
use crate::exit::Failure;
use crate::output::lines;
use crate::table;

/// Reads a file, or standard input for `-`.
fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read {}: {error}", path.display())).into())
}

fn credential(files: &CredentialFile) -> anyhow::Result<Option<Credential>> {
    let (kind, path) = match (&files.token_file, &files.password_file, &files.key_file) {
        (Some(path), _, _) => (CredentialKind::Token, path),
        (_, Some(path), _) => (CredentialKind::Password, path),
        (_, _, Some(path)) => (CredentialKind::SshKey, path),
        (None, None, None) => return Ok(None),
    };
    let text = read(path)?;
    let secret =
        if kind == CredentialKind::SshKey { text } else { text.trim_end_matches(['\r', '\n']).to_owned() };
    Ok(Some(Credential { credential_kind: kind, secret }))
}

pub(super) async fn create_connection(cx: &Invocation, args: args::CreateConnection) -> anyhow::Result<()> {
    let body = CreateConnection {
        name: args.name,
        connection_kind: args.connection_kind,
        url: args.url,
        username: args.username,
        credential: credential(&args.credential)?,
        ca_certificate: args.ca_file.as_deref().map(read).transpose()?,
        host_key: args.host_key,
        labels: super::create::to_labels(args.labels),
    };
    done(cx, &cx.client()?.create::<Connection>(&body).await?, "created")
}

pub(super) async fn create_binding(cx: &Invocation, args: args::CreateBinding) -> anyhow::Result<()> {
    let body = CreateBinding {
        mission: cx.mission()?,
        name: args.name,
        connection: args.connection,
        repository: args.repo,
        branch: args.branch,
        base_path: args.base_path,
    };
    done(cx, &cx.client()?.create::<Binding>(&body).await?, "created")
}

pub(super) async fn run(cx: &Invocation, command: PersistenceCommand) -> anyhow::Result<()> {
    match command {
        PersistenceCommand::Test { connection, repo, branch, accept_host_key } => {
            test(cx, &connection, TestConnection { repository: repo, branch, accept_host_key }).await
        }
        PersistenceCommand::Rotate { connection, username, credential: files } => {
            let Some(credential) = credential(&files)? else {
                let message = "which credential? --token-file, --password-file or --key-file";
                return Err(Failure::Usage(message.into()).into());
            };
            let body = RotateCredential { credential, username };
            done(cx, &cx.client()?.rotate_credential(&connection, &body).await?, "rotated")
        }
        PersistenceCommand::Provision { connection, repo, branch, base_path, binding, fail_closed } => {
            let body = ProvisionPersistence {
                mission_id: cx.mission()?,
                connection,
                repository: repo,
                branch,
                base_path,
                binding,
                fail_closed,
                routes: Vec::new(),
            };
            let made = cx.client()?.provision_persistence(&body).await?;
            cx.out.value(&made, || format!("binding/{} takes everything\n", made.binding.name))
        }
        PersistenceCommand::Policy { file } => policy(cx, file.as_deref()).await,
        PersistenceCommand::Pending { to } => pending(cx, to.as_deref()).await,
        PersistenceCommand::Status => status(cx).await,
    }
}

async fn test(cx: &Invocation, connection: &str, body: TestConnection) -> anyhow::Result<()> {
    let found = cx.client()?.test_connection(connection, &body).await?;
    cx.out.value(&found, || {
        let mut text = vec![format!("{}: {}", if found.ok { "ok" } else { "NOT OK" }, found.message)];
        text.extend(found.host_keys_sha256.iter().map(|fingerprint| format!("  {fingerprint}")));
        lines(text)
    })?;
    if found.ok {
        Ok(())
    } else {
        Err(Failure::Refused(format!("connection {connection} does not work")).into())
    }
}

async fn policy(cx: &Invocation, file: Option<&Path>) -> anyhow::Result<()> {
    let (client, mission) = (cx.client()?, cx.mission()?);
    let policy = match file {
        None => client.publication_policy(&mission).await?,
        Some(file) => {
            let body: PutPublicationPolicy = serde_yaml_ng::from_str(&read(file)?)
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
            client.put_publication_policy(&mission, &body).await?
        }
    };
    let yaml = serde_yaml_ng::to_string(&PutPublicationPolicy {
        default_binding: policy.default_binding.clone(),
        fail_closed: policy.fail_closed,
        routes: policy.routes.clone(),
    })?;
    cx.out.value(&policy, || yaml)
}

async fn pending(cx: &Invocation, to: Option<&str>) -> anyhow::Result<()> {
    let found = cx.client()?.pending_publications(&cx.mission()?, to).await?;
    if found.items.is_empty() {
        cx.out.talk("everything is published, or asked for");
    }
    let rows = found.items.iter().map(|item| {
        let entity = format!("{}/{}", item.entity_type, item.entity_id);
        let target = match (&item.binding, &item.no_route) {
            (Some(binding), _) => binding.to_string(),
            (None, None) => GIT_LEDGER.to_owned(),
            (None, Some(_)) => "no route".to_owned(),
        };
        let change = item.change.map_or_else(|| "-".to_owned(), |change| change.to_string());
        let path = item.path.clone().unwrap_or_else(|| "-".to_owned());
        vec![target, change, entity, path, item.events.to_string(), item.last_seq.to_string()]
    });
    let header = ["TARGET", "CHANGE", "ENTITY", "FILE", "EVENTS", "LAST"];
    let text = table::render(&header, rows.collect(), true) + &by_target(&found.targets);
    cx.out.value(&found, || text)
}

/// What the Git ledger of the installation is called.
const GIT_LEDGER: &str = "git ledger";

/// One line for each target.
pub(super) fn by_target(targets: &[PendingTarget]) -> String {
    lines(targets.iter().map(|target| {
        let name = target.binding.as_ref().map_or(GIT_LEDGER, |binding| binding.as_str());
        let mut parts = vec![format!("{} to publish", target.changed + target.removed)];
        let rest = [
            (target.removed, "of them to remove"),
            (target.awaiting_approval, "asked for and not approved"),
            (target.queued, "approved and not committed"),
            (target.failed, "failed"),
        ];
        parts.extend(rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
        format!("{name} ({}): {}", target.branch, parts.join(", "))
    }))
}

async fn status(cx: &Invocation) -> anyhow::Result<()> {
    let found = cx.client()?.publication_status(&cx.mission()?).await?;
    let mut text = vec![format!(
        "{} published, {} queued ({} retrying), {} waiting for approval, {} failed, {} withdrawn",
        found.published, found.queued, found.retrying, found.awaiting_approval, found.failed, found.withdrawn
    )];
    let failing = found.publications.iter().filter_map(|p| Some((p, p.last_error.as_ref()?)));
    let open = failing.filter(|(p, _)| p.state != PublicationState::Withdrawn);
    text.extend(open.map(|(p, error)| {
        let end = if p.state == PublicationState::Failed { ", gave up" } else { "" };
        format!("{} failed {} times{end}: {error}", p.id, p.failures)
    }));
    let text = lines(text);
    cx.out.value(&found, || text)
}

/// Asks for the publication of everything that waits.
pub(super) async fn publish_pending(
    cx: &Invocation,
    to: Option<String>,
) -> anyhow::Result<(Vec<Publication>, usize)> {
    let body = PublishPending { mission_id: cx.mission()?, binding: to };
    let made = cx.client()?.publish_pending(&body).await?;
    for left in &made.left_out {
        cx.out.talk(&format!("left out: {}/{}: {}", left.entity_type, left.entity_id, left.reason));
    }
    for line in by_target(&made.targets).lines() {
        cx.out.talk(line);
    }
    Ok((made.publications, made.left_out.len()))
}
