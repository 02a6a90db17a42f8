//! Rules 7 to 11: expressions, names, references, text.

use terrace_core::source::Known;

use crate::stacks::{HEAD, addresses, files, json, ladder, one, property, resource};

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

#[test]
fn none_has_a_default() {
    let loaded =
        one("[secret.a]\nname = \"{{ none | default('x') }}{{ 'y' | d('z') }}\"\n").loaded();
    assert_eq!(property(&loaded, "secret.a", "name"), "\"xy\"");
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
        r#""012 ${#a[@]} {# kept #}\nexample.com\n""#
    );
    assert_eq!(
        property(&loaded, "iam_role.a", "policies"),
        r#"{"own":"{}"}"#
    );
}

#[test]
fn a_stack_may_cross_threads() {
    fn crosses<T: Send + Sync>() {}
    crosses::<terrace_core::source::Loaded>();
    crosses::<terrace_core::source::Report>();
}

/// What fails only once the outputs are known is told then, at its place, and all of it.
#[test]
fn a_later_value_may_fail() {
    let loaded = one(
        "[secret.a]\n[alarm.a]\nnamespace = \"x\"\nmetric = \"y\"\nactions = [\"{{ cidrsubnet(secret.a.id, 1, 0) }}\", \"{{ secret.a.id }}\", \"{{ secret.a.id.x }}\"]\n",
    )
    .loaded();
    let known: &Known<'_> = &|_, _| Some("id".into());
    let faults = resource(&loaded, "alarm.a").table(known).unwrap_err();
    let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "cidrsubnet: `id` is no range such as 10.0.0.0/16",
            "`secret.a.id.x` has no value"
        ]
    );
    assert_eq!(
        loaded
            .sources
            .place(faults[0].at.unwrap())
            .unwrap()
            .to_string()
            .rsplit('/')
            .next(),
        Some("stack.toml:8:12")
    );
}
