//! The rules of the language, one after the other. Those that a kind owes are tested with the kind.

use std::time::Duration;

use terrace_core::address::Address;
use terrace_core::source::{Known, Loss, Stack};

use crate::stacks::{HEAD, files, json, ladder, one, property, resource};

fn addresses(stack: &Stack) -> Vec<String> {
    stack.resources.keys().map(ToString::to_string).collect()
}

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
fn a_name_close_to_another_gets_a_hint() {
    let folder = ladder(&[
        "[secret.database]\n[secret.web_1]\n",
        "[secret.databse]\n[secret.web_2]\n",
    ]);
    insta::assert_snapshot!(folder.notes());
}

// 7 and 8: values

#[test]
fn only_double_braces_are_special() {
    let loaded = one(
        "[secret.a]\nname = \"${#array[@]} {% if %} {# no comment #} {{ 'x' }}\\n\"\n[secret.b]\nname = \"# not a comment\"\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "secret.a", "name"),
        r#""${#array[@]} {% if %} {# no comment #} x\n""#
    );
}

#[test]
fn an_expression_alone_keeps_its_type() {
    let loaded = one(
        "[variables]\nsize = 20\non = true\nzones = [\"a\"]\n[db_instance.a]\nclass = \"c-{{ var.size }}\"\nstorage = \"{{ var.size * 2 }}\"\nmulti_az = \"{{ var.on }}\"\nzone = \"{{ none }}\"\nsecurity_groups = [\"{{ 'sg-1' if var.on else none }}\", \"{{ 'sg-2' if not var.on else none }}\"]\nengine_version = \"{{ '8' ~ '.0' }}\"\n",
    )
    .variable("size", "30")
    .loaded();
    assert_eq!(
        json(&resource(&loaded, "db_instance.a").table),
        r#"{"class":"c-30","storage":60,"multi_az":true,"security_groups":["sg-1"],"engine_version":"8.0"}"#
    );
}

#[test]
fn variables_of_the_command_line_are_read_as_their_default_is() {
    let text = "[variables]\nname = \"a\"\nsize = 1\nzones = []\n[db_instance.a]\nclass = \"{{ var.name }}\"\nstorage = \"{{ var.size }}\"\nsecurity_groups = \"{{ var.zones }}\"\n";
    let loaded = one(text)
        .variable("name", "7")
        .variable("size", "8")
        .variable("zones", "[\"sg-1\"]")
        .loaded();
    assert_eq!(
        json(&resource(&loaded, "db_instance.a").table),
        r#"{"class":"7","storage":8,"security_groups":["sg-1"]}"#
    );
}

// 9: names and outputs

#[test]
fn outputs_make_edges_and_what_is_foretold_is_known() {
    let loaded = one(
        "[s3_bucket.a]\n[secret.b]\nname = \"{{ s3_bucket.a.name }}-b\"\n[ssm_parameter.c]\nname = \"c\"\nvalue = \"{{ secret.b.name }}/{{ secret.b.id }}\"\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "secret.b", "name"),
        "\"shop-main-a-0a1b2c-b\""
    );
    assert_eq!(
        resource(&loaded, "secret.b").needs[0].to.to_string(),
        "s3_bucket.a"
    );
    assert_eq!(
        property(&loaded, "ssm_parameter.c", "value"),
        "\"(known after secret.b)\""
    );
}

