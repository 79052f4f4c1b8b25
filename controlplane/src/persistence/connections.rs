//! Operations on connections. No answer and no event holds a credential.

use mc_api::id::ConnectionId;
use mc_api::persistence::{
    Connection, ConnectionKind, ConnectionTest, CreateConnection, Credential, CredentialKind,
    RotateCredential, TestConnection,
};
use mc_api::{Action, Page, ProblemKind};

use super::remote::{Remote, RemoteError};
use super::store::Sealed;
use super::{model, store};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::http::page;
use crate::keyring::Purpose;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::{OpCtx, Proof, Scope};
use crate::publications;
use crate::{write, write_tx};

fn event(after: &Connection, before_sha256: Option<String>) -> Event<'_, Connection> {
    Event { subject_kind: "connection", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Whoever reads connections reads those of the organization; others find none.
async fn resolve(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<Sealed, Error> {
    let absent = || Error::not_found("connection", reference);
    cx.authorize(Action::ReadConnection).map_err(|_| absent())?;
    store::find_connection(tx, cx.caller.organization, reference).await?.ok_or_else(absent)
}

/// Finds, locks and reads again for a change.
async fn open(tx: &mut Tx, cx: &OpCtx, reference: &str) -> Result<(Sealed, Proof), Error> {
    let found = resolve(tx, cx, reference).await?;
    let proof = cx.authorize(Action::ManageConnection)?;
    store::lock_connection(tx, found.connection.id).await?;
    let found = resolve(tx, cx, &found.connection.id.to_string()).await?;
    cx.check_version(found.connection.version)?;
    Ok((found, proof))
}

/// Idempotency compares digests of bodies; a body with a secret in it is compared by a keyed one.
pub(crate) fn blind(app: &App, cx: &mut OpCtx) {
    if let Some(request) = &mut cx.idempotency {
        let (_, tag) = app.keyring.sign(Purpose::Cursor, format!("body\0{}", request.body_sha256).as_bytes());
        request.body_sha256 = write::hex_digest(&tag);
    }
}

fn seal(
    app: &App,
    id: ConnectionId,
    credential: Option<&Credential>,
) -> (CredentialKind, Option<String>, Option<Vec<u8>>) {
    match credential {
        Some(credential) if credential.credential_kind != CredentialKind::None => {
            let (key_id, sealed) = app.keyring.seal(&app.ids, &id.to_string(), credential.secret.as_bytes());
            (credential.credential_kind, Some(key_id.to_owned()), Some(sealed))
        }
        _ => (CredentialKind::None, None, None),
    }
}

/// Makes a connection.
///
/// # Errors
/// [`ProblemKind::NameTaken`], [`ProblemKind::Validation`], [`ProblemKind::Forbidden`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateConnection) -> Result<Connection, Error> {
    model::check_url(request.connection_kind, &request.url)?;
    model::check_credential(
        request.connection_kind,
        request.username.as_deref(),
        request.credential.as_ref(),
    )?;
    model::check_ca(request.connection_kind, request.ca_certificate.as_deref())?;
    let host_key = match &request.host_key {
        None => None,
        Some(_) if request.connection_kind != ConnectionKind::Ssh => {
            return Err(Error::invalid("/host_key", "only ssh has host keys"));
        }
        Some(text) => Some(model::host_key(text).ok_or_else(|| {
            Error::invalid(
                "/host_key",
                "a line such as `ssh-ed25519 AAAA…`, as in a file known_hosts behind the host",
            )
        })?),
    };
    write_tx!(app, cx, |tx| {
        let proof = cx.authorize(Action::ManageConnection)?;
        let id = ConnectionId::from_uuid(cx.new_uuid());
        let (credential_kind, key_id, sealed) = seal(app, id, request.credential.as_ref());
        let connection = Connection {
            kind: "connection".into(),
            id,
            name: request.name.clone(),
            connection_kind: request.connection_kind,
            url: request.url.clone(),
            username: request.username.clone(),
            credential_kind,
            ca_certificate: request.ca_certificate.clone(),
            host_key_sha256: host_key.as_deref().and_then(model::fingerprint),
            host_key: host_key.clone(),
            labels: request.labels.clone(),
            version: 1,
            created_by: cx.caller.id,
            created_at: cx.now(),
            updated_at: cx.now(),
        };
        let new = Sealed { connection, key_id, sealed };
        store::insert_connection(tx, cx.caller.organization, &new).await.map_err(|error| match error {
            DbError::Unique(_) => Error::new(
                ProblemKind::NameTaken,
                format!("a connection named {} exists", new.connection.name),
            ),
            other => other.into(),
        })?;
        ledger::record(tx, cx, proof, event(&new.connection, None)).await?;
        Ok(new.connection)
    })
}

/// One connection by id or name.
pub async fn get(app: &App, cx: &OpCtx, reference: &str) -> Result<Connection, Error> {
    Ok(resolve(&mut app.db.begin_read().await?, cx, reference).await?.connection)
}

/// A page of connections in the order of their ids; none for who has no role in the organization.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<ConnectionId>,
) -> Result<Page<Connection>, Error> {
    let mut tx = app.db.begin_read().await?;
    let rows = match cx.scope(Action::ReadConnection) {
        Scope::Organization(organization) => {
            store::connections(&mut tx, organization, page.after, page.fetch()).await?
        }
        Scope::Missions(..) => Vec::new(),
    };
    Ok(page.cut(app, rows, |connection| connection.id))
}

