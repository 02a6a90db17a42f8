//! A group of machines behind a load balancer, as it is renewed, moved and mended.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types::{
    ForwardActionConfig, TargetHealth, TargetHealthDescription, TargetHealthStateEnum,
};
use terrace_core::plan::Action;

use super::stand::{Site, describe};
use super::{World, world};

/// What stands still while the group moves.
const AROUND: &str = r#"
[vpc.main]
cidr = "10.0.0.0/16"

[internet_gateway.main]
vpc = "vpc.main"

[subnet.a]
vpc  = "vpc.main"
zone = "a"
cidr = "10.0.0.0/24"

[subnet.b]
vpc  = "vpc.main"
zone = "b"
cidr = "10.0.1.0/24"

[security_group.lb]
vpc = "vpc.main"

[load_balancer.web]
subnets         = ["subnet.a", "subnet.b"]
security_groups = ["security_group.lb"]

[listener.http]
load_balancer = "load_balancer.web"
port          = 80
protocol      = "HTTP"
action        = { forward = "target_group.web" }
"#;

const SERVERS: &str = r#"
[security_group.web]
vpc = "vpc.main"

[target_group.web]
vpc  = "vpc.main"
port = 8080

[launch_template.web]
image           = "al2023"
type            = "t3.micro"
security_groups = ["security_group.web"]
user_data       = "one"

[autoscaling_group.web]
launch_template = "launch_template.web"
subnets         = ["subnet.a", "subnet.b"]
target_groups   = ["target_group.web"]
min             = 2
max             = 4
"#;

const POLICIES: &str = r#"
[autoscaling_group.web.policies.requests]
type   = "target_tracking"
metric = "requests_per_target"
target = 500

[autoscaling_group.web.policies.burst]
type   = "step"
steps  = [{ from = 0, to = 15, by = 1 }, { from = 15, by = 2 }]
warmup = "3m"

[alarm.busy]
namespace  = "AWS/EC2"
metric     = "CPUUtilization"
dimensions = { AutoScalingGroupName = "{{ autoscaling_group.web.name }}" }
statistic  = "Average"
above      = 75
period     = "60s"
periods    = 2
actions    = ["{{ autoscaling_group.web.policies.burst.arn }}"]
"#;

fn stack(servers: &str) -> String {
    format!("{AROUND}{servers}")
}

/// The group as AWS has it.
async fn group(site: &Site) -> aws_sdk_autoscaling::types::AutoScalingGroup {
    let groups = site
        .cx
        .autoscaling
        .describe_auto_scaling_groups()
        .send()
        .await
        .unwrap();
    groups.auto_scaling_groups.unwrap().remove(0)
}

/// Its machines in service.
async fn members(site: &Site) -> BTreeSet<String> {
    let members = group(site).await.instances.unwrap_or_default();
    let serving = members.into_iter().filter(|member| {
        let state = member.lifecycle_state.as_ref();
        state.is_some_and(|state| state.as_str() == "InService")
    });
    serving.filter_map(|member| member.instance_id).collect()
}

/// The target groups that have a share of what the listener hears.
async fn led_to(site: &Site) -> Vec<String> {
    let elb = &site.cx.elb;
    let balancers = elb.describe_load_balancers().send().await.unwrap();
    let balancer = balancers.load_balancers()[0].load_balancer_arn.clone();
    let call = elb.describe_listeners().set_load_balancer_arn(balancer);
    let listeners = call.send().await.unwrap();
    let action = &listeners.listeners()[0].default_actions()[0];
    let shares = action.forward_config();
    let shares = shares.map(ForwardActionConfig::target_groups);
    let shares = shares.unwrap_or_default().iter();
    let shares = shares.filter(|share| share.weight != Some(0));
    let groups: Vec<String> = shares
        .filter_map(|share| share.target_group_arn.clone())
        .collect();
    match groups.as_slice() {
        [] => action.target_group_arn.iter().cloned().collect(),
        _ => groups,
    }
}

/// Whether the listener leads to a target that is healthy, in each group that has a share.
async fn answers(site: &Site) -> bool {
    let mut groups = led_to(site).await;
    loop {
        let mut ill = groups.is_empty();
        for group in &groups {
            let call = site.cx.elb.describe_target_health().target_group_arn(group);
            let health = call.send().await;
            let healthy = |target: &TargetHealthDescription| {
                let health = target.target_health();
                health.and_then(TargetHealth::state) == Some(&TargetHealthStateEnum::Healthy)
            };
            let targets =
                health.map(|health| health.target_health_descriptions.unwrap_or_default());
            ill |= !targets.unwrap_or_default().iter().any(healthy);
        }
        // It may have moved on between the two looks.
        let now = led_to(site).await;
        if !ill || now == groups {
            return !ill;
        }
        groups = now;
    }
}