#[test]
fn a_later_value_is_put_in_when_it_is_known() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}[secret.a]\n[ssm_parameter.c]\nname = \"c\"\nvalue = {{ template = \"x.sh\" }}\n[key_pair.b]\npublic_key = {{ template = \"x.sh\", with = {{ id = \"{{{{ secret.a.id }}}}\", both = [\"{{{{ secret.a.arn }}}}!\"] }} }}\n").replace("[ssm_parameter.c]\nname = \"c\"\nvalue = { template = \"x.sh\" }\n", "")
        ),
        ("shop/x.sh", "{{ id }} {{ both | join(',') }} {{ stack.name }}\n"),
    ])
    .loaded();
    let pair = resource(&loaded, "key_pair.b");
    let some: &Known<'_> = &|_, output| (output == "id").then(|| "i-1".into());
    assert_eq!(
        json(&pair.table(some).unwrap()),
        r#"{"public_key":"(known after secret.a)"}"#
    );
    let all: &Known<'_> = &|_, output| Some(format!("<{output}>").into());
    assert_eq!(
        json(&pair.table(all).unwrap()),
        r#"{"public_key":"<id> <arn>! shop\n"}"#
    );
}

#[test]
fn a_path_that_ends_early_leads_to_all_that_it_may_name() {
    let loaded = one(
        "[secret.a]\nfor_each = [\"x\", \"y-1\"]\n[ssm_parameter.b]\nfor_each = [\"x\", \"y-1\"]\nname = \"{{ each.key }}\"\nvalue = \"{{ secret.a[each.key].name }}\"\n[ssm_parameter.c]\nname = \"c\"\nvalue = \"{{ secret.a['y-1'].id }}\"\n[ssm_parameter.d]\nname = \"d\"\nvalue = \"{{ all(secret.a) | map(attribute='name') | join(',') }}\"\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "ssm_parameter.b.x", "value"),
        "\"shop-main-a-0a1b2c\""
    );
    assert_eq!(resource(&loaded, "ssm_parameter.b.x").needs.len(), 2);
    assert_eq!(
        property(&loaded, "ssm_parameter.c", "value"),
        "\"(known after secret.a.y-1)\""
    );
    assert_eq!(
        property(&loaded, "ssm_parameter.d", "value"),
        "\"shop-main-a-0a1b2c,shop-main-a-0a1b2c\""
    );
}

#[test]
fn keyed_children_and_self_have_outputs() {
    let loaded = one(
        "[autoscaling_group.web]\nlaunch_template = \"lt-0abc\"\nsubnets = []\nmin = 1\nmax = 2\npolicies.burst = { type = \"step\" }\n[ssm_parameter.a]\nname = \"x\"\nvalue = \"{{ autoscaling_group.web.policies.burst.arn }}\"\n[s3_bucket.b]\npolicy.statements = [{ effect = \"Allow\", actions = [], resources = [\"{{ self.arn }}/*\", \"{{ self.id }}\"] }]\n",
    )
    .loaded();
    let parameter = resource(&loaded, "ssm_parameter.a");
    let known: &Known<'_> = &|address, output| Some(format!("{address}:{output}").into());
    assert_eq!(
        json(parameter.table(known).unwrap().get("value").unwrap()),
        "\"autoscaling_group.web:policies.burst.arn\""
    );
    let bucket = resource(&loaded, "s3_bucket.b");
    assert!(bucket.needs.is_empty());
    assert_eq!(
        property(&loaded, "s3_bucket.b", "policy"),
        r#"{"statements":[{"effect":"Allow","actions":[],"resources":["arn:aws:s3:::shop-main-b-0a1b2c/*","(known after s3_bucket.b)"]}]}"#
    );
}

#[test]
fn functions() {
    let loaded = one(
        "[secret.a]\nname = \"{{ cidrsubnet('10.0.0.0/16', 8, 255) }} {{ cidrsubnet('fd00::/48', 16, 1) }} {{ cidrsubnet('0.0.0.0/0', 1, 1) }} {{ json({'a': [1, true, none]}) }}\"\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "secret.a", "name"),
        r#""10.0.255.0/24 fd00:0:0:1::/64 128.0.0.0/1 {\"a\":[1,true,null]}""#
    );
}

#[test]
fn what_exists_may_depend_on_the_stage() {
    let text = "[secret.a]\nwhen = \"{{ stage == 'two' }}\"\n[secret.b]\nfor_each = \"{{ [stack.environment] }}\"\n";
    let folder = ladder(&[text, ""]);
    assert_eq!(
        addresses(&folder.loaded().stack),
        ["secret.a", "secret.b.main"]
    );
    assert_eq!(
        addresses(&folder.stage("one").loaded().stack),
        ["secret.b.main"]
    );
}