async fn save(
    tx: &mut Tx,
    cx: &OpCtx,
    proof: Proof,
    before: &Connection,
    mut after: Sealed,
    verb: &'static str,
) -> Result<Connection, Error> {
    after.connection.version += 1;
    after.connection.updated_at = cx.now();
    if !store::replace_connection(tx, before, &after).await? {
        return Err(changed_meanwhile());
    }
    let change = event(&after.connection, ledger::digest_of(before)?);
    ledger::record_as(tx, cx, proof, verb, change).await?;
    Ok(after.connection)
}

/// Replaces the credential; publications that wait for it are tried at once.
///
/// # Errors
/// [`ProblemKind::Validation`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn rotate(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: RotateCredential,
) -> Result<Connection, Error> {
    let rotated = write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference).await?;
        let mut after = before.clone();
        if request.username.is_some() {
            after.connection.username.clone_from(&request.username);
        }
        let kind = before.connection.connection_kind;
        model::check_credential(kind, after.connection.username.as_deref(), Some(&request.credential))?;
        (after.connection.credential_kind, after.key_id, after.sealed) =
            seal(app, before.connection.id, Some(&request.credential));
        publications::service::retry_now(tx, before.connection.id).await?;
        save(tx, cx, proof, &before.connection, after, "connection.rotate").await
    })?;
    app.publisher.notify_one();
    Ok(rotated)
}

/// Deletes a connection that no binding uses.
///
/// # Errors
/// [`ProblemKind::NotEmpty`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let (before, proof) = open(tx, cx, reference).await?;
        let connection = &before.connection;
        if store::is_bound(tx, connection.id).await? {
            let detail = format!("connection {} has bindings; delete them first", connection.name);
            return Err(Error::new(ProblemKind::NotEmpty, detail));
        }
        if !store::delete_connection(tx, connection).await? {
            return Err(changed_meanwhile());
        }
        let gone = event(connection, ledger::digest_of(connection)?);
        ledger::record_as(tx, cx, proof, "connection.delete", gone).await
    })
}

/// Trusts a host key that the host presents now.
async fn accept(app: &App, cx: &OpCtx, before: &Sealed, host_key: String) -> Result<Sealed, Error> {
    let id = before.connection.id.to_string();
    // No answer is kept for this part: the test's own is.
    let inner = OpCtx::new(cx.caller.clone(), cx.request_id.clone(), cx.now(), app.ids.clone());
    write_tx!(app, &inner, |tx| {
        let (before, proof) = open(tx, &inner, &id).await?;
        let mut after = before.clone();
        after.connection.host_key_sha256 = model::fingerprint(&host_key);
        after.connection.host_key = Some(host_key.clone());
        publications::service::retry_now(tx, before.connection.id).await?;
        save(tx, &inner, proof, &before.connection, after, "connection.accept_host_key").await
    })?;
    resolve(&mut app.db.begin_read().await?, cx, &id).await
}

