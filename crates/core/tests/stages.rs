//! Rules 1 to 6: files, stages, what is taken out, and with whose consent.

use terrace_core::address::Address;
use terrace_core::source::Loss;

use crate::stacks::{HEAD, addresses, files, json, ladder, one, property, resource};

// 1: files

#[test]
fn a_stack_may_be_one_file() {
    let loaded =
        one("about = \"x\"\n[secret.db]\n[outputs]\nname = \"{{ secret.db.name }}\"\n").loaded();
    assert_eq!(addresses(&loaded.stack), ["secret.db"]);
    assert_eq!(loaded.stack.stage, None);
    assert_eq!(loaded.stack.about.as_deref(), Some("x"));
    assert_eq!(
        json(&loaded.stack.outputs["name"]),
        "\"shop-main-db-0a1b2c\""
    );
}

#[test]
fn a_file_that_no_stage_names_gets_a_hint() {
    let folder = files(&[("shop/stack.toml", HEAD), ("shop/extra.toml", "")]);
    insta::assert_snapshot!(folder.notes());
}

#[test]
fn a_stage_says_what_it_is_for() {
    let loaded = ladder(&["about = \"small\"\n", ""]).loaded();
    assert_eq!(loaded.stack.abouts, [Some("small".to_owned()), None]);
}

// 2: merging

