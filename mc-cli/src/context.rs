//! What one invocation works with: server, identity, scope, output.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use mc_client::{Client, Options, Scope, Server, Token};

use crate::args::Global;
use crate::config::{Context, Store};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::output::Output;

/// The address of a server started without `--http`.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8008";

/// One call of `mc`.
#[derive(Debug)]
pub struct Invocation {
    /// Flags.
    pub global: Global,
    /// Where to print.
    pub out: Output,
    environment: Environment,
}

impl Invocation {
    /// From what the process was given.
    pub fn new(global: Global, environment: Environment, out: Output) -> Self {
        Self { global, out, environment }
    }

    /// The same call with other flags.
    #[must_use]
    pub fn with(&self, global: Global) -> Self {
        Self { global, out: self.out, environment: self.environment.clone() }
    }

    /// What the environment says.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The configuration file.
    pub fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::new(&self.environment)?)
    }

    /// Whether `MC_TOKEN` or `--token-file` decides who we are, whatever the configuration says.
    pub fn identity_is_given(&self) -> bool {
        self.global.token_file.is_some() || self.environment.token.is_some()
    }

    /// The context asked for or current. Without a home there is none.
    pub fn context(&self) -> anyhow::Result<Option<Context>> {
        let Ok(store) = Store::new(&self.environment) else { return Ok(None) };
        let config = store.read()?;
        let context = config.select(self.global.context.as_deref())?.cloned();
        if context.as_ref().is_some_and(|context| context.token.is_some()) && store.is_exposed() {
            self.out.talk(&format!(
                "warning: {} can be read by others; fix: chmod 600 {0}",
                store.path().display()
            ));
        }
        Ok(context)
    }

    /// The server's address: that of `MC_GRANT_FILE` unless another identity or server is named, else `--server`, `MC_BASE_URL`, the context, the default; with the token that goes there.
    pub fn address(&self) -> anyhow::Result<(Server, Option<Token>)> {
        let given = self.global.server.as_deref().filter(|server| !server.is_empty());
        if let Some((server, token)) = self.grant()? {
            // A grant goes to its own server and to no other.
            match given.map(Server::parse).transpose()? {
                Some(other) if other != server => {}
                Some(_) | None => return Ok((server, Some(token))),
            }
        }
        // A configuration that cannot be used is no obstacle when nothing of it is needed.
        let needs_context = self.global.context.is_some() || given.is_none() || !self.identity_is_given();
        let context = if needs_context { self.context()? } else { None };
        let chosen = given.or(context.as_ref().map(|context| context.server.as_str()));
        let server = Server::parse(chosen.unwrap_or(DEFAULT_SERVER))?;
        let token = if let Some(path) = &self.global.token_file {
            Some(read_token(path)?)
        } else if let Some(token) = &self.environment.token {
            Some(Token::new(token))
        } else {
            match &context {
                // A context's token goes to its own server and to no other.
                Some(context) if Server::parse(&context.server).is_ok_and(|own| own == server) => {
                    match (&context.token, &context.token_file) {
                        (Some(token), _) => Some(Token::new(token)),
                        (None, Some(path)) => Some(read_token(path)?),
                        (None, None) => None,
                    }
                }
                Some(_) | None => None,
            }
        };
        Ok((server, token))
    }

    /// The grant of an agent, in whose name everything is done that names no other identity.
    fn grant(&self) -> anyhow::Result<Option<(Server, Token)>> {
        let is_named = self.global.context.is_some() || self.identity_is_given();
        let Some(path) = self.environment.grant_file.as_deref().filter(|_| !is_named) else {
            return Ok(None);
        };
        let grant = crate::grant_file::read(path)?;
        Ok(Some((Server::parse(&grant.base_url)?, Token::new(&grant.token))))
    }

    fn options(&self) -> anyhow::Result<Options> {
        let (server, token) = self.address()?;
        let mut options = Options::new(server);
        options.token = token;
        options.user_agent = concat!("mc/", env!("CARGO_PKG_VERSION")).into();
        Ok(options)
    }

    /// A client for the server and identity chosen.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::new(self.options()?)?)
    }

    /// A client that asks once and does not wait longer than this.
    pub fn client_within(&self, patience: Duration) -> anyhow::Result<Client> {
        let mut options = self.options()?;
        options.request_timeout = patience;
        options.connect_timeout = patience.min(options.connect_timeout);
        options.retry.attempts = 1;
        Ok(Client::new(options)?)
    }

    /// Mission and kluster from flags, else the context's mission.
    pub fn scope(&self) -> anyhow::Result<Scope> {
        let mission = match &self.global.mission {
            Some(mission) => Some(mission.clone()),
            None => self.context()?.and_then(|context| context.mission),
        };
        Ok(Scope { mission, kluster: self.global.kluster.clone() })
    }

    /// The mission, which this command needs.
    pub fn mission(&self) -> anyhow::Result<String> {
        self.scope()?.mission.ok_or_else(|| {
            Failure::Usage(
                "a mission is needed: -m MISSION, or one kept by `mc config set-context NAME -m MISSION`"
                    .into(),
            )
            .into()
        })
    }

    /// The kluster, which this command needs.
    pub fn kluster(&self) -> anyhow::Result<String> {
        let kluster = self.global.kluster.clone();
        kluster.ok_or_else(|| Failure::Usage("a kluster is needed: -k KLUSTER".into()).into())
    }
}

