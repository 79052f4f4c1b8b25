//! `mc config`.

use anyhow::Context as _;

use crate::config::Context;
use crate::context::{DEFAULT_SERVER, Invocation};
use crate::exit::Failure;
use crate::table;

pub(super) fn view(cx: &Invocation, raw: bool) -> anyhow::Result<()> {
    let config = cx.store()?.read()?;
    let config = if raw { config } else { config.redacted() };
    let yaml = serde_yaml_ng::to_string(&config)?;
    cx.out.value(&config, || yaml)
}

pub(super) fn get_contexts(cx: &Invocation) -> anyhow::Result<()> {
    let config = cx.store()?.read()?.redacted();
    let current = config.current_context.clone();
    cx.out.list(config.contexts, |contexts| {
        if cx.out.format == crate::output::Format::Name {
            return crate::output::lines(contexts.iter().map(|context| &context.name));
        }
        let rows = contexts.iter().map(|context| {
            let mark = if current.as_deref() == Some(&context.name) { "*" } else { "" };
            let identity = match (&context.token, &context.token_file) {
                (Some(_), _) => "token".to_owned(),
                (None, Some(path)) => path.display().to_string(),
                (None, None) => "-".to_owned(),
            };
            let mission = context.mission.clone().unwrap_or_else(|| "-".into());
            vec![mark.to_owned(), context.name.clone(), context.server.clone(), mission, identity]
        });
        table::render(&["CURRENT", "NAME", "SERVER", "MISSION", "IDENTITY"], rows.collect(), false)
    })
}

pub(super) fn use_context(cx: &Invocation, name: &str) -> anyhow::Result<()> {
    cx.store()?.change(|config| {
        config.select(Some(name))?;
        config.current_context = Some(name.to_owned());
        Ok(())
    })?;
    cx.out.did("context", name, "is current")
}

pub(super) fn set_context(cx: &Invocation, name: &str) -> anyhow::Result<()> {
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Failure::Usage("a context's name has no spaces".into()).into());
    }
    let token_file = match &cx.global.token_file {
        Some(path) => Some(std::path::absolute(path).context("cannot resolve the token file's path")?),
        None => None,
    };
    let made = cx.store()?.change(|config| {
        let known = config.find(name).cloned();
        let made = known.is_none();
        let mut context = known.unwrap_or_else(|| Context {
            name: name.to_owned(),
            server: DEFAULT_SERVER.into(),
            ..Context::default()
        });
        if let Some(server) = &cx.global.server {
            let server = mc_client::Server::parse(server)?.to_string();
            if context.server != server {
                // The token was for the other server.
                context.token = None;
            }
            context.server = server;
        }
        if let Some(path) = token_file {
            context.token = None;
            context.token_file = Some(path);
        }
        if let Some(mission) = &cx.global.mission {
            context.mission = Some(mission.clone()).filter(|mission| !mission.is_empty());
        }
        config.put(context);
        if config.current_context.is_none() {
            config.current_context = Some(name.to_owned());
        }
        Ok(made)
    })?;
    cx.out.did("context", name, if made { "created" } else { "changed" })
}

pub(super) fn delete_context(cx: &Invocation, name: &str) -> anyhow::Result<()> {
    let was_current = cx.store()?.change(|config| {
        config.select(Some(name))?;
        config.contexts.retain(|context| context.name != name);
        let was_current = config.current_context.as_deref() == Some(name);
        if was_current {
            config.current_context = None;
        }
        Ok(was_current)
    })?;
    if was_current {
        cx.out.talk("no context is current now; choose one with `mc config use-context NAME`");
    }
    cx.out.did("context", name, "deleted")
}

pub(super) fn path(cx: &Invocation) -> anyhow::Result<()> {
    cx.out.data(&format!("{}\n", cx.store()?.path().display()))
}
