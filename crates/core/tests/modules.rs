//! Rule 19: modules.

use terrace_core::source::Known;

use crate::stacks::{HEAD, addresses, files, json, property, resource};

// 19: modules

#[test]
fn modules_in_modules_with_keys() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[module.site]\nfor_each = {{ eu = \"10.0.0.0/16\", us = \"10.1.0.0/16\" }}\nsource = \"../site\"\ncidr = \"{{{{ each.value }}}}\"\nsecrets = {{ db = {{ name = \"x\", when = \"{{{{ each.key == 'eu' }}}}\" }} }}\ntags = {{ site = \"{{{{ each.key }}}}\" }}\nregion = \"us-east-1\"\n[ssm_parameter.a]\nname = \"a\"\nvalue = \"{{{{ module.site.eu.range }}}} {{{{ module.site.us.vpc.name }}}}\"\n[internet_gateway.a]\nregion = \"us-east-1\"\nvpc = \"module.site.us.vpc\"\n"
            ),
        ),
        (
            "site/module.toml",
            "[inputs]\ncidr = { type = \"string\" }\nsecrets = { type = \"table\" }\n[module.inner]\nsource = \"inner\"\ncidr = \"{{ input.cidr }}\"\n[secret.x]\nfor_each = \"{{ input.secrets }}\"\nname = \"{{ each.value.name }}\"\n[outputs]\nvpc = \"module.inner.vpc\"\nrange = \"{{ input.cidr }}\"\n",
        ),
        ("site/inner/module.toml", "[inputs]\ncidr = { type = \"string\" }\n[vpc.main]\ncidr = \"{{ input.cidr }}\"\n[outputs]\nvpc = \"vpc.main\"\n"),
    ])
    .loaded();
    assert_eq!(
        addresses(&loaded.stack),
        [
            "ssm_parameter.a",
            "internet_gateway.a",
            "site.eu/secret.x.db",
            "site.eu/inner/vpc.main",
            "site.us/inner/vpc.main"
        ]
    );
    assert_eq!(
        property(&loaded, "internet_gateway.a", "vpc"),
        "\"/site.us/inner/vpc.main\""
    );
    assert_eq!(
        property(&loaded, "ssm_parameter.a", "value"),
        "\"10.0.0.0/16 shop-main-main-0a1b2c\""
    );
    let inner = resource(&loaded, "site.eu/inner/vpc.main");
    assert_eq!(json(&inner.common.tags["site"]), "\"eu\"");
    assert_eq!(inner.common.region.as_deref(), Some("us-east-1"));
    let kinds: Vec<&String> = loaded.stack.places["us-east-1"].iter().collect();
    assert_eq!(kinds, ["internet_gateway", "secret", "vpc"]);
}

#[test]
fn everything_is_resolved_in_the_file_it_is_written_in() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[variables]\nword = \"hello\"\n[target_group.own]\nvpc = \"vpc-0abc\"\nport = 80\n[secret.db]\n[security_group.web]\nvpc = \"vpc-0abc\"\n[module.web]\nsource = \"../modules/web\"\ngroups = [\"security_group.web\"]\nrules.x = {{ priority = 1, match = {{ path = \"/\" }}, action = {{ forward = \"target_group.own\" }} }}\nuser_data = {{ template = \"own.sh\", with = {{ id = \"{{{{ secret.db.id }}}}\" }} }}\n"
            ),
        ),
        ("shop/own.sh", "{{ var.word }} {{ id }}"),
        (
            "modules/web/module.toml",
            "[inputs]\ngroups = { kind = [\"security_group\", \"cidr\"], many = true }\nrules = { type = \"table\" }\nuser_data = { type = \"text\" }\nsize = { type = \"int\", optional = true }\n[listener.a]\nload_balancer = \"arn:aws:x\"\nport = 80\nprotocol = \"HTTP\"\naction = { forward = \"arn:aws:y\" }\nrules = \"{{ input.rules }}\"\n[launch_template.a]\nimage = \"x\"\ntype = \"y\"\nsecurity_groups = \"{{ input.groups }}\"\nuser_data = \"{{ input.user_data }}\"\nroot_volume = { size = \"{{ input.size }}\" }\n[key_pair.a]\npublic_key = { file = \"own.pub\" }\n",
        ),
        ("modules/web/own.pub", "of the module"),
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "web/listener.a", "rules"),
        r#"{"x":{"priority":1,"match":{"path":"/"},"action":{"forward":"/target_group.own"}}}"#
    );
    let template = resource(&loaded, "web/launch_template.a");
    let known: &Known<'_> = &|_, _| Some("s-1".into());
    assert_eq!(
        json(&template.table(known).unwrap()),
        r#"{"image":"x","type":"y","security_groups":["/security_group.web"],"user_data":"hello s-1","root_volume":{}}"#
    );
    assert_eq!(
        property(&loaded, "web/key_pair.a", "public_key"),
        "\"of the module\""
    );
    let needs: Vec<String> = template
        .needs
        .iter()
        .map(|edge| edge.to.to_string())
        .collect();
    assert_eq!(needs, ["security_group.web", "secret.db"]);
}

