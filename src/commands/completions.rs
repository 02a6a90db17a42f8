//! `terrace completions`: a script for the shell.

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Exit;
use crate::ui::Ui;

/// Print a script that completes terrace's commands and options.
///
/// For bash: `terrace completions bash > ~/.local/share/bash-completion/completions/terrace`
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The shell.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

/// Prints it.
pub(crate) fn run(args: &Args, ui: Ui) -> Exit {
    let mut command = Cli::command();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "terrace", &mut script);
    ui.answer(&String::from_utf8_lossy(&script));
    Exit::Done
}
