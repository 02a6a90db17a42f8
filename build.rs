//! Lists `examples/*.toml`, so that `explain` and the reference can show them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let folder = here.join("examples");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=examples");

    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                files.push(path);
            }
        }
    }
    files.sort();

    let mut list = String::from("&[\n");
    for file in &files {
        let kind = file.file_stem().unwrap_or_default().to_string_lossy();
        let _ = writeln!(
            list,
            "    ({kind:?}, include_str!({:?})),",
            file.display().to_string()
        );
    }
    list.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("examples.rs"), list)
}
