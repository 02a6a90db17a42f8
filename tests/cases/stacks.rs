//! The stacks of this repository: each is valid, and the small ones come and go.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
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
    let mut pictures = BTreeSet::new();
    for (picture, draw) in [
        ("shop-stages", "stages stacks/shop --env prod"),
        (
            "shop-single-instance",
            "graph stacks/shop --env prod --stage single-instance",
        ),
        (
            "shop-split-database",
            "graph stacks/shop --env prod --stage split-database",
        ),
        (
            "shop-multi-az",
            "graph stacks/shop --env prod --stage multi-az",
        ),
        (
            "shop-cdn-offload",
            "graph stacks/shop --env prod --stage cdn-offload",
        ),
        (
            "shop-read-replicas",
            "graph stacks/shop --env prod --stage read-replicas",
        ),
        ("wordpress-stages", "stages stacks/wordpress --env prod"),
        (
            "wordpress-site",
            "graph stacks/wordpress --env prod --stage site",
        ),
        (
            "wordpress-cdn",
            "graph stacks/wordpress --env prod --stage cdn",
        ),
        ("reader", "graph stacks/reader"),
    ] {
        let file = repository().join(format!("docs/images/{picture}.svg"));
        let told = folder.run_in_repository(&format!("{draw} --format svg"));
        let drawn = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            told.stdout == drawn,
            "{picture}.svg is not what terrace draws now: run `just pictures`"
        );
        pictures.insert(file);
    }
    let all = fs::read_dir(repository().join("docs/images")).unwrap();
    let all: BTreeSet<_> = all.map(|file| file.unwrap().path()).collect();
    assert_eq!(all, pictures, "a picture that nobody draws");
}
