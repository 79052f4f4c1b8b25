//! The sibling programs, which must come from the same build.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;

use crate::environment::Environment;
use crate::exit::Failure;

const LIMIT: Duration = Duration::from_secs(10);

/// Where the parts are.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    /// `mc-controlplane`.
    pub(super) controlplane: PathBuf,
    /// `mc-mesh`.
    pub(super) mesh: PathBuf,
}

impl Programs {
    /// Looks in `$MC_BIN_DIR`, the folder of this program, and `PATH`, in this order.
    ///
    /// # Errors
    /// [`Failure::NotFound`] with the places looked in.
    pub(super) fn find(environment: &Environment) -> anyhow::Result<Self> {
        let own =
            std::env::current_exe().and_then(std::fs::canonicalize).context("cannot find this program")?;
        let mut places: Vec<PathBuf> = environment.bin_dir.iter().cloned().collect();
        places.extend(own.parent().map(Path::to_owned));
        places.extend(environment.path.iter().flat_map(std::env::split_paths));
        let find = |name: &str| {
            places.iter().map(|place| place.join(name)).find(|path| path.is_file()).ok_or_else(|| {
                let beside = own.parent().unwrap_or(Path::new("/")).display();
                Failure::NotFound(format!(
                    "the program {name} is neither in MC_BIN_DIR, nor in {beside}, nor on PATH\n  fix: build it (scripts/dev-up.sh --no-demo), or set MC_BIN_DIR to its folder"
                ))
            })
        };
        Ok(Self { controlplane: find("mc-controlplane")?, mesh: find("mc-mesh")? })
    }

    /// Asks both for their build.
    ///
    /// # Errors
    /// [`Failure::Conflict`] with both paths when one differs from this program's.
    pub(super) async fn check(&self) -> anyhow::Result<()> {
        for program in [&self.controlplane, &self.mesh] {
            let build = build_of(program).await?;
            if build != mc_api::BUILD_ID {
                let own = std::env::current_exe().context("cannot find this program")?;
                return Err(Failure::Conflict(format!(
                    "{} is of build {build}, but {} is of build {}\n  fix: install both from one build, or set MC_BIN_DIR to the folder of the right ones",
                    program.display(),
                    own.display(),
                    mc_api::BUILD_ID,
                ))
                .into());
            }
        }
        Ok(())
    }
}

/// What `PROGRAM --version` says behind the program's name.
async fn build_of(program: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .map_err(|_| Failure::Conflict(format!("{} --version does not end", program.display())))?
        .with_context(|| format!("cannot start {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let build = text.split_whitespace().nth(1).unwrap_or("unknown");
    Ok(build.to_owned())
}
