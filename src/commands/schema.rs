//! `terrace schema`: the JSON schema of stack files, for editors.

use clap::Args as ClapArgs;

use crate::failure::Exit;
use crate::reference::editor::{self, File};
use crate::ui::Ui;

/// Print the JSON schema of stack files, for editors.
///
/// Taplo and Even Better TOML read it from a file that the first line of a TOML file names:
/// `#:schema ./terrace.schema.json`.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The file it is for; one schema for all of them is what editors want most.
    #[arg(value_enum, default_value_t = File::All, value_name = "FILE")]
    file: File,
}

/// Prints it.
pub(crate) fn run(args: &Args, ui: Ui) -> Exit {
    ui.answer(&format!("{:#}\n", editor::schema(args.file)));
    Exit::Done
}
