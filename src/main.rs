//! Grows a startup's AWS architecture stage by stage, without a state file.
//!
//! This package holds the words: what people type ([`cli`], [`commands`]) and read ([`ui`]). The
//! judgement is `terrace-core`, the hands are `terrace-aws`.

mod cli;
mod commands;
mod ended;
mod failure;
mod guards;
mod reference;
mod saved;
mod session;
mod signals;
mod ui;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::Cli;
use crate::ui::Ui;

/// A stack is read into many small tables, several at once: the system's allocator is a quarter of that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // A closed pipe must not turn help into a failure.
            let _ = error.print();
            return ExitCode::from(u8::from(!help));
        }
    };
    let ui = Ui::new(cli.color);
    let end = match commands::run(cli, ui) {
        Ok(exit) => exit,
        Err(failure) => {
            let exit = failure.exit;
            ui.failure(&failure);
            exit
        }
    };
    ExitCode::from(end.code())
}
