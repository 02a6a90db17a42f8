//! Rules 20 to 25: environments, look-ups, tags.

use std::time::Duration;

use crate::stacks::{HEAD, files, json, one, property, resource};

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
    assert_eq!(pr.stack.ttl, Some(Duration::from_hours(8)));
    assert!(pr.stack.ephemeral);
    let main = one(ENVIRONMENTS).environment("pr-main").loaded();
    assert_eq!(main.stack.ttl, None);
    assert_eq!(one("").loaded().stack.environment, "main");
}

#[test]
fn existing_is_looked_up() {
    let loaded = one(
        "[variables]\nzone = \"example.com\"\n[existing.hosted_zone.site]\nname = \"{{ var.zone }}\"\nprivate = false\n[existing.kms_key.a]\nfor_each = [\"x\"]\nregion = \"us-east-1\"\nalias = \"{{ each.key }}\"\n[record.a]\nzone = \"existing.hosted_zone.site\"\nname = \"a.{{ existing.hosted_zone.site.name }}\"\n",
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
    let regions: Vec<_> = loaded
        .stack
        .existing
        .values()
        .map(|one| one.region.as_deref())
        .collect();
    assert_eq!(regions, [None, Some("us-east-1")]);
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

/// What a plan or the sandbox is told on the command line wins; an apply does not offer it.
#[test]
fn the_command_line_wins() {
    let stack =
        format!("{HEAD}stages = [\"one\", \"two\"]\nstage = \"two\"\n[variables]\nsize = 1\n");
    let one = "[db_instance.a]\nclass = \"{{ stage }}\"\nstorage = \"{{ var.size }}\"\n";
    let folder = files(&[
        ("shop/stack.toml", &stack),
        ("shop/one.toml", one),
        ("shop/two.toml", ""),
    ]);
    let loaded = folder.stage("one").variable("size", "5").loaded();
    assert_eq!(property(&loaded, "db_instance.a", "class"), "\"one\"");
    assert_eq!(property(&loaded, "db_instance.a", "storage"), "5");
}

#[test]
fn only_the_sandbox_has_an_account_without_a_pin() {
    let folder = |text: &str| {
        files(&[(
            "shop/stack.toml",
            &format!("name = \"shop\"\nregion = \"eu-west-3\"\n{text}"),
        )])
    };
    assert_eq!(folder("").loaded().stack.account, None);
    let text = "[secret.a]\nname = \"{{ stack.account }}\"\n";
    insta::assert_snapshot!(folder(text).report());
    let loaded = folder(text).sandbox().loaded();
    assert_eq!(property(&loaded, "secret.a", "name"), "\"123456789012\"");
}

/// Environments are rendered side by side: what only one of them reads is told in its own file, and what all of them
/// say is told once.
#[test]
fn every_environment_tells_its_own_mistakes_in_its_own_file() {
    let keys = "[variables]\nboot = \"a.sh\"\n[environments.a]\n[environments.b]\nvariables.boot = \"b.sh\"\n[environments.c]\nvariables.boot = \"c.sh\"\n[key_pair.k]\npublic_key = { template = \"{{ var.boot }}\" }\n[key_pair.all]\npublic_key = { template = \"all.sh\" }\n";
    let told = files(&[
        ("shop/stack.toml", &format!("{HEAD}{keys}")),
        ("shop/a.sh", "#!/bin/sh\necho {{ stack.nmae }}\n"),
        ("shop/b.sh", "#!/bin/sh\n\n\necho {{ stack.regoin }}\n"),
        ("shop/c.sh", "#!/bin/sh\n\necho {{ stack.stagge }}\n"),
        ("shop/all.sh", "echo {{ nobody }}\n"),
    ])
    .validated();
    let places: Vec<&str> = told
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--> "))
        .collect();
    let mut sorted = places.clone();
    sorted.sort_unstable();
    let each = [
        "shop/a.sh:2:9",
        "shop/all.sh:1:9",
        "shop/b.sh:4:9",
        "shop/c.sh:3:9",
    ];
    assert_eq!(sorted, each, "{told}");
}

/// Two names stand for a pattern, and the second is rendered only where it may meet the first.
#[test]
fn the_environments_of_a_pattern_must_not_share_a_name() {
    let told = |name: &str| {
        let toml = format!(
            "[environments.\"pr-*\"]\n[ssm_parameter.url]\nname = \"{name}\"\nvalue = \"x\"\n"
        );
        one(&toml).validated()
    };
    let shared = "the environments `pr-0` and `pr-1` would share this ssm_parameter";
    for name in ["/shop/url", "/shop/pr-0/url"] {
        let told = told(name);
        assert!(told.contains(shared), "{told}");
    }
    assert_eq!(told("/shop/{{ stack.environment }}/url"), "");
}
