//! Grammar of profiles.

use std::path::PathBuf;

use clap::Subcommand;
use mc_api::Name;

/// `mc profile`. Copies are in `profiles` beside the configuration file, or in MC_PROFILES_DIR; the link `active` there
/// points at the one in use.
#[derive(Debug, Subcommand)]
pub enum ProfileCommand {
    /// Show your profiles, and which one is in use here
    List,
    /// Use a profile here: the version that is pinned, else the newest, or without a server the newest copy
    #[command(disable_version_flag = true)]
    Use {
        /// The profile; without it the activated one
        name: Option<Name>,
        /// Another version
        #[arg(long = "at", value_name = "N")]
        version: Option<i64>,
        /// Also when files of the one in use were changed; they stay where they are
        #[arg(long)]
        force: bool,
    },
    /// Store a folder, or what is in use, as the next version
    Push {
        /// The profile; without it the one in use
        name: Option<Name>,
        /// The folder; without it that of the profile in use
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Version that the files were made of; 0: a new profile. Without it: that of the copy, else the newest
        #[arg(long, value_name = "N")]
        base: Option<i64>,
        /// What the profile is for
        #[arg(long)]
        description: Option<String>,
        /// Why this version is stored
        #[arg(long)]
        note: Option<String>,
    },
    /// Fetch the version that is pinned, else the newest; of the one in use, use it
    Pull {
        /// The profile; without it the one in use
        name: Option<Name>,
        /// Also when files of the one in use were changed; they stay where they are
        #[arg(long)]
        force: bool,
    },
    /// Choose the profile that `use` takes where none is named, on every machine
    Activate {
        /// The profile
        name: Name,
    },
    /// Keep to a version of a profile on every machine, whatever is pushed; without --at the one in use here
    #[command(disable_version_flag = true)]
    Pin {
        /// The profile; without it the one in use
        name: Option<Name>,
        /// The version
        #[arg(long = "at", value_name = "N", conflicts_with = "none")]
        version: Option<i64>,
        /// To no version: the newest is given again
        #[arg(long)]
        none: bool,
    },
    /// Show what was changed in the one in use since it was pulled or pushed
    Status {
        /// Ask the server too, which version is given now
        #[arg(long)]
        remote: bool,
    },
    /// Print the folder of the one in use: it stays what it is when another is used
    Path,
    /// Give a profile up on the server, with all its versions
    Delete {
        /// The profile
        name: Name,
    },
    /// Remove copies in which nothing was changed, but the one in use; end sessions that work in them first
    Prune,
}
