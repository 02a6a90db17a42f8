use std::fmt::Write;

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

/// Of one table more than are shown are not looked for: finding one costs as much as reading the table.
#[test]
fn a_hundred_thousand_mistakes_in_one_table_are_not_all_looked_for() {
    let mut words = "[vpc.main]\ncidr = \"10.0.0.0/16\"\n".to_owned();
    for number in 0..100_000 {
        let _ = writeln!(words, "wrong_word_{number} = 1");
    }
    let items = format!(
        "[db_subnet_group.main]\nsubnets = [{}]\n",
        "1, ".repeat(100_000)
    );
    for text in [words, items] {
        let head = "name = \"shop\"\nregion = \"eu-west-3\"\n\n";
        let folder = Folder::new().file("stack.toml", &format!("{head}{text}"));
        let told = folder.run(&["validate"]).stderr;
        assert!(told.contains("these are the first 100"), "{told}");
        assert!(told.contains("201 errors"), "{told}");
    }
}
