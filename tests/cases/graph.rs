use insta::assert_snapshot;

use crate::program::Folder;

/// A stack with a module, keys and an edge between the two.
fn stack() -> Folder {
    Folder::new()
        .file(
            "stack.toml",
            r#"
name   = "shop"
region = "eu-west-3"

[module.network]
source = "network"
cidr   = "10.0.0.0/16"

[vpc.spare]
cidr = "10.9.0.0/16"

[subnet.extra]
vpc  = "module.network.vpc"
zone = "c"
cidr = "10.0.64.0/20"
"#,
        )
        .file(
            "network/module.toml",
            r#"
[inputs]
cidr = { type = "string" }

[vpc.main]
cidr = "{{ input.cidr }}"

[subnet.public]
for_each = { a = 0, b = 1 }
vpc      = "vpc.main"
zone     = "{{ each.key }}"
cidr     = "{{ cidrsubnet(input.cidr, 4, each.value) }}"

[outputs]
vpc = "vpc.main"
"#,
        )
}

#[test]
fn in_words() {
    assert_snapshot!(stack().run(&["graph"]));
}

#[test]
fn with_every_key() {
    assert_snapshot!(stack().run(&["graph", "--each"]));
}

#[test]
fn for_graphviz() {
    assert_snapshot!(stack().run(&["graph", "--format", "dot"]));
}

#[test]
fn for_mermaid() {
    assert_snapshot!(stack().run(&["graph", "--format", "mermaid"]));
}

#[test]
fn as_a_picture() {
    assert_snapshot!(stack().run(&["graph", "--format", "svg"]));
}

#[test]
fn as_a_picture_of_what_needs_what() {
    let folder = stack();
    let drawn = folder.run(&["graph", "--format", "svg", "--dependencies"]);
    assert_snapshot!(drawn);
    let each = folder.run(&["graph", "--format", "svg", "--each"]);
    assert!(each.stdout.contains("public.a"), "{each}");
}
