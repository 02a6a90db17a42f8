//! The stacks of this repository: each is valid, and the small ones come and go.

#![allow(clippy::unwrap_used)]

use std::fs;

use crate::program::{Folder, repository};
use crate::world::Account;

#[test]
fn every_stack_is_valid() {
    let folder = Folder::new();
    for stack in fs::read_dir(repository().join("stacks")).unwrap() {
        let name = stack.unwrap().file_name().into_string().unwrap();
        let told = folder.run_in_repository(&format!("validate stacks/{name}"));
        assert_eq!(told.exit, Some(0), "{name}: {told}");
        assert_eq!(told.stderr, "", "{name}");
    }
}

// Those with stages are rehearsed (`rehearsal.rs`).
#[test]
fn the_reader_comes_and_goes() {
    Account::with_copy("stacks", "stacks/reader", None).comes_and_goes(&[]);
}

#[test]
fn the_site_comes_and_goes() {
    Account::with_copy("stacks", "stacks/site", Some("prod")).comes_and_goes(&[]);
}

#[test]
fn the_pictures_are_what_terrace_draws() {
    let folder = Folder::new();
    for stage in ["single-instance", "split-database"] {
        let draw = format!("graph stacks/shop --env prod --stage {stage} --format svg");
        let picture = format!("docs/images/shop-{stage}.svg");
        let told = folder.run_in_repository(&draw);
        let drawn = fs::read_to_string(repository().join(&picture)).unwrap();
        assert!(
            told.stdout == drawn,
            "run `cargo run -- {draw} >{picture}`, or `just docs`"
        );
    }
}
