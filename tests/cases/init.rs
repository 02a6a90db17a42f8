use insta::assert_snapshot;

use crate::program::Folder;

#[test]
fn every_template_is_valid() {
    for template in ["web", "network"] {
        let folder = Folder::new();
        let told = folder.run(&[
            "init",
            "shop",
            "--template",
            template,
            "--account",
            "123456789012",
        ]);
        assert_eq!(told.exit, Some(0), "{told}");
        let told = folder.run(&["validate", "shop"]);
        assert_eq!(
            (told.exit, told.stderr.as_str()),
            (Some(0), ""),
            "{template}: {told}"
        );
    }
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
