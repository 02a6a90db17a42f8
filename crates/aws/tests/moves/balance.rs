//! Traffic that moves: targets, rules, certificates, what stands behind and before a listener.

use std::collections::BTreeMap;

use terrace_core::plan::Action;

use super::stand::{Site, describe};
use super::world;

const NETWORK: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[internet_gateway.main]
vpc = "vpc.main"

[subnet.public]
for_each = { a = "10.0.0.0/24", b = "10.0.1.0/24" }
vpc      = "vpc.main"
zone     = "{{ each.key }}"
cidr     = "{{ each.value }}"

[security_group.web]
vpc = "vpc.main"

[load_balancer.web]
subnets         = ["subnet.public.*"]
security_groups = ["security_group.web"]
"#;

const MACHINES: &str = r#"
[instance.web]
for_each = ["a", "b"]
image     = "al2023"
type      = "t3.micro"
subnet    = "subnet.public.{{ each.key }}"
stateless = true
"#;

fn listener(rest: &str) -> String {
    format!(
        "[listener.web]\nload_balancer = \"load_balancer.web\"\nport = 80\nprotocol = \"HTTP\"\n{rest}\n"
    )
}

fn group(rest: &str) -> String {
    format!("[target_group.web]\nvpc = \"vpc.main\"\n{rest}\n")
}

const FORWARD: &str = "action = { forward = \"target_group.web\" }";

/// How many times each of these was called since `before`.
fn calls(site: &Site, before: &BTreeMap<String, u64>, actions: &[&str]) -> Vec<u64> {
    let now = site.cx.door().calls();
    let count = |all: &BTreeMap<String, u64>, action: &str| {
        let action = format!("elasticloadbalancing:{action}");
        all.get(&action).copied().unwrap_or_default()
    };
    let new = |action: &&str| count(&now, action) - count(before, action);
    actions.iter().map(new).collect()
}