#[test]
fn a_module_reaches_its_inputs_outputs() {
    let loaded = files(&[
        ("shop/stack.toml", &format!("{HEAD}[secret.db]\n[module.a]\nsource = \"../a\"\nsecret = \"secret.db\"\n[ssm_parameter.x]\nname = \"x\"\nvalue = \"{{{{ module.a.arn }}}}\"\nafter = [\"module.a\"]\n")),
        (
            "a/module.toml",
            "[inputs]\nsecret = { kind = \"secret\" }\n[ssm_parameter.a]\nname = \"a\"\nvalue = \"{{ input.secret.id }}\"\n[outputs]\narn = \"{{ input.secret.arn }}\"\n",
        ),
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "a/ssm_parameter.a", "value"),
        "\"(known after secret.db)\""
    );
    let needs: Vec<String> = resource(&loaded, "ssm_parameter.x")
        .needs
        .iter()
        .map(|edge| format!("{} {}", edge.to, edge.field))
        .collect();
    assert_eq!(needs, ["a/ssm_parameter.a after", "secret.db value"]);
}

#[test]
fn inputs_merge_as_the_properties_they_are_passed_to() {
    let loaded = files(&[
        ("shop/stack.toml", &format!("{HEAD}stages = [\"one\", \"two\"]\nstage = \"two\"\n")),
        (
            "shop/one.toml",
            "[module.web]\nsource = \"../web\"\n[module.web.rules]\na = { priority = 1, match = { path = \"/a\" }, action = { respond = { status = 403 } } }\nb = { priority = 2, match = { path = \"/b\" }, action = { respond = { status = 403 } } }\n",
        ),
        ("shop/two.toml", "[module.web.rules.a]\naction = { redirect = { port = 443 } }\n[module.web]\nunset = [\"rules.b\"]\n"),
        (
            "web/module.toml",
            "[inputs]\nrules = { type = \"table\" }\n[listener.a]\nload_balancer = \"arn:aws:x\"\nport = 80\nprotocol = \"HTTP\"\naction = { forward = \"arn:aws:y\" }\nrules = \"{{ input.rules }}\"\n",
        ),
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "web/listener.a", "rules"),
        r#"{"a":{"priority":1,"match":{"path":"/a"},"action":{"redirect":{"port":443}}}}"#
    );
    assert_eq!(
        resource(&loaded, "web/listener.a").said["rules"]
            .0
            .as_deref(),
        Some("two")
    );
}

#[test]
fn what_a_stage_brings_by_an_input_is_that_stages() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}stages = [\"one\", \"two\", \"three\"]\nstage = \"three\"\n"),
        ),
        (
            "shop/one.toml",
            "[module.keys]\nsource = \"../keys\"\nkeys = { a = \"1\", b = \"2\" }\n[secret.db]\n",
        ),
        (
            "shop/two.toml",
            "[module.keys.keys]\nb = \"4\"\nc = \"3\"\n[secret.other]\n",
        ),
        ("shop/three.toml", "remove = [\"secret.db\"]\n"),
        (
            "keys/module.toml",
            "[inputs]\nkeys = { type = \"table\" }\n\
             [ssm_parameter.key]\nfor_each = \"{{ input.keys }}\"\nname = \"x-{{ each.key }}\"\nvalue = \"{{ each.value }}\"\n\
             [secret.many]\nwhen = \"{{ input.keys | length > 2 }}\"\n",
        ),
    ])
    .loaded();
    let since = |address: &str| resource(&loaded, address).since.clone().unwrap();
    let said = |address: &str, property: &str| {
        let said = &resource(&loaded, address).said[property];
        said.0.clone().unwrap()
    };
    assert_eq!(since("keys/ssm_parameter.key.a"), "one");
    assert_eq!(since("keys/ssm_parameter.key.c"), "two");
    assert_eq!(since("keys/secret.many"), "two");
    assert_eq!(since("secret.other"), "two");
    assert_eq!(said("keys/ssm_parameter.key.b", "value"), "two");
}
