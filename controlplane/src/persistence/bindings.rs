//! Operations on bindings and on the policy that says what goes to which.

use mc_api::id::{BindingId, MissionId};
use mc_api::mission::Mission;
use mc_api::persistence::{
    Binding, CreateBinding, ProvisionPersistence, ProvisionedPersistence, PublicationPolicy,
    PutPublicationPolicy,
};
use mc_api::{Action, Name, Page, ProblemKind};

use super::{model, store};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::http::page;
use crate::ledger::{self, Event};
use crate::missions::service::changed_meanwhile;
use crate::op::OpCtx;
use crate::{missions, write_tx};

fn event(after: &Binding, before_sha256: Option<String>) -> Event<'_, Binding> {
    Event { subject_kind: "binding", subject_id: after.id.to_string(), body: after, before_sha256 }
}

/// Finds a binding that the caller may read: by id, or by name in a mission.
pub(crate) async fn resolve(
    tx: &mut Tx,
    cx: &OpCtx,
    reference: &str,
    mission: Option<MissionId>,
) -> Result<Binding, Error> {
    let id = reference.parse::<BindingId>().ok();
    let name = id.is_none().then(|| reference.to_owned());
    let wanted = store::Wanted { id, name, mission, limit: 2, ..store::Wanted::default() };
    let mut found = store::bindings(tx, cx.scope(Action::ReadBinding), wanted).await?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(Error::not_found("binding", reference)),
        (Some(binding), true) => Ok(binding),
        (Some(_), false) => Err(Error::new(
            ProblemKind::AmbiguousReference,
            format!(
                "several missions have a binding {reference:?}; name the mission (?mission=) or use the id"
            ),
        )),
    }
}

/// Binds a mission to a repository. It needs the Admin of the organization: a binding spends its credential.
///
/// # Errors
/// [`ProblemKind::NameTaken`], also when another binding has the same place; [`ProblemKind::Validation`],
/// [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn create(app: &App, cx: &OpCtx, request: CreateBinding) -> Result<Binding, Error> {
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission).await?;
        create_in(tx, cx, &mission, &request).await
    })
}

async fn create_in(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    request: &CreateBinding,
) -> Result<Binding, Error> {
    let proof = cx.authorize(Action::ManageBinding)?.within(mission.id);
    model::check_repository(&request.repository)?;
    let branch = request.branch.clone().unwrap_or_else(|| model::DEFAULT_BRANCH.to_owned());
    model::check_branch(&branch)?;
    let base_path = request.base_path.clone().unwrap_or_else(|| format!("missions/{}", mission.name));
    model::check_base_path(&base_path)?;
    missions::store::lock(tx, mission.id).await?;
    let connection = store::find_connection(tx, cx.caller.organization, &request.connection).await?;
    let connection = connection
        .ok_or_else(|| Error::invalid("/connection", format!("no connection {:?}", request.connection)))?
        .connection;
    store::lock_connection(tx, connection.id).await?;
    let binding = Binding {
        kind: "binding".into(),
        id: BindingId::from_uuid(cx.new_uuid()),
        name: request.name.clone(),
        mission_id: mission.id,
        mission: mission.name.clone(),
        connection_id: connection.id,
        connection: connection.name,
        repository: request.repository.clone(),
        branch,
        base_path,
        version: 1,
        created_by: cx.caller.id,
        created_at: cx.now(),
        updated_at: cx.now(),
    };
    store::insert_binding(tx, cx.caller.organization, &binding).await.map_err(|error| match error {
        DbError::Unique(_) => Error::new(
            ProblemKind::NameTaken,
            "the mission has a binding of this name, or another binding has this repository, branch and base path",
        ),
        other => other.into(),
    })?;
    ledger::record(tx, cx, proof, event(&binding, None)).await?;
    Ok(binding)
}

/// One binding.
pub async fn get(app: &App, cx: &OpCtx, reference: &str, mission: Option<&str>) -> Result<Binding, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = match mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    resolve(&mut tx, cx, reference, mission).await
}

/// A page of bindings in the order of their ids.
pub async fn list(
    app: &App,
    cx: &OpCtx,
    page: page::Request<BindingId>,
    mission: Option<&str>,
) -> Result<Page<Binding>, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = match mission {
        Some(mission) => Some(missions::service::resolve(&mut tx, cx, mission).await?.id),
        None => None,
    };
    let wanted =
        store::Wanted { mission, after: page.after, limit: page.fetch(), ..store::Wanted::default() };
    let rows = store::bindings(&mut tx, cx.scope(Action::ReadBinding), wanted).await?;
    Ok(page.cut(app, rows, |binding| binding.id))
}

/// Deletes a binding that nothing was ever published to, and that no policy names.
///
/// # Errors
/// [`ProblemKind::NotEmpty`], [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`], [`ProblemKind::NotFound`].
pub async fn delete(app: &App, cx: &OpCtx, reference: &str, mission: Option<&str>) -> Result<(), Error> {
    write_tx!(app, cx, |tx| {
        let mission = match mission {
            Some(mission) => Some(missions::service::resolve(tx, cx, mission).await?.id),
            None => None,
        };
        let binding = resolve(tx, cx, reference, mission).await?;
        let proof = cx.authorize(Action::ManageBinding)?.within(binding.mission_id);
        // Whoever asks for a publication or sets the policy locks the mission too.
        missions::store::lock(tx, binding.mission_id).await?;
        cx.check_version(binding.version)?;
        let mission = missions::service::resolve(tx, cx, &binding.mission_id.to_string()).await?;
        let policy = store::policy(tx, &mission).await?;
        let named = policy.routes.iter().map(|route| &route.binding).chain([&policy.default_binding]);
        let in_use = named.flatten().any(|name| *name == binding.name);
        if in_use || store::is_used(tx, binding.id).await? {
            let detail =
                format!("binding {} is named by the policy or has publications, and stays", binding.name);
            return Err(Error::new(ProblemKind::NotEmpty, detail));
        }
        if !store::delete_binding(tx, &binding).await? {
            return Err(changed_meanwhile());
        }
        ledger::record_as(tx, cx, proof, "binding.delete", event(&binding, ledger::digest_of(&binding)?))
            .await
    })
}