/// The live facts of the one resource of a kind.
async fn live(site: &Site, kind: &str) -> serde_json::Value {
    let inventory = site.discover().await.unwrap();
    let mut found = inventory
        .ours
        .iter()
        .filter(|found| found.live.kind() == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "more than one {kind}");
    one.live.facts().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_come_and_go() {
    let world = world().await;
    let web = |machines: &str, targets: &str| {
        let group = group(&format!("port = 8080\ntargets = {targets}"));
        format!("{NETWORK}{machines}{group}{}", listener(FORWARD))
    };
    let one = world.at(&web(MACHINES, "[\"instance.web.a\"]")).await;
    assert_eq!(live(&one, "target_group").await["registered"], 1);
    let both = world.at(&web(MACHINES, "[\"instance.web.*\"]")).await;
    let group = live(&both, "target_group").await;
    assert_eq!(
        (&group["registered"], &group["healthy"]),
        (&2.into(), &2.into())
    );
    // The one that goes has left before it is terminated.
    let fewer = MACHINES.replace("\"a\", \"b\"", "\"b\"");
    let site = world.site(&web(&fewer, "[\"instance.web.b\"]")).await;
    let (plan, _) = site.plan(false).await.unwrap();
    let place = |word: &str| {
        plan.steps
            .iter()
            .position(|step| step.action.word() == word)
    };
    let (leave, end) = (place("change"), place("delete"));
    let shrink = plan
        .steps
        .iter()
        .position(|step| matches!(step.action, Action::Shrink));
    assert!(
        plan.steps[end.unwrap()]
            .needs
            .contains(&shrink.or(leave).unwrap()),
        "{}",
        describe(&plan)
    );
    site.apply().await.unwrap();
    site.settled().await.unwrap();
    let group = live(&site, "target_group").await;
    assert_eq!(
        (&group["registered"], &group["healthy"]),
        (&1.into(), &1.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_group_are_left_alone() {
    let world = world().await;
    let toml = format!("{NETWORK}{}{}", group("port = 8080"), listener(FORWARD));
    let site = world.at(&toml).await;
    let group = live(&site, "target_group").await;
    let inventory = site.discover().await.unwrap();
    let subnet = inventory
        .ours
        .iter()
        .find(|found| found.live.kind() == "subnet")
        .unwrap();
    let images = site
        .cx
        .ec2
        .describe_images()
        .owners("amazon")
        .send()
        .await
        .unwrap();
    let data = aws_sdk_ec2::types::RequestLaunchTemplateData::builder()
        .image_id(images.images()[0].image_id().unwrap())
        .instance_type(aws_sdk_ec2::types::InstanceType::T3Micro);
    let template = site
        .cx
        .ec2
        .create_launch_template()
        .launch_template_name("foreign");
    template
        .launch_template_data(data.build())
        .send()
        .await
        .unwrap();
    let template = aws_sdk_autoscaling::types::LaunchTemplateSpecification::builder()
        .launch_template_name("foreign")
        .version("$Latest");
    let scaling = site.cx.autoscaling.create_auto_scaling_group();
    let scaling = scaling
        .auto_scaling_group_name("foreign")
        .min_size(2)
        .max_size(2);
    let scaling = scaling.launch_template(template.build());
    let scaling = scaling.vpc_zone_identifier(subnet.live.id());
    let scaling = scaling.target_group_arns(group["id"].as_str().unwrap());
    scaling.send().await.unwrap();
    // They are counted, and not taken for ours.
    for _ in 0..50 {
        if live(&site, "target_group").await["registered"] == 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let group = live(&site, "target_group").await;
    assert_eq!(
        (&group["registered"], &group["targets"]),
        (&2.into(), &serde_json::json!({}))
    );
    site.settled().await.unwrap();
}

fn rules(places: [(&str, u16); 3]) -> String {
    let rule = |(name, priority): (&str, u16)| {
        format!(
            "{name} = {{ priority = {priority}, match = {{ path = \"/{name}\" }}, action = {{ respond = {{ status = 404 }} }} }}\n"
        )
    };
    let rules: String = places
        .into_iter()
        .filter(|place| place.1 > 0)
        .map(rule)
        .collect();
    let action = "action = { redirect = { protocol = \"HTTPS\", port = 443 } }";
    let rules = format!("{action}\n[listener.web.rules]\n{rules}");
    format!("{NETWORK}{}", listener(&rules))
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_change_places_at_once() {
    const CALLS: &[&str] = &[
        "SetRulePriorities",
        "CreateRule",
        "ModifyRule",
        "DeleteRule",
    ];
    let world = world().await;
    world.at(&rules([("a", 10), ("b", 20), ("c", 0)])).await;
    for (places, expected) in [
        ([("a", 20), ("b", 10), ("c", 0)], [1, 0, 0, 0]),
        // A name is for people.
        ([("a", 20), ("b", 10), ("c", 0)], [0, 0, 0, 0]),
        // One before the others: the last moves on to a new place, its old rule is the new one.
        ([("c", 10), ("b", 20), ("a", 30)], [1, 1, 1, 0]),
        // One takes the place of another that goes: there are two of it until its old rule is dropped.
        ([("c", 0), ("b", 20), ("a", 10)], [0, 0, 1, 1]),
    ] {
        let site = world.site(&rules(places)).await;
        site.apply().await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            calls(&site, &BTreeMap::new(), CALLS),
            expected,
            "{places:?}"
        );
        site.settled()
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_turns_to_https_and_back() {
    const PROOF: &str = r#"
[hosted_zone.main]
name = "shop.example"

[certificate.main]
domain     = "www.shop.example"
validation = "hosted_zone.main"

[certificate.other]
domain     = "old.shop.example"
validation = "hosted_zone.main"
"#;
    let world = world().await;
    let plain = format!(
        "{NETWORK}{PROOF}{}{}",
        group("port = 8080"),
        listener(FORWARD)
    );
    world.at(&plain).await;
    let secure = plain.replace(
        "protocol = \"HTTP\"",
        "protocol = \"HTTPS\"\ncertificate = \"certificate.main\"\ncertificates = [\"certificate.other\"]",
    );
    let site = world.at(&secure).await;
    let live_one = live(&site, "listener").await;
    assert_eq!(live_one["certificates"].as_array().unwrap().len(), 1);
    let site = world.at(&plain).await;
    let live_one = live(&site, "listener").await;
    assert!(live_one["certificate"].is_null() && live_one["ssl_policy"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_a_listener_is_replaced_beneath_it() {
    let world = world().await;
    let toml = |port: u16| {
        let group = group(&format!("port = {port}"));
        format!("{NETWORK}{group}{}", listener(FORWARD))
    };
    world.at(&toml(8080)).await;
    let site = world.at(&toml(9090)).await;
    let (listener, group) = (
        live(&site, "listener").await,
        live(&site, "target_group").await,
    );
    assert_eq!(listener["action"]["forward"], group["id"]);
}

/// Whether the replacement of the listener begins with the new one.
async fn new_first(site: &Site) -> bool {
    let (plan, _) = site.plan(false).await.unwrap();
    let place = |word: &str| {
        let is =
            |step: &terrace_core::plan::Step| step.kind == "listener" && step.action.word() == word;
        plan.steps
            .iter()
            .position(is)
            .unwrap_or_else(|| panic!("{}", describe(&plan)))
    };
    plan.steps[place("delete")]
        .needs
        .contains(&place("replace"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_before_a_listener_is_replaced_without_a_gap_if_its_targets_are_too() {
    let world = world().await;
    let toml = |balancer: &str, target: &str| {
        let network = format!("{NETWORK}{balancer}\n");
        format!(
            "{network}{}{}",
            group(&format!("port = 8080\n{target}")),
            listener(FORWARD)
        )
    };
    world.at(&toml("", "")).await;
    // A target group has one load balancer.
    let again = world.site(&toml("generation = 2", "")).await;
    assert!(!new_first(&again).await);
    let both = world.site(&toml("generation = 2", "generation = 2")).await;
    assert!(new_first(&both).await);
    both.apply().await.unwrap();
    both.settled().await.unwrap();
    let third = world.site(&toml("generation = 3", "generation = 2")).await;
    third.apply().await.unwrap();
    third.settled().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_is_aws_s_own() {
    const KEY: &str = "deletion_protection.enabled";
    let world = world().await;
    let protected = world.at(&format!("{NETWORK}protect = true\n")).await;
    let balancer = live(&protected, "load_balancer").await;
    assert_eq!(balancer["attributes"][KEY], "true");
    // Somebody takes it off by hand.
    let attribute = aws_sdk_elasticloadbalancingv2::types::LoadBalancerAttribute::builder()
        .key(KEY)
        .value("false");
    let call = protected.cx.elb.modify_load_balancer_attributes();
    let call = call.load_balancer_arn(balancer["id"].as_str().unwrap());
    call.attributes(attribute.build()).send().await.unwrap();
    assert!(protected.settled().await.is_err());
    protected.apply().await.unwrap();
    assert_eq!(
        live(&protected, "load_balancer").await["attributes"][KEY],
        "true"
    );
    let open = world.at(NETWORK).await;
    assert_eq!(
        live(&open, "load_balancer").await["attributes"][KEY],
        "false"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_go_by_a_network_load_balancer() {
    let world = world().await;
    let network = format!("{NETWORK}type = \"network\"\n");
    let group = group(
        "port = 5432\nprotocol = \"TCP\"\nstickiness = {}\npreserve_client_ip = false\nproxy_protocol = true",
    );
    let listener = listener(FORWARD)
        .replace("\"HTTP\"", "\"TCP\"")
        .replace("80", "5432");
    let site = world
        .at(&format!("{network}cross_zone = true\n{group}{listener}"))
        .await;
    assert_eq!(
        live(&site, "target_group").await["health_check"]["protocol"],
        "TCP"
    );
    world.at(&format!("{network}{group}{listener}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_is_shared_by_weight() {
    let world = world().await;
    let groups = "[target_group.blue]\nvpc = \"vpc.main\"\nport = 8080\n[target_group.green]\nvpc = \"vpc.main\"\nport = 8080\n";
    let share = |blue: u16, green: u16| {
        let blue = format!("blue = {{ target = \"target_group.blue\", weight = {blue} }}");
        let green = format!("green = {{ target = \"target_group.green\", weight = {green} }}");
        let forward = format!("{{ weighted = {{ {blue}, {green} }}, stickiness = \"1h\" }}");
        let action = format!("action = {{ forward = {forward} }}");
        format!("{NETWORK}{groups}{}", listener(&action))
    };
    world.at(&share(100, 0)).await;
    let site = world.at(&share(50, 50)).await;
    let listener = live(&site, "listener").await;
    let weights = listener["action"]["forward"]["weighted"]
        .as_object()
        .unwrap()
        .clone();
    assert!(weights.values().all(|weight| weight == 50), "{weights:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_leads_to_a_load_balancer() {
    let world = world().await;
    let zone = "[hosted_zone.main]\nname = \"shop.example\"\n";
    let record = "[record.site]\nzone = \"hosted_zone.main\"\nname = \"shop.example\"\ntarget = \"load_balancer.web\"\n";
    let site = world
        .at(&format!("{NETWORK}name = \"Shop\"\n{zone}{record}"))
        .await;
    let (balancer, record) = (
        live(&site, "load_balancer").await,
        live(&site, "record").await,
    );
    let alias = &record["sets"][0]["to"]["Alias"];
    assert_eq!(
        (&alias["name"], &alias["zone"]),
        (&balancer["dns_name"], &balancer["zone_id"])
    );
    // The name goes before what it leads to.
    let (plan, _) = site.plan(true).await.unwrap();
    let place = |kind: &str| {
        let is = |step: &terrace_core::plan::Step| step.kind == kind;
        plan.steps.iter().position(is).unwrap()
    };
    assert!(
        plan.steps[place("load_balancer")]
            .needs
            .contains(&place("record"))
    );
    site.destroy().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_may_be_addresses() {
    let world = world().await;
    let group = group("port = 8080\ntype = \"ip\"\ntargets = [\"instance.web.a\", \"10.0.1.77\"]");
    let site = world
        .at(&format!("{NETWORK}{MACHINES}{group}{}", listener(FORWARD)))
        .await;
    let targets = live(&site, "target_group").await["targets"]
        .as_object()
        .unwrap()
        .clone();
    assert_eq!(targets.len(), 2, "{targets:?}");
    assert!(targets.contains_key("10.0.1.77"));
    site.destroy().await.unwrap();
}