// 10: references

#[test]
fn references_become_absolute_and_literals_stay() {
    let loaded = one(
        "[existing.security_group.office]\nname = \"office\"\n[security_group.a]\nvpc = \"vpc-0abc\"\n[security_group.b]\nfor_each = [\"x\", \"y\"]\nvpc = \"vpc-0abc\"\ningress.all = { from = [\"security_group.a\", \"10.0.0.0/8\", \"security_group.b.*\", \"existing.security_group.office\"] }\n",
    )
    .loaded();
    assert_eq!(
        property(&loaded, "security_group.b.x", "ingress"),
        r#"{"all":{"from":["/security_group.a","10.0.0.0/8","/security_group.b.x","/security_group.b.y","/existing.security_group.office"]}}"#
    );
    let needs = &resource(&loaded, "security_group.b.x").needs;
    let needs: Vec<String> = needs
        .iter()
        .map(|edge| format!("{} {}", edge.to, edge.late))
        .collect();
    assert_eq!(
        needs,
        [
            "security_group.a true",
            "security_group.b.y true",
            "existing.security_group.office true"
        ]
    );
}

#[test]
fn all_of_an_empty_for_each_is_none() {
    let loaded = one(
        "[variables]\nzones = []\n[subnet.a]\nfor_each = \"{{ var.zones }}\"\nvpc = \"vpc-0abc\"\ncidr = \"10.0.0.0/24\"\nzone = \"a\"\n[db_subnet_group.a]\nsubnets = [\"subnet.a.*\"]\n",
    )
    .loaded();
    assert_eq!(property(&loaded, "db_subnet_group.a", "subnets"), "[]");
}

#[test]
fn text_that_names_a_resource_gets_a_hint() {
    let folder = one(
        "[s3_bucket.assets]\nname = \"shop-assets\"\n[alarm.a]\nnamespace = \"x\"\nmetric = \"y\"\ndimensions = { Bucket = \"shop-assets\", Other = \"s3_bucket.assets\" }\n",
    );
    insta::assert_snapshot!(folder.notes());
}

// 11: text

#[test]
fn files_and_templates_are_text() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[variables]\ndomain = \"example.com\"\n[key_pair.a]\npublic_key = {{ file = \"keys/{{{{ stack.name }}}}.pub\" }}\n[key_pair.b]\npublic_key = {{ template = \"outer.sh\", with = {{ n = 3 }} }}\n[iam_role.a]\ntrust = {{}}\npolicies.own = {{ file = \"policy.json\" }}\n"
            ),
        ),
        ("shop/keys/shop.pub", "ssh {{ not a template }}\n"),
        ("shop/outer.sh", "{% for i in range(n) %}{{ i }}{% endfor %} ${#a[@]} {# kept #}\n{% include \"inner.sh\" %}\n"),
        ("shop/inner.sh", "{{ var.domain }}"),
        ("shop/policy.json", "{}"),
    ])
    .loaded();
    assert_eq!(
        property(&loaded, "key_pair.a", "public_key"),
        r#""ssh {{ not a template }}\n""#
    );
    assert_eq!(
        property(&loaded, "key_pair.b", "public_key"),
        r##""012 ${#a[@]} {# kept #}\nexample.com\n""##
    );
    assert_eq!(
        property(&loaded, "iam_role.a", "policies"),
        r#"{"own":"{}"}"#
    );
}

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

// 19: modules