/// What a mission publishes where.
pub async fn policy(app: &App, cx: &OpCtx, mission: &str) -> Result<PublicationPolicy, Error> {
    let mut tx = app.db.begin_read().await?;
    let mission = missions::service::resolve(&mut tx, cx, mission).await?;
    cx.authorize_in(Action::ReadBinding, mission.id)?;
    Ok(store::policy(&mut tx, &mission).await?)
}

/// Replaces the policy of a mission.
///
/// # Errors
/// [`ProblemKind::Validation`] that names the route, [`ProblemKind::StaleVersion`], [`ProblemKind::Forbidden`],
/// [`ProblemKind::NotFound`].
pub async fn put_policy(
    app: &App,
    cx: &OpCtx,
    mission: &str,
    request: PutPublicationPolicy,
) -> Result<PublicationPolicy, Error> {
    model::check_routes(&request.routes)?;
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, mission).await?;
        put_in(tx, cx, &mission, &request).await
    })
}

async fn put_in(
    tx: &mut Tx,
    cx: &OpCtx,
    mission: &Mission,
    request: &PutPublicationPolicy,
) -> Result<PublicationPolicy, Error> {
    let proof = cx.authorize_in(Action::SetPublicationPolicy, mission.id)?;
    missions::store::lock(tx, mission.id).await?;
    let before = store::policy(tx, mission).await?;
    cx.check_version(before.version)?;
    let wanted = store::Wanted { mission: Some(mission.id), limit: i64::MAX, ..store::Wanted::default() };
    let bindings =
        store::bindings(tx, crate::op::Scope::Organization(cx.caller.organization), wanted).await?;
    let check = |pointer: String, name: &Option<Name>| match name {
        Some(name) if !bindings.iter().any(|binding| binding.name == *name) => {
            Err(Error::invalid(pointer, format!("mission {} has no binding {name}", mission.name)))
        }
        _ => Ok(()),
    };
    check("/default_binding".into(), &request.default_binding)?;
    for (index, route) in request.routes.iter().enumerate() {
        check(format!("/routes/{index}/binding"), &route.binding)?;
    }
    let mut after = PublicationPolicy {
        default_binding: request.default_binding.clone(),
        fail_closed: request.fail_closed,
        routes: request.routes.clone(),
        ..before.clone()
    };
    if after == before && before.version > 0 {
        return Ok(before);
    }
    after.version += 1;
    after.updated_at = Some(cx.now());
    if !store::put_policy(tx, cx.caller.organization, before.version, &after, cx.now()).await? {
        return Err(changed_meanwhile());
    }
    let event = Event {
        subject_kind: "publication_policy",
        subject_id: mission.id.to_string(),
        body: &after,
        before_sha256: ledger::digest_of(&before)?,
    };
    ledger::record(tx, cx, proof, event).await?;
    Ok(after)
}

/// Binds a mission to a repository and sends everything there, in one transaction. Doing it again changes nothing.
///
/// # Errors
/// [`ProblemKind::NameTaken`] when the name means another place; those of [`create`] and [`put_policy`].
///
/// # Panics
/// Never: the usual name is a name.
pub async fn provision(
    app: &App,
    cx: &OpCtx,
    request: ProvisionPersistence,
) -> Result<ProvisionedPersistence, Error> {
    let name: Name = match &request.binding {
        Some(name) => name.clone(),
        None => "ledger".parse().expect("it is a name"),
    };
    write_tx!(app, cx, |tx| {
        let mission = missions::service::resolve(tx, cx, &request.mission_id).await?;
        cx.authorize(Action::ManageBinding)?;
        let wanted = CreateBinding {
            mission: mission.id.to_string(),
            name: name.clone(),
            connection: request.connection.clone(),
            repository: request.repository.clone(),
            branch: request.branch.clone(),
            base_path: request.base_path.clone(),
        };
        let binding = match resolve(tx, cx, name.as_str(), Some(mission.id)).await {
            Ok(binding) => same(binding, &wanted)?,
            Err(error) if error.kind == ProblemKind::NotFound => create_in(tx, cx, &mission, &wanted).await?,
            Err(error) => return Err(error),
        };
        let policy = PutPublicationPolicy {
            default_binding: Some(name.clone()),
            fail_closed: request.fail_closed,
            routes: request.routes.clone(),
        };
        model::check_routes(&policy.routes)?;
        let policy = put_in(tx, cx, &mission, &policy).await?;
        Ok(ProvisionedPersistence { binding, policy })
    })
}

fn same(binding: Binding, wanted: &CreateBinding) -> Result<Binding, Error> {
    let connection =
        [binding.connection.to_string(), binding.connection_id.to_string()].contains(&wanted.connection);
    let is_same = connection
        && binding.repository == wanted.repository
        && binding.branch == wanted.branch.as_deref().unwrap_or(model::DEFAULT_BRANCH)
        && wanted.base_path.as_ref().is_none_or(|path| *path == binding.base_path);
    if is_same {
        return Ok(binding);
    }
    let detail = format!("binding {} means another place; choose another name", binding.name);
    Err(Error::new(ProblemKind::NameTaken, detail))
}
