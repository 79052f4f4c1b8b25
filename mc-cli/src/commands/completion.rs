//! `mc completion`.

use clap::CommandFactory as _;

use crate::args::{Cli, Shell};
use crate::context::Invocation;

pub(super) fn run(cx: &Invocation, shell: Shell) -> anyhow::Result<()> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mc", &mut script);
    cx.out.data(&String::from_utf8_lossy(&script))
}
