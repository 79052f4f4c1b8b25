//! `mc auth`.

use std::path::Path;
use std::time::Duration;

use mc_api::auth::{CreateGrant, GrantFile, LoginRequest, LoginSession};
use mc_api::{Name, Role};

use crate::age::{now, until};
use crate::args::AuthCommand;
use crate::config::Context;
use crate::context::Invocation;
use crate::exit::Failure;
use crate::grant_file;
use crate::output::Format;
use crate::table;

pub(super) async fn run(cx: &Invocation, command: AuthCommand) -> anyhow::Result<()> {
    match command {
        AuthCommand::Login { principal, role, ttl } => login(cx, principal, role, ttl).await,
        AuthCommand::Grant { principal, task, ttl, file } => {
            let body = CreateGrant {
                principal,
                mission: cx.global.mission.clone(),
                task,
                ttl_seconds: seconds(ttl)?,
            };
            grant(cx, &body, file.as_deref()).await
        }
        AuthCommand::Whoami => whoami(cx).await,
        AuthCommand::Logins { principal, all } => logins(cx, principal.as_deref(), all).await,
        AuthCommand::Grants { principal } => grants(cx, principal.as_deref()).await,
        AuthCommand::Revoke { id } => revoke(cx, &id).await,
        AuthCommand::Expel { principal } => {
            let done = cx.client()?.logout_of(&principal).await?;
            cx.out.did("principal", &principal, &format!("{} login sessions and grants ended", done.ended))
        }
        AuthCommand::Who { ids } => who(cx, &ids).await,
        AuthCommand::Logout { everywhere } => logout(cx, everywhere).await,
    }
}

/// Exchanges the token in use for a login session and keeps that in a context: the one of `--context`, else
/// `NAME@<current>` with `--as`, else the current one. So the identity that logged in stays at hand.
async fn login(
    cx: &Invocation,
    principal: Option<Name>,
    role: Option<Role>,
    ttl: Option<Duration>,
) -> anyhow::Result<()> {
    let ttl_seconds = seconds(ttl)?;
    let store = cx.store()?;
    let asked = cx.global.context.clone();
    let known = store.read()?;
    // A context that is named but not there yet is made here, so it cannot be what we log in with.
    let is_new = asked.as_deref().is_some_and(|name| known.find(name).is_none());
    let source = if is_new {
        let global = crate::args::Global { context: None, ..cx.global.clone() };
        cx.with(global)
    } else {
        cx.with(cx.global.clone())
    };
    let current = source.context()?;
    let (server, _) = source.address()?;
    let session: LoginSession =
        source.client()?.login(&LoginRequest { principal: principal.clone(), role, ttl_seconds }).await?;
    let Some(token) = session.token.clone() else {
        return Err(Failure::Conflict("the answer came twice and keeps no token; log in again".into()).into());
    };
    let base = current.as_ref().map_or("default", |context| context.name.as_str());
    // Who names the context keeps the one in use.
    let stays = current.as_ref().map(|context| context.name.clone()).filter(|_| asked.is_some());
    let name = match (asked, principal) {
        (Some(name), _) => name,
        (None, Some(principal)) => {
            format!("{principal}@{}", base.split_once('@').map_or(base, |(_, base)| base))
        }
        (None, None) => base.to_owned(),
    };
    store.change(|config| {
        let mission = config.find(&name).or(current.as_ref()).and_then(|context| context.mission.clone());
        config.put(Context {
            name: name.clone(),
            server: server.to_string(),
            token: Some(token),
            token_file: None,
            mission,
        });
        config.current_context = Some(stays.clone().unwrap_or_else(|| name.clone()));
        Ok(())
    })?;
    if cx.identity_is_given() {
        cx.out.talk("note: MC_TOKEN or --token-file still wins over the context; unset it to use this login");
    }
    cx.out.value(&session, || {
        format!(
            "logged in as {} ({}) for {}; {}\n",
            session.principal.name,
            session.principal.role.map_or_else(|| "no role".to_owned(), |role| role.to_string()),
            until(session.expires_at, now()),
            match &stays {
                Some(current) if *current != name => format!("use it with --context {name}"),
                _ => format!("context {name} is current"),
            }
        )
    })
}

fn seconds(ttl: Option<Duration>) -> Result<Option<u32>, Failure> {
    ttl.map(|ttl| u32::try_from(ttl.as_secs()))
        .transpose()
        .map_err(|_| Failure::Usage("the lifetime is too long".into()))
}

/// Makes a grant; its token goes to the file, or is printed, and nowhere else.
async fn grant(cx: &Invocation, body: &CreateGrant, file: Option<&Path>) -> anyhow::Result<()> {
    let (server, _) = cx.address()?;
    let mut grant = cx.client()?.issue_grant(body).await?;
    let Some(token) = grant.token.clone() else {
        return Err(Failure::Conflict("the answer came twice and keeps no token; ask again".into()).into());
    };
    if let Some(path) = file {
        grant.token = None;
        let content = GrantFile {
            base_url: server.to_string(),
            token: token.clone(),
            expires_at: Some(grant.expires_at),
        };
        grant_file::write(path, &content)?;
    }
    let left = until(grant.expires_at, now());
    cx.out.value(&grant, || match file {
        Some(path) => format!("{} for {} in {}\n", grant.principal, left, path.display()),
        None => format!("{token}\n"),
    })?;
    if file.is_none() {
        cx.out.talk(&format!("a grant for {}, {left}; it is not shown again", grant.principal));
    }
    Ok(())
}

