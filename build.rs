//! Lists files that the program carries: `examples/*.toml`, which `explain` and the reference show, and the stacks
//! that `init` writes, each with the modules it uses.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    for read in ["build.rs", "examples", "modules", "src/templates", "stacks"] {
        println!("cargo::rerun-if-changed={read}");
    }
    fs::write(out.join("examples.rs"), examples(&here)?)?;
    fs::write(out.join("templates.rs"), templates(&here)?)
}

/// Kind and text of each.
fn examples(here: &Path) -> io::Result<String> {
    let mut list = String::from("&[\n");
    for file in files(&here.join("examples"))? {
        if file
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let kind = file.file_stem().unwrap_or_default().to_string_lossy();
            embed(&mut list, &kind, &file);
        }
    }
    list.push_str("]\n");
    Ok(list)
}

/// Name of each, and its files as they stand in a folder of the user's, modules beneath it.
fn templates(here: &Path) -> io::Result<String> {
    let mut folders = Vec::new();
    for parent in ["src/templates", "stacks"] {
        for entry in fs::read_dir(here.join(parent))? {
            folders.push(entry?.path());
        }
    }
    folders.sort();
    let mut list = String::from("&[\n");
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(list, "({name:?}, &[");
        let mut modules = BTreeSet::new();
        for file in carried(folder)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            embed(&mut list, &name, &file);
            let text = fs::read_to_string(&file)?;
            let sources = text.split("\"../../modules/").skip(1);
            modules.extend(sources.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
        for module in modules {
            for file in carried(&here.join("modules").join(&module))? {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                embed(&mut list, &format!("modules/{module}/{name}"), &file);
            }
        }
        list.push_str("]),\n");
    }
    list.push_str("]\n");
    Ok(list)
}

/// All files of a folder but its README: that speaks of this repository.
fn carried(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = files(folder)?;
    found.retain(|file| file.extension().is_none_or(|extension| extension != "md"));
    Ok(found)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn embed(list: &mut String, name: &str, file: &Path) {
    let path = file.display().to_string();
    let _ = writeln!(list, "    ({name:?}, include_str!({path:?})),");
}
