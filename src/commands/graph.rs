//! `terrace graph`: what is in a stack, as an architecture or by what needs what.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};
use terrace_core::source::Request;

use crate::failure::{Exit, Failure};
use crate::session::{self, KINDS};
use crate::ui::Ui;
use crate::ui::graph::{Graph, svg, words};
use crate::ui::picture;

/// Draw what is in a stack and what needs what, offline.
///
/// As `svg` it is the architecture: networks, zones and what stands in them, and the path of a request from a
/// name to the data; what is not drawn is counted. Every other format, and `svg` with `--dependencies`, is what
/// needs what: resources grouped by module, all keys of a `for_each` one node, and dashed what is set later, once
/// both ends are there.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder with stack.toml.
    #[arg(default_value = ".", value_name = "STACK")]
    stack: PathBuf,
    /// The environment; required where the stack declares some.
    #[arg(long, env = "TERRACE_ENV", value_name = "NAME")]
    env: Option<String>,
    /// Look at this stage instead of the one the stack stands on.
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// A variable in place of the one in the files; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::cli::pair)]
    var: Vec<(String, String)>,
    /// How to draw.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: Format,
    /// As `svg`, draw what needs what in place of the architecture.
    #[arg(long)]
    dependencies: bool,
    /// A node for every key of a `for_each`, where the picture is of what needs what.
    #[arg(long)]
    each: bool,
    /// Write to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How to draw.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// In words, by layers.
    #[default]
    Text,
    /// For Graphviz.
    Dot,
    /// For GitHub and other places that draw Mermaid.
    Mermaid,
    /// As a picture.
    Svg,
    /// For programs.
    Json,
}

/// Draws.
pub(crate) fn run(args: &Args, ui: Ui) -> Result<Exit, Failure> {
    let loaded = session::load_request(&Request {
        folder: args.stack.clone(),
        environment: args.env.clone(),
        stage: args.stage.clone(),
        variables: args.var.clone(),
        sandbox: false,
    })?;
    if matches!(args.format, Format::Svg) && !args.dependencies && !args.each {
        return write(
            &picture::architecture(&loaded.stack),
            args.out.as_deref(),
            ui,
        );
    }
    let graph = Graph::of(&loaded.stack, KINDS, args.each);
    let text = match args.format {
        Format::Text => words::text(&graph),
        Format::Dot => words::dot(&graph),
        Format::Mermaid => words::mermaid(&graph),
        Format::Svg => svg::svg(&graph),
        Format::Json => format!("{:#}\n", graph.to_json()),
    };
    write(&text, args.out.as_deref(), ui)
}

/// Answers with a text, or writes it to a file.
pub(super) fn write(text: &str, file: Option<&Path>, ui: Ui) -> Result<Exit, Failure> {
    match file {
        None => ui.answer(text),
        Some(path) => {
            let text = anstream::adapter::strip_str(text).to_string();
            std::fs::write(path, text).map_err(|error| {
                Failure::new(format!("cannot write {}: {error}", path.display()))
            })?;
        }
    }
    Ok(Exit::Done)
}
