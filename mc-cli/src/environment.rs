//! The environment, read once.

use std::ffi::OsString;
use std::path::PathBuf;

/// What the environment says to `mc`. `MC_BASE_URL` is read by clap, as the default of `--server`.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `MC_TOKEN`: who we are.
    pub token: Option<String>,
    /// `MC_GRANT_FILE`: server and token of an agent.
    pub grant_file: Option<PathBuf>,
    /// `MC_TASK`: the task that is worked on.
    pub task: Option<String>,
    /// `MC_CONFIG`: the configuration file.
    pub config: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, when absolute.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`, when absolute.
    pub state_home: Option<PathBuf>,
    /// `PATH`.
    pub path: Option<OsString>,
    /// `VISUAL`, else `EDITOR`.
    pub editor: Option<String>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `MC_BIN_DIR`: where the sibling programs are.
    pub bin_dir: Option<PathBuf>,
    /// `MC_PROFILES_DIR`: copies of profiles.
    pub profiles_dir: Option<PathBuf>,
    /// `MC_MQTT_BROKER_URL` is set: the control plane takes another MQTT broker than its own.
    pub has_broker: bool,
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
}

impl Environment {
    /// Reads it. Empty values count as absent.
    pub fn read() -> Self {
        let value = |name: &str| -> Option<OsString> { std::env::var_os(name).filter(|v| !v.is_empty()) };
        Self {
            token: value("MC_TOKEN").and_then(|token| token.into_string().ok()),
            grant_file: value("MC_GRANT_FILE").map(PathBuf::from),
            task: value("MC_TASK").and_then(|task| task.into_string().ok()),
            config: value("MC_CONFIG").map(PathBuf::from),
            config_home: value("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute()),
            state_home: value("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute()),
            path: value("PATH"),
            editor: value("VISUAL").or_else(|| value("EDITOR")).and_then(|editor| editor.into_string().ok()),
            home: value("HOME").map(PathBuf::from),
            bin_dir: value("MC_BIN_DIR").map(PathBuf::from),
            profiles_dir: value("MC_PROFILES_DIR").map(PathBuf::from),
            has_broker: value("MC_MQTT_BROKER_URL").is_some(),
            no_color: value("NO_COLOR").is_some(),
        }
    }
}