async fn version(site: &Site) -> String {
    group(site).await.launch_template.unwrap().version.unwrap()
}

impl World {
    /// Tries to apply; answers what went wrong.
    async fn fails(&self, toml: &str) -> String {
        self.site(toml).await.apply().await.unwrap_err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_stands_behind_its_load_balancer_and_goes_with_it() {
    let world = world().await;
    let before = world.stand.census().await.unwrap();
    let site = world.at(&stack(&format!("{SERVERS}{POLICIES}"))).await;
    let health = site.cx.elb.describe_target_groups().send().await.unwrap();
    let arn = health.target_groups()[0].target_group_arn.clone().unwrap();
    let health = site
        .cx
        .elb
        .describe_target_health()
        .target_group_arn(arn)
        .send()
        .await
        .unwrap();
    let healthy = |one: &aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
        one.target_health()
            .and_then(|health| health.state())
            .map(|state| state.as_str().to_owned())
    };
    let health: Vec<_> = health
        .target_health_descriptions()
        .iter()
        .filter_map(healthy)
        .collect();
    assert_eq!(health, ["healthy", "healthy"]);
    site.destroy().await.unwrap();
    assert_eq!(world.stand.census().await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_renews_all_machines() {
    let world = world().await;
    let site = world.at(&stack(SERVERS)).await;
    let old = members(&site).await;
    let changed = stack(&SERVERS.replace("\"one\"", "\"two\""));
    let (plan, _) = world.site(&changed).await.plan(false).await.unwrap();
    let steps: Vec<String> = plan
        .steps
        .iter()
        .map(|step| step.address.to_string())
        .collect();
    assert_eq!(
        steps,
        ["launch_template.web", "autoscaling_group.web"],
        "{}",
        describe(&plan)
    );
    let site = world.at(&changed).await;
    let new = members(&site).await;
    assert_eq!(new.len(), 2);
    assert!(old.is_disjoint(&new), "{old:?} {new:?}");
    assert_eq!(version(&site).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn sick_machines_are_taken_back_and_told_of() {
    let world = world().await;
    let site = world.at(&stack(SERVERS)).await;
    let old = members(&site).await;
    // The emulator's machines are sick that say so.
    let sick = stack(&SERVERS.replace("\"one\"", "\"# terrace-sandbox-unhealthy\""));
    let error = world.fails(&sick).await;
    assert!(
        error.contains("failed, and the old ones are back"),
        "{error}"
    );
    assert!(error.contains("healthy in time"), "{error}");
    assert!(!old.is_disjoint(&members(&site).await));
    assert_eq!(version(&site).await, "1");
    // It is still to be done, and nothing is to be replaced for it.
    let (plan, _) = world.site(&sick).await.plan(false).await.unwrap();
    let words: Vec<&str> = plan.steps.iter().map(|step| step.action.word()).collect();
    assert_eq!(words, ["update"], "{}", describe(&plan));
    assert!(
        plan.notes
            .iter()
            .any(|note| note.text.contains("old ones are back"))
    );
    let site = world
        .at(&stack(&SERVERS.replace("\"one\"", "\"two\"")))
        .await;
    assert_eq!(version(&site).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_cannot_start_end_the_wait() {
    let world = world().await;
    let keyed = SERVERS.replace("user_data       = \"one\"", "key_pair = \"nobody\"");
    let error = world.fails(&stack(&keyed)).await;
    assert!(error.contains("it cannot start machines"), "{error}");
    let site = world.at(&stack(SERVERS)).await;
    assert_eq!(members(&site).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_follow_the_group_to_other_subnets() {
    let world = world().await;
    let site = world.at(&stack(SERVERS)).await;
    let old = members(&site).await;
    let more = r#"
[subnet.private]
for_each = { a = "10.0.2.0/24", b = "10.0.3.0/24" }
vpc      = "vpc.main"
zone     = "{{ each.key }}"
cidr     = "{{ each.value }}"
"#;
    let there = "subnets         = [\"subnet.a\", \"subnet.b\"]\ntarget_groups";
    let moved = SERVERS.replace(there, "subnets = [\"subnet.private.*\"]\ntarget_groups");
    let site = world.at(&format!("{}{more}", stack(&moved))).await;
    assert!(old.is_disjoint(&members(&site).await));
    // And back again, the others going for good.
    let site = world.at(&stack(SERVERS)).await;
    let subnets = site.cx.ec2.describe_subnets().send().await.unwrap();
    let ours = subnets.subnets().iter().filter(|subnet| {
        subnet
            .cidr_block()
            .is_some_and(|cidr| cidr.starts_with("10.0."))
    });
    assert_eq!(ours.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_goes_once_no_machine_has_it() {
    let world = world().await;
    world.at(&stack(SERVERS)).await;
    let other = SERVERS.replace("security_group.web", "security_group.other");
    let other = stack(&other.replace("[\"security_group.web\"]", "[\"security_group.other\"]"));
    let (plan, _) = world.site(&other).await.plan(false).await.unwrap();
    let at = |address: &str, delete: bool| {
        plan.steps
            .iter()
            .position(|step| {
                step.address.to_string() == address
                    && matches!(step.action, Action::Delete(_)) == delete
            })
            .unwrap()
    };
    let (gone, renewed) = (
        at("security_group.web", true),
        at("autoscaling_group.web", false),
    );
    assert!(
        plan.steps[gone].needs.contains(&renewed),
        "{}",
        describe(&plan)
    );
    world.at(&other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_made_and_not_counted_is_counted() {
    let world = world().await;
    let site = world.at(&stack(SERVERS)).await;
    let templates = site
        .cx
        .ec2
        .describe_launch_templates()
        .send()
        .await
        .unwrap();
    let id = templates.launch_templates()[0]
        .launch_template_id
        .clone()
        .unwrap();
    // As an apply leaves it that is cut short between its two calls.
    let changed = stack(&SERVERS.replace("\"one\"", "\"two\""));
    world.at(&changed).await;
    let modify = site.cx.ec2.modify_launch_template().launch_template_id(&id);
    modify.default_version("1").send().await.unwrap();
    let site = world.at(&changed).await;
    let templates = site
        .cx
        .ec2
        .describe_launch_templates()
        .send()
        .await
        .unwrap();
    let template = &templates.launch_templates()[0];
    assert_eq!(
        (
            template.default_version_number,
            template.latest_version_number
        ),
        (Some(2), Some(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_of_an_older_version_is_renewed_it_alone() {
    let world = world().await;
    world.at(&stack(SERVERS)).await;
    let changed = stack(&SERVERS.replace("\"one\"", "\"two\""));
    let site = world.at(&changed).await;
    let right = members(&site).await;
    // One more is started while somebody has set the group back, and the group is set on again.
    let template = group(&site).await.launch_template.unwrap();
    let update = |version: &str| {
        let template = aws_sdk_autoscaling::types::LaunchTemplateSpecification::builder()
            .set_launch_template_id(template.launch_template_id.clone())
            .version(version);
        let call = site.cx.autoscaling.update_auto_scaling_group();
        call.launch_template(template.build())
    };
    let name = group(&site).await.auto_scaling_group_name.unwrap();
    update("1")
        .auto_scaling_group_name(&name)
        .desired_capacity(3)
        .send()
        .await
        .unwrap();
    while members(&site).await.len() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    update("2")
        .auto_scaling_group_name(&name)
        .send()
        .await
        .unwrap();
    let wrong: BTreeSet<String> = &members(&site).await - &right;
    assert_eq!(wrong.len(), 1);
    let (plan, _) = world.site(&changed).await.plan(false).await.unwrap();
    let fields: Vec<&str> = plan
        .steps
        .iter()
        .flat_map(|step| &step.changes)
        .map(|change| change.field)
        .collect();
    assert_eq!(fields, ["launch_template"], "{}", describe(&plan));
    let site = world.at(&changed).await;
    let now = members(&site).await;
    assert!(
        right.is_subset(&now) && now.is_disjoint(&wrong),
        "{right:?} {wrong:?} {now:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_not_wanted_any_more_gives_way() {
    let world = world().await;
    let site = world.at(&stack(SERVERS)).await;
    let name = group(&site).await.auto_scaling_group_name.unwrap();
    let id = group(&site)
        .await
        .launch_template
        .unwrap()
        .launch_template_id
        .unwrap();
    let image = site
        .cx
        .ec2
        .describe_launch_template_versions()
        .launch_template_id(&id)
        .send()
        .await
        .unwrap();
    let image = image.launch_template_versions()[0]
        .launch_template_data
        .clone()
        .unwrap()
        .image_id
        .unwrap();
    let sick = aws_sdk_ec2::types::RequestLaunchTemplateData::builder()
        .image_id(image)
        .instance_type("t3.micro".into())
        .user_data("IyB0ZXJyYWNlLXNhbmRib3gtdW5oZWFsdGh5");
    let made = site
        .cx
        .ec2
        .create_launch_template_version()
        .launch_template_id(&id);
    made.launch_template_data(sick.build())
        .send()
        .await
        .unwrap();
    world.sandbox.set_pace(5.0).await.unwrap();
    let template =
        aws_sdk_autoscaling::types::LaunchTemplateSpecification::builder().launch_template_id(&id);
    let to = aws_sdk_autoscaling::types::DesiredConfiguration::builder();
    let to = to.launch_template(template.version("2").build()).build();
    let start = site
        .cx
        .autoscaling
        .start_instance_refresh()
        .auto_scaling_group_name(&name);
    start.desired_configuration(to).send().await.unwrap();
    // The mend is not kept waiting until the renewal has failed.
    let mended = stack(&SERVERS.replace("\"one\"", "\"two\""));
    let (plan, _) = world.site(&mended).await.plan(false).await.unwrap();
    let words: Vec<&str> = plan.steps.iter().map(|step| step.action.word()).collect();
    assert_eq!(words, ["update", "update"], "{}", describe(&plan));
    world.sandbox.set_pace(0.05).await.unwrap();
    let site = world.at(&mended).await;
    assert_eq!(version(&site).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_target_group_takes_over() {
    let world = world().await;
    world.at(&stack(&format!("{SERVERS}{POLICIES}"))).await;
    let moved = SERVERS.replace("8080", "8081");
    let moved = stack(&format!("{moved}{POLICIES}"));
    // Meanwhile there is always one that answers.
    let site = world.site(&moved).await;
    let watch = async {
        loop {
            assert!(answers(&site).await);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = watch => {}
        done = site.apply() => drop(done.unwrap()),
    }
    site.settled().await.unwrap();
    let group = group(&site).await;
    assert_eq!(group.target_group_arns().len(), 1);
    let groups = site.cx.elb.describe_target_groups().send().await.unwrap();
    assert_eq!(groups.target_groups().len(), 1);
    assert_eq!(groups.target_groups()[0].port, Some(8081));
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_reach_machines_and_their_disks() {
    let world = world().await;
    let tagged = |team: &str| {
        let tags = format!("min             = 2\ntags            = {{ team = \"{team}\" }}\n");
        stack(&SERVERS.replace("min             = 2\n", &tags))
    };
    world.at(&tagged("a")).await;
    let site = world.at(&tagged("b")).await;
    let machines = site.cx.ec2.describe_instances().send().await.unwrap();
    for machine in machines
        .reservations()
        .iter()
        .flat_map(aws_sdk_ec2::types::Reservation::instances)
    {
        let tag = |key: &str| {
            machine
                .tags()
                .iter()
                .find(|tag| tag.key() == Some(key))
                .and_then(|tag| tag.value())
        };
        assert_eq!(tag("team"), Some("b"));
        assert_eq!(tag("terrace:stack"), Some("law/main"));
        assert_eq!(tag("terrace:member-of"), Some("launch_template.web"));
        assert_eq!(tag("terrace:id"), None);
    }
    let disks = site.cx.ec2.describe_volumes().send().await.unwrap();
    for disk in disks.volumes() {
        let keys: Vec<&str> = disk.tags().iter().filter_map(|tag| tag.key()).collect();
        assert!(
            keys.contains(&"team") && !keys.contains(&"terrace:id"),
            "{keys:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn protection_is_that_of_aws_too() {
    let world = world().await;
    let said = |on: bool| {
        stack(&SERVERS.replace("max             = 4", &format!("max = 4\nprotect = {on}")))
    };
    let site = world.at(&said(true)).await;
    let protection =
        |group: aws_sdk_autoscaling::types::AutoScalingGroup| group.deletion_protection.unwrap();
    assert_eq!(
        protection(group(&site).await).as_str(),
        "prevent-all-deletion"
    );
    let site = world.at(&said(false)).await;
    assert_eq!(protection(group(&site).await).as_str(), "none");
}