fn found(readable: bool, writable: bool, head: Option<String>, message: String) -> ConnectionTest {
    ConnectionTest {
        kind: "connection_test".into(),
        ok: readable && writable,
        readable,
        writable,
        head,
        host_keys_sha256: Vec::new(),
        message,
    }
}

/// Tests a connection: reads where the branch is and asks whether a push would be taken. Writes nothing there.
///
/// # Errors
/// [`ProblemKind::Validation`] for a fingerprint that the host does not present, [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`]. What the remote refuses is an answer, not an error.
pub async fn test(
    app: &App,
    cx: &OpCtx,
    reference: &str,
    request: TestConnection,
) -> Result<ConnectionTest, Error> {
    model::check_repository(&request.repository)?;
    let branch = request.branch.as_deref().unwrap_or(model::DEFAULT_BRANCH);
    model::check_branch(branch)?;
    let mut sealed = resolve(&mut app.db.begin_read().await?, cx, reference).await?;
    if let Err(error) = cx.authorize(Action::ManageConnection) {
        return Err(write::refused(app, cx, error).await);
    }
    let is_ssh = sealed.connection.connection_kind == ConnectionKind::Ssh;
    if request.accept_host_key.is_some() && !is_ssh {
        return Err(Error::invalid("/accept_host_key", "only ssh has host keys"));
    }
    if is_ssh && (sealed.connection.host_key.is_none() || request.accept_host_key.is_some()) {
        let keys = match Remote::open(app, &sealed, &request.repository, branch)?.scan().await {
            Ok(keys) => keys,
            Err(error) => return Ok(found(false, false, None, error.to_string())),
        };
        let prints: Vec<String> = keys.iter().filter_map(|key| model::fingerprint(key)).collect();
        let Some(wanted) = &request.accept_host_key else {
            let message = if prints.is_empty() {
                "the host presents no host key".to_owned()
            } else {
                "compare a fingerprint with one you know, then test again with accept_host_key".to_owned()
            };
            return Ok(ConnectionTest { host_keys_sha256: prints, ..found(false, false, None, message) });
        };
        let Some(key) = keys.into_iter().find(|key| model::fingerprint(key).as_ref() == Some(wanted)) else {
            let message = format!("the host does not present it; it presents: {}", prints.join(", "));
            return Err(Error::invalid("/accept_host_key", message));
        };
        sealed = accept(app, cx, &sealed, key).await?;
    }
    probe(app, &sealed, &request.repository, branch).await
}

async fn probe(app: &App, sealed: &Sealed, repository: &str, branch: &str) -> Result<ConnectionTest, Error> {
    let remote = Remote::open(app, sealed, repository, branch)?;
    let head = match remote.head().await {
        Ok(head) => head,
        Err(error) => return Ok(found(false, false, None, error.to_string())),
    };
    let scratch = super::remote::folder(app).join(format!("{}.probe.git", sealed.connection.id));
    let id = publications::probe_commit(&scratch).await?;
    // To a branch that there is not, so that the commit needs no parent.
    let elsewhere = Remote::open(app, sealed, repository, "missioncontrol-probe")?;
    let pushed = elsewhere.push(&scratch, &id, None, true).await;
    Ok(match pushed {
        // That the branch is there means that the push was looked at.
        Ok(()) | Err(RemoteError::Race) => {
            let what =
                head.as_deref().map_or_else(|| "not there yet".to_owned(), |head| format!("at {head}"));
            found(true, true, head.clone(), format!("branch {branch} is {what}; a push would be taken"))
        }
        Err(error) => found(true, false, head, format!("it can be read, but a push would fail: {error}")),
    })
}
