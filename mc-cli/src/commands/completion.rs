//! `mc completion`.

use anyhow::Context as _;
use clap_complete::env::Shells;

use crate::args::Shell;
use crate::complete;
use crate::context::Invocation;

pub(super) fn run(cx: &Invocation, shell: Shell) -> anyhow::Result<()> {
    let name = match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let shell = shells.completer(name).context("this build does not know the shell")?;
    let mut script = Vec::new();
    shell.write_registration(complete::VARIABLE, "mc", "mc", "mc", &mut script)?;
    cx.out.data(&String::from_utf8_lossy(&script))
}