const GROUP: &str = "
[security_group.web]
vpc = \"vpc-0abc\"
[security_group.web.ingress]
http = { port = 80, from = \"0.0.0.0/0\" }
[listener.web]
load_balancer = \"arn:aws:x\"
port = 80
protocol = \"HTTP\"
action = { redirect = { port = 443 } }
[record.a]
zone = \"Z1\"
name = \"a\"
values = [\"1\", \"2\"]
";

#[test]
fn tables_merge_and_lists_are_replaced() {
    let loaded = ladder(&[
        GROUP,
        "[security_group.web.ingress]\nhttps = { port = 443 }\nhttp = { port = 8080 }\n[record.a]\nvalues = [\"3\"]\n",
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "security_group.web", "ingress"),
        r#"{"http":{"port":8080,"from":"0.0.0.0/0"},"https":{"port":443}}"#
    );
    assert_eq!(property(&loaded, "record.a", "values"), r#"["3"]"#);
}

#[test]
fn a_choice_is_replaced_whole() {
    let loaded = ladder(&[
        &format!("{GROUP}[key_pair.a]\npublic_key = {{ template = \"a\", with = {{ x = \"1\" }} }}\n"),
        "[listener.web]\naction = { respond = { status = 404 } }\n[key_pair.a]\npublic_key = { file = \"two.toml\" }\n",
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "listener.web", "action"),
        r#"{"respond":{"status":404}}"#
    );
    assert!(property(&loaded, "key_pair.a", "public_key").starts_with("\"[listener.web]"));
}

#[test]
fn an_empty_keyed_table_is_none_only_where_it_is_first_named() {
    let loaded = ladder(&[
        "[security_group.a]\nvpc = \"vpc-0abc\"\negress = {}\n[security_group.b]\nvpc = \"vpc-0abc\"\negress.all = { port = 1 }\n",
        "[security_group.b]\negress = {}\n",
        "[security_group.a]\nunset = [\"egress\"]\n",
    ]);
    let two = loaded.stage("two").loaded();
    assert_eq!(property(&two, "security_group.a", "egress"), "{}");
    assert_eq!(
        property(&two, "security_group.b", "egress"),
        r#"{"all":{"port":1}}"#
    );
}

#[test]
fn unset_comes_before_what_the_stage_says() {
    let loaded = ladder(&[
        GROUP,
        "[security_group.web]\nunset = [\"ingress.http\"]\ningress.app = { port = 8080 }\n[record.a]\nunset = [\"values\"]\nttl = \"5s\"\n",
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "security_group.web", "ingress"),
        r#"{"app":{"port":8080}}"#
    );
    assert_eq!(property(&loaded, "record.a", "values"), "-");
    assert_eq!(
        resource(&loaded, "record.a").said["values"].0.as_deref(),
        Some("two")
    );
}

#[test]
fn a_key_of_plain_values_may_have_dots() {
    let loaded = ladder(&[
        "[db_parameter_group.a]\nfamily = \"postgres17\"\nparameters = { \"rds.force_ssl\" = \"1\", \"a.b.c\" = \"2\" }\n",
        "[db_parameter_group.a]\nunset = [\"parameters.rds.force_ssl\"]\n",
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "db_parameter_group.a", "parameters"),
        r#"{"a.b.c":"2"}"#
    );
}

#[test]
fn for_each_merges_by_key_and_an_expression_replaces_it() {
    let base = "[secret.a]\nfor_each = { x = 1, y = 2 }\n[secret.b]\nfor_each = [\"x\"]\n";
    let loaded = ladder(&[
        base,
        "[secret.a.for_each]\nz = 3\n[secret.a]\nunset = [\"for_each.x\"]\n[secret.b]\nfor_each = \"{{ ['p', 'q'] }}\"\n",
        "remove = [\"secret.a.y\"]\n",
    ]);
    assert_eq!(
        addresses(&loaded.loaded().stack),
        ["secret.a.z", "secret.b.p", "secret.b.q"]
    );
    assert_eq!(
        addresses(&loaded.stage("one").loaded().stack),
        ["secret.a.x", "secret.a.y", "secret.b.x"]
    );
}

// 3 to 6: taking out, consent, lowering, holding

#[test]
fn removals_carry_consent() {
    let loaded = ladder(&[
        "[volume.data]\nfor_each = [\"a\", \"b\"]\nzone = \"a\"\nsize = 1\n[eip.web]\n[secret.x]\n",
        "remove = [\"eip.web\", { address = \"volume.data\", allow = \"data\" }, { address = \"secret.x\", allow = [\"data\", \"address\"] }]\n",
    ])
    .loaded();
    let said: Vec<_> = loaded
        .stack
        .removals
        .iter()
        .map(|one| (one.address.to_string(), one.allow.clone()))
        .collect();
    assert_eq!(
        said,
        [
            ("eip.web".to_owned(), vec![]),
            ("volume.data".to_owned(), vec![Loss::Data]),
            ("secret.x".to_owned(), vec![Loss::Data, Loss::Address]),
        ]
    );
    assert!(loaded.stack.removals[1].covers(&Address::new("volume", "data").keyed("a")));
    assert!(!loaded.stack.removals[0].covers(&Address::new("volume", "data").keyed("a")));
    assert!(addresses(&loaded.stack).is_empty());
    assert!(loaded.stack.named.contains(&Address::new("eip", "web")));
}

#[test]
fn a_whole_module_is_removed() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}stages = [\"one\", \"two\"]\nstage = \"two\"\n"),
        ),
        (
            "shop/one.toml",
            "[module.web]\nsource = \"../web\"\n[module.other]\nsource = \"../web\"\n",
        ),
        ("shop/two.toml", "remove = [\"module.web\"]\n"),
        ("web/module.toml", "[secret.a]\n"),
    ])
    .loaded();
    assert_eq!(addresses(&loaded.stack), ["other/secret.a"]);
    let removal = &loaded.stack.removals[0];
    assert!(removal.covers(&"web/secret.a".parse().unwrap()));
    assert!(!removal.covers(&"other/secret.a".parse().unwrap()));
}

#[test]
fn what_only_higher_stages_name_is_known() {
    let folder = ladder(&[
        "[secret.a]\n",
        "[secret.b]\nfor_each = [\"x\"]\n",
        "remove = [\"secret.a\"]\n[secret.c]\n",
    ]);
    let loaded = folder.stage("one").loaded();
    let above: Vec<_> = loaded
        .stack
        .above
        .iter()
        .map(|(address, stage)| format!("{address} {stage}"))
        .collect();
    assert_eq!(above, ["secret.b.x two", "secret.c three"]);
    assert_eq!(loaded.stack.named.len(), 3);
}

#[test]
fn numbered_names_get_no_hint() {
    let named = |range: std::ops::RangeInclusive<u32>| {
        let secrets = range.map(|number| format!("[secret.key_{number}]\n"));
        secrets.collect::<String>()
    };
    let folder = ladder(&[&format!("[secret.key]\n{}", named(1..=9)), &named(10..=30)]);
    assert_eq!(folder.notes(), "");
}

#[test]
fn a_name_close_to_another_gets_a_hint() {
    let folder = ladder(&[
        "[secret.database]\n[secret.web_1]\n",
        "[secret.databse]\n[secret.web_2]\n",
    ]);
    insta::assert_snapshot!(folder.notes());
}
