use insta::assert_snapshot;

use crate::program::Folder;

#[test]
fn a_stack_that_is_valid() {
    let folder = Folder::new().file(
        "stack.toml",
        "name = \"shop\"\nregion = \"eu-west-3\"\n\n[vpc.main]\ncidr = \"10.0.0.0/16\"\n",
    );
    assert_snapshot!(folder.run(&["validate"]));
}

#[test]
fn all_mistakes_of_all_stages_at_once() {
    let folder = Folder::new()
        .file(
            "stack.toml",
            "name   = \"shop\"\nregion = \"eu-west-3\"\nstages = [\"one\", \"two\"]\nstage  = \"one\"\n",
        )
        .file("one.toml", "[vpc.main]\ncidr = \"10.0.0.1/16\"\n")
        .file("two.toml", "[subnet.a]\nvpc  = \"vpc.mian\"\nzone = \"a\"\ncidr = \"10.0.0.0/24\"\n");
    assert_snapshot!(folder.run(&["validate"]));
}

#[test]
fn no_stack_at_all() {
    assert_snapshot!(Folder::new().run(&["validate"]));
}
