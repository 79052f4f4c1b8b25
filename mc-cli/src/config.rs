//! The configuration file: contexts, each a server with an identity, like a kubeconfig.
//!
//! Invariants: the file is readable by its owner only; it is replaced as a whole, so a reader sees the old or the new
//! one; changes by several processes are one after the other (a lock beside the file). A token of a context is sent
//! to that context's server only.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::exit::Failure;

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// `missioncontrol.dev/v1`.
    #[serde(rename = "apiVersion", default = "api_version")]
    pub api_version: String,
    /// `Config`.
    #[serde(default = "kind")]
    pub kind: String,
    /// The context used unless another is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_context: Option<String>,
    /// The contexts, in the order they were made.
    #[serde(default)]
    pub contexts: Vec<Context>,
}

fn api_version() -> String {
    mc_api::API_VERSION.into()
}
fn kind() -> String {
    "Config".into()
}

impl Default for Config {
    fn default() -> Self {
        Self { api_version: api_version(), kind: kind(), current_context: None, contexts: vec![] }
    }
}

/// A server and an identity there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Context {
    /// Unique.
    pub name: String,
    /// The address.
    pub server: String,
    /// The token of a login session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A file that holds the token; `token` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The mission meant when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mission: Option<String>,
}

impl Config {
    /// The context with this name.
    pub fn find(&self, name: &str) -> Option<&Context> {
        self.contexts.iter().find(|context| context.name == name)
    }

    /// The context asked for, or the current one; `None` when none is asked for and none is current.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for a name that no context has.
    pub fn select(&self, asked: Option<&str>) -> Result<Option<&Context>, Failure> {
        let Some(name) = asked.or(self.current_context.as_deref()) else { return Ok(None) };
        match self.find(name) {
            Some(context) => Ok(Some(context)),
            None => Err(Failure::NotFound(format!(
                "there is no context {name:?}; `mc config get-contexts` lists what there is"
            ))),
        }
    }

    /// Adds a context or replaces the one of the same name.
    pub fn put(&mut self, context: Context) {
        match self.contexts.iter_mut().find(|known| known.name == context.name) {
            Some(known) => *known = context,
            None => self.contexts.push(context),
        }
    }

    /// The same without secrets.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        for context in &mut self.contexts {
            if context.token.is_some() {
                context.token = Some("REDACTED".into());
            }
        }
        self
    }
}

/// Where the configuration is.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// `$MC_CONFIG`, else `mc/config.yaml` in `$XDG_CONFIG_HOME` or `~/.config`.
    ///
    /// # Errors
    /// [`Failure::Usage`] when the environment names no place.
    pub fn new(environment: &Environment) -> Result<Self, Failure> {
        let in_home = || environment.home.as_ref().map(|home| home.join(".config"));
        let path = environment.config.clone().or_else(|| {
            environment.config_home.clone().or_else(in_home).map(|dir| dir.join("mc/config.yaml"))
        });
        path.map(|path| Self { path })
            .ok_or_else(|| Failure::Usage("neither MC_CONFIG, XDG_CONFIG_HOME nor HOME is set".into()))
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file; an absent one is an empty configuration.
    pub fn read(&self) -> anyhow::Result<Config> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.path.display()));
            }
        };
        if text.trim().is_empty() {
            return Ok(Config::default());
        }
        serde_yaml_ng::from_str(&text).map_err(|error| {
            Failure::Usage(format!("{} is not a configuration: {error}", self.path.display())).into()
        })
    }

    /// Whether others than the owner may read the file.
    pub fn is_exposed(&self) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
    }

    /// Changes the file: reads, lets `change` work, replaces it as a whole. Nothing is written when `change` fails.
    pub fn change<T>(&self, change: impl FnOnce(&mut Config) -> anyhow::Result<T>) -> anyhow::Result<T> {
        // A link stays a link; what it points to is replaced.
        let target = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let what = || format!("cannot write {}", self.path.display());
        std::fs::create_dir_all(&folder).with_context(what)?;
        let lock = lock_beside(&target).with_context(what)?;
        let mut config = self.read()?;
        let answer = change(&mut config)?;
        let text = serde_yaml_ng::to_string(&config)?;
        replace(&folder, &target, &text).with_context(what)?;
        drop(lock);
        Ok(answer)
    }
}

fn lock_beside(target: &Path) -> std::io::Result<File> {
    let mut name = target.as_os_str().to_owned();
    name.push(".lock");
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(name)?;
    lock.lock()?;
    Ok(lock)
}

fn replace(folder: &Path, target: &Path, text: &str) -> std::io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".mc-config-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(dir: &Path) -> Store {
        Store::new(&Environment { config: Some(dir.join("deep/config.yaml")), ..Environment::default() })
            .unwrap()
    }

    fn context(name: &str) -> Context {
        Context { name: name.into(), server: "http://127.0.0.1:1".into(), ..Context::default() }
    }

    #[test]
    fn the_place_is_chosen_as_documented() {
        let mut environment = Environment { home: Some("/h".into()), ..Environment::default() };
        let path = |e: &Environment| Store::new(e).unwrap().path().to_owned();
        assert_eq!(path(&environment), Path::new("/h/.config/mc/config.yaml"));
        environment.config_home = Some("/x".into());
        assert_eq!(path(&environment), Path::new("/x/mc/config.yaml"));
        environment.config = Some("/c".into());
        assert_eq!(path(&environment), Path::new("/c"));
        assert!(Store::new(&Environment::default()).is_err());
    }

    #[test]
    fn a_change_is_whole_private_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        assert_eq!(store.read().unwrap(), Config::default());
        store
            .change(|config| {
                config.put(Context { token: Some("mcs_x".into()), ..context("local") });
                config.current_context = Some("local".into());
                Ok(())
            })
            .unwrap();
        std::fs::set_permissions(store.path(), Permissions::from_mode(0o644)).unwrap();
        assert!(store.is_exposed());
        store
            .change(|config| {
                config.put(context("other"));
                Ok(())
            })
            .unwrap();
        assert!(!store.is_exposed());
        let read = store.read().unwrap();
        assert_eq!(read.contexts.len(), 2);
        assert_eq!(read.select(None).unwrap().unwrap().token.as_deref(), Some("mcs_x"));
        assert_eq!(read.clone().redacted().contexts[0].token.as_deref(), Some("REDACTED"));
        assert!(matches!(read.select(Some("none")), Err(Failure::NotFound(_))));
        let mut names: Vec<_> = std::fs::read_dir(store.path().parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["config.yaml", "config.yaml.lock"]);
    }

    #[test]
    fn a_change_that_fails_writes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        store
            .change(|config| {
                config.put(context("a"));
                Ok(())
            })
            .unwrap();
        let before = std::fs::read(store.path()).unwrap();
        let failed: anyhow::Result<()> = store.change(|config| {
            config.contexts.clear();
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(store.path()).unwrap(), before);
    }

    #[test]
    fn changes_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        std::thread::scope(|scope| {
            for n in 0..8 {
                let store = &store;
                scope.spawn(move || {
                    store
                        .change(|config| {
                            config.put(context(&format!("c{n}")));
                            Ok(())
                        })
                        .unwrap();
                });
            }
        });
        assert_eq!(store.read().unwrap().contexts.len(), 8);
    }

    #[test]
    fn an_unknown_field_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c");
        std::fs::write(&path, "contexts: []\nsever: x\n").unwrap();
        let store = Store::new(&Environment { config: Some(path), ..Environment::default() }).unwrap();
        assert!(format!("{:#}", store.read().unwrap_err()).contains("sever"));
    }
}