async fn whoami(cx: &Invocation) -> anyhow::Result<()> {
    let (server, _) = cx.address()?;
    let me = cx.client()?.whoami().await?;
    let format = cx.out.format;
    cx.out.value(&me, || {
        if format == Format::Name {
            return format!("principal/{}\n", me.principal.name);
        }
        let expiry =
            me.expires_at.map_or_else(|| "never".to_owned(), |at| format!("in {}", until(at, now())));
        table::fields(&[
            ("Name", me.principal.name.to_string()),
            ("Id", me.principal.id.to_string()),
            ("Kind", me.principal.principal_kind.to_string()),
            ("Role", me.principal.role.map(|role| role.to_string()).unwrap_or_default()),
            ("Expires", expiry),
            ("Governance", me.governance_profile.to_string()),
            ("Server", server.to_string()),
        ])
    })
}

async fn logins(cx: &Invocation, principal: Option<&str>, all: bool) -> anyhow::Result<()> {
    let page = cx.client()?.logins(principal, all).await?;
    let format = cx.out.format;
    cx.out.value(&page, || {
        if format == Format::Name {
            return page
                .items
                .iter()
                .fold(String::new(), |text, login| text + &format!("login/{}\n", login.id));
        }
        let rows = page.items.iter().map(|login| {
            let used = if login.is_current { "yes" } else { "" };
            let whose = login.principal.as_ref().map(ToString::to_string).unwrap_or_default();
            vec![
                login.id.to_string(),
                whose,
                used.to_owned(),
                crate::age::age(login.created_at, now()),
                until(login.expires_at, now()),
            ]
        });
        table::render(&["ID", "PRINCIPAL", "IN USE", "AGE", "EXPIRES"], rows.collect(), false)
    })
}

async fn grants(cx: &Invocation, principal: Option<&str>) -> anyhow::Result<()> {
    let page = cx.client()?.grants(principal).await?;
    let format = cx.out.format;
    cx.out.value(&page, || {
        if format == Format::Name {
            return page
                .items
                .iter()
                .fold(String::new(), |text, grant| text + &format!("grant/{}\n", grant.id));
        }
        let word = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
        let rows = page.items.iter().map(|grant| {
            vec![
                grant.id.to_string(),
                grant.principal.clone(),
                word(grant.mission_id.map(|id| id.to_string())),
                word(grant.session_id.map(|id| id.to_string())),
                until(grant.expires_at, now()),
            ]
        });
        table::render(&["ID", "AGENT", "MISSION", "SESSION", "EXPIRES"], rows.collect(), false)
    })
}

/// Ids of login sessions and of grants look alike: what is no login session may be a grant.
async fn revoke(cx: &Invocation, id: &str) -> anyhow::Result<()> {
    let client = cx.client()?;
    let bare = id.strip_prefix("login/").or_else(|| id.strip_prefix("grant/")).unwrap_or(id);
    match client.revoke_login(bare).await {
        Ok(()) => return cx.out.did("login", bare, "revoked"),
        Err(error) if error.problem_kind() == Some(mc_api::ProblemKind::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    let token = bare.parse().map_err(|_| Failure::Usage(format!("{bare:?} is no id of a login or grant")))?;
    client.revoke_grant(token).await?;
    cx.out.did("grant", bare, "revoked")
}

async fn who(cx: &Invocation, ids: &[String]) -> anyhow::Result<()> {
    let page = cx.client()?.principal_names(ids).await?;
    cx.out.value(&page, || {
        let rows = page.items.iter().map(|known| {
            let of = known.session_id.map(|id| id.to_string()).or(known.node_id.map(|id| id.to_string()));
            vec![
                known.id.to_string(),
                known.name.to_string(),
                known.principal_kind.to_string(),
                of.unwrap_or_else(|| "-".to_owned()),
            ]
        });
        table::render(&["ID", "NAME", "KIND", "OF"], rows.collect(), false)
    })
}

async fn logout(cx: &Invocation, everywhere: bool) -> anyhow::Result<()> {
    let (_, token) = cx.address()?;
    if everywhere {
        let done = cx.client()?.logout_everywhere().await?;
        cx.out.talk(&format!("{} login sessions ended", done.ended));
    } else {
        cx.client()?.logout().await?;
    }
    let ended = token.map(|token| token.expose().to_owned());
    let forgotten = cx.store()?.change(|config| {
        let mut forgotten = None;
        for context in config.contexts.iter_mut().filter(|context| context.token.is_some()) {
            if context.token == ended {
                context.token = None;
                forgotten = Some(context.name.clone());
            }
        }
        Ok(forgotten)
    })?;
    match forgotten {
        Some(name) => cx.out.did("context", &name, "logged out, it has no identity now"),
        None => cx.out.did("login", "session", "logged out"),
    }
}
