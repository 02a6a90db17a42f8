//! Rules 13 to 15: what stands on every resource.

use terrace_core::address::Address;
use terrace_core::source::Loss;

use crate::stacks::{addresses, one, property, resource};

// 13: what is on every resource

#[test]
fn common_properties() {
    let loaded = one(
        "[variables]\nkeep = true\n[secret.old]\n[secret.a]\nprotect = \"{{ var.keep }}\"\nregion = \"us-east-1\"\nafter = [\"secret.old\"]\nignore = [\"tags.backup\", \"name\"]\nallow = [\"data\"]\nconfirm = \"Tell {{ stack.name }}.\"\ngeneration = 2\nwas = \"secret.before\"\n[secret.b]\nfor_each = [\"x\", \"y\"]\nwas = { x = \"secret.single\" }\n[secret.c]\nfor_each = [\"x\"]\nwas = \"secret.former\"\n",
    )
    .loaded();
    let common = &resource(&loaded, "secret.a").common;
    assert_eq!(common.protect, Some(true));
    assert_eq!(common.region.as_deref(), Some("us-east-1"));
    assert_eq!(common.after, [Address::new("secret", "old")]);
    assert_eq!(common.ignore, ["tags.backup", "name"]);
    assert_eq!(common.allow, [Loss::Data]);
    assert_eq!(common.confirm.as_deref(), Some("Tell shop."));
    assert_eq!(common.generation, 2);
    assert_eq!(common.was, Some(Address::new("secret", "before")));
    assert_eq!(resource(&loaded, "secret.a").needs[0].field, "after");
    assert_eq!(resource(&loaded, "secret.old").common.generation, 1);
    assert_eq!(
        resource(&loaded, "secret.b.x").common.was,
        Some(Address::new("secret", "single"))
    );
    assert_eq!(resource(&loaded, "secret.b.y").common.was, None);
    assert_eq!(
        resource(&loaded, "secret.c.x").common.was,
        Some(Address::new("secret", "former").keyed("x"))
    );
    assert_eq!(loaded.stack.identity(common).region, "us-east-1");
    assert_eq!(loaded.stack.identity(common).generation, 2);
}

#[test]
fn when_stands_in_any_table() {
    let loaded = one(
        "[variables]\non = false\n[security_group.a]\nvpc = \"vpc-0abc\"\ningress.ssh = { port = 22, when = \"{{ var.on }}\" }\ningress.http = { port = 80, when = \"{{ not var.on }}\" }\n[secret.a]\nwhen = \"{{ var.on }}\"\n[secret.b]\nfor_each = [\"x\", \"y\"]\nwhen = \"{{ each.key == 'y' }}\"\n[db_parameter_group.a]\nfamily = \"x\"\nparameters = { when = \"midnight\" }\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "security_group.a", "ingress"),
        r#"{"http":{"port":80}}"#
    );
    assert_eq!(
        property(&loaded, "db_parameter_group.a", "parameters"),
        r#"{"when":"midnight"}"#
    );
    assert_eq!(
        addresses(&loaded.stack),
        ["security_group.a", "secret.b.y", "db_parameter_group.a"]
    );
}

#[test]
fn moves() {
    let loaded = one("[moved]\n\"module.web\" = \"module.front\"\n\"secret.a\" = \"secret.b\"\nstack = \"store\"\n").loaded();
    let moved = |text: &str| {
        let address = text.parse().unwrap();
        loaded
            .stack
            .moved
            .iter()
            .find_map(|one| one.apply(&address))
            .map(|address| address.to_string())
    };
    assert_eq!(loaded.stack.formerly.as_deref(), Some("store"));
    assert_eq!(moved("web/secret.x").as_deref(), Some("front/secret.x"));
    assert_eq!(
        moved("web.eu/secret.x").as_deref(),
        Some("front.eu/secret.x")
    );
    assert_eq!(moved("secret.a.k").as_deref(), Some("secret.b.k"));
    assert_eq!(moved("secret.c"), None);
}

// 15: late edges make no cycle

#[test]
fn late_edges_may_go_round() {
    let loaded = one(
        "[security_group.a]\nvpc = \"vpc-0abc\"\ningress.x = { from = \"security_group.b\" }\n[security_group.b]\nvpc = \"vpc-0abc\"\ningress.x = { from = \"security_group.a\" }\n",
    )
    .loaded();
    assert!(resource(&loaded, "security_group.a").needs[0].late);
}

// 12 and 16: what a kind is told, and what it may be given

#[test]
fn names_are_foretold_from_the_identity() {
    let loaded =
        one("[secret.a]\n[ssm_parameter.b]\nname = \"b\"\nvalue = \"{{ secret.a.name }}\"\n")
            .loaded();
    assert_eq!(
        property(&loaded, "ssm_parameter.b", "value"),
        "\"shop-main-a-0a1b2c\""
    );
    let identity = loaded.stack.identity(&resource(&loaded, "secret.a").common);
    assert_eq!(identity.account.as_deref(), Some("123456789012"));
    assert_eq!(
        (identity.stack.as_str(), identity.environment.as_str()),
        ("shop", "main")
    );
}

#[test]
fn a_reference_may_be_a_word_of_its_kind() {
    let loaded = one("[db_instance.a]\nclass = \"x\"\npassword = \"managed\"\n").loaded();
    assert_eq!(
        property(&loaded, "db_instance.a", "password"),
        "\"managed\""
    );
    assert!(resource(&loaded, "db_instance.a").needs.is_empty());
}
