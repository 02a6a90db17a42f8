//! The modules of this repository: each input is explained, and what no stack uses comes and goes in a small one.

#![allow(clippy::unwrap_used)]

use std::fs;

use crate::program::{Folder, repository};
use crate::world::Account;

/// An environment for each engine.
const ENGINES: [&str; 3] = ["postgres", "mysql", "mariadb"];

#[test]
fn a_database_of_each_engine_comes_and_goes() {
    for engine in ENGINES {
        Account::with_copy("modules", "modules/database/tests", Some(engine)).comes_and_goes(&[]);
    }
}

#[test]
fn small_stacks_of_modules_are_valid() {
    let told = Folder::new().run_in_repository("validate modules/database/tests");
    assert_eq!((told.exit, told.stderr.as_str()), (Some(0), ""), "{told}");
}

#[test]
fn every_input_and_output_is_explained() {
    for module in fs::read_dir(repository().join("modules")).unwrap() {
        let folder = module.unwrap().path();
        let toml = fs::read_to_string(folder.join("module.toml")).unwrap();
        let page = fs::read_to_string(folder.join("README.md")).unwrap();
        let module = folder.display();
        let named = named(&toml);
        assert!(named.len() > 4, "{module}: {named:?}");
        for (name, explained) in named {
            assert!(
                explained,
                "{module}: the input `{name}` says nothing `about` itself"
            );
            let named = page.contains(&format!("`{name}`"));
            assert!(named, "{module}: `{name}` is not in its README.md");
        }
    }
}

/// The inputs and outputs of a module, and whether each is explained where it must be.
fn named(toml: &str) -> Vec<(String, bool)> {
    let mut table = "";
    let mut found: Vec<(String, bool)> = Vec::new();
    for line in toml.lines() {
        if let Some(header) = line.strip_prefix('[') {
            table = header.split_once(']').unwrap().0;
            if let Some(input) = table.strip_prefix("inputs.") {
                found.push((input.to_owned(), false));
            }
        }
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            continue;
        };
        let key = key.trim();
        match table {
            "inputs" => found.push((key.to_owned(), value.contains("about = "))),
            "outputs" => found.push((key.to_owned(), true)),
            table if table.starts_with("inputs.") && key == "about" => {
                found.last_mut().unwrap().1 = true;
            }
            _ => {}
        }
    }
    found
}
