//! Stacks with a mistake each, in `tests/broken`: what is told of them must say where, what, and what to write.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use insta::{Settings, assert_snapshot};

use crate::program::{Folder, repository};

const SNAPSHOTS: &str = "../snapshots/broken";

/// The names in a folder, without what comes after a dot.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let names = entries.map(|entry| name(entry.unwrap()));
    // What insta leaves beside a snapshot that differs is none.
    let names = names.filter(|name| !name.contains(".snap.new"));
    names
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect()
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_remedy() {
    let stacks = repository().join("tests/broken");
    let program = Folder::new();
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in names(&stacks) {
            let answer = program.run_in(&stacks, &["validate", &name]);
            assert_eq!(answer.exit, Some(1), "{name}: {answer}");
            assert_eq!(answer.stdout, "", "{name}");
            let place = format!("--> {name}/");
            assert!(answer.stderr.contains(&place), "{name}: {answer}");
            assert_snapshot!(name, answer.stderr);
        }
    });
    let kept = names(&repository().join("tests/snapshots/broken"));
    assert_eq!(
        names(&stacks),
        kept,
        "an answer is kept of a stack that is gone"
    );
}
