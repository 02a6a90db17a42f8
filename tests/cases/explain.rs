use insta::assert_snapshot;

use crate::program::Folder;

fn explain(arguments: &[&str]) -> String {
    Folder::new()
        .run(&[&["explain"], arguments].concat())
        .to_string()
}

#[test]
fn a_kind() {
    assert_snapshot!(explain(&["vpc"]));
}

#[test]
fn a_property() {
    assert_snapshot!(explain(&["vpc.cidr"]));
}

#[test]
fn a_property_below_a_name_of_ones_own() {
    assert_snapshot!(explain(&["security_group.ingress.http.port"]));
}

#[test]
fn a_property_of_every_kind() {
    assert_snapshot!(explain(&["vpc.generation"]));
}

#[test]
fn a_kind_as_markdown() {
    assert_snapshot!(explain(&["vpc", "--format", "markdown"]));
}

#[test]
fn a_kind_that_is_none() {
    assert_snapshot!(explain(&["subnett"]));
}

#[test]
fn a_property_that_is_none() {
    assert_snapshot!(explain(&["subnet.zon"]));
    assert_snapshot!(explain(&["vpc.colour"]));
    assert_snapshot!(explain(&["vpc.cidr.first"]));
}