fn read_token(path: &Path) -> anyhow::Result<Token> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Usage(format!("cannot read the token in {}: {error}", path.display())))
        .context("no identity")?;
    Ok(Token::new(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Format;

    fn invocation(dir: &Path, global: Global, token: Option<&str>) -> Invocation {
        let environment = Environment {
            config: Some(dir.join("config.yaml")),
            token: token.map(str::to_owned),
            ..Environment::default()
        };
        Invocation::new(global, environment, Output::new(Format::Table, true, true))
    }

    #[test]
    fn flags_and_environment_win_and_a_contexts_token_stays_with_its_server() {
        let dir = tempfile::tempdir().unwrap();
        let set = invocation(dir.path(), Global::default(), None);
        let context = Context {
            name: "local".into(),
            server: "http://127.0.0.1:1".into(),
            token: Some("mcs_context".into()),
            mission: Some("apollo".into()),
            ..Context::default()
        };
        set.store()
            .unwrap()
            .change(|config| {
                config.current_context = Some("local".into());
                config.put(context);
                Ok(())
            })
            .unwrap();
        let seen = |global: Global, token: Option<&str>| {
            let (server, token) = invocation(dir.path(), global, token).address().unwrap();
            (server.to_string(), token.map(|t| t.expose().to_owned()))
        };
        let server = |url: &str| Global { server: Some(url.into()), ..Global::default() };
        assert_eq!(seen(Global::default(), None), ("http://127.0.0.1:1".into(), Some("mcs_context".into())));
        assert_eq!(seen(Global::default(), Some("env")), ("http://127.0.0.1:1".into(), Some("env".into())));
        assert_eq!(seen(server("http://127.0.0.1:2"), None), ("http://127.0.0.1:2".into(), None));
        assert_eq!(seen(server("http://127.0.0.1:1/"), None).1, Some("mcs_context".into()));
        assert_eq!(set.mission().unwrap(), "apollo");
        let granted = |server: &str, global: Global| {
            let file = dir.path().join("grant.json");
            std::fs::write(&file, format!(r#"{{"base_url":"{server}","token":"mcg_x"}}"#)).unwrap();
            let mut cx = invocation(dir.path(), global, None);
            cx.environment.grant_file = Some(file);
            let (server, token) = cx.address().unwrap();
            (server.to_string(), token.map(|t| t.expose().to_owned()))
        };
        let grant = |port: u8| (format!("http://127.0.0.1:{port}"), Some("mcg_x".to_owned()));
        assert_eq!(granted("http://127.0.0.1:3", Global::default()), grant(3));
        assert_eq!(granted("http://127.0.0.1:3", server("http://127.0.0.1:3/")), grant(3));
        assert_eq!(
            granted("http://127.0.0.1:3", server("http://127.0.0.1:4")).1,
            None,
            "a grant stays with its server"
        );
        let named = Global { context: Some("local".into()), ..Global::default() };
        assert_eq!(granted("http://127.0.0.1:3", named).1, Some("mcs_context".into()));
        let none = invocation(&dir.path().join("empty"), Global::default(), None);
        assert_eq!(none.address().unwrap().0.to_string(), DEFAULT_SERVER);
        assert!(none.mission().is_err());
    }
}
