//! The fuzz targets on stable: whatever was found once, and every file of the stacks, broken ones too, goes through.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use terrace_aws::probe::{TARGETS, expression, loader};

use crate::program::repository;

/// Every file of a folder and below.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all.sort();
    all
}

#[test]
fn the_corpora_go_through() {
    let folder = tempfile::tempdir().unwrap();
    for (name, target) in TARGETS {
        let corpus = files(&repository().join("fuzz/corpus").join(name));
        assert!(!corpus.is_empty(), "{name}");
        for path in corpus {
            target(folder.path(), &fs::read(path).unwrap());
        }
    }
}

#[test]
fn every_file_of_the_stacks_goes_through() {
    let folder = tempfile::tempdir().unwrap();
    let stacks = files(&repository().join("stacks"));
    let broken = files(&repository().join("tests/broken"));
    assert!(stacks.len() > 10 && broken.len() > 50);
    for path in stacks.iter().chain(&broken) {
        let bytes = fs::read(path).unwrap();
        loader(folder.path(), &bytes);
        expression(folder.path(), &bytes);
    }
}
