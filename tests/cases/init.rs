//! `init`: every template is valid, comes and goes, and is no second copy of a stack.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use insta::assert_snapshot;

use crate::program::{Folder, repository};
use crate::world::Account;

#[test]
fn the_small_templates_come_and_go() {
    for template in ["web", "network"] {
        Account::with_template("init", template, None).comes_and_goes(&[]);
    }
}

#[test]
fn a_whole_shop_comes_and_goes() {
    let top = ["--stage", "read-replicas"];
    Account::with_template("init", "shop", Some("pr-1")).comes_and_goes(&top);
}

#[test]
fn a_whole_wordpress_comes_and_goes() {
    let top = ["--stage", "cdn"];
    Account::with_template("init", "wordpress", Some("pr-1")).comes_and_goes(&top);
}

#[test]
fn a_site_and_a_reader_come_and_go() {
    Account::with_template("init", "site", Some("pr-1")).comes_and_goes(&[]);
    Account::with_template("init", "reader", None).comes_and_goes(&[]);
}

/// The templates that are stacks of the repository.
const STACKS: [&str; 4] = ["shop", "wordpress", "site", "reader"];

#[test]
fn every_template_is_valid() {
    for template in ["web", "network"].iter().chain(&STACKS) {
        let folder = written(template);
        let told = folder.run(&["validate", "mine"]);
        assert_eq!(
            (told.exit, told.stderr.as_str()),
            (Some(0), ""),
            "{template}: {told}"
        );
    }
}

#[test]
fn a_stack_is_written_as_it_is_but_for_its_header_and_where_its_modules_are() {
    for template in STACKS {
        let folder = written(template);
        let mine = folder.path().join("mine");
        let stack = repository().join("stacks").join(template);
        for file in files(&stack) {
            let ours = fs::read_to_string(stack.join(&file)).unwrap();
            let theirs = fs::read_to_string(mine.join(&file)).unwrap();
            let header = |line: &&str| {
                let user = ["name ", "account ", "region "].iter();
                file != "stack.toml" || !user.clone().any(|key| line.starts_with(key))
            };
            let ours = ours.replace("../../modules/", "modules/");
            assert!(
                ours.lines()
                    .filter(header)
                    .eq(theirs.lines().filter(header)),
                "{template}/{file}"
            );
        }
        let modules = files(&mine.join("modules"));
        assert!(!modules.is_empty(), "{template}");
        for module in modules {
            let file = format!("modules/{module}/module.toml");
            let ours = fs::read_to_string(repository().join(&file)).unwrap();
            assert_eq!(ours, fs::read_to_string(mine.join(&file)).unwrap());
        }
    }
}

/// A folder in which `init` wrote a template into `mine`.
fn written(template: &str) -> Folder {
    let folder = Folder::new();
    let told = folder.run(&[
        "init",
        "mine",
        "--template",
        template,
        "--account",
        "210987654321",
    ]);
    assert_eq!(told.exit, Some(0), "{told}");
    let header = fs::read_to_string(folder.path().join("mine/stack.toml")).unwrap();
    for line in ["name    = \"mine\"", "account = \"210987654321\" "] {
        assert!(header.contains(line), "{line}: {header}");
    }
    folder
}

/// The names in a folder, READMEs aside.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "README.md").collect()
}

#[test]
fn without_credentials_the_account_is_left_to_the_reader() {
    let folder = Folder::new();
    let network = [
        "init",
        "My Shop",
        "--template",
        "network",
        "--region",
        "eu-west-3",
    ];
    assert_snapshot!(folder.run(&network));
    let stack = std::fs::read_to_string(folder.path().join("My Shop/stack.toml"));
    assert_snapshot!(stack.unwrap_or_default());
}

#[test]
fn what_is_there_stays() {
    let folder = Folder::new().file("shop/single-instance.toml", "mine\n");
    assert_snapshot!(folder.run(&["init", "shop"]));
    assert!(!folder.path().join("shop/stack.toml").exists());
}

#[test]
fn a_name_that_is_none() {
    assert_snapshot!(Folder::new().run(&["init", "--name", "My Shop"]));
}