#[test]
fn modules_in_modules_with_keys() {
    let loaded = files(&[
        (
            "shop/stack.toml",
            &format!(
                "{HEAD}[module.site]\nfor_each = {{ eu = \"10.0.0.0/16\", us = \"10.1.0.0/16\" }}\nsource = \"../site\"\ncidr = \"{{{{ each.value }}}}\"\nsecrets = {{ db = {{ name = \"x\", when = \"{{{{ each.key == 'eu' }}}}\" }} }}\ntags = {{ site = \"{{{{ each.key }}}}\" }}\nregion = \"us-east-1\"\n[ssm_parameter.a]\nname = \"a\"\nvalue = \"{{{{ module.site.eu.range }}}} {{{{ module.site.us.vpc.name }}}}\"\n[internet_gateway.a]\nvpc = \"module.site.us.vpc\"\n"
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

// 20 to 25: environments, look-ups, tags

const ENVIRONMENTS: &str = "
[variables]
domain = \"{{ stack.environment }}.example.com\"
size   = 1
[environments.prod]
account = \"210987654321\"
region  = \"eu-central-1\"
variables = { size = 3, domain = \"example.com\" }
[environments.pr-main]
[environments.\"pr-*\"]
ttl = \"8h\"
[db_instance.a]
class   = \"{{ var.domain }}/{{ stack.account }}/{{ stack.region }}\"
storage = \"{{ var.size }}\"
";

#[test]
fn environments_choose_account_region_and_variables() {
    let prod = one(ENVIRONMENTS).environment("prod").loaded();
    assert_eq!(
        property(&prod, "db_instance.a", "class"),
        "\"example.com/210987654321/eu-central-1\""
    );
    assert_eq!(property(&prod, "db_instance.a", "storage"), "3");
    assert!(!prod.stack.ephemeral);
    let pr = one(ENVIRONMENTS).environment("pr-42").loaded();
    assert_eq!(
        property(&pr, "db_instance.a", "class"),
        "\"pr-42.example.com/123456789012/eu-west-3\""
    );
    assert_eq!(pr.stack.ttl, Some(Duration::from_secs(8 * 3600)));
    assert!(pr.stack.ephemeral);
    let main = one(ENVIRONMENTS).environment("pr-main").loaded();
    assert_eq!(main.stack.ttl, None);
    assert_eq!(one("").loaded().stack.environment, "main");
}

#[test]
fn existing_is_looked_up() {
    let loaded = one(
        "[variables]\nzone = \"example.com\"\n[existing.hosted_zone.site]\nname = \"{{ var.zone }}\"\nprivate = false\nregion = \"us-east-1\"\n[existing.kms_key.a]\nfor_each = [\"x\"]\nalias = \"{{ each.key }}\"\n[record.a]\nzone = \"existing.hosted_zone.site\"\nname = \"a.{{ existing.hosted_zone.site.name }}\"\n",
    )
    .loaded();
    let all: Vec<String> = loaded
        .stack
        .existing
        .iter()
        .map(|(address, one)| format!("{address} {}", json(&one.filters)))
        .collect();
    assert_eq!(
        all,
        [
            r#"existing.hosted_zone.site {"name":"example.com","private":false}"#,
            r#"existing.kms_key.a.x {"alias":"x"}"#
        ]
    );
    assert_eq!(
        property(&loaded, "record.a", "name"),
        "\"(known after existing.hosted_zone.site)\""
    );
}

#[test]
fn tags_of_the_stack_and_of_a_resource() {
    let loaded = one("[tags]\nteam = \"shop\"\nenvironment = \"{{ stack.environment }}\"\n[secret.a]\ntags = { team = \"db\", of = \"{{ secret.b.id }}\" }\n[secret.b]\n").loaded();
    let tags = &resource(&loaded, "secret.a").common.tags;
    let tags: Vec<String> = tags
        .iter()
        .map(|(key, value)| format!("{key}={}", json(value)))
        .collect();
    assert_eq!(
        tags,
        [
            r#"team="db""#,
            r#"environment="main""#,
            r#"of="(known after secret.b)""#
        ]
    );
    assert_eq!(loaded.stack.tags["team"], "shop");
    assert_eq!(resource(&loaded, "secret.a").needs[0].field, "tags");
}
